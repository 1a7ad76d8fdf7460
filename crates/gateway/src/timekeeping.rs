//! The clock service: what runs, when it is due, and the exceptions recorded against it. An exception lifts a limit
//! and never moves a date.

use std::sync::Arc;

use jiff::civil::Date;
use sendhub_contracts::assessment::v1::ExceptionGround as WireGround;
use sendhub_contracts::clock::v1 as wire;
use sendhub_contracts::clock::v1::clock_service_server::ClockService;
use sendhub_contracts::convert;
use sendhub_contracts::errors::v1::Reason;
use sendhub_contracts::refusal::Refusal;
use sendhub_domain::agency::AgencyId;
use sendhub_domain::calendar::Certainty;
use sendhub_domain::clock::{ClockRule, ExceptionFacts, ExceptionGround};
use sendhub_domain::event::{EventKind, EventOutcome};
use sendhub_domain::exchange::{CaseId, ClockId};
use sendhub_store::Effect;
use sendhub_store::change::ClockState;
use sendhub_store::reads::ClockRecord;
use sendhub_store::seal::SealPurpose;
use tonic::{Request, Response, Status};

use crate::assessment::steps::day;
use crate::exchange::draft::name;
use crate::exchange::handing::any_exchange;
use crate::exchange::intake::case_not_found;
use crate::exchange::parties::{named, wrong};
use crate::exchange::running::wire_basis;
use crate::hub::{Hub, commit_refusal, exchange_not_found, recorded, store_refusal};
use crate::identity::Caller;
use crate::transfer::{caller, page_token};

const RECORD: &str = "sendhub.clock.v1.ClockService/RecordException";

/// The service.
pub(crate) struct Clocks(pub(crate) Arc<Hub>);

#[tonic::async_trait]
impl ClockService for Clocks {
    async fn list_clocks(
        &self,
        request: Request<wire::ListClocksRequest>,
    ) -> Result<Response<wire::ListClocksResponse>, Status> {
        let caller = caller(&request)?;
        let asked = request.get_ref();
        let today = self.0.today();
        let failed = |failure| store_refusal(&failure);
        let limit = if asked.page_size == 0 {
            100
        } else {
            asked.page_size
        };
        let own = &caller.agency.id;
        let (mut clocks, more) = match &asked.about {
            Some(wire::list_clocks_request::About::Case(text)) => {
                let case = named("cases", text).map(CaseId).ok_or_else(case_not_found)?;
                // To whom the case is unknown, so are its clocks: an empty list would say that it is there.
                (self.0.open_matter(&caller, case).await?.clocks, false)
            }
            Some(wire::list_clocks_request::About::Exchange(text)) => {
                let exchange = any_exchange(text).ok_or_else(exchange_not_found)?;
                if !self.0.took_part(own, exchange).await.map_err(failed)? {
                    return Err(exchange_not_found().into());
                }
                let found = self.0.store.clocks_of_exchange(exchange).await;
                (found.map_err(failed)?, false)
            }
            None => {
                let after = match asked.page_token.as_str() {
                    "" => None,
                    token => {
                        let last = ClockId(named("clocks", token).ok_or_else(page_token)?);
                        let last = self.0.store.clock(last).await.map_err(failed)?;
                        let last = last.filter(|clock| clock.owed_by == *own);
                        // A date never moves, so the place stays, also of a clock that has ended meanwhile.
                        Some(
                            last.map(|clock| (clock.due_on, clock.clock))
                                .ok_or_else(page_token)?,
                        )
                    }
                };
                let found = self
                    .0
                    .store
                    .clocks_owed_by(own, after, limit)
                    .await
                    .map_err(failed)?;
                let more = found.len() >= limit as usize;
                (found, more)
            }
        };
        let until = day(asked.due_until.as_ref());
        let next_page_token = match clocks.last() {
            Some(last) if more => format!("clocks/{}", last.clock),
            _ => String::new(),
        };
        clocks.sort_by_key(|clock| (clock.due_on, clock.clock.0));
        let shown = clocks
            .iter()
            .filter(|clock| concerns(clock, own))
            .filter(|clock| !asked.running_only || clock.state == ClockState::Running)
            .filter(|clock| until.is_none_or(|until| clock.due_on <= until))
            .map(|clock| wire_clock(clock, today))
            .collect();
        Ok(Response::new(wire::ListClocksResponse {
            clocks: shown,
            next_page_token,
        }))
    }

