//! Taking a step: who may, when, and what follows from the decisions whether to assess and whether to plan.

use jiff::civil::Date;

use super::advice::Asked;
use super::consequences::{Consequences, Owner, StepRefused};
use super::{AppealStanding, AssessmentCase, AssessmentState, AssessmentStep, clocks, step_allowed};
use crate::agency::AgencyId;
use crate::exchange::ExchangeId;

/// The answer of a step that leads to nothing further.
const DONE: Result<Consequences, StepRefused> = Ok(Consequences {
    start: Vec::new(),
    end: Vec::new(),
    lift: Vec::new(),
    warnings: Vec::new(),
});

impl AssessmentCase {
    /// Takes a step that `by` took on a day by an exchange. A step that is refused changes nothing.
    ///
    /// # Errors
    /// [`StepRefused`]: the wrong caller (`NOT_THE_AUTHORITY`, `NOT_THE_ASKED_ADVISER`,
    /// `NOT_THE_CONSULTED_INSTITUTION`, `UNKNOWN_ADVICE_REQUEST`, `UNKNOWN_CONSULTATION`), then the wrong state (the
    /// codes of [`step_allowed`]), then what the step itself lacks.
    pub fn apply(
        &mut self,
        step: AssessmentStep,
        by: &AgencyId,
        exchange: ExchangeId,
        on: Date,
    ) -> Result<Consequences, StepRefused> {
        // The caller first: one who has no part in the case must not learn its state from a refusal.
        self.check_caller(&step, by)?;
        step_allowed(self.state, step.kind())?;
        // A step that is refused half-way must leave nothing behind.
        let mut next = self.clone();
        let consequences = next.take(step, exchange, on)?;
        *self = next;
        Ok(consequences)
    }

    fn check_caller(&self, step: &AssessmentStep, by: &AgencyId) -> Result<(), StepRefused> {
        use AssessmentStep as Step;
        match step {
            Step::AcknowledgeRequest { request }
            | Step::ClaimException { request, .. }
            | Step::SayNotKnown { request }
            | Step::AskClarification { request }
            | Step::ReturnAdvice { request, .. } => match self.adviser_of(*request) {
                Some(adviser) if adviser == by => Ok(()),
                Some(_) => Err(StepRefused::new(
                    "NOT_THE_ASKED_ADVISER",
                    "only the adviser that was asked may answer the request",
                    "SEND Regulations 2014 regs 6(1), 8(1)",
                    "answer a request that was made to your agency",
                )),
                None => Err(super::request::unknown_request()),
            },
            Step::ReplyToConsultation { consultation, .. } => {
                match self
                    .consultations
                    .iter()
                    .find(|asked| asked.consultation == *consultation)
                {
                    Some(asked) if asked.institution == *by => Ok(()),
                    Some(_) => Err(StepRefused::new(
                        "NOT_THE_CONSULTED_INSTITUTION",
                        "only the institution that was consulted may answer",
                        "Children and Families Act 2014 s.39(2)",
                        "answer a consultation that was sent to your agency",
                    )),
                    None => Err(StepRefused::new(
                        "UNKNOWN_CONSULTATION",
                        "the case holds no such consultation",
                        "Children and Families Act 2014 s.39(2)",
                        "give the id of the exchange by which you were consulted",
                    )),
                }
            }
            Step::TellNewCommissioner if self.commissioner.as_ref() == Some(by) => Ok(()),
            _ if self.authority == *by => Ok(()),
            _ => Err(StepRefused::new(
                "NOT_THE_AUTHORITY",
                "only the authority responsible for the child or young person may take this step",
                "Children and Families Act 2014 s.24",
                "ask the responsible authority to take it",
            )),
        }
    }

