//! An attachment on its way out: read and opened block by block, in constant memory.

use std::fmt;
use std::sync::Arc;

use aws_lc_rs::digest::{Context, SHA256};
use bytes::Bytes;
use futures_util::Stream;
use object_store::path::Path;
use object_store::{ObjectStore, ObjectStoreExt};
use sendhub_domain::exchange::AttachmentId;
use sendhub_store::{Keyring, SealError};

use super::sealing::{BLOCK_BYTES, BlockKey, OVERHEAD_BYTES, blocks, sealed_bytes};
use super::vault::Vault;
use super::{AttachmentError, Damage, Stored};

/// Length of a sealed block that is not the last.
const SEALED_BLOCK: u64 = (BLOCK_BYTES + OVERHEAD_BYTES) as u64;

/// An attachment on its way out. Every block's tag is checked before any of its bytes are given, and the whole's
/// SHA-256 before those of the last block.
pub struct Download {
    store: Arc<dyn ObjectStore>,
    place: Path,
    id: AttachmentId,
    size_bytes: u64,
    sha256: [u8; 32],
    key: BlockKey,
    hash: Context,
    /// The block that is read next.
    next: u64,
    /// What is left of the block that was opened last.
    open: Bytes,
}

impl fmt::Debug for Download {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Download")
            .field("id", &self.id)
            .field("next", &self.next)
            .finish_non_exhaustive()
    }
}

impl Download {
    pub(super) async fn begin(
        vault: &Vault,
        stored: &Stored,
        keyring: &Keyring,
    ) -> Result<Self, AttachmentError> {
        let id = stored.id;
        let damaged = |damage| AttachmentError::Damaged { id, damage };
        let key =
            BlockKey::open(keyring, id, &stored.master_key_id, &stored.wrapped_key).map_err(|error| {
                match error {
                    SealError::DoesNotOpen => damaged(Damage::Key),
                    other => other.into(),
                }
            })?;
        let place = Path::from(stored.place.as_str());
        let found = vault
            .store
            .head(&place)
            .await
            .map_err(|error| missing(id, error))?;
        if stored.size_bytes == 0 || found.size != sealed_bytes(stored.size_bytes) {
            return Err(damaged(Damage::Length));
        }
        Ok(Self {
            store: Arc::clone(&vault.store),
            place,
            id,
            size_bytes: stored.size_bytes,
            sha256: stored.sha256,
            key,
            hash: Context::new(&SHA256),
            next: 0,
            open: Bytes::new(),
        })
    }

    /// The next bytes, at most so many; none at the end.
    ///
    /// # Errors
    /// [`AttachmentError::Damaged`], [`AttachmentError::Store`]. What was given before is right, but it is not the whole.
    pub async fn next(&mut self, at_most: usize) -> Result<Option<Bytes>, AttachmentError> {
        if self.open.is_empty() {
            if self.next == blocks(self.size_bytes) {
                return Ok(None);
            }
            self.open = self.read_block().await?;
        }
        let length = at_most.clamp(1, self.open.len());
        Ok(Some(self.open.split_to(length)))
    }

    /// All the rest, in chunks of at most so many bytes. After an error it ends.
    pub fn into_stream(self, at_most: usize) -> impl Stream<Item = Result<Bytes, AttachmentError>> + Send {
        futures_util::stream::try_unfold(self, move |mut download| async move {
            Ok(download.next(at_most).await?.map(|bytes| (bytes, download)))
        })
    }

    /// Reads one block by a request of its own: a slow reader holds no connection to the store open.
    async fn read_block(&mut self) -> Result<Bytes, AttachmentError> {
        let (id, index) = (self.id, self.next);
        let damaged = |damage| AttachmentError::Damaged { id, damage };
        let last = index + 1 == blocks(self.size_bytes);
        let from = index * SEALED_BLOCK;
        let until = (from + SEALED_BLOCK).min(sealed_bytes(self.size_bytes));
        let sealed = self
            .store
            .get_range(&self.place, from..until)
            .await
            .map_err(|error| missing(id, error))?;
        let clear = self
            .key
            .open_block(index, last, sealed)
            .map_err(|_| damaged(Damage::Block(index)))?;
        self.hash.update(&clear);
        if last && self.hash.clone().finish().as_ref() != self.sha256 {
            return Err(damaged(Damage::Hash));
        }
        self.next += 1;
        Ok(clear)
    }
}

/// An object that is not there is damage; anything else is the store's failure.
fn missing(id: AttachmentId, error: object_store::Error) -> AttachmentError {
    match error {
        object_store::Error::NotFound { .. } => AttachmentError::Damaged {
            id,
            damage: Damage::Missing,
        },
        other => other.into(),
    }
}
