//! Recording: a consent, a fact, the end of one; and in the same commit everything stops that no longer has a basis.

use jiff::civil::Date;
use prost::Message as _;
use sendhub_contracts::convert;
use sendhub_contracts::refusal::Refusal;
use sendhub_contracts::rights::v1 as wire;
use sendhub_contracts::types::v1 as types;
use sendhub_contracts::validate::{At, Violation};
use sendhub_domain::agency::AgencyKind;
use sendhub_domain::event::{EventKind, EventOutcome};
use sendhub_domain::exchange::RightsRecordId;
use sendhub_domain::person::{PersonReference, SubjectId};
use sendhub_ledger::hash::sha256;
use sendhub_store::change::{Conflict, RightsRow};
use sendhub_store::reads::EventFilter;
use sendhub_store::seal::{DataKey, SealPurpose};
use sendhub_store::{Change, CommitRefused, Effect, LogEntry, StoreError};
use tonic::Status;

use super::checks::{
    AUTHORITYS, any_party_may_end, authoritys_alone, collection_of, consent_faults, end_in_time, fact_faults,
    fact_kind, may_record, not_found, recorders_alone, repeated, supersedes_its_like, warnings,
};
use super::kept::{Ended, Kept, Record, RightsHeld};
use super::read::facts;
use crate::accept::Waiting;
use crate::assessment::steps::day;
use crate::exchange::draft::TRIES;
use crate::exchange::handing::rung;
use crate::exchange::offer::identity_conflict;
use crate::exchange::parties::{named, wrong};
use crate::hub::{Hub, commit_refusal, is_passing, recorded, store_refusal};
use crate::identity::Caller;

const RECORD_CONSENT: &str = "sendhub.rights.v1.ConsentService/RecordConsent";
const WITHDRAW_CONSENT: &str = "sendhub.rights.v1.ConsentService/WithdrawConsent";
const RECORD_FACT: &str = "sendhub.rights.v1.RightHolderService/RecordFact";
const WITHDRAW_FACT: &str = "sendhub.rights.v1.RightHolderService/WithdrawFact";

/// What recording came to.
pub(super) struct Done {
    pub(super) record: RightsRecordId,
    pub(super) log: Option<types::LogPosition>,
    pub(super) stopped: u32,
    pub(super) warnings: Vec<String>,
}

/// A record on its way in.
struct New {
    method: &'static str,
    /// What it is, for rows and log: nothing of what it says.
    kind: &'static str,
    kept: Kept,
    /// Whether it can take a basis away, so that what waits must be looked at.
    takes_away: bool,
}

/// The person a record is about: as a request names them, or known from the record it ends.
enum About<'a> {
    Named(&'a types::PersonReference),
    Known(SubjectId),
}

impl Hub {
    /// Records a consent or refusal.
    pub(super) async fn record_consent(
        &self,
        caller: &Caller,
        request: &wire::RecordConsentRequest,
    ) -> Result<Done, Status> {
        let consent = request.consent.clone().unwrap_or_default();
        let refused = consent.decision() != wire::ConsentDecision::Granted;
        let faults = consent_faults(&consent, self.today(), &self.directory.load());
        let new = New {
            method: RECORD_CONSENT,
            kind: if refused {
                "CONSENT_REFUSED"
            } else {
                "CONSENT_GRANTED"
            },
            kept: Kept {
                request_id: request.request_id.clone(),
                digest: digest(request),
                consent: Some(consent),
                ..Kept::default()
            },
            takes_away: true,
        };
        let about = About::Named(request.subject.as_ref().unwrap_or(&NOBODY));
        self.keep(caller, &about, new, faults).await
    }

    /// Withdraws a consent: what waits on it stops before this is answered.
    pub(super) async fn withdraw_consent(
        &self,
        caller: &Caller,
        request: &wire::WithdrawConsentRequest,
    ) -> Result<Done, Status> {
        let ended = self
            .ended(
                caller,
                "consents",
                "consent",
                &request.consent,
                request.withdrawn_on.as_ref(),
                &request.note,
            )
            .await;
        let new = New {
            method: WITHDRAW_CONSENT,
            kind: "CONSENT_WITHDRAWN",
            kept: Kept {
                request_id: request.request_id.clone(),
                digest: digest(request),
                ended: None,
                ..Kept::default()
            },
            takes_away: true,
        };
        self.keep_end(caller, new, ended).await
    }

