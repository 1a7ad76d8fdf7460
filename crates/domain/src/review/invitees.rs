//! Whom a review must invite, and whether the notice is long enough.

use jiff::civil::{Date, date};

use super::call::{Invitee, InviteeRef, InviteeRole, ReviewCall};
use super::{ReviewCase, ReviewState, clocks};
use crate::age::{AgeStatus, RightHolder, anniversary};
use crate::agency::AgencyId;
use crate::assessment::{Consequences, Owner, Running, StepRefused, Warning, days_from};

/// The parts that must be invited whoever holds the right: the rest of reg 20(2).
const OFFICERS: [InviteeRole; 3] = [
    InviteeRole::LaSenOfficer,
    InviteeRole::HealthProfessional,
    InviteeRole::LaSocialCare,
];

impl ReviewCall {
    /// The provision for one who attends an institution, or the one for one who attends none.
    pub(super) const fn provision(&self, attending: &'static str, otherwise: &'static str) -> &'static str {
        if self.at_school { attending } else { otherwise }
    }

    /// The provision on advice and its circulation.
    pub(super) const fn advice_provision(&self) -> &'static str {
        self.provision(
            "SEND Regulations 2014 reg 20(4)",
            "SEND Regulations 2014 reg 21(4)",
        )
    }

    /// The provision on the report.
    pub(super) const fn report_provision(&self) -> &'static str {
        self.provision(
            "SEND Regulations 2014 reg 20(7) to (9)",
            "SEND Regulations 2014 reg 21(7)",
        )
    }

    /// The provision on whom to invite.
    const fn invite_provision(&self) -> &'static str {
        self.provision(
            "SEND Regulations 2014 reg 20(2)",
            "SEND Regulations 2014 reg 21(2)",
        )
    }

    /// The provision on the notice.
    const fn notice_provision(&self) -> &'static str {
        self.provision(
            "SEND Regulations 2014 reg 20(3)",
            "SEND Regulations 2014 reg 21(3)",
        )
    }

    /// The last day of the twelve months: the day before the anniversary of the plan or of the last review
    /// (Children and Families Act 2014 s.44(1)).
    #[must_use]
    pub fn twelve_month_limit(&self) -> Date {
        let from = self
            .last_review_on
            .map_or(self.plan_made_on, |last| last.max(self.plan_made_on));
        let again = anniversary(from, 1);
        again.yesterday().unwrap_or(again)
    }

    fn invites(&self, role: InviteeRole) -> bool {
        self.invitees.iter().any(|invitee| invitee.who.role == role)
    }

    /// The parts of the family that the right requires: any one of each group.
    fn family_groups(&self) -> Vec<&'static [InviteeRole]> {
        use InviteeRole as R;
        match self.status.right_holder() {
            RightHolder::ChildsParent => vec![&[R::Parent]],
            // Until the authority rules, only what parent and pupil both authorise may be done.
            RightHolder::NeedsDetermination => vec![&[R::Parent], &[R::YoungPerson]],
            // Past 25 a plan may run on (s.46): it is still the young person's review.
            RightHolder::YoungPerson | RightHolder::None => {
                if self.alternative_person_acts {
                    vec![&[R::AlternativePerson, R::Parent]]
                } else if self.holder_asks_parent {
                    vec![&[R::YoungPerson, R::Parent]]
                } else {
                    vec![&[R::YoungPerson]]
                }
            }
        }
    }

    /// Whether an invitee is one of those whom reg 20(2) or 21(2) names for this person on this day.
    #[must_use]
    pub fn is_required(&self, role: InviteeRole) -> bool {
        OFFICERS.contains(&role)
            || (role == InviteeRole::Institution && self.at_school)
            || self.family_groups().iter().any(|group| group.contains(&role))
    }

    /// Those invited beyond the list: whether they may come is for the policy, which refers them. Without a school,
    /// reg 21(2) lets the authority invite whom it thinks fit, so nobody but a parent is beyond the list.
    #[must_use]
    pub fn extra_invitees(&self) -> Vec<&Invitee> {
        self.invitees
            .iter()
            .filter(|invitee| {
                let role = invitee.who.role;
                let fit = !self.at_school && matches!(role, InviteeRole::Other | InviteeRole::Institution);
                // A child may always come to its own review, and one who lacks capacity too (reg 19(a), Sch 3).
                let own = role == InviteeRole::YoungPerson;
                !self.is_required(role) && !fit && !own
            })
            .collect()
    }

    fn check_invitees(&self) -> Result<(), StepRefused> {
        let provision = self.invite_provision();
        for group in self.family_groups() {
            if group.iter().any(|role| self.invites(*role)) {
                continue;
            }
            let refusal = match group {
                [InviteeRole::YoungPerson] if self.invites(InviteeRole::Parent) && self.holder_is_young() => {
                    StepRefused::new(
                        "INVITE_THE_YOUNG_PERSON",
                        "the right has passed: the young person is invited, not the parent",
                        provision,
                        "invite the young person, or record that the young person asks for the parent",
                    )
                }
                [InviteeRole::Parent]
                    if self.invites(InviteeRole::YoungPerson)
                        && self.status.right_holder() == RightHolder::ChildsParent =>
                {
                    StepRefused::new(
                        "INVITE_THE_PARENT",
                        "the right has not passed: the child's parent is invited",
                        provision,
                        "invite the child's parent",
                    )
                }
                _ => missing(group, provision),
            };
            return Err(refusal);
        }
        let institution = self.at_school.then_some(InviteeRole::Institution);
        match OFFICERS
            .into_iter()
            .chain(institution)
            .find(|role| !self.invites(*role))
        {
            Some(role) => Err(missing(&[role], provision)),
            None => Ok(()),
        }
    }

    /// Whether the institution invited is the one that runs the review: no other can be required to (reg 20(12)). One
    /// that is no agency of the hub cannot be told apart.
    fn is_of_the_runner(&self) -> bool {
        let attended = |invitee: &&Invitee| invitee.who.role == InviteeRole::Institution;
        self.invitees.iter().filter(attended).all(|invitee| {
            invitee
                .who
                .agency
                .as_ref()
                .is_none_or(|agency| *agency == self.run_by)
        })
    }

    const fn holder_is_young(&self) -> bool {
        matches!(
            self.status.right_holder(),
            RightHolder::YoungPerson | RightHolder::None
        )
    }

    /// At least two weeks: fewer than fourteen days is too short; fourteen is enough by one reading and not by the
    /// clear-days one; fifteen is safe.
    fn check_notice(&self) -> Result<Vec<Warning>, StepRefused> {
        let provision = self.notice_provision();
        let mut warnings = Vec::new();
        for invitee in &self.invitees {
            let role = invitee.who.role;
            let days = days_from(invitee.sent_on, self.meeting_on).unwrap_or(0);
            let bound = !self.at_school || self.is_required(role);
            match days {
                15.. => {}
                14 => warnings.push(Warning::new(
                    "REVIEW_NOTICE_NOT_CLEAR_DAYS",
                    format!("{role} has fourteen days' notice: by the clear-days reading one too few"),
                    provision,
                )),
                _ if bound => {
                    return Err(StepRefused::new(
                        "REVIEW_NOTICE_TOO_SHORT",
                        format!("{role} has {days} days' notice of the meeting: two weeks are required"),
                        provision,
                        "set a later day for the meeting",
                    ));
                }
                _ => warnings.push(Warning::new(
                    "EXTRA_INVITEE_SHORT_NOTICE",
                    format!("{role}, who need not be invited, has less than two weeks' notice"),
                    provision,
                )),
            }
        }
        Ok(warnings)
    }

    /// Checks who is invited and how early; returns what to look at.
    pub(super) fn check(&self) -> Result<Vec<Warning>, StepRefused> {
        if self.status == AgeStatus::NotYetBorn {
            return Err(StepRefused::new(
                "DATES_CANNOT_BE_RIGHT",
                "the meeting lies before the date of birth",
                "Children and Families Act 2014 s.83",
                "check the dates",
            ));
        }
        self.check_invitees()?;
        let mut warnings = self.check_notice()?;
        for extra in self.extra_invitees() {
            let role = extra.who.role;
            let warning = if role == InviteeRole::Parent {
                Warning::new(
                    "PARENT_NOT_ASKED_FOR",
                    "a parent is invited although the young person has not asked for it",
                    self.invite_provision(),
                )
            } else {
                Warning::new(
                    "INVITEE_BEYOND_LIST",
                    format!("{role} is not one of those whom the Regulations name"),
                    self.invite_provision(),
                )
            };
            warnings.push(warning);
        }
        if !self.at_school && self.run_by != self.authority {
            warnings.push(Warning::new(
                "REVIEW_IS_THE_AUTHORITYS",
                "where no institution is attended the authority itself invites, meets and reports",
                "SEND Regulations 2014 reg 21(2), (7)",
            ));
        }
        if self.meeting_on > self.twelve_month_limit() {
            warnings.push(Warning::new(
                "MEETING_AFTER_TWELVE_MONTHS",
                format!(
                    "the review ends with the decision, by {}",
                    self.twelve_month_limit()
                ),
                "Children and Families Act 2014 s.44(1)",
            ));
        }
        if self.year_9_or_beyond.is_none() {
            warnings.push(Warning::new(
                "YEAR_GROUP_NOT_KNOWN",
                "from Year 9 on the review considers preparation for adulthood",
                "SEND Regulations 2014 reg 20(6)",
            ));
        }
        Ok(warnings)
    }

    /// Finds an invitee.
    pub(super) fn invited(&self, who: &InviteeRef) -> bool {
        self.invitees.iter().any(|invitee| invitee.who == *who)
    }
}

