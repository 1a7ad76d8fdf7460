//! Inclusion and consistency proofs: made from stored hashes, verified from nothing but themselves
//! (RFC 9162 sections 2.1.3 and 2.1.4).

use std::collections::HashMap;

use crate::LedgerError;
use crate::hash::{Hash, node_hash};
use crate::tree::KEPT_LEVEL;

/// Proof that a leaf stands in a tree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InclusionProof {
    /// The leaf's index, from 0.
    pub leaf_index: u64,
    /// The tree's size.
    pub tree_size: u64,
    /// Hashes from the leaf's sibling upwards.
    pub path: Vec<Hash>,
}

impl InclusionProof {
    /// Verifies the proof against a root (RFC 9162 section 2.1.3.2).
    ///
    /// # Errors
    /// [`LedgerError::ProofShape`], [`LedgerError::ProofDoesNotFit`].
    pub fn verify(&self, leaf: &Hash, root: &Hash) -> Result<(), LedgerError> {
        if self.leaf_index >= self.tree_size {
            return Err(LedgerError::ProofShape);
        }
        let (mut node, mut last) = (self.leaf_index, self.tree_size - 1);
        let mut hash = *leaf;
        for sibling in &self.path {
            if last == 0 {
                return Err(LedgerError::ProofShape);
            }
            if node & 1 == 1 || node == last {
                hash = node_hash(sibling, &hash);
                while node & 1 == 0 && node != 0 {
                    node >>= 1;
                    last >>= 1;
                }
            } else {
                hash = node_hash(&hash, sibling);
            }
            node >>= 1;
            last >>= 1;
        }
        if last != 0 {
            return Err(LedgerError::ProofShape);
        }
        if hash == *root {
            Ok(())
        } else {
            Err(LedgerError::ProofDoesNotFit)
        }
    }
}

/// Proof that an earlier tree is a prefix of a later one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConsistencyProof {
    /// Size of the earlier tree.
    pub old_size: u64,
    /// Size of the later tree.
    pub new_size: u64,
    /// Hashes in the order of the RFC.
    pub path: Vec<Hash>,
}

impl ConsistencyProof {
    /// Verifies the proof against both roots (RFC 9162 section 2.1.4.2).
    ///
    /// # Errors
    /// [`LedgerError::ProofShape`], [`LedgerError::ProofDoesNotFit`].
    pub fn verify(&self, old_root: &Hash, new_root: &Hash) -> Result<(), LedgerError> {
        if self.old_size > self.new_size {
            return Err(LedgerError::ProofShape);
        }
        if self.old_size == self.new_size || self.old_size == 0 {
            let fits = self.old_size == 0 || old_root == new_root;
            return match (self.path.is_empty(), fits) {
                (true, true) => Ok(()),
                (true, false) => Err(LedgerError::ProofDoesNotFit),
                (false, _) => Err(LedgerError::ProofShape),
            };
        }
        let mut path = self.path.iter();
        let (mut node, mut last) = (self.old_size - 1, self.new_size - 1);
        while node & 1 == 1 {
            node >>= 1;
            last >>= 1;
        }
        let first = if node == 0 {
            *old_root
        } else {
            *path.next().ok_or(LedgerError::ProofShape)?
        };
        let (mut old, mut new) = (first, first);
        for sibling in path {
            if last == 0 {
                return Err(LedgerError::ProofShape);
            }
            if node & 1 == 1 || node == last {
                old = node_hash(sibling, &old);
                new = node_hash(sibling, &new);
                while node & 1 == 0 && node != 0 {
                    node >>= 1;
                    last >>= 1;
                }
            } else {
                new = node_hash(&new, sibling);
            }
            node >>= 1;
            last >>= 1;
        }
        if last != 0 {
            return Err(LedgerError::ProofShape);
        }
        if old == *old_root && new == *new_root {
            Ok(())
        } else {
            Err(LedgerError::ProofDoesNotFit)
        }
    }
}

/// Stored hashes to read before a proof can be made: indices `from..to` of one level.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NodeRange {
    /// 0 for leaf hashes, else a kept level (8, 16, …).
    pub level: u8,
    /// First index.
    pub from: u64,
    /// One past the last.
    pub to: u64,
}

