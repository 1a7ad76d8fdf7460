//! Acceptance: one transfer record from request to receipt, in the order of the architecture's walk.

use aws_lc_rs::rand;
use jiff::Timestamp;
use prost::Message as _;
use sendhub_contracts::convert;
use sendhub_contracts::refusal::Refusal;
use sendhub_contracts::transfer::v1::{SubmitTransferRequest, TransferKind};
use sendhub_contracts::types::v1 as types;
use sendhub_domain::agency::{AgencyId, AgencyKind};
use sendhub_domain::clock::{DueDate, pupil_record_due};
use sendhub_domain::event::{AuditEvent, EventKind, EventOutcome};
use sendhub_domain::exchange::{DeliveryId, ExchangeId, ExchangeKind, RequestId};
use sendhub_domain::person::PersonReference;
use sendhub_ledger::hash::sha256;
use sendhub_policy::{Decision, Effect as Outcome, Facts, FamilyView, Question, Stage, TransferFacts};
use sendhub_store::change::{DeliveryRow, ExchangeRow};
use sendhub_store::seal::SealPurpose;
use sendhub_store::{Change, CommitRefused, Committed, Conflict, Effect, LogEntry, StoreError};
use uuid::Uuid;

use crate::exchange::header::Outside;
use crate::hub::{
    Hub, commit_refusal, conflict_refusal, day_in_england, decided, denial, is_passing, recipients,
    store_refusal, wire_decision,
};
use crate::identity::Caller;
use crate::judge::{Judged, asked};
use crate::record::{inside_text, name};
use crate::register::Found;

/// How often a record is tried again when the register changed between reading and writing.
const TRIES: usize = 8;

/// How a change waits for the writer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Waiting {
    /// Refused at once when too much waits: single requests.
    Briefly,
    /// Waits for room: streams, whose sender waits with it.
    ForRoom,
}

/// A record ready to be written.
struct Prepared {
    change: Change,
    leaf: Vec<u8>,
    receipt: types::Receipt,
    recipient: Option<AgencyId>,
}

/// The request as it is hashed and sealed: its fields in the order of their numbers.
struct Text {
    bytes: Vec<u8>,
    digest: [u8; 32],
}

impl Hub {
    /// Accepts one record, or refuses it; a refusal stands in the log when this returns.
    pub(crate) async fn accept(
        &self,
        caller: &Caller,
        request: &SubmitTransferRequest,
        waiting: Waiting,
        method: &'static str,
    ) -> Result<types::Receipt, Refusal> {
        let mut event = self.event(EventKind::ExchangeRefused, EventOutcome::Refused, caller, method);
        event.exchange_kind = Some(ExchangeKind::Transfer);
        event.request = request
            .envelope
            .as_ref()
            .and_then(|envelope| Uuid::try_parse(&envelope.request_id).ok())
            .map(RequestId);
        match self
            .try_accept(caller, request, waiting, method, &mut event)
            .await
        {
            Ok(receipt) => Ok(receipt),
            Err(refusal) if is_passing(refusal.reason) => Err(refusal),
            Err(refusal) => Err(self.refuse(event, refusal).await),
        }
    }

