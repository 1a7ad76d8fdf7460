//! The way in: an exchange is decided for each of its recipients, written with its leaf, and answered with a receipt.

use std::sync::Arc;

use aws_lc_rs::rand;
use prost::Message as _;
use sendhub_contracts::convert;
use sendhub_contracts::disclosure::wire_role;
use sendhub_contracts::errors::v1::Reason;
use sendhub_contracts::refusal::Refusal;
use sendhub_contracts::types::v1 as types;
use sendhub_domain::agency::AgencyId;
use sendhub_domain::disclosure::{BreakGlass, Ground, ReferralStanding};
use sendhub_domain::event::{AuditEvent, EventKind, EventOutcome};
use sendhub_domain::exchange::{DeliveryId, HubNoticeCode, ReferralId};
use sendhub_domain::person::{IdentityMatch, SubjectId};
use sendhub_ledger::hash::sha256;
use sendhub_policy::{Decision, Effect as Outcome, Stage};
use sendhub_store::change::{CaseRow, DeliveryRow, ExchangeRow, ReferralRow};
use sendhub_store::seal::{DataKey, SealPurpose};
use sendhub_store::{Change, CommitRefused, Conflict, Effect, LogEntry, StoreError};

use super::draft::{CaseStep, Draft, NotTaken, Offer, TRIES, name};
use super::facts::{self, Decided};
use super::header::{Copy, Kept, Outside, Standing};
use super::notices::News;
use super::parties::Addressee;
use crate::accept::Waiting;
use crate::hub::{Hub, commit_refusal, decided, denial, is_passing, store_refusal, wire_decision};
use crate::record::inside_text;

/// One recipient's copy, decided.
struct Answered<'a> {
    addressee: &'a Addressee,
    standing: Standing,
    decided: Decided,
    delivery: DeliveryId,
    referral: Option<ReferralId>,
}

impl Hub {
    /// Takes an offer, or refuses it. A refusal stands in the log when this returns.
    pub(crate) async fn offer(&self, offer: &Offer<'_>) -> Result<types::Receipt, NotTaken> {
        let mut refused = self.event(
            EventKind::ExchangeRefused,
            EventOutcome::Refused,
            offer.caller,
            offer.method,
        );
        refused.exchange_kind = Some(offer.kind);
        refused.request = Some(offer.sent.request);
        refused.recipients = offer
            .draft
            .addressees
            .iter()
            .map(|one| one.agency.id.clone())
            .collect();
        match self.try_offer(offer, &mut refused).await {
            Err(NotTaken::Refused(refusal)) if !is_passing(refusal.reason) => {
                Err(NotTaken::Refused(self.refuse(refused, refusal).await))
            }
            result => result,
        }
    }

    async fn try_offer(
        &self,
        offer: &Offer<'_>,
        refused: &mut AuditEvent,
    ) -> Result<types::Receipt, NotTaken> {
        let failed = |failure: StoreError| store_refusal(&failure);
        let sender = &offer.caller.agency.id;
        self.attachments_are_own(offer).await?;
        let tags = self.register.tags(&offer.sent.person, sender);
        for _ in 0..TRIES {
            let now = self.clock.now();
            let mut known = self.register.look_up(&tags).await.map_err(failed)?;
            // An adviser knows the person by numbers of its own, and may not have been given another's: in a case name
            // and date of birth say whether it is the one whom the case is about.
            if let (CaseStep::Extends(_, _, subject), true) = (offer.draft.case, known.is_empty()) {
                known.extend(self.store.subject(subject).await.map_err(failed)?);
            }
            let found = self
                .register
                .fit(&offer.sent.person, &tags, &known, now)
                .map_err(failed)?;
            refused.subject = Some(found.subject);
            let (Some(key), true) = (&found.key, found.identity != IdentityMatch::Conflict) else {
                return Err(identity_conflict().into());
            };
            if let CaseStep::Extends(_, _, subject) = offer.draft.case
                && subject != found.subject
            {
                return Err(other_person().into());
            }
            let rights = self
                .rights_of(found.subject, key, offer.sent.person.date_of_birth)
                .await
                .map_err(failed)?;
            self.consents_are_recorded(offer, &rights.records)?;
            let answered = self.answer_each(offer, &rights.facts, refused)?;
            let mut change = self
                .prepared(offer, &answered, found.subject, key, now)
                .map_err(failed)?;
            // The order matters to the guards: the person is there before the rest.
            change.effects.splice(0..0, found.effects);
            change.effects.push(Effect::ExpectRights {
                subject: found.subject,
                revision: rights.revision,
            });
            let entry = LogEntry::encode(&change.event);
            let leaf = entry.bytes.clone();
            let written = self
                .write(
                    Change {
                        entry,
                        effects: change.effects,
                    },
                    Waiting::Briefly,
                )
                .await;
            match written {
                Ok(committed) => {
                    for recipient in change.rung {
                        self.wakeups.ring(&recipient);
                    }
                    let mut receipt = change.receipt;
                    receipt.log = Some(self.position(leaf, committed));
                    return Ok(receipt);
                }
                Err(CommitRefused::Conflict(Conflict::SubjectChanged | Conflict::RightsChanged(_))) => {}
                Err(CommitRefused::Conflict(Conflict::CaseMoved(_))) => return Err(NotTaken::CaseMoved),
                Err(CommitRefused::Conflict(Conflict::AlreadyAccepted { exchange })) => {
                    return Ok(self.receipt(exchange).await?);
                }
                Err(failure) => return Err(commit_refusal(&failure).into()),
            }
        }
        Err(commit_refusal(&CommitRefused::Conflict(Conflict::SubjectChanged)).into())
    }

