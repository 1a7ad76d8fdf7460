//! Attachments: files sealed block by block on their way into a folder or a bucket, and opened on their way out.
//!
//! Nothing here knows the wire or the database. A service begins an [`Upload`] with what the header declares, writes
//! the chunks as they come, and ends it; the [`Placed`] object it gets is deleted again unless the service
//! keeps it, and [`Stored`] is what the row must hold. A [`Download`] is begun from the row.
//!
//! ```text
//! let mut upload = vault.begin(id, &declared, &keyring)?;
//! while let Some(chunk) = stream.next().await { upload = upload.write(&chunk?).await?; }
//! let stored = upload.finish().await?.keep();   // then commit the row, and remove() if it is refused
//! ```

mod download;
mod media;
mod sealing;
pub mod settings;
mod upload;
mod vault;

#[cfg(test)]
mod tests;

use std::fmt;

use sendhub_domain::exchange::AttachmentId;
use sendhub_store::SealError;

pub use download::Download;
pub use media::MediaType;
pub use sealing::{BLOCK_BYTES, sealed_bytes};
pub use upload::{Placed, Upload};
pub use vault::{OpenError, Vault};

/// What a sender declares before the first byte.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Declared {
    /// The media type as sent.
    pub media_type: String,
    /// Length in bytes.
    pub size_bytes: u64,
    /// SHA-256 of the whole.
    pub sha256: [u8; 32],
}

/// What the database keeps of an attachment: all that is needed to open it again, the master key apart.
#[derive(Clone, PartialEq, Eq)]
pub struct Stored {
    /// Its name.
    pub id: AttachmentId,
    /// Its media type, in lower case and without parameters.
    pub media_type: String,
    /// Length in bytes before sealing.
    pub size_bytes: u64,
    /// SHA-256 before sealing.
    pub sha256: [u8; 32],
    /// The object's key in the folder or bucket.
    pub place: String,
    /// The key of its blocks, wrapped.
    pub wrapped_key: Vec<u8>,
    /// Which master key wrapped it.
    pub master_key_id: String,
}

impl fmt::Debug for Stored {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Stored")
            .field("id", &self.id)
            .field("media_type", &self.media_type)
            .field("size_bytes", &self.size_bytes)
            .finish_non_exhaustive()
    }
}

/// Why an attachment was not taken or cannot be given. Never says anything of its content.
#[derive(Debug, thiserror::Error)]
pub enum AttachmentError {
    /// Declared as empty.
    #[error("an attachment has at least one byte")]
    Empty,
    /// The stream ended before the declared length.
    #[error("the attachment ended after {received} of {declared} declared bytes")]
    Truncated {
        /// What the header said.
        declared: u64,
        /// What came.
        received: u64,
    },
    /// Declared as larger than this hub takes, or more came than was declared.
    #[error("the attachment is larger than {limit} bytes")]
    TooLarge {
        /// The hub's limit, or the declared length.
        limit: u64,
    },
    /// The bytes are not those whose SHA-256 was declared.
    #[error("the attachment's SHA-256 is not the declared one")]
    HashWrong,
    /// The media type is not among those this hub takes.
    #[error("this hub does not take attachments of this media type")]
    TypeRefused,
    /// The bytes are not what the media type says.
    #[error("the attachment's content is not {media_type}")]
    TypeMismatch {
        /// The declared type.
        media_type: &'static str,
    },
    /// The folder or bucket failed; trying again may help.
    #[error("the attachment store failed: {0}")]
    Store(#[from] object_store::Error),
    /// The key could not be made, or the master key that wrapped it was not given.
    #[error(transparent)]
    Key(#[from] SealError),
    /// The object is not what was stored. Nobody can mend it: it must be sent again.
    #[error("attachment {id} is damaged: {damage}")]
    Damaged {
        /// Which.
        id: AttachmentId,
        /// In what way.
        damage: Damage,
    },
}

/// In what way a stored attachment is not what was stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Damage {
    /// There is no object.
    #[error("its object is missing")]
    Missing,
    /// The object's length does not fit the attachment's.
    #[error("its object has another length")]
    Length,
    /// The wrapped key does not open.
    #[error("its key does not open")]
    Key,
    /// A block was changed, moved or exchanged.
    #[error("block {0} does not open")]
    Block(u64),
    /// All blocks open and the whole has another SHA-256 than the row says.
    #[error("its SHA-256 is another")]
    Hash,
}