impl ReviewCase {
    /// Calls a review. `by` is the authority, or the institution that runs the review for it.
    ///
    /// # Errors
    /// [`StepRefused`]: `NOT_THE_REVIEWER`, `DATES_CANNOT_BE_RIGHT`, `INVITE_THE_YOUNG_PERSON`, `INVITE_THE_PARENT`,
    /// `REQUIRED_INVITEE_MISSING`, `REVIEW_NOTICE_TOO_SHORT`.
    pub fn call(call: ReviewCall, by: &AgencyId) -> Result<(Self, Consequences), StepRefused> {
        let runs = call.run_by == call.authority || (call.run_for_authority && call.is_of_the_runner());
        if !runs || (*by != call.authority && *by != call.run_by) {
            return Err(StepRefused::new(
                "NOT_THE_REVIEWER",
                "a review is the authority's, or run for it by the institution attended",
                "Children and Families Act 2014 s.44(1); SEND Regulations 2014 reg 20(1), (12)",
                "ask the authority, or say that it is run for the authority",
            ));
        }
        let mut out = Consequences {
            warnings: call.check()?,
            ..Consequences::default()
        };
        let mut case = Self {
            call,
            state: ReviewState::Called,
            answers: Vec::new(),
            advice_from: Vec::new(),
            circulated_on: None,
            held_on: None,
            recommended: None,
            consulted_on_ceasing: false,
            notice_on: None,
            representations_complete: false,
            consultations: Vec::new(),
            running: Running::default(),
        };
        case.start_call_clocks(&mut out);
        Ok((case, out))
    }

