//! Roles: which scopes each gives. A token names one; what it opens stands in the contracts' method options.

use sendhub_domain::agency::AgencyKind;

/// Whether a role opens a scope, for an agency of this kind; nothing for a role that is not known.
#[must_use]
pub fn opens(role: &str, kind: AgencyKind, scope: &str) -> bool {
    scopes(role, kind).contains(&scope) || (scope == DECIDE && is_named_person(role, kind))
}

/// What only a person may do: to decide and sign what the rules refer.
const DECIDE: &str = "referral.decide";

/// Whether a role is that of a person who answers for a decision. A system's is not, nor that of who keeps its data:
/// what the rules refer to a named person is not decided by a machine.
fn is_named_person(role: &str, kind: AgencyKind) -> bool {
    match role {
        "data-protection-officer" => kind != AgencyKind::HubOperator,
        "senco" | "head" | "safeguarding-lead" => {
            kind.is_school() || matches!(kind, AgencyKind::Post16 | AgencyKind::EarlyYears)
        }
        "la-case-officer" => kind == AgencyKind::LocalAuthority,
        "health-practitioner" => kind == AgencyKind::HealthBody,
        "mod-officer" => kind == AgencyKind::MinistryOfDefence,
        _ => false,
    }
}

/// The scopes of a role besides that.
fn scopes(role: &str, kind: AgencyKind) -> &'static [&'static str] {
    match (role, kind) {
        ("operator", AgencyKind::HubOperator) => &[
            "directory.read",
            "directory.operate",
            "directory.manage",
            "audit.read",
            "policy.read",
        ],
        // Whoever runs the hub is never a party to an exchange, whatever role a token claims.
        ("auditor", _) => &["directory.read", "audit.read", "policy.read", "clock.read"],
        ("administrator", _) => &["directory.read", "directory.manage", "audit.read", "policy.read"],
        (_, AgencyKind::HubOperator) => &[],
        // A named person who decides what the rules refer, and who is told when the glass is broken.
        ("data-protection-officer", _) => &[
            "mailbox.collect",
            "rights.read",
            "clock.read",
            "policy.read",
            "directory.read",
            "audit.read",
        ],
        ("mis-system" | "senco" | "data-manager", AgencyKind::LocalAuthority) => LOCAL_AUTHORITY_RECORDS,
        ("la-system" | "la-case-officer", AgencyKind::LocalAuthority) => LOCAL_AUTHORITY,
        ("mis-system" | "senco" | "data-manager" | "head" | "safeguarding-lead", kind)
            if kind.is_school() || matches!(kind, AgencyKind::Post16 | AgencyKind::EarlyYears) =>
        {
            SCHOOL
        }
        ("mis-system" | "senco" | "data-manager", _) => TRANSFERS,
        ("health-system" | "health-practitioner", AgencyKind::HealthBody) => HEALTH,
        ("mod-system" | "mod-officer", AgencyKind::MinistryOfDefence) => DEFENCE,
        _ => &[],
    }
}

