//! Whose word counts: what a consent, refusal or request by somebody is worth for a decision on a day.

use jiff::civil::Date;

use super::{Consent, Decision, Giver, ParentAuthority, PartyRef, Person, RightsFacts};
use crate::age::AgeStatus;
use crate::disclosure::ConsentStanding;

/// Whose words are counted together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Side {
    /// The child or young person.
    Pupil,
    /// Parents, and representatives.
    Family,
}

impl Giver {
    pub(super) const fn side(&self) -> Side {
        match self {
            Self::Subject => Side::Pupil,
            Self::Parent(_) | Self::Representative(_) => Side::Family,
        }
    }
}

/// What a grant by this giver would be worth today.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Worth {
    /// The giver's word counts, and a grant stands as this.
    Counts(ConsentStanding),
    /// It does not, and this is why.
    Not(ConsentStanding),
}

const WRONG_GIVER: Worth = Worth::Not(ConsentStanding::WrongGiver);
const NOT_RECORDED: Worth = Worth::Counts(ConsentStanding::UnderstandingNotRecorded);

impl RightsFacts {
    /// What a word by this giver, said on `given_on`, is worth for this decision on a day.
    pub(super) fn worth(&self, giver: &Giver, given_on: Date, decision: &Decision<'_>, day: Date) -> Worth {
        match self.status_on(day) {
            AgeStatus::NotYetBorn => WRONG_GIVER,
            AgeStatus::ChildBelowCsa | AgeStatus::ChildOfCsa => {
                let pupil = *giver == Giver::Subject;
                match self.understands(decision, day, day) {
                    Some(true) if pupil => Worth::Counts(ConsentStanding::Child),
                    Some(false) if !pupil && self.parent_side(giver, given_on, decision, day) => {
                        Worth::Counts(ConsentStanding::Parent)
                    }
                    None if pupil || self.parent_side(giver, given_on, decision, day) => NOT_RECORDED,
                    _ => WRONG_GIVER,
                }
            }
            AgeStatus::NeedsDetermination => {
                if *giver == Giver::Subject || self.parent_side(giver, given_on, decision, day) {
                    Worth::Counts(ConsentStanding::NeedsDetermination)
                } else {
                    WRONG_GIVER
                }
            }
            AgeStatus::YoungPersonUnder16 => self.worth_if_capable(giver, given_on, decision, day),
            AgeStatus::YoungPerson16To17 | AgeStatus::YoungPerson18To24 => {
                if self.subject_lacks(decision, day).is_some() {
                    self.worth_if_lacking(giver, given_on, decision, day)
                } else {
                    self.worth_if_capable(giver, given_on, decision, day)
                }
            }
            AgeStatus::Over25 => {
                let lacks = self.subject_lacks(decision, day).is_some();
                match giver {
                    _ if self.plan_continues_on(day).is_none() => self.lapsed_or_wrong(giver, given_on, day),
                    Giver::Subject if !lacks => Worth::Counts(ConsentStanding::YoungPerson),
                    Giver::Representative(party)
                        if lacks && self.appointed(party, &Person::Subject, given_on, decision, day) =>
                    {
                        Worth::Counts(ConsentStanding::Representative)
                    }
                    _ => self.lapsed_or_wrong(giver, given_on, day),
                }
            }
        }
    }

    /// A young person of whom no usable finding says that capacity is lacking: their own word, or a parent's whom
    /// they have authorised (Code 8.14).
    fn worth_if_capable(&self, giver: &Giver, given_on: Date, decision: &Decision<'_>, day: Date) -> Worth {
        match giver {
            // What was said as a child is worth what the child's understanding was then (reg 17(2)).
            Giver::Subject if self.was_child(given_on, day) => {
                match self.understands(decision, given_on, day) {
                    Some(true) => Worth::Counts(ConsentStanding::YoungPerson),
                    Some(false) => WRONG_GIVER,
                    None => NOT_RECORDED,
                }
            }
            Giver::Subject => Worth::Counts(ConsentStanding::YoungPerson),
            Giver::Parent(party)
                if self.is_acting_parent(party, day)
                    && self
                        .authorities_for(party, decision, day)
                        .any(|authority| given_on >= authority.valid.from) =>
            {
                Worth::Counts(ConsentStanding::AuthorisedParent)
            }
            _ => self.lapsed_or_wrong(giver, given_on, day),
        }
    }