    /// Records a fact about who may decide.
    pub(super) async fn record_fact(
        &self,
        caller: &Caller,
        request: &wire::RecordFactRequest,
    ) -> Result<Done, Status> {
        let fact = request.fact.clone().unwrap_or_default();
        let born = day(request
            .subject
            .as_ref()
            .and_then(|subject| subject.date_of_birth.as_ref()));
        let (kind, takes_away) = fact_kind(&fact);
        // What replaces an authority or opinion ends it, whatever it says itself.
        let takes_away = takes_away || !fact.supersedes.is_empty();
        let mut faults = fact_faults(&fact, born, &self.directory.load());
        if let Err(refusal) = may_record(caller, &fact) {
            return Err(self.turn_down(caller, RECORD_FACT, refusal).await);
        }
        if kind.is_empty() {
            faults.push(wrong("fact.fact", "is required"));
        }
        let new = New {
            method: RECORD_FACT,
            kind,
            kept: Kept {
                request_id: request.request_id.clone(),
                digest: digest(request),
                fact: Some(fact),
                ..Kept::default()
            },
            takes_away,
        };
        let about = About::Named(request.subject.as_ref().unwrap_or(&NOBODY));
        self.keep(caller, &about, new, faults).await
    }

    /// Ends a fact.
    pub(super) async fn withdraw_fact(
        &self,
        caller: &Caller,
        request: &wire::WithdrawFactRequest,
    ) -> Result<Done, Status> {
        let ended = self
            .ended(
                caller,
                "facts",
                "fact",
                &request.fact,
                request.withdrawn_on.as_ref(),
                &request.reason,
            )
            .await;
        let new = New {
            method: WITHDRAW_FACT,
            kind: "FACT_WITHDRAWN",
            kept: Kept {
                request_id: request.request_id.clone(),
                digest: digest(request),
                ended: None,
                ..Kept::default()
            },
            takes_away: true,
        };
        self.keep_end(caller, new, ended).await
    }

    /// The record that a request ends, and whose it is.
    async fn ended(
        &self,
        caller: &Caller,
        collection: &str,
        field: &'static str,
        name: &str,
        on: Option<&types::Date>,
        note: &str,
    ) -> Result<(SubjectId, Ended), Refusal> {
        let id = named(collection, name).map(RightsRecordId).ok_or_else(|| {
            Refusal::fields(vec![wrong(
                field,
                format!("is not of the form {collection}/<uuid>"),
            )])
        })?;
        let today = self.today();
        let on = day(on).unwrap_or(today);
        if on > today {
            return Err(Refusal::fields(vec![wrong(
                "withdrawn_on",
                "lies in the future: a withdrawal counts from the day on which it is made",
            )]));
        }
        let record = self
            .store
            .rights_record(id)
            .await
            .map_err(|failure| store_refusal(&failure))?
            .filter(|record| collection_of(&record.kind) == Some(collection))
            .ok_or_else(not_found)?;
        if AUTHORITYS.contains(&record.kind.as_str()) && caller.agency.kind != AgencyKind::LocalAuthority {
            return Err(authoritys_alone());
        }
        let own = record.recorded_by == caller.agency.id;
        if !own && caller.agency.kind != AgencyKind::LocalAuthority {
            let heard = any_party_may_end(&record.kind)
                && self
                    .has_exchanged(caller, record.subject)
                    .await
                    .map_err(|failure| store_refusal(&failure))?;
            if !heard {
                return Err(recorders_alone());
            }
        }
        Ok((
            record.subject,
            Ended {
                record: id.to_string(),
                on: on.to_string(),
                note: note.to_owned(),
            },
        ))
    }

