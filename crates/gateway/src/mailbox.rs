//! The mailbox service: what waits, and the handing over of it. Collecting is the disclosure.

use std::pin::Pin;
use std::sync::Arc;

use futures_util::{Stream, StreamExt as _, stream};
use sendhub_contracts::convert;
use sendhub_contracts::disclosure::wire_role;
use sendhub_contracts::errors::v1::Reason;
use sendhub_contracts::kinds;
use sendhub_contracts::mailbox::v1::mailbox_service_server::MailboxService;
use sendhub_contracts::mailbox::v1::{
    AcknowledgeDeliveriesRequest, AcknowledgeDeliveriesResponse, AcknowledgeOutcome, AcknowledgedDelivery,
    CollectDeliveriesRequest, CollectDeliveriesResponse, CollectedDelivery, DeliveryNotice, Exchange,
    ExchangeDelivery, GetExchangeRequest, GetExchangeResponse, HubNoticeCode, ListDeliveriesRequest,
    ListDeliveriesResponse, ListExchangesRequest, ListExchangesResponse, WatchDeliveriesRequest,
    WatchDeliveriesResponse, collect_deliveries_response, collected_delivery,
};
use sendhub_contracts::refusal::Refusal;
use sendhub_contracts::types::v1::RecipientRole;
use sendhub_domain::event::{EventKind, EventOutcome};
use sendhub_domain::exchange::{DeliveryId, DeliveryState, ExchangeId, ExchangeKind};
use sendhub_domain::person::IdentityMatch;
use sendhub_policy::{
    DestinationKind, Effect as Outcome, Facts, FamilyView, Question, RecordSource, Stage, TransferFacts,
};
use sendhub_store::reads::{DeliveryRecord, ExchangeRecord};
use sendhub_store::{Change, CommitRefused, Conflict, Effect, LogEntry};
use tonic::{Request, Response, Status};
use uuid::Uuid;

use crate::accept::Waiting;
use crate::exchange::draft;
use crate::exchange::handing::any_exchange;
use crate::exchange::header::Outside;
use crate::hub::{
    Hub, commit_refusal, day_in_england, decided, delivery_not_found, denial, exchange_not_found,
    store_refusal, wire_decision,
};
use crate::identity::Caller;
use crate::record::{name, open};
use crate::transfer::{OPEN, caller, delivery_id, page_token};
use crate::watching::Watch;

const COLLECT: &str = "sendhub.mailbox.v1.MailboxService/CollectDeliveries";
const ACKNOWLEDGE: &str = "sendhub.mailbox.v1.MailboxService/AcknowledgeDeliveries";

/// Copies handed over at once within one request.
const AT_ONCE: usize = 32;

/// The service.
pub(crate) struct Mailbox(pub(crate) Arc<Hub>);

type Answers<T> = Pin<Box<dyn Stream<Item = Result<T, Status>> + Send>>;

#[tonic::async_trait]
impl MailboxService for Mailbox {
    type WatchDeliveriesStream = Answers<WatchDeliveriesResponse>;

    async fn watch_deliveries(
        &self,
        request: Request<WatchDeliveriesRequest>,
    ) -> Result<Response<Self::WatchDeliveriesStream>, Status> {
        let caller = caller(&request)?;
        let window = match request.get_ref().max_unacknowledged {
            0 => 100,
            window => window,
        };
        let watch = Watch::begin(Arc::clone(&self.0), caller, window);
        Ok(Response::new(Box::pin(watch.into_stream())))
    }

    async fn list_deliveries(
        &self,
        request: Request<ListDeliveriesRequest>,
    ) -> Result<Response<ListDeliveriesResponse>, Status> {
        let caller = caller(&request)?;
        let asked = request.get_ref();
        let after = match asked.page_token.as_str() {
            "" => None,
            token => Some(DeliveryId(Uuid::try_parse(token).map_err(|_| page_token())?)),
        };
        let limit = if asked.page_size == 0 {
            100
        } else {
            asked.page_size
        };
        let page = self
            .0
            .store
            .inbox(&caller.agency.id, after, limit)
            .await
            .map_err(|failure| store_refusal(&failure))?;
        let next_page_token = match page.deliveries.last() {
            Some(last) if page.more => last.delivery.to_string(),
            _ => String::new(),
        };
        Ok(Response::new(ListDeliveriesResponse {
            deliveries: page.deliveries.iter().map(|copy| self.0.notice(copy)).collect(),
            next_page_token,
        }))
    }

    type CollectDeliveriesStream = Answers<CollectDeliveriesResponse>;

