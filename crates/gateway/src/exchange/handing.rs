//! The way out: a copy is decided again with that day's facts, written, and only then handed over.

use sendhub_contracts::convert;
use sendhub_contracts::errors::v1::Reason;
use sendhub_contracts::mailbox::v1::{CollectedDelivery, HubNotice, collected_delivery};
use sendhub_contracts::refusal::Refusal;
use sendhub_contracts::{kinds, refusal};
use sendhub_domain::disclosure::ReferralStanding;
use sendhub_domain::event::{AuditEvent, EventKind, EventOutcome};
use sendhub_domain::exchange::{
    DeliveryState, ExchangeId, ExchangeKind, HubNoticeCode, ReferralId, RightsRecordId,
};
use sendhub_policy::{Decision, Effect as Outcome, Stage};
use sendhub_store::change::{ReferralRow, ReferralState};
use sendhub_store::reads::{DeliveryRecord, ExchangeRecord};
use sendhub_store::{Change, CommitRefused, Conflict, Effect, LogEntry, StoreError};

use super::circumstances::Circumstances;
use super::content;
use super::draft::{TRIES, name};
use super::envelope::as_one_recipient_sees_it;
use super::facts;
use super::header::{Outside, Standing};
use super::notices::News;
use crate::accept::Waiting;
use crate::hub::{
    Hub, commit_refusal, decided, delivery_not_found, denial, is_passing, store_refusal, wire_decision,
};
use crate::identity::Caller;
use crate::record::open_text;
use crate::rights::kept::Record;
use crate::transfer::OPEN;

/// A copy that somebody asks for.
pub(crate) struct Asked<'a> {
    pub(crate) caller: &'a Caller,
    pub(crate) copy: &'a DeliveryRecord,
    pub(crate) record: &'a ExchangeRecord,
    pub(crate) outside: &'a Outside,
    pub(crate) standing: Standing,
    pub(crate) method: &'static str,
}

/// Where the referrals of one copy stand.
pub(crate) struct Referred {
    /// Whether the caller is the one who decides.
    caller_decides: bool,
    /// Whether one waits for its decision.
    waits: bool,
}

/// What may be handed over today.
pub(crate) struct Admitted {
    pub(crate) decision: std::sync::Arc<Decision>,
    /// The request as it was sealed.
    pub(crate) text: Vec<u8>,
    /// Groups of the content that the consent relied on leaves out.
    pub(crate) left_out: Vec<String>,
    /// The leaf of this handing over, and its place.
    pub(crate) log: sendhub_contracts::types::v1::LogPosition,
}

impl Hub {
    /// Hands over one copy of an exchange beside transfer.
    pub(crate) async fn hand_over_exchange(
        &self,
        caller: &Caller,
        copy: &DeliveryRecord,
        record: &ExchangeRecord,
        method: &'static str,
    ) -> Result<CollectedDelivery, Refusal> {
        let outside = Outside::read(&record.header);
        let standing = outside
            .standing(&caller.agency.id)
            .ok_or_else(delivery_not_found)?;
        let asked = Asked {
            caller,
            copy,
            record,
            outside: &outside,
            standing,
            method,
        };
        let withheld = content::withheld(&outside.method, caller.agency.kind, &self.minimisation);
        let mut facts = Vec::new();
        if !withheld.is_empty() {
            facts.push(("withheld", withheld.join(" ")));
        }
        let admitted = self.admit_collection(&asked, true, facts).await?;
        let mut opened = content::read(&outside.method, &admitted.text)
            .ok_or_else(|| store_refusal(&StoreError::Corrupt("exchange")))?;
        let directory = self.directory.load_full();
        let withheld_groups = opened.minimise(caller.agency.kind, &self.minimisation, &admitted.left_out);
        let envelope = as_one_recipient_sees_it(opened.envelope, &caller.agency, &directory);
        Ok(CollectedDelivery {
            exchange: name(record.exchange),
            sender_agency_id: record.sender.to_string(),
            accept_time: Some(convert::wire_time(record.accepted_at)),
            envelope: Some(envelope),
            decision: Some(wire_decision(&admitted.decision)),
            log: Some(admitted.log),
            content: Some(opened.content),
            withheld_groups,
            case: record
                .case
                .map(|case| format!("cases/{case}"))
                .unwrap_or_default(),
        })
    }

