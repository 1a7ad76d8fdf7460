//! What an accepted exchange writes in one commit: rows, copies, referrals, clocks, notices, and the leaf.

use std::sync::Arc;

use aws_lc_rs::rand;
use prost::Message as _;
use sendhub_contracts::convert;
use sendhub_contracts::disclosure::wire_role;
use sendhub_contracts::types::v1 as types;
use sendhub_domain::agency::AgencyId;
use sendhub_domain::disclosure::{BreakGlass, Ground};
use sendhub_domain::event::{AuditEvent, EventKind, EventOutcome};
use sendhub_domain::exchange::{DeliveryId, HubNoticeCode, ReferralId};
use sendhub_domain::person::SubjectId;
use sendhub_ledger::hash::sha256;
use sendhub_policy::{Decision, Effect as Outcome};
use sendhub_store::change::{CaseRow, DeliveryRow, ExchangeRow, ReferralRow};
use sendhub_store::seal::{DataKey, SealPurpose};
use sendhub_store::{Effect, StoreError};

use super::draft::{CaseStep, Draft, Offer, name};
use super::facts::Decided;
use super::header::{Copy, Kept, Outside, Standing};
use super::notices::News;
use super::parties::Addressee;
use crate::hub::{Hub, decided, wire_decision};
use crate::record::inside_text;

/// One recipient's copy, decided.
pub(super) struct Answered<'a> {
    pub(super) addressee: &'a Addressee,
    pub(super) standing: Standing,
    pub(super) decided: Decided,
    pub(super) delivery: DeliveryId,
    pub(super) referral: Option<ReferralId>,
}

