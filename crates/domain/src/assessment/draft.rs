//! From the draft to the final plan: representations, consultations, section I.

use jiff::civil::Date;

use super::consequences::{ClockStart, Consequences, Owner, StepRefused, Warning};
use super::request::after;
use super::{
    AssessmentCase, AssessmentState, ConsultationAnswer, ConsultationState, SectionI, ServedDraft, clocks,
};
use crate::agency::AgencyId;
use crate::exchange::ExchangeId;

const REG_13_1: &str = "SEND Regulations 2014 reg 13(1)";

impl AssessmentCase {
    pub(super) fn serve_draft(&mut self, served_on: Date, section_i_blank: bool, on: Date) -> Consequences {
        let mut out = Consequences::default();
        if !section_i_blank {
            let warning = Warning::new(
                "DRAFT_NAMES_INSTITUTION",
                "section I of a draft is blank: the draft names no school, institution or type",
                "Children and Families Act 2014 s.38(5)",
            );
            self.noted.push(warning.clone());
            out.warnings.push(warning);
        }
        let owed = self.outstanding_on(on).len();
        if owed > 0 {
            out.warnings.push(Warning::new(
                "ADVICE_OUTSTANDING",
                format!("requests for advice without an answer: {owed}"),
                "SEND Regulations 2014 regs 6(1), 11",
            ));
        }
        self.state = AssessmentState::DraftServed;
        self.named = None;
        self.draft = Some(ServedDraft {
            served_on,
            representations_complete: false,
        });
        self.running.stop(&mut out, clocks::TOWARDS_NO_PLAN);
        self.running.end(&mut out, clocks::TOWARDS_DRAFT);
        self.running
            .start(&mut out, clocks::DRAFT_REPS, served_on, Owner::FAMILY, Vec::new());
        out
    }

    pub(super) fn complete_representations(&mut self) -> Result<Consequences, StepRefused> {
        let mut out = Consequences::default();
        match &mut self.draft {
            Some(draft) if !draft.representations_complete => draft.representations_complete = true,
            _ => {
                return Err(StepRefused::new(
                    "REPRESENTATIONS_ALREADY_COMPLETE",
                    "the representations on this draft are complete already",
                    REG_13_1,
                    "nothing more is needed",
                ));
            }
        }
        self.running.end(&mut out, &[clocks::DRAFT_REPS]);
        Ok(out)
    }

