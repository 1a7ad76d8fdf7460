//! What each method requires, as the contracts' own annotations say.

use std::collections::HashMap;

/// Request paths and the scopes that they require ([`crate::FILE_DESCRIPTOR_SET`]'s annotations, read by `build.rs`).
const METHODS: &[(&str, &str)] = &include!(concat!(env!("OUT_DIR"), "/methods.rs"));

/// What the gateway enforces before a method runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MethodRule {
    /// The scope that the caller's role must give.
    pub required_scope: String,
}

/// The rules of every method, by request path (`/sendhub.transfer.v1.TransferService/SubmitTransfer`).
#[must_use]
pub fn method_rules() -> HashMap<String, MethodRule> {
    METHODS
        .iter()
        .map(|&(path, scope)| {
            let rule = MethodRule {
                required_scope: scope.into(),
            };
            (path.into(), rule)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_method_requires_a_scope() {
        let rules = method_rules();
        assert_eq!(rules.len(), 67);
        for (path, rule) in &rules {
            assert!(rule.required_scope.contains('.'), "{path}");
        }
        assert_eq!(
            rules["/sendhub.transfer.v1.TransferService/SubmitTransfer"].required_scope,
            "transfer.send"
        );
    }

    #[test]
    fn scopes_are_those_that_roles_are_made_of() {
        let rules = method_rules();
        let mut scopes: Vec<&str> = rules.values().map(|rule| rule.required_scope.as_str()).collect();
        scopes.sort_unstable();
        scopes.dedup();
        assert_eq!(
            scopes,
            [
                "assessment.advise",
                "assessment.case",
                "assessment.read",
                "attachment.read",
                "attachment.write",
                "audit.read",
                "clock.except",
                "clock.read",
                "directory.manage",
                "directory.operate",
                "directory.read",
                "mailbox.collect",
                "notice.send",
                "policy.read",
                "pupil.send",
                "referral.decide",
                "review.decide",
                "review.read",
                "review.run",
                "review.take_part",
                "rights.read",
                "rights.record",
                "servicechild.send",
                "transfer.read",
                "transfer.search",
                "transfer.send",
            ]
        );
    }
}