/// The stored hashes needed to prove something about these leaf positions in a tree of `size`: for each kept
/// level the blocks around the positions and at the right edge, a few hundred hashes in all.
#[must_use]
pub fn needed(positions: &[u64], size: u64) -> Vec<NodeRange> {
    let mut ranges: Vec<NodeRange> = Vec::new();
    for level in (0..64).step_by(usize::from(KEPT_LEVEL)) {
        let end = size >> level;
        if end == 0 {
            break;
        }
        for position in positions.iter().copied().chain([size]) {
            let from = ((position >> level) >> KEPT_LEVEL) << KEPT_LEVEL;
            let range = NodeRange {
                level,
                from,
                to: end.min(from + (1 << KEPT_LEVEL)),
            };
            if range.from < range.to && !ranges.contains(&range) {
                ranges.push(range);
            }
        }
    }
    ranges
}

/// Stored hashes that were read: answers for every complete node above them.
#[derive(Debug, Default)]
pub struct Nodes(HashMap<(u8, u64), Hash>);

impl Nodes {
    /// Adds a stored hash.
    pub fn insert(&mut self, level: u8, index: u64, hash: Hash) {
        self.0.insert((level, index), hash);
    }

    /// The root of the complete subtree at a level and index.
    fn complete(&self, level: u8, index: u64) -> Option<Hash> {
        if let Some(hash) = self.0.get(&(level, index)) {
            return Some(*hash);
        }
        let below = level.checked_sub(1)?;
        // A kept level that was not read is not worked out from 256 times as many hashes.
        if level.is_multiple_of(KEPT_LEVEL) {
            return None;
        }
        Some(node_hash(
            &self.complete(below, 2 * index)?,
            &self.complete(below, 2 * index + 1)?,
        ))
    }

    /// The root of leaves `from..to`, where `from` is a multiple of the largest power of two below the length.
    fn range(&self, from: u64, to: u64) -> Option<Hash> {
        let length = to - from;
        if length.is_power_of_two() {
            let level = u8::try_from(length.trailing_zeros()).ok()?;
            return self.complete(level, from >> level);
        }
        let split = from + largest_power_below(length);
        Some(node_hash(&self.range(from, split)?, &self.range(split, to)?))
    }

    /// Proof that leaf `index` stands in the tree of `size`.
    ///
    /// # Errors
    /// [`LedgerError::ProofShape`] when there is no such leaf or a needed hash is missing.
    pub fn prove_inclusion(&self, index: u64, size: u64) -> Result<InclusionProof, LedgerError> {
        if index >= size {
            return Err(LedgerError::ProofShape);
        }
        let mut path = Vec::new();
        let (mut from, mut to) = (0, size);
        while to - from > 1 {
            let split = from + largest_power_below(to - from);
            if index < split {
                path.push(self.range(split, to).ok_or(LedgerError::ProofShape)?);
                to = split;
            } else {
                path.push(self.range(from, split).ok_or(LedgerError::ProofShape)?);
                from = split;
            }
        }
        path.reverse();
        Ok(InclusionProof {
            leaf_index: index,
            tree_size: size,
            path,
        })
    }

    /// Proof that the tree of `old` is a prefix of the tree of `new`.
    ///
    /// # Errors
    /// [`LedgerError::ProofShape`] when `old` is larger or a needed hash is missing.
    pub fn prove_consistency(&self, old: u64, new: u64) -> Result<ConsistencyProof, LedgerError> {
        if old > new {
            return Err(LedgerError::ProofShape);
        }
        let mut path = Vec::new();
        if old != 0 && old != new {
            let (mut from, mut to, mut whole) = (0, new, true);
            // SUBPROOF of RFC 9162: walks down to where the old tree ends.
            while to != old || !whole {
                if to == old {
                    path.push(self.range(from, to).ok_or(LedgerError::ProofShape)?);
                    break;
                }
                let split = from + largest_power_below(to - from);
                if old <= split {
                    path.push(self.range(split, to).ok_or(LedgerError::ProofShape)?);
                    to = split;
                } else {
                    path.push(self.range(from, split).ok_or(LedgerError::ProofShape)?);
                    from = split;
                    whole = false;
                }
            }
            path.reverse();
        }
        Ok(ConsistencyProof {
            old_size: old,
            new_size: new,
            path,
        })
    }
}

