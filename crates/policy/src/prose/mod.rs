//! The prose of a disclosure table read into facts, column by column, by the words that stand in it. A text in
//! which no word is known is a fault: it is never taken for an absent one.

mod consent;
mod ground;
mod parties;

use sendhub_domain::age::AgeStatus;
use sendhub_domain::agency::AgencyKind;
use sendhub_domain::disclosure::{Ability, AgreementStanding, GroundProof, Item};

use crate::facts::{
    AuthorityConsent, Continuation, DisclosureFacts, S23Steps, SchoolPlacement, ServingParent,
};

/// The columns of one row that hold facts.
pub(crate) struct Columns<'a> {
    pub(crate) item: &'a str,
    pub(crate) sender: &'a str,
    pub(crate) recipient: &'a str,
    pub(crate) status: &'a str,
    pub(crate) ability: &'a str,
    pub(crate) consent: &'a str,
    pub(crate) ground: &'a str,
}

/// Why a column cannot be read; the text is for the author of the table.
pub(crate) type Unread = String;

fn unread(column: &str, text: &str) -> Unread {
    format!("cannot be read: {column} `{text}`")
}

/// A text as its words, lower case.
pub(crate) struct Words(Vec<String>);

impl Words {
    pub(crate) fn of(text: &str) -> Self {
        // A possessive is the word itself: parent's, children's.
        let plain = text.to_lowercase().replace("'s", "").replace("\u{2019}s", "");
        let words = plain.split(|c: char| !c.is_alphanumeric());
        Self(words.filter(|word| !word.is_empty()).map(str::to_owned).collect())
    }

    /// Whether one of the phrases, which `|` sets apart, stands in it word for word.
    pub(crate) fn has(&self, phrases: &str) -> bool {
        phrases.split('|').any(|phrase| {
            let phrase: Vec<&str> = phrase.split(' ').collect();
            self.0
                .windows(phrase.len())
                .any(|window| window == phrase.as_slice())
        })
    }

    /// Whether it begins with one of the phrases, which `|` sets apart.
    fn begins(&self, phrases: &str) -> bool {
        phrases.split('|').any(|phrase| {
            phrase
                .split(' ')
                .eq(self.0.iter().take(phrase.split(' ').count()).map(String::as_str))
        })
    }

    /// Whether something in it is denied.
    fn denies(&self) -> bool {
        self.has("no|not|without|missing|never|bare|unsigned|lacks|lacking|neither")
    }

    fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// Reads one row.
///
/// # Errors
/// The first column that cannot be read.
pub(crate) fn facts(columns: &Columns<'_>) -> Result<DisclosureFacts, Unread> {
    let item = Item::from_code(columns.item.trim()).ok_or_else(|| unread("item", columns.item))?;
    let sender_kind =
        parties::kind(&Words::of(columns.sender)).ok_or_else(|| unread("sender", columns.sender))?;
    let (status, beside_status) = status(columns.status)?;
    let ability = ability(columns.ability)?;
    let ground = ground::read(columns)?;
    let (recipient, role) =
        parties::recipient(item, ground.ground, sender_kind, &Words::of(columns.recipient))
            .ok_or_else(|| unread("recipient", columns.recipient))?;
    let consent = consent::read(columns.consent, status, ability)?;
    let sender = Words::of(columns.sender);
    let told = Words::of(&format!("{} {}", columns.consent, columns.ground));
    let beside = Words::of(&format!("{} {}", columns.status, columns.ground));
    let agreed = told.has("sharing agreement") && !told.has("no sharing agreement|without sharing agreement");
    Ok(DisclosureFacts {
        ground: ground.ground,
        proof: if ground.proven {
            GroundProof::Proven
        } else {
            GroundProof::Missing
        },
        ability,
        consent: consent.standing,
        family_view: consent.view,
        agreement: if agreed {
            AgreementStanding::InForce
        } else {
            AgreementStanding::None
        },
        existing_advice: ground.existing_advice,
        plan_continuation: if beside.has("continuation|kept|s 46|continued") && !beside.denies() {
            Continuation::Recorded
        } else {
            Continuation::None
        },
        s23_steps: s23_steps(item, &told),
        school_placement: placement(item, sender_kind, &sender, &beside_status),
        authority_consent: authority_consent(item, &told),
        serving_parent: if Words::of(columns.status).has(SERVES) && !beside_status.denies() {
            ServingParent::Serves
        } else {
            ServingParent::NotKnown
        },
        ..DisclosureFacts::new(item, sender_kind, recipient, role, status)
    })
}

/// Words that say that a parent serves.
const SERVES: &str = "serving|serves|armed forces|service child|military";

/// The status, which comes first, and what is said beside it.
fn status(text: &str) -> Result<(AgeStatus, Words), Unread> {
    let (code, rest) = text.trim().split_once(' ').unwrap_or((text.trim(), ""));
    let status =
        AgeStatus::from_code(code.trim_end_matches([',', ';'])).ok_or_else(|| unread("status", text))?;
    let beside = Words::of(rest);
    let known = beside.has(SERVES)
        || beside.has("year|continuation|continued|kept|s 46|placed|plan|looked after|registered");
    if beside.is_empty() || known {
        return Ok((status, beside));
    }
    Err(unread("status", text))
}

/// Understanding or capacity. A finding for another decision leaves capacity presumed.
fn ability(text: &str) -> Result<Ability, Unread> {
    let words = Words::of(text);
    let table: &[(&str, Ability)] = &[
        (
            "said to lack|alleged to lack|thought to lack",
            Ability::SaidToLackUnder16,
        ),
        (
            "another decision|different decision|other decision|other decisions|in general",
            Ability::HasCapacity,
        ),
        (
            "lacks capacity|lack capacity|no capacity|without capacity",
            Ability::LacksCapacity,
        ),
        (
            "not assessed|not recorded|unknown|not known|unrecorded",
            Ability::NotRecorded,
        ),
        (
            "insufficient|insufficient understanding|not sufficient|does not understand|\
                lacks understanding|no understanding|too young",
            Ability::DoesNotUnderstand,
        ),
        ("sufficient|understands|understanding", Ability::Understands),
        ("has capacity|presumed|capacity", Ability::HasCapacity),
        ("n a|na|none|not relevant|not applicable", Ability::NotRecorded),
    ];
    if words.is_empty() {
        return Ok(Ability::NotRecorded);
    }
    let found = table.iter().find(|(phrases, _)| words.has(phrases));
    found
        .map(|(_, ability)| *ability)
        .ok_or_else(|| unread("understanding_or_capacity", text))
}

fn s23_steps(item: Item, told: &Words) -> S23Steps {
    if item != Item::S23Notice {
        return S23Steps::NotNeeded;
    }
    let done = told.has("informed") && told.has("discussion|offered|talk|discuss");
    if done && !told.denies() {
        S23Steps::Done
    } else {
        S23Steps::Missing
    }
}

/// A pupil of a special school was placed there by the authority unless the table says otherwise.
fn placement(item: Item, kind: AgencyKind, sender: &Words, beside: &Words) -> SchoolPlacement {
    let otherwise = "placed by parent|placed by the parent|placed by parents|not placed|privately placed";
    let special = kind == AgencyKind::SpecialSchool || sender.has("special");
    let placed = item == Item::Deregistration && special && !sender.has(otherwise) && !beside.has(otherwise);
    if placed {
        SchoolPlacement::SpecialPlacedByAuthority
    } else {
        SchoolPlacement::Ordinary
    }
}

fn authority_consent(item: Item, told: &Words) -> AuthorityConsent {
    let speaks = told.has("la|local authority|authority");
    if item != Item::Deregistration || !speaks {
        return AuthorityConsent::NotRecorded;
    }
    if told.has("refuses|refused") {
        AuthorityConsent::Refused
    } else if told.has("consent|consents|consented|given") && !told.denies() {
        AuthorityConsent::Given
    } else {
        AuthorityConsent::NotRecorded
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_whole_words() {
        let words = Words::of("Parent's (no representative exists)");
        assert!(words.has("parent no representative") && !words.has("present|exist"));
    }

    #[test]
    fn what_is_not_known_is_a_fault() {
        assert!(ability("purple").is_err());
        assert!(status("CHILD_OF_CSA on a bicycle").is_err());
        assert!(status("CHILD").is_err());
    }

    #[test]
    fn a_finding_for_another_decision_leaves_capacity_presumed() {
        assert_eq!(
            ability("lacks capacity (recorded for another decision)"),
            Ok(Ability::HasCapacity)
        );
        assert_eq!(
            ability("insufficient understanding"),
            Ok(Ability::DoesNotUnderstand)
        );
    }
}