    async fn record_exception(
        &self,
        request: Request<wire::RecordExceptionRequest>,
    ) -> Result<Response<wire::RecordExceptionResponse>, Status> {
        let caller = caller(&request)?;
        match self.0.record_exception(&caller, request.get_ref()).await {
            Ok(done) => Ok(Response::new(done)),
            Err(refusal) => {
                let event = self
                    .0
                    .event(EventKind::ClockException, EventOutcome::Refused, &caller, RECORD);
                Err(recorded(self.0.refuse(event, refusal).await))
            }
        }
    }
}

impl Hub {
    async fn record_exception(
        &self,
        caller: &Caller,
        asked: &wire::RecordExceptionRequest,
    ) -> Result<wire::RecordExceptionResponse, Refusal> {
        let failed = |failure| store_refusal(&failure);
        let id = named("clocks", &asked.clock)
            .map(ClockId)
            .ok_or_else(clock_not_found)?;
        let clock = self
            .store
            .clock(id)
            .await
            .map_err(failed)?
            .filter(|clock| clock.owed_by == caller.agency.id)
            .ok_or_else(|| {
                let owed = "there is no such clock whose act this agency owes";
                Refusal::new(Reason::ClockNotFound, owed)
            })?;
        let rule = ClockRule::from_code(&clock.rule);
        let ground = domain_ground(asked.ground(), rule);
        let (from, until) = (day(asked.from.as_ref()), day(asked.until.as_ref()));
        let open = rule.is_some_and(|rule| ground.open_for(rule));
        if clock.state != ClockState::Running || !open {
            return Err(not_open(&clock));
        }
        let facts = ExceptionFacts {
            advice_asked: day(asked.asked_on.as_ref()),
            closed_from: from,
            reopens: until,
            absent_from: from,
            returned: until,
        };
        match ground.holds(&facts) {
            Some(true) => {}
            // Grounds without a computable window rest on the evidence alone.
            None if matches!(
                ground,
                ExceptionGround::PersonalCircumstances | ExceptionGround::MissedAppointment
            ) => {}
            _ => {
                return Err(Refusal::fields(vec![
                    wrong(
                        "from",
                        "does not show the ground: the period is too short, or a date of it is missing",
                    ),
                    wrong(
                        "asked_on",
                        "for a closure, lies from a week before it to a week before the reopening",
                    ),
                ]));
            }
        }
        // The same act told again, by a repeated request or by hand, is one exception: a clock is not lifted twice by it.
        if clock.exceptions.iter().any(|one| {
            (one.ground.as_str(), one.from, one.until, &one.recorded_by)
                == (ground.code(), from, until, &caller.agency.id)
        }) {
            return Ok(wire::RecordExceptionResponse {
                clock: Some(wire_clock(&clock, self.today())),
                log: None,
            });
        }
        let key = self.register.key_of(clock.subject).await.map_err(failed)?;
        let evidence = key
            .seal(
                SealPurpose::ClockEvidence(id),
                clock.subject,
                asked.evidence.as_bytes(),
            )
            .map_err(|error| failed(error.into()))?;
        let mut event = self.event(EventKind::ClockException, EventOutcome::Success, caller, RECORD);
        event.subject = Some(clock.subject);
        event.exchange = Some(clock.exchange);
        event.provision = Some(clock.provision.clone());
        event.facts.push(("clock", clock.rule.clone()));
        event.facts.push(("ground", ground.code().into()));
        event.facts.push(("due_on", clock.due_on.to_string()));
        let today = self.today();
        let lift = Effect::LiftClock {
            clock: id,
            ground: ground.code().to_owned(),
            from,
            until,
            recorded_by: caller.agency.id.clone(),
            recorded_on: today,
            evidence,
        };
        let log = self
            .record(&event, vec![lift])
            .await
            .map_err(|failure| commit_refusal(&failure))?;
        let lifted = self.store.clock(id).await.map_err(failed)?.unwrap_or(clock);
        Ok(wire::RecordExceptionResponse {
            clock: Some(wire_clock(&lifted, today)),
            log: Some(log),
        })
    }
}

