//! How an attachment is sealed: blocks of 1 MiB, each bound to its place, under a key of the attachment's own.
//!
//! A block's associated data holds the attachment's id, the block's index and whether it is the last. So a block
//! cannot be moved, dropped, doubled or taken from another attachment, and the end cannot be cut off, unseen.

use std::fmt;

use aws_lc_rs::aead::{AES_256_GCM, Aad, Nonce, RandomizedNonceKey};
use aws_lc_rs::rand;
use bytes::Bytes;
use sendhub_domain::exchange::AttachmentId;
use sendhub_domain::person::SubjectId;
use sendhub_store::seal::{NOBODY, SealPurpose};
use sendhub_store::{Keyring, SealError};

/// Clear bytes in every block but the last, which holds from one byte to as many.
pub const BLOCK_BYTES: usize = 1024 * 1024;
/// Length of the nonce that stands before every sealed block.
const NONCE_BYTES: usize = 12;
/// Length of the authentication tag that stands after it.
const TAG_BYTES: usize = 16;
/// How much longer a sealed block is than its clear text.
pub(super) const OVERHEAD_BYTES: usize = NONCE_BYTES + TAG_BYTES;
/// Names this form in the associated data; another form would have another label.
const LABEL: [u8; 16] = *b"sendhub-attach-1";
/// Length of a data key as the keyring wraps it (AES-KWP of 32 bytes).
const WRAPPED_BYTES: usize = 40;

/// How many blocks a clear text of so many bytes has.
pub(super) const fn blocks(size_bytes: u64) -> u64 {
    size_bytes.div_ceil(BLOCK_BYTES as u64)
}

/// How long the sealed object of a clear text of so many bytes is.
#[must_use]
pub const fn sealed_bytes(size_bytes: u64) -> u64 {
    size_bytes + blocks(size_bytes) * OVERHEAD_BYTES as u64
}

/// A block on its way in: the nonce's place, then the clear bytes, then room for the tag.
pub(super) struct Block(Vec<u8>);

impl Block {
    pub(super) fn new() -> Self {
        let mut bytes = Vec::with_capacity(BLOCK_BYTES + OVERHEAD_BYTES);
        bytes.resize(NONCE_BYTES, 0);
        Self(bytes)
    }

    /// Takes what fits and hands back the rest.
    pub(super) fn fill<'a>(&mut self, bytes: &'a [u8]) -> &'a [u8] {
        let room = NONCE_BYTES + BLOCK_BYTES - self.0.len();
        let (now, later) = bytes.split_at(room.min(bytes.len()));
        self.0.extend_from_slice(now);
        later
    }

    pub(super) fn is_full(&self) -> bool {
        self.0.len() == NONCE_BYTES + BLOCK_BYTES
    }
}

/// The key of one attachment's blocks.
pub(super) struct BlockKey {
    attachment: AttachmentId,
    key: RandomizedNonceKey,
}

impl fmt::Debug for BlockKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "BlockKey({})", self.attachment)
    }
}

impl BlockKey {
    /// Makes a key and the form in which the database keeps it: a data key wrapped by the master key,
    /// followed by the block key sealed under that data key.
    pub(super) fn create(keyring: &Keyring, attachment: AttachmentId) -> Result<(Self, Vec<u8>), SealError> {
        let mut secret = [0; 32];
        rand::fill(&mut secret).map_err(|_| SealError::NoRandomness)?;
        let (data_key, mut wrapped) = keyring.new_data_key()?;
        if wrapped.len() != WRAPPED_BYTES {
            return Err(SealError::DoesNotOpen);
        }
        let (purpose, label) = Self::binding(attachment);
        wrapped.extend(data_key.seal(purpose, label, &secret)?);
        Ok((Self::new(attachment, &secret)?, wrapped))
    }

    /// Opens the key that [`Self::create`] made.
    pub(super) fn open(
        keyring: &Keyring,
        attachment: AttachmentId,
        master_key_id: &str,
        wrapped_key: &[u8],
    ) -> Result<Self, SealError> {
        let (wrapped, sealed) = wrapped_key
            .split_at_checked(WRAPPED_BYTES)
            .ok_or(SealError::DoesNotOpen)?;
        let (purpose, label) = Self::binding(attachment);
        let secret = keyring
            .data_key(master_key_id, wrapped)?
            .open(purpose, label, sealed)?;
        Self::new(attachment, &secret)
    }

    /// The keyring's data keys bind an id and a person. The data key is fresh and seals nothing but this one
    /// block key; it belongs to no person.
    const fn binding(attachment: AttachmentId) -> (SealPurpose, SubjectId) {
        (SealPurpose::Attachment(attachment), NOBODY)
    }

