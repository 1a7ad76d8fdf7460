//! Recording: a consent, a fact, the end of one; and in the same commit everything stops that no longer has a basis.

use std::collections::HashSet;

use jiff::civil::Date;
use prost::Message as _;
use sendhub_contracts::convert;
use sendhub_contracts::errors::v1::Reason;
use sendhub_contracts::refusal::Refusal;
use sendhub_contracts::rights::v1 as wire;
use sendhub_contracts::types::v1 as types;
use sendhub_contracts::validate::{At, Violation};
use sendhub_domain::agency::{AgencyId, AgencyKind};
use sendhub_domain::disclosure::ReferralStanding;
use sendhub_domain::event::{EventKind, EventOutcome};
use sendhub_domain::exchange::{DeliveryState, HubNoticeCode, RightsRecordId};
use sendhub_domain::person::{PersonReference, SubjectId};
use sendhub_domain::rights::RightsFacts;
use sendhub_ledger::hash::sha256;
use sendhub_policy::{Effect as Outcome, Stage};
use sendhub_store::change::{Conflict, RightsRow};
use sendhub_store::reads::EventFilter;
use sendhub_store::seal::{DataKey, SealPurpose};
use sendhub_store::{Change, CommitRefused, Effect, LogEntry, StoreError};
use tonic::Status;
use uuid::Uuid;

