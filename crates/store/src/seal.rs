//! Sealing at rest and pseudonyms: a data key for each person, wrapped by a master key that is never stored.

mod purpose;

use std::fmt;

use aws_lc_rs::aead::{AES_256_GCM, Aad, Nonce, RandomizedNonceKey};
use aws_lc_rs::key_wrap::{AES_256, AesKek, KeyWrapPadded};
use aws_lc_rs::{digest, hmac, rand};
use jiff::civil::Date;
use secrecy::{ExposeSecret, SecretBox};
use sendhub_domain::agency::AgencyId;
use sendhub_domain::person::{PersonIdentifier, SubjectId, comparable_name};

pub use self::purpose::{NOBODY, SealPurpose};

/// Length of the nonce that stands before every sealed text.
const NONCE_LENGTH: usize = 12;
/// Length of the authentication tag that stands after it.
const TAG_LENGTH: usize = 16;

/// Why something could not be sealed or opened. Says which key is meant, never what was sealed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SealError {
    /// The master key is not 32 bytes.
    #[error("a master key is 32 bytes, given as 64 hexadecimal digits or 44 base64 characters")]
    MasterKeyForm,
    /// The row names a master key that was not given.
    #[error("master key {0} is needed and was not given")]
    UnknownMasterKey(String),
    /// The sealed text, or what it is bound to, was changed, or the key is another.
    #[error("a sealed text does not open: it or its surroundings were changed")]
    DoesNotOpen,
    /// The machine's source of randomness failed.
    #[error("the system's random source failed")]
    NoRandomness,
}

/// The key that wraps all others. Comes from a file or the environment and is never written down here.
pub struct MasterKey {
    id: String,
    secret: SecretBox<[u8; 32]>,
}

impl MasterKey {
    /// Takes 32 bytes as a master key; its id is the first 8 bytes of its SHA-256 in hexadecimal.
    #[must_use]
    pub fn new(bytes: [u8; 32]) -> Self {
        let id = digest::digest(&digest::SHA256, &bytes).as_ref()[..8]
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect();
        Self {
            id,
            secret: SecretBox::new(Box::new(bytes)),
        }
    }

    /// Reads a key as operators write it: 64 hexadecimal digits or base64, white space around it ignored.
    ///
    /// # Errors
    /// [`SealError::MasterKeyForm`].
    pub fn parse(text: &str) -> Result<Self, SealError> {
        use base64::Engine as _;
        let text = text.trim();
        let bytes = if text.len() == 64 {
            (0..32)
                .map(|i| {
                    text.get(2 * i..2 * i + 2)
                        .and_then(|pair| u8::from_str_radix(pair, 16).ok())
                })
                .collect()
        } else {
            base64::engine::general_purpose::STANDARD.decode(text).ok()
        };
        let bytes: Option<[u8; 32]> = bytes.and_then(|bytes: Vec<u8>| bytes.try_into().ok());
        bytes.map(Self::new).ok_or(SealError::MasterKeyForm)
    }

    /// The key's name, which stands on every row it wraps.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }

    fn kek(&self) -> Result<AesKek, SealError> {
        AesKek::new(&AES_256, self.secret.expose_secret()).map_err(|_| SealError::MasterKeyForm)
    }

    fn wrap(&self, key: &[u8; 32]) -> Result<Vec<u8>, SealError> {
        let mut out = [0; 40];
        let wrapped = self
            .kek()?
            .wrap_with_padding(key, &mut out)
            .map_err(|_| SealError::DoesNotOpen)?;
        Ok(wrapped.to_vec())
    }

    fn unwrap(&self, wrapped: &[u8]) -> Result<[u8; 32], SealError> {
        let mut out = [0; 48];
        let key = self
            .kek()?
            .unwrap_with_padding(wrapped, &mut out)
            .map_err(|_| SealError::DoesNotOpen)?;
        <[u8; 32]>::try_from(&*key).map_err(|_| SealError::DoesNotOpen)
    }
}

