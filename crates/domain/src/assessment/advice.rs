//! Advice: asked for, answered, returned, taken or sent back.

use jiff::civil::Date;

use super::consequences::{ClockLift, ClockStart, Consequences, Owner, StepRefused, Warning};
use super::request::{AdviceRequestState, AdviceStage, after, days_from, unknown_request, wrong_stage};
use super::{AdviserKind, AssessmentCase, AssessmentState, ExceptionGround, clocks};
use crate::agency::{AgencyId, AgencyKind};
use crate::exchange::ExchangeId;

/// What a request for advice says.
#[derive(Debug)]
pub(super) struct Asked {
    pub(super) kind: AdviserKind,
    pub(super) adviser: AgencyId,
    pub(super) adviser_agency: AgencyKind,
    pub(super) youth_justice: bool,
    pub(super) statutory: bool,
    pub(super) representations_enclosed: bool,
}

const REG_6_4: &str = "SEND Regulations 2014 reg 6(4)";
const REG_8: &str = "SEND Regulations 2014 reg 8(1)";
const REG_8_2: &str = "SEND Regulations 2014 reg 8(2)";

/// Whether Children and Families Act 2014 s.31 binds the one asked: health bodies, authorities other than the one
/// that asks, youth offending teams and those in charge of youth accommodation. Not schools, colleges or the MoD,
/// whose six weeks is guidance; and not the authority's own officers, who are no other body.
fn bound_by_s31(asked: &Asked, authority: &AgencyId) -> bool {
    asked.youth_justice
        || asked.adviser_agency == AgencyKind::HealthBody
        || (asked.adviser_agency == AgencyKind::LocalAuthority && asked.adviser != *authority)
}

/// Whether earlier advice may be this adviser's: one whose author is no agency of the directory may be anybody's.
fn by_author(author: Option<&AgencyId>, adviser: &AgencyId) -> bool {
    author.is_none_or(|author| author == adviser)
}

impl AssessmentCase {
    pub(super) fn request_advice(
        &mut self,
        asked: Asked,
        exchange: ExchangeId,
        on: Date,
    ) -> Result<Consequences, StepRefused> {
        // Reg 6(4) protects from being asked twice; the family's own views, (a), are outside it.
        let per_author = matches!(
            asked.kind,
            AdviserKind::Health | AdviserKind::Other | AdviserKind::FamilyAsked
        );
        let suffices = self.existing.iter().any(|(kind, author)| {
            *kind == asked.kind && (!per_author || by_author(author.as_ref(), &asked.adviser))
        });
        if asked.statutory && suffices && asked.kind != AdviserKind::FamilyViews {
            return Err(StepRefused::new(
                "EXISTING_ADVICE_SUFFICES",
                format!(
                    "earlier {} advice was taken as enough by its author, the authority and the family",
                    asked.kind
                ),
                REG_6_4,
                "use the advice that was taken",
            ));
        }
        let again = self.requests.iter().any(|request| {
            request.kind == asked.kind
                && request.adviser == asked.adviser
                && request.statutory == asked.statutory
                && (request.stage.is_outstanding() || request.stage == AdviceStage::Returned)
        });
        if again {
            return Err(StepRefused::new(
                "ADVICE_ALREADY_ASKED",
                "the same adviser was asked in the same capacity, and the request is open",
                REG_8,
                "chase, clarify, send back or withdraw the open request",
            ));
        }
        let mut out = Consequences::default();
        if !asked.representations_enclosed && asked.kind != AdviserKind::FamilyViews {
            out.warnings.push(Warning::new(
                "REPRESENTATIONS_NOT_ENCLOSED",
                "the request does not enclose the family's representations and evidence",
                "SEND Regulations 2014 reg 6(3)",
            ));
        }
        if asked.statutory
            && matches!(
                self.state,
                AssessmentState::Requested | AssessmentState::ReassessmentRequested
            )
        {
            out.warnings.push(Warning::new(
                "ASKED_BEFORE_DECISION",
                "advice is asked before the decision to assess: say what the request is for",
                "SEND Regulations 2014 regs 4(2), 6(1)",
            ));
        }
        let guidance = !asked.statutory || !bound_by_s31(&asked, &self.authority);
        // What the family says of itself is owed by nobody: reg 8 binds bodies. Nor is what is no advice of reg 6.
        if asked.statutory && asked.kind != AdviserKind::FamilyViews {
            self.start_advice_clock(&mut out, &asked.adviser, exchange, on, guidance);
        }
        self.requests.push(AdviceRequestState {
            request: exchange,
            kind: asked.kind,
            adviser: asked.adviser,
            statutory: asked.statutory,
            guidance,
            asked_on: on,
            due_on: after(on, 42).filter(|_| asked.statutory),
            stage: AdviceStage::Requested,
            exception: None,
            answered_on: None,
        });
        Ok(out)
    }

