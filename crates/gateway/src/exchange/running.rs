//! Clocks that exchanges start, end and lift, and who is told of them.

use jiff::Timestamp;
use jiff::civil::Date;
use sendhub_contracts::convert;
use sendhub_contracts::refusal::Refusal;
use sendhub_contracts::types::v1 as types;
use sendhub_domain::agency::AgencyId;
use sendhub_domain::assessment::{ClockStart, Consequences, Owner};
use sendhub_domain::calendar::{Calendars, Certainty};
use sendhub_domain::clock::{self, ClockBasis, ClockParams, ClockRule, DueDate, NoticePlan};
use sendhub_domain::exchange::{CaseId, ClockId, ExchangeId};
use sendhub_domain::person::SubjectId;
use sendhub_store::Effect;
use sendhub_store::change::{ClockRow, ClockState};
use sendhub_store::reads::ClockRecord;

use super::draft::Offer;
use super::parties::{Sent, wrong};
use crate::hub::Hub;
use crate::identity::Caller;

/// A clock that an exchange starts.
#[derive(Debug, Clone)]
pub(crate) struct NewClock {
    pub(crate) due: DueDate,
    pub(crate) started_on: Date,
    /// Whose duty it is.
    pub(crate) owed_by: AgencyId,
    /// Who else is told of it: the authority of the case.
    pub(crate) told: Vec<AgencyId>,
    /// The exchange it belongs to, when it is another than the one that starts it.
    pub(crate) for_exchange: Option<ExchangeId>,
}

impl Hub {
    /// The clocks that a step of a case starts. What nobody on the hub owes (the family's part, a mediator's) is the
    /// authority's to watch.
    ///
    /// # Errors
    /// `INVALID_REQUEST` when a date lies so far off that none can be counted.
    pub(crate) fn start_clocks(
        &self,
        starts: &[ClockStart],
        authority: &AgencyId,
        caller: &Caller,
        sent: &Sent,
    ) -> Result<Vec<NewClock>, Refusal> {
        let mut clocks = Vec::with_capacity(starts.len());
        for one in starts {
            let Some(rule) = ClockRule::find(one.rule) else {
                tracing::warn!(rule = one.rule, "a case starts a clock that is not known");
                continue;
            };
            let mut params = ClockParams::default();
            for (name, value) in &one.params {
                params
                    .set(name, value)
                    .map_err(|error| Refusal::fields(vec![wrong("content", error.to_string())]))?;
            }
            let owed_by = match &one.owed_by {
                Owner::Agency(agency) => agency.clone(),
                Owner::Role(_) => authority.clone(),
            };
            let due =
                clock::start(rule, one.event_on, &params, self.calendars_of(&owed_by)).ok_or_else(|| {
                    Refusal::fields(vec![wrong(
                        "content",
                        "a date in it lies too far off to count from",
                    )])
                })?;
            let due = if one.guidance { due.as_guidance() } else { due };
            let mut told = vec![authority.clone()];
            if matches!(one.owed_by, Owner::Role("COMMISSIONING_BODY")) {
                told.extend(sent.recipients.iter().map(|(agency, _)| agency.id.clone()));
            }
            told.retain(|agency| *agency != owed_by);
            if owed_by != caller.agency.id && caller.agency.id != *authority {
                told.push(caller.agency.id.clone());
            }
            // One that counts back from its event runs from today: its warnings come before the event.
            let started_on = if one.event_on > due.due_on {
                self.today().min(due.due_on)
            } else {
                one.event_on
            };
            clocks.push(NewClock {
                due,
                started_on,
                owed_by,
                told,
                for_exchange: one.for_exchange,
            });
        }
        Ok(clocks)
    }