impl fmt::Debug for MasterKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "MasterKey({})", self.id)
    }
}

/// The data key of one person or one attachment, ready for use.
pub struct DataKey(RandomizedNonceKey);

impl fmt::Debug for DataKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("DataKey(..)")
    }
}

impl DataKey {
    fn new(bytes: &[u8; 32]) -> Result<Self, SealError> {
        RandomizedNonceKey::new(&AES_256_GCM, bytes)
            .map(Self)
            .map_err(|_| SealError::DoesNotOpen)
    }

    /// Seals a text: nonce, ciphertext, tag.
    ///
    /// # Errors
    /// [`SealError::NoRandomness`].
    pub fn seal(&self, purpose: SealPurpose, subject: SubjectId, clear: &[u8]) -> Result<Vec<u8>, SealError> {
        let mut sealed = Vec::with_capacity(NONCE_LENGTH + clear.len() + TAG_LENGTH);
        sealed.extend_from_slice(&[0; NONCE_LENGTH]);
        sealed.extend_from_slice(clear);
        let (nonce, tag) = self
            .0
            .seal_in_place_separate_tag(Aad::from(purpose.bind(subject)), &mut sealed[NONCE_LENGTH..])
            .map(|(nonce, tag)| (*nonce.as_ref(), tag))
            .map_err(|_| SealError::NoRandomness)?;
        sealed[..NONCE_LENGTH].copy_from_slice(&nonce);
        sealed.extend_from_slice(tag.as_ref());
        Ok(sealed)
    }

    /// Opens a sealed text.
    ///
    /// # Errors
    /// [`SealError::DoesNotOpen`] when it, its purpose or its person is not what was sealed.
    pub fn open(
        &self,
        purpose: SealPurpose,
        subject: SubjectId,
        sealed: &[u8],
    ) -> Result<Vec<u8>, SealError> {
        if sealed.len() < NONCE_LENGTH + TAG_LENGTH {
            return Err(SealError::DoesNotOpen);
        }
        let (nonce, body) = sealed.split_at(NONCE_LENGTH);
        let nonce = Nonce::try_assume_unique_for_key(nonce).map_err(|_| SealError::DoesNotOpen)?;
        let mut clear = body.to_vec();
        let length = self
            .0
            .open_in_place(nonce, Aad::from(purpose.bind(subject)), &mut clear)
            .map_err(|_| SealError::DoesNotOpen)?
            .len();
        clear.truncate(length);
        Ok(clear)
    }
}

/// All the keys of one hub: the master keys it was given and the pseudonym key of its database.
#[derive(Debug)]
pub struct Keyring {
    current: MasterKey,
    former: Vec<MasterKey>,
    pseudonym: hmac::Key,
}

/// The pseudonym key as the database keeps it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WrappedSecret {
    /// Which master key wrapped it.
    pub master_key_id: String,
    /// The wrapped key.
    pub wrapped: Vec<u8>,
}

impl Keyring {
    /// Opens the keyring of an existing database.
    ///
    /// # Errors
    /// [`SealError::UnknownMasterKey`] when the pseudonym key was wrapped by a key that is not among these;
    /// [`SealError::DoesNotOpen`] when it was changed.
    pub fn open(
        current: MasterKey,
        former: Vec<MasterKey>,
        pseudonym: &WrappedSecret,
    ) -> Result<Self, SealError> {
        let wrapper = std::iter::once(&current)
            .chain(&former)
            .find(|key| key.id == pseudonym.master_key_id)
            .ok_or_else(|| SealError::UnknownMasterKey(pseudonym.master_key_id.clone()))?;
        let secret = wrapper.unwrap(&pseudonym.wrapped)?;
        Ok(Self {
            pseudonym: hmac::Key::new(hmac::HMAC_SHA256, &secret),
            current,
            former,
        })
    }

