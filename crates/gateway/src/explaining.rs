//! The policy service: what would be decided and why, and the rules themselves.

use std::sync::Arc;

use sendhub_contracts::errors::v1::Reason;
use sendhub_contracts::policy::v1 as wire;
use sendhub_contracts::policy::v1::policy_service_server::PolicyService;
use sendhub_contracts::refusal::Refusal;
use sendhub_contracts::types::v1 as types;
use sendhub_contracts::validate::At;
use sendhub_contracts::{convert, disclosure};
use sendhub_domain::age::SchoolYearStart;
use sendhub_domain::disclosure::{BreakGlass, ReferralStanding};
use sendhub_domain::event::{EventKind, EventOutcome};
use sendhub_domain::rights::RightsFacts;
use sendhub_policy::{Effect, Stage};
use sendhub_store::StoreError;
use tonic::{Request, Response, Status};

use crate::assessment::steps::day;
use crate::exchange::circumstances::Circumstances;
use crate::exchange::facts::{Copy, shown_by_reference};
use crate::exchange::header::Standing;
use crate::exchange::offer::identity_conflict;
use crate::hub::{Hub, commit_refusal, store_refusal, wire_decision};
use crate::judge::find;
use crate::transfer::caller;

const EXPLAIN: &str = "sendhub.policy.v1.PolicyService/ExplainDecision";

/// The service.
pub(crate) struct Explanations(pub(crate) Arc<Hub>);

#[tonic::async_trait]
impl PolicyService for Explanations {
    async fn explain_decision(
        &self,
        request: Request<wire::ExplainDecisionRequest>,
    ) -> Result<Response<wire::ExplainDecisionResponse>, Status> {
        let caller = caller(&request)?;
        let hub = &self.0;
        let asked = request.get_ref();
        let directory = hub.directory.load_full();
        let agency = |reference: Option<&types::AgencyReference>, field: &'static str| {
            find(&reference.cloned().unwrap_or_default(), &directory)
                .ok()
                .flatten()
                .ok_or_else(|| {
                    Refusal::new(
                        Reason::AgencyNotFound,
                        format!("{field}: is not in the directory"),
                    )
                })
        };
        let sender = agency(asked.sender.as_ref(), "sender")?;
        let recipient = agency(asked.recipient.as_ref(), "recipient")?;
        // Only an end of the exchange, or who runs the hub, may try out what the rules would say of a person.
        let party = [&sender.id, &recipient.id].contains(&&caller.agency.id);
        if asked.subject.is_some() && !party {
            return Err(Refusal::new(
                Reason::SenderNotPermitted,
                "only sender or recipient may ask about a person",
            )
            .into());
        }
        let (Some(item), Some(role)) = (disclosure::item(asked.item()), disclosure::role(asked.role()))
        else {
            return Err(Refusal::new(Reason::InvalidRequest, "item and role are required").into());
        };
        let on = day(asked.on.as_ref()).unwrap_or_else(|| hub.today());
        let rights = self.rights(&caller, asked.subject.as_ref()).await?;
        let ground = disclosure::ground(asked.ground());
        let standing = Standing {
            item,
            role,
            ground,
            shown: shown_by_reference(ground, &asked.ground_reference),
            purpose: asked.purpose.clone(),
            break_glass: BreakGlass::No,
        };
        let copy = Copy {
            stage: Stage::Submit,
            sender: &sender,
            recipient: &recipient,
            standing: &standing,
            circumstances: &Circumstances::default(),
            referral: ReferralStanding::NotDecided,
            rights: &rights,
            on,
        };
        let facts = hub.facts_of_copy(&copy);
        let decision = hub.decide(&copy).decision;
        let words = match decision.effect {
            Effect::Permit => format!("Allowed by rule {}: {}.", decision.rule_id, decision.provision),
            Effect::Deny => format!(
                "Refused by rule {} ({}): {}. {}",
                decision.rule_id,
                decision.reason_code,
                decision.provision,
                decision.remedy.as_deref().unwrap_or_default()
            ),
            Effect::Refer => format!(
                "A named person must decide and sign (rule {}, {}): {}",
                decision.rule_id,
                decision.reason_code,
                decision.remedy.as_deref().unwrap_or_default()
            ),
            Effect::Hold => format!(
                "Waits for another's consent (rule {}, {}): {}",
                decision.rule_id,
                decision.reason_code,
                decision.remedy.as_deref().unwrap_or_default()
            ),
        };
        Ok(Response::new(wire::ExplainDecisionResponse {
            decision: Some(wire_decision(&decision)),
            facts: facts
                .into_iter()
                .map(|(name, code)| wire::UsedFact {
                    name: name.to_owned(),
                    value: code.to_owned(),
                })
                .collect(),
            words,
        }))
    }

    async fn list_rules(
        &self,
        request: Request<wire::ListRulesRequest>,
    ) -> Result<Response<wire::ListRulesResponse>, Status> {
        let _ = caller(&request)?;
        let asked = request.get_ref();
        let policy = self.0.policy.load();
        let on = day(asked.on.as_ref()).unwrap_or_else(|| self.0.today());
        let limit = if asked.page_size == 0 {
            100
        } else {
            asked.page_size as usize
        };
        let mut all = policy
            .rules()
            .filter(|rule| rule.in_force_on(on))
            .filter(|rule| disclosure::item(asked.item()).is_none_or(|item| rule.is_about(item)))
            .filter(|rule| asked.page_token.is_empty() || rule.id > asked.page_token);
        let rules: Vec<wire::Rule> = all.by_ref().take(limit).map(wire_rule).collect();
        let next_page_token = match (rules.last(), all.next()) {
            (Some(last), Some(_)) => last.rule_id.clone(),
            _ => String::new(),
        };
        Ok(Response::new(wire::ListRulesResponse {
            rules,
            policy_version: policy.version().to_owned(),
            next_page_token,
        }))
    }
}

