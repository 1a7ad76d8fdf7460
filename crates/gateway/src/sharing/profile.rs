//! The profile of a Service child. What would tell where a family is posted, with which unit, is refused wherever it
//! is written: it endangers people, and a school needs to know what it means for the child, not where.

use sendhub_contracts::errors::v1::Reason;
use sendhub_contracts::refusal::Refusal;
use sendhub_contracts::servicechild::v1 as wire;
use sendhub_domain::disclosure::Item;
use sendhub_domain::exchange::ExchangeKind;

use super::methods;
use crate::exchange::draft::Draft;
use crate::exchange::intake::{Intake, Place};
use crate::exchange::parties::{Sent, everyone, wrong};
use crate::hub::Hub;
use crate::identity::Caller;

/// Words that name a posting, a unit or a location of the forces. Compared as whole words, in any case.
///
/// Single words that a school also needs (an exercise, an operation) are refused only in the forms that the forces use.
const REFUSED: [&str; 24] = [
    "bfpo",
    "regiment",
    "regt",
    "battalion",
    "bn",
    "squadron",
    "sqn",
    "brigade",
    "bde",
    "commando",
    "hms",
    "raf",
    "barracks",
    "garrison",
    "cantonment",
    "deployed to",
    "deploys to",
    "posted to",
    "posting to",
    "on operation",
    "on operations",
    "on exercise",
    "military exercise",
    "airbase",
];

impl Intake for wire::SendProfileRequest {
    const METHOD: &'static str = methods::PROFILE;
    const KIND: ExchangeKind = ExchangeKind::ServiceChildProfile;

    fn draft(&self, _: &Hub, _: &Caller, sent: &Sent, _: &Place<'_>) -> Result<Draft, Refusal> {
        if let Some(content) = &self.content {
            no_posting(content)?;
        }
        Ok(Draft::to(everyone(sent, Item::ServiceChildProfile)?))
    }
}

/// Refuses free text that names a posting, a unit or a location, naming every such field.
fn no_posting(content: &wire::ServiceChildProfileContent) -> Result<(), Refusal> {
    let mut out = Vec::new();
    let mut look = |field: String, text: &str| {
        if names_posting(text) {
            out.push(wrong(
                field,
                "names a posting, a unit or a location of the forces: say what it means for the child",
            ));
        }
    };
    for (index, concern) in content.concerns.iter().enumerate() {
        look(format!("content.concerns[{index}].impact"), &concern.impact);
    }
    if let Some(mobility) = &content.mobility {
        look(
            "content.mobility.next_school_name".into(),
            &mobility.next_school_name,
        );
        if let Some(country) = &mobility.next_country {
            look("content.mobility.next_country.display".into(), &country.display);
            look("content.mobility.next_country.raw".into(), &country.raw);
        }
    }
    if let Some(education) = &content.education {
        for (part, text) in [
            ("curriculum_covered", &education.curriculum_covered),
            ("gaps", &education.gaps),
            ("reading", &education.reading),
            ("strengths", &education.strengths),
            ("interests", &education.interests),
            ("friendships", &education.friendships),
            ("exams_and_boards", &education.exams_and_boards),
        ] {
            look(format!("content.education.{part}"), text);
        }
        for (index, one) in education.interventions.iter().enumerate() {
            let at = format!("content.education.interventions[{index}]");
            look(format!("{at}.what"), &one.what);
            look(format!("{at}.frequency"), &one.frequency);
            look(format!("{at}.result"), &one.result);
        }
    }
    if let Some(sen) = &content.sen {
        look(
            "content.sen.provision_to_continue".into(),
            &sen.provision_to_continue,
        );
        look("content.sen.access_arrangements".into(), &sen.access_arrangements);
        look("content.sen.equipment".into(), &sen.equipment);
    }
    if let Some(asked) = &content.supportability {
        for (part, text) in [
            ("school_view", &asked.school_view),
            ("support_needed", &asked.support_needed),
            ("conditions", &asked.conditions),
        ] {
            look(format!("content.supportability.{part}"), text);
        }
    }
    for (index, one) in content.agencies_involved.iter().enumerate() {
        look(format!("content.agencies_involved[{index}].name"), &one.name);
        look(format!("content.agencies_involved[{index}].role"), &one.role);
    }
    for (part, contacts) in [
        ("contacts_at_school", &content.contacts_at_school),
        ("contacts_at_next_school", &content.contacts_at_next_school),
    ] {
        for (index, one) in contacts.iter().enumerate() {
            look(format!("content.{part}[{index}].role"), &one.role);
        }
    }
    if out.is_empty() {
        return Ok(());
    }
    let mut refusal = Refusal {
        reason: Reason::ServiceDetailRefused,
        ..Refusal::fields(out)
    }
    .remedy(
        "Describe the effect on the child. Postings, units and locations of the forces are never carried.",
    );
    refusal.provision =
        Some("UK GDPR Art 5(1)(c); postings and units are sensitive for operations (hub policy)".to_owned());
    Err(refusal)
}

fn names_posting(text: &str) -> bool {
    let plain: String = text
        .to_lowercase()
        .chars()
        .map(|one| if one.is_alphanumeric() { one } else { ' ' })
        .collect();
    let words = format!(" {} ", plain.split_whitespace().collect::<Vec<_>>().join(" "));
    REFUSED.iter().any(|word| words.contains(&format!(" {word} ")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn postings_and_units_are_found_and_ordinary_words_are_not() {
        for (text, refused) in [
            ("Father is posted to Cyprus in May", true),
            ("BFPO 57", true),
            ("2nd Battalion", true),
            ("mother serves on HMS Example", true),
            ("He misses his father, who is away for six months", false),
            ("Good at craft; plays in the school band", false),
            ("An operation on her hip; exercise twice a day", false),
            ("Away on exercise until June", true),
            ("Father is on operations", true),
            ("", false),
        ] {
            assert_eq!(names_posting(text), refused, "{text}");
        }
    }

    #[test]
    fn every_field_is_named_and_no_value_shown() {
        let content = wire::ServiceChildProfileContent {
            concerns: vec![wire::ServiceConcern {
                impact: "since the regiment left".into(),
                ..wire::ServiceConcern::default()
            }],
            education: Some(wire::Education {
                gaps: "missed a term in BFPO 58".into(),
                ..wire::Education::default()
            }),
            ..wire::ServiceChildProfileContent::default()
        };
        let refusal = no_posting(&content).unwrap_err();
        assert_eq!(refusal.reason, Reason::ServiceDetailRefused);
        let fields: Vec<_> = refusal.violations.iter().map(|one| one.field.as_str()).collect();
        assert_eq!(fields, ["content.concerns[0].impact", "content.education.gaps"]);
        assert!(!format!("{refusal:?}").contains("58"));
    }
}