    async fn collect_deliveries(
        &self,
        request: Request<CollectDeliveriesRequest>,
    ) -> Result<Response<Self::CollectDeliveriesStream>, Status> {
        let caller = Arc::new(caller(&request)?);
        let hub = Arc::clone(&self.0);
        let answers = stream::iter(request.into_inner().delivery_ids)
            .map(move |id| {
                let (hub, caller) = (Arc::clone(&hub), Arc::clone(&caller));
                async move {
                    let result = match hub.collect(&caller, &id).await {
                        Ok(delivery) => collect_deliveries_response::Result::Delivery(delivery),
                        Err(refusal) => collect_deliveries_response::Result::Refusal(refusal.into_wire()),
                    };
                    Ok(CollectDeliveriesResponse {
                        delivery_id: id,
                        result: Some(result),
                    })
                }
            })
            .buffered(AT_ONCE);
        Ok(Response::new(Box::pin(answers)))
    }

    async fn get_exchange(
        &self,
        request: Request<GetExchangeRequest>,
    ) -> Result<Response<GetExchangeResponse>, Status> {
        let caller = caller(&request)?;
        let id = any_exchange(&request.get_ref().exchange).ok_or_else(exchange_not_found)?;
        let record = self
            .0
            .store
            .exchange(id)
            .await
            .map_err(|failure| store_refusal(&failure))?
            .ok_or_else(exchange_not_found)?;
        let shown = self.0.exchange_for(&caller, &record).await?;
        if record.sender != caller.agency.id && shown.deliveries.is_empty() && shown.referrals.is_empty() {
            return Err(exchange_not_found().into());
        }
        Ok(Response::new(GetExchangeResponse {
            exchange: Some(shown),
        }))
    }

    async fn list_exchanges(
        &self,
        request: Request<ListExchangesRequest>,
    ) -> Result<Response<ListExchangesResponse>, Status> {
        let caller = caller(&request)?;
        let asked = request.get_ref();
        let before = match asked.page_token.as_str() {
            "" => None,
            token => Some(any_exchange(token).ok_or_else(page_token)?),
        };
        let limit = if asked.page_size == 0 { 50 } else { asked.page_size };
        let page = self
            .0
            .store
            .sent(&caller.agency.id, kinds::kind(asked.kind()), before, limit)
            .await
            .map_err(|failure| store_refusal(&failure))?;
        let next_page_token = match page.exchanges.last() {
            Some(last) if page.more => exchange_name(last.kind, last.exchange),
            _ => String::new(),
        };
        let mut exchanges = Vec::with_capacity(page.exchanges.len());
        for record in &page.exchanges {
            exchanges.push(self.0.exchange_for(&caller, record).await?);
        }
        Ok(Response::new(ListExchangesResponse {
            exchanges,
            next_page_token,
        }))
    }

    async fn acknowledge_deliveries(
        &self,
        request: Request<AcknowledgeDeliveriesRequest>,
    ) -> Result<Response<AcknowledgeDeliveriesResponse>, Status> {
        let caller = caller(&request)?;
        let asked = request.into_inner();
        let taken = asked.outcome() == AcknowledgeOutcome::Taken;
        let (hub, caller, reason) = (&self.0, &caller, asked.reason.as_str());
        let results = stream::iter(asked.delivery_ids)
            .map(|id| async move { hub.end(caller, id, taken, reason).await })
            .buffered(256)
            .collect()
            .await;
        self.0.wakeups.ring(&caller.agency.id);
        Ok(Response::new(AcknowledgeDeliveriesResponse { results }))
    }
}

/// Whether a notice speaks of a clock: its day is the one on which that falls due.
const fn of_a_clock(notice: sendhub_domain::exchange::HubNoticeCode) -> bool {
    use sendhub_domain::exchange::HubNoticeCode as Code;
    matches!(
        notice,
        Code::ClockDueSoon | Code::ClockDueToday | Code::ClockOverdue
    )
}

/// Whether a notice speaks of a referral.
const fn of_a_referral(notice: sendhub_domain::exchange::HubNoticeCode) -> bool {
    use sendhub_domain::exchange::HubNoticeCode as Code;
    matches!(notice, Code::ReferralWaiting | Code::ReferralDecided)
}

/// An exchange's name: transfer records keep theirs.
fn exchange_name(kind: ExchangeKind, exchange: ExchangeId) -> String {
    match kind {
        ExchangeKind::Transfer => name(exchange),
        _ => draft::name(exchange),
    }
}

