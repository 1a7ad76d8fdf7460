//! Every refusal of the built-in rules has a reason on the wire: none is told as if no rule had spoken.

use sendhub_contracts::refusal::reason_named;
use sendhub_policy::{Effect, PolicySet};

#[test]
fn every_rule_that_does_not_permit_has_a_reason_of_the_contract() {
    let set = PolicySet::built_in().unwrap();
    let unnamed: Vec<&str> = set
        .rules()
        .filter(|rule| rule.effect != Effect::Permit)
        .filter(|rule| reason_named(&rule.reason_code).is_none())
        .map(|rule| rule.id.as_str())
        .collect();
    assert!(unnamed.is_empty(), "{unnamed:?}");
}