    async fn try_accept(
        &self,
        caller: &Caller,
        request: &SubmitTransferRequest,
        waiting: Waiting,
        method: &'static str,
        refused: &mut AuditEvent,
    ) -> Result<types::Receipt, Refusal> {
        let failed = |failure: StoreError| store_refusal(&failure);
        let asked = asked(request);
        let tags = asked
            .person
            .as_ref()
            .map(|person| self.register.tags(person, &caller.agency.id))
            .unwrap_or_default();
        // The file is read while the register is asked.
        let (known, judged) = tokio::join!(biased; self.register.look_up(&tags), async {
            let _share = self.shares.work.wait(&caller.agency.id).await;
            let judged = self.judge(caller, request, asked)?;
            let bytes = request.encode_to_vec();
            let digest = sha256(&bytes).0;
            Ok::<_, Refusal>((judged, Text { bytes, digest }))
        });
        let (judged, text) = judged?;
        let mut known = known.map_err(failed)?;
        refused.recipients = recipients(judged.recipient.as_ref().map(|agency| &agency.id));
        for _ in 0..TRIES {
            let share = self.shares.work.wait(&caller.agency.id).await;
            let now = self.clock.now();
            let found = self
                .register
                .fit(&judged.person, &tags, &known, now)
                .map_err(failed)?;
            refused.subject = Some(found.subject);
            let decision = self.policy.load().decide(&Question {
                on: day_in_england(now),
                facts: Facts::Transfer(TransferFacts {
                    stage: Stage::Submit,
                    sender_kind: caller.agency.kind,
                    sender_status: caller.agency.status,
                    record_source: judged.source,
                    destination: judged.destination,
                    identity: found.identity,
                    family_view: FamilyView::NotRecorded,
                }),
            });
            if !matches!(decision.effect, Outcome::Permit | Outcome::Hold) {
                drop(share);
                // A repetition gets its first receipt, also when the rules or the agencies changed since.
                if let Some(receipt) = self.accepted_before(caller, judged.request, &text.digest).await? {
                    return Ok(receipt);
                }
                refused.policy_version = Some(decision.policy_version.clone());
                return Err(denial(&decision));
            }
            let prepared = self
                .prepare(caller, request, &judged, found, &decision, &text, now, method)
                .map_err(failed)?;
            drop(share);
            match self.write(prepared.change, waiting).await {
                Ok(committed) => {
                    if let Some(recipient) = &prepared.recipient {
                        self.wakeups.ring(recipient);
                    }
                    let mut receipt = prepared.receipt;
                    receipt.log = Some(self.position(prepared.leaf, committed));
                    return Ok(receipt);
                }
                Err(CommitRefused::Conflict(Conflict::SubjectChanged)) => {
                    known = self.register.look_up(&tags).await.map_err(failed)?;
                }
                Err(CommitRefused::Conflict(Conflict::AlreadyAccepted { exchange })) => {
                    return self.receipt(exchange).await;
                }
                Err(failure) => return Err(commit_refusal(&failure)),
            }
        }
        Err(commit_refusal(&CommitRefused::Conflict(Conflict::SubjectChanged)))
    }

    pub(crate) async fn accepted_before(
        &self,
        caller: &Caller,
        request: RequestId,
        digest: &[u8; 32],
    ) -> Result<Option<types::Receipt>, Refusal> {
        let before = self
            .store
            .accepted(&caller.agency.id, request)
            .await
            .map_err(|failure| store_refusal(&failure))?;
        match before {
            Some((exchange, known)) if known == *digest => self.receipt(exchange).await.map(Some),
            Some(_) => Err(conflict_refusal(&Conflict::RequestIdReused)),
            None => Ok(None),
        }
    }

    pub(crate) async fn write(&self, change: Change, waiting: Waiting) -> Result<Committed, CommitRefused> {
        match waiting {
            Waiting::Briefly => self.committer.commit(change).await,
            Waiting::ForRoom => self.committer.queue(change).await?.await,
        }
    }