    /// The calendars by which an agency counts: its own school's, and England's bank holidays.
    pub(crate) fn calendars_of(&self, agency: &AgencyId) -> Calendars<'_> {
        let directory = self.directory.load();
        let school = directory
            .agency(agency)
            .and_then(|agency| agency.identifiers.laestab.clone());
        Calendars {
            school: self.calendar(school.as_ref()),
            holidays: &self.holidays,
        }
    }

    /// The clocks of a case that a step has met or made needless, and the exceptions that it records against others.
    pub(crate) fn end_clocks(&self, out: &Consequences, running: &[ClockRecord], today: Date) -> Vec<Effect> {
        let belongs = |clock: &&ClockRecord, rule: &str, exchange: Option<ExchangeId>| {
            clock.state == ClockState::Running
                && ClockRule::find(rule).is_some_and(|rule| clock.rule == rule.code())
                && exchange.is_none_or(|exchange| clock.exchange == exchange)
        };
        let ended = out.end.iter().flat_map(|end| {
            running
                .iter()
                .filter(move |clock| belongs(clock, end.rule, end.for_exchange))
                .map(move |clock| Effect::EndClock {
                    clock: clock.clock,
                    state: if end.done {
                        ClockState::Met
                    } else {
                        ClockState::Ended
                    },
                    on: today,
                })
        });
        let lifted = out.lift.iter().flat_map(|lift| {
            running
                .iter()
                .filter(move |clock| belongs(clock, lift.rule, lift.for_exchange))
                .map(move |clock| Effect::LiftClock {
                    clock: clock.clock,
                    ground: lift.ground.code().to_owned(),
                    from: lift.period.map(|(from, _)| from),
                    until: lift.period.and_then(|(_, until)| until),
                    recorded_by: clock.owed_by.clone(),
                    recorded_on: today,
                    // The evidence stands in the exchange that claims it.
                    evidence: Vec::new(),
                })
        });
        ended.chain(lifted).collect()
    }

    /// The rows of the clocks that an exchange starts.
    pub(crate) fn clock_effects(
        &self,
        offer: &Offer<'_>,
        case: Option<CaseId>,
        subject: SubjectId,
        now: Timestamp,
    ) -> Vec<Effect> {
        let case_reference = Some(offer.sent.case_reference.clone()).filter(|text| !text.is_empty());
        offer
            .draft
            .clocks
            .iter()
            .map(|new| {
                let notice =
                    NoticePlan::of(new.due.rule).next_after(self.today(), new.started_on, new.due.due_on);
                Effect::StartClock(ClockRow {
                    clock: ClockId(self.clock.new_id()),
                    exchange: new.for_exchange.unwrap_or(offer.exchange),
                    case,
                    subject,
                    rule: new.due.rule.code().to_owned(),
                    started_on: new.started_on,
                    due_on: new.due.due_on,
                    basis: new.due.basis.code().to_owned(),
                    certainty: new.due.certainty,
                    provision: new.due.provision.to_owned(),
                    owed_by: new.owed_by.clone(),
                    told: new.told.clone(),
                    case_reference: case_reference.clone(),
                    next_notice_on: notice.map(|notice| notice.on),
                    created_at: now,
                })
            })
            .collect()
    }
}

/// A running clock as receipts and cases show it.
pub(crate) fn wire_started(clock: &ClockRecord) -> types::StartedClock {
    types::StartedClock {
        rule: clock.rule.clone(),
        due_on: Some(convert::wire_date(clock.due_on)),
        basis: wire_basis(&clock.basis).into(),
        provision: clock.provision.clone(),
        estimated: clock.certainty == Certainty::Estimated,
    }
}

/// A clock's basis for the wire.
pub(crate) fn wire_basis(code: &str) -> types::ClockBasis {
    match ClockBasis::from_code(code) {
        Some(ClockBasis::Hard) => types::ClockBasis::Hard,
        Some(ClockBasis::Court) => types::ClockBasis::Court,
        Some(ClockBasis::Guidance) => types::ClockBasis::Guidance,
        Some(ClockBasis::Policy) => types::ClockBasis::Policy,
        None => types::ClockBasis::Unspecified,
    }
}
