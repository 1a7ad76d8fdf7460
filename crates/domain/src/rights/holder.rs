//! Who decides: exactly one right-holder for each decision on each day.

use jiff::civil::Date;

use super::{Decision, Person, RepresentativeKind, RightsFacts};
use crate::age::AgeStatus;
use crate::agency::coded;
use crate::exchange::RightsRecordId;

coded! {
    /// Who holds the right to decide.
    Holder {
        /// The child's parent.
        ChildsParent = "CHILDS_PARENT",
        /// The representative of a child's parent who lacks capacity (SEND Regulations 2014 reg 63).
        ChildsParentsRepresentative = "CHILDS_PARENTS_REPRESENTATIVE",
        /// The young person.
        YoungPerson = "YOUNG_PERSON",
        /// The representative of a young person who lacks capacity (reg 64(2)(a)).
        Representative = "REPRESENTATIVE",
        /// The parent of a young person who lacks capacity and has no representative (reg 64(2)(b)).
        AlternativeParent = "ALTERNATIVE_PARENT",
        /// The representative of such a parent, who lacks capacity too (reg 64(2)(c)).
        AlternativeParentsRepresentative = "ALTERNATIVE_PARENTS_REPRESENTATIVE",
        /// Nobody under Part 3.
        Nobody = "NONE",
        /// Not settled: parent and pupil must both agree until the local authority has ruled.
        NeedsDetermination = "NEEDS_DETERMINATION",
    }
}

impl Holder {
    /// Whether the right is the young person's, held by them or for them.
    #[must_use]
    pub const fn is_young_persons(self) -> bool {
        matches!(
            self,
            Self::YoungPerson
                | Self::Representative
                | Self::AlternativeParent
                | Self::AlternativeParentsRepresentative
        )
    }
}

/// The right-holder, with what the answer rests on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HolderAnswer {
    /// Who decides.
    pub holder: Holder,
    /// The status on the day.
    pub status: AgeStatus,
    /// For a representative of the young person, by what appointment.
    pub appointment: Option<RepresentativeKind>,
    /// The findings and appointments that the answer rests on; empty when it rests on age alone.
    pub records: Vec<RightsRecordId>,
}

impl RightsFacts {
    /// Who decides this on a day: exactly one answer.
    ///
    /// - A child: the parent (CFA 2014 Part 3); a parent who lacks capacity is read as the parent's
    ///   representative (SEND Regulations 2014 reg 63), where no other parent may act.
    /// - A young person: the young person. From the sixteenth birthday on, where a finding for this decision says
    ///   that capacity is lacking, in strict order the representative, the parent, the parent's representative
    ///   (reg 64(2)); before it the Mental Capacity Act cannot be used (s.2(5)), and nobody takes their place.
    /// - From 25: nobody (CFA 2014 s.83(2)), also while a plan runs on (s.46).
    #[must_use]
    pub fn holder_on(&self, decision: &Decision<'_>, day: Date) -> HolderAnswer {
        let status = self.status_on(day);
        let answer = |holder, appointment, records| HolderAnswer {
            holder,
            status,
            appointment,
            records,
        };
        match status {
            AgeStatus::ChildBelowCsa | AgeStatus::ChildOfCsa => match self.no_able_parent(decision, day) {
                Some(findings) => answer(Holder::ChildsParentsRepresentative, None, findings),
                None => answer(Holder::ChildsParent, None, vec![]),
            },
            AgeStatus::YoungPersonUnder16 => answer(Holder::YoungPerson, None, vec![]),
            AgeStatus::YoungPerson16To17 | AgeStatus::YoungPerson18To24 => {
                let Some(finding) = self.subject_lacks(decision, day) else {
                    return answer(Holder::YoungPerson, None, vec![]);
                };
                let mut records = vec![finding.head.id];
                if let Some(one) = self.representatives_of(&Person::Subject, decision, day).next() {
                    records.push(one.head.id);
                    answer(Holder::Representative, Some(one.kind), records)
                } else if let Some(findings) = self.no_able_parent(decision, day) {
                    records.extend(findings);
                    answer(Holder::AlternativeParentsRepresentative, None, records)
                } else {
                    answer(Holder::AlternativeParent, None, records)
                }
            }
            AgeStatus::Over25 | AgeStatus::NotYetBorn => answer(Holder::Nobody, None, vec![]),
            AgeStatus::NeedsDetermination => answer(Holder::NeedsDetermination, None, vec![]),
        }
    }