    fn take(
        &mut self,
        step: AssessmentStep,
        exchange: ExchangeId,
        on: Date,
    ) -> Result<Consequences, StepRefused> {
        use AssessmentStep as Step;
        match step {
            Step::RecordFacts {
                serving_parent,
                year_9_or_beyond,
                hearing_impaired,
                vision_impaired,
            } => {
                let facts = &mut self.opening;
                facts.serving_parent = serving_parent.or(facts.serving_parent);
                facts.year_9_or_beyond = year_9_or_beyond.or(facts.year_9_or_beyond);
                facts.hearing_impaired = hearing_impaired.unwrap_or(facts.hearing_impaired);
                facts.vision_impaired = vision_impaired.unwrap_or(facts.vision_impaired);
                DONE
            }
            Step::RecordFamilyAsk(ask) => {
                if !self.opening.family_asks.contains(&ask) {
                    self.opening.family_asks.push(ask);
                }
                DONE
            }
            Step::RequestAdvice {
                kind,
                adviser,
                adviser_agency,
                youth_justice,
                statutory,
                representations_enclosed,
                received_on,
            } => {
                let asked = Asked {
                    kind,
                    adviser,
                    adviser_agency,
                    youth_justice,
                    statutory,
                    representations_enclosed,
                };
                self.request_advice(asked, exchange, received_on.unwrap_or(on))
            }
            Step::AcknowledgeRequest { request } => self.acknowledge(request),
            Step::ClaimException {
                request,
                ground,
                evidence,
                period,
            } => self.claim_exception(request, ground, evidence, period),
            Step::SayNotKnown { request } => self.say_not_known(request, on),
            Step::AskClarification { request } => self.ask_clarification(request),
            Step::Clarify { request } => self.clarify(request),
            Step::ReturnAdvice {
                request,
                covers_needs_provision_outcomes,
            } => self.return_advice(request, covers_needs_provision_outcomes, on),
            Step::AcceptAdvice { request } => self.accept_advice(request),
            Step::SendBack { request, reasons } => self.send_back(request, reasons),
            Step::WithdrawRequest { request } => self.withdraw_request(request),
            Step::TakeExistingAdvice {
                kind,
                author,
                author_agrees,
                authority_agrees,
                family_agrees,
            } => self.take_existing(kind, author, [author_agrees, authority_agrees, family_agrees]),
            Step::DecideToAssess { assess } => Ok(self.decide_to_assess(assess, on)),
            Step::NotifyOfAssessment => self.notify_of_assessment(),
            Step::DecideNoPlan => Ok(self.decide_no_plan(on)),
            Step::ServeDraft {
                served_on,
                section_i_blank,
            } => Ok(self.serve_draft(served_on, section_i_blank, on)),
            Step::CompleteRepresentations => self.complete_representations(),
            Step::Consult { institution } => Ok(self.consult(institution, exchange, on)),
            Step::ReplyToConsultation {
                consultation,
                answer,
                reasons,
            } => self.reply(consultation, answer, reasons, on),
            Step::NameInstitution(section_i) => self.name(section_i),
            Step::SendFinalPlan => self.send_final(on),
            later => self.take_after_decision(later, on),
        }
    }

    fn decide_to_assess(&mut self, assess: bool, on: Date) -> Consequences {
        if self.state == AssessmentState::ReassessmentRequested {
            return self.decide_to_reassess(assess, on);
        }
        let mut out = Consequences::default();
        self.running
            .end(&mut out, &[clocks::CONSIDERING, clocks::DECIDE_6W]);
        if assess {
            self.state = AssessmentState::Assessing;
            out.warnings = self.warnings();
        } else {
            self.end_assessment(&mut out, &[]);
            self.state = AssessmentState::NotAssessing;
            self.open_appeal(&mut out, on);
        }
        out
    }

    fn notify_of_assessment(&mut self) -> Result<Consequences, StepRefused> {
        let mut out = Consequences::default();
        self.running.end(
            &mut out,
            &[clocks::TRIB_ASSESS_NOTIFY, clocks::UNOPPOSED_ASSESS_NOTIFY],
        );
        if out.end.is_empty() {
            return Err(StepRefused::new(
                "NOTHING_TO_NOTIFY",
                "no order or concession to assess waits for its notice",
                "SEND Regulations 2014 regs 44(2), 45",
                "nothing is needed",
            ));
        }
        Ok(out)
    }

    fn decide_no_plan(&mut self, on: Date) -> Consequences {
        let mut out = Consequences::default();
        self.end_assessment(&mut out, clocks::TOWARDS_NO_PLAN);
        self.state = AssessmentState::NoPlan;
        self.open_appeal(&mut out, on);
        out
    }

    /// Ends what counts towards a plan, and closes the requests for advice. What is done is met; the rest is no longer
    /// owed.
    pub(super) fn end_assessment(&mut self, out: &mut Consequences, done: &[&'static str]) {
        self.running.end(out, done);
        self.running.stop(out, clocks::TOWARDS_NO_PLAN);
        self.running.stop(out, clocks::TOWARDS_FINAL);
        self.running.stop(out, clocks::TOWARDS_DRAFT);
        self.running.stop(
            out,
            &[
                clocks::DRAFT_REPS,
                clocks::TRIB_ASSESS_NOTIFY,
                clocks::UNOPPOSED_ASSESS_NOTIFY,
            ],
        );
        self.close_requests(out);
    }

    /// A decision that can be appealed against was sent.
    pub(super) fn open_appeal(&mut self, out: &mut Consequences, on: Date) {
        self.decided_on = Some(on);
        self.certificate_on = None;
        self.appeal = AppealStanding::CanBeBrought;
        let certificate = vec![("certificate", String::new())];
        self.running
            .start(out, clocks::APPEAL_LIMIT, on, Owner::FAMILY, certificate);
    }
}
