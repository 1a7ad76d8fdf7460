//! Checkpoints: a log's size and root, signed (C2SP tlog-checkpoint on C2SP signed-note, Ed25519).

use std::fmt;

use aws_lc_rs::signature::{ED25519, Ed25519KeyPair, KeyPair as _, UnparsedPublicKey};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::LedgerError;
use crate::hash::{Hash, sha256};

/// The signature type of Ed25519 in key ids and verifier keys.
const ED25519_TYPE: u8 = 1;

/// A log's state.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checkpoint {
    /// The log's name.
    pub origin: String,
    /// Its size.
    pub size: u64,
    /// Its root.
    pub root: Hash,
}

impl Checkpoint {
    /// The text that is signed: three lines.
    #[must_use]
    pub fn body(&self) -> String {
        format!(
            "{}\n{}\n{}\n",
            self.origin,
            self.size,
            STANDARD.encode(self.root.as_bytes())
        )
    }

    fn parse(body: &str) -> Result<Self, LedgerError> {
        let mut lines = body.strip_suffix('\n').ok_or(LedgerError::NoteForm)?.split('\n');
        let (Some(origin), Some(size), Some(root)) = (lines.next(), lines.next(), lines.next()) else {
            return Err(LedgerError::NoteForm);
        };
        let plain =
            size == "0" || (!size.starts_with('0') && size.bytes().all(|digit| digit.is_ascii_digit()));
        if origin.is_empty() || !plain || lines.next().is_some() {
            return Err(LedgerError::NoteForm);
        }
        let root = STANDARD.decode(root).map_err(|_| LedgerError::NoteForm)?;
        Ok(Self {
            origin: origin.to_owned(),
            size: size.parse().map_err(|_| LedgerError::NoteForm)?,
            root: Hash::from_slice(&root)?,
        })
    }
}

/// The key that signs a log's checkpoints. Its name is the log's origin.
pub struct LogKey {
    pair: Ed25519KeyPair,
    verifier: VerifierKey,
}

impl fmt::Debug for LogKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "LogKey({})", self.verifier)
    }
}

impl LogKey {
    /// The key with this 32-byte seed, for the log of this origin.
    ///
    /// # Errors
    /// [`LedgerError::Key`] when the origin cannot stand in a note (empty, white space or `+`).
    pub fn from_seed(origin: &str, seed: &[u8; 32]) -> Result<Self, LedgerError> {
        let pair = Ed25519KeyPair::from_seed_unchecked(seed).map_err(|_| LedgerError::Key)?;
        let public = pair
            .public_key()
            .as_ref()
            .try_into()
            .map_err(|_| LedgerError::Key)?;
        Ok(Self {
            verifier: VerifierKey::new(origin, public)?,
            pair,
        })
    }

    /// The public half.
    #[must_use]
    pub const fn verifier(&self) -> &VerifierKey {
        &self.verifier
    }

    /// Signs the state of this key's log: the whole note.
    #[must_use]
    pub fn sign(&self, size: u64, root: Hash) -> String {
        let body = Checkpoint {
            origin: self.verifier.name.clone(),
            size,
            root,
        }
        .body();
        let mut signed = self.verifier.id.to_vec();
        signed.extend_from_slice(self.pair.sign(body.as_bytes()).as_ref());
        format!(
            "{body}\n\u{2014} {} {}\n",
            self.verifier.name,
            STANDARD.encode(signed)
        )
    }
}

/// A public key that verifies checkpoints, in text form `name+id+key`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VerifierKey {
    name: String,
    id: [u8; 4],
    public: [u8; 32],
}

impl VerifierKey {
    fn new(name: &str, public: [u8; 32]) -> Result<Self, LedgerError> {
        if name.is_empty() || name.contains(|one: char| one.is_whitespace() || one == '+') {
            return Err(LedgerError::Key);
        }
        let mut hashed = format!("{name}\n").into_bytes();
        hashed.push(ED25519_TYPE);
        hashed.extend_from_slice(&public);
        let hash = sha256(&hashed);
        Ok(Self {
            name: name.to_owned(),
            id: [hash.0[0], hash.0[1], hash.0[2], hash.0[3]],
            public,
        })
    }

