//! An attachment on its way in: counted, hashed, looked at, sealed and written block by block.

use std::fmt;
use std::sync::Arc;

use aws_lc_rs::digest::{Context, SHA256};
use bytes::Bytes;
use object_store::path::Path;
use object_store::{MultipartUpload, ObjectStore, ObjectStoreExt, PutPayload};
use sendhub_domain::exchange::AttachmentId;
use sendhub_store::Keyring;
use tokio::runtime::Handle;
use tokio::task::JoinHandle;
use tracing::warn;

use super::media::{MediaType, Sniffer};
use super::sealing::{Block, BlockKey, blocks};
use super::vault::{Vault, place_of, remove};
use super::{AttachmentError, Declared, Stored};

/// An attachment on its way in. Dropped before its end, by an error or a cut connection, it leaves nothing behind.
pub struct Upload {
    store: Arc<dyn ObjectStore>,
    part_blocks: usize,
    place: Path,
    stored: Stored,
    media_type: MediaType,
    key: BlockKey,
    sniffer: Sniffer,
    hash: Context,
    received: u64,
    /// Blocks sealed so far.
    sealed: u64,
    block: Block,
    /// Sealed blocks that wait to be a part.
    part: Vec<Bytes>,
    /// The unfinished object, once the first part was written.
    unfinished: Option<Box<dyn MultipartUpload>>,
}

impl fmt::Debug for Upload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Upload")
            .field("stored", &self.stored)
            .field("received", &self.received)
            .finish_non_exhaustive()
    }
}

impl Upload {
    pub(super) fn begin(
        vault: &Vault,
        id: AttachmentId,
        media_type: MediaType,
        declared: &Declared,
        keyring: &Keyring,
    ) -> Result<Self, AttachmentError> {
        let (key, wrapped_key) = BlockKey::create(keyring, id)?;
        let place = place_of(id);
        Ok(Self {
            store: Arc::clone(&vault.store),
            part_blocks: vault.part_blocks,
            stored: Stored {
                id,
                media_type: media_type.name().to_owned(),
                size_bytes: declared.size_bytes,
                sha256: declared.sha256,
                place: place.to_string(),
                wrapped_key,
                master_key_id: keyring.master_key_id().to_owned(),
            },
            place,
            media_type,
            key,
            sniffer: Sniffer::new(media_type),
            hash: Context::new(&SHA256),
            received: 0,
            sealed: 0,
            block: Block::new(),
            part: Vec::new(),
            unfinished: None,
        })
    }

    /// Takes the next bytes, as many or few as come. When this returns they are counted and, block by block, written.
    ///
    /// # Errors
    /// [`AttachmentError::TooLarge`] as soon as more came than was declared, [`AttachmentError::TypeMismatch`],
    /// [`AttachmentError::Store`]. What was written is gone when the error is returned.
    pub async fn write(mut self, chunk: &[u8]) -> Result<Self, AttachmentError> {
        match self.take(chunk).await {
            Ok(()) => Ok(self),
            Err(error) => {
                self.abandon().await;
                Err(error)
            }
        }
    }

    /// Ends the upload: the length, the type and the hash are judged, the last block is written and the object stands
    /// under its key, on the disk.
    ///
    /// # Errors
    /// [`AttachmentError::Truncated`], [`AttachmentError::TypeMismatch`], [`AttachmentError::HashWrong`],
    /// [`AttachmentError::Store`]. What was written is gone when the error is returned.
    pub async fn finish(mut self) -> Result<Placed, AttachmentError> {
        if let Err(error) = self.judge() {
            self.abandon().await;
            return Err(error);
        }
        // A task of its own: if the caller goes away in the middle, the object may come into being all the same.
        // Then the task's result is dropped, and the object with it.
        tokio::spawn(self.publish())
            .await
            .map_err(object_store::Error::from)?
    }

    async fn take(&mut self, chunk: &[u8]) -> Result<(), AttachmentError> {
        let declared = self.stored.size_bytes;
        self.received += chunk.len() as u64;
        if self.received > declared {
            return Err(AttachmentError::TooLarge { limit: declared });
        }
        self.sniffer.feed(chunk).map_err(|_| self.mismatch())?;
        self.hash.update(chunk);
        let mut rest = self.block.fill(chunk);
        // The last block is sealed as such, when all was judged.
        while self.block.is_full() && self.sealed + 1 < blocks(declared) {
            self.seal_block(false)?;
            rest = self.block.fill(rest);
            if self.part.len() == self.part_blocks {
                self.write_part().await?;
            }
        }
        Ok(())
    }