/// The largest power of two smaller than `length`, which is at least 2.
fn largest_power_below(length: u64) -> u64 {
    1 << (63 - (length - 1).leading_zeros())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hash::leaf_hash;
    use crate::tree::Frontier;

    type Kept = (u8, u64, Hash);

    /// A log as a store keeps it: leaf hashes and kept nodes.
    fn stored(count: u64) -> (Vec<Hash>, Vec<Kept>, Vec<Hash>) {
        let leaves: Vec<Hash> = (0..count).map(|index| leaf_hash(&index.to_be_bytes())).collect();
        let (mut frontier, mut kept, mut roots) =
            (Frontier::default(), vec![], vec![frontier_root(0, &leaves)]);
        for leaf in &leaves {
            let appended = frontier.append(std::slice::from_ref(leaf));
            kept.extend(appended.kept_nodes());
            frontier = appended.frontier().clone();
            roots.push(frontier.root());
        }
        (leaves, kept, roots)
    }

    fn frontier_root(count: usize, leaves: &[Hash]) -> Hash {
        Frontier::default().append(&leaves[..count]).root()
    }

    /// Reads only what [`needed`] names.
    fn read(positions: &[u64], size: u64, leaves: &[Hash], kept: &[Kept]) -> Nodes {
        let mut nodes = Nodes::default();
        for range in needed(positions, size) {
            if range.level == 0 {
                for index in range.from..range.to {
                    nodes.insert(0, index, leaves[usize::try_from(index).unwrap()]);
                }
            }
            for (level, index, hash) in kept {
                if *level == range.level && (range.from..range.to).contains(index) {
                    nodes.insert(*level, *index, *hash);
                }
            }
        }
        nodes
    }

    #[test]
    fn every_inclusion_and_consistency_to_70_verifies() {
        let (leaves, kept, roots) = stored(70);
        for size in 1..=70_u64 {
            let root = &roots[usize::try_from(size).unwrap()];
            for index in 0..size {
                let proof = read(&[index], size, &leaves, &kept)
                    .prove_inclusion(index, size)
                    .unwrap();
                proof
                    .verify(&leaves[usize::try_from(index).unwrap()], root)
                    .unwrap();
            }
            for old in 0..=size {
                let proof = read(&[old], size, &leaves, &kept)
                    .prove_consistency(old, size)
                    .unwrap();
                proof.verify(&roots[usize::try_from(old).unwrap()], root).unwrap();
            }
        }
    }

    #[test]
    fn proofs_across_blocks_verify() {
        let (leaves, kept, roots) = stored(1_500);
        for (index, size) in [
            (0, 1_500),
            (255, 256),
            (256, 257),
            (511, 1_024),
            (700, 1_281),
            (1_499, 1_500),
        ] {
            let proof = read(&[index], size, &leaves, &kept)
                .prove_inclusion(index, size)
                .unwrap();
            proof
                .verify(
                    &leaves[usize::try_from(index).unwrap()],
                    &roots[usize::try_from(size).unwrap()],
                )
                .unwrap();
        }
        for (old, new) in [
            (1, 1_500),
            (255, 256),
            (256, 1_000),
            (257, 1_500),
            (1_024, 1_500),
            (1_499, 1_500),
        ] {
            let proof = read(&[old], new, &leaves, &kept)
                .prove_consistency(old, new)
                .unwrap();
            proof
                .verify(
                    &roots[usize::try_from(old).unwrap()],
                    &roots[usize::try_from(new).unwrap()],
                )
                .unwrap();
        }
    }

    #[test]
    fn a_changed_proof_never_verifies() {
        let (leaves, kept, roots) = stored(40);
        let proof = read(&[13], 37, &leaves, &kept).prove_inclusion(13, 37).unwrap();
        let consistency = read(&[13], 37, &leaves, &kept).prove_consistency(13, 37).unwrap();
        for at in 0..proof.path.len() {
            for bit in 0..256 {
                let mut changed = proof.clone();
                changed.path[at].0[bit / 8] ^= 1 << (bit % 8);
                assert!(changed.verify(&leaves[13], &roots[37]).is_err());
            }
        }
        for at in 0..consistency.path.len() {
            let mut changed = consistency.clone();
            changed.path[at].0[7] ^= 1;
            assert!(changed.verify(&roots[13], &roots[37]).is_err());
        }
        assert!(
            InclusionProof {
                leaf_index: 12,
                ..proof.clone()
            }
            .verify(&leaves[13], &roots[37])
            .is_err()
        );
        // (36 has the same shape as 37 here; it is the checkpoint that binds root and size.)
        assert!(
            InclusionProof {
                tree_size: 31,
                ..proof.clone()
            }
            .verify(&leaves[13], &roots[37])
            .is_err()
        );
        let mut longer = proof;
        longer.path.push(leaves[0]);
        assert!(longer.verify(&leaves[13], &roots[37]).is_err());
    }
}
