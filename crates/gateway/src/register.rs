//! The register: which person a request means, by keyed tags only, and never by likeness.

use std::sync::Arc;

use jiff::Timestamp;
use jiff::civil::Date;
use sendhub_domain::agency::AgencyId;
use sendhub_domain::person::{IdentityMatch, PersonReference, SubjectId};
use sendhub_store::change::{Effect, SubjectRow};
use sendhub_store::reads::SubjectFacts;
use sendhub_store::seal::{DataKey, SealError, SealPurpose};
use sendhub_store::{Keyring, Store, StoreError};
use serde::{Deserialize, Serialize};

/// Finds people in the register and opens their keys.
#[derive(Clone)]
pub struct Register {
    store: Arc<dyn Store>,
    keyring: Arc<Keyring>,
}

impl std::fmt::Debug for Register {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Register")
    }
}

/// The person a request is about, as far as the register goes.
#[derive(Debug)]
pub struct Found {
    /// The pseudonym.
    pub subject: SubjectId,
    /// How the request fits what is known.
    pub identity: IdentityMatch,
    /// The person's data key; `None` on a conflict, when nothing may be sealed.
    pub key: Option<DataKey>,
    /// What the exchange's change must write into the register.
    pub effects: Vec<Effect>,
}

/// Facts about a person that decisions need, sealed under the person's key.
#[derive(Serialize, Deserialize)]
struct DecisionFacts {
    born: Date,
}

impl Register {
    /// A register over a store and its keys.
    #[must_use]
    pub fn new(store: Arc<dyn Store>, keyring: Arc<Keyring>) -> Self {
        Self { store, keyring }
    }

    /// The keyed tags of a person's identifiers; numbers of one agency's own are tagged with that agency.
    #[must_use]
    pub fn tags(&self, person: &PersonReference, given_by: &AgencyId) -> Vec<[u8; 16]> {
        person
            .identifiers
            .iter()
            .map(|one| self.keyring.identifier_tag(one, given_by))
            .collect()
    }

    /// The tag under which a record of unknown destination is found by surname and date of birth.
    #[must_use]
    pub fn search_tag(&self, surname: &str, born: Date) -> [u8; 16] {
        self.keyring.search_tag(surname, born)
    }

    /// The people to whom tags lead.
    ///
    /// # Errors
    /// [`StoreError`] when the register cannot be read.
    pub async fn look_up(&self, tags: &[[u8; 16]]) -> Result<Vec<SubjectFacts>, StoreError> {
        let mut found = self.store.subjects(vec![tags.to_vec()]).await?;
        Ok(found.pop().unwrap_or_default())
    }

    /// Says how a person fits those to whom their tags lead, or prepares a new entry.
    ///
    /// # Errors
    /// [`StoreError`] when keys do not open.
    pub fn fit(
        &self,
        person: &PersonReference,
        tags: &[[u8; 16]],
        known: &[SubjectFacts],
        now: Timestamp,
    ) -> Result<Found, StoreError> {
        let Some(&first) = tags.first() else {
            return Ok(conflict(SubjectId([0; 16])));
        };
        match known {
            [] => Ok(self.admit(person, SubjectId(first), tags, now)?),
            [one] => Ok(self.recognise(person, one, tags)?),
            [first, ..] => Ok(conflict(first.subject)),
        }
    }

    /// Opens the data key of a person already in the register.
    ///
    /// # Errors
    /// [`StoreError`]; [`StoreError::Corrupt`] when the person is not there.
    pub async fn key_of(&self, subject: SubjectId) -> Result<DataKey, StoreError> {
        let facts = self
            .store
            .subject(subject)
            .await?
            .ok_or(StoreError::Corrupt("person"))?;
        Ok(self.keyring.data_key(&facts.master_key_id, &facts.wrapped_key)?)
    }

    /// Opens the data key of a person already in the register, and what decisions need to know of them.
    ///
    /// # Errors
    /// [`StoreError`]; [`StoreError::Corrupt`] when the person is not there or cannot be read.
    pub async fn person(&self, subject: SubjectId) -> Result<(DataKey, Date), StoreError> {
        let row = self
            .store
            .subject(subject)
            .await?
            .ok_or(StoreError::Corrupt("person"))?;
        let key = self.keyring.data_key(&row.master_key_id, &row.wrapped_key)?;
        let text = key.open(SealPurpose::SubjectFacts, subject, &row.sealed_facts)?;
        let facts: DecisionFacts =
            serde_json::from_slice(&text).map_err(|_| StoreError::Corrupt("person"))?;
        Ok((key, facts.born))
    }

    fn admit(
        &self,
        person: &PersonReference,
        subject: SubjectId,
        tags: &[[u8; 16]],
        now: Timestamp,
    ) -> Result<Found, SealError> {
        let (key, wrapped_key) = self.keyring.new_data_key()?;
        let facts = serde_json::to_vec(&DecisionFacts {
            born: person.date_of_birth,
        })
        .unwrap_or_default();
        let row = SubjectRow {
            subject,
            birth_tag: self.keyring.birth_tag(subject, person.date_of_birth),
            name_tag: self.keyring.name_tag(subject, &person.surname, &person.forename),
            wrapped_key,
            master_key_id: self.keyring.master_key_id().to_owned(),
            sealed_facts: key.seal(SealPurpose::SubjectFacts, subject, &facts)?,
            created_at: now,
        };
        let mut effects = vec![Effect::RegisterSubject(row)];
        link(&mut effects, subject, tags);
        Ok(Found {
            subject,
            identity: IdentityMatch::New,
            key: Some(key),
            effects,
        })
    }

    fn recognise(
        &self,
        person: &PersonReference,
        known: &SubjectFacts,
        tags: &[[u8; 16]],
    ) -> Result<Found, SealError> {
        let subject = known.subject;
        if known.birth_tag != self.keyring.birth_tag(subject, person.date_of_birth)
            || !self.name_agrees(person, known)
        {
            return Ok(conflict(subject));
        }
        let key = self.keyring.data_key(&known.master_key_id, &known.wrapped_key)?;
        let mut effects = Vec::new();
        let name_tag = self.keyring.name_tag(subject, &person.surname, &person.forename);
        if name_tag != known.name_tag {
            effects.push(Effect::UpdateSubjectName { subject, name_tag });
        }
        link(&mut effects, subject, tags);
        Ok(Found {
            subject,
            identity: IdentityMatch::Same,
            key: Some(key),
            effects,
        })
    }

    /// A changed name is recognised only when the sender states the former one: a twin's number typed by
    /// mistake agrees in surname and date of birth too.
    fn name_agrees(&self, person: &PersonReference, known: &SubjectFacts) -> bool {
        let surnames = std::iter::once(&person.surname).chain(&person.former_surnames);
        surnames.into_iter().any(|surname| {
            std::iter::once(&person.forename)
                .chain(&person.former_forenames)
                .any(|forename| self.keyring.name_tag(known.subject, surname, forename) == known.name_tag)
        })
    }
}

fn conflict(subject: SubjectId) -> Found {
    Found {
        subject,
        identity: IdentityMatch::Conflict,
        key: None,
        effects: Vec::new(),
    }
}

fn link(effects: &mut Vec<Effect>, subject: SubjectId, tags: &[[u8; 16]]) {
    let others: Vec<_> = tags.iter().copied().filter(|tag| *tag != subject.0).collect();
    if !others.is_empty() {
        effects.push(Effect::LinkIdentifiers {
            subject,
            tags: others,
        });
    }
}
