//! The opening of an assessment: what is known on the first day, and what that starts.

use jiff::civil::Date;

use super::consequences::{Consequences, Owner, Running, Warning};
use super::{AppealStanding, AssessmentCase, AssessmentState, clocks};
use crate::agency::AgencyId;

/// One whom the child's parent or the young person asks the authority to hear (SEND Regulations 2014 reg 6(1)(h)).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FamilyAsk {
    /// An agency of the directory.
    Agency(AgencyId),
    /// Somebody else, by profession or part; never by name.
    Role(String),
}

/// What is known when an assessment is opened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CaseOpening {
    /// The local authority that received the request or became responsible.
    pub authority: AgencyId,
    /// The day on which it received the request (Children and Families Act 2014 s.36(1)) or became responsible
    /// (s.24).
    pub received_on: Date,
    /// Whether it is a re-assessment of one who has a plan (s.44(2)): then the fifteen days run, not the three limits.
    pub reassessment: bool,
    /// Whether a parent serves in the armed forces; `None` when nobody has asked.
    pub serving_parent: Option<bool>,
    /// Whether hearing is impaired.
    pub hearing_impaired: bool,
    /// Whether vision is impaired.
    pub vision_impaired: bool,
    /// Whether the child or young person is in or beyond Year 9; `None` when it is not known.
    pub year_9_or_beyond: Option<bool>,
    /// The school or institution attended, if it is in the directory.
    pub attends: Option<AgencyId>,
    /// Whom the family asks the authority to hear.
    pub family_asks: Vec<FamilyAsk>,
}

impl AssessmentCase {
    /// Opens a case: `by` is the authority, or whoever asked it to assess. Starts the six, sixteen and twenty weeks
    /// (SEND Regulations 2014 regs 5(1), 10(1), 13(2)), and the duty to tell those around the child (reg 4(2)).
    #[must_use]
    pub fn open(opening: CaseOpening, by: AgencyId) -> (Self, Consequences) {
        let (mut out, mut running) = (Consequences::default(), Running::default());
        let (state, rules): (_, &[&'static str]) = if opening.reassessment {
            (AssessmentState::ReassessmentRequested, &[clocks::REASSESS_DECIDE])
        } else {
            let limits = &[
                clocks::CONSIDERING,
                clocks::DECIDE_6W,
                clocks::NO_PLAN_16W,
                clocks::FINAL_20W,
            ];
            (AssessmentState::Requested, limits)
        };
        for rule in rules {
            let owed_by = Owner::Agency(opening.authority.clone());
            running.start(&mut out, rule, opening.received_on, owed_by, Vec::new());
        }
        let asked_by_school = opening.attends.as_ref() == Some(&by);
        if by != opening.authority && !asked_by_school {
            out.warnings.push(Warning::new(
                "OPENED_BY_ANOTHER",
                "opened by an agency that is neither the authority nor the institution attended",
                "Children and Families Act 2014 s.36(1)",
            ));
        }
        let case = Self {
            authority: opening.authority.clone(),
            opening,
            opened_by: by,
            state,
            requests: Vec::new(),
            existing: Vec::new(),
            draft: None,
            consultations: Vec::new(),
            named: None,
            appeal: AppealStanding::Over,
            decided_on: None,
            certificate_on: None,
            plan_made_on: None,
            last_final_on: None,
            round_from: 0,
            transferring_to: None,
            commissioner: None,
            running,
            noted: Vec::new(),
        };
        out.warnings.extend(case.warnings());
        (case, out)
    }
}
