//! Roles: which scopes each gives. A token names one; what it opens stands in the contracts' method options.

use sendhub_domain::agency::AgencyKind;

/// The scopes of a role, for an agency of this kind; none for a role that is not known.
#[must_use]
pub fn scopes(role: &str, kind: AgencyKind) -> &'static [&'static str] {
    match (role, kind) {
        ("operator", AgencyKind::HubOperator) => &[
            "directory.read",
            "directory.operate",
            "directory.manage",
            "audit.read",
        ],
        // Whoever runs the hub is never a party to an exchange, whatever role a token claims.
        ("auditor", _) => &["directory.read", "audit.read"],
        ("administrator", _) => &["directory.read", "directory.manage", "audit.read"],
        (_, AgencyKind::HubOperator) => &[],
        ("mis-system" | "senco" | "data-manager", _) => &[
            "transfer.send",
            "transfer.read",
            "mailbox.collect",
            "directory.read",
            "audit.read",
        ],
        ("la-system" | "la-case-officer", AgencyKind::LocalAuthority) => &[
            "transfer.send",
            "transfer.read",
            "transfer.search",
            "mailbox.collect",
            "directory.read",
            "audit.read",
        ],
        ("health-system" | "health-practitioner", AgencyKind::HealthBody) => {
            &["mailbox.collect", "directory.read", "audit.read"]
        }
        _ => &[],
    }
}

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
        ];
        for (role, kind, scope, expected) in table {
            assert_eq!(
                scopes(role, kind).contains(&scope),
                expected,
                "{role} at {kind}: {scope}"
            );
        }
    }
}
