//! A filter before the register: says for certain that a tag is not there, without asking the database.
//!
//! Most records are about pupils whom the hub has not met. What the filter says is only ever a hint: a person whom
//! another process registered meanwhile is found by the guards of the commit, which tell the filter.

use std::sync::atomic::{AtomicU64, Ordering};

use crate::change::{Change, Effect};

/// Fewest bits: half a MiB, good for a quarter of a million tags.
const LEAST: u64 = 1 << 22;
/// Bits for each tag known at the start; with four probes fewer than one in 400 unknown tags is asked for in vain.
const BITS: u64 = 16;

/// A Bloom filter over keyed tags. These are uniform already: their bytes are the probes.
#[derive(Debug)]
pub(crate) struct Filter {
    words: Vec<AtomicU64>,
    mask: u64,
}

impl Filter {
    /// An empty filter with room for so many tags.
    pub(crate) fn new(tags: u64) -> Self {
        let bits = tags.saturating_mul(BITS).max(LEAST).next_power_of_two();
        let words = usize::try_from(bits / 64).unwrap_or(usize::MAX);
        Self {
            words: std::iter::repeat_with(AtomicU64::default).take(words).collect(),
            mask: bits - 1,
        }
    }

    fn probes(&self, tag: &[u8; 16]) -> [u64; 4] {
        let (parts, _) = tag.as_chunks::<4>();
        // Two parts a probe: 32 bits alone would not reach into a large filter.
        let part = |at: usize| u64::from(u32::from_le_bytes(parts[at % 4]));
        [0, 1, 2, 3].map(|at| (part(at) | part(at + 1).rotate_left(32)) & self.mask)
    }

    /// Makes a tag known.
    pub(crate) fn insert(&self, tag: &[u8; 16]) {
        for probe in self.probes(tag) {
            self.word(probe).fetch_or(1 << (probe % 64), Ordering::Release);
        }
    }

    /// Whether a tag may be known; `false` is certain as far as this process knows.
    pub(crate) fn may_know(&self, tag: &[u8; 16]) -> bool {
        self.probes(tag)
            .into_iter()
            .all(|probe| self.word(probe).load(Ordering::Acquire) & (1 << (probe % 64)) != 0)
    }

    fn word(&self, probe: u64) -> &AtomicU64 {
        // The mask keeps a probe within the words.
        &self.words[usize::try_from(probe / 64).unwrap_or(0)]
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

    #[test]
    fn what_was_inserted_is_found_and_little_else() {
        let filter = Filter::new(0);
        let tag = |number: u64| {
            let mut tag = [0; 16];
            tag.copy_from_slice(&sha256(&number.to_le_bytes()).0[..16]);
            tag
        };
        (0..100_000).for_each(|number| filter.insert(&tag(number)));
        assert!((0..100_000).all(|number| filter.may_know(&tag(number))));
        let mistaken = (100_000..200_000)
            .filter(|number| filter.may_know(&tag(*number)))
            .count();
        assert!(mistaken < 100, "{mistaken} in 100,000");
    }
}
