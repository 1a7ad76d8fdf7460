//! Reading rights: who decides on a day, and what is recorded. Every reading stands in the log.

use jiff::civil::Date;
use sendhub_contracts::convert;
use sendhub_contracts::refusal::Refusal;
use sendhub_contracts::rights::v1 as wire;
use sendhub_contracts::types::v1 as types;
use sendhub_contracts::validate::At;
use sendhub_domain::age::{AgeStatus, SchoolYearStart, anniversary, csa_first_day};
use sendhub_domain::disclosure::{Item, RecipientRole};
use sendhub_domain::event::{EventKind, EventOutcome};
use sendhub_domain::person::SubjectId;
use sendhub_domain::rights::{
    Decision, DecisionKind, Holder, RepresentativeKind, RightsFacts, RightsPass, Scope,
};
use sendhub_store::StoreError;
use sendhub_store::reads::EventFilter;
use tonic::Status;

use super::checks::not_found;
use super::kept::Record;
use super::read::{decision, superseded_on};
use crate::assessment::steps::day;
use crate::exchange::offer::identity_conflict;
use crate::hub::{Hub, commit_refusal, day_in_england, store_refusal};
use crate::identity::Caller;
use crate::transfer::page_token;

const HOLDER: &str = "sendhub.rights.v1.RightHolderService/GetRightHolder";
const CONSENTS: &str = "sendhub.rights.v1.ConsentService/ListConsents";
const FACTS: &str = "sendhub.rights.v1.RightHolderService/ListFacts";

/// What somebody is answered who has nothing to do with the person.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Strangers {
    /// Not at all.
    NotAtAll,
    /// By age alone.
    ByAge,
}

impl Hub {
    /// Who decides.
    pub(super) async fn right_holder(
        &self,
        caller: &Caller,
        request: &wire::GetRightHolderRequest,
    ) -> Result<wire::GetRightHolderResponse, Status> {
        let (facts, _) = self
            .read_rights(caller, request.subject.as_ref(), HOLDER, Strangers::ByAge)
            .await?;
        let on = day(request.on.as_ref()).unwrap_or_else(|| self.today());
        let kind = if request.decision.is_empty() {
            DecisionKind::ConsentToDisclosure
        } else {
            decision(&request.decision).map(|(kind, _)| kind).ok_or_else(|| {
                Refusal::new(
                    sendhub_contracts::errors::v1::Reason::InvalidRequest,
                    "decision: names no decision or item",
                )
            })?
        };
        // Named by its item, it is the consent to disclose that item: what was found for it counts.
        let asked = Item::from_code(&request.decision).map_or(Decision::Of(kind), |item| {
            Decision::Disclosure(Scope {
                item,
                recipient: &caller.agency.id,
                role: RecipientRole::ThirdParty,
                purpose: "",
            })
        });
        let answer = facts.holder_on(&asked, on);
        Ok(wire::GetRightHolderResponse {
            holder: wire_holder(answer.holder).into(),
            status: wire_status(answer.status).into(),
            representative: answer
                .appointment
                .map_or(wire::RepresentativeKind::Unspecified, wire_representative)
                .into(),
            subject_too: kind == DecisionKind::GiveViews,
            basis: answer.in_words().to_owned(),
            provision: answer.provision().to_owned(),
            confidence: confidence(answer.status).to_owned(),
            changes_on: changes_on(&facts, on).map(convert::wire_date),
            relied_on: answer.records.iter().map(|id| format!("facts/{id}")).collect(),
            clocks: Vec::new(),
        })
    }

    /// What is recorded of a person's consents, newest first.
    pub(super) async fn consents_of(
        &self,
        caller: &Caller,
        request: &wire::ListConsentsRequest,
    ) -> Result<(Vec<wire::ConsentRecord>, String), Status> {
        let (facts, records) = self
            .read_rights(caller, request.subject.as_ref(), CONSENTS, Strangers::NotAtAll)
            .await?;
        let today = self.today();
        let found = records.iter().rev().filter_map(|record| {
            let consent = record.kept.consent.clone()?;
            let known = facts.consents.iter().find(|one| one.head.id == record.id)?;
            let withdrawn_on = known.withdrawn_on;
            let passed = matches!(facts.rights_pass(today), RightsPass::On(day) if day <= today && known.given_on < day);
            let state = if known.head.superseded_on.is_some_and(|on| on <= today) {
                wire::RecordState::Superseded
            } else if withdrawn_on.is_some_and(|on| on <= today) {
                wire::RecordState::Withdrawn
            } else if consent.giver() == wire::GiverKind::Parent && passed {
                wire::RecordState::Lapsed
            } else if known.valid.from > today {
                wire::RecordState::NotYet
            } else if known.valid.holds_on(today) {
                wire::RecordState::InForce
            } else {
                wire::RecordState::Expired
            };
            Some(wire::ConsentRecord {
                name: format!("consents/{}", record.id),
                consent: Some(consent),
                recorded_by_agency_id: record.recorded_by.to_string(),
                record_time: Some(convert::wire_time(record.recorded_at)),
                state: state.into(),
                withdrawn_by: wire::GiverKind::Unspecified.into(),
                withdrawn_on: withdrawn_on.map(convert::wire_date),
            })
        });
        page(found, request.page_size, &request.page_token, |one| &one.name)
    }