    pub(super) fn consult(&mut self, institution: AgencyId, exchange: ExchangeId, on: Date) -> Consequences {
        let mut out = Consequences::default();
        self.running
            .start_clock(&mut out, consultation_clock(&institution, exchange, on));
        self.consultations.push(ConsultationState {
            consultation: exchange,
            institution,
            received_on: on,
            answer: None,
        });
        out
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

    /// In force, section I and the plan change only when an order or a concession asks for it.
    fn check_amending(&self) -> Result<(), StepRefused> {
        let due = clocks::TOWARDS_AMENDED.iter().any(|rule| self.running.has(rule));
        if self.state == AssessmentState::Reassessing && !due {
            return Err(StepRefused::new(
                "NO_DRAFT_SERVED",
                "the re-assessment has no draft yet, and no order to amend waits",
                REG_13_1,
                "serve a draft first",
            ));
        }
        if self.state != AssessmentState::DraftServed && !due {
            return Err(StepRefused::new(
                "AMEND_THROUGH_REVIEW",
                "a plan in force is amended through a review or after an appeal",
                "SEND Regulations 2014 regs 22, 28, 44(2), 45",
                "call a review, or record the order first",
            ));
        }
        Ok(())
    }

    pub(super) fn name(&mut self, section_i: SectionI) -> Result<Consequences, StepRefused> {
        self.check_amending()?;
        let mut out = Consequences::default();
        if let SectionI::Institution(institution) = &section_i {
            let last = self
                .consultations
                .iter()
                .rev()
                .find(|asked| asked.institution == *institution);
            let warning = match last.map(|asked| asked.answer) {
                None => Some((
                    "NAMED_WITHOUT_CONSULTATION",
                    "the case holds no consultation of the institution that is named",
                )),
                Some(None) => Some((
                    "NAMED_WITHOUT_REPLY",
                    "the institution that is named has not answered",
                )),
                Some(Some(ConsultationAnswer::Unsuitable | ConsultationAnswer::Incompatible)) => Some((
                    "NAMED_AGAINST_REPLY",
                    "the institution that is named answered that it is unsuitable or incompatible",
                )),
                Some(Some(ConsultationAnswer::Yes)) => None,
            };
            out.warnings.extend(warning.map(|(code, message)| {
                Warning::new(
                    code,
                    message,
                    "Children and Families Act 2014 ss.39(2), (4), 40(3)",
                )
            }));
        }
        self.named = Some(section_i);
        Ok(out)
    }

    pub(super) fn send_final(&mut self, on: Date) -> Result<Consequences, StepRefused> {
        self.check_amending()?;
        if self.named.is_none() {
            return Err(StepRefused::new(
                "SECTION_I_EMPTY",
                "a final plan names a school or institution, or a type",
                "SEND Regulations 2014 reg 12(1)(i)",
                "settle section I first",
            ));
        }
        let mut out = Consequences::default();
        if self.state != AssessmentState::DraftServed {
            self.running.end(&mut out, clocks::TOWARDS_AMENDED);
        } else {
            if let Some(draft) = self.draft {
                check_representations(draft.served_on, draft.representations_complete, on, REG_13_1)?;
            }
            self.end_assessment(&mut out, clocks::TOWARDS_FINAL);
            self.state = AssessmentState::PlanFinal;
            self.last_final_on = Some(on);
            self.draft = None;
            // The limit for reviews runs from the day on which the plan was first made and from each review (s.44(1)).
            // That a re-assessment moves it is nowhere said, so it does not.
            if self.plan_made_on.is_none() && !self.opening.reassessment {
                self.plan_made_on = Some(on);
                let owed_by = Owner::Agency(self.authority.clone());
                self.running
                    .start(&mut out, clocks::ANNUAL_REVIEW, on, owed_by, Vec::new());
            }
        }
        // The authority may go on without a reply (Code 9.83): with the plan sent, none is awaited.
        self.running.end_all(&mut out, clocks::CONSULT_REPLY);
        self.open_appeal(&mut out, on);
        Ok(out)
    }
}

/// The clock of a consultation: 15 days from receipt, by guidance (SEND Code 9.83).
pub(crate) fn consultation_clock(institution: &AgencyId, exchange: ExchangeId, on: Date) -> ClockStart {
    ClockStart {
        rule: clocks::CONSULT_REPLY,
        event_on: on,
        owed_by: Owner::Agency(institution.clone()),
        for_exchange: Some(exchange),
        guidance: true,
        params: Vec::new(),
    }
}

/// Records an answer, once, with reasons where it is no.
pub(crate) fn answer_consultation(
    consultation: Option<&mut ConsultationState>,
    answer: ConsultationAnswer,
    reasons: bool,
    on: Date,
) -> Result<Consequences, StepRefused> {
    let Some(asked) = consultation.filter(|asked| asked.answer.is_none()) else {
        return Err(StepRefused::new(
            "CONSULTATION_ALREADY_ANSWERED",
            "the consultation is answered already",
            "SEND Code of Practice 9.83",
            "write to the authority if the answer has changed",
        ));
    };
    if answer != ConsultationAnswer::Yes && !reasons {
        return Err(StepRefused::new(
            "REASONS_MISSING",
            "an answer that says no gives its reasons",
            "Children and Families Act 2014 s.39(4)",
            "say why it is unsuitable or incompatible",
        ));
    }
    let late = after(asked.received_on, 15).is_some_and(|due| on > due);
    asked.answer = Some(answer);
    let mut out = Consequences::default();
    if late {
        out.warnings.push(Warning::new(
            "CONSULTATION_REPLY_LATE",
            "later than 15 days after receipt: the authority need not have waited",
            "SEND Code of Practice 9.83",
        ));
    }
    Ok(out)
}

/// Whether fifteen days beginning with the day of service have run, or nothing more is to come.
pub(crate) fn check_representations(
    served_on: Date,
    complete: bool,
    on: Date,
    provision: &'static str,
) -> Result<(), StepRefused> {
    let Some(first) = after(served_on, 15) else {
        return Ok(());
    };
    if complete || on >= first {
        return Ok(());
    }
    Err(StepRefused::new(
        "REPRESENTATIONS_OPEN",
        format!("the fifteen days for representations are open: not before {first}"),
        provision,
        "wait until that day, or record that the representations are complete",
    ))
}