    async fn keep_end(
        &self,
        caller: &Caller,
        mut new: New,
        ended: Result<(SubjectId, Ended), Refusal>,
    ) -> Result<Done, Status> {
        match ended {
            Ok((subject, ended)) => {
                new.kept.ended = Some(ended);
                self.keep(caller, &About::Known(subject), new, Vec::new()).await
            }
            Err(refusal) => Err(self.turn_down(caller, new.method, refusal).await),
        }
    }

    /// Writes a refusal of this service.
    pub(super) async fn turn_down(&self, caller: &Caller, method: &'static str, refusal: Refusal) -> Status {
        if is_passing(refusal.reason) {
            return refusal.into();
        }
        let event = self.event(EventKind::RightsRecorded, EventOutcome::Refused, caller, method);
        recorded(self.refuse(event, refusal).await)
    }

    async fn keep(
        &self,
        caller: &Caller,
        about: &About<'_>,
        new: New,
        faults: Vec<Violation>,
    ) -> Result<Done, Status> {
        let method = new.method;
        match Box::pin(self.try_keep(caller, about, new, faults)).await {
            Ok(done) => Ok(done),
            Err(refusal) => Err(self.turn_down(caller, method, refusal).await),
        }
    }

    async fn try_keep(
        &self,
        caller: &Caller,
        about: &About<'_>,
        new: New,
        mut faults: Vec<Violation>,
    ) -> Result<Done, Refusal> {
        let failed = |failure: StoreError| store_refusal(&failure);
        let person = match about {
            About::Named(wire) => {
                convert::person(wire, &At::Field(&At::Root, "subject"), &mut faults).map(Some)
            }
            About::Known(_) => Some(None),
        };
        let (Some(person), true) = (person, faults.is_empty()) else {
            return Err(Refusal::fields(faults));
        };
        for _ in 0..TRIES {
            let (subject, key, born, effects) = self.whom(caller, about, person.as_ref()).await?;
            let held = self.rights_of(subject, &key, born).await.map_err(failed)?;
            if let Some(before) = repeated(&held, &caller.agency.id, &new.kept)? {
                return self.done_before(subject, before).await;
            }
            supersedes_its_like(caller, &held, &new.kept)?;
            if let Some(ended) = &new.kept.ended {
                end_in_time(&held, ended)?;
            }
            let record = Record {
                id: RightsRecordId(self.clock.new_id()),
                recorded_by: caller.agency.id.clone(),
                recorded_at: self.clock.now(),
                kept: new.kept.clone(),
            };
            let written = self
                .write_record(caller, &new, &record, subject, &key, &held, born, effects)
                .await?;
            if let Some(done) = written {
                return Ok(done);
            }
        }
        Err(commit_refusal(&CommitRefused::Conflict(Conflict::RightsChanged(
            0,
        ))))
    }

    /// The first answer again, from the leaf that was written then.
    async fn done_before(&self, subject: SubjectId, record: RightsRecordId) -> Result<Done, Refusal> {
        let failed = |failure: StoreError| store_refusal(&failure);
        let mut done = Done {
            record,
            log: None,
            stopped: 0,
            warnings: vec!["REPEATED: this request was recorded before".into()],
        };
        let mut filter = EventFilter {
            subject: Some(subject),
            kind: Some(EventKind::RightsRecorded.code().to_owned()),
            limit: 1000,
            ..EventFilter::default()
        };
        loop {
            let page = self.store.events(&filter).await.map_err(failed)?;
            for event in &page {
                let leaf: serde_json::Value = serde_json::from_slice(&event.entry).unwrap_or_default();
                if leaf["record"] != record.to_string() {
                    continue;
                }
                let stopped = leaf["stopped"].as_str().and_then(|count| count.parse().ok());
                done.stopped = stopped.unwrap_or_default();
                if let Some(newest) = self.store.checkpoint(&event.log, None).await.map_err(failed)? {
                    let place = self.place(&event.log, event.index, newest.size).await;
                    done.log = place.map_err(failed)?;
                }
                return Ok(done);
            }
            match page.last() {
                Some(last) if page.len() == 1000 => filter.after = Some((last.log.clone(), last.index)),
                _ => return Ok(done),
            }
        }
    }