    /// What is recorded of a person's other facts, newest first.
    pub(super) async fn facts_of(
        &self,
        caller: &Caller,
        request: &wire::ListFactsRequest,
    ) -> Result<(Vec<wire::FactRecord>, String), Status> {
        let (_, records) = self
            .read_rights(caller, request.subject.as_ref(), FACTS, Strangers::NotAtAll)
            .await?;
        let today = self.today();
        let ended = |record: &Record| {
            records
                .iter()
                .filter_map(|other| other.kept.ended.as_ref())
                .filter(|ended| ended.record == record.id.to_string())
                .filter_map(|ended| ended.on.parse::<Date>().ok())
                .min()
        };
        let found = records.iter().rev().filter_map(|record| {
            let fact = record.kept.fact.clone()?;
            let withdrawn_on = ended(record);
            let from = day(fact.valid_from.as_ref()).unwrap_or_else(|| day_in_england(record.recorded_at));
            let until = day(fact.valid_until.as_ref());
            let state = if superseded_on(record.id, &records).is_some_and(|on| on <= today) {
                wire::RecordState::Superseded
            } else if withdrawn_on.is_some_and(|on| on <= today) {
                wire::RecordState::Withdrawn
            } else if from > today {
                wire::RecordState::NotYet
            } else if until.is_some_and(|until| until < today) {
                wire::RecordState::Expired
            } else {
                wire::RecordState::InForce
            };
            Some(wire::FactRecord {
                name: format!("facts/{}", record.id),
                fact: Some(fact),
                recorded_by_agency_id: record.recorded_by.to_string(),
                record_time: Some(convert::wire_time(record.recorded_at)),
                state: state.into(),
                withdrawn_on: withdrawn_on.map(convert::wire_date),
            })
        });
        page(found, request.page_size, &request.page_token, |one| &one.name)
    }

    /// Whether an agency has handed over or received something about a person, or recorded something of them.
    pub(crate) async fn has_to_do_with(
        &self,
        caller: &Caller,
        subject: SubjectId,
    ) -> Result<bool, StoreError> {
        Ok(self.has_exchanged(caller, subject).await?
            || self.acted(caller, subject, &[EventKind::RightsRecorded]).await?)
    }

    /// Whether an agency has handed over or received something about a person.
    pub(super) async fn has_exchanged(
        &self,
        caller: &Caller,
        subject: SubjectId,
    ) -> Result<bool, StoreError> {
        self.acted(
            caller,
            subject,
            &[EventKind::ExchangeAccepted, EventKind::Disclosed],
        )
        .await
    }