impl Hub {
    /// An exchange's outside for its sender, or for one of its recipients, who sees only the own copy.
    async fn exchange_for(&self, caller: &Caller, record: &ExchangeRecord) -> Result<Exchange, Refusal> {
        let failed = |failure| store_refusal(&failure);
        let own = &caller.agency.id;
        let sent = record.sender == *own;
        let outside = Outside::read(&record.header);
        let copies = self.store.deliveries_of(record.exchange).await.map_err(failed)?;
        let referrals = self.store.referrals_of(record.exchange).await.map_err(failed)?;
        let deliveries = copies
            .iter()
            .filter(|copy| sent || copy.recipient == *own)
            .map(|copy| ExchangeDelivery {
                delivery_id: copy.delivery.to_string(),
                recipient_agency_id: copy.recipient.to_string(),
                role: outside
                    .standing(&copy.recipient)
                    .map_or(RecipientRole::Unspecified, |standing| wire_role(standing.role))
                    .into(),
                state: convert::wire_state(copy.state).into(),
                collect_time: copy.collected_at.map(convert::wire_time),
                end_time: copy.ended_at.map(convert::wire_time),
                referral: referrals
                    .iter()
                    .find(|one| one.recipient == copy.recipient)
                    .map(|one| format!("referrals/{}", one.referral))
                    .unwrap_or_default(),
            })
            .collect();
        Ok(Exchange {
            exchange: exchange_name(record.kind, record.exchange),
            kind: kinds::wire_kind(record.kind).into(),
            request_id: if sent {
                record.request.to_string()
            } else {
                String::new()
            },
            sender_agency_id: record.sender.to_string(),
            accept_time: Some(convert::wire_time(record.accepted_at)),
            case_reference: outside.case_reference,
            case: record
                .case
                .map(|case| format!("cases/{case}"))
                .unwrap_or_default(),
            due_on: record.due_on.map(convert::wire_date),
            deliveries,
            referrals: referrals
                .iter()
                .filter(|one| sent || one.recipient == *own || one.decider == *own)
                .map(|one| format!("referrals/{}", one.referral))
                .collect(),
        })
    }

    pub(crate) fn notice(&self, copy: &DeliveryRecord) -> DeliveryNotice {
        let directory = self.directory.load();
        DeliveryNotice {
            delivery_id: copy.delivery.to_string(),
            exchange: exchange_name(copy.kind, copy.exchange),
            kind: kinds::wire_kind(copy.kind).into(),
            case_reference: copy.case_reference.clone().unwrap_or_default(),
            sender_agency_id: copy.sender.to_string(),
            sender_name: directory
                .agency(&copy.sender)
                .map(|agency| agency.name.clone())
                .unwrap_or_default(),
            due_on: copy
                .due_on
                .or_else(|| copy.notice_on.filter(|_| copy.notice.is_some_and(of_a_clock)))
                .map(convert::wire_date),
            size_bytes: copy.size_bytes,
            create_time: Some(convert::wire_time(copy.created_at)),
            state: convert::wire_state(copy.state).into(),
            // Of a referral who waits for it may be told, and must not learn of the case before.
            case: copy
                .case
                .filter(|_| !copy.notice.is_some_and(of_a_referral))
                .map(|case| format!("cases/{case}"))
                .unwrap_or_default(),
            notice: copy
                .notice
                .map_or(HubNoticeCode::Unspecified, kinds::wire_notice)
                .into(),
        }
    }

    /// Hands one copy over, or refuses it; asking for what is another agency's stands in the log too.
    async fn collect(&self, caller: &Caller, id: &str) -> Result<CollectedDelivery, Refusal> {
        match self.hand_over(caller, id).await {
            Err(refusal) if refusal.reason == Reason::DeliveryNotFound => {
                let mut event = self.event(
                    EventKind::CollectionRefused,
                    EventOutcome::Refused,
                    caller,
                    COLLECT,
                );
                event.delivery = Uuid::try_parse(id).ok().map(DeliveryId);
                Err(self.refuse(event, refusal).await)
            }
            result => result,
        }
    }

