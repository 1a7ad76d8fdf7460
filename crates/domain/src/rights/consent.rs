//! What the recorded consents come to for one disclosure on one day (SEND Regulations 2014 reg 17(1) to (3)).
//!
//! Today's right-holder decides who is the right giver. Of the words of today's right-holders the latest counts:
//! a refusal or withdrawal ends what was granted before it, and a grant after it stands. What was said and withdrawn on
//! one day stands in the order in which it was recorded. An exclusion by the young person is a refusal that no later
//! grant overrides; it must itself be ended.

use jiff::civil::Date;

use super::giver::{Side, Worth};
use super::{Consent, ConsentDecision, Decision, Giver, RightsFacts, Scope};
use crate::age::AgeStatus;
use crate::disclosure::ConsentStanding;
use crate::exchange::RightsRecordId;

/// What the consents come to, and on which records that rests.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ConsentAnswer {
    /// What they come to.
    pub standing: ConsentStanding,
    /// The record that decides; `None` when there is none.
    pub by: Option<RightsRecordId>,
    /// For [`ConsentStanding::Both`] the parent's record, beside the pupil's in `by`.
    pub also: Option<RightsRecordId>,
}

impl ConsentAnswer {
    const fn new(standing: ConsentStanding, by: Option<RightsRecordId>) -> Self {
        Self {
            standing,
            by,
            also: None,
        }
    }
}

/// What the words of one side come to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Said {
    /// A grant stands.
    Yes(ConsentStanding, RightsRecordId),
    /// Refused, or withdrawn, on this day.
    No(ConsentStanding, RightsRecordId, Date),
    /// Granted, but not for today.
    NotToday(RightsRecordId),
    /// Nothing.
    Nothing,
}

impl RightsFacts {
    /// What the recorded consents come to for this disclosure on a day.
    ///
    /// - A child: the child's consent where understanding is recorded sufficient, the parent's where it is recorded
    ///   insufficient (SEND Regulations 2014 reg 17(2), (3)); where nothing is recorded, either is
    ///   `UnderstandingNotRecorded`.
    /// - A young person: their own, or a parent's under an authority in force for this (Code 8.14). A consent that
    ///   a parent gave before rights passed has lapsed.
    /// - A young person found to lack capacity for this very decision: the representative's; where there is none,
    ///   the parent's or the parent's representative's (reg 64(2)).
    /// - While age status needs a determination: `Both`, when parent and pupil have both granted.
    /// - From 25: the person's own, or a representative's, while the local authority keeps the plan (CFA 2014 s.46);
    ///   a reading (confidence B), since nobody holds rights under Part 3 then.
    #[must_use]
    pub fn consent_standing(&self, scope: &Scope<'_>, day: Date) -> ConsentAnswer {
        let pupil = self.said(Side::Pupil, scope, day, None);
        let pupils_no = match pupil {
            Said::No(_, _, on) => Some(on),
            _ => None,
        };
        let family = self.said(Side::Family, scope, day, pupils_no);
        let found = if self.status_on(day) == AgeStatus::NeedsDetermination {
            match (pupil, family) {
                (Said::Yes(_, by), Said::Yes(_, parent)) => {
                    return ConsentAnswer {
                        also: Some(parent),
                        ..ConsentAnswer::new(ConsentStanding::Both, Some(by))
                    };
                }
                (no @ Said::No(..), _) | (_, no @ Said::No(..)) => no,
                // One of the two has agreed: its worth says so.
                (yes @ Said::Yes(..), _) | (_, yes @ Said::Yes(..)) => yes,
                (one, other) => first_said(one, other),
            }
        } else {
            match (pupil, family) {
                // Both sides count where understanding is not recorded, and it is for a person to say whose word
                // decides; and where a young person has authorised a parent, beside their own word.
                (Said::Yes(ConsentStanding::UnderstandingNotRecorded, _), yes @ Said::Yes(..)) => yes,
                (yes @ Said::Yes(..), _) | (_, yes @ Said::Yes(..)) => yes,
                (no @ Said::No(..), _) | (_, no @ Said::No(..)) => no,
                (one, other) => first_said(one, other),
            }
        };
        match found {
            Said::Yes(standing, by) | Said::No(standing, by, _) => ConsentAnswer::new(standing, Some(by)),
            Said::NotToday(by) => ConsentAnswer::new(ConsentStanding::Expired, Some(by)),
            Said::Nothing => self.why_nothing_counts(scope, day),
        }
    }

    /// The records that were known on a day and say something about it.
    fn consents_known(&self, day: Date) -> impl Iterator<Item = &Consent> {
        self.consents
            .iter()
            .filter(move |one| one.head.stands_on(day) && one.given_on <= day)
    }

