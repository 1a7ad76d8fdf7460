//! Where an alternative person acts instead of a young person who lacks capacity, and where as well: Schedule 3
//! to the SEND Regulations 2014, with reg 64.
//!
//! The "instead" list of the Act's provisions ended with an ellipsis in the copy that was read: a provision that
//! is not listed here has no answer, it does not mean "instead". Part 4 of the Schedule (provisions of the
//! Regulations read "instead") was not at hand: its two rows are a reading (confidence B).

use super::{Confidence, DecisionKind};
use crate::agency::coded;

coded! {
    /// How an alternative person acts for a young person who lacks capacity.
    ActingManner {
        /// In the young person's place.
        Instead = "INSTEAD",
        /// Beside the young person: both count.
        AsWell = "AS_WELL",
    }
}

/// One provision of Schedule 3.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Schedule3Entry {
    /// The provision: `s.` for the Children and Families Act 2014, `reg` for the SEND Regulations 2014.
    pub provision: &'static str,
    /// How the alternative person acts there.
    pub manner: ActingManner,
    /// How far it is settled.
    pub confidence: Confidence,
}

const fn act(provision: &'static str, manner: ActingManner) -> Schedule3Entry {
    Schedule3Entry {
        provision,
        manner,
        confidence: Confidence::TextRead,
    }
}

const fn part_4(provision: &'static str) -> Schedule3Entry {
    Schedule3Entry {
        provision,
        manner: ActingManner::Instead,
        confidence: Confidence::Reading,
    }
}

use ActingManner::{AsWell, Instead};

/// The provisions, in the Schedule's order as far as it is known.
pub const SCHEDULE_3: &[Schedule3Entry] = &[
    act("s.33(2)(a)", Instead),
    act("s.36", Instead),
    act("s.38", Instead),
    act("s.39(8)(a)", Instead),
    act("s.40(5)(a)", Instead),
    act("s.42(5)", Instead),
    act("s.44(2)(a)", Instead),
    act("s.44(6)", Instead),
    act("s.49", Instead),
    act("s.51", Instead),
    act("s.52", Instead),
    act("s.53", Instead),
    act("s.54", Instead),
    act("s.55", Instead),
    act("s.56", Instead),
    act("s.57", Instead),
    act("s.61(3)", Instead),
    act("s.19(a)", AsWell),
    act("s.19(b)", AsWell),
    act("s.19(c)", AsWell),
    act("s.19(d)", AsWell),
    act("s.27(3)", AsWell),
    act("s.30(6)", AsWell),
    act("s.32", AsWell),
    act("reg 5(4)(c)", AsWell),
    act("reg 5(4)(d)", AsWell),
    act("reg 7(a)", AsWell),
    act("reg 7(b)", AsWell),
    act("reg 7(d)", AsWell),
    act("reg 7(e)", AsWell),
    act("reg 8(2)(a)", AsWell),
    act("reg 8(2)(b)", AsWell),
    act("reg 10(4)(c)", AsWell),
    act("reg 10(4)(d)", AsWell),
    act("reg 12(1)(a)", AsWell),
    // The second of the two references to the young person there.
    act("reg 17(1)(c)", AsWell),
    act("reg 19(a)", AsWell),
    act("reg 27(3)(c)", AsWell),
    act("reg 27(3)(d)", AsWell),
    act("reg 44(3)", AsWell),
    act("reg 45(7)", AsWell),
    part_4("reg 17(1)"),
    part_4("reg 20(2)(a)"),
];

/// How the alternative person acts under a provision (`s.36`, `reg 19(a)`); `None` when it is not on the list.
/// What is listed as a whole covers its parts: `s.38(2)(b)` is within `s.38`; the longest that fits decides.
#[must_use]
pub fn schedule_3(provision: &str) -> Option<&'static Schedule3Entry> {
    SCHEDULE_3
        .iter()
        .filter(|entry| {
            provision.strip_prefix(entry.provision).is_some_and(|rest| {
                rest.is_empty() || (rest.starts_with('(') && entry.provision != "reg 17(1)")
            })
        })
        .max_by_key(|entry| entry.provision.len())
}

impl DecisionKind {
    /// The provision under which the decision is made, as [`schedule_3`] reads it.
    #[must_use]
    pub const fn provision(self) -> &'static str {
        match self {
            Self::ConsentToDisclosure => "reg 17(1)",
            Self::RequestAssessment => "s.36(1)",
            Self::RequestReassessment => "s.44(2)(a)",
            Self::AgreeExistingAdvice => "reg 6(4)",
            Self::RepresentOnDraft => "s.38(2)",
            Self::PersonalBudget => "s.49",
            Self::TakePartInReview => "reg 20(2)(a)",
            Self::Appeal => "s.51",
            Self::RequestPlanSent => "reg 47",
            Self::GiveViews => "reg 19(a)",
        }
    }

    /// Whether the alternative person acts instead of the young person or as well; `None` where the list that was
    /// read does not say.
    #[must_use]
    pub fn acting_manner(self) -> Option<ActingManner> {
        schedule_3(self.provision()).map(|entry| entry.manner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn instead_and_as_well_of_law_1_4() {
        for (provision, manner) in [
            ("s.36", Some(Instead)),
            ("s.36(1)", Some(Instead)),
            ("s.38(2)(b)", Some(Instead)),
            ("s.44(2)(a)", Some(Instead)),
            ("s.44(2)(b)", None),
            ("s.51", Some(Instead)),
            ("s.57", Some(Instead)),
            ("s.5", None),
            ("s.19(a)", Some(AsWell)),
            ("s.19", None),
            ("s.32(1)", Some(AsWell)),
            ("s.320", None),
            ("reg 7(c)", None),
            ("reg 7(e)", Some(AsWell)),
            // Views, section A: always collected from the young person too.
            ("reg 19(a)", Some(AsWell)),
            ("reg 17(1)(c)", Some(AsWell)),
            ("reg 17(1)", Some(Instead)),
            ("reg 17(1)(a)", None),
            ("reg 20(2)(a)", Some(Instead)),
            ("", None),
        ] {
            assert_eq!(
                schedule_3(provision).map(|entry| entry.manner),
                manner,
                "{provision}"
            );
        }
        assert_eq!(DecisionKind::GiveViews.acting_manner(), Some(AsWell));
        assert_eq!(DecisionKind::ConsentToDisclosure.acting_manner(), Some(Instead));
        assert_eq!(DecisionKind::AgreeExistingAdvice.acting_manner(), None);
    }

    #[test]
    fn what_was_not_read_is_marked_as_a_reading() {
        for entry in SCHEDULE_3 {
            let reading = ["reg 17(1)", "reg 20(2)(a)"].contains(&entry.provision);
            assert_eq!(
                entry.confidence == Confidence::Reading,
                reading,
                "{}",
                entry.provision
            );
        }
    }
}