fn concerns(clock: &ClockRecord, agency: &AgencyId) -> bool {
    clock.owed_by == *agency || clock.told.contains(agency)
}

fn domain_ground(ground: WireGround, rule: Option<ClockRule>) -> ExceptionGround {
    match ground {
        WireGround::SchoolClosed => ExceptionGround::SchoolClosed,
        WireGround::EarlyYearsClosed => ExceptionGround::EarlyYearsClosed,
        // After a tribunal's order two weeks of absence are enough (reg 44).
        WireGround::AbsentFromArea
            if rule.is_some_and(|rule| ExceptionGround::AbsentAfterTribunal.open_for(rule)) =>
        {
            ExceptionGround::AbsentAfterTribunal
        }
        WireGround::AbsentFromArea => ExceptionGround::Absent,
        WireGround::MissedAppointment => ExceptionGround::MissedAppointment,
        WireGround::PersonalCircumstances | WireGround::Unspecified => ExceptionGround::PersonalCircumstances,
    }
}

fn wire_ground(code: &str) -> WireGround {
    match ExceptionGround::find(code) {
        Some(ExceptionGround::SchoolClosed) => WireGround::SchoolClosed,
        Some(ExceptionGround::EarlyYearsClosed) => WireGround::EarlyYearsClosed,
        Some(ExceptionGround::Absent | ExceptionGround::AbsentAfterTribunal) => WireGround::AbsentFromArea,
        Some(ExceptionGround::MissedAppointment) => WireGround::MissedAppointment,
        Some(ExceptionGround::PersonalCircumstances) => WireGround::PersonalCircumstances,
        None => WireGround::Unspecified,
    }
}

/// A clock for those whom it concerns, with where it stands today.
pub(crate) fn wire_clock(clock: &ClockRecord, today: Date) -> wire::RunningClock {
    let late = clock.ended_on.is_some_and(|ended| ended > clock.due_on);
    let state = match clock.state {
        ClockState::Met if late => wire::ClockState::MetLate,
        ClockState::Met => wire::ClockState::Met,
        ClockState::Ended => wire::ClockState::Stopped,
        ClockState::Running if !clock.exceptions.is_empty() => wire::ClockState::Lifted,
        ClockState::Running if today > clock.due_on => wire::ClockState::Overdue,
        ClockState::Running => wire::ClockState::Running,
    };
    wire::RunningClock {
        clock: format!("clocks/{}", clock.clock),
        rule: clock.rule.clone(),
        case: clock.case.map(|case| format!("cases/{case}")).unwrap_or_default(),
        exchange: name(clock.exchange),
        started_on: Some(convert::wire_date(clock.started_on)),
        due_on: Some(convert::wire_date(clock.due_on)),
        basis: wire_basis(&clock.basis).into(),
        provision: clock.provision.clone(),
        estimated: clock.certainty == Certainty::Estimated,
        owed_by_agency_id: clock.owed_by.to_string(),
        state: state.into(),
        exceptions: clock
            .exceptions
            .iter()
            .map(|one| wire::RecordedException {
                ground: wire_ground(&one.ground).into(),
                from: one.from.map(convert::wire_date),
                until: one.until.map(convert::wire_date),
                recorded_by_agency_id: one.recorded_by.to_string(),
                record_time: None,
                provision: clock.provision.clone(),
            })
            .collect(),
        ended_on: clock.ended_on.map(convert::wire_date),
        case_reference: clock.case_reference.clone().unwrap_or_default(),
    }
}

fn clock_not_found() -> Refusal {
    Refusal::new(
        Reason::ClockNotFound,
        "there is no such clock that concerns this agency",
    )
}

fn not_open(clock: &ClockRecord) -> Refusal {
    let mut refusal = Refusal::new(
        Reason::ExceptionNotOpen,
        "this ground does not lift this limit, or the clock no longer runs",
    )
    .remedy("Only the grounds that the provision lists lift its limit; a waiting list is none of them.");
    refusal.provision = Some(clock.provision.clone());
    refusal
}