    /// A young person found to lack capacity for this decision, from the sixteenth birthday on: in strict order
    /// the representative, the parent, the parent's representative (reg 64(2)). A parent's word counts from the
    /// day on which rights passed: what was said before it has lapsed.
    fn worth_if_lacking(&self, giver: &Giver, given_on: Date, decision: &Decision<'_>, day: Date) -> Worth {
        let represented = self
            .representatives_of(&Person::Subject, decision, day)
            .next()
            .is_some();
        match giver {
            Giver::Representative(party)
                if self.appointed(party, &Person::Subject, given_on, decision, day) =>
            {
                Worth::Counts(ConsentStanding::Representative)
            }
            Giver::Parent(_) | Giver::Representative(_)
                if !represented
                    && !self.before_rights_passed(given_on, day)
                    && self.parent_side(giver, given_on, decision, day) =>
            {
                Worth::Counts(ConsentStanding::AlternativePerson)
            }
            _ => self.lapsed_or_wrong(giver, given_on, day),
        }
    }

    /// Whether the giver speaks as a parent: one who may act and has capacity, or the representative of one who
    /// may act and has none (reg 63).
    fn parent_side(&self, giver: &Giver, given_on: Date, decision: &Decision<'_>, day: Date) -> bool {
        match giver {
            Giver::Subject => false,
            Giver::Parent(party) => {
                self.is_acting_parent(party, day) && self.parent_lacks(party, decision, day).is_none()
            }
            Giver::Representative(party) => self
                .acting_parents(day)
                .filter(|parent| self.parent_lacks(&parent.party, decision, day).is_some())
                .any(|parent| {
                    let of = Person::Parent(parent.party.clone());
                    self.appointed(party, &of, given_on, decision, day)
                }),
        }
    }

    fn is_acting_parent(&self, party: &PartyRef, day: Date) -> bool {
        self.acting_parents(day).any(|parent| parent.party == *party)
    }

    /// Whether this party represents a person in this decision on a day, and did when the word was said.
    fn appointed(
        &self,
        party: &PartyRef,
        of: &Person,
        given_on: Date,
        decision: &Decision<'_>,
        day: Date,
    ) -> bool {
        self.representatives_of(of, decision, day)
            .any(|one| one.party == *party && given_on >= one.valid.from)
    }

    /// The young person's authorities for this parent in this decision, in force on a day. One dated before rights
    /// passed is none: it was not yet theirs to give.
    fn authorities_for(
        &self,
        party: &PartyRef,
        decision: &Decision<'_>,
        day: Date,
    ) -> impl Iterator<Item = &ParentAuthority> {
        self.authorities
            .iter()
            .filter(move |one| one.party == *party && one.head.stands_on(day) && one.valid.holds_on(day))
            .filter(move |one| one.revoked_on.is_none_or(|revoked| day < revoked))
            .filter(move |one| one.decisions.covers(&decision.kind()) && decision.within(&one.reach))
            .filter(move |one| !self.before_rights_passed(one.valid.from, day))
    }

    /// Whether a parent's word rests on an authority that the young person gave on a day or since.
    pub(super) fn authorised_since(
        &self,
        since: Date,
        word: &Consent,
        decision: &Decision<'_>,
        day: Date,
    ) -> bool {
        let Giver::Parent(party) = &word.giver else {
            return false;
        };
        self.authorities_for(party, decision, day)
            .any(|authority| since <= authority.valid.from && authority.valid.from <= word.given_on)
    }

    pub(super) fn was_child(&self, on: Date, known_on: Date) -> bool {
        matches!(
            self.status_as_known(on, known_on),
            AgeStatus::NotYetBorn | AgeStatus::ChildBelowCsa | AgeStatus::ChildOfCsa
        )
    }

    /// Whether rights had not passed on a day, or nobody had ruled that they had.
    fn before_rights_passed(&self, on: Date, known_on: Date) -> bool {
        self.was_child(on, known_on) || self.status_as_known(on, known_on) == AgeStatus::NeedsDetermination
    }

    /// Why the word of somebody who has no say now does not count: a parent's from before rights passed has
    /// lapsed; any other was never theirs to say.
    fn lapsed_or_wrong(&self, giver: &Giver, given_on: Date, day: Date) -> Worth {
        if giver.side() == Side::Family && self.before_rights_passed(given_on, day) {
            Worth::Not(ConsentStanding::Lapsed)
        } else {
            WRONG_GIVER
        }
    }

    /// Whether somebody's word counts for a young person: their own or their stand-in's, not a child's parent's.
    pub(super) fn speaks_for_young_person(
        &self,
        by: &Giver,
        made_on: Date,
        decision: &Decision<'_>,
        day: Date,
    ) -> bool {
        !self.before_rights_passed(made_on, day)
            && matches!(
                self.worth(by, made_on, decision, day),
                Worth::Counts(
                    ConsentStanding::YoungPerson
                        | ConsentStanding::AuthorisedParent
                        | ConsentStanding::Representative
                        | ConsentStanding::AlternativePerson
                )
            )
    }
}
