//! Minimisation: which groups of pupil information, and which of a person's numbers, each kind of recipient may have.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use sendhub_contracts::types::v1 as types;
use sendhub_domain::agency::AgencyKind;
use sendhub_domain::person::IdentifierSystem;
use serde::Deserialize;

/// The profile that the program was built with.
const BUILT_IN: &str = include_str!("../../../config/minimisation.toml");

/// The groups of pupil information, by the names of their fields in the contract.
pub(crate) const GROUPS: [&str; 12] = [
    "enrolment",
    "ethnicity_and_language",
    "sen",
    "support_cycles",
    "contacts",
    "looked_after",
    "medical",
    "service_child",
    "attendance",
    "free_school_meals",
    "assessments",
    "school_history",
];

/// What each kind of recipient may have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Minimisation(BTreeMap<AgencyKind, Allowed>);

#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Allowed {
    groups: BTreeSet<String>,
    identifiers: BTreeSet<IdentifierSystem>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    recipients: BTreeMap<String, Row>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Row {
    groups: Vec<String>,
    identifiers: Vec<String>,
}

impl Minimisation {
    /// The built-in profile.
    ///
    /// # Errors
    /// What is wrong with it; the tests of this file see that nothing is.
    pub fn built_in() -> Result<Self, String> {
        Self::parse(BUILT_IN)
    }

    /// Reads a profile from a file.
    ///
    /// # Errors
    /// Every fault, for the file's author.
    pub fn load(path: &Path) -> Result<Self, String> {
        Self::parse(&std::fs::read_to_string(path).map_err(|error| error.to_string())?)
    }

    /// Reads a profile.
    ///
    /// # Errors
    /// Every fault: an unknown kind, group or identifier must not pass for one that is not shared.
    pub fn parse(text: &str) -> Result<Self, String> {
        let document: Document = toml::from_str(text).map_err(|error| error.to_string())?;
        let mut faults = Vec::new();
        let mut kinds = BTreeMap::new();
        for (kind, row) in document.recipients {
            let mut allowed = Allowed::default();
            for group in row.groups {
                if !GROUPS.contains(&group.as_str()) {
                    faults.push(format!("recipients.{kind}: there is no group `{group}`"));
                }
                allowed.groups.insert(group);
            }
            for code in row.identifiers {
                match IdentifierSystem::from_code(&code) {
                    Some(system) => {
                        allowed.identifiers.insert(system);
                    }
                    None => faults.push(format!("recipients.{kind}: there is no identifier `{code}`")),
                }
            }
            match AgencyKind::from_code(&kind) {
                Some(kind) => {
                    kinds.insert(kind, allowed);
                }
                None => faults.push(format!("recipients: there is no kind `{kind}`")),
            }
        }
        if faults.is_empty() {
            Ok(Self(kinds))
        } else {
            Err(faults.join("; "))
        }
    }

    /// Whether a kind of recipient may have a group.
    #[must_use]
    pub fn may_have(&self, kind: AgencyKind, group: &str) -> bool {
        self.0
            .get(&kind)
            .is_some_and(|allowed| allowed.groups.contains(group))
    }

    /// Takes out of a person's reference the numbers that a kind of recipient may not have.
    pub fn reduce(&self, kind: AgencyKind, person: &mut types::PersonReference) {
        let allowed = self.0.get(&kind);
        person.identifiers.retain(|one| {
            let system = match one.system() {
                types::IdentifierSystem::Upn => IdentifierSystem::Upn,
                types::IdentifierSystem::Uln => IdentifierSystem::Uln,
                types::IdentifierSystem::NhsNumber => IdentifierSystem::NhsNumber,
                types::IdentifierSystem::LaCase => IdentifierSystem::LaCase,
                types::IdentifierSystem::MisLocal => IdentifierSystem::MisLocal,
                types::IdentifierSystem::ServiceReference => IdentifierSystem::ServiceReference,
                types::IdentifierSystem::Unspecified => return false,
            };
            allowed.is_some_and(|allowed| allowed.identifiers.contains(&system))
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_built_in_profile_keeps_education_and_health_numbers_apart() {
        let profile = Minimisation::built_in().unwrap();
        let person = || types::PersonReference {
            identifiers: [types::IdentifierSystem::Upn, types::IdentifierSystem::NhsNumber]
                .map(|system| types::TypedIdentifier {
                    system: system.into(),
                    value: "1".into(),
                    status: 0,
                })
                .to_vec(),
            ..types::PersonReference::default()
        };
        let left = |kind| {
            let mut person = person();
            profile.reduce(kind, &mut person);
            person
                .identifiers
                .iter()
                .map(|one| one.system())
                .collect::<Vec<_>>()
        };
        assert_eq!(left(AgencyKind::HealthBody), [types::IdentifierSystem::NhsNumber]);
        assert_eq!(left(AgencyKind::Academy), [types::IdentifierSystem::Upn]);
        assert_eq!(left(AgencyKind::LocalAuthority).len(), 2);
        assert_eq!(left(AgencyKind::HubOperator).len(), 0);
        for kind in [AgencyKind::HealthBody, AgencyKind::MinistryOfDefence] {
            for group in ["free_school_meals", "ethnicity_and_language", "assessments"] {
                assert!(!profile.may_have(kind, group), "{kind} {group}");
            }
        }
        assert!(!profile.may_have(AgencyKind::HubOperator, "sen"));
    }

    #[test]
    fn every_fault_is_named() {
        let faults =
            Minimisation::parse("[recipients.HOSPITAL]\ngroups = [\"sne\"]\nidentifiers = [\"PASSPORT\"]\n")
                .unwrap_err();
        for part in ["HOSPITAL", "sne", "PASSPORT"] {
            assert!(faults.contains(part), "{faults}");
        }
    }
}
