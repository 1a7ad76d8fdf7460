//! A decision: what follows, by which rule, on which provision, and what would make it lawful.

use crate::rule::{Confidence, Rule};
use crate::term::term;

term! {
    /// What follows from a question.
    pub Effect {
        /// Allowed.
        Permit = "PERMIT",
        /// Refused.
        Deny = "DENY",
        /// A named person must decide and sign first; the exchange waits.
        Refer = "REFER",
        /// The hub takes it and hands it to nobody until something more is known.
        Hold = "HOLD",
    }
}

/// The answer to one question. Nothing in it is personal: it goes into replies and the log as it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decision {
    /// What follows.
    pub effect: Effect,
    /// The rule that decided; [`Decision::DEFAULT_DENY`] when none spoke.
    pub rule_id: String,
    /// Which version of the whole rule set decided ([`crate::PolicySet::version`]).
    pub policy_version: String,
    /// What the rule rests on.
    pub provision: String,
    /// Stable reason code, for instance `DUTY_PUPIL_INFORMATION` or `RECIPIENT_NOT_ACTIVE`.
    pub reason_code: String,
    /// In plain words, what would make it lawful. `None` when it already is.
    pub remedy: Option<String>,
    /// How sure the rule is.
    pub confidence: Confidence,
    /// Every rule that matched, the deciding one first. A refusal lists the rules that refuse or refer; a
    /// permission lists those that permit or hold. Where a rule changed another answer, what it changed
    /// follows it.
    pub matched_rules: Vec<String>,
}

impl Decision {
    /// The rule id of a refusal that rests on the absence of any permitting rule.
    pub const DEFAULT_DENY: &'static str = "default-deny";

    /// The decision of the first of the rules that matched, which stand in the order of decision.
    /// Without any, the default: refused.
    pub(crate) fn of(matched: &[&Rule], policy_version: &str) -> Self {
        let Some(rule) = matched.first() else {
            return Self::default_deny(policy_version);
        };
        Self {
            effect: rule.effect,
            rule_id: rule.id.clone(),
            policy_version: policy_version.to_owned(),
            provision: rule.provision.clone(),
            reason_code: rule.reason_code.clone(),
            remedy: rule.remedy.clone(),
            confidence: rule.confidence,
            matched_rules: matched.iter().map(|rule| rule.id.clone()).collect(),
        }
    }

    /// Refused, because no rule permits. Also the answer should the rule engine ever fail: what cannot be
    /// decided is not lawful yet.
    pub(crate) fn default_deny(policy_version: &str) -> Self {
        Self {
            effect: Effect::Deny,
            rule_id: Self::DEFAULT_DENY.to_owned(),
            policy_version: policy_version.to_owned(),
            provision: "UK GDPR Art 5(1)(a): no disclosure without a power or duty that a rule names"
                .to_owned(),
            reason_code: "NO_RULE_PERMITS".to_owned(),
            remedy: Some(
                "Ask your data-protection officer on which power or duty this would rest, and the hub's \
                 operator whether a rule covers it."
                    .to_owned(),
            ),
            confidence: Confidence::A,
            matched_rules: Vec::new(),
        }
    }
}
