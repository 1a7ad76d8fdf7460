//! The referral service: what the rules put before a named person, and what that person decides and signs.

use std::sync::Arc;

use prost::Message as _;
use sendhub_contracts::errors::v1::Reason;
use sendhub_contracts::policy::v1 as wire;
use sendhub_contracts::policy::v1::referral_service_server::ReferralService;
use sendhub_contracts::refusal::Refusal;
use sendhub_contracts::types::v1 as types;
use sendhub_contracts::{convert, disclosure};
use sendhub_domain::event::{EventKind, EventOutcome};
use sendhub_domain::exchange::{DeliveryId, HubNoticeCode, ReferralId, RightsRecordId};
use sendhub_ledger::hash::sha256;
use sendhub_store::change::{Conflict, DeliveryRow, Outcome, ReferralState, RightsRow};
use sendhub_store::reads::{ExchangeRecord, ReferralRecord};
use sendhub_store::seal::SealPurpose;
use sendhub_store::{CommitRefused, Effect, StoreError};
use tonic::{Request, Response, Status};

use crate::exchange::draft::{TRIES, name};
use crate::exchange::handing::rung;
use crate::exchange::header::Outside;
use crate::exchange::notices::News;
use crate::exchange::parties::named;
use crate::hub::{Hub, commit_refusal, is_passing, recorded, store_refusal};
use crate::identity::Caller;
use crate::rights::kept::{Kept, Signed};
use crate::transfer::{caller, page_token};

const DECIDE: &str = "sendhub.policy.v1.ReferralService/DecideReferral";

/// The service.
pub(crate) struct Referrals(pub(crate) Arc<Hub>);

#[tonic::async_trait]
impl ReferralService for Referrals {
    async fn list_referrals(
        &self,
        request: Request<wire::ListReferralsRequest>,
    ) -> Result<Response<wire::ListReferralsResponse>, Status> {
        let caller = caller(&request)?;
        let asked = request.get_ref();
        let after = match asked.page_token.as_str() {
            "" => None,
            token => Some(ReferralId(named("referrals", token).ok_or_else(page_token)?)),
        };
        let limit = if asked.page_size == 0 {
            100
        } else {
            asked.page_size
        };
        let failed = |failure| store_refusal(&failure);
        let found = self
            .0
            .store
            .open_referrals(&caller.agency.id, after, limit)
            .await
            .map_err(failed)?;
        let next_page_token = match found.last() {
            Some(last) if found.len() >= limit as usize => format!("referrals/{}", last.referral),
            _ => String::new(),
        };
        let mut referrals = Vec::with_capacity(found.len());
        for one in &found {
            let exchange = self.0.store.exchange(one.exchange).await.map_err(failed)?;
            referrals.push(wire_referral(one, exchange.as_ref()));
        }
        Ok(Response::new(wire::ListReferralsResponse {
            referrals,
            next_page_token,
        }))
    }

    async fn decide_referral(
        &self,
        request: Request<wire::DecideReferralRequest>,
    ) -> Result<Response<wire::DecideReferralResponse>, Status> {
        let caller = caller(&request)?;
        match Box::pin(self.0.decide_referral(&caller, request.get_ref())).await {
            Ok(done) => Ok(Response::new(done)),
            Err(refusal) if is_passing(refusal.reason) => Err(refusal.into()),
            Err(refusal) => {
                let event = self
                    .0
                    .event(EventKind::ReferralDecided, EventOutcome::Refused, &caller, DECIDE);
                Err(recorded(self.0.refuse(event, refusal).await))
            }
        }
    }
}