    /// The key's name: the log's origin.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Reads the text form.
    ///
    /// # Errors
    /// [`LedgerError::Key`].
    pub fn parse(text: &str) -> Result<Self, LedgerError> {
        let mut parts = text.trim().splitn(3, '+');
        let (Some(name), Some(id), Some(key)) = (parts.next(), parts.next(), parts.next()) else {
            return Err(LedgerError::Key);
        };
        let key = STANDARD.decode(key).map_err(|_| LedgerError::Key)?;
        let (ED25519_TYPE, public) = key
            .split_first()
            .map(|(kind, rest)| (*kind, rest))
            .ok_or(LedgerError::Key)?
        else {
            return Err(LedgerError::Key);
        };
        let read = Self::new(name, public.try_into().map_err(|_| LedgerError::Key)?)?;
        if hex(read.id) == id {
            Ok(read)
        } else {
            Err(LedgerError::Key)
        }
    }

    /// Verifies a signed checkpoint of this key's log.
    ///
    /// # Errors
    /// [`LedgerError::NoteForm`], [`LedgerError::NotSigned`], [`LedgerError::BadSignature`].
    pub fn verify(&self, note: &str) -> Result<Checkpoint, LedgerError> {
        let (body, signatures) = note.rsplit_once("\n\n").ok_or(LedgerError::NoteForm)?;
        let body = format!("{body}\n");
        if !signatures.ends_with('\n') {
            return Err(LedgerError::NoteForm);
        }
        let mut seen = false;
        for line in signatures.lines() {
            let (name, signature) = line
                .strip_prefix("\u{2014} ")
                .and_then(|rest| rest.split_once(' '))
                .ok_or(LedgerError::NoteForm)?;
            let signature = STANDARD.decode(signature).map_err(|_| LedgerError::NoteForm)?;
            let (id, signature) = signature.split_at_checked(4).ok_or(LedgerError::NoteForm)?;
            if name == self.name && id == self.id {
                UnparsedPublicKey::new(&ED25519, self.public)
                    .verify(body.as_bytes(), signature)
                    .map_err(|_| LedgerError::BadSignature)?;
                seen = true;
            }
        }
        if !seen {
            return Err(LedgerError::NotSigned);
        }
        let checkpoint = Checkpoint::parse(&body)?;
        if checkpoint.origin == self.name {
            Ok(checkpoint)
        } else {
            Err(LedgerError::NotSigned)
        }
    }
}

impl fmt::Display for VerifierKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut key = vec![ED25519_TYPE];
        key.extend_from_slice(&self.public);
        write!(f, "{}+{}+{}", self.name, hex(self.id), STANDARD.encode(key))
    }
}

fn hex(id: [u8; 4]) -> String {
    format!("{:08x}", u32::from_be_bytes(id))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key() -> LogKey {
        LogKey::from_seed("hub.example/g1", &[7; 32]).unwrap()
    }

    #[test]
    fn a_signed_checkpoint_reads_back_and_a_changed_one_does_not() {
        let key = key();
        let note = key.sign(42, sha256(b"root"));
        let read = key.verifier().verify(&note).unwrap();
        assert_eq!((read.size, read.root), (42, sha256(b"root")));
        for at in 0..note.len() {
            let mut bytes = note.clone().into_bytes();
            bytes[at] ^= 1;
            if let Ok(changed) = String::from_utf8(bytes) {
                assert!(key.verifier().verify(&changed).is_err(), "byte {at}");
            }
        }
    }

    #[test]
    fn the_text_form_of_a_key_reads_back() {
        let text = key().verifier().to_string();
        assert_eq!(&VerifierKey::parse(&text).unwrap(), key().verifier());
        assert!(VerifierKey::parse(&text.replace("hub.example", "hub.other")).is_err());
    }

    #[test]
    fn another_log_s_key_does_not_verify() {
        let other = LogKey::from_seed("hub.example/g2", &[8; 32]).unwrap();
        let note = key().sign(1, sha256(b""));
        assert_eq!(other.verifier().verify(&note), Err(LedgerError::NotSigned));
    }
}
