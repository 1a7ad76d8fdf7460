//! The tamper-evident log as mathematics: hashes, tree, proofs and signed checkpoints (RFC 9162 section 2.1,
//! C2SP signed-note and tlog-checkpoint). No I/O, no clock.

pub mod checkpoint;
pub mod hash;
pub mod proof;
pub mod tree;
pub mod verify;

/// Why something about a log does not hold. Never holds a leaf's content.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LedgerError {
    /// A proof does not lead to the root.
    #[error("the proof does not lead to the root")]
    ProofDoesNotFit,
    /// A proof has the wrong shape for its sizes.
    #[error("the proof has the wrong shape")]
    ProofShape,
    /// A frontier's peaks do not fit its size.
    #[error("the frontier does not fit its size")]
    FrontierShape,
    /// A hash is not 32 bytes.
    #[error("a hash is 32 bytes")]
    HashLength,
    /// A key cannot be read.
    #[error("the key cannot be read")]
    Key,
    /// A checkpoint is not a signed note of the expected form.
    #[error("the checkpoint is not a signed note")]
    NoteForm,
    /// No signature of a known key is on the checkpoint.
    #[error("the checkpoint is not signed by a known key")]
    NotSigned,
    /// A signature does not fit.
    #[error("the checkpoint's signature does not fit")]
    BadSignature,
}