    /// Decides a collection with today's facts and writes it. With `moves`, the copy then counts as collected.
    pub(crate) async fn admit_collection(
        &self,
        asked: &Asked<'_>,
        moves: bool,
        extra: Vec<(&'static str, String)>,
    ) -> Result<Admitted, Refusal> {
        let failed = |failure: StoreError| store_refusal(&failure);
        let (copy, record) = (asked.copy, asked.record);
        let mut event = self.event(
            EventKind::Disclosed,
            EventOutcome::Success,
            asked.caller,
            asked.method,
        );
        event.subject = Some(record.subject);
        event.exchange = Some(record.exchange);
        event.exchange_kind = Some(record.kind);
        event.delivery = Some(copy.delivery);
        event.recipients = vec![asked.caller.agency.id.clone()];
        if moves && !copy.state.is_open() {
            return Err(self.refuse_collection(event, ended(copy.state), Vec::new()).await);
        }
        let directory = self.directory.load_full();
        let today = directory
            .agency(&asked.caller.agency.id)
            .ok_or_else(delivery_not_found)?;
        let sender = directory.agency(&record.sender).ok_or_else(delivery_not_found)?;
        let (key, born) = self.register.person(record.subject).await.map_err(failed)?;
        // Opened before it is written: an exchange that cannot be opened is not said to be disclosed.
        let text = open_text(&key, record).map_err(failed)?;
        for _ in 0..TRIES {
            let rights = self.rights_of(record.subject, &key, born).await.map_err(failed)?;
            event.at = self.clock.now();
            let mut question = facts::Copy {
                stage: Stage::Collect(copy.state),
                sender,
                recipient: today,
                standing: &asked.standing,
                circumstances: &Circumstances::read(asked.outside.circumstances.as_ref()),
                referral: ReferralStanding::NotDecided,
                rights: &rights.facts,
                on: self.today(),
            };
            let (decision, referral) = self
                .decide_referred(&mut question, record.exchange)
                .await
                .map_err(failed)?;
            decided(&mut event, &decision);
            // What is held lies with the one who decides on it; to read it is part of deciding.
            let with_decider = decision.effect == Outcome::Hold && referral.caller_decides;
            if decision.effect != Outcome::Permit && !with_decider {
                let effects = match (decision.effect, referral.waits) {
                    (Outcome::Refer, true) => Vec::new(),
                    (Outcome::Refer, false) => self.refer_collection(asked, &decision),
                    _ => self.refused_effects(asked, &decision),
                };
                return Err(self.refuse_collection(event, denial(&decision), effects).await);
            }
            let relied_on = self.decide(&question).relies_on;
            let left_out = left_out(&rights.opened, relied_on);
            let mut leaf = event.clone();
            leaf.facts.extend(extra.iter().cloned());
            if !left_out.is_empty() {
                leaf.facts.push(("left_out", left_out.join(" ")));
            }
            leaf.facts.push(("item", asked.standing.item.code().into()));
            let mut effects = vec![Effect::ExpectRights {
                subject: record.subject,
                revision: rights.revision,
            }];
            if moves {
                effects.push(Effect::MoveDelivery {
                    delivery: copy.delivery,
                    from: OPEN,
                    to: DeliveryState::Collected,
                    at: event.at,
                });
            }
            let entry = LogEntry::encode(&leaf);
            let bytes = entry.bytes.clone();
            match self.write(Change { entry, effects }, Waiting::ForRoom).await {
                Ok(committed) => {
                    return Ok(Admitted {
                        decision,
                        text,
                        left_out,
                        log: self.position(bytes, committed),
                    });
                }
                // A withdrawal came between reading and writing: decided again.
                Err(CommitRefused::Conflict(Conflict::RightsChanged(_))) => {}
                Err(CommitRefused::Conflict(Conflict::DeliveryMoved(Some(state)))) => {
                    return Err(self.refuse_collection(event, ended(state), Vec::new()).await);
                }
                Err(failure) => return Err(commit_refusal(&failure)),
            }
        }
        Err(commit_refusal(&CommitRefused::Conflict(Conflict::RightsChanged(
            0,
        ))))
    }

    /// Hands over a notice of the hub itself. It names nobody, so no rule is asked; it stands in the log all the same.
    pub(crate) async fn hand_over_notice(
        &self,
        caller: &Caller,
        copy: &DeliveryRecord,
        method: &'static str,
    ) -> Result<CollectedDelivery, Refusal> {
        let mut event = self.event(EventKind::Disclosed, EventOutcome::Success, caller, method);
        event.exchange = Some(copy.exchange);
        event.exchange_kind = Some(ExchangeKind::HubNotice);
        event.delivery = Some(copy.delivery);
        event.recipients = vec![caller.agency.id.clone()];
        let code = copy.notice.ok_or_else(delivery_not_found)?;
        event.facts.push(("notice", code.code().into()));
        if !copy.state.is_open() {
            return Err(self.refuse_collection(event, ended(copy.state), Vec::new()).await);
        }
        let details = self
            .notice_details(caller, copy, code)
            .await
            .map_err(|failure| store_refusal(&failure))?;
        let effect = Effect::MoveDelivery {
            delivery: copy.delivery,
            from: OPEN,
            to: DeliveryState::Collected,
            at: event.at,
        };
        let log = self
            .record(&event, vec![effect])
            .await
            .map_err(|failure| commit_refusal(&failure))?;
        Ok(CollectedDelivery {
            exchange: name(copy.exchange),
            sender_agency_id: copy.sender.to_string(),
            accept_time: Some(convert::wire_time(copy.created_at)),
            log: Some(log),
            content: Some(collected_delivery::Content::HubNotice(HubNotice {
                code: kinds::wire_notice(code).into(),
                case_reference: copy.case_reference.clone().unwrap_or_default(),
                on: copy.notice_on.map(convert::wire_date),
                exchange: name(copy.exchange),
                ..details
            })),
            ..CollectedDelivery::default()
        })
    }

    /// Decides one copy, and where the rules refer it, again with what a named person has decided. Their word
    /// answers the question that was put before them: when today's is another one, it is put anew.
    pub(crate) async fn decide_referred(
        &self,
        question: &mut facts::Copy<'_>,
        exchange: ExchangeId,
    ) -> Result<(std::sync::Arc<Decision>, Referred), StoreError> {
        let decision = self.decide(question).decision;
        let own = &question.recipient.id;
        let mut referred = Referred {
            caller_decides: false,
            waits: false,
        };
        if !matches!(decision.effect, Outcome::Refer | Outcome::Hold) {
            return Ok((decision, referred));
        }
        for referral in self.store.referrals_of(exchange).await? {
            if referral.recipient != *own || referral.reason != decision.reason_code {
                continue;
            }
            referred.caller_decides |= referral.decider == *own;
            match referral.state {
                ReferralState::Open => referred.waits = true,
                ReferralState::Allowed => question.referral = ReferralStanding::Allowed,
                ReferralState::Refused => question.referral = ReferralStanding::Refused,
            }
        }
        if question.referral == ReferralStanding::NotDecided {
            return Ok((decision, referred));
        }
        Ok((self.decide(question).decision, referred))
    }

    /// What follows from a collection that the law of the day refuses: those concerned are told, once.
    fn refused_effects(&self, asked: &Asked<'_>, decision: &Decision) -> Vec<Effect> {
        let record = asked.record;
        let case_reference = asked.copy.case_reference.as_deref();
        self.tell(
            &News {
                code: HubNoticeCode::CollectionRefused,
                about: record.exchange,
                case_reference,
                on: self.today(),
                once: format!("refused/{}/{}", asked.copy.delivery, decision.reason_code),
            },
            self.concerned(record, &asked.caller.agency.id),
        )
    }

    /// What a named person must decide is put before the sender's.
    fn refer_collection(&self, asked: &Asked<'_>, decision: &Decision) -> Vec<Effect> {
        let record = asked.record;
        // One referral a copy and reason: made of both, so that asking again opens no second one.
        let once = format!("{}/{}", asked.copy.delivery, decision.reason_code);
        let referral = ReferralId(uuid::Builder::from_custom_bytes(first_16(&once)).into_uuid());
        let mut effects = vec![Effect::OpenReferral(ReferralRow {
            referral,
            exchange: record.exchange,
            delivery: Some(asked.copy.delivery),
            recipient: asked.caller.agency.id.clone(),
            role: asked.standing.role,
            effect: decision.effect.code().into(),
            reason: decision.reason_code.clone(),
            rule: decision.rule_id.clone(),
            provision: decision.provision.clone(),
            decider: record.sender.clone(),
            opened_at: self.clock.now(),
        })];
        effects.extend(self.tell(
            &News {
                code: HubNoticeCode::ReferralWaiting,
                about: record.exchange,
                case_reference: asked.copy.case_reference.as_deref(),
                on: self.today(),
                once: format!("referral/{referral}"),
            },
            [record.sender.clone()],
        ));
        effects
    }

    /// Writes a refused collection with what follows from it.
    pub(crate) async fn refuse_collection(
        &self,
        mut event: AuditEvent,
        refusal: Refusal,
        effects: Vec<Effect>,
    ) -> Refusal {
        event.kind = EventKind::CollectionRefused;
        event.outcome = EventOutcome::Refused;
        if is_passing(refusal.reason) {
            return refusal;
        }
        event.reason = Some(refusal::name(refusal.reason).to_owned());
        let told = rung(&effects);
        match self.record(&event, effects).await {
            Ok(_) => {
                for agency in told {
                    self.wakeups.ring(&agency);
                }
                refusal
            }
            // What follows stood there already (a referral opened twice): the refusal alone is written.
            Err(CommitRefused::Conflict(_)) => self.refuse(event, refusal).await,
            Err(failure) => commit_refusal(&failure),
        }
    }
}

/// Whom effects put something into the mailbox of.
pub(crate) fn rung(effects: &[Effect]) -> Vec<sendhub_domain::agency::AgencyId> {
    effects
        .iter()
        .filter_map(|effect| match effect {
            Effect::Tell(row) => Some(row.recipient.clone()),
            Effect::Deliver(row) => Some(row.recipient.clone()),
            _ => None,
        })
        .collect()
}

/// The groups of the content that the consent relied on leaves out.
fn left_out(records: &[Record], relied_on: Option<RightsRecordId>) -> Vec<String> {
    records
        .iter()
        .filter(|record| Some(record.id) == relied_on)
        .filter_map(|record| record.kept.consent.as_ref())
        .flat_map(|consent| consent.excluded_groups.iter().cloned())
        .collect()
}

fn first_16(text: &str) -> [u8; 16] {
    let digest = sendhub_ledger::hash::sha256(text.as_bytes()).0;
    let mut first = [0; 16];
    first.copy_from_slice(&digest[..16]);
    first
}

fn ended(state: DeliveryState) -> Refusal {
    Refusal::new(
        Reason::DeliveryEnded,
        match state {
            DeliveryState::Stopped => "this delivery was stopped: the law no longer allows it",
            _ => "this delivery was acknowledged or rejected before",
        },
    )
}

/// The exchange a name means: `exchanges/<uuid>` or a transfer's own `transfers/<uuid>`.
pub(crate) fn any_exchange(name: &str) -> Option<ExchangeId> {
    super::parties::named("exchanges", name)
        .or_else(|| super::parties::named("transfers", name))
        .map(ExchangeId)
}