    fn start_advice_clock(
        &mut self,
        out: &mut Consequences,
        adviser: &AgencyId,
        request: ExchangeId,
        asked_on: Date,
        guidance: bool,
    ) {
        self.running.start_clock(
            out,
            ClockStart {
                rule: clocks::ADVICE_6W,
                event_on: asked_on,
                owed_by: Owner::Agency(adviser.clone()),
                for_exchange: Some(request),
                guidance,
                params: Vec::new(),
            },
        );
    }

    /// Moves a request from one of some stages to another.
    fn advance(
        &mut self,
        request: ExchangeId,
        from: &[AdviceStage],
        to: AdviceStage,
    ) -> Result<&mut AdviceRequestState, StepRefused> {
        let state = self
            .requests
            .iter_mut()
            .find(|asked| asked.request == request)
            .ok_or_else(unknown_request)?;
        if !from.contains(&state.stage) {
            return Err(wrong_stage(state.stage, to));
        }
        state.stage = to;
        Ok(state)
    }

    pub(super) fn acknowledge(&mut self, request: ExchangeId) -> Result<Consequences, StepRefused> {
        let from = &[AdviceStage::Requested, AdviceStage::SentBack];
        self.advance(request, from, AdviceStage::Acknowledged)?;
        Ok(Consequences::default())
    }

    pub(super) fn claim_exception(
        &mut self,
        request: ExchangeId,
        ground: ExceptionGround,
        evidence: bool,
        period: Option<(Date, Option<Date>)>,
    ) -> Result<Consequences, StepRefused> {
        if !ground.open_to_advisers() {
            return Err(StepRefused::new(
                "GROUND_NOT_OPEN_TO_ADVISERS",
                format!("{ground} lifts the authority's limits (regs 5(4), 10(4), 13(3)), not an adviser's"),
                REG_8_2,
                "return the advice in time, or claim a ground of reg 8(2)",
            ));
        }
        if !evidence {
            return Err(StepRefused::new(
                "EXCEPTION_WITHOUT_EVIDENCE",
                "an exception is recorded with its ground and the evidence for it",
                REG_8_2,
                "give the evidence",
            ));
        }
        let too_short = ground == ExceptionGround::AbsentFromArea
            && period.is_some_and(|(left, back)| {
                back.is_some_and(|back| days_from(left, back).is_none_or(|days| days < 28))
            });
        if too_short {
            return Err(StepRefused::new(
                "ABSENCE_TOO_SHORT",
                "the absence is shorter than four weeks",
                "SEND Regulations 2014 reg 8(2)(b)",
                "return the advice in time",
            ));
        }
        let state = self
            .requests
            .iter_mut()
            .find(|asked| asked.request == request)
            .ok_or_else(unknown_request)?;
        if !state.stage.is_outstanding() {
            return Err(wrong_stage(state.stage, state.stage));
        }
        state.exception = Some(ground);
        Ok(Consequences {
            lift: vec![ClockLift {
                rule: clocks::ADVICE_6W,
                for_exchange: Some(request),
                ground,
                period,
            }],
            ..Consequences::default()
        })
    }

    pub(super) fn say_not_known(
        &mut self,
        request: ExchangeId,
        on: Date,
    ) -> Result<Consequences, StepRefused> {
        let state = self.advance(request, OUTSTANDING, AdviceStage::NotKnown)?;
        state.answered_on = Some(on);
        Ok(warn(
            "NOT_KNOWN_IS_NOT_ADVICE",
            "that the service does not know the child is no advice: the clock runs until the authority takes it",
            "Children and Families Act 2014 s.31; SEND Regulations 2014 reg 8(1)",
        ))
    }

    pub(super) fn ask_clarification(&mut self, request: ExchangeId) -> Result<Consequences, StepRefused> {
        let from = &[
            AdviceStage::Requested,
            AdviceStage::Acknowledged,
            AdviceStage::SentBack,
        ];
        self.advance(request, from, AdviceStage::ClarificationAsked)?;
        Ok(warn(
            "CLOCK_RUNS_ON",
            "no provision stops the six weeks while a question is open",
            REG_8,
        ))
    }

    pub(super) fn clarify(&mut self, request: ExchangeId) -> Result<Consequences, StepRefused> {
        let open = self
            .requests
            .iter()
            .find(|asked| asked.request == request)
            .map(|asked| asked.stage);
        if open.is_some_and(|stage| stage.is_outstanding() && stage != AdviceStage::ClarificationAsked) {
            return Err(StepRefused::new(
                "NO_CLARIFICATION_ASKED",
                "the adviser has not asked for a clarification",
                REG_8,
                "write a notice, or wait for the adviser's question",
            ));
        }
        self.advance(
            request,
            &[AdviceStage::ClarificationAsked],
            AdviceStage::Acknowledged,
        )?;
        Ok(Consequences::default())
    }

