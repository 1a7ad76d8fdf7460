//! Grounds named in prose: a code, and whether its condition is shown.

use sendhub_domain::disclosure::Ground;

use super::{Columns, Unread, Words, unread};
use crate::facts::ExistingAdvice;

/// A ground as read.
pub(super) struct Claim {
    pub(super) ground: Ground,
    pub(super) proven: bool,
    pub(super) existing_advice: ExistingAdvice,
}

/// Words that may stand beside a code.
const BESIDE: &str = "opinion|undertaking|order|proceedings|enquiry|inquiry|reference|request|officer|\
                role|duty|inspection|advice|agree|agrees|steps|informed|discussion|notice|agreement|\
                appeal|recorded|claimed|itself|consent|assessment|investigation|appeals|continuation";

/// # Errors
/// The ground when it has no code and no word that is known.
pub(super) fn read(columns: &Columns<'_>) -> Result<Claim, Unread> {
    let text = columns.ground.trim();
    let (code, rest) = text.split_once([' ', ';', ',', '(']).unwrap_or((text, ""));
    let beside = Words::of(rest);
    let prose = Words::of(text);
    // A code says nothing of its condition; what stands beside it, or prose in a code's place, does.
    let (ground, claim) = if code.eq_ignore_ascii_case("none") || code.is_empty() || code == "n/a" {
        (in_prose(&beside).unwrap_or(Ground::None), &beside)
    } else if let Some(ground) = Ground::from_code(code) {
        (ground, &beside)
    } else {
        let ground = in_prose(&prose).ok_or_else(|| unread("ground_claimed", text))?;
        (ground, &prose)
    };
    if !beside.is_empty() && !beside.has(BESIDE) {
        return Err(unread("ground_claimed", text));
    }
    Ok(Claim {
        ground,
        proven: proven(ground, columns, claim),
        existing_advice: existing_advice(&beside),
    })
}

/// A ground without a code.
fn in_prose(words: &Words) -> Option<Ground> {
    let table: &[(&str, Ground)] = &[
        (
            "proceedings|court order|court|police|police enquiry|police inquiry",
            Ground::CourtOrder,
        ),
        ("appeal|tribunal", Ground::Appeal),
        ("inspection|ofsted", Ground::Inspection),
        ("safeguarding", Ground::Safeguarding),
        ("research", Ground::Research),
        ("ombudsman|maladministration", Ground::Maladministration),
        ("disabled students|dsa", Ground::Dsa),
        ("he|higher education|university", Ground::HigherEducation),
        ("interests", Ground::InterestsOfChild),
        ("disabled persons", Ground::DisabledPersonsAct),
        ("children act", Ground::ChildrenAct),
        ("own powers|power|transfer", Ground::StatutoryTransfer),
    ];
    let found = table.iter().find(|(phrases, _)| words.has(phrases));
    found.map(|(_, ground)| *ground)
}

/// Whether the row shows what the ground requires. An opinion, an undertaking and a request must be told of; a
/// reference goes with the claim unless the row denies it; a police enquiry is neither order nor proceedings.
fn proven(ground: Ground, columns: &Columns<'_>, claim: &Words) -> bool {
    let recipient = Words::of(columns.recipient);
    let consent = Words::of(columns.consent);
    let told = |phrases: &str| claim.has(phrases) || recipient.has(phrases) || consent.has(phrases);
    let denied = claim.denies() || recipient.denies();
    match ground {
        // The opinion is the authority's: a school cannot hold it.
        Ground::InterestsOfChild => {
            let authority = "la|local authority|authority";
            let its = claim.has(authority) || Words::of(columns.sender).has(authority);
            told("opinion") && its && !claim.has("school opinion|own opinion") && !denied
        }
        Ground::Research => told("undertaking") && !denied,
        Ground::Dsa | Ground::HigherEducation => {
            told("request|requested|asked|requests") && !denied && !consent.has("no|not")
        }
        Ground::CourtOrder => {
            let enquiry = told("enquiry|inquiry|enquiries|inquiries");
            let police = recipient.has("police") && !told("order|proceedings|prosecution");
            !enquiry && !police && !denied
        }
        // The family's disagreement about earlier advice denies nothing of the duty to ask.
        Ground::Reg6 | Ground::Reg20 | Ground::S23 | Ground::HomeEducation => true,
        _ => !denied,
    }
}

fn existing_advice(beside: &Words) -> ExistingAdvice {
    if !beside.has("existing|earlier|already|recent|previous") {
        return ExistingAdvice::NotClaimed;
    }
    let agreed = beside.has("agree|agrees|agreed");
    if agreed && !beside.denies() && !beside.has("disagree|disagrees|only") {
        ExistingAdvice::AllAgree
    } else {
        ExistingAdvice::NotAllAgree
    }
}
