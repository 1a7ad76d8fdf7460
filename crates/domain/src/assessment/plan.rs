//! After a decision: appeals, mediation, re-assessment, ceasing, and the move to another authority.

use jiff::civil::Date;

use super::consequences::{Consequences, Owner, StepRefused, Warning};
use super::{AppealStanding, AssessmentCase, AssessmentState, AssessmentStep, TribunalOrder, clocks};
use crate::agency::AgencyId;

const S51: &str = "Children and Families Act 2014 s.51";
const REG_15: &str = "SEND Regulations 2014 reg 15";
const REG_31: &str = "SEND Regulations 2014 reg 31; Children and Families Act 2014 s.45";

impl AssessmentCase {
    /// The steps that come after a decision. The others do not come here.
    pub(super) fn take_after_decision(
        &mut self,
        step: AssessmentStep,
        on: Date,
    ) -> Result<Consequences, StepRefused> {
        use AssessmentStep as Step;
        match step {
            Step::RegisterAppeal => self.register_appeal(),
            Step::EndAppeal => self.end_appeal(),
            Step::RecordOrder { order, made_on } => self.order(order, made_on, false),
            Step::ConcedeAppeal { order, told_on } => self.order(order, told_on, true),
            Step::RequestMediation {
                told_on,
                health_issues,
                health_only,
            } => Ok(self.request_mediation(told_on, health_issues, health_only)),
            Step::TellCommissioner => self.end_only(
                &[clocks::MEDIATION_TELL_ICB],
                "SEND Regulations 2014 regs 32 to 42 (mediation)",
            ),
            Step::EndMediation { ended_on } => Ok(self.end_mediation(ended_on)),
            Step::RecordCertificate { issued_on } => self.record_certificate(issued_on),
            Step::RequestReassessment { received_on } => Ok(self.request_reassessment(received_on)),
            Step::DecideToReassess { assess } => Ok(self.decide_to_reassess(assess, on)),
            Step::ConsultOnCeasing { family, institution } => {
                consulted_both(family, institution)?;
                self.state = AssessmentState::CeaseProposed;
                Ok(Consequences::default())
            }
            Step::DecideToCease { cease } => Ok(self.decide_to_cease(cease, on)),
            Step::EndPlan => self.end_plan(on),
            Step::ReportMove {
                to,
                moves_on,
                aware_on,
                commissioner,
            } => self.report_move(to, moves_on, aware_on, commissioner),
            Step::TransferPlan {
                last_made_or_reviewed_on,
            } => self.transfer_plan(last_made_or_reviewed_on, on),
            Step::TellOfTransfer => {
                self.end_only(&[clocks::TRANSFER_INFORM], "SEND Regulations 2014 reg 15(4)")
            }
            Step::TellNewCommissioner => self.end_only(&[clocks::ICB_CHANGE], "SEND Regulations 2014 reg 16"),
            Step::TellOfConsidering => {
                self.end_only(&[clocks::CONSIDERING], "SEND Regulations 2014 reg 4(2)")
            }
            _ => Ok(Consequences::default()),
        }
    }