    #[expect(clippy::too_many_arguments, reason = "what one record is made of; used once")]
    fn prepare(
        &self,
        caller: &Caller,
        request: &SubmitTransferRequest,
        judged: &Judged,
        found: Found,
        decision: &Decision,
        text: &Text,
        now: Timestamp,
        method: &'static str,
    ) -> Result<Prepared, StoreError> {
        let Found {
            subject,
            key: Some(key),
            mut effects,
            ..
        } = found
        else {
            return Err(StoreError::Corrupt("person"));
        };
        let exchange = ExchangeId(self.clock.new_id());
        let mut salt = [0; 16];
        rand::fill(&mut salt).map_err(|_| sendhub_store::SealError::NoRandomness)?;
        let clear = inside_text(&salt, &text.bytes);
        let sealed = key.seal(SealPurpose::Exchange(exchange), subject, &clear)?;
        let clocks: Vec<DueDate> = self.clocks(caller, judged).into_iter().collect();
        let due_on = clocks.first().map(|due| due.due_on);
        let case_reference = request
            .envelope
            .as_ref()
            .map(|envelope| envelope.case_reference.clone())
            .unwrap_or_default();
        let receipt = types::Receipt {
            exchange: name(exchange),
            accept_time: Some(convert::wire_time(now)),
            decision: Some(wire_decision(decision)),
            clocks_started: clocks.iter().map(convert::wire_clock).collect(),
            ..types::Receipt::default()
        };
        let recipient = match decision.effect {
            Outcome::Permit => judged.recipient.as_ref().map(|agency| agency.id.clone()),
            _ => None,
        };

        let mut event = self.event(EventKind::ExchangeAccepted, EventOutcome::Success, caller, method);
        event.at = now;
        event.subject = Some(subject);
        event.exchange = Some(exchange);
        event.exchange_kind = Some(ExchangeKind::Transfer);
        event.request = Some(judged.request);
        event.recipients = recipients(recipient.as_ref());
        decided(&mut event, decision);
        event.sealed_sha256 = Some(sha256(&sealed).0);
        event.content_commitment = Some(sha256(&clear).0);
        event.facts.push(("effect", wire_effect(decision).into()));
        event.facts.push(("destination", judged.place.code().into()));
        let full = request
            .content
            .as_ref()
            .is_some_and(|content| content.kind() == TransferKind::Full);
        event
            .facts
            .push(("record", if full { "FULL" } else { "PARTIAL" }.into()));
        if let Some(due_on) = due_on {
            event.facts.push(("due_on", due_on.to_string()));
        }
        let entry = LogEntry::encode(&event);

        effects.push(Effect::StoreExchange(ExchangeRow {
            exchange,
            kind: ExchangeKind::Transfer,
            sender: caller.agency.id.clone(),
            request: judged.request,
            request_digest: text.digest,
            subject,
            accepted_at: now,
            due_on,
            header: Outside {
                receipt: Some(receipt.clone()),
                case_reference: case_reference.clone(),
                ..Outside::default()
            }
            .encode_to_vec(),
            sealed,
            case: None,
        }));
        match &recipient {
            Some(recipient) => effects.push(Effect::Deliver(DeliveryRow {
                delivery: DeliveryId(self.clock.new_id()),
                exchange,
                kind: ExchangeKind::Transfer,
                recipient: recipient.clone(),
                sender: caller.agency.id.clone(),
                case_reference: (!case_reference.is_empty()).then_some(case_reference),
                due_on,
                size_bytes: text.bytes.len() as u64,
                created_at: now,
            })),
            None => effects.push(Effect::HoldUnclaimed {
                exchange,
                search_tags: self.search_tags(&judged.person, &caller.agency.id),
            }),
        }
        Ok(Prepared {
            leaf: entry.bytes.clone(),
            change: Change { entry, effects },
            receipt: types::Receipt {
                content_salt: salt.to_vec(),
                ..receipt
            },
            recipient,
        })
    }

    /// The tags under which authorities find a held record: each identifier, and surname with date of birth.
    fn search_tags(&self, person: &PersonReference, sender: &AgencyId) -> Vec<[u8; 16]> {
        let mut tags = self.register.tags(person, sender);
        let surnames = std::iter::once(&person.surname).chain(&person.former_surnames);
        tags.extend(surnames.map(|surname| self.register.search_tag(surname, person.date_of_birth)));
        tags
    }

    /// The clock that a leaving date starts. It binds maintained schools and pupil referral units; others are
    /// asked by guidance to keep it.
    fn clocks(&self, caller: &Caller, judged: &Judged) -> Option<DueDate> {
        if !caller.agency.kind.is_school() {
            return None;
        }
        let calendar = self.calendar(caller.agency.identifiers.laestab.as_ref());
        let due = pupil_record_due(judged.left_on?, calendar, &self.holidays)?;
        let bound = matches!(
            caller.agency.kind,
            AgencyKind::MaintainedSchool | AgencyKind::PupilReferralUnit
        );
        Some(if bound { due } else { due.as_guidance() })
    }
}

const fn wire_effect(decision: &Decision) -> &'static str {
    match decision.effect {
        Outcome::Permit => "PERMIT",
        Outcome::Deny => "DENY",
        Outcome::Refer => "REFER",
        Outcome::Hold => "HOLD",
    }
}
