//! The growing tree: a frontier of O(log n) hashes is all that appending needs, proofs included.

use crate::LedgerError;
use crate::hash::{Hash, empty_root, node_hash};
use crate::proof::InclusionProof;

/// Every 256 leaves one hash is worth keeping: with the leaf hashes themselves, those of level 8, 16, … are
/// enough to prove anything later with a few hundred reads.
pub const KEPT_LEVEL: u8 = 8;

/// A tree's right edge: its size and the roots of its maximal complete subtrees, largest first.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Frontier {
    size: u64,
    peaks: Vec<Hash>,
}

impl Frontier {
    /// A frontier read back.
    ///
    /// # Errors
    /// [`LedgerError::FrontierShape`] unless there is one peak for each bit of the size.
    pub fn from_parts(size: u64, peaks: Vec<Hash>) -> Result<Self, LedgerError> {
        if u32::try_from(peaks.len()) != Ok(size.count_ones()) {
            return Err(LedgerError::FrontierShape);
        }
        Ok(Self { size, peaks })
    }

    /// Leaves so far.
    #[must_use]
    pub const fn size(&self) -> u64 {
        self.size
    }

    /// The peaks, largest first.
    #[must_use]
    pub fn peaks(&self) -> &[Hash] {
        &self.peaks
    }

    /// The tree's root.
    #[must_use]
    pub fn root(&self) -> Hash {
        bags(&self.peaks).first().copied().unwrap_or_else(empty_root)
    }

    /// Appends leaves, and keeps what is needed to prove each of them against the new tree.
    #[must_use]
    pub fn append(&self, leaves: &[Hash]) -> Appended {
        let old = self.size;
        let mut peaks = self.peaks.iter().rev();
        let mut peak_at = |level: u32| (old >> level & 1 == 1).then(|| peaks.next().copied()).flatten();
        let mut levels: Vec<Level> = Vec::new();
        let mut nodes = leaves.to_vec();
        let mut level = 0;
        loop {
            let mut start = old >> level;
            if let Some(peak) = peak_at(level) {
                nodes.insert(0, peak);
                start -= 1;
            }
            let parents: Vec<Hash> = nodes
                .chunks_exact(2)
                .map(|pair| node_hash(&pair[0], &pair[1]))
                .collect();
            levels.push(Level { start, nodes });
            level += 1;
            if parents.is_empty() && old >> level == 0 {
                break;
            }
            nodes = parents;
        }
        let size = old + leaves.len() as u64;
        let peaks: Vec<Hash> = (0..64)
            .rev()
            .filter(|level| size >> level & 1 == 1)
            .filter_map(|level| levels.get(level).and_then(|one| one.get((size >> level) - 1)))
            .collect();
        let bags = bags(&peaks);
        Appended {
            old,
            levels,
            bags,
            frontier: Self { size, peaks },
        }
    }
}

/// Roots of the ragged right edges: element `i` is the root of everything from peak `i` to the end.
fn bags(peaks: &[Hash]) -> Vec<Hash> {
    let mut bags: Vec<Hash> = Vec::with_capacity(peaks.len());
    for peak in peaks.iter().rev() {
        let bag = bags.last().map_or(*peak, |right| node_hash(peak, right));
        bags.push(bag);
    }
    bags.reverse();
    bags
}

/// Complete nodes of one level, from index `start`.
#[derive(Debug)]
struct Level {
    start: u64,
    nodes: Vec<Hash>,
}

impl Level {
    fn get(&self, index: u64) -> Option<Hash> {
        let offset = usize::try_from(index.checked_sub(self.start)?).ok()?;
        self.nodes.get(offset).copied()
    }
}

/// A batch just appended.
#[derive(Debug)]
pub struct Appended {
    old: u64,
    levels: Vec<Level>,
    bags: Vec<Hash>,
    frontier: Frontier,
}

impl Appended {
    /// The new frontier.
    #[must_use]
    pub const fn frontier(&self) -> &Frontier {
        &self.frontier
    }

    /// The new root.
    #[must_use]
    pub fn root(&self) -> Hash {
        self.bags.first().copied().unwrap_or_else(empty_root)
    }

    /// The index of the batch's first leaf.
    #[must_use]
    pub const fn first_index(&self) -> u64 {
        self.old
    }