use super::read::{Ended, Kept, Record, RightsHeld, decision, facts, ruled_last_day};
use crate::accept::Waiting;
use crate::assessment::steps::day;
use crate::exchange::circumstances::Circumstances;
use crate::exchange::facts::Copy;
use crate::exchange::handing::rung;
use crate::exchange::header::Outside;
use crate::exchange::notices::News;
use crate::exchange::offer::{TRIES, identity_conflict};
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
        let faults = consent_faults(&consent, self.today());
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
        let mut faults = fact_faults(&fact, born);
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
            supersedes_its_like(&held, &new.kept)?;
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
                Ok(Some(Done {
                    record: record.id,
                    log: Some(self.position(leaf, committed)),
                    stopped,
                    warnings: warnings(new, &now, self.today()),
                }))
            }
            Err(CommitRefused::Conflict(
                Conflict::RightsChanged(_) | Conflict::SubjectChanged | Conflict::DeliveryMoved(_),
            )) => Ok(None),
            Err(failure) => Err(commit_refusal(&failure)),
        }
    }

    /// Stops every copy not yet collected that rests on what is recorded and that the law no longer allows, and
    /// tells those concerned. The answer is how many.
    async fn stop(
        &self,
        records: &[RightsRecordId],
        rights: &RightsFacts,
        effects: &mut Vec<Effect>,
    ) -> Result<u32, StoreError> {
        let directory = self.directory.load_full();
        let mut seen = HashSet::new();
        let mut count = 0;
        for record in records {
            for copy in self.store.relying_on(*record).await? {
                if !seen.insert(copy.delivery) {
                    continue;
                }
                let Some(exchange) = self.store.exchange(copy.exchange).await? else {
                    continue;
                };
                let outside = Outside::read(&exchange.header);
                let (Some(standing), Some(sender), Some(recipient)) = (
                    outside.standing(&copy.recipient),
                    directory.agency(&copy.sender),
                    directory.agency(&copy.recipient),
                ) else {
                    continue;
                };
                let mut question = Copy {
                    stage: Stage::Collect(copy.state),
                    sender,
                    recipient,
                    standing: &standing,
                    circumstances: &Circumstances::read(outside.circumstances.as_ref()),
                    referral: ReferralStanding::NotDecided,
                    rights,
                    on: self.today(),
                };
                let (decision, _) = self.decide_referred(&mut question, copy.exchange).await?;
                // What a named person must now decide waits for that person: collecting puts it before them.
                if decision.effect != Outcome::Deny {
                    continue;
                }
                // What was collected stays so and is not handed over again; its recipient is told like the others.
                if copy.state == DeliveryState::Waiting {
                    effects.push(Effect::MoveDelivery {
                        delivery: copy.delivery,
                        from: &[DeliveryState::Waiting],
                        to: DeliveryState::Stopped,
                        at: self.clock.now(),
                    });
                    count += 1;
                }
                effects.extend(self.tell(
                    &News {
                        code: HubNoticeCode::ConsentWithdrawn,
                        about: exchange.exchange,
                        case_reference: copy.case_reference.as_deref(),
                        on: self.today(),
                        once: format!("stopped/{}", copy.delivery),
                    },
                    self.concerned(&exchange, &copy.recipient),
                ));
            }
        }
        Ok(count)
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

pub(super) fn not_found() -> Refusal {
    Refusal::new(
        Reason::RightsRecordNotFound,
        "there is no such record of consent or fact",
    )
}

/// Whether the same agency recorded the same request before.
fn repeated(held: &RightsHeld, agency: &AgencyId, kept: &Kept) -> Result<Option<RightsRecordId>, Refusal> {
    let before = held.opened.iter().find(|record| {
        record.recorded_by == *agency
            && !kept.request_id.is_empty()
            && record.kept.request_id == kept.request_id
    });
    match before {
        None => Ok(None),
        Some(record) if record.kept.digest == kept.digest => Ok(Some(record.id)),
        Some(_) => Err(Refusal::new(
            Reason::RequestIdReused,
            "this request id was used for another request",
        )),
    }
}

fn consent_faults(consent: &wire::Consent, today: Date) -> Vec<Violation> {
    let mut out = Vec::new();
    if !consent.any_recipient && consent.recipients.is_empty() {
        out.push(wrong(
            "consent.recipients",
            "must name at least one, or any_recipient must be set",
        ));
    }
    if Uuid::try_parse(consent.supersedes.rsplit('/').next().unwrap_or_default()).is_err()
        && !consent.supersedes.is_empty()
    {
        out.push(wrong("consent.supersedes", "is not of the form consents/<uuid>"));
    }
    if day(consent.given_on.as_ref()).is_some_and(|given| given > today) {
        out.push(wrong("consent.given_on", "lies in the future"));
    }
    let parent = !matches!(
        consent.giver(),
        wire::GiverKind::Child | wire::GiverKind::YoungPerson
    );
    if parent && consent.giver_name.trim().is_empty() {
        out.push(wrong(
            "consent.giver_name",
            "is required of a parent or representative: the record must show who spoke",
        ));
    }
    if let (Some(from), Some(until)) = (
        day(consent.valid_from.as_ref()),
        day(consent.valid_until.as_ref()),
    ) && until < from
    {
        out.push(wrong("consent.valid_until", "is before valid_from"));
    }
    out
}

fn fact_faults(fact: &wire::RightsFact, born: Option<Date>) -> Vec<Violation> {
    use wire::rights_fact::Fact;
    let mut out = Vec::new();
    match &fact.fact {
        Some(Fact::CapacityFinding(found)) => {
            if decision(&found.decision).is_none() {
                out.push(wrong(
                    "fact.capacity_finding.decision",
                    "must name the decision: capacity is found for one decision, never as such (CFA 2014 s.80(4))",
                ));
            }
            if found.review_by.is_none() {
                out.push(wrong(
                    "fact.capacity_finding.review_by",
                    "is required: a finding does not hold for good",
                ));
            }
        }
        Some(Fact::UnderstandingFinding(found)) => {
            if !found.decision.is_empty() && decision(&found.decision).is_none() {
                out.push(wrong(
                    "fact.understanding_finding.decision",
                    "names no decision or item",
                ));
            }
        }
        Some(Fact::AgeDetermination(one)) => {
            let possible = born
                .and_then(|born| ruled_last_day(one, born).map(|last| (born, last)))
                .is_some_and(|(born, last)| {
                    let year = sendhub_domain::age::anniversary(born, 16).year();
                    [year, year.saturating_add(1)]
                        .into_iter()
                        .any(|year| sendhub_domain::age::last_friday_in_june(year) == last)
                });
            if !possible {
                out.push(wrong(
                    "fact.age_determination.from",
                    "must be the day after a last Friday in June on which the person can have left (EA 1996 s.8)",
                ));
            }
        }
        Some(Fact::Exclusion(one)) if one.agency.is_none() => out.push(wrong(
            "fact.exclusion.agency",
            "must name an agency: the hub can keep out only whom it knows",
        )),
        Some(Fact::AuthorityOpinion(one)) if one.recipient.is_none() => out.push(wrong(
            "fact.authority_opinion.recipient",
            "is required: an opinion under reg 17(1)(a) is about a recipient",
        )),
        _ => {}
    }
    out
}

/// The kind of a fact, for rows and log, and whether it can take a basis away.
const fn fact_kind(fact: &wire::RightsFact) -> (&'static str, bool) {
    use wire::rights_fact::Fact;
    match &fact.fact {
        Some(Fact::UnderstandingFinding(_)) => ("UNDERSTANDING_FINDING", true),
        Some(Fact::CapacityFinding(_)) => ("CAPACITY_FINDING", true),
        Some(Fact::Representative(_)) => ("REPRESENTATIVE", true),
        Some(Fact::AuthorityForParent(_)) => ("AUTHORITY_FOR_PARENT", false),
        Some(Fact::Exclusion(_)) => ("EXCLUSION", true),
        Some(Fact::CopyPreference(_)) => ("COPY_PREFERENCE", false),
        Some(Fact::AuthorityOpinion(_)) => ("AUTHORITY_OPINION", false),
        Some(Fact::AgeDetermination(_)) => ("AGE_DETERMINATION", true),
        Some(Fact::PlanContinuation(_)) => ("PLAN_CONTINUATION", false),
        Some(Fact::ParentalResponsibility(_)) => ("PARENTAL_RESPONSIBILITY", true),
        Some(Fact::AccessRestriction(_)) => ("ACCESS_RESTRICTION", true),
        Some(Fact::RequestOnFile(_)) => ("REQUEST_ON_FILE", false),
        Some(Fact::ServiceFamily(_)) => ("SERVICE_FAMILY", false),
        Some(Fact::SchoolYearStart(_)) => ("SCHOOL_YEAR_START", true),
        None => ("", false),
    }
}

/// Some facts are only the local authority's to state: its opinion, its ruling, that it keeps a plan.
fn may_record(caller: &Caller, fact: &wire::RightsFact) -> Result<(), Refusal> {
    if !AUTHORITYS.contains(&fact_kind(fact).0) || caller.agency.kind == AgencyKind::LocalAuthority {
        return Ok(());
    }
    Err(authoritys_alone())
}

/// The kinds of fact that are only the local authority's to state, and to take back.
const AUTHORITYS: [&str; 3] = ["AUTHORITY_OPINION", "AGE_DETERMINATION", "PLAN_CONTINUATION"];

fn authoritys_alone() -> Refusal {
    let mut refusal = Refusal::new(
        Reason::RightsRecorderNotPermitted,
        "only the local authority can state this: its own opinion, ruling or decision",
    )
    .remedy("Ask the local authority to record it.");
    refusal.provision = Some("SEND Regulations 2014 reg 17(1)(a); CFA 2014 s.46".into());
    refusal
}

/// Under which names a record of this kind is known, if it is one that can be ended.
fn collection_of(kind: &str) -> Option<&'static str> {
    match kind {
        "CONSENT_GRANTED" | "CONSENT_REFUSED" => Some("consents"),
        "CONSENT_WITHDRAWN" | "FACT_WITHDRAWN" | "REFERRAL_SIGNED" => None,
        _ => Some("facts"),
    }
}

