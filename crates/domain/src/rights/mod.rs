//! Who decides for a child or young person on a day, and what the recorded consents come to: the rules of the
//! Children and Families Act 2014 Part 3 and the SEND Regulations 2014 over the records that agencies hand in.
//!
//! [`RightsFacts`] holds the records of one person; every answer is worked out for a day from what stood recorded
//! on that day, so that it is asked anew at sending and at collection. A parent's consent lapses by itself on the
//! day on which rights pass.
//!
//! Every function is total: at the ends of the calendar days are held, never overrun.

mod capacity;
mod consent;
mod giver;
mod holder;
mod queries;
mod reach;
mod records;
mod schedule3;

use jiff::civil::Date;

pub use consent::ConsentAnswer;
pub use holder::{Holder, HolderAnswer};
pub use reach::{Covers, Reach, Recipients, Scope, Validity};
pub use records::*;
pub use schedule3::{ActingManner, SCHEDULE_3, Schedule3Entry, schedule_3};

use crate::age::{self, AgeStatus, SchoolYearStart};
use crate::agency::coded;

coded! {
    /// How far a rule is settled.
    Confidence {
        /// The text of the Act or Regulations was read.
        TextRead = "A",
        /// A reading, or a source at second hand: dated policy, to be reviewed.
        Reading = "B",
    }
}

/// The decision at hand: capacity is asked, and representatives are appointed, for one decision at a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Decision<'a> {
    /// Consent to this disclosure.
    Disclosure(Scope<'a>),
    /// Another decision, or consent to disclosure in general.
    Of(DecisionKind),
}

impl Decision<'_> {
    /// What kind of decision it is.
    #[must_use]
    pub const fn kind(&self) -> DecisionKind {
        match self {
            Self::Disclosure(_) => DecisionKind::ConsentToDisclosure,
            Self::Of(kind) => *kind,
        }
    }

    /// Whether a record of this reach speaks of the decision. Of disclosure in general only a record without
    /// limits speaks; of other decisions every record does.
    fn within(&self, reach: &Reach) -> bool {
        match self {
            Self::Disclosure(scope) => reach.covers(scope),
            Self::Of(DecisionKind::ConsentToDisclosure) => *reach == Reach::ANY,
            Self::Of(_) => true,
        }
    }
}

/// When rights pass from parent to young person.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RightsPass {
    /// On this day, from its beginning.
    On(Date),
    /// On one of the two days: the school's own first day of term decides, and nobody has ruled.
    Undetermined {
        /// The earlier.
        earliest: Date,
        /// The later.
        latest: Date,
    },
}

/// All that is recorded about one person's rights.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RightsFacts {
    /// Date of birth.
    pub born: Date,
    /// What is known of the first day of the school year of the sixteenth birthday.
    pub school_year: SchoolYearStart,
    /// Parents as recorded.
    pub parents: Vec<Parent>,
    /// Restrictions on parents.
    pub restrictions: Vec<Restriction>,
    /// Consents to disclosure, and refusals.
    pub consents: Vec<Consent>,
    /// What is recorded of a child's understanding.
    pub understandings: Vec<Understanding>,
    /// Findings about capacity.
    pub capacity: Vec<CapacityFinding>,
    /// Representatives of the young person or of a parent.
    pub representatives: Vec<Representative>,
    /// A young person's authorities for parents.
    pub authorities: Vec<ParentAuthority>,
    /// Those whom the young person does not want to have information.
    pub exclusions: Vec<Exclusion>,
    /// The young person's choices about copies to parents.
    pub copies: Vec<CopyPreference>,
    /// Opinions of local authorities under reg 17(1)(a).
    pub opinions: Vec<LaOpinion>,
    /// Rulings of local authorities on age status.
    pub determinations: Vec<AgeDetermination>,
    /// A plan kept running after the 25th birthday.
    pub continuation: Option<PlanContinuation>,
    /// The young person's requests.
    pub requests: Vec<SubjectRequest>,
    /// Whether a parent serves in the armed forces; `None` when not recorded.
    pub serving_parent: Option<bool>,
}

impl RightsFacts {
    /// The facts of somebody of whom nothing is recorded but the date of birth.
    #[must_use]
    pub const fn new(born: Date, school_year: SchoolYearStart) -> Self {
        Self {
            born,
            school_year,
            parents: Vec::new(),
            restrictions: Vec::new(),
            consents: Vec::new(),
            understandings: Vec::new(),
            capacity: Vec::new(),
            representatives: Vec::new(),
            authorities: Vec::new(),
            exclusions: Vec::new(),
            copies: Vec::new(),
            opinions: Vec::new(),
            determinations: Vec::new(),
            continuation: None,
            requests: Vec::new(),
            serving_parent: None,
        }
    }

    /// The status on a day, by what was known on it: the statute's answer, or a local authority's ruling where
    /// the statute's hangs on a calendar that nobody has confirmed (Education Act 1996 s.8; CFA 2014 s.83(2)).
    #[must_use]
    pub fn status_on(&self, day: Date) -> AgeStatus {
        self.status_as_known(day, day)
    }

    /// The status on a day, by what is known on another: a ruling of September settles what a pupil was in July.
    #[must_use]
    pub fn status_as_known(&self, day: Date, known_on: Date) -> AgeStatus {
        let status = age::status_on(self.born, day, self.school_year);
        if status != AgeStatus::NeedsDetermination {
            return status;
        }
        self.ruling(known_on).map_or(status, |ruling| {
            // A start after the birthday makes the earlier leaving date count, one on it the later.
            let sixteenth = age::anniversary(self.born, 16);
            let start = if ruling.last_day_of_csa.year() == sixteenth.year() {
                sixteenth.tomorrow().unwrap_or(sixteenth)
            } else {
                sixteenth
            };
            age::literal_status_on(self.born, day, start)
        })
    }

    /// The ruling in force: the latest possible one that stands.
    fn ruling(&self, known_on: Date) -> Option<&AgeDetermination> {
        self.determinations
            .iter()
            .filter(|one| one.head.stands_on(known_on) && one.ruled_on <= known_on)
            .filter(|one| one.is_possible(self.born))
            .max_by_key(|one| (one.ruled_on, one.head.id))
    }

    /// The first day as a young person, by what is known on a day: the day after the last Friday in June of the
    /// leaving year (SI 1997/1970; Education Act 1996 s.8(3)).
    #[must_use]
    pub fn rights_pass(&self, known_on: Date) -> RightsPass {
        let year = age::anniversary(self.born, 16).year();
        let after = |year: i16| {
            let leaving = age::last_friday_in_june(year);
            leaving.tomorrow().unwrap_or(leaving)
        };
        let (earliest, latest) = (after(year), after(year.saturating_add(1)));
        match self.status_as_known(earliest, known_on) {
            AgeStatus::NeedsDetermination => RightsPass::Undetermined { earliest, latest },
            AgeStatus::ChildBelowCsa | AgeStatus::ChildOfCsa => RightsPass::On(latest),
            _ => RightsPass::On(earliest),
        }
    }
}