    /// The person, with key and what their admission to the register writes.
    async fn whom(
        &self,
        caller: &Caller,
        about: &About<'_>,
        person: Option<&PersonReference>,
    ) -> Result<(SubjectId, DataKey, Date, Vec<Effect>), Refusal> {
        let failed = |failure: StoreError| store_refusal(&failure);
        match (about, person) {
            (About::Known(subject), _) => {
                let (key, born) = self.register.person(*subject).await.map_err(failed)?;
                Ok((*subject, key, born, Vec::new()))
            }
            (About::Named(_), Some(person)) => {
                let tags = self.register.tags(person, &caller.agency.id);
                let known = self.register.look_up(&tags).await.map_err(failed)?;
                let found = self
                    .register
                    .fit(person, &tags, &known, self.clock.now())
                    .map_err(failed)?;
                let key = found.key.ok_or_else(identity_conflict)?;
                Ok((found.subject, key, person.date_of_birth, found.effects))
            }
            (About::Named(_), None) => Err(Refusal::fields(vec![wrong("subject", "is required")])),
        }
    }

    /// Writes one record; `None` when something it was decided on changed meanwhile.
    #[expect(clippy::too_many_arguments, reason = "what one record is made of; used once")]
    async fn write_record(
        &self,
        caller: &Caller,
        new: &New,
        record: &Record,
        subject: SubjectId,
        key: &DataKey,
        held: &RightsHeld,
        born: Date,
        mut effects: Vec<Effect>,
    ) -> Result<Option<Done>, Refusal> {
        let failed = |failure: StoreError| store_refusal(&failure);
        let clear = new.kept.encode_to_vec();
        let sealed = key
            .seal(SealPurpose::Rights(record.id), subject, &clear)
            .map_err(|error| failed(error.into()))?;
        let mut event = self.event(
            EventKind::RightsRecorded,
            EventOutcome::Success,
            caller,
            new.method,
        );
        event.at = record.recorded_at;
        event.subject = Some(subject);
        event.sealed_sha256 = Some(sha256(&sealed).0);
        event.facts.push(("record", record.id.to_string()));
        event.facts.push(("record_kind", new.kind.into()));
        if let Some(ended) = &new.kept.ended {
            event.facts.push(("ends", ended.record.clone()));
        }
        effects.push(Effect::RecordRights {
            row: RightsRow {
                record: record.id,
                subject,
                kind: new.kind.to_owned(),
                recorded_by: record.recorded_by.clone(),
                recorded_at: record.recorded_at,
                sealed,
            },
            expected_revision: held.revision,
        });
        let mut after: Vec<Record> = held.opened.clone();
        after.push(record.clone());
        let now = facts(&after, born, &self.directory.load());
        let stopped = if new.takes_away {
            self.stop(&held.records, &now, &mut effects)
                .await
                .map_err(failed)?
        } else {
            0
        };
        event.facts.push(("stopped", stopped.to_string()));
        let told = rung(&effects);
        let entry = LogEntry::encode(&event);
        let leaf = entry.bytes.clone();
        match self.write(Change { entry, effects }, Waiting::Briefly).await {
            Ok(committed) => {
                for agency in told {
                    self.wakeups.ring(&agency);
                }
                let late = if new.takes_away {
                    self.stop_late(caller, new.method, subject, key, born).await
                } else {
                    0
                };
                Ok(Some(Done {
                    record: record.id,
                    log: Some(self.position(leaf, committed)),
                    stopped: stopped.saturating_add(late),
                    warnings: warnings(&new.kept, &now, self.today()),
                }))
            }
            Err(CommitRefused::Conflict(
                Conflict::RightsChanged(_) | Conflict::SubjectChanged | Conflict::DeliveryMoved(_),
            )) => Ok(None),
            Err(failure) => Err(commit_refusal(&failure)),
        }
    }
}

static NOBODY: types::PersonReference = types::PersonReference {
    identifiers: Vec::new(),
    surname: String::new(),
    forename: String::new(),
    date_of_birth: None,
    former_surnames: Vec::new(),
    former_forenames: Vec::new(),
};

fn digest(request: &impl prost::Message) -> Vec<u8> {
    sha256(&request.encode_to_vec()).0.to_vec()
}