    /// The findings by which every parent who may act lacks capacity. `None` when one is able, and when no parent
    /// is recorded: the law says "the parent" also where nobody has written down who that is.
    fn no_able_parent(&self, decision: &Decision<'_>, day: Date) -> Option<Vec<RightsRecordId>> {
        let findings: Option<Vec<_>> = self
            .acting_parents(day)
            .map(|parent| self.parent_lacks(&parent.party, decision, day))
            .map(|finding| finding.map(|finding| finding.head.id))
            .collect();
        findings.filter(|findings| !findings.is_empty())
    }
}

impl HolderAnswer {
    /// The provision that the answer rests on.
    #[must_use]
    pub const fn provision(&self) -> &'static str {
        match (self.holder, self.status) {
            (Holder::ChildsParent, _) => "Education Act 1996 ss.8, 576, 579; CFA 2014 s.83",
            (Holder::ChildsParentsRepresentative, _) => "SEND Regulations 2014 reg 63; CFA 2014 s.80(6)",
            (Holder::YoungPerson, AgeStatus::YoungPersonUnder16) => {
                "CFA 2014 s.83(2); Education Act 1996 s.8; Mental Capacity Act 2005 s.2(5)"
            }
            (Holder::YoungPerson, _) => {
                "CFA 2014 s.83(2); Education Act 1996 s.8; Mental Capacity Act 2005 s.1(2)"
            }
            (Holder::Representative, _) => "CFA 2014 s.80(6); SEND Regulations 2014 reg 64(2)(a)",
            (Holder::AlternativeParent, _) => "CFA 2014 s.80; SEND Regulations 2014 reg 64(2)(b)",
            (Holder::AlternativeParentsRepresentative, _) => {
                "CFA 2014 s.80; SEND Regulations 2014 reg 64(2)(c)"
            }
            (Holder::Nobody, AgeStatus::Over25) => "CFA 2014 ss.46, 83(2)",
            (Holder::Nobody, _) => "none",
            (Holder::NeedsDetermination, _) => "Education Act 1996 ss.8(3), 579",
        }
    }

    /// Who decides and why, in words for people, without the provision.
    #[must_use]
    pub const fn in_words(&self) -> &'static str {
        match (self.holder, self.status) {
            (Holder::ChildsParent, AgeStatus::ChildBelowCsa) => {
                "The child's parent decides: the child is below compulsory school age."
            }
            (Holder::ChildsParent, _) => "The child's parent decides: the child is of compulsory school age.",
            (Holder::ChildsParentsRepresentative, _) => {
                "The parent's representative decides: no parent who may act has capacity for this decision."
            }
            (Holder::YoungPerson, AgeStatus::YoungPersonUnder16) => {
                "The young person decides: compulsory school age is over. The Mental Capacity Act cannot be used \
                 before the sixteenth birthday, so nobody takes their place."
            }
            (Holder::YoungPerson, _) => {
                "The young person decides: compulsory school age is over, and capacity is presumed unless a \
                 finding for this very decision says otherwise."
            }
            (Holder::Representative, _) => {
                "The young person's representative decides: a finding says that the young person lacks capacity \
                 for this decision."
            }
            (Holder::AlternativeParent, _) => {
                "The young person's parent decides: a finding says that the young person lacks capacity for this \
                 decision, and no representative has authority for it."
            }
            (Holder::AlternativeParentsRepresentative, _) => {
                "The parent's representative decides: the young person and the parents who may act lack capacity \
                 for this decision, and the young person has no representative."
            }
            (Holder::Nobody, AgeStatus::Over25) => {
                "Nobody decides under Part 3: the person is 25 or over. A plan runs on only while the local \
                 authority keeps it."
            }
            (Holder::Nobody, _) => "Nobody decides: the day lies before the date of birth.",
            (Holder::NeedsDetermination, _) => {
                "Not settled: the school's own first day of term decides, and it is not confirmed. Parent and \
                 pupil must both agree until the local authority has ruled."
            }
        }
    }
}