impl Hub {
    pub(super) fn prepared(
        &self,
        offer: &Offer<'_>,
        answered: &[Answered<'_>],
        subject: SubjectId,
        key: &DataKey,
        now: jiff::Timestamp,
    ) -> Result<Prepared, StoreError> {
        let draft = &offer.draft;
        let sender = &offer.caller.agency.id;
        let mut salt = [0; 16];
        rand::fill(&mut salt).map_err(|_| sendhub_store::SealError::NoRandomness)?;
        let clear = inside_text(&salt, &offer.text.bytes);
        let sealed = key.seal(SealPurpose::Exchange(offer.exchange), subject, &clear)?;
        let (case, case_name) = match draft.case {
            CaseStep::None => (None, String::new()),
            CaseStep::Opens(case, _) | CaseStep::Extends(case, ..) => (Some(case), format!("cases/{case}")),
        };
        let case_reference = Some(offer.sent.case_reference.clone()).filter(|text| !text.is_empty());
        let receipt = types::Receipt {
            exchange: name(offer.exchange),
            accept_time: Some(convert::wire_time(now)),
            decision: strictest(answered).map(|decision| wire_decision(decision)),
            clocks_started: draft
                .clocks
                .iter()
                .map(|clock| convert::wire_clock(&clock.due))
                .collect(),
            recipient_decisions: answered.iter().map(|one| wire_answer(one, sender)).collect(),
            case: case_name,
            warnings: draft.warnings.clone(),
            ..types::Receipt::default()
        };
        let event = self.accepted_event(offer, answered, subject, &sealed, &clear, now);
        let mut effects = Vec::new();
        match draft.case {
            CaseStep::None => {}
            CaseStep::Opens(case, kind) => effects.push(Effect::OpenCase(CaseRow {
                case,
                kind,
                owner: sender.clone(),
                subject,
                case_reference: case_reference.clone(),
                opened_at: now,
            })),
            CaseStep::Extends(case, steps, _) => effects.push(Effect::ExtendCase {
                case,
                expected_steps: steps,
            }),
        }
        effects.push(Effect::StoreExchange(ExchangeRow {
            exchange: offer.exchange,
            kind: offer.kind,
            sender: sender.clone(),
            request: offer.sent.request,
            request_digest: offer.text.digest,
            subject,
            accepted_at: now,
            due_on: draft.due_on,
            header: Outside {
                receipt: Some(receipt.clone()),
                case_reference: offer.sent.case_reference.clone(),
                method: offer.method.to_owned(),
                copies: answered.iter().map(kept_copy).collect(),
                circumstances: kept(draft),
            }
            .encode_to_vec(),
            sealed,
            case,
        }));
        let mut rung = Vec::new();
        for one in answered {
            let recipient = &one.addressee.agency.id;
            if let Some(referral) = one.referral {
                let decider = self.decider(offer, one);
                effects.push(Effect::OpenReferral(referral_row(
                    offer, one, referral, &decider, now,
                )));
                effects.extend(self.tell(
                    &News {
                        code: HubNoticeCode::ReferralWaiting,
                        about: offer.exchange,
                        case_reference: case_reference.as_deref(),
                        on: self.today(),
                        once: format!("referral/{referral}"),
                    },
                    [decider.clone()],
                ));
                rung.push(decider);
            }
            // What is held is with the one who decides on it; what is referred waits. What goes to the family is
            // decided and written here, and handed over by the sender.
            if one.decided.decision.effect != Outcome::Refer && recipient != sender {
                effects.push(Effect::Deliver(DeliveryRow {
                    delivery: one.delivery,
                    exchange: offer.exchange,
                    kind: offer.kind,
                    recipient: recipient.clone(),
                    sender: sender.clone(),
                    case_reference: case_reference.clone(),
                    due_on: draft.due_on,
                    size_bytes: offer.text.bytes.len() as u64,
                    created_at: now,
                }));
                if let Some(record) = one.decided.relies_on {
                    effects.push(Effect::RelyOn {
                        delivery: one.delivery,
                        record,
                    });
                }
                rung.push(recipient.clone());
            }
        }
        effects.extend(offer.sent.attachments.iter().map(|attachment| Effect::AttachTo {
            attachment: *attachment,
            exchange: offer.exchange,
        }));
        effects.extend(self.clock_effects(offer, case, subject, now));
        effects.extend(draft.ended.iter().cloned());
        effects.extend(self.glass_notices(offer, answered, case_reference.as_deref()));
        Ok(Prepared {
            event,
            effects,
            receipt: types::Receipt {
                content_salt: salt.to_vec(),
                ..receipt
            },
            rung,
        })
    }

    fn accepted_event(
        &self,
        offer: &Offer<'_>,
        answered: &[Answered<'_>],
        subject: SubjectId,
        sealed: &[u8],
        clear: &[u8],
        now: jiff::Timestamp,
    ) -> AuditEvent {
        let mut event = self.event(
            EventKind::ExchangeAccepted,
            EventOutcome::Success,
            offer.caller,
            offer.method,
        );
        event.at = now;
        event.subject = Some(subject);
        event.exchange = Some(offer.exchange);
        event.exchange_kind = Some(offer.kind);
        event.request = Some(offer.sent.request);
        event.recipients = answered
            .iter()
            .map(|one| one.addressee.agency.id.clone())
            .collect();
        if let Some(decision) = strictest(answered) {
            decided(&mut event, decision);
            event.facts.push(("effect", decision.effect.code().into()));
        }
        event.sealed_sha256 = Some(sha256(sealed).0);
        event.content_commitment = Some(sha256(clear).0);
        if let CaseStep::Opens(case, _) | CaseStep::Extends(case, ..) = offer.draft.case {
            event.facts.push(("case", case.to_string()));
        }
        // More recipients than one: each with the rule that decided on it.
        if answered.len() > 1 {
            let rules: Vec<String> = answered
                .iter()
                .map(|one| format!("{}={}", one.addressee.agency.id, one.decided.decision.rule_id))
                .collect();
            event.facts.push(("rules", rules.join(" ")));
        }
        if offer.ground() != Ground::None {
            event.facts.push(("ground", offer.ground().code().into()));
        }
        if offer.sent.break_glass == BreakGlass::WithReason {
            event
                .facts
                .push(("break_glass_reason", offer.sent.glass_reason.clone()));
        }
        if !offer.sent.attachments.is_empty() {
            event
                .facts
                .push(("attachments", offer.sent.attachments.len().to_string()));
        }
        event.facts.extend(offer.draft.facts.iter().cloned());
        event
    }

    /// Who decides what the rules refer or hold: for a hold the recipient, whose consent the law asks for; for a
    /// referral a named person of the sender.
    fn decider(&self, offer: &Offer<'_>, one: &Answered<'_>) -> sendhub_domain::agency::AgencyId {
        if one.decided.decision.effect == Outcome::Hold {
            one.addressee.agency.id.clone()
        } else {
            offer.caller.agency.id.clone()
        }
    }

    /// When the glass was broken, or a court's order was given as the ground, the data-protection officers of sender,
    /// recipient and authority are told: the hub cannot look behind the reason or the order's reference.
    fn glass_notices(
        &self,
        offer: &Offer<'_>,
        answered: &[Answered<'_>],
        case_reference: Option<&str>,
    ) -> Vec<Effect> {
        let used = answered.iter().any(|one| {
            one.decided.decision.reason_code.starts_with("BREAK_GLASS")
                || (offer.ground() == Ground::CourtOrder && one.decided.decision.effect == Outcome::Permit)
        });
        if !used {
            return Vec::new();
        }
        let sender = &offer.caller.agency.id;
        let told = std::iter::once(sender.clone())
            .chain(self.authority_of(sender))
            .chain(answered.iter().map(|one| one.addressee.agency.id.clone()));
        self.tell(
            &News {
                code: HubNoticeCode::BreakGlassUsed,
                about: offer.exchange,
                case_reference,
                on: self.today(),
                once: format!("glass/{}", offer.exchange),
            },
            told,
        )
    }
}

/// A change with what its caller gets.
pub(super) struct Prepared {
    pub(super) event: AuditEvent,
    pub(super) effects: Vec<Effect>,
    pub(super) receipt: types::Receipt,
    pub(super) rung: Vec<sendhub_domain::agency::AgencyId>,
}

fn strictest<'a>(answered: &'a [Answered<'_>]) -> Option<&'a Arc<Decision>> {
    let rank = |one: &&Answered<'_>| match one.decided.decision.effect {
        Outcome::Deny => 0,
        Outcome::Refer => 1,
        Outcome::Hold => 2,
        Outcome::Permit => 3,
    };
    answered.iter().min_by_key(rank).map(|one| &one.decided.decision)
}

fn wire_answer(one: &Answered<'_>, sender: &AgencyId) -> types::RecipientDecision {
    let no_copy = one.decided.decision.effect == Outcome::Refer || one.addressee.agency.id == *sender;
    types::RecipientDecision {
        agency_id: one.addressee.agency.id.to_string(),
        role: wire_role(one.addressee.role).into(),
        decision: Some(wire_decision(&one.decided.decision)),
        delivery_id: if no_copy {
            String::new()
        } else {
            one.delivery.to_string()
        },
        referral: one
            .referral
            .map(|referral| format!("referrals/{referral}"))
            .unwrap_or_default(),
    }
}

fn kept(draft: &Draft) -> Option<Kept> {
    let mut kept = draft.circumstances.keep().unwrap_or_default();
    kept.codes.extend(draft.kept.clone());
    (!kept.codes.is_empty()).then_some(kept)
}

fn kept_copy(one: &Answered<'_>) -> Copy {
    Copy {
        recipient: one.addressee.agency.id.to_string(),
        role: one.standing.role.code().into(),
        item: one.standing.item.code().into(),
        ground: one.standing.ground.code().into(),
        shown: one.standing.shown,
        purpose: one.standing.purpose.clone(),
        glass_broken: one.standing.break_glass == BreakGlass::WithReason,
    }
}

fn referral_row(
    offer: &Offer<'_>,
    one: &Answered<'_>,
    referral: ReferralId,
    decider: &sendhub_domain::agency::AgencyId,
    now: jiff::Timestamp,
) -> ReferralRow {
    let decision = &one.decided.decision;
    ReferralRow {
        referral,
        exchange: offer.exchange,
        delivery: (decision.effect == Outcome::Hold).then_some(one.delivery),
        recipient: one.addressee.agency.id.clone(),
        role: one.addressee.role,
        effect: decision.effect.code().into(),
        reason: decision.reason_code.clone(),
        rule: decision.rule_id.clone(),
        provision: decision.provision.clone(),
        decider: decider.clone(),
        opened_at: now,
    }
}
