//! Taking a step of a review: who may, when, and what follows up to the report.

use jiff::civil::Date;

use super::call::{Invitee, InviteeRef, InviteeRole};
use super::{ReportContents, ReviewCase, ReviewState, ReviewStep, clocks};
use crate::agency::{AgencyId, coded};
use crate::assessment::{Consequences, Owner, StepRefused, Warning, after, consulted_both, days_from};
use crate::exchange::ExchangeId;

coded! {
    /// Which step, without what it says.
    ReviewStepKind {
        /// [`ReviewStep::Respond`].
        Respond = "RESPOND",
        /// [`ReviewStep::SubmitAdvice`].
        SubmitAdvice = "SUBMIT_ADVICE",
        /// [`ReviewStep::CirculateAdvice`].
        CirculateAdvice = "CIRCULATE_ADVICE",
        /// [`ReviewStep::Rearrange`].
        Rearrange = "REARRANGE",
        /// [`ReviewStep::HoldMeeting`].
        HoldMeeting = "HOLD_MEETING",
        /// [`ReviewStep::SendReport`].
        SendReport = "SEND_REPORT",
        /// [`ReviewStep::ConsultOnCeasing`].
        ConsultOnCeasing = "CONSULT_ON_CEASING",
        /// [`ReviewStep::Decide`].
        Decide = "DECIDE",
        /// [`ReviewStep::CompleteRepresentations`].
        CompleteRepresentations = "COMPLETE_REPRESENTATIONS",
        /// [`ReviewStep::Consult`].
        Consult = "CONSULT",
        /// [`ReviewStep::ReplyToConsultation`].
        ReplyToConsultation = "REPLY_TO_CONSULTATION",
        /// [`ReviewStep::SendAmendedPlan`].
        SendAmendedPlan = "SEND_AMENDED_PLAN",
        /// [`ReviewStep::DecideNotToAmend`].
        DecideNotToAmend = "DECIDE_NOT_TO_AMEND",
    }
}

impl ReviewStep {
    /// Which step it is.
    #[must_use]
    pub const fn kind(&self) -> ReviewStepKind {
        use ReviewStepKind as Kind;
        match self {
            Self::Respond { .. } => Kind::Respond,
            Self::SubmitAdvice { .. } => Kind::SubmitAdvice,
            Self::CirculateAdvice { .. } => Kind::CirculateAdvice,
            Self::Rearrange { .. } => Kind::Rearrange,
            Self::HoldMeeting { .. } => Kind::HoldMeeting,
            Self::SendReport { .. } => Kind::SendReport,
            Self::ConsultOnCeasing { .. } => Kind::ConsultOnCeasing,
            Self::Decide { .. } => Kind::Decide,
            Self::CompleteRepresentations => Kind::CompleteRepresentations,
            Self::Consult { .. } => Kind::Consult,
            Self::ReplyToConsultation { .. } => Kind::ReplyToConsultation,
            Self::SendAmendedPlan => Kind::SendAmendedPlan,
            Self::DecideNotToAmend => Kind::DecideNotToAmend,
        }
    }
}

