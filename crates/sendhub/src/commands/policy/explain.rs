//! `sendhub policy explain`: one decision in words.

use std::process::ExitCode;

use anyhow::{Result, anyhow};
use clap::Args;
use sendhub_policy::{Confidence, Decision, DisclosureCodes, Effect, Facts, PolicySet, Question};
use serde_json::json;

use super::Rules;
use crate::Output;

/// The facts of one disclosure, by the codes of the rules. What is left out permits nothing.
#[derive(Debug, Args)]
pub(crate) struct Explain {
    /// What is disclosed, such as EHC_PLAN.
    #[arg(long)]
    item: String,
    /// The sender's kind, such as LOCAL_AUTHORITY.
    #[arg(long)]
    from: String,
    /// Whether the sender takes part, if not ACTIVE.
    #[arg(long)]
    from_status: Option<String>,
    /// The recipient's kind, or OUTSIDE for a person or body that is not on the hub.
    #[arg(long)]
    to: String,
    /// Whether the recipient takes part, if not ACTIVE.
    #[arg(long)]
    to_status: Option<String>,
    /// The part in which it is received, such as NAMED_INSTITUTION.
    #[arg(long)]
    role: String,
    /// The ground that is claimed, such as STATUTORY_SEND_FINAL.
    #[arg(long)]
    ground: Option<String>,
    /// PROVEN when the ground's condition is shown.
    #[arg(long)]
    proof: Option<String>,
    /// Age status, such as YOUNG_PERSON_16_17.
    #[arg(long)]
    status: Option<String>,
    /// Understanding or capacity, such as UNDERSTANDS or HAS_CAPACITY.
    #[arg(long)]
    ability: Option<String>,
    /// What the recorded consents come to, such as YOUNG_PERSON or WITHDRAWN.
    #[arg(long)]
    consent: Option<String>,
    /// What the family said: AGREES or REFUSES.
    #[arg(long)]
    family: Option<String>,
    /// IN_FORCE when a sharing agreement covers it.
    #[arg(long)]
    agreement: Option<String>,
    /// What a named person decided: ALLOWED or REFUSED.
    #[arg(long)]
    referral: Option<String>,
    /// WITH_REASON when the glass is broken.
    #[arg(long)]
    break_glass: Option<String>,
    /// EXCLUDED when the recipient is to be kept out.
    #[arg(long)]
    excluded: Option<String>,
    /// What earlier advice comes to: ALL_AGREE or NOT_ALL_AGREE.
    #[arg(long)]
    existing_advice: Option<String>,
    /// RECORDED when the plan is kept beyond 25.
    #[arg(long)]
    continuation: Option<String>,
    /// The steps of an early health notice: DONE or MISSING.
    #[arg(long)]
    s23_steps: Option<String>,
    /// SPECIAL_PLACED_BY_AUTHORITY for a special school in which the authority placed the pupil.
    #[arg(long)]
    placement: Option<String>,
    /// What the authority said to a deletion: GIVEN or REFUSED.
    #[arg(long)]
    authority_consent: Option<String>,
    /// SERVES when a parent serves in the armed forces.
    #[arg(long)]
    serving_parent: Option<String>,
    /// Where the copy stands, to ask about its collection: such as WAITING.
    #[arg(long)]
    collect: Option<String>,
    #[command(flatten)]
    rules: Rules,
}

impl Explain {
    fn codes(&self) -> DisclosureCodes {
        DisclosureCodes {
            collect: self.collect.clone(),
            item: self.item.clone(),
            from: self.from.clone(),
            from_status: self.from_status.clone(),
            to: self.to.clone(),
            to_status: self.to_status.clone(),
            role: self.role.clone(),
            ground: self.ground.clone(),
            proof: self.proof.clone(),
            status: self.status.clone(),
            ability: self.ability.clone(),
            consent: self.consent.clone(),
            family: self.family.clone(),
            agreement: self.agreement.clone(),
            referral: self.referral.clone(),
            break_glass: self.break_glass.clone(),
            excluded: self.excluded.clone(),
            existing_advice: self.existing_advice.clone(),
            continuation: self.continuation.clone(),
            s23_steps: self.s23_steps.clone(),
            placement: self.placement.clone(),
            authority_consent: self.authority_consent.clone(),
            serving_parent: self.serving_parent.clone(),
        }
    }

    /// # Errors
    /// A code that does not exist, or rules that cannot be used.
    pub(super) fn run(&self, output: Output) -> Result<ExitCode> {
        let facts = self.codes().facts().map_err(|fault| {
            let (field, wrong) = fault.split_once(':').unwrap_or(("facts", &fault));
            anyhow!("--{}:{wrong}", field.replace('_', "-"))
        })?;
        let set = self.rules.load()?;
        let on = self.rules.day();
        let decision = set.decide_afresh(&Question {
            on,
            facts: Facts::Disclosure(facts),
        });
        match output {
            Output::Json => println!(
                "{}",
                json!({
                    "on": on.to_string(),
                    "effect": decision.effect.code(),
                    "rule": decision.rule_id,
                    "reason": decision.reason_code,
                    "provision": decision.provision,
                    "confidence": decision.confidence.code(),
                    "remedy": decision.remedy,
                    "matched_rules": decision.matched_rules,
                    "policy_version": decision.policy_version,
                })
            ),
            Output::Text => print(&set, &decision),
        }
        Ok(ExitCode::SUCCESS)
    }
}

fn print(set: &PolicySet, decision: &Decision) {
    let effect = match decision.effect {
        Effect::Permit => "it may go",
        Effect::Deny => "it may not go",
        Effect::Refer => "a named person decides first",
        Effect::Hold => "the hub takes it and hands it to nobody yet",
    };
    println!("{}: {effect}.", decision.effect.code());
    println!("why: {} (rule {})", decision.reason_code, decision.rule_id);
    println!("provision: {}", decision.provision);
    println!(
        "confidence: {}",
        match decision.confidence {
            Confidence::A => "A, the text was read and says so",
            Confidence::B => "B, a reading, a secondary source or the hub's own policy: not settled",
        }
    );
    if let Some(remedy) = &decision.remedy {
        println!("what would make it lawful: {remedy}");
    }
    for id in decision.matched_rules.iter().skip(1) {
        let rule = set.rules().find(|rule| rule.id == *id);
        if let Some(rule) = rule {
            println!(
                "also: {} {} ({id}), {}",
                rule.effect.code(),
                rule.reason_code,
                rule.provision
            );
        }
    }
    println!("policy version: {}", decision.policy_version);
}