    /// What the words of those on one side whose word counts today come to. Over the pupil's own no of a day, an
    /// authorised parent's yes stands only under an authority given since: the young person's decision prevails.
    fn said(&self, side: Side, scope: &Scope<'_>, day: Date, pupils_no: Option<Date>) -> Said {
        let decision = Decision::Disclosure(*scope);
        let counted: Vec<(&Consent, ConsentStanding)> = self
            .consents_known(day)
            .filter(|one| one.giver.side() == side && one.reach.covers(scope))
            .filter_map(|one| match self.worth(&one.giver, one.given_on, &decision, day) {
                Worth::Counts(ConsentStanding::AuthorisedParent)
                    if pupils_no.is_some_and(|no| !self.authorised_since(no, one, &decision, day)) =>
                {
                    None
                }
                Worth::Counts(standing) => Some((one, standing)),
                Worth::Not(_) => None,
            })
            .collect();
        if side == Side::Pupil
            && let Some(exclusion) = self.excluded(scope, day)
            && matches!(self.worth(&Giver::Subject, day, &decision, day), Worth::Counts(_))
        {
            // No later word overrides it: it must itself be ended.
            return Said::No(ConsentStanding::Refused, exclusion, Date::MAX);
        }
        let refused = counted
            .iter()
            .map(|(one, _)| *one)
            .filter(|one| one.decision == ConsentDecision::Refused && one.valid.holds_on(day))
            .filter(|one| one.withdrawn_on.is_none_or(|withdrawn| day < withdrawn))
            .max_by_key(|one| (one.given_on, one.head.id));
        let withdrawn = counted
            .iter()
            .map(|(one, _)| *one)
            .filter(|one| one.decision == ConsentDecision::Granted)
            .filter_map(|one| {
                one.withdrawn_on
                    .filter(|on| *on <= day)
                    .map(|on| (on, one.withdrawn_by.unwrap_or(one.head.id), one.head.id))
            })
            .max();
        let granted = || {
            counted.iter().filter(|(one, _)| {
                one.decision == ConsentDecision::Granted && one.withdrawn_on.is_none_or(|on| day < on)
            })
        };
        let standing = granted()
            .filter(|(one, _)| one.valid.holds_on(day))
            .filter(|(one, _)| {
                refused.is_none_or(|no| (one.given_on, one.head.id) > (no.given_on, no.head.id))
            })
            .filter(|(one, _)| withdrawn.is_none_or(|(on, by, _)| (one.given_on, one.head.id) > (on, by)))
            .max_by_key(|(one, standing)| {
                (
                    *standing != ConsentStanding::UnderstandingNotRecorded,
                    one.given_on,
                    one.head.id,
                )
            });
        if let Some((one, standing)) = standing {
            return Said::Yes(*standing, one.head.id);
        }
        let refused = refused.map(|no| (no.given_on, ConsentStanding::Refused, no.head.id));
        let withdrawn = withdrawn.map(|(on, _, id)| (on, ConsentStanding::Withdrawn, id));
        match (refused, withdrawn) {
            (Some(no), other) | (other, Some(no)) => {
                let (on, standing, id) = other.filter(|other| other.0 > no.0).unwrap_or(no);
                Said::No(standing, id, on)
            }
            (None, None) => granted()
                .map(|(one, _)| one.head.id)
                .max()
                .map_or(Said::Nothing, Said::NotToday),
        }
    }

    /// Why none of the recorded grants counts, when none does. Refusals by those who have no say are not told.
    fn why_nothing_counts(&self, scope: &Scope<'_>, day: Date) -> ConsentAnswer {
        let decision = Decision::Disclosure(*scope);
        self.consents_known(day)
            .filter(|one| one.decision == ConsentDecision::Granted)
            .filter_map(|one| {
                let standing = if !one.reach.covers(scope) {
                    ConsentStanding::OutOfScope
                } else if one.withdrawn_on.is_some_and(|withdrawn| withdrawn <= day) {
                    ConsentStanding::Withdrawn
                } else if !one.valid.holds_on(day) {
                    ConsentStanding::Expired
                } else {
                    match self.worth(&one.giver, one.given_on, &decision, day) {
                        Worth::Not(why) => why,
                        Worth::Counts(_) => return None,
                    }
                };
                Some((standing, one.head.id))
            })
            .max_by_key(|(standing, id)| (nearness(*standing), *id))
            .map_or(
                ConsentAnswer::new(ConsentStanding::None, None),
                |(standing, id)| ConsentAnswer::new(standing, Some(id)),
            )
    }
}

/// Of two sides that say neither yes nor no, the one that says something.
const fn first_said(pupil: Said, family: Said) -> Said {
    match pupil {
        Said::Nothing => family,
        said => said,
    }
}

/// How near a grant that does not count came: the nearest is told, since it is the one to put right.
const fn nearness(standing: ConsentStanding) -> u8 {
    match standing {
        ConsentStanding::OutOfScope => 0,
        ConsentStanding::Expired => 1,
        ConsentStanding::Withdrawn => 2,
        ConsentStanding::WrongGiver => 3,
        _ => 4,
    }
}