/// Whether a step may be taken in a state.
///
/// # Errors
/// [`StepRefused`] with one of `REVIEW_ENDED`, `MEETING_ALREADY_HELD`, `MEETING_NOT_HELD`, `REPORT_ALREADY_SENT`,
/// `REVIEW_ALREADY_DECIDED`, `NO_AMENDMENT_NOTICE`.
pub fn step_allowed(state: ReviewState, step: ReviewStepKind) -> Result<(), StepRefused> {
    use ReviewState as S;
    use ReviewStepKind as K;
    let states: &[S] = match step {
        K::Respond | K::SubmitAdvice | K::CirculateAdvice | K::Rearrange | K::HoldMeeting => &[S::Called],
        K::SendReport => &[S::MeetingHeld],
        // The four weeks run from the meeting whether or not the report came, so its lateness bars no decision.
        K::ConsultOnCeasing | K::Decide => &[S::MeetingHeld, S::ReportSent],
        K::CompleteRepresentations
        | K::Consult
        | K::ReplyToConsultation
        | K::SendAmendedPlan
        | K::DecideNotToAmend => &[S::Amending],
    };
    if states.contains(&state) {
        return Ok(());
    }
    let (reason, provision, remedy) = match (state, step) {
        (S::Kept | S::Amended | S::CeaseNotified, _) => (
            "REVIEW_ENDED",
            "Children and Families Act 2014 s.44(1)",
            "call a new review",
        ),
        (S::Called, K::SendReport | K::ConsultOnCeasing | K::Decide) => (
            "MEETING_NOT_HELD",
            "SEND Regulations 2014 reg 20(7), (10)",
            "record the meeting first",
        ),
        (S::ReportSent, K::SendReport) => (
            "REPORT_ALREADY_SENT",
            "SEND Regulations 2014 reg 20(9)",
            "send a notice if the report has to be corrected",
        ),
        (S::Called | S::MeetingHeld | S::ReportSent, K::CompleteRepresentations | K::Consult)
        | (
            S::Called | S::MeetingHeld | S::ReportSent,
            K::ReplyToConsultation | K::SendAmendedPlan | K::DecideNotToAmend,
        ) => (
            "NO_AMENDMENT_NOTICE",
            "SEND Regulations 2014 reg 22(2)",
            "decide to amend and send the notice first",
        ),
        (S::Amending, K::SendReport | K::ConsultOnCeasing | K::Decide) => (
            "REVIEW_ALREADY_DECIDED",
            "SEND Regulations 2014 reg 20(10)",
            "send the amended plan, or decide not to amend",
        ),
        _ => (
            "MEETING_ALREADY_HELD",
            "SEND Regulations 2014 reg 20(3), (4)",
            "put it into the report",
        ),
    };
    Err(StepRefused::new(
        reason,
        format!("{step} is not a step of a review in state {state}"),
        provision,
        remedy,
    ))
}

impl ReviewCase {
    /// Takes a step that `by` took on a day by an exchange. A step that is refused changes nothing.
    ///
    /// # Errors
    /// [`StepRefused`]: the wrong caller (`NOT_THE_AUTHORITY`, `NOT_THE_REVIEWER`, `NOT_INVITED`,
    /// `NOT_THE_CONSULTED_INSTITUTION`, `UNKNOWN_CONSULTATION`), then the wrong state (the codes of
    /// [`step_allowed`]), then what the step itself lacks.
    pub fn apply(
        &mut self,
        step: ReviewStep,
        by: &AgencyId,
        exchange: ExchangeId,
        on: Date,
    ) -> Result<Consequences, StepRefused> {
        // The caller first: one who has no part in the review must not learn its state from a refusal.
        self.check_caller(&step, by)?;
        step_allowed(self.state, step.kind())?;
        // A step that is refused half-way must leave nothing behind.
        let mut next = self.clone();
        let consequences = next.take(step, exchange, on)?;
        *self = next;
        Ok(consequences)
    }

    fn check_caller(&self, step: &ReviewStep, by: &AgencyId) -> Result<(), StepRefused> {
        let call = &self.call;
        let runs = *by == call.authority || *by == call.run_by;
        match step {
            ReviewStep::Respond { invitee, .. } | ReviewStep::SubmitAdvice { invitee } => {
                let own = match &invitee.agency {
                    Some(agency) => agency == by,
                    None => runs,
                };
                if own && call.invited(invitee) {
                    return Ok(());
                }
                Err(StepRefused::new(
                    "NOT_INVITED",
                    "only one who is invited answers, each for itself; for the family, the one who runs the review",
                    "SEND Regulations 2014 regs 20(2), 21(2)",
                    "answer for the part in which your agency is invited",
                ))
            }
            ReviewStep::CirculateAdvice { .. }
            | ReviewStep::Rearrange { .. }
            | ReviewStep::HoldMeeting { .. }
            | ReviewStep::SendReport { .. } => {
                if runs {
                    return Ok(());
                }
                Err(StepRefused::new(
                    "NOT_THE_REVIEWER",
                    "only the authority, or the one who runs the review for it, may take this step",
                    "SEND Regulations 2014 reg 20(1)",
                    "ask the one who runs the review",
                ))
            }
            ReviewStep::ReplyToConsultation { consultation, .. } => {
                let asked = self
                    .consultations
                    .iter()
                    .find(|asked| asked.consultation == *consultation);
                match asked {
                    Some(asked) if asked.institution == *by => Ok(()),
                    Some(_) => Err(StepRefused::new(
                        "NOT_THE_CONSULTED_INSTITUTION",
                        "only the institution that was consulted may answer",
                        "Children and Families Act 2014 s.39(2)",
                        "answer a consultation that was sent to your agency",
                    )),
                    None => Err(StepRefused::new(
                        "UNKNOWN_CONSULTATION",
                        "the review holds no such consultation",
                        "Children and Families Act 2014 s.39(2)",
                        "give the id of the exchange by which you were consulted",
                    )),
                }
            }
            _ if *by == call.authority => Ok(()),
            _ => Err(StepRefused::new(
                "NOT_THE_AUTHORITY",
                "only the authority responsible for the plan decides on it",
                "Children and Families Act 2014 s.44; SEND Regulations 2014 reg 20(10)",
                "ask the authority",
            )),
        }
    }

