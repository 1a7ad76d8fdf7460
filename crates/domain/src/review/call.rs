//! Calling a review: who must be invited, how early, and what that starts.

use jiff::civil::Date;

use crate::age::AgeStatus;
use crate::agency::{AgencyId, coded};

coded! {
    /// In what part somebody is invited (SEND Regulations 2014 regs 20(2), 21(2)).
    InviteeRole {
        /// The child's parent, or a parent of the young person.
        Parent = "PARENT",
        /// The child or young person.
        YoungPerson = "YOUNG_PERSON",
        /// One who acts instead of a young person who lacks capacity (reg 64) and is no parent.
        AlternativePerson = "ALTERNATIVE_PERSON",
        /// The head, principal or early-years provider.
        Institution = "INSTITUTION",
        /// The authority's officer for special educational needs.
        LaSenOfficer = "LA_SEN_OFFICER",
        /// A health care professional named by the commissioning body.
        HealthProfessional = "HEALTH_PROFESSIONAL",
        /// The authority's officer for social care.
        LaSocialCare = "LA_SOCIAL_CARE",
        /// Anybody else.
        Other = "OTHER",
    }
}

coded! {
    /// A move between phases (reg 18(1)). The codes are those of the clock's parameter.
    PhaseTransfer {
        /// Early years to school.
        EarlyYearsToSchool = "early_years_to_school",
        /// Infant to junior.
        InfantToJunior = "infant_to_junior",
        /// Primary to middle.
        PrimaryToMiddle = "primary_to_middle",
        /// Primary to secondary.
        PrimaryToSecondary = "primary_to_secondary",
        /// Middle to secondary.
        MiddleToSecondary = "middle_to_secondary",
        /// Secondary to post-16.
        SecondaryToPost16 = "secondary_to_post16",
    }
}

/// Who is meant, among those invited.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InviteeRef {
    /// In what part.
    pub role: InviteeRole,
    /// The agency, for those that are one; `None` for the family.
    pub agency: Option<AgencyId>,
}

/// One invitation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Invitee {
    /// Who.
    pub who: InviteeRef,
    /// The day on which the invitation was sent.
    pub sent_on: Date,
}

/// A review as it is called.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReviewCall {
    /// The authority responsible for the plan.
    pub authority: AgencyId,
    /// Who runs the meeting: the authority itself, or the school or institution attended.
    pub run_by: AgencyId,
    /// The day of the meeting.
    pub meeting_on: Date,
    /// Whether a school or other institution is attended: reg 20 if so, else reg 21.
    pub at_school: bool,
    /// Whether the institution runs it for the authority. One that is not the authority may run it only so.
    pub run_for_authority: bool,
    /// Whether in or beyond Year 9; `None` when it is not known.
    pub year_9_or_beyond: Option<bool>,
    /// The status on the day of the meeting.
    pub status: AgeStatus,
    /// Whether the young person, as holder of the right, asked that a parent be invited.
    pub holder_asks_parent: bool,
    /// Whether another acts instead of the young person, who lacks capacity for this (reg 64, Sch 3).
    pub alternative_person_acts: bool,
    /// Who is invited.
    pub invitees: Vec<Invitee>,
    /// The day on which the plan was made.
    pub plan_made_on: Date,
    /// The day on which the last review ended, if there was one.
    pub last_review_on: Option<Date>,
    /// The move between phases that the review is for, and the calendar year of the move.
    pub phase_transfer: Option<(PhaseTransfer, i16)>,
    /// The planned day of a move from one post-16 institution to another (reg 18(2)).
    pub post16_move_on: Option<Date>,
    /// Whether a parent serves in the armed forces.
    pub service_child: bool,
    /// Whether it is the last review before education or training ends.
    pub last_year: bool,
}
