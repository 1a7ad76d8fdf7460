//! A filter before the register: says for certain that a tag is not there, without asking the database.
//!
//! Most records are about pupils whom the hub has not met. What the filter says is only ever a hint: a person whom
//! another process registered meanwhile is found by the guards of the commit, which tell the filter.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use crate::change::{Change, Effect};

/// Fewest bits of the first layer: half a MiB, good for a quarter of a million tags.
const LEAST: u64 = 1 << 22;
/// Bits for each tag: with four probes fewer than one in 400 unknown tags is asked for in vain by a full layer.
const BITS: u64 = 16;
/// How often a filter may grow; each layer is twice the one before, so that this is never reached.
const LAYERS: usize = 24;

/// A Bloom filter over keyed tags. These are uniform already: their bytes are the probes.
///
/// It grows by layers: a full one stays as it is and the next is begun, so that nothing is learnt again and nobody
/// waits. Most are in the last two; after the next start all are in one.
#[derive(Debug)]
pub(crate) struct Filter {
    layers: [OnceLock<Layer>; LAYERS],
    /// How many layers are full.
    full: AtomicUsize,
    /// Bits of the first layer.
    bits: u64,
}

#[derive(Debug)]
struct Layer {
    words: Vec<AtomicU64>,
    mask: u64,
    tags: AtomicU64,
}

impl Layer {
    fn new(bits: u64) -> Self {
        let words = usize::try_from(bits / 64).unwrap_or(usize::MAX);
        Self {
            words: std::iter::repeat_with(AtomicU64::default).take(words).collect(),
            mask: bits - 1,
            tags: AtomicU64::new(0),
        }
    }

    fn probes(&self, tag: &[u8; 16]) -> [u64; 4] {
        let (parts, _) = tag.as_chunks::<4>();
        // Two parts a probe: 32 bits alone would not reach into a large filter.
        let part = |at: usize| u64::from(u32::from_le_bytes(parts[at % 4]));
        [0, 1, 2, 3].map(|at| (part(at) | part(at + 1).rotate_left(32)) & self.mask)
    }

    /// Puts a tag in, and says whether the layer is full now.
    fn insert(&self, tag: &[u8; 16]) -> bool {
        for probe in self.probes(tag) {
            self.word(probe).fetch_or(1 << (probe % 64), Ordering::Release);
        }
        self.tags.fetch_add(1, Ordering::Relaxed) >= self.mask / BITS
    }

    fn may_know(&self, tag: &[u8; 16]) -> bool {
        self.probes(tag)
            .into_iter()
            .all(|probe| self.word(probe).load(Ordering::Acquire) & (1 << (probe % 64)) != 0)
    }

    fn word(&self, probe: u64) -> &AtomicU64 {
        // The mask keeps a probe within the words.
        &self.words[usize::try_from(probe / 64).unwrap_or(0)]
    }
}

impl Filter {
    /// An empty filter with room for so many tags before it grows.
    pub(crate) fn new(tags: u64) -> Self {
        Self {
            layers: [const { OnceLock::new() }; LAYERS],
            full: AtomicUsize::new(0),
            bits: tags.saturating_mul(BITS).max(LEAST).next_power_of_two(),
        }
    }

    /// Makes a tag known.
    pub(crate) fn insert(&self, tag: &[u8; 16]) {
        if self.may_know(tag) {
            return;
        }
        let at = self.full.load(Ordering::Acquire);
        let layer = self.layers[at].get_or_init(|| Layer::new(self.bits << at));
        if layer.insert(tag) && at + 1 < LAYERS {
            self.full.fetch_max(at + 1, Ordering::Release);
        }
    }

    /// Whether a tag may be known; `false` is certain as far as this process knows.
    pub(crate) fn may_know(&self, tag: &[u8; 16]) -> bool {
        self.layers
            .iter()
            .map_while(OnceLock::get)
            .any(|layer| layer.may_know(tag))
    }

    /// Learns of everybody whom a change names, before it is written: a change that fails because somebody is known
    /// is then asked for.
    pub(crate) fn learn(&self, changes: &[Change]) {
        for effect in changes.iter().flat_map(|change| &change.effects) {
            match effect {
                Effect::RegisterSubject(row) => self.insert(&row.subject.0),
                Effect::LinkIdentifiers { tags, .. } => tags.iter().for_each(|tag| self.insert(tag)),
                _ => {}
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use sendhub_ledger::hash::sha256;

    fn tag(number: u64) -> [u8; 16] {
        let mut tag = [0; 16];
        tag.copy_from_slice(&sha256(&number.to_le_bytes()).0[..16]);
        tag
    }

    /// How many of so many unknown tags the filter would have asked for.
    fn mistaken(filter: &Filter, numbers: std::ops::Range<u64>) -> usize {
        numbers.filter(|number| filter.may_know(&tag(*number))).count()
    }

    #[test]
    fn what_was_inserted_is_found_and_little_else() {
        let filter = Filter::new(0);
        (0..100_000).for_each(|number| filter.insert(&tag(number)));
        assert!((0..100_000).all(|number| filter.may_know(&tag(number))));
        let mistaken = mistaken(&filter, 100_000..200_000);
        assert!(mistaken < 100, "{mistaken} in 100,000");
    }

    #[test]
    fn a_full_filter_grows_and_forgets_nobody() {
        let filter = Filter::new(0);
        (0..1_000_000).for_each(|number| filter.insert(&tag(number)));
        assert!((0..1_000_000).all(|number| filter.may_know(&tag(number))));
        let mistaken = mistaken(&filter, 1_000_000..1_100_000);
        assert!(mistaken < 1_000, "{mistaken} in 100,000");
    }

    #[test]
    fn it_grows_while_several_insert() {
        let filter = Filter::new(0);
        std::thread::scope(|scope| {
            for part in 0..4 {
                let filter = &filter;
                scope.spawn(move || {
                    for number in part * 100_000..(part + 1) * 100_000 {
                        filter.insert(&tag(number));
                    }
                });
            }
        });
        assert!((0..400_000).all(|number| filter.may_know(&tag(number))));
        assert_eq!(filter.full.load(Ordering::Acquire), 1);
    }
}