    fn take(
        &mut self,
        step: ReviewStep,
        exchange: ExchangeId,
        on: Date,
    ) -> Result<Consequences, StepRefused> {
        let mut out = Consequences::default();
        match step {
            ReviewStep::Respond { invitee, answer } => {
                self.answers.retain(|(who, _)| *who != invitee);
                self.answers.push((invitee, answer));
            }
            ReviewStep::SubmitAdvice { invitee } => self.submit_advice(&mut out, invitee, on),
            ReviewStep::CirculateAdvice { sent_to } => self.circulate(&mut out, &sent_to, on)?,
            ReviewStep::Rearrange { meeting_on, invitees } => {
                self.rearrange(&mut out, meeting_on, invitees)?;
            }
            ReviewStep::HoldMeeting { held_on, attended } => self.hold(&mut out, held_on, &attended, on)?,
            ReviewStep::SendReport { sent_to, contents } => {
                self.send_report(&mut out, &sent_to, &contents, on)?;
            }
            ReviewStep::ConsultOnCeasing { family, institution } => {
                consulted_both(family, institution)?;
                self.consulted_on_ceasing = true;
            }
            ReviewStep::Decide { outcome } => self.decide(&mut out, &outcome, on)?,
            ReviewStep::CompleteRepresentations => self.complete_representations(&mut out)?,
            ReviewStep::Consult { institution } => self.consult(&mut out, institution, exchange, on),
            ReviewStep::ReplyToConsultation {
                consultation,
                answer,
                reasons,
            } => out = self.reply(consultation, answer, reasons, on)?,
            ReviewStep::SendAmendedPlan => self.send_amended(&mut out, on)?,
            ReviewStep::DecideNotToAmend => self.not_amend(&mut out, on),
        }
        Ok(out)
    }

    /// The last day that is two weeks before the meeting.
    fn advice_by(&self) -> Option<Date> {
        after(self.call.meeting_on, -14)
    }

    fn submit_advice(&mut self, out: &mut Consequences, invitee: InviteeRef, on: Date) {
        if self.advice_by().is_some_and(|by| on > by) {
            out.warnings.push(Warning::new(
                "REVIEW_ADVICE_LATE",
                "later than two weeks before the meeting, when the advice is to be circulated",
                self.call.advice_provision(),
            ));
        }
        if !self.advice_from.contains(&invitee) {
            self.advice_from.push(invitee);
        }
    }

    /// Those whom something did not reach: an error for those whom the Regulations name, a warning for the others.
    fn check_reached(
        &self,
        out: &mut Consequences,
        sent_to: &[InviteeRef],
        reason: &'static str,
        provision: &'static str,
    ) -> Result<(), StepRefused> {
        for invitee in &self.call.invitees {
            if sent_to.contains(&invitee.who) {
                continue;
            }
            let message = format!("{} was invited and is left out", invitee.who.role);
            if self.call.is_required(invitee.who.role) {
                return Err(StepRefused::new(
                    reason,
                    message,
                    provision,
                    "send it to everybody who was invited",
                ));
            }
            out.warnings
                .push(Warning::new("EXTRA_INVITEE_LEFT_OUT", message, provision));
        }
        Ok(())
    }

