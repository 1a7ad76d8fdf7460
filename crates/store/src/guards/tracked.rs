//! A map that can forget: what a refused change has put in is taken out again.

use std::collections::HashMap;
use std::hash::Hash;

/// A map that can forget what the change at hand has put in.
pub(crate) struct Tracked<K, V> {
    /// What stands now.
    pub(crate) now: HashMap<K, V>,
    before: Vec<(K, Option<V>)>,
}

impl<K, V> Default for Tracked<K, V> {
    fn default() -> Self {
        Self {
            now: HashMap::new(),
            before: Vec::new(),
        }
    }
}

impl<K: Eq + Hash + Clone, V> Tracked<K, V> {
    pub(crate) fn get(&self, key: &K) -> Option<&V> {
        self.now.get(key)
    }

    pub(crate) fn set(&mut self, key: K, value: V) {
        let before = self.now.insert(key.clone(), value);
        self.before.push((key, before));
    }

    pub(crate) fn remove(&mut self, key: K) {
        if let Some(before) = self.now.remove(&key) {
            self.before.push((key, Some(before)));
        }
    }

    pub(crate) fn keep(&mut self) {
        self.before.clear();
    }

    pub(crate) fn undo(&mut self) {
        while let Some((key, before)) = self.before.pop() {
            match before {
                Some(value) => self.now.insert(key, value),
                None => self.now.remove(&key),
            };
        }
    }
}
