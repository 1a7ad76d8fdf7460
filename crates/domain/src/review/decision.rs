//! What a report must hold, and what follows from the authority's decision after a review.

use jiff::civil::Date;

use super::call::ReviewCall;
use super::{ReportContents, ReviewCase, ReviewOutcome, ReviewState, clocks};
use crate::agency::AgencyId;
use crate::assessment::{
    Consequences, ConsultationAnswer, ConsultationState, Owner, StepRefused, Warning, after,
    answer_consultation, check_representations, consultation_clock,
};
use crate::exchange::ExchangeId;

impl ReportContents {
    /// Whether it holds what this review requires.
    pub(super) fn check(&self, call: &ReviewCall) -> Result<(), StepRefused> {
        let required: [(bool, &'static str, &'static str, &'static str, &'static str); 4] = [
            (
                self.progress,
                "PROGRESS_MISSING",
                "the report says nothing of progress towards the outcomes",
                call.provision(
                    "SEND Regulations 2014 reg 20(5)",
                    "SEND Regulations 2014 reg 21(5)",
                ),
                "say what progress was made towards each outcome",
            ),
            (
                self.adulthood || call.year_9_or_beyond != Some(true),
                "ADULTHOOD_MISSING",
                "from Year 9 on the report holds preparation for adulthood",
                call.provision(
                    "SEND Regulations 2014 reg 20(6)",
                    "SEND Regulations 2014 reg 21(6)",
                ),
                "add what prepares for adulthood and independent living",
            ),
            (
                self.service_issues || !call.service_child,
                "SERVICE_ISSUES_MISSING",
                "the report says nothing of what was considered for a Service child",
                "SEND Code of Practice 10.53 to 10.57",
                "say which Service-related issues were considered, if only that there are none",
            ),
            (
                self.exit_plan || !call.last_year,
                "EXIT_PLAN_MISSING",
                "the last review before leaving plans the exit",
                "SEND Code of Practice chapter 9 (ceasing an EHC plan)",
                "add the plan for leaving education or training",
            ),
        ];
        match required.into_iter().find(|(held, ..)| !held) {
            Some((_, reason, message, provision, remedy)) => {
                Err(StepRefused::new(reason, message, provision, remedy))
            }
            None => Ok(()),
        }
    }
}

impl ReviewCase {
    /// The last day for the decision: four weeks after the meeting, and within the twelve months. `None` before the
    /// meeting.
    #[must_use]
    pub fn decision_due(&self) -> Option<Date> {
        let four_weeks = after(self.held_on?, 28)?;
        Some(four_weeks.min(self.call.twelve_month_limit()))
    }

    pub(super) fn decide(
        &mut self,
        out: &mut Consequences,
        outcome: &ReviewOutcome,
        on: Date,
    ) -> Result<(), StepRefused> {
        if self.decision_due().is_some_and(|due| on > due) {
            out.warnings.push(Warning::new(
                "REVIEW_DECISION_LATE",
                "later than four weeks after the meeting, or than the twelve months",
                "SEND Regulations 2014 reg 20(10); Children and Families Act 2014 s.44(1)",
            ));
        }
        if self.state == ReviewState::MeetingHeld {
            out.warnings.push(Warning::new(
                "DECIDED_WITHOUT_REPORT",
                "the decision comes before the report of the meeting",
                "SEND Regulations 2014 reg 20(7), (10)",
            ));
        }
        match outcome {
            ReviewOutcome::Keep => {
                self.keep_before_a_move(out);
                self.state = ReviewState::Kept;
                self.open_appeal(out, on);
            }
            ReviewOutcome::Amend {
                proposed_changes,
                evidence,
            } => {
                if !proposed_changes || !evidence {
                    return Err(StepRefused::new(
                        "AMENDMENT_NOTICE_EMPTY",
                        "the notice of amendment goes out with the proposed changes and the evidence for them",
                        "SEND Regulations 2014 reg 22(2)",
                        "add both to the notice",
                    ));
                }
                self.send_notice(out, on);
            }
            ReviewOutcome::Cease => {
                if !self.consulted_on_ceasing {
                    return Err(StepRefused::new(
                        "CONSULT_BEFORE_CEASING",
                        "before a plan ceases the family and the institution named are informed and consulted",
                        "SEND Regulations 2014 reg 31",
                        "consult both first",
                    ));
                }
                self.running
                    .end(out, &[clocks::PHASE_TRANSFER, clocks::POST16_MOVE]);
                self.state = ReviewState::CeaseNotified;
                self.open_appeal(out, on);
            }
        }
        // The review ends with the notice of the decision, not with the meeting; the next year runs from it.
        self.running.end(out, &[clocks::DECISION, clocks::ANNUAL_REVIEW]);
        if *outcome != ReviewOutcome::Cease {
            let authority = Owner::Agency(self.call.authority.clone());
            self.running
                .start(out, clocks::ANNUAL_REVIEW, on, authority, Vec::new());
        }
        Ok(())
    }