impl Explanations {
    /// What is recorded of the person in question; of nobody, a child of whom nothing is recorded.
    async fn rights(
        &self,
        caller: &crate::identity::Caller,
        subject: Option<&types::PersonReference>,
    ) -> Result<RightsFacts, Refusal> {
        let failed = |failure: StoreError| store_refusal(&failure);
        let hub = &self.0;
        let Some(subject) = subject else {
            let young = hub.today().saturating_sub(jiff::Span::new().years(10));
            return Ok(RightsFacts::new(young, SchoolYearStart::Unknown));
        };
        let mut out = Vec::new();
        let person = convert::person(subject, &At::Field(&At::Root, "subject"), &mut out)
            .filter(|_| out.is_empty())
            .ok_or_else(|| Refusal::fields(std::mem::take(&mut out)))?;
        let tags = hub.register.tags(&person, &caller.agency.id);
        let known = hub.register.look_up(&tags).await.map_err(failed)?;
        let found = hub
            .register
            .fit(&person, &tags, &known, hub.clock.now())
            .map_err(failed)?;
        let key = found.key.ok_or_else(identity_conflict)?;
        // What is recorded counts for those who may read it; all others are answered by age alone.
        if known.is_empty() || !hub.has_to_do_with(caller, found.subject).await.map_err(failed)? {
            return Ok(RightsFacts::new(person.date_of_birth, SchoolYearStart::Unknown));
        }
        let held = hub
            .rights_of(found.subject, &key, person.date_of_birth)
            .await
            .map_err(failed)?;
        // The answer tells what is recorded, so it is a reading of it: written before it leaves.
        let mut event = hub.event(EventKind::RightsRead, EventOutcome::Success, caller, EXPLAIN);
        event.subject = Some(found.subject);
        event.facts.push(("records", held.records.len().to_string()));
        hub.record(&event, Vec::new())
            .await
            .map_err(|failure| commit_refusal(&failure))?;
        Ok(held.facts)
    }
}

fn wire_rule(rule: &sendhub_policy::Rule) -> wire::Rule {
    wire::Rule {
        rule_id: rule.id.clone(),
        effect: match rule.effect {
            Effect::Permit => types::Effect::Permit,
            Effect::Deny => types::Effect::Deny,
            Effect::Refer => types::Effect::Refer,
            Effect::Hold => types::Effect::Hold,
        }
        .into(),
        items: rule
            .items
            .iter()
            .flatten()
            .map(|item| disclosure::wire_item(*item).into())
            .collect(),
        provision: rule.provision.clone(),
        reason_code: rule.reason_code.clone(),
        confidence: rule.confidence.code().to_owned(),
        in_force_from: rule.effective_from.map(convert::wire_date),
        in_force_until: rule.effective_to.map(convert::wire_date),
        words: rule.words(),
        remedy: rule.remedy.clone().unwrap_or_default(),
        source: format!("{}:{}", rule.file, rule.line),
    }
}
