//! Understanding and capacity for the decision at hand, and those who act when capacity is lacking.
//!
//! Capacity is presumed (Mental Capacity Act 2005 s.1(2)) and asked for one decision at the time at which it is
//! made (CFA 2014 s.80(4)). Before the sixteenth birthday the Mental Capacity Act cannot be used (s.2(5)). That
//! another decides has effect in spite of its s.27(1)(g) (SEND Regulations 2014 reg 65).

use jiff::civil::Date;

use super::{
    CapacityFinding, CapacityOutcome, Decision, Parent, ParentStanding, PartyRef, Person, Representative,
    RepresentativeKind, RightsFacts, Scope, Understanding,
};
use crate::age::{self, AgeStatus};
use crate::disclosure::Ability;

impl RightsFacts {
    /// What is recorded of the person's ability to decide on this disclosure, in the words of their status:
    ///
    /// - a child's understanding (SEND Regulations 2014 reg 17(2), (3));
    /// - a young person's capacity from the sixteenth birthday on, presumed unless a finding for this very
    ///   decision says otherwise (MCA 2005 s.1(2); CFA 2014 s.80(4));
    /// - before it, only that somebody says that the young person lacks capacity (MCA 2005 s.2(5)), or nothing.
    #[must_use]
    pub fn ability_for(&self, scope: &Scope<'_>, day: Date) -> Ability {
        let decision = Decision::Disclosure(*scope);
        match self.status_on(day) {
            AgeStatus::NotYetBorn => Ability::NotRecorded,
            AgeStatus::ChildBelowCsa | AgeStatus::ChildOfCsa | AgeStatus::NeedsDetermination => {
                match self.understands(&decision, day, day) {
                    Some(true) => Ability::Understands,
                    Some(false) => Ability::DoesNotUnderstand,
                    None => Ability::NotRecorded,
                }
            }
            AgeStatus::YoungPersonUnder16 => {
                // What was found of the child's understanding (reg 17(2)) ended with childhood: only who says it of
                // the young person says that capacity is lacking.
                let said = self.finding(&Person::Subject, &decision, day).is_some_and(lacks)
                    || self
                        .understanding(&decision, day, day)
                        .is_some_and(|found| !found.sufficient && !self.was_child(found.assessed_on, day));
                if said {
                    Ability::SaidToLackUnder16
                } else {
                    Ability::NotRecorded
                }
            }
            AgeStatus::YoungPerson16To17 | AgeStatus::YoungPerson18To24 | AgeStatus::Over25 => {
                if self.subject_lacks(&decision, day).is_some() {
                    Ability::LacksCapacity
                } else {
                    Ability::HasCapacity
                }
            }
        }
    }

    /// Whether the child is recorded to understand enough, on a day and by what is known on another. The latest
    /// judgement decides; once its review is overdue nothing is recorded.
    pub(super) fn understands(&self, decision: &Decision<'_>, on: Date, known_on: Date) -> Option<bool> {
        self.understanding(decision, on, known_on)
            .map(|record| record.sufficient)
    }

    fn understanding(&self, decision: &Decision<'_>, on: Date, known_on: Date) -> Option<&Understanding> {
        self.understandings
            .iter()
            .filter(|one| one.head.stands_on(known_on) && one.assessed_on <= on)
            .filter(|one| decision.within(&one.reach))
            .max_by_key(|one| (one.assessed_on, one.head.id))
            .filter(|one| one.review_by.is_none_or(|review| on <= review))
    }

    /// The latest finding about a person's capacity for this decision, while it is relied on. Of two findings of
    /// one day that disagree the presumption leaves the one of capacity.
    fn finding(&self, of: &Person, decision: &Decision<'_>, day: Date) -> Option<&CapacityFinding> {
        self.capacity
            .iter()
            .filter(|one| one.of == *of && one.decision == decision.kind())
            .filter(|one| one.head.stands_on(day) && one.assessed_on <= day)
            .filter(|one| decision.within(&one.reach))
            .max_by_key(|one| (one.assessed_on, !lacks(one), one.head.id))
            .filter(|one| day <= one.review_by)
    }

    /// The finding that the child or young person lacks capacity for this decision, if one can be used: from the
    /// sixteenth birthday on, and made then, since before it the Act gives no power (MCA 2005 s.2(5)).
    pub(super) fn subject_lacks(&self, decision: &Decision<'_>, day: Date) -> Option<&CapacityFinding> {
        self.finding(&Person::Subject, decision, day)
            .filter(|one| lacks(one) && age::mca2005_can_apply(self.born, one.assessed_on))
    }

    /// The finding that a parent lacks capacity for this decision (SEND Regulations 2014 reg 63).
    pub(super) fn parent_lacks(
        &self,
        party: &PartyRef,
        decision: &Decision<'_>,
        day: Date,
    ) -> Option<&CapacityFinding> {
        self.finding(&Person::Parent(party.clone()), decision, day)
            .filter(|one| lacks(one))
    }

    /// The representatives of a person with authority for this decision on a day (CFA 2014 s.80(6)). A lasting
    /// power of a young person under 18 cannot be (MCA 2005 s.9(2)(c)), and an enduring power neither.
    pub(super) fn representatives_of(
        &self,
        of: &Person,
        decision: &Decision<'_>,
        day: Date,
    ) -> impl Iterator<Item = &Representative> {
        let adult = *of != Person::Subject || day >= age::anniversary(self.born, 18);
        self.representatives
            .iter()
            .filter(move |one| one.of == *of && one.head.stands_on(day) && one.valid.holds_on(day))
            .filter(move |one| adult || one.kind == RepresentativeKind::Deputy)
            .filter(move |one| one.decisions.covers(&decision.kind()) && decision.within(&one.reach))
    }

    /// The parents who may act on a day: parents in law (Education Act 1996 s.576) under no restriction.
    pub(super) fn acting_parents(&self, day: Date) -> impl Iterator<Item = &Parent> {
        self.parents
            .iter()
            .filter(move |one| one.head.stands_on(day) && one.valid.holds_on(day))
            .filter(|one| one.standing != ParentStanding::Neither)
            .filter(move |one| {
                !self.restrictions.iter().any(|restriction| {
                    restriction.party == one.party
                        && restriction.head.stands_on(day)
                        && restriction.valid.holds_on(day)
                })
            })
    }
}

fn lacks(finding: &CapacityFinding) -> bool {
    finding.outcome == CapacityOutcome::LacksCapacity
}