    /// Hands one copy over: decided again today, written, and only then given out.
    async fn hand_over(&self, caller: &Caller, id: &str) -> Result<CollectedDelivery, Refusal> {
        let failed = |failure| store_refusal(&failure);
        let own = &caller.agency.id;
        let copy = self
            .store
            .deliveries(own, &[delivery_id(id)?])
            .await
            .map_err(failed)?
            .pop()
            .ok_or_else(delivery_not_found)?;
        if copy.kind == ExchangeKind::HubNotice {
            return self.hand_over_notice(caller, &copy, COLLECT).await;
        }
        let record = self
            .store
            .exchange(copy.exchange)
            .await
            .map_err(failed)?
            .ok_or_else(delivery_not_found)?;
        if copy.kind != ExchangeKind::Transfer {
            return self.hand_over_exchange(caller, &copy, &record, COLLECT).await;
        }
        let mut event = self.event(EventKind::Disclosed, EventOutcome::Success, caller, COLLECT);
        event.subject = Some(record.subject);
        event.exchange = Some(record.exchange);
        event.exchange_kind = Some(record.kind);
        event.delivery = Some(copy.delivery);
        event.recipients = vec![own.clone()];

        let directory = self.directory.load_full();
        let today = directory.agency(own).ok_or_else(delivery_not_found)?;
        let sender = directory.agency(&record.sender).ok_or_else(delivery_not_found)?;
        let decision = self.policy.load().decide(&Question {
            on: day_in_england(event.at),
            facts: Facts::Transfer(TransferFacts {
                stage: Stage::Collect(copy.state),
                sender_kind: sender.kind,
                sender_status: sender.status,
                record_source: RecordSource::Sender,
                destination: DestinationKind::Agency(today.kind, today.status),
                identity: IdentityMatch::Same,
                family_view: FamilyView::NotRecorded,
            }),
        });
        decided(&mut event, &decision);
        if decision.effect != Outcome::Permit {
            event.kind = EventKind::CollectionRefused;
            event.outcome = EventOutcome::Refused;
            return Err(self.refuse(event, denial(&decision)).await);
        }
        // Opened before it is written: a record that cannot be opened is not said to be disclosed.
        let key = self.register.key_of(record.subject).await.map_err(failed)?;
        let inside = open(&key, &record).map_err(failed)?;
        let effect = Effect::MoveDelivery {
            delivery: copy.delivery,
            from: OPEN,
            to: DeliveryState::Collected,
            at: event.at,
        };
        let entry = LogEntry::encode(&event);
        let leaf = entry.bytes.clone();
        let change = Change {
            entry,
            effects: vec![effect],
        };
        let committed = self
            .write(change, Waiting::ForRoom)
            .await
            .map_err(|failure| commit_refusal(&failure))?;
        Ok(CollectedDelivery {
            exchange: name(record.exchange),
            sender_agency_id: record.sender.to_string(),
            accept_time: Some(convert::wire_time(record.accepted_at)),
            envelope: inside.request.envelope,
            decision: Some(wire_decision(&decision)),
            log: Some(self.position(leaf, committed)),
            content: inside.request.content.map(collected_delivery::Content::Transfer),
            ..CollectedDelivery::default()
        })
    }

    /// Ends one copy: taken, or given back.
    async fn end(&self, caller: &Caller, id: String, taken: bool, reason: &str) -> AcknowledgedDelivery {
        let (state, refusal) = match self.try_end(caller, &id, taken, reason).await {
            Ok(state) => (convert::wire_state(state), None),
            Err(refusal) => (
                sendhub_contracts::transfer::v1::DeliveryState::Unspecified,
                Some(refusal.into_wire()),
            ),
        };
        AcknowledgedDelivery {
            delivery_id: id,
            state: state.into(),
            refusal,
        }
    }

    async fn try_end(
        &self,
        caller: &Caller,
        id: &str,
        taken: bool,
        reason: &str,
    ) -> Result<DeliveryState, Refusal> {
        let (to, from): (_, &'static [DeliveryState]) = if taken {
            // Nobody has what it never collected.
            (DeliveryState::Acknowledged, &[DeliveryState::Collected])
        } else {
            (DeliveryState::Rejected, OPEN)
        };
        let copy = self
            .store
            .deliveries(&caller.agency.id, &[delivery_id(id)?])
            .await
            .map_err(|failure| store_refusal(&failure))?
            .pop()
            .ok_or_else(delivery_not_found)?;
        if copy.state == to {
            return Ok(to);
        }
        let mut event = self.event(
            EventKind::DeliveryAcknowledged,
            EventOutcome::Success,
            caller,
            ACKNOWLEDGE,
        );
        event.exchange = Some(copy.exchange);
        event.exchange_kind = Some(copy.kind);
        event.delivery = Some(copy.delivery);
        event.facts.push(("state", to.code().into()));
        if !reason.is_empty() {
            event.facts.push(("said", reason.to_owned()));
        }
        let effect = Effect::MoveDelivery {
            delivery: copy.delivery,
            from,
            to,
            at: event.at,
        };
        let change = Change {
            entry: LogEntry::encode(&event),
            effects: vec![effect],
        };
        match self.write(change, Waiting::ForRoom).await {
            Ok(_) => Ok(to),
            Err(CommitRefused::Conflict(Conflict::DeliveryMoved(Some(now)))) if now == to => Ok(to),
            Err(CommitRefused::Conflict(Conflict::DeliveryMoved(Some(DeliveryState::Waiting)))) => {
                let refusal = Refusal::new(
                    Reason::InvalidRequest,
                    "this delivery was never collected, so it cannot have been taken",
                );
                event.outcome = EventOutcome::Refused;
                Err(self.refuse(event, refusal).await)
            }
            Err(failure) => Err(commit_refusal(&failure)),
        }
    }
}