    async fn acted(
        &self,
        caller: &Caller,
        subject: SubjectId,
        kinds: &[EventKind],
    ) -> Result<bool, StoreError> {
        for kind in kinds {
            let acted = EventFilter {
                agency: Some(caller.agency.id.clone()),
                subject: Some(subject),
                kind: Some(kind.code().to_owned()),
                limit: 1,
                ..EventFilter::default()
            };
            if !self.store.events(&acted).await?.is_empty() {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Reads what is recorded of a person. It is written into the log before the answer leaves.
    async fn read_rights(
        &self,
        caller: &Caller,
        subject: Option<&types::PersonReference>,
        method: &'static str,
        strangers: Strangers,
    ) -> Result<(RightsFacts, Vec<Record>), Status> {
        let failed = |failure: StoreError| store_refusal(&failure);
        let mut out = Vec::new();
        let person =
            subject.and_then(|subject| convert::person(subject, &At::Field(&At::Root, "subject"), &mut out));
        let (Some(person), true) = (person, out.is_empty()) else {
            return Err(self.turn_down(caller, method, Refusal::fields(out)).await);
        };
        let tags = self.register.tags(&person, &caller.agency.id);
        let known = self.register.look_up(&tags).await.map_err(failed)?;
        let found = self
            .register
            .fit(&person, &tags, &known, self.clock.now())
            .map_err(failed)?;
        // What is recorded is for those who have to do with the person: nobody looks people up by their number. Asked
        // first, so that a stranger does not learn either that the number is another's.
        if known.is_empty() || !self.has_to_do_with(caller, found.subject).await.map_err(failed)? {
            if strangers == Strangers::NotAtAll {
                return Err(self.turn_down(caller, method, not_found()).await);
            }
            // The caller brought the date of birth: what follows from it alone tells nothing that is recorded here.
            let mut event = self.event(EventKind::RightsRead, EventOutcome::Success, caller, method);
            event.facts.push(("by", "AGE_ALONE".to_owned()));
            self.record(&event, Vec::new())
                .await
                .map_err(|failure| commit_refusal(&failure))?;
            let by_age = RightsFacts::new(person.date_of_birth, SchoolYearStart::Unknown);
            return Ok((by_age, Vec::new()));
        }
        let Some(key) = found.key else {
            return Err(self.turn_down(caller, method, identity_conflict()).await);
        };
        let held = self
            .rights_of(found.subject, &key, person.date_of_birth)
            .await
            .map_err(failed)?;
        let (facts, records) = (held.facts, held.opened);
        let mut event = self.event(EventKind::RightsRead, EventOutcome::Success, caller, method);
        event.subject = Some(found.subject);
        event.facts.push(("records", records.len().to_string()));
        self.record(&event, Vec::new())
            .await
            .map_err(|failure| commit_refusal(&failure))?;
        Ok((facts, records))
    }
}

/// One page of what was found, after the record that the token names, with the token of the next.
fn page<T>(
    found: impl Iterator<Item = T>,
    size: u32,
    token: &str,
    name: impl Fn(&T) -> &String,
) -> Result<(Vec<T>, String), Status> {
    let size = if size == 0 { 50 } else { size as usize };
    let mut rest = found.peekable();
    if !token.is_empty() && !rest.by_ref().any(|one| name(&one) == token) {
        return Err(page_token().into());
    }
    let shown: Vec<T> = rest.by_ref().take(size).collect();
    let next = match (shown.last(), rest.peek()) {
        (Some(last), Some(_)) => name(last).clone(),
        _ => String::new(),
    };
    Ok((shown, next))
}

/// The next day on which age alone gives another answer.
fn changes_on(facts: &RightsFacts, on: Date) -> Option<Date> {
    let mut days = vec![
        csa_first_day(facts.born),
        anniversary(facts.born, 16),
        anniversary(facts.born, 18),
        anniversary(facts.born, 25),
    ];
    match facts.rights_pass(on) {
        RightsPass::On(day) => days.push(day),
        RightsPass::Undetermined { earliest, latest } => days.extend([earliest, latest]),
    }
    days.sort();
    days.into_iter()
        .find(|day| *day > on && facts.status_on(*day) != facts.status_on(on))
}

/// How sure the law behind a status is: the school's own first day of term is a reading.
const fn confidence(status: AgeStatus) -> &'static str {
    match status {
        AgeStatus::NeedsDetermination => "B",
        _ => "A",
    }
}

const fn wire_holder(holder: Holder) -> wire::HolderKind {
    match holder {
        Holder::ChildsParent => wire::HolderKind::ChildsParent,
        Holder::ChildsParentsRepresentative | Holder::AlternativeParentsRepresentative => {
            wire::HolderKind::ParentsRepresentative
        }
        Holder::YoungPerson => wire::HolderKind::YoungPerson,
        Holder::Representative => wire::HolderKind::Representative,
        Holder::AlternativeParent => wire::HolderKind::AlternativePerson,
        Holder::Nobody => wire::HolderKind::Nobody,
        Holder::NeedsDetermination => wire::HolderKind::NeedsDetermination,
    }
}

const fn wire_status(status: AgeStatus) -> wire::AgeStatus {
    match status {
        AgeStatus::NotYetBorn => wire::AgeStatus::Unspecified,
        AgeStatus::ChildBelowCsa => wire::AgeStatus::ChildBelowCsa,
        AgeStatus::ChildOfCsa => wire::AgeStatus::ChildOfCsa,
        AgeStatus::YoungPersonUnder16 => wire::AgeStatus::YoungPersonUnder16,
        AgeStatus::YoungPerson16To17 => wire::AgeStatus::YoungPerson1617,
        AgeStatus::YoungPerson18To24 => wire::AgeStatus::YoungPerson1824,
        AgeStatus::Over25 => wire::AgeStatus::Over25,
        AgeStatus::NeedsDetermination => wire::AgeStatus::NeedsDetermination,
    }
}

const fn wire_representative(kind: RepresentativeKind) -> wire::RepresentativeKind {
    match kind {
        RepresentativeKind::Deputy => wire::RepresentativeKind::Deputy,
        RepresentativeKind::LastingPower => wire::RepresentativeKind::LastingPower,
        RepresentativeKind::EnduringPower => wire::RepresentativeKind::EnduringPower,
    }
}