    /// A step that does nothing but meet a clock: refused when none runs.
    fn end_only(
        &mut self,
        rules: &[&'static str],
        provision: &'static str,
    ) -> Result<Consequences, StepRefused> {
        let mut out = Consequences::default();
        self.running.end(&mut out, rules);
        if out.end.is_empty() {
            return Err(StepRefused::new(
                "NOTHING_TO_NOTIFY",
                "no duty to tell waits in this case",
                provision,
                "nothing is needed",
            ));
        }
        Ok(out)
    }

    fn register_appeal(&mut self) -> Result<Consequences, StepRefused> {
        if self.appeal == AppealStanding::Open {
            return Err(StepRefused::new(
                "APPEAL_ALREADY_OPEN",
                "an appeal is open already",
                S51,
                "record its end or its order first",
            ));
        }
        self.appeal = AppealStanding::Open;
        let mut out = Consequences::default();
        self.running.end(&mut out, &[clocks::APPEAL_LIMIT]);
        Ok(out)
    }

    fn end_appeal(&mut self) -> Result<Consequences, StepRefused> {
        if self.appeal != AppealStanding::Open {
            return Err(StepRefused::new(
                "NO_APPEAL_OPEN",
                "no appeal is open",
                S51,
                "record that the appeal was registered first",
            ));
        }
        self.appeal = AppealStanding::Over;
        Ok(Consequences::default())
    }

    /// An order, or the concession of what would be ordered (regs 44(2), 45).
    fn order(
        &mut self,
        order: TribunalOrder,
        event_on: Date,
        conceded: bool,
    ) -> Result<Consequences, StepRefused> {
        use AssessmentState as S;
        use TribunalOrder as O;
        let provision = if conceded {
            "SEND Regulations 2014 reg 45"
        } else {
            "SEND Regulations 2014 reg 44(2)"
        };
        let (state, ordered, by_consent): (S, &[&'static str], &[&'static str]) = match (order, self.state) {
            (O::Assess, S::NotAssessing) => (
                S::Assessing,
                &[
                    clocks::TRIB_ASSESS_NOTIFY,
                    clocks::TRIB_NO_PLAN,
                    clocks::TRIB_ASSESS_FINAL,
                ],
                &[
                    clocks::UNOPPOSED_ASSESS_NOTIFY,
                    clocks::UNOPPOSED_NO_PLAN,
                    clocks::UNOPPOSED_ASSESS_FINAL,
                ],
            ),
            // A re-assessment: a plan is in force, so there is no notice that none is needed.
            (O::Assess, S::PlanFinal) => (
                S::Reassessing,
                &[clocks::TRIB_ASSESS_NOTIFY, clocks::TRIB_ASSESS_FINAL],
                &[clocks::UNOPPOSED_ASSESS_NOTIFY, clocks::UNOPPOSED_ASSESS_FINAL],
            ),
            (O::MakePlan, S::NoPlan) => (
                S::PlanOrdered,
                &[clocks::TRIB_DRAFT, clocks::TRIB_FINAL],
                &[clocks::UNOPPOSED_DRAFT, clocks::UNOPPOSED_FINAL],
            ),
            (O::Amend, S::PlanFinal | S::CeaseNotified) => {
                (S::PlanFinal, &[clocks::TRIB_AMEND], &[clocks::UNOPPOSED_AMEND])
            }
            // The earlier plan's appeal may end while a re-assessment or a consultation on ceasing is in hand.
            (O::Amend, now @ (S::ReassessmentRequested | S::Reassessing | S::CeaseProposed)) => {
                (now, &[clocks::TRIB_AMEND], &[clocks::UNOPPOSED_AMEND])
            }
            (
                O::NameInstitution,
                now @ (S::PlanFinal | S::ReassessmentRequested | S::Reassessing | S::CeaseProposed),
            ) => (now, &[clocks::TRIB_NAME], &[clocks::UNOPPOSED_NAME]),
            (O::KeepPlan, now @ (S::ReassessmentRequested | S::Reassessing | S::CeaseProposed)) => {
                (now, &[], &[])
            }
            (O::KeepPlan, S::PlanFinal | S::CeaseNotified) => (S::PlanFinal, &[], &[]),
            (O::CeaseAppealDismissed, S::CeaseNotified) if !conceded => (S::Ceased, &[], &[]),
            _ => {
                return Err(StepRefused::new(
                    "ORDER_DOES_NOT_FIT",
                    format!("{order} cannot follow a case in state {}", self.state),
                    provision,
                    "check the order, or record the decision that was appealed against first",
                ));
            }
        };
        let mut out = Consequences::default();
        if self.appeal != AppealStanding::Open {
            out.warnings.push(Warning::new(
                "APPEAL_NOT_REGISTERED",
                "the case holds no open appeal that this could answer",
                S51,
            ));
        }
        self.appeal = AppealStanding::Over;
        self.running.end(&mut out, &[clocks::APPEAL_LIMIT]);
        if order == O::Assess && state == S::Reassessing {
            self.begin_reassessment();
        }
        self.state = state;
        for rule in if conceded { by_consent } else { ordered } {
            let owed_by = Owner::Agency(self.authority.clone());
            self.running.start(&mut out, rule, event_on, owed_by, Vec::new());
        }
        if state == S::Ceased {
            self.running.end_everything(&mut out);
        }
        Ok(out)
    }

    fn request_mediation(&mut self, told_on: Date, health_issues: bool, health_only: bool) -> Consequences {
        let mut out = Consequences::default();
        let authority = Owner::Agency(self.authority.clone());
        let mut rules = Vec::new();
        if health_only {
            rules.push((clocks::MEDIATION_HEALTH_ARRANGE, Owner::COMMISSIONING_BODY));
        } else {
            rules.push((clocks::MEDIATION_ARRANGE, authority.clone()));
        }
        if health_issues || health_only {
            rules.push((clocks::MEDIATION_TELL_ICB, authority));
        }
        for (rule, owed_by) in rules {
            self.running.start(&mut out, rule, told_on, owed_by, Vec::new());
        }
        out
    }

    fn end_mediation(&mut self, ended_on: Date) -> Consequences {
        let mut out = Consequences::default();
        self.running.end(
            &mut out,
            &[
                clocks::MEDIATION_ARRANGE,
                clocks::MEDIATION_HEALTH_ARRANGE,
                clocks::MEDIATION_TELL_ICB,
            ],
        );
        self.running.start(
            &mut out,
            clocks::MEDIATION_CERT,
            ended_on,
            Owner::MEDIATION_ADVISER,
            Vec::new(),
        );
        out
    }

    fn record_certificate(&mut self, issued_on: Date) -> Result<Consequences, StepRefused> {
        let Some(decided_on) = self.decided_on else {
            return Err(StepRefused::new(
                "NOTHING_TO_APPEAL",
                "the case holds no decision that carries a right of appeal",
                "Children and Families Act 2014 s.55",
                "record the decision first",
            ));
        };
        let mut out = Consequences::default();
        self.running.end(&mut out, &[clocks::MEDIATION_CERT]);
        self.certificate_on = Some(issued_on);
        if self.appeal == AppealStanding::CanBeBrought {
            let certificate = vec![("certificate", issued_on.to_string())];
            self.running.start(
                &mut out,
                clocks::APPEAL_LIMIT,
                decided_on,
                Owner::FAMILY,
                certificate,
            );
        }
        Ok(out)
    }

    /// A new round: whose advice was asked or taken in the last one says nothing of this one.
    fn begin_reassessment(&mut self) {
        self.round_from = self.requests.len();
        self.existing.clear();
        self.noted.clear();
    }

    fn request_reassessment(&mut self, received_on: Date) -> Consequences {
        let mut out = Consequences::default();
        let lately = self
            .last_final_on
            .and_then(|day| day.checked_add(jiff::Span::new().months(6)).ok())
            .is_some_and(|until| received_on < until);
        if lately {
            out.warnings.push(Warning::new(
                "ASSESSED_WITHIN_SIX_MONTHS",
                "the last assessment ended less than six months before: the authority may refuse for that alone",
                "SEND Regulations 2014 regs 23 to 27 (re-assessment)",
            ));
        }
        self.begin_reassessment();
        self.state = AssessmentState::ReassessmentRequested;
        let owed_by = Owner::Agency(self.authority.clone());
        self.running.start(
            &mut out,
            clocks::REASSESS_DECIDE,
            received_on,
            owed_by,
            Vec::new(),
        );
        out
    }

    pub(super) fn decide_to_reassess(&mut self, assess: bool, on: Date) -> Consequences {
        let mut out = Consequences::default();
        self.running.end(&mut out, &[clocks::REASSESS_DECIDE]);
        if assess {
            self.state = AssessmentState::Reassessing;
            let owed_by = Owner::Agency(self.authority.clone());
            self.running
                .start(&mut out, clocks::REASSESS_FINAL, on, owed_by, Vec::new());
            out.warnings = self.warnings();
        } else {
            self.close_requests(&mut out);
            self.state = AssessmentState::PlanFinal;
            self.open_appeal(&mut out, on);
        }
        out
    }

    fn decide_to_cease(&mut self, cease: bool, on: Date) -> Consequences {
        let mut out = Consequences::default();
        if cease {
            self.state = AssessmentState::CeaseNotified;
            self.open_appeal(&mut out, on);
        } else {
            self.state = AssessmentState::PlanFinal;
        }
        out
    }

    /// The last day on which an appeal can be brought: the later of two months from the decision and one month
    /// from the certificate. The Tribunal's own adjustments are not applied.
    #[must_use]
    pub fn appeal_until(&self) -> Option<Date> {
        let months = |day: Date, count: i64| day.checked_add(jiff::Span::new().try_months(count).ok()?).ok();
        let from_decision = self.decided_on.and_then(|day| months(day, 2));
        let from_certificate = self.certificate_on.and_then(|day| months(day, 1));
        from_decision.max(from_certificate)
    }

    fn end_plan(&mut self, on: Date) -> Result<Consequences, StepRefused> {
        let can_be_brought = self.appeal == AppealStanding::CanBeBrought
            && self.appeal_until().is_some_and(|until| on <= until);
        if can_be_brought || self.appeal == AppealStanding::Open {
            return Err(StepRefused::new(
                "PLAN_KEPT_DURING_APPEAL",
                "the plan is kept while an appeal against ceasing it can be or is brought",
                "Children and Families Act 2014 s.45(4)",
                "wait for the end of the time to appeal, or of the appeal",
            ));
        }
        let mut out = Consequences::default();
        self.running.end_everything(&mut out);
        self.state = AssessmentState::Ceased;
        Ok(out)
    }

    fn report_move(
        &mut self,
        to: AgencyId,
        moves_on: Date,
        aware_on: Date,
        commissioner: Option<(Option<AgencyId>, Date)>,
    ) -> Result<Consequences, StepRefused> {
        if to == self.authority {
            return Err(StepRefused::new(
                "SAME_AUTHORITY",
                "the new authority is the one that is responsible now",
                REG_15,
                "name the authority of the area moved to",
            ));
        }
        let mut out = Consequences::default();
        self.running.start(
            &mut out,
            clocks::LA_TRANSFER,
            moves_on,
            Owner::Agency(self.authority.clone()),
            vec![("old_la_aware", aware_on.to_string())],
        );
        if let Some((body, body_aware_on)) = commissioner {
            self.running.start(
                &mut out,
                clocks::ICB_CHANGE,
                moves_on,
                body.clone().map_or(Owner::COMMISSIONING_BODY, Owner::Agency),
                vec![("old_icb_aware", body_aware_on.to_string())],
            );
            self.commissioner = body;
        }
        self.transferring_to = Some((to, moves_on));
        Ok(out)
    }

    fn transfer_plan(
        &mut self,
        last_made_or_reviewed_on: Option<Date>,
        on: Date,
    ) -> Result<Consequences, StepRefused> {
        let Some((to, moves_on)) = self.transferring_to.take() else {
            return Err(StepRefused::new(
                "MOVE_NOT_REPORTED",
                "the case holds no move to another authority",
                REG_15,
                "report the move first",
            ));
        };
        if on < moves_on {
            return Err(StepRefused::new(
                "TRANSFER_BEFORE_MOVE",
                format!("the new authority becomes responsible on {moves_on}: not before that day"),
                "SEND Regulations 2014 reg 15(2); Children and Families Act 2014 s.47",
                "transfer on the day of the move, or after",
            ));
        }
        let mut out = Consequences::default();
        let last = last_made_or_reviewed_on.or(self.plan_made_on).unwrap_or(on);
        let old = std::mem::replace(&mut self.authority, to);
        // The review after a transfer has its own limit, the later of the old one and three months.
        self.running.end(&mut out, &[clocks::LA_TRANSFER]);
        self.running.stop(&mut out, &[clocks::ANNUAL_REVIEW]);
        // What the old authority owed under the plan, the new one owes: the same clocks with another owner.
        self.running.hand_over(&mut out, &old, &self.authority);
        let new_authority = Owner::Agency(self.authority.clone());
        let reviewed = vec![("last_made_or_reviewed", last.to_string())];
        self.running.start(
            &mut out,
            clocks::TRANSFER_INFORM,
            on,
            new_authority.clone(),
            Vec::new(),
        );
        self.running
            .start(&mut out, clocks::TRANSFER_REVIEW, on, new_authority, reviewed);
        Ok(out)
    }
}

/// Whether both the family and the institution are consulted on ceasing (reg 31(1)).
pub(crate) fn consulted_both(family: bool, institution: bool) -> Result<(), StepRefused> {
    if family && institution {
        return Ok(());
    }
    Err(StepRefused::new(
        "CONSULT_FAMILY_AND_INSTITUTION",
        "before a plan ceases both the family and the institution named are consulted",
        REG_31,
        "consult both",
    ))
}