impl Hub {
    async fn decide_referral(
        &self,
        caller: &Caller,
        asked: &wire::DecideReferralRequest,
    ) -> Result<wire::DecideReferralResponse, Refusal> {
        let failed = |failure: StoreError| store_refusal(&failure);
        let id = named("referrals", &asked.referral)
            .map(ReferralId)
            .ok_or_else(not_found)?;
        let referral = self
            .store
            .referral(id)
            .await
            .map_err(failed)?
            .filter(|one| one.decider == caller.agency.id)
            .ok_or_else(not_found)?;
        if referral.state != ReferralState::Open {
            return Err(decided_before());
        }
        let exchange = self
            .store
            .exchange(referral.exchange)
            .await
            .map_err(failed)?
            .ok_or_else(not_found)?;
        let allowed = asked.outcome() == wire::ReferralOutcome::Allowed;
        for _ in 0..TRIES {
            match self
                .try_decide(caller, asked, &referral, &exchange, allowed)
                .await?
            {
                Some(done) => return Ok(done),
                None => continue,
            }
        }
        Err(commit_refusal(&CommitRefused::Conflict(Conflict::RightsChanged(
            0,
        ))))
    }

    async fn try_decide(
        &self,
        caller: &Caller,
        asked: &wire::DecideReferralRequest,
        referral: &ReferralRecord,
        exchange: &ExchangeRecord,
        allowed: bool,
    ) -> Result<Option<wire::DecideReferralResponse>, Refusal> {
        let failed = |failure: StoreError| store_refusal(&failure);
        let (key, born) = self.register.person(exchange.subject).await.map_err(failed)?;
        let held = self
            .rights_of(exchange.subject, &key, born)
            .await
            .map_err(failed)?;
        let record = RightsRecordId(self.clock.new_id());
        let now = self.clock.now();
        // What the officer said and signed is kept with the person's rights, sealed; the log has its commitment.
        let kept = Kept {
            signed: Some(Signed {
                referral: referral.referral.to_string(),
                allowed,
                officer_name: asked.officer_name.clone(),
                officer_role: asked.officer_role.clone(),
                reasons: asked.reasons.clone(),
                statement: asked.statement.clone(),
                person: caller.token.subject.clone(),
                person_role: caller.token.role.clone(),
            }),
            ..Kept::default()
        };
        let sealed = key
            .seal(
                SealPurpose::Rights(record),
                exchange.subject,
                &kept.encode_to_vec(),
            )
            .map_err(|error| failed(error.into()))?;
        let mut event = self.event(EventKind::ReferralDecided, EventOutcome::Success, caller, DECIDE);
        event.at = now;
        event.subject = Some(exchange.subject);
        event.exchange = Some(exchange.exchange);
        event.exchange_kind = Some(exchange.kind);
        event.recipients = vec![referral.recipient.clone()];
        event.rule = Some(referral.rule.clone());
        event.provision = Some(referral.provision.clone());
        event.sealed_sha256 = Some(sha256(&sealed).0);
        event.facts.push(("referral", referral.referral.to_string()));
        event
            .facts
            .push(("decided", if allowed { "ALLOWED" } else { "REFUSED" }.into()));
        event.facts.push(("officer_role", asked.officer_role.clone()));
        let outcome = if allowed {
            Outcome::Allowed
        } else {
            Outcome::Refused
        };
        let mut effects = vec![
            Effect::RecordRights {
                row: RightsRow {
                    record,
                    subject: exchange.subject,
                    kind: "REFERRAL_SIGNED".into(),
                    recorded_by: caller.agency.id.clone(),
                    recorded_at: now,
                    sealed,
                },
                expected_revision: held.revision,
            },
            Effect::DecideReferral {
                referral: referral.referral,
                allowed: outcome,
                at: now,
            },
        ];
        let case_reference = Outside::read(&exchange.header).case_reference;
        let case_reference = Some(case_reference).filter(|text| !text.is_empty());
        // What was referred at sending has no copy yet; what was held or referred at collection has.
        let delivery = match referral.delivery {
            Some(delivery) => Some(delivery),
            None if allowed => {
                let delivery = DeliveryId(self.clock.new_id());
                effects.push(Effect::Deliver(DeliveryRow {
                    delivery,
                    exchange: exchange.exchange,
                    kind: exchange.kind,
                    recipient: referral.recipient.clone(),
                    sender: exchange.sender.clone(),
                    case_reference: case_reference.clone(),
                    due_on: exchange.due_on,
                    size_bytes: exchange.sealed.len() as u64,
                    created_at: now,
                }));
                Some(delivery)
            }
            None => None,
        };
        // Looked at again whenever what is recorded of the person changes: nothing else ties it to a consent.
        if let (Some(delivery), true) = (delivery, allowed) {
            effects.push(Effect::RelyOn { delivery, record });
        }
        effects.extend(self.tell(
            &News {
                code: HubNoticeCode::ReferralDecided,
                about: exchange.exchange,
                case_reference: case_reference.as_deref(),
                on: self.today(),
                once: format!("decided/{}", referral.referral),
            },
            [exchange.sender.clone(), referral.recipient.clone()],
        ));
        let told = rung(&effects);
        match self.record(&event, effects).await {
            Ok(log) => {
                for agency in told {
                    self.wakeups.ring(&agency);
                }
                let mut shown = wire_referral(referral, Some(exchange));
                shown.outcome = asked.outcome;
                shown.officer_role.clone_from(&asked.officer_role);
                shown.decide_time = Some(convert::wire_time(now));
                Ok(Some(wire::DecideReferralResponse {
                    referral: Some(shown),
                    delivery_id: delivery
                        .filter(|_| allowed)
                        .map(|one| one.to_string())
                        .unwrap_or_default(),
                    log: Some(log),
                }))
            }
            Err(CommitRefused::Conflict(Conflict::RightsChanged(_))) => Ok(None),
            Err(CommitRefused::Conflict(Conflict::ReferralDecided)) => Err(decided_before()),
            Err(failure) => Err(commit_refusal(&failure)),
        }
    }
}