    /// A plan is amended before a move only "where necessary" (reg 18): to keep it meets the duty if it names the
    /// place already, which only the authority can know.
    fn keep_before_a_move(&mut self, out: &mut Consequences) {
        if self.call.phase_transfer.is_some() || self.call.post16_move_on.is_some() {
            out.warnings.push(Warning::new(
                "NEXT_PLACE_NOT_NAMED",
                "the plan is kept before a move: right only if it names the next place, or its type, already",
                "SEND Regulations 2014 reg 18(1), (2)",
            ));
        }
        self.running
            .end(out, &[clocks::PHASE_TRANSFER, clocks::POST16_MOVE]);
    }

    fn open_appeal(&mut self, out: &mut Consequences, on: Date) {
        let certificate = vec![("certificate", String::new())];
        self.running
            .start(out, clocks::APPEAL_LIMIT, on, Owner::FAMILY, certificate);
    }

    fn send_notice(&mut self, out: &mut Consequences, on: Date) {
        self.state = ReviewState::Amending;
        self.notice_on = Some(on);
        let authority = Owner::Agency(self.call.authority.clone());
        self.running
            .start(out, clocks::AMEND_REPS, on, Owner::FAMILY, Vec::new());
        for rule in [clocks::AMEND_FINAL, clocks::NOT_AMEND] {
            self.running.start(out, rule, on, authority.clone(), Vec::new());
        }
        if let Some(held_on) = self.held_on {
            self.running
                .start(out, clocks::AMEND_LONGSTOP, held_on, authority, Vec::new());
        }
    }

    pub(super) fn complete_representations(&mut self, out: &mut Consequences) -> Result<(), StepRefused> {
        if self.representations_complete {
            return Err(StepRefused::new(
                "REPRESENTATIONS_ALREADY_COMPLETE",
                "the representations on this notice are complete already",
                "SEND Regulations 2014 reg 22(2)(c)",
                "nothing more is needed",
            ));
        }
        self.representations_complete = true;
        self.running.end(out, &[clocks::AMEND_REPS]);
        Ok(())
    }

    pub(super) fn consult(
        &mut self,
        out: &mut Consequences,
        institution: AgencyId,
        exchange: ExchangeId,
        on: Date,
    ) {
        self.running
            .start_clock(out, consultation_clock(&institution, exchange, on));
        self.consultations.push(ConsultationState {
            consultation: exchange,
            institution,
            received_on: on,
            answer: None,
        });
    }

    pub(super) fn reply(
        &mut self,
        consultation: ExchangeId,
        answer: ConsultationAnswer,
        reasons: bool,
        on: Date,
    ) -> Result<Consequences, StepRefused> {
        let found = self
            .consultations
            .iter_mut()
            .find(|asked| asked.consultation == consultation);
        let mut out = answer_consultation(found, answer, reasons, on)?;
        self.running
            .end_for(&mut out, clocks::CONSULT_REPLY, Some(consultation));
        Ok(out)
    }

    pub(super) fn send_amended(&mut self, out: &mut Consequences, on: Date) -> Result<(), StepRefused> {
        if let Some(notice_on) = self.notice_on {
            let provision = "SEND Regulations 2014 reg 22(2)(c)";
            check_representations(notice_on, self.representations_complete, on, provision)?;
        }
        self.warn_of_late_amendment(out, on);
        self.end_amendment(out);
        self.running
            .end(out, &[clocks::PHASE_TRANSFER, clocks::POST16_MOVE]);
        self.state = ReviewState::Amended;
        self.open_appeal(out, on);
        Ok(())
    }

    pub(super) fn not_amend(&mut self, out: &mut Consequences, on: Date) {
        self.warn_of_late_amendment(out, on);
        self.end_amendment(out);
        self.keep_before_a_move(out);
        self.state = ReviewState::Kept;
        self.open_appeal(out, on);
    }

    fn warn_of_late_amendment(&self, out: &mut Consequences, on: Date) {
        let past =
            |from: Option<Date>, days| from.and_then(|day| after(day, days)).is_some_and(|due| on > due);
        if past(self.notice_on, 56) {
            let message = "later than eight weeks after the notice of amendment";
            out.warnings.push(Warning::new(
                "AMENDMENT_LATE",
                message,
                "SEND Regulations 2014 reg 22(3), (4)",
            ));
        }
        if past(self.held_on, 84) {
            out.warnings.push(Warning::new(
                "AMENDMENT_PAST_LONG_STOP",
                "later than twelve weeks after the meeting",
                "R (L, M and P) v Devon County Council [2022] EWHC 493 (Admin)",
            ));
        }
    }

    fn end_amendment(&mut self, out: &mut Consequences) {
        self.running.end(
            out,
            &[
                clocks::AMEND_REPS,
                clocks::AMEND_FINAL,
                clocks::NOT_AMEND,
                clocks::AMEND_LONGSTOP,
            ],
        );
        self.running.end_all(out, clocks::CONSULT_REPLY);
    }
}