    /// Makes the keyring of a new database and the secret that the database keeps.
    ///
    /// # Errors
    /// [`SealError::NoRandomness`].
    pub fn create(current: MasterKey) -> Result<(Self, WrappedSecret), SealError> {
        let secret = random_32()?;
        let wrapped = WrappedSecret {
            master_key_id: current.id.clone(),
            wrapped: current.wrap(&secret)?,
        };
        let pseudonym = hmac::Key::new(hmac::HMAC_SHA256, &secret);
        Ok((
            Self {
                current,
                former: Vec::new(),
                pseudonym,
            },
            wrapped,
        ))
    }

    /// The id of the master key that wraps new data keys.
    #[must_use]
    pub fn master_key_id(&self) -> &str {
        &self.current.id
    }

    /// Makes a data key, for a person or an attachment, and wraps it with the master key [`Self::master_key_id`].
    ///
    /// # Errors
    /// [`SealError::NoRandomness`].
    pub fn new_data_key(&self) -> Result<(DataKey, Vec<u8>), SealError> {
        let bytes = random_32()?;
        Ok((DataKey::new(&bytes)?, self.current.wrap(&bytes)?))
    }

    /// Unwraps a data key.
    ///
    /// # Errors
    /// [`SealError::UnknownMasterKey`], [`SealError::DoesNotOpen`].
    pub fn data_key(&self, master_key_id: &str, wrapped: &[u8]) -> Result<DataKey, SealError> {
        let master = std::iter::once(&self.current)
            .chain(&self.former)
            .find(|key| key.id == master_key_id)
            .ok_or_else(|| SealError::UnknownMasterKey(master_key_id.to_owned()))?;
        DataKey::new(&master.unwrap(wrapped)?)
    }

    /// The keyed tag of an identifier. Numbers that mean something only with the agency that gave them
    /// are tagged together with it.
    #[must_use]
    pub fn identifier_tag(&self, identifier: &PersonIdentifier, given_by: &AgencyId) -> [u8; 16] {
        let local = if identifier.system.is_local() {
            given_by.as_str()
        } else {
            ""
        };
        self.tag(&["identifier", identifier.system.code(), local, &identifier.value])
    }

    /// The keyed tag of a person's date of birth; differs from person to person.
    #[must_use]
    pub fn birth_tag(&self, subject: SubjectId, born: Date) -> [u8; 16] {
        self.tag(&["birth", &subject.to_string(), &born.to_string()])
    }

    /// The keyed tag of a person's name as it is compared; differs from person to person.
    #[must_use]
    pub fn name_tag(&self, subject: SubjectId, surname: &str, forename: &str) -> [u8; 16] {
        self.tag(&[
            "name",
            &subject.to_string(),
            &comparable_name(surname),
            &comparable_name(forename),
        ])
    }

    /// The keyed tag by which a record of unknown destination is found from surname and date of birth.
    #[must_use]
    pub fn search_tag(&self, surname: &str, born: Date) -> [u8; 16] {
        self.tag(&["search", &comparable_name(surname), &born.to_string()])
    }

    fn tag(&self, parts: &[&str]) -> [u8; 16] {
        let mut context = hmac::Context::with_key(&self.pseudonym);
        for part in parts {
            // Length before text: no two lists of parts give the same bytes.
            context.update(&(part.len() as u64).to_le_bytes());
            context.update(part.as_bytes());
        }
        let mut tag = [0; 16];
        tag.copy_from_slice(&context.sign().as_ref()[..16]);
        tag
    }
}