    const fn mismatch(&self) -> AttachmentError {
        AttachmentError::TypeMismatch {
            media_type: self.media_type.name(),
        }
    }

    fn judge(&mut self) -> Result<(), AttachmentError> {
        if self.received < self.stored.size_bytes {
            return Err(AttachmentError::Truncated {
                declared: self.stored.size_bytes,
                received: self.received,
            });
        }
        self.sniffer.end().map_err(|_| self.mismatch())?;
        if self.hash.clone().finish().as_ref() != self.stored.sha256 {
            return Err(AttachmentError::HashWrong);
        }
        self.seal_block(true)
    }

    fn seal_block(&mut self, last: bool) -> Result<(), AttachmentError> {
        let block = std::mem::replace(&mut self.block, Block::new());
        self.part.push(self.key.seal(self.sealed, last, block)?);
        self.sealed += 1;
        Ok(())
    }

    async fn write_part(&mut self) -> Result<(), AttachmentError> {
        let payload: PutPayload = self.part.drain(..).collect();
        let unfinished = match &mut self.unfinished {
            Some(unfinished) => unfinished,
            none => none.insert(self.store.put_multipart(&self.place).await?),
        };
        // One part at a time: the sender waits, and memory stays at this part and the block that fills.
        Ok(unfinished.put_part(payload).await?)
    }

    async fn publish(mut self) -> Result<Placed, AttachmentError> {
        // The guard stands before the object does: whatever happens from here, no object is left that nobody knows.
        let placed = Placed {
            store: Arc::clone(&self.store),
            place: self.place.clone(),
            stored: self.stored.clone(),
            settled: false,
        };
        match self.complete().await {
            Ok(()) => Ok(placed),
            Err(error) => {
                self.abandon().await;
                placed.discard().await;
                Err(error)
            }
        }
    }

    async fn complete(&mut self) -> Result<(), AttachmentError> {
        if self.unfinished.is_none() {
            let payload: PutPayload = self.part.drain(..).collect();
            self.store.put(&self.place, payload).await?;
            return Ok(());
        }
        self.write_part().await?;
        if let Some(unfinished) = &mut self.unfinished {
            unfinished.complete().await?;
        }
        self.unfinished = None;
        Ok(())
    }

    async fn abandon(&mut self) {
        if let Some(task) = self.abort() {
            // It ends on its own even if nobody waits for it any more.
            drop(task.await);
        }
    }

    fn abort(&mut self) -> Option<JoinHandle<()>> {
        let mut unfinished = self.unfinished.take()?;
        let place = self.place.clone();
        // Without a runtime the folder's own writer removes its file when dropped.
        let runtime = Handle::try_current().ok()?;
        Some(runtime.spawn(async move {
            if let Err(error) = unfinished.abort().await {
                warn!(%place, %error, "an unfinished attachment could not be removed");
            }
        }))
    }
}

impl Drop for Upload {
    fn drop(&mut self) {
        drop(self.abort());
    }
}

/// An attachment that stands under its key and that the database does not know yet. Dropped, it is removed again.
pub struct Placed {
    store: Arc<dyn ObjectStore>,
    place: Path,
    stored: Stored,
    /// Whether the object is kept, or removed already.
    settled: bool,
}

impl fmt::Debug for Placed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Placed").field(&self.stored).finish()
    }
}

impl Placed {
    /// Keeps the object and hands over what its row must hold. Call it just before the row is given to be committed:
    /// once a commit is on its way its outcome may stay unknown, and an object without a row is swept, while a row
    /// without its object is a loss. When the commit is refused for certain, call [`Vault::remove`].
    ///
    /// [`Vault::remove`]: super::Vault::remove
    #[must_use]
    pub fn keep(mut self) -> Stored {
        self.settled = true;
        self.stored.clone()
    }

    /// Removes the object and waits until it is gone.
    pub async fn discard(mut self) {
        discard(&*self.store, &self.place).await;
        self.settled = true;
    }
}

impl Drop for Placed {
    fn drop(&mut self) {
        if self.settled {
            return;
        }
        // Without a runtime, at the process's end, the sweeper finds it.
        if let Ok(runtime) = Handle::try_current() {
            let (store, place) = (Arc::clone(&self.store), self.place.clone());
            runtime.spawn(async move { discard(&*store, &place).await });
        }
    }
}

async fn discard(store: &dyn ObjectStore, place: &Path) {
    if let Err(error) = remove(store, place).await {
        warn!(%place, %error, "an attachment that nobody knows could not be removed");
    }
}