/// What a record takes the place of must be recorded of the same person and be of the same kind.
fn supersedes_its_like(held: &RightsHeld, kept: &Kept) -> Result<(), Refusal> {
    let named_by = |kept: &Kept| {
        let consent = kept
            .consent
            .as_ref()
            .map(|one| ("consents", one.supersedes.clone()));
        consent.or_else(|| kept.fact.as_ref().map(|one| ("facts", one.supersedes.clone())))
    };
    let kind = |kept: &Kept| match (&kept.consent, &kept.fact) {
        (Some(_), _) => Some("CONSENT"),
        (None, Some(fact)) => Some(fact_kind(fact).0),
        (None, None) => None,
    };
    let Some((collection, name)) = named_by(kept).filter(|(_, name)| !name.is_empty()) else {
        return Ok(());
    };
    let replaced = named(collection, &name).map(RightsRecordId);
    let like = held
        .opened
        .iter()
        .any(|record| Some(record.id) == replaced && kind(&record.kept) == kind(kept));
    if like { Ok(()) } else { Err(not_found()) }
}

/// What the recorder should know at once: a consent that cannot count is worse than none.
fn warnings(new: &New, rights: &RightsFacts, today: Date) -> Vec<String> {
    let Some(consent) = &new.kept.consent else {
        return Vec::new();
    };
    let status = rights.status_on(today);
    let holder = status.right_holder();
    let parent = matches!(consent.giver(), wire::GiverKind::Parent);
    let mut out = Vec::new();
    if parent && holder == sendhub_domain::age::RightHolder::YoungPerson {
        out.push(
            "RIGHTS_HAVE_PASSED: the young person decides; a parent's consent does not count unless the young \
             person has authorised the parent (SEND Code of Practice 8.14)"
                .to_owned(),
        );
    }
    if holder == sendhub_domain::age::RightHolder::NeedsDetermination {
        out.push(
            "STATUS_NEEDS_DETERMINATION: both parent and pupil must agree until the local authority has ruled"
                .to_owned(),
        );
    }
    out
}