    fn new(attachment: AttachmentId, secret: &[u8]) -> Result<Self, SealError> {
        let key = RandomizedNonceKey::new(&AES_256_GCM, secret).map_err(|_| SealError::DoesNotOpen)?;
        Ok(Self { attachment, key })
    }

    fn bind(&self, index: u64, last: bool) -> Aad<[u8; 41]> {
        let mut bound = [0; 41];
        bound[..16].copy_from_slice(&LABEL);
        bound[16..32].copy_from_slice(self.attachment.0.as_bytes());
        bound[32..40].copy_from_slice(&index.to_be_bytes());
        bound[40] = u8::from(last);
        Aad::from(bound)
    }

    /// Seals a block: nonce, ciphertext, tag. In place: no second copy of the block is made.
    pub(super) fn seal(&self, index: u64, last: bool, block: Block) -> Result<Bytes, SealError> {
        let mut bytes = block.0;
        let (nonce, tag) = self
            .key
            .seal_in_place_separate_tag(self.bind(index, last), &mut bytes[NONCE_BYTES..])
            .map(|(nonce, tag)| (*nonce.as_ref(), tag))
            .map_err(|_| SealError::NoRandomness)?;
        bytes[..NONCE_BYTES].copy_from_slice(&nonce);
        bytes.extend_from_slice(tag.as_ref());
        Ok(bytes.into())
    }

    /// Opens a block, in place where nobody else holds its bytes.
    pub(super) fn open_block(&self, index: u64, last: bool, sealed: Bytes) -> Result<Bytes, SealError> {
        let mut bytes = Vec::from(sealed);
        let (nonce, body) = bytes
            .split_at_mut_checked(NONCE_BYTES)
            .ok_or(SealError::DoesNotOpen)?;
        let nonce = Nonce::try_assume_unique_for_key(nonce).map_err(|_| SealError::DoesNotOpen)?;
        let length = self
            .key
            .open_in_place(nonce, self.bind(index, last), body)
            .map_err(|_| SealError::DoesNotOpen)?
            .len();
        Ok(Bytes::from(bytes).slice(NONCE_BYTES..NONCE_BYTES + length))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use sendhub_store::seal::MasterKey;
    use uuid::Uuid;

    const ID: AttachmentId = AttachmentId(Uuid::from_u128(1));

    fn block(text: &[u8]) -> Block {
        let mut block = Block::new();
        assert!(block.fill(text).is_empty());
        block
    }

    #[test]
    fn a_block_opens_only_in_its_own_place() {
        let ring = Keyring::create(MasterKey::new([7; 32])).unwrap().0;
        let (key, wrapped) = BlockKey::create(&ring, ID).unwrap();
        let sealed = key.seal(3, false, block(b"content")).unwrap();
        assert_eq!(sealed.len(), 7 + OVERHEAD_BYTES);
        let again = BlockKey::open(&ring, ID, ring.master_key_id(), &wrapped).unwrap();
        assert_eq!(again.open_block(3, false, sealed.clone()).unwrap(), "content");
        assert!(again.open_block(2, false, sealed.clone()).is_err(), "moved");
        assert!(
            again.open_block(3, true, sealed.clone()).is_err(),
            "made the last"
        );
        let other = BlockKey::new(AttachmentId(Uuid::from_u128(2)), &[9; 32]).unwrap();
        let same = BlockKey::new(ID, &[9; 32]).unwrap();
        let foreign = other.seal(0, true, block(b"x")).unwrap();
        assert!(same.open_block(0, true, foreign).is_err(), "another attachment's");
        for position in 0..sealed.len() {
            let mut flipped = sealed.to_vec();
            flipped[position] ^= 1;
            assert!(key.open_block(3, false, flipped.into()).is_err());
        }
    }

    #[test]
    fn the_key_is_the_attachments_own() {
        let ring = Keyring::create(MasterKey::new([7; 32])).unwrap().0;
        let (_, wrapped) = BlockKey::create(&ring, ID).unwrap();
        let other = AttachmentId(Uuid::from_u128(2));
        let open = |id, wrapped: &[u8]| BlockKey::open(&ring, id, ring.master_key_id(), wrapped).map(drop);
        assert_eq!(open(ID, &wrapped), Ok(()));
        assert_eq!(open(other, &wrapped), Err(SealError::DoesNotOpen));
        assert_eq!(open(ID, &wrapped[..WRAPPED_BYTES]), Err(SealError::DoesNotOpen));
        assert_eq!(open(ID, &[]), Err(SealError::DoesNotOpen));
    }

    #[test]
    fn lengths_are_known_beforehand() {
        let one = BLOCK_BYTES as u64;
        for (clear, sealed) in [
            (1, 1 + 28),
            (one, one + 28),
            (one + 1, one + 1 + 56),
            (3 * one, 3 * one + 84),
        ] {
            assert_eq!(sealed_bytes(clear), sealed);
        }
    }
}