fn wire_referral(one: &ReferralRecord, exchange: Option<&ExchangeRecord>) -> wire::Referral {
    let outside = exchange.map(|exchange| Outside::read(&exchange.header));
    let item = outside
        .as_ref()
        .and_then(|outside| outside.standing(&one.recipient))
        .map_or(types::Item::Unspecified, |standing| {
            disclosure::wire_item(standing.item)
        });
    let effect = match one.effect.as_str() {
        "HOLD" => types::Effect::Hold,
        _ => types::Effect::Refer,
    };
    wire::Referral {
        referral: format!("referrals/{}", one.referral),
        exchange: name(one.exchange),
        recipient_agency_id: one.recipient.to_string(),
        item: item.into(),
        role: disclosure::wire_role(one.role).into(),
        decision: Some(types::Decision {
            effect: effect.into(),
            rule_id: one.rule.clone(),
            provision: one.provision.clone(),
            reason_code: one.reason.clone(),
            ..types::Decision::default()
        }),
        question: question(&one.reason).to_owned(),
        create_time: Some(convert::wire_time(one.opened_at)),
        due_on: None,
        outcome: match one.state {
            ReferralState::Open => wire::ReferralOutcome::Unspecified,
            ReferralState::Allowed => wire::ReferralOutcome::Allowed,
            ReferralState::Refused => wire::ReferralOutcome::Refused,
        }
        .into(),
        officer_role: String::new(),
        decide_time: one.decided_at.map(convert::wire_time),
        case_reference: outside.map(|outside| outside.case_reference).unwrap_or_default(),
    }
}

/// What a named person is asked, in words.
fn question(reason: &str) -> &'static str {
    match reason {
        "UNDERSTANDING_NOT_RECORDED" => {
            "Does the child understand enough to consent? Record the finding, or decide and say why."
        }
        "MCA_NOT_AVAILABLE_UNDER_16" => {
            "The Mental Capacity Act cannot be used under 16: whose agreement is this to rest on?"
        }
        "STATUS_NEEDS_DETERMINATION" => {
            "Do both parent and pupil agree? The local authority has yet to rule on the age status."
        }
        "NOT_A_REG20_INVITEE" => {
            "Is it right to invite somebody beyond the statutory list, and does the family agree?"
        }
        "DEREGISTRATION_CONSENT_NEEDED" => {
            "Does the local authority consent to the deletion from a special school's register?"
        }
        _ => "May this be shared with this recipient for this purpose?",
    }
}

fn not_found() -> Refusal {
    Refusal::new(
        Reason::ReferralNotFound,
        "there is no such referral for this agency to decide",
    )
}

fn decided_before() -> Refusal {
    Refusal::new(
        Reason::ReferralDecided,
        "this referral was decided before; a decision is not changed",
    )
}
