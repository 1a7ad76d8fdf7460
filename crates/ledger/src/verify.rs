//! Offline verification: walks a log's leaves and checkpoints in order and names the first that does not fit.

use crate::LedgerError;
use crate::checkpoint::VerifierKey;
use crate::hash::{Hash, leaf_hash};
use crate::tree::Frontier;

/// What does not fit. Carries positions, never content.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Misfit {
    /// Leaves are missing or out of order.
    #[error("leaf {expected} is missing")]
    MissingLeaf {
        /// The index that should have come.
        expected: u64,
    },
    /// A leaf's stored hash is not the hash of its bytes.
    #[error("leaf {index} was changed: its hash does not fit its bytes")]
    LeafChanged {
        /// Its index.
        index: u64,
    },
    /// A checkpoint's signature or form does not hold.
    #[error("the checkpoint of size {size} does not hold: {reason}")]
    CheckpointBroken {
        /// The size under which it is kept.
        size: u64,
        /// Why.
        reason: LedgerError,
    },
    /// A checkpoint signs another tree than the leaves give: a leaf before it was changed, or the checkpoint is
    /// another log's.
    #[error("the checkpoint of size {size} signs another tree than the leaves give")]
    RootDiffers {
        /// Its size.
        size: u64,
    },
    /// A checkpoint signs leaves that are not there.
    #[error("a checkpoint signs {size} leaves, but only {found} are there")]
    LeavesCut {
        /// The size signed.
        size: u64,
        /// The leaves found.
        found: u64,
    },
}

/// Walks one log.
#[derive(Debug)]
pub struct LogVerifier {
    key: VerifierKey,
    frontier: Frontier,
    signed: u64,
}

impl LogVerifier {
    /// A verifier that has seen nothing yet.
    #[must_use]
    pub fn new(key: VerifierKey) -> Self {
        Self {
            key,
            frontier: Frontier::default(),
            signed: 0,
        }
    }

    /// Takes the next leaf.
    ///
    /// # Errors
    /// [`Misfit`]; the leaf is taken by its bytes all the same, so that the walk can go on.
    pub fn leaf(&mut self, index: u64, entry: &[u8], claimed: &Hash) -> Result<(), Misfit> {
        let expected = self.frontier.size();
        let hash = leaf_hash(entry);
        self.frontier = self.frontier.append(&[hash]).frontier().clone();
        if index != expected {
            return Err(Misfit::MissingLeaf { expected });
        }
        if hash != *claimed {
            return Err(Misfit::LeafChanged { index });
        }
        Ok(())
    }

    /// Takes a checkpoint. To be called when exactly the leaves that it signs have been taken.
    ///
    /// # Errors
    /// [`Misfit`].
    pub fn checkpoint(&mut self, kept_as: u64, note: &str) -> Result<(), Misfit> {
        let broken = |reason| Misfit::CheckpointBroken {
            size: kept_as,
            reason,
        };
        let checkpoint = self.key.verify(note).map_err(broken)?;
        if checkpoint.size != kept_as {
            return Err(broken(LedgerError::NoteForm));
        }
        if checkpoint.size > self.frontier.size() {
            return Err(Misfit::LeavesCut {
                size: checkpoint.size,
                found: self.frontier.size(),
            });
        }
        if checkpoint.size != self.frontier.size() || checkpoint.root != self.frontier.root() {
            return Err(Misfit::RootDiffers {
                size: checkpoint.size,
            });
        }
        self.signed = checkpoint.size;
        Ok(())
    }

    /// Leaves taken.
    #[must_use]
    pub const fn size(&self) -> u64 {
        self.frontier.size()
    }

    /// The root of the leaves taken.
    #[must_use]
    pub fn root(&self) -> Hash {
        self.frontier.root()
    }

    /// Leaves that no checkpoint taken so far signs.
    #[must_use]
    pub const fn unsigned(&self) -> u64 {
        self.frontier.size() - self.signed
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checkpoint::LogKey;

    #[test]
    fn a_true_log_verifies_and_each_fault_is_named() {
        let key = LogKey::from_seed("log", &[1; 32]).unwrap();
        let mut verifier = LogVerifier::new(key.verifier().clone());
        verifier.leaf(0, b"a", &leaf_hash(b"a")).unwrap();
        let note = key.sign(1, verifier.root());
        verifier.checkpoint(1, &note).unwrap();
        assert_eq!(
            verifier.leaf(1, b"b", &leaf_hash(b"c")),
            Err(Misfit::LeafChanged { index: 1 })
        );
        assert_eq!(
            verifier.leaf(5, b"c", &leaf_hash(b"c")),
            Err(Misfit::MissingLeaf { expected: 2 })
        );
        assert_eq!(
            verifier.checkpoint(1, &note),
            Err(Misfit::RootDiffers { size: 1 })
        );
        let far = key.sign(9, verifier.root());
        assert_eq!(
            verifier.checkpoint(9, &far),
            Err(Misfit::LeavesCut { size: 9, found: 3 })
        );
        assert_eq!(verifier.unsigned(), 2);
    }
}
