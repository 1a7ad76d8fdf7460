//! The thread of advice: needs, outcomes and provision are linked by ids that must exist, and advice that is vague is
//! accepted with a warning, never silently.

use std::collections::HashSet;

use jiff::civil::Date;
use sendhub_contracts::assessment::v1 as wire;
use sendhub_contracts::refusal::Refusal;

use super::steps::day;
use crate::exchange::parties::wrong;

/// Words by which provision is left open. The Code of Practice (9.69) asks for provision that is detailed, specific
/// and normally quantified.
const VAGUE: [&str; 6] = [
    "access to",
    "opportunities for",
    "as required",
    "as appropriate",
    "regular",
    "where possible",
];

/// Checks that every link leads somewhere and no id stands twice.
///
/// # Errors
/// `INVALID_REQUEST` with every broken link by its path.
pub(crate) fn check(content: &wire::AdviceContent) -> Result<(), Refusal> {
    let mut out = Vec::new();
    let mut needs = HashSet::new();
    for (index, need) in content.needs.iter().enumerate() {
        if !needs.insert(need.need_id.as_str()) {
            out.push(wrong(
                format!("content.needs[{index}].need_id"),
                "stands there twice",
            ));
        }
    }
    let mut outcomes = HashSet::new();
    for (index, outcome) in content.outcomes.iter().enumerate() {
        if !outcomes.insert(outcome.outcome_id.as_str()) {
            out.push(wrong(
                format!("content.outcomes[{index}].outcome_id"),
                "stands there twice",
            ));
        }
        for (link, id) in outcome.need_ids.iter().enumerate() {
            if !needs.contains(id.as_str()) {
                out.push(wrong(
                    format!("content.outcomes[{index}].need_ids[{link}]"),
                    "leads to no need of this advice",
                ));
            }
        }
    }
    let mut provisions = HashSet::new();
    for (index, provision) in content.provisions.iter().enumerate() {
        let at = |part: &str| format!("content.provisions[{index}].{part}");
        if !provisions.insert(provision.provision_id.as_str()) {
            out.push(wrong(at("provision_id"), "stands there twice"));
        }
        for (link, id) in provision.need_ids.iter().enumerate() {
            if !needs.contains(id.as_str()) {
                out.push(wrong(
                    at(&format!("need_ids[{link}]")),
                    "leads to no need of this advice",
                ));
            }
        }
        for (link, id) in provision.outcome_ids.iter().enumerate() {
            if !outcomes.contains(id.as_str()) {
                out.push(wrong(
                    at(&format!("outcome_ids[{link}]")),
                    "leads to no outcome of this advice",
                ));
            }
        }
    }
    if out.is_empty() {
        Ok(())
    } else {
        Err(Refusal::fields(out))
    }
}

/// What a reader should look at twice. Codes and paths only.
pub(crate) fn warnings(content: &wire::AdviceContent, today: Date) -> Vec<String> {
    let mut out = Vec::new();
    if content.unstructured {
        out.push("UNSTRUCTURED: the advice is in its document; nothing in it can be linked".to_owned());
    }
    for (index, provision) in content.provisions.iter().enumerate() {
        let at = format!("content.provisions[{index}]");
        let text = provision.what.to_lowercase();
        if VAGUE.iter().any(|word| text.contains(word)) {
            out.push(format!(
                "VAGUE_PROVISION: {at}.what leaves the provision open (Code 9.69)"
            ));
        }
        if provision.by_whom.is_none() {
            out.push(format!("PROVIDER_MISSING: {at}.by_whom"));
        }
        if provision.frequency.is_none() {
            out.push(format!("FREQUENCY_MISSING: {at}.frequency"));
        }
        if provision.need_ids.is_empty() || provision.outcome_ids.is_empty() {
            out.push(format!(
                "PROVISION_NOT_LINKED: {at} is linked to no need or no outcome"
            ));
        }
    }
    for (index, outcome) in content.outcomes.iter().enumerate() {
        if outcome.need_ids.is_empty() {
            out.push(format!(
                "OUTCOME_NOT_LINKED: content.outcomes[{index}] is linked to no need"
            ));
        }
    }
    let author = content.author.clone().unwrap_or_default();
    for (index, one) in author.registrations.iter().enumerate() {
        if !registration_fits(one.body(), &one.number) {
            out.push(format!(
                "REGISTRATION_FORM: content.author.registrations[{index}].number has not the form of its register"
            ));
        }
    }
    let signed = day(content.signed_on.as_ref());
    let old = signed.is_some_and(|signed| signed.until(today).is_ok_and(|since| since.get_days() > 365));
    if old {
        out.push("OLD_ADVICE: content.signed_on lies more than twelve months back".to_owned());
    }
    out
}