    fn circulate(
        &mut self,
        out: &mut Consequences,
        sent_to: &[InviteeRef],
        on: Date,
    ) -> Result<(), StepRefused> {
        let provision = self.call.advice_provision();
        self.check_reached(out, sent_to, "CIRCULATE_TO_ALL_INVITEES", provision)?;
        if self.advice_by().is_some_and(|by| on > by) {
            out.warnings.push(Warning::new(
                "CIRCULATED_LATE",
                "later than two weeks before the meeting",
                provision,
            ));
        }
        for invitee in self.advice_owed() {
            let role = invitee.who.role;
            let message = format!("no advice came from {role}");
            out.warnings
                .push(Warning::new("REVIEW_ADVICE_NOT_OBTAINED", message, provision));
        }
        self.circulated_on = Some(on);
        self.running.end(out, &[clocks::CIRCULATE_ADVICE]);
        Ok(())
    }

    fn rearrange(
        &mut self,
        out: &mut Consequences,
        meeting_on: Date,
        invitees: Vec<Invitee>,
    ) -> Result<(), StepRefused> {
        self.call.meeting_on = meeting_on;
        self.call.invitees = invitees;
        out.warnings = self.call.check()?;
        // Answers were to another day.
        self.answers.clear();
        self.start_meeting_clocks(out, meeting_on);
        if self.circulated_on.is_none() {
            let run_by = Owner::Agency(self.call.run_by.clone());
            self.running
                .start(out, clocks::CIRCULATE_ADVICE, meeting_on, run_by, Vec::new());
        }
        Ok(())
    }

    fn hold(
        &mut self,
        out: &mut Consequences,
        held_on: Date,
        attended: &[InviteeRef],
        on: Date,
    ) -> Result<(), StepRefused> {
        if held_on > on {
            return Err(StepRefused::new(
                "MEETING_IN_THE_FUTURE",
                "a meeting is recorded when it was held",
                "SEND Regulations 2014 reg 20(7)",
                "record it on the day or after",
            ));
        }
        if held_on < self.call.meeting_on {
            return Err(StepRefused::new(
                "MEETING_BEFORE_ITS_DAY",
                "held before the day to which everybody was invited",
                "SEND Regulations 2014 reg 20(3)",
                "rearrange the meeting with new invitations, or correct the day",
            ));
        }
        if held_on > self.call.meeting_on {
            out.warnings.push(Warning::new(
                "MEETING_ON_ANOTHER_DAY",
                "held on a later day than the one in the invitations",
                "SEND Regulations 2014 reg 20(3)",
            ));
        }
        if self.circulated_on.is_none() {
            out.warnings.push(Warning::new(
                "ADVICE_NOT_CIRCULATED",
                "the meeting was held without advice circulated before",
                "SEND Regulations 2014 reg 20(4)",
            ));
        }
        let family = [
            InviteeRole::Parent,
            InviteeRole::YoungPerson,
            InviteeRole::AlternativePerson,
        ];
        if !attended.iter().any(|who| family.contains(&who.role)) {
            out.warnings.push(Warning::new(
                "FAMILY_DID_NOT_ATTEND",
                "nobody of the family came: their views are sought all the same",
                "Children and Families Act 2014 s.19(a); SEND Regulations 2014 reg 19",
            ));
        }
        self.held_on = Some(held_on);
        self.state = ReviewState::MeetingHeld;
        // Advice that was not circulated before the meeting no longer can be.
        self.running.end(out, &[clocks::CIRCULATE_ADVICE]);
        if held_on != self.call.meeting_on {
            self.start_meeting_clocks(out, held_on);
        }
        Ok(())
    }

    fn send_report(
        &mut self,
        out: &mut Consequences,
        sent_to: &[InviteeRef],
        contents: &ReportContents,
        on: Date,
    ) -> Result<(), StepRefused> {
        self.check_reached(
            out,
            sent_to,
            "REPORT_TO_ALL_INVITEES",
            self.call.report_provision(),
        )?;
        contents.check(&self.call)?;
        if self
            .held_on
            .and_then(|held| days_from(held, on))
            .is_some_and(|days| days > 14)
        {
            out.warnings.push(Warning::new(
                "REPORT_LATE",
                "later than two weeks after the meeting",
                self.call.report_provision(),
            ));
        }
        self.recommended = Some(contents.recommendation);
        self.state = ReviewState::ReportSent;
        self.running.end(out, &[clocks::REPORT]);
        Ok(())
    }
}
