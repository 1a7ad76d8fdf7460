//! Consents named in prose: who gave one, and what it comes to for this person on this day.

use sendhub_domain::age::AgeStatus;
use sendhub_domain::disclosure::{Ability, ConsentStanding};

use super::{Unread, Words, unread};
use crate::facts::FamilyView;

/// A consent as read.
pub(super) struct Consent {
    pub(super) standing: ConsentStanding,
    pub(super) view: FamilyView,
}

/// # Errors
/// The column when nobody in it is known.
pub(super) fn read(text: &str, status: AgeStatus, ability: Ability) -> Result<Consent, Unread> {
    let words = Words::of(text);
    let standing = standing(&words, status, ability).ok_or_else(|| unread("consent_from", text))?;
    let view = match standing {
        ConsentStanding::Refused | ConsentStanding::Withdrawn => FamilyView::Refuses,
        ConsentStanding::Child
        | ConsentStanding::Parent
        | ConsentStanding::YoungPerson
        | ConsentStanding::Representative
        | ConsentStanding::AlternativePerson
        | ConsentStanding::AuthorisedParent
        | ConsentStanding::Both
        | ConsentStanding::UnderstandingNotRecorded => FamilyView::Agrees,
        _ => FamilyView::NotRecorded,
    };
    Ok(Consent { standing, view })
}

fn standing(words: &Words, status: AgeStatus, ability: Ability) -> Option<ConsentStanding> {
    // What is said after `none;` tells of steps, not of a consent. A notice or a request is none either.
    let nothing = "none|n a|nobody|no consent|not asked|not needed";
    if words.is_empty() || words.has(nothing) || words.has("notice|request|request on file") {
        return Some(ConsentStanding::None);
    }
    if let Some(ended) = ended(words) {
        return Some(ended);
    }
    // Who is named first has given it: a young person may name the parent whom it is about.
    if words.begins("young person|yp") && !words.has("and") {
        return Some(of_young_person(status, ability));
    }
    let parent = words.has("parent|parents|mother|father|carer|guardian");
    let young = words.has("young person|yp");
    let child = words.has("child|pupil|student");
    let authorised = words.has("authorised|authorised by|authority");
    let agreed = young && words.has("agreement|agrees|permission") && !words.has("no|not|without");
    if parent && (authorised || agreed) {
        return Some(of_authorised_parent(status, ability));
    }
    if words.has("both") || (parent && (young || child) && words.has("and")) {
        return Some(ConsentStanding::Both);
    }
    let alone = words.has("no representative|no deputy|no attorney|without representative");
    let representative = !alone && words.has("deputy|attorney|lpa|donee|representative|court of protection");
    Some(
        if parent && words.has("parent representative|representative of the parent") {
            of_alternative_person(status, ability)
        } else if parent && representative {
            // A parent cannot act where a representative exists.
            ConsentStanding::WrongGiver
        } else if parent {
            of_parent(status, ability)
        } else if representative {
            match of_alternative_person(status, ability) {
                ConsentStanding::AlternativePerson => ConsentStanding::Representative,
                other => other,
            }
        } else if young {
            of_young_person(status, ability)
        } else if child {
            of_child(status, ability)
        } else if words.has("school|teacher|grandparent|social worker|la|local authority|sibling") {
            ConsentStanding::WrongGiver
        } else {
            return None;
        },
    )
}

/// Consents that no longer stand, or never did.
fn ended(words: &Words) -> Option<ConsentStanding> {
    let table: &[(&str, ConsentStanding)] = &[
        (
            "refused|refuses|refusal|objects|objected",
            ConsentStanding::Refused,
        ),
        ("withdrawn|withdrew|revoked", ConsentStanding::Withdrawn),
        (
            "lapsed|before rights passed|before the rights passed|was a child|while a child",
            ConsentStanding::Lapsed,
        ),
        ("expired|out of date|ended", ConsentStanding::Expired),
        (
            "out of scope|another recipient|another item|another purpose|different recipient|\
                different purpose|different item|other recipient",
            ConsentStanding::OutOfScope,
        ),
    ];
    let found = table.iter().find(|(phrases, _)| words.has(phrases));
    found.map(|(_, standing)| *standing)
}

/// A parent's: for the child who does not understand; instead of the young person who lacks capacity.
const fn of_parent(status: AgeStatus, ability: Ability) -> ConsentStanding {
    match (status, ability) {
        (AgeStatus::NeedsDetermination, _) => ConsentStanding::NeedsDetermination,
        (AgeStatus::ChildBelowCsa | AgeStatus::ChildOfCsa, Ability::DoesNotUnderstand) => {
            ConsentStanding::Parent
        }
        (AgeStatus::ChildBelowCsa | AgeStatus::ChildOfCsa, Ability::NotRecorded) => {
            ConsentStanding::UnderstandingNotRecorded
        }
        _ => of_alternative_person(status, ability),
    }
}

const fn of_alternative_person(status: AgeStatus, ability: Ability) -> ConsentStanding {
    match (status, ability) {
        (
            AgeStatus::YoungPerson16To17 | AgeStatus::YoungPerson18To24 | AgeStatus::Over25,
            Ability::LacksCapacity,
        ) => ConsentStanding::AlternativePerson,
        _ => ConsentStanding::WrongGiver,
    }
}

const fn of_authorised_parent(status: AgeStatus, ability: Ability) -> ConsentStanding {
    match of_young_person(status, ability) {
        ConsentStanding::YoungPerson => ConsentStanding::AuthorisedParent,
        other => other,
    }
}

const fn of_young_person(status: AgeStatus, ability: Ability) -> ConsentStanding {
    match (status, ability) {
        (AgeStatus::NeedsDetermination, _) => ConsentStanding::NeedsDetermination,
        (_, Ability::LacksCapacity)
        | (AgeStatus::ChildBelowCsa | AgeStatus::ChildOfCsa | AgeStatus::NotYetBorn, _) => {
            ConsentStanding::WrongGiver
        }
        _ => ConsentStanding::YoungPerson,
    }
}

const fn of_child(status: AgeStatus, ability: Ability) -> ConsentStanding {
    match (status, ability) {
        (AgeStatus::ChildBelowCsa | AgeStatus::ChildOfCsa, Ability::Understands) => ConsentStanding::Child,
        (AgeStatus::ChildBelowCsa | AgeStatus::ChildOfCsa, Ability::NotRecorded) => {
            ConsentStanding::UnderstandingNotRecorded
        }
        (AgeStatus::ChildBelowCsa | AgeStatus::ChildOfCsa, _) => ConsentStanding::WrongGiver,
        _ => of_young_person(status, ability),
    }
}