/// Whether a registration number has the form of its register (UK Core practitioner identifiers).
fn registration_fits(body: wire::RegistrationBody, number: &str) -> bool {
    let digits = |text: &str, count: usize| text.len() == count && text.bytes().all(|b| b.is_ascii_digit());
    match body {
        wire::RegistrationBody::Gmc => {
            digits(number, 7) || number.strip_prefix('L').is_some_and(|rest| digits(rest, 6))
        }
        wire::RegistrationBody::Nmc => number.len() == 8 && number.bytes().all(|b| b.is_ascii_alphanumeric()),
        wire::RegistrationBody::Hcpc => {
            number.len() > 2
                && number.len() <= 8
                && number.is_ascii()
                && number[..2].bytes().all(|b| b.is_ascii_uppercase())
                && number[2..].bytes().all(|b| b.is_ascii_digit())
        }
        wire::RegistrationBody::Gphc => digits(number, 7) && number.starts_with('2'),
        _ => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::civil::date;

    #[test]
    fn broken_links_are_named_by_path() {
        let content = wire::AdviceContent {
            needs: vec![wire::Need {
                need_id: "n1".into(),
                ..wire::Need::default()
            }],
            outcomes: vec![wire::Outcome {
                outcome_id: "o1".into(),
                need_ids: vec!["n1".into(), "n2".into()],
                ..wire::Outcome::default()
            }],
            provisions: vec![wire::Provision {
                provision_id: "p1".into(),
                need_ids: vec!["n1".into()],
                outcome_ids: vec!["o9".into()],
                ..wire::Provision::default()
            }],
            ..wire::AdviceContent::default()
        };
        let refusal = check(&content).unwrap_err();
        let fields: Vec<_> = refusal.violations.iter().map(|one| one.field.as_str()).collect();
        assert_eq!(
            fields,
            [
                "content.outcomes[0].need_ids[1]",
                "content.provisions[0].outcome_ids[0]"
            ]
        );
    }

    #[test]
    fn vague_and_unlinked_provision_is_warned_of() {
        let content = wire::AdviceContent {
            provisions: vec![wire::Provision {
                provision_id: "p1".into(),
                what: "Regular access to a speech therapist".into(),
                ..wire::Provision::default()
            }],
            ..wire::AdviceContent::default()
        };
        let codes: Vec<String> = warnings(&content, date(2026, 11, 23))
            .iter()
            .map(|warning| warning.split(':').next().unwrap().to_owned())
            .collect();
        assert_eq!(
            codes,
            [
                "VAGUE_PROVISION",
                "PROVIDER_MISSING",
                "FREQUENCY_MISSING",
                "PROVISION_NOT_LINKED"
            ]
        );
    }

    #[test]
    fn registrations_have_the_form_of_their_register() {
        for (body, number, fits) in [
            (wire::RegistrationBody::Hcpc, "PH123456", true),
            (wire::RegistrationBody::Hcpc, "123456", false),
            (wire::RegistrationBody::Gmc, "7654321", true),
            (wire::RegistrationBody::Gmc, "L123456", true),
            (wire::RegistrationBody::Gmc, "765432", false),
            (wire::RegistrationBody::Nmc, "18A1234E", true),
            (wire::RegistrationBody::Gphc, "1234567", false),
            (wire::RegistrationBody::Other, "x", true),
        ] {
            assert_eq!(registration_fits(body, number), fits, "{number}");
        }
    }
}