    pub(super) fn return_advice(
        &mut self,
        request: ExchangeId,
        complete: bool,
        on: Date,
    ) -> Result<Consequences, StepRefused> {
        let from = &[
            AdviceStage::Requested,
            AdviceStage::Acknowledged,
            AdviceStage::ClarificationAsked,
            AdviceStage::SentBack,
            AdviceStage::NotKnown,
        ];
        let state = self.advance(request, from, AdviceStage::Returned)?;
        state.answered_on = Some(on);
        let late = state.exception.is_none() && state.due_on.is_some_and(|due| on > due);
        let mut out = Consequences::default();
        if late {
            out.warnings
                .push(Warning::new("ADVICE_LATE", "returned after its due day", REG_8));
        }
        if !complete {
            out.warnings.push(Warning::new(
                "ADVICE_INCOMPLETE",
                "advice covers needs, provision and outcomes: one of them is missing",
                "SEND Regulations 2014 reg 6(1)",
            ));
        }
        self.running.end_for(&mut out, clocks::ADVICE_6W, Some(request));
        Ok(out)
    }

    pub(super) fn accept_advice(&mut self, request: ExchangeId) -> Result<Consequences, StepRefused> {
        self.advance(request, ANSWERED, AdviceStage::Accepted)?;
        let mut out = Consequences::default();
        self.running.stop_for(&mut out, clocks::ADVICE_6W, Some(request));
        Ok(out)
    }

    pub(super) fn send_back(
        &mut self,
        request: ExchangeId,
        reasons: bool,
    ) -> Result<Consequences, StepRefused> {
        if !reasons {
            return Err(StepRefused::new(
                "REASONS_MISSING",
                "advice is sent back with reasons",
                "SEND Regulations 2014 reg 6(1)",
                "say what is missing",
            ));
        }
        let state = self.advance(request, ANSWERED, AdviceStage::SentBack)?;
        let (adviser, asked_on) = (state.adviser.clone(), state.asked_on);
        let (guidance, owed) = (
            state.guidance,
            state.statutory && state.kind != AdviserKind::FamilyViews,
        );
        // The same event, so the same due day: sending back does not move it.
        let mut out = Consequences::default();
        if owed {
            self.start_advice_clock(&mut out, &adviser, request, asked_on, guidance);
        }
        Ok(out)
    }

    pub(super) fn withdraw_request(&mut self, request: ExchangeId) -> Result<Consequences, StepRefused> {
        let from = &[OUTSTANDING, ANSWERED].concat();
        self.advance(request, from, AdviceStage::Withdrawn)?;
        let mut out = Consequences::default();
        self.running.stop_for(&mut out, clocks::ADVICE_6W, Some(request));
        Ok(out)
    }

    pub(super) fn take_existing(
        &mut self,
        kind: AdviserKind,
        author: Option<AgencyId>,
        agree: [bool; 3],
    ) -> Result<Consequences, StepRefused> {
        if kind == AdviserKind::FamilyViews {
            return Err(StepRefused::new(
                "FAMILY_VIEWS_ALWAYS_SOUGHT",
                "the views of the parent or young person are sought anew in every assessment",
                "SEND Regulations 2014 reg 6(1)(a), (4)",
                "ask the family",
            ));
        }
        if agree != [true; 3] {
            return Err(StepRefused::new(
                "EXISTING_ADVICE_NOT_AGREED",
                "earlier advice is enough only if its author, the authority and the family all say so",
                REG_6_4,
                "ask for new advice, or for the missing agreement",
            ));
        }
        // An open request for the same is no longer needed: reg 6(4) forbids to go on seeking.
        let open: Vec<_> = self
            .requests
            .iter()
            .filter(|asked| {
                asked.kind == kind
                    && by_author(author.as_ref(), &asked.adviser)
                    && asked.stage.is_outstanding()
            })
            .map(|asked| asked.request)
            .collect();
        let mut out = Consequences::default();
        for request in open {
            out.end.extend(self.withdraw_request(request)?.end);
        }
        if !self.existing.contains(&(kind, author.clone())) {
            self.existing.push((kind, author));
        }
        Ok(out)
    }

    /// Closes every request that was not taken, with its clock: the assessment has ended.
    pub(super) fn close_requests(&mut self, out: &mut Consequences) {
        for asked in &mut self.requests {
            if asked.stage.is_outstanding() || ANSWERED.contains(&asked.stage) {
                asked.stage = AdviceStage::Closed;
            }
        }
        self.running.end_all(out, clocks::ADVICE_6W);
    }
}

const OUTSTANDING: &[AdviceStage] = &[
    AdviceStage::Requested,
    AdviceStage::Acknowledged,
    AdviceStage::ClarificationAsked,
    AdviceStage::SentBack,
];
const ANSWERED: &[AdviceStage] = &[AdviceStage::Returned, AdviceStage::NotKnown];

/// A step that only warns.
fn warn(code: &'static str, message: &'static str, provision: &'static str) -> Consequences {
    Consequences {
        warnings: vec![Warning::new(code, message, provision)],
        ..Consequences::default()
    }
}