fn random_32() -> Result<[u8; 32], SealError> {
    let mut bytes = [0; 32];
    rand::fill(&mut bytes).map_err(|_| SealError::NoRandomness)?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use sendhub_domain::exchange::ExchangeId;
    use sendhub_domain::person::IdentifierSystem;
    use uuid::Uuid;

    fn keyring() -> Keyring {
        Keyring::create(MasterKey::new([7; 32])).unwrap().0
    }

    const SUBJECT: SubjectId = SubjectId([1; 16]);

    #[test]
    fn what_is_sealed_opens_only_in_its_own_place() {
        let (key, wrapped) = keyring().new_data_key().unwrap();
        let (id, other) = (ExchangeId(Uuid::from_u128(1)), ExchangeId(Uuid::from_u128(2)));
        let sealed = key.seal(SealPurpose::Exchange(id), SUBJECT, b"content").unwrap();
        assert_eq!(
            key.open(SealPurpose::Exchange(id), SUBJECT, &sealed).unwrap(),
            b"content"
        );
        assert_eq!(
            key.open(SealPurpose::Exchange(other), SUBJECT, &sealed),
            Err(SealError::DoesNotOpen)
        );
        assert_eq!(
            key.open(SealPurpose::SubjectFacts, SUBJECT, &sealed),
            Err(SealError::DoesNotOpen)
        );
        assert_eq!(
            key.open(SealPurpose::Exchange(id), SubjectId([2; 16]), &sealed),
            Err(SealError::DoesNotOpen)
        );
        for position in 0..sealed.len() {
            let mut flipped = sealed.clone();
            flipped[position] ^= 1;
            assert_eq!(
                key.open(SealPurpose::Exchange(id), SUBJECT, &flipped),
                Err(SealError::DoesNotOpen)
            );
        }
        assert_ne!(wrapped.len(), 32, "the key is wrapped, not stored");
    }

    #[test]
    fn data_keys_need_the_master_key_that_wrapped_them() {
        let ring = keyring();
        let (key, wrapped) = ring.new_data_key().unwrap();
        let sealed = key.seal(SealPurpose::SubjectFacts, SUBJECT, b"facts").unwrap();
        let again = ring.data_key(ring.master_key_id(), &wrapped).unwrap();
        assert_eq!(
            again.open(SealPurpose::SubjectFacts, SUBJECT, &sealed).unwrap(),
            b"facts"
        );
        assert!(matches!(
            ring.data_key("0000", &wrapped),
            Err(SealError::UnknownMasterKey(_))
        ));
    }

    #[test]
    fn a_rotated_master_key_still_opens_old_rows() {
        let (old, secret) = Keyring::create(MasterKey::new([7; 32])).unwrap();
        let (_, wrapped) = old.new_data_key().unwrap();
        let new = Keyring::open(MasterKey::new([8; 32]), vec![MasterKey::new([7; 32])], &secret).unwrap();
        assert!(new.data_key(old.master_key_id(), &wrapped).is_ok());
        assert_ne!(new.master_key_id(), old.master_key_id());
        let identifier = PersonIdentifier {
            system: IdentifierSystem::Upn,
            value: "x".into(),
        };
        let agency = AgencyId::parse("one").unwrap();
        assert_eq!(
            new.identifier_tag(&identifier, &agency),
            old.identifier_tag(&identifier, &agency)
        );
    }

    #[test]
    fn local_numbers_are_tagged_with_their_agency() {
        let ring = keyring();
        let (one, two) = (AgencyId::parse("one").unwrap(), AgencyId::parse("two").unwrap());
        let local = PersonIdentifier {
            system: IdentifierSystem::MisLocal,
            value: "1".into(),
        };
        let global = PersonIdentifier {
            system: IdentifierSystem::Upn,
            value: "1".into(),
        };
        assert_ne!(
            ring.identifier_tag(&local, &one),
            ring.identifier_tag(&local, &two)
        );
        assert_eq!(
            ring.identifier_tag(&global, &one),
            ring.identifier_tag(&global, &two)
        );
    }

    #[test]
    fn master_keys_are_read_as_hex_or_base64() {
        let hex = "07".repeat(32);
        let base64 = "BwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc=";
        assert_eq!(
            MasterKey::parse(&format!(" {hex}\n")).unwrap().id(),
            MasterKey::new([7; 32]).id()
        );
        assert_eq!(
            MasterKey::parse(base64).unwrap().id(),
            MasterKey::new([7; 32]).id()
        );
        assert_eq!(MasterKey::parse("short").unwrap_err(), SealError::MasterKeyForm);
    }
}