    fn start_call_clocks(&mut self, out: &mut Consequences) {
        let call = &self.call;
        let (authority, run_by) = (
            Owner::Agency(call.authority.clone()),
            Owner::Agency(call.run_by.clone()),
        );
        let from = call
            .last_review_on
            .map_or(call.plan_made_on, |last| last.max(call.plan_made_on));
        let running = &mut self.running;
        running.start(out, clocks::ANNUAL_REVIEW, from, authority.clone(), Vec::new());
        running.start(out, clocks::CIRCULATE_ADVICE, call.meeting_on, run_by, Vec::new());
        self.start_meeting_clocks(out, self.call.meeting_on);
        let (call, running) = (&self.call, &mut self.running);
        if let Some((kind, year)) = call.phase_transfer {
            let params = vec![("kind", kind.code().to_owned())];
            let event_on = date(year.clamp(-9999, 9999), 1, 1);
            running.start(out, clocks::PHASE_TRANSFER, event_on, authority.clone(), params);
        }
        if let Some(moves_on) = call.post16_move_on {
            running.start(out, clocks::POST16_MOVE, moves_on, authority, Vec::new());
        }
    }
}

impl ReviewCase {
    /// Report and decision, counted from the day of the meeting. They run from the call on, so that a meeting whose
    /// report never comes is chased; a meeting on another day starts them anew.
    pub(super) fn start_meeting_clocks(&mut self, out: &mut Consequences, meeting_on: Date) {
        let call = &self.call;
        let limit = vec![("anniversary_limit", call.twelve_month_limit().to_string())];
        let (authority, run_by) = (
            Owner::Agency(call.authority.clone()),
            Owner::Agency(call.run_by.clone()),
        );
        self.running
            .start(out, clocks::REPORT, meeting_on, run_by, Vec::new());
        self.running
            .start(out, clocks::DECISION, meeting_on, authority, limit);
    }
}

fn missing(group: &[InviteeRole], provision: &'static str) -> StepRefused {
    let names: Vec<_> = group.iter().map(|role| role.code()).collect();
    StepRefused::new(
        "REQUIRED_INVITEE_MISSING",
        format!("not invited: {}", names.join(" or ")),
        provision,
        "invite everybody whom the Regulations name",
    )
}
