//! Decisions remembered: facts are few, so the same questions come again and again.

use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};
use std::sync::{Arc, PoisonError, RwLock};

use crate::decision::Decision;
use crate::facts::Facts;

/// Parts of the cache with a lock each, so that threads seldom wait for one another.
const SHARDS: usize = 16;
/// Decisions kept in each part. When one is full it is emptied: the next questions fill it again in
/// microseconds, and nothing has to be counted on the way of a hit.
const SHARD_CAPACITY: usize = 1024;

/// Which rules were in force, and the facts. Dates between which no rule begins or ends share entries.
type Key = (usize, Facts);

/// A bounded memory of decisions. It belongs to one policy set and goes with it.
pub(crate) struct DecisionCache {
    hasher: RandomState,
    shards: Vec<RwLock<HashMap<Key, Arc<Decision>>>>,
}

impl DecisionCache {
    pub(crate) fn new() -> Self {
        Self {
            hasher: RandomState::new(),
            shards: (0..SHARDS).map(|_| RwLock::default()).collect(),
        }
    }

    /// The decision remembered for a key, or the one now made, which is remembered.
    pub(crate) fn get_or_decide(&self, key: Key, decide: impl FnOnce() -> Decision) -> Arc<Decision> {
        let shard = self.shard(&key);
        // A map left by a panicking thread is whole: entries are inserted or not.
        let known = shard
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .get(&key)
            .cloned();
        if let Some(known) = known {
            return known;
        }
        // Decided outside the lock: two threads may decide the same, and then agree.
        let decided = Arc::new(decide());
        let mut map = shard.write().unwrap_or_else(PoisonError::into_inner);
        if map.len() >= SHARD_CAPACITY {
            map.clear();
        }
        map.insert(key, Arc::clone(&decided));
        decided
    }

    fn shard(&self, key: &Key) -> &RwLock<HashMap<Key, Arc<Decision>>> {
        let hash = self.hasher.hash_one(key);
        let index = usize::try_from(hash % (SHARDS as u64)).unwrap_or_default();
        &self.shards[index]
    }

    #[cfg(test)]
    fn len(&self) -> usize {
        self.shards.iter().map(|shard| shard.read().unwrap().len()).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_question_is_decided_once() {
        let cache = DecisionCache::new();
        let key = (0, Facts::samples()[0]);
        let first = cache.get_or_decide(key, || Decision::default_deny("v"));
        let again = cache.get_or_decide(key, || panic!("already known"));
        assert!(Arc::ptr_eq(&first, &again));
    }

    #[test]
    fn it_never_grows_beyond_its_bound() {
        let cache = DecisionCache::new();
        let facts = Facts::samples()[0];
        for edition in 0..3 * SHARDS * SHARD_CAPACITY {
            cache.get_or_decide((edition, facts), || Decision::default_deny("v"));
        }
        assert!(cache.len() <= SHARDS * SHARD_CAPACITY, "{}", cache.len());
        assert!(cache.len() > SHARD_CAPACITY, "all parts are used");
    }
}