    /// Decides for every recipient; one refusal refuses the whole, so that nobody thinks that all have it.
    fn answer_each<'a>(
        &self,
        offer: &'a Offer<'_>,
        rights: &sendhub_domain::rights::RightsFacts,
        refused: &mut AuditEvent,
    ) -> Result<Vec<Answered<'a>>, Refusal> {
        let sent = offer.sent;
        let ground = offer.ground();
        let mut answered = Vec::with_capacity(offer.draft.addressees.len());
        for addressee in &offer.draft.addressees {
            let standing = Standing {
                item: addressee.item,
                role: addressee.role,
                ground,
                shown: addressee.shown && facts::shown_by_reference(ground, &sent.reference),
                purpose: sent.purpose.clone(),
                break_glass: sent.break_glass,
            };
            let decided = self.decide(&facts::Copy {
                stage: Stage::Submit,
                sender: &offer.caller.agency,
                recipient: &addressee.agency,
                standing: &standing,
                circumstances: &offer.draft.circumstances,
                referral: ReferralStanding::NotDecided,
                rights,
                on: self.today(),
            });
            if decided.decision.effect == Outcome::Deny {
                refused.policy_version = Some(decided.decision.policy_version.clone());
                refused.recipients = vec![addressee.agency.id.clone()];
                refused.facts.push(("item", standing.item.code().into()));
                return Err(denial(&decided.decision));
            }
            let waits = matches!(decided.decision.effect, Outcome::Refer | Outcome::Hold);
            answered.push(Answered {
                addressee,
                standing,
                decided,
                delivery: DeliveryId(self.clock.new_id()),
                referral: waits.then(|| ReferralId(self.clock.new_id())),
            });
        }
        Ok(answered)
    }

    fn prepared(
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

    /// Attachments that the envelope names must be the caller's own, uploaded before.
    async fn attachments_are_own(&self, offer: &Offer<'_>) -> Result<(), Refusal> {
        for id in &offer.sent.attachments {
            let known = self
                .store
                .attachment(*id)
                .await
                .map_err(|failure| store_refusal(&failure))?;
            if known.is_none_or(|one| one.owner != offer.caller.agency.id) {
                return Err(Refusal::new(
                    Reason::AttachmentNotFound,
                    "envelope.attachments: names an attachment that this agency has not uploaded",
                ));
            }
        }
        Ok(())
    }

    /// A consent that the sender says it relies on must be recorded of this person.
    fn consents_are_recorded(
        &self,
        offer: &Offer<'_>,
        recorded: &[sendhub_domain::exchange::RightsRecordId],
    ) -> Result<(), Refusal> {
        if offer.sent.consents.iter().all(|id| recorded.contains(id)) {
            return Ok(());
        }
        Err(Refusal::new(
            Reason::RightsRecordNotFound,
            "envelope.consents: names a consent that is not recorded of this person",
        ))
    }
}

/// A change with what its caller gets.
struct Prepared {
    event: AuditEvent,
    effects: Vec<Effect>,
    receipt: types::Receipt,
    rung: Vec<sendhub_domain::agency::AgencyId>,
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

pub(crate) fn identity_conflict() -> Refusal {
    Refusal::new(
        Reason::IdentityConflict,
        "the identifiers lead to different people, or date of birth or name disagree with what is known",
    )
    .remedy("A person must find out who is meant; the hub never merges people by likeness.")
}

fn other_person() -> Refusal {
    Refusal::new(
        Reason::IdentityConflict,
        "envelope.subject: is another person than the case is about",
    )
    .remedy("Name the child or young person of the case.")
}
