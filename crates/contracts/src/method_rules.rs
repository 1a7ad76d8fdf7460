//! What each method requires, read from the contracts themselves at start-up.

use std::collections::HashMap;

use prost_reflect::{DescriptorError, DescriptorPool};

/// What the gateway enforces before a method runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MethodRule {
    /// The scope that the caller's role must give.
    pub required_scope: String,
}

/// The rules of every method, by request path (`/sendhub.transfer.v1.TransferService/SubmitTransfer`).
///
/// # Errors
/// [`DescriptorError`] when the embedded contracts cannot be read: a broken build.
pub fn method_rules() -> Result<HashMap<String, MethodRule>, DescriptorError> {
    let pool = DescriptorPool::decode(crate::FILE_DESCRIPTOR_SET)?;
    let Some(extension) = pool.get_extension_by_name("sendhub.options.v1.method") else {
        return Ok(HashMap::new());
    };
    let mut rules = HashMap::new();
    for service in pool.services() {
        for method in service.methods() {
            let options = method.options();
            let rule = options.get_extension(&extension);
            let scope = rule
                .as_message()
                .and_then(|rule| rule.get_field_by_name("required_scope"))
                .and_then(|scope| scope.as_str().map(str::to_owned))
                .unwrap_or_default();
            let path = format!("/{}/{}", service.full_name(), method.name());
            rules.insert(
                path,
                MethodRule {
                    required_scope: scope,
                },
            );
        }
    }
    Ok(rules)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_method_requires_a_scope() {
        let rules = method_rules().unwrap();
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
        let rules = method_rules().unwrap();
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