    /// Proof that the batch's `offset`th leaf stands in the new tree. No hash is computed.
    ///
    /// # Errors
    /// [`LedgerError::ProofShape`] when the batch has no such leaf.
    pub fn inclusion_proof(&self, offset: u64) -> Result<InclusionProof, LedgerError> {
        let (leaf_index, tree_size) = (self.old + offset, self.frontier.size);
        if leaf_index >= tree_size {
            return Err(LedgerError::ProofShape);
        }
        let mut path = Vec::with_capacity(40);
        let peaks: Vec<u32> = (0..64)
            .rev()
            .filter(|level| tree_size >> level & 1 == 1)
            .collect();
        // The peak that holds the leaf is the first whose end lies beyond it.
        let mut end = 0;
        let mut at = 0;
        for (position, level) in peaks.iter().enumerate() {
            end += 1_u64 << level;
            at = position;
            if leaf_index < end {
                break;
            }
        }
        for level in 0..peaks[at] {
            let sibling = (leaf_index >> level) ^ 1;
            let node = self.levels.get(level as usize).and_then(|one| one.get(sibling));
            path.push(node.ok_or(LedgerError::ProofShape)?);
        }
        path.extend(self.bags.get(at + 1));
        path.extend(self.frontier.peaks[..at].iter().rev());
        Ok(InclusionProof {
            leaf_index,
            tree_size,
            path,
        })
    }

    /// Nodes of the kept levels (8, 16, …) that this batch completed, as (level, index, hash).
    pub fn kept_nodes(&self) -> impl Iterator<Item = (u8, u64, Hash)> + '_ {
        (KEPT_LEVEL..64)
            .step_by(usize::from(KEPT_LEVEL))
            .flat_map(move |level| {
                let first = self.old >> level;
                let one = self.levels.get(usize::from(level));
                let end = one.map_or(first, |one| one.start + one.nodes.len() as u64);
                (first..end).filter_map(move |index| {
                    one.and_then(|one| one.get(index))
                        .map(|hash| (level, index, hash))
                })
            })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hash::leaf_hash;

    fn leaves(count: u64) -> Vec<Hash> {
        (0..count).map(|index| leaf_hash(&index.to_be_bytes())).collect()
    }

    /// RFC 6962's test vectors: the roots of the first eight leaves of its reference implementation.
    #[test]
    fn known_roots() {
        let entries: [&[u8]; 8] = [
            b"",
            b"\x00",
            b"\x10",
            b"\x20\x21",
            b"\x30\x31",
            b"\x40\x41\x42\x43",
            b"\x50\x51\x52\x53\x54\x55\x56\x57",
            b"\x60\x61\x62\x63\x64\x65\x66\x67\x68\x69\x6a\x6b\x6c\x6d\x6e\x6f",
        ];
        let roots = [
            "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
            "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
            "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
            "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
            "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
            "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
            "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
            "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
        ];
        let hashes: Vec<Hash> = entries.iter().map(|entry| leaf_hash(entry)).collect();
        assert_eq!(
            empty_root().to_string(),
            "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
        );
        for (index, root) in roots.iter().enumerate() {
            let appended = Frontier::default().append(&hashes[..=index]);
            assert_eq!(appended.root().to_string(), *root, "size {}", index + 1);
        }
    }

    #[test]
    fn one_by_one_and_in_batches_give_the_same_tree() {
        let leaves = leaves(600);
        let mut one_by_one = Frontier::default();
        for leaf in &leaves {
            one_by_one = one_by_one.append(std::slice::from_ref(leaf)).frontier().clone();
        }
        for batch in [1, 2, 3, 7, 64, 255, 256, 257, 600] {
            let mut frontier = Frontier::default();
            let mut kept = Vec::new();
            for part in leaves.chunks(batch) {
                let appended = frontier.append(part);
                kept.extend(appended.kept_nodes());
                frontier = appended.frontier().clone();
            }
            assert_eq!(frontier, one_by_one, "batches of {batch}");
            assert_eq!(kept.len(), 2, "two blocks of 256 are complete");
        }
    }

    #[test]
    fn every_proof_of_a_batch_verifies() {
        for old in 0..70 {
            for batch in [1, 2, 5, 33] {
                let all = leaves(old + batch);
                let (before, after) = all.split_at(usize::try_from(old).unwrap());
                let appended = Frontier::default().append(before).frontier().append(after);
                for offset in 0..batch {
                    let proof = appended.inclusion_proof(offset).unwrap();
                    let leaf = &after[usize::try_from(offset).unwrap()];
                    proof.verify(leaf, &appended.root()).unwrap();
                }
                assert!(appended.inclusion_proof(batch).is_err());
            }
        }
    }

    #[test]
    fn appending_nothing_changes_nothing() {
        let frontier = Frontier::default().append(&leaves(37)).frontier().clone();
        assert_eq!(frontier.append(&[]).frontier(), &frontier);
        assert_eq!(Frontier::default().append(&[]).root(), empty_root());
    }
}