const TRANSFERS: &[&str] = &[
    "transfer.send",
    "transfer.read",
    "mailbox.collect",
    "directory.read",
    "audit.read",
];
const LOCAL_AUTHORITY_RECORDS: &[&str] = TRANSFERS;
const SCHOOL: &[&str] = &[
    "transfer.send",
    "transfer.read",
    "mailbox.collect",
    "directory.read",
    "audit.read",
    "pupil.send",
    "assessment.advise",
    "assessment.read",
    "review.run",
    "review.take_part",
    "review.read",
    "servicechild.send",
    "rights.record",
    "rights.read",
    "notice.send",
    "attachment.write",
    "attachment.read",
    "clock.read",
    "clock.except",
    "policy.read",
];
const LOCAL_AUTHORITY: &[&str] = &[
    "transfer.send",
    "transfer.read",
    "transfer.search",
    "mailbox.collect",
    "directory.read",
    "audit.read",
    "pupil.send",
    "assessment.case",
    // An authority may itself be asked for advice: by another one, or by its own case officers.
    "assessment.advise",
    "assessment.read",
    "review.run",
    "review.take_part",
    "review.decide",
    "review.read",
    "rights.record",
    "rights.read",
    "notice.send",
    "attachment.write",
    "attachment.read",
    "clock.read",
    "clock.except",
    "policy.read",
];
const HEALTH: &[&str] = &[
    "mailbox.collect",
    "directory.read",
    "audit.read",
    "pupil.send",
    "assessment.advise",
    "assessment.read",
    "review.take_part",
    "review.read",
    "rights.record",
    "rights.read",
    "notice.send",
    "attachment.write",
    "attachment.read",
    "clock.read",
    "clock.except",
    "policy.read",
];
const DEFENCE: &[&str] = &[
    "mailbox.collect",
    "directory.read",
    "audit.read",
    "assessment.advise",
    "assessment.read",
    "review.take_part",
    "review.read",
    "servicechild.send",
    "notice.send",
    "attachment.write",
    "attachment.read",
    "clock.read",
    "policy.read",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_role_opens_what_it_should_and_no_more() {
        let table = [
            ("mis-system", AgencyKind::Academy, "transfer.send", true),
            ("mis-system", AgencyKind::Academy, "transfer.search", false),
            ("mis-system", AgencyKind::Academy, "directory.operate", false),
            (
                "la-case-officer",
                AgencyKind::LocalAuthority,
                "transfer.search",
                true,
            ),
            ("la-case-officer", AgencyKind::Academy, "transfer.search", false),
            ("operator", AgencyKind::HubOperator, "directory.operate", true),
            ("operator", AgencyKind::Academy, "directory.operate", false),
            ("mis-system", AgencyKind::HubOperator, "transfer.send", false),
            ("auditor", AgencyKind::Academy, "audit.read", true),
            ("auditor", AgencyKind::Academy, "directory.manage", false),
            ("administrator", AgencyKind::HealthBody, "directory.manage", true),
            ("nobody", AgencyKind::Academy, "directory.read", false),
            ("senco", AgencyKind::Academy, "assessment.advise", true),
            ("senco", AgencyKind::Academy, "assessment.case", false),
            (
                "la-case-officer",
                AgencyKind::LocalAuthority,
                "assessment.case",
                true,
            ),
            (
                "la-case-officer",
                AgencyKind::LocalAuthority,
                "review.decide",
                true,
            ),
            ("senco", AgencyKind::MaintainedSchool, "review.decide", false),
            (
                "health-practitioner",
                AgencyKind::HealthBody,
                "assessment.advise",
                true,
            ),
            (
                "health-practitioner",
                AgencyKind::HealthBody,
                "transfer.send",
                false,
            ),
            ("mod-officer", AgencyKind::MinistryOfDefence, "rights.read", false),
            (
                "data-protection-officer",
                AgencyKind::Academy,
                "referral.decide",
                true,
            ),
            (
                "data-protection-officer",
                AgencyKind::Academy,
                "pupil.send",
                false,
            ),
        ];
        for (role, kind, scope, expected) in table {
            assert_eq!(opens(role, kind, scope), expected, "{role} at {kind}: {scope}");
        }
    }
    #[test]
    fn what_is_referred_is_decided_by_persons_and_never_by_a_system() {
        use AgencyKind::{Academy, HealthBody, HubOperator, LocalAuthority, MinistryOfDefence, Post16};
        let table = [
            ("mis-system", Academy, false),
            ("data-manager", Academy, false),
            ("senco", Academy, true),
            ("head", Post16, true),
            ("safeguarding-lead", Academy, true),
            ("la-system", LocalAuthority, false),
            ("mis-system", LocalAuthority, false),
            ("senco", LocalAuthority, false),
            ("la-case-officer", LocalAuthority, true),
            ("la-case-officer", Academy, false),
            ("health-system", HealthBody, false),
            ("health-practitioner", HealthBody, true),
            ("mod-system", MinistryOfDefence, false),
            ("mod-officer", MinistryOfDefence, true),
            ("data-protection-officer", LocalAuthority, true),
            ("data-protection-officer", HubOperator, false),
            ("administrator", Academy, false),
            ("auditor", Academy, false),
            ("operator", HubOperator, false),
        ];
        for (role, kind, expected) in table {
            assert_eq!(opens(role, kind, "referral.decide"), expected, "{role} at {kind}");
        }
    }
}
