//! The transfer service: a school's record on its way, where it stands, and records of unknown destination.

use std::pin::Pin;
use std::sync::Arc;

use futures_util::{Stream, StreamExt as _};
use prost::Message as _;
use sendhub_contracts::convert;
use sendhub_contracts::errors::v1::Reason;
use sendhub_contracts::refusal::Refusal;
use sendhub_contracts::transfer::v1::transfer_service_server::TransferService;
use sendhub_contracts::transfer::v1::{
    ClaimTransferRequest, ClaimTransferResponse, GetTransferRequest, GetTransferResponse, ImportReport,
    ListTransfersRequest, ListTransfersResponse, ReportImportRequest, ReportImportResponse,
    SearchUnclaimedTransfersRequest, SearchUnclaimedTransfersResponse, SubmitTransferRequest,
    SubmitTransferResponse, SubmitTransfersRequest, SubmitTransfersResponse, submit_transfers_response,
};
use sendhub_contracts::validate::{At, Validate as _, Violation};
use sendhub_domain::event::{AuditEvent, EventKind, EventOutcome};
use sendhub_domain::exchange::{DeliveryId, DeliveryState, ExchangeKind};
use sendhub_policy::{
    Effect as Outcome, Facts, HeldRecord, Question, SearchReason, UnclaimedAct, UnclaimedFacts,
};
use sendhub_store::change::DeliveryRow;
use sendhub_store::seal::SealPurpose;
use sendhub_store::{CommitRefused, Conflict, Effect};
use tonic::{Request, Response, Status, Streaming};
use uuid::Uuid;

use crate::accept::Waiting;
use crate::hub::{
    Hub, commit_refusal, day_in_england, decided, delivery_not_found, denial, exchange_not_found, recipients,
    recorded, store_refusal,
};
use crate::identity::Caller;
use crate::outflow::{Deadline, too_late};
use crate::record::{named, wire, wire_delivery};

const SUBMIT: &str = "sendhub.transfer.v1.TransferService/SubmitTransfer";
const SUBMIT_MANY: &str = "sendhub.transfer.v1.TransferService/SubmitTransfers";
const REPORT: &str = "sendhub.transfer.v1.TransferService/ReportImport";
const SEARCH: &str = "sendhub.transfer.v1.TransferService/SearchUnclaimedTransfers";
const CLAIM: &str = "sendhub.transfer.v1.TransferService/ClaimTransfer";

/// How many records of one stream are under way at once. Results keep the order; this bounds the memory.
const IN_STREAM: usize = 512;
/// Searches find at most so many.
const FOUND: u32 = 20;

/// The service.
pub(crate) struct Transfers(pub(crate) Arc<Hub>);

/// The caller that the gate has put beside the request.
pub(crate) fn caller<T>(request: &Request<T>) -> Result<Caller, Status> {
    request.extensions().get::<Caller>().cloned().ok_or_else(|| {
        // Only a service mounted outside the gate could see this.
        Refusal::new(
            Reason::CertificateRequired,
            "no caller stands beside this request",
        )
        .into_status()
    })
}

#[tonic::async_trait]
impl TransferService for Transfers {
    async fn submit_transfer(
        &self,
        request: Request<SubmitTransferRequest>,
    ) -> Result<Response<SubmitTransferResponse>, Status> {
        let caller = caller(&request)?;
        let receipt = self
            .0
            .accept(&caller, request.get_ref(), Waiting::Briefly, SUBMIT)
            .await
            .map_err(recorded)?;
        Ok(Response::new(SubmitTransferResponse {
            receipt: Some(receipt),
        }))
    }

    type SubmitTransfersStream = Pin<Box<dyn Stream<Item = Result<SubmitTransfersResponse, Status>> + Send>>;

    async fn submit_transfers(
        &self,
        request: Request<Streaming<SubmitTransfersRequest>>,
    ) -> Result<Response<Self::SubmitTransfersStream>, Status> {
        let caller = Arc::new(caller(&request)?);
        let deadline = request.extensions().get::<Deadline>().copied();
        let hub = Arc::clone(&self.0);
        let stopping = hub.stopping.clone();
        let (waiting, sender) = (Arc::clone(&hub), caller.agency.id.clone());
        let results = request
            .into_inner()
            // What came before the stop is finished; what comes after is for another connection.
            .take_until(async move { stopping.cancelled().await })
            // The agency's records under way are counted over all its streams: until there is a place, nothing
            // more is read, the window of the stream closes, and the sender waits.
            .then(move |record| {
                let (hub, sender) = (Arc::clone(&waiting), sender.clone());
                async move { (record, hub.shares.next_record(&sender).await) }
            })
            .map(move |(record, place)| {
                let (hub, caller) = (Arc::clone(&hub), Arc::clone(&caller));
                // A task each: sealing and judging run on every core, and a cut connection loses no answer
                // that the log has.
                let task = tokio::spawn(async move {
                    let _place = place;
                    match record {
                        Ok(record) => Ok(in_time(deadline, one_of_many(&hub, &caller, record)).await?),
                        Err(status) => Err(broken(&hub, &caller, &status).await),
                    }
                });
                async move {
                    task.await.unwrap_or_else(|_| {
                        Err(
                            Refusal::new(Reason::StoreUnavailable, "the record was not finished")
                                .into_status(),
                        )
                    })
                }
            })
            .buffered(IN_STREAM);
        Ok(Response::new(Box::pin(results)))
    }

    async fn get_transfer(
        &self,
        request: Request<GetTransferRequest>,
    ) -> Result<Response<GetTransferResponse>, Status> {
        let caller = caller(&request)?;
        let hub = &self.0;
        let id = named(&request.get_ref().exchange)?;
        let record = hub
            .store
            .exchange(id)
            .await
            .map_err(|failure| store_refusal(&failure))?
            .ok_or_else(exchange_not_found)?;
        let copies = hub
            .store
            .deliveries_of(id)
            .await
            .map_err(|failure| store_refusal(&failure))?;
        let sent = record.sender == caller.agency.id;
        let mut deliveries = Vec::with_capacity(copies.len());
        for copy in copies
            .iter()
            .filter(|copy| sent || copy.recipient == caller.agency.id)
        {
            let mut wire = wire_delivery(copy);
            wire.import_report = self.import_report(record.subject, copy.delivery).await?;
            deliveries.push(wire);
        }
        if !sent && deliveries.is_empty() {
            return Err(exchange_not_found().into());
        }
        Ok(Response::new(GetTransferResponse {
            transfer: Some(wire(&record, deliveries)),
        }))
    }

    async fn list_transfers(
        &self,
        request: Request<ListTransfersRequest>,
    ) -> Result<Response<ListTransfersResponse>, Status> {
        let caller = caller(&request)?;
        let asked = request.get_ref();
        let before = match asked.page_token.as_str() {
            "" => None,
            token => Some(named(token).map_err(|_| page_token())?),
        };
        let limit = if asked.page_size == 0 { 50 } else { asked.page_size };
        let page = self
            .0
            .store
            .sent(&caller.agency.id, Some(ExchangeKind::Transfer), before, limit)
            .await
            .map_err(|failure| store_refusal(&failure))?;
        let next_page_token = match page.exchanges.last() {
            Some(last) if page.more => crate::record::name(last.exchange),
            _ => String::new(),
        };
        Ok(Response::new(ListTransfersResponse {
            transfers: page
                .exchanges
                .iter()
                .map(|record| wire(record, Vec::new()))
                .collect(),
            next_page_token,
        }))
    }

    async fn report_import(
        &self,
        request: Request<ReportImportRequest>,
    ) -> Result<Response<ReportImportResponse>, Status> {
        let caller = caller(&request)?;
        let hub = &self.0;
        let asked = request.into_inner();
        let delivery = delivery_id(&asked.delivery_id)?;
        let report = asked.report.unwrap_or_default();
        let copy = hub
            .store
            .deliveries(&caller.agency.id, &[delivery])
            .await
            .map_err(|failure| store_refusal(&failure))?
            .pop()
            .filter(|copy| copy.collected_at.is_some())
            .ok_or_else(delivery_not_found)?;
        let record = hub
            .store
            .exchange(copy.exchange)
            .await
            .map_err(|failure| store_refusal(&failure))?
            .ok_or_else(delivery_not_found)?;
        let key = hub
            .register
            .key_of(record.subject)
            .await
            .map_err(|failure| store_refusal(&failure))?;
        let sealed = key
            .seal(
                SealPurpose::ImportReport(delivery),
                record.subject,
                &report.encode_to_vec(),
            )
            .map_err(|failure| store_refusal(&failure.into()))?;
        let mut event = hub.event(EventKind::ImportReported, EventOutcome::Success, &caller, REPORT);
        event.subject = Some(record.subject);
        event.exchange = Some(copy.exchange);
        event.exchange_kind = Some(ExchangeKind::Transfer);
        event.delivery = Some(delivery);
        event.facts.push((
            "import",
            report
                .outcome()
                .as_str_name()
                .trim_start_matches("IMPORT_OUTCOME_")
                .into(),
        ));
        event.facts.push(("warnings", report.warnings.len().to_string()));
        let effect = Effect::StoreImportReport {
            delivery,
            sealed,
            at: event.at,
        };
        let log = hub
            .record(&event, vec![effect])
            .await
            .map_err(|failure| commit_refusal(&failure))?;
        Ok(Response::new(ReportImportResponse { log: Some(log) }))
    }

    async fn search_unclaimed_transfers(
        &self,
        request: Request<SearchUnclaimedTransfersRequest>,
    ) -> Result<Response<SearchUnclaimedTransfersResponse>, Status> {
        let caller = caller(&request)?;
        let hub = &self.0;
        let asked = request.get_ref();
        let tags = self.searched(&caller, asked)?;
        let mut event = hub.event(
            EventKind::UnclaimedSearched,
            EventOutcome::Success,
            &caller,
            SEARCH,
        );
        event.facts.push(("search_reason", asked.reason.clone()));
        event.facts.push(("criteria", tags.len().to_string()));
        self.may(&caller, UnclaimedAct::Search, &mut event).await?;
        let found = hub
            .store
            .unclaimed(&tags, FOUND)
            .await
            .map_err(|failure| store_refusal(&failure))?;
        event.facts.push(("found", found.len().to_string()));
        // The search stands in the log before its answer leaves.
        hub.record(&event, Vec::new())
            .await
            .map_err(|failure| commit_refusal(&failure))?;
        Ok(Response::new(SearchUnclaimedTransfersResponse {
            transfers: found.iter().map(|record| wire(record, Vec::new())).collect(),
        }))
    }

    async fn claim_transfer(
        &self,
        request: Request<ClaimTransferRequest>,
    ) -> Result<Response<ClaimTransferResponse>, Status> {
        let caller = caller(&request)?;
        let hub = &self.0;
        let asked = request.get_ref();
        let id = named(&asked.exchange)?;
        let failed = |failure| store_refusal(&failure);
        let record = hub
            .store
            .exchange(id)
            .await
            .map_err(failed)?
            .ok_or_else(exchange_not_found)?;
        let copies = hub.store.deliveries_of(id).await.map_err(failed)?;
        let own = copies.iter().find(|copy| copy.recipient == caller.agency.id);
        let held = match (copies.is_empty(), own) {
            (true, _) => HeldRecord::Unclaimed,
            (false, Some(_)) => HeldRecord::ClaimedByCaller,
            (false, None) => HeldRecord::ClaimedByAnother,
        };
        let mut event = hub.event(EventKind::UnclaimedClaimed, EventOutcome::Success, &caller, CLAIM);
        event.subject = Some(record.subject);
        event.exchange = Some(id);
        event.exchange_kind = Some(ExchangeKind::Transfer);
        event.recipients = recipients(Some(&caller.agency.id));
        event.facts.push(("claim_reason", asked.reason.clone()));
        self.may(&caller, UnclaimedAct::Claim(held), &mut event).await?;
        let (delivery, effects) = match own {
            // Claiming again what was claimed is no fault: the same copy, and another leaf.
            Some(copy) => (copy.delivery, Vec::new()),
            None => {
                let delivery = DeliveryId(hub.clock.new_id());
                let claim = Effect::Claim {
                    exchange: id,
                    by: caller.agency.id.clone(),
                    at: event.at,
                };
                let deliver = Effect::Deliver(DeliveryRow {
                    delivery,
                    exchange: id,
                    kind: ExchangeKind::Transfer,
                    recipient: caller.agency.id.clone(),
                    sender: record.sender.clone(),
                    case_reference: None,
                    due_on: record.due_on,
                    size_bytes: record.sealed.len() as u64,
                    created_at: event.at,
                });
                (delivery, vec![claim, deliver])
            }
        };
        event.delivery = Some(delivery);
        let log = match hub.record(&event, effects).await {
            Ok(log) => log,
            Err(CommitRefused::Conflict(Conflict::AlreadyClaimed)) => {
                let refusal = commit_refusal(&CommitRefused::Conflict(Conflict::AlreadyClaimed));
                event.outcome = EventOutcome::Refused;
                event.delivery = None;
                return Err(recorded(hub.refuse(event, refusal).await));
            }
            Err(failure) => return Err(commit_refusal(&failure).into()),
        };
        hub.wakeups.ring(&caller.agency.id);
        Ok(Response::new(ClaimTransferResponse {
            delivery_id: delivery.to_string(),
            log: Some(log),
        }))
    }
}

impl Transfers {
    /// Asks the rules about held records. A refusal stands in the log when this returns.
    async fn may(&self, caller: &Caller, act: UnclaimedAct, event: &mut AuditEvent) -> Result<(), Status> {
        let decision = self.0.policy.load().decide(&Question {
            on: day_in_england(event.at),
            facts: Facts::Unclaimed(UnclaimedFacts {
                act,
                searcher_kind: caller.agency.kind,
                searcher_status: caller.agency.status,
                reason: SearchReason::Recorded,
            }),
        });
        decided(event, &decision);
        if decision.effect == Outcome::Permit {
            return Ok(());
        }
        let mut refused = event.clone();
        refused.outcome = EventOutcome::Refused;
        Err(recorded(self.0.refuse(refused, denial(&decision)).await))
    }

    /// The tags that a search asks for: identifiers, or surname and date of birth together.
    fn searched(
        &self,
        caller: &Caller,
        asked: &SearchUnclaimedTransfersRequest,
    ) -> Result<Vec<[u8; 16]>, Refusal> {
        let mut out = Vec::new();
        let root = At::Root;
        let list = At::Field(&root, "identifiers");
        let identifiers: Vec<_> = asked
            .identifiers
            .iter()
            .enumerate()
            .filter_map(|(at, one)| convert::identifier(one, &At::Index(&list, at), &mut out))
            .collect();
        let born = convert::date(
            asked.date_of_birth.as_ref(),
            &At::Field(&root, "date_of_birth"),
            &mut out,
        );
        if asked.surname.trim().is_empty() != asked.date_of_birth.is_none() {
            out.push(Violation::new(
                &At::Field(&root, "surname"),
                "surname and date_of_birth are searched together only",
            ));
        } else if identifiers.is_empty() && born.is_none() && out.is_empty() {
            out.push(Violation::new(
                &list,
                "needs an identifier, or surname and date_of_birth together",
            ));
        }
        if !out.is_empty() {
            return Err(Refusal::fields(out));
        }
        let person = sendhub_domain::person::PersonReference {
            identifiers,
            surname: String::new(),
            forename: String::new(),
            former_surnames: Vec::new(),
            former_forenames: Vec::new(),
            date_of_birth: born.unwrap_or_default(),
        };
        let mut tags = self.0.register.tags(&person, &caller.agency.id);
        tags.extend(born.map(|born| self.0.register.search_tag(&asked.surname, born)));
        Ok(tags)
    }

    async fn import_report(
        &self,
        subject: sendhub_domain::person::SubjectId,
        delivery: DeliveryId,
    ) -> Result<Option<ImportReport>, Refusal> {
        let failed = |failure| store_refusal(&failure);
        let Some(sealed) = self.0.store.import_report(delivery).await.map_err(failed)? else {
            return Ok(None);
        };
        let key = self.0.register.key_of(subject).await.map_err(failed)?;
        let text = key
            .open(SealPurpose::ImportReport(delivery), subject, &sealed)
            .map_err(|failure| store_refusal(&failure.into()))?;
        Ok(ImportReport::decode(text.as_slice()).ok())
    }
}

/// Drops what is not done at the caller's deadline: a record that no commit has taken up yet is not written.
async fn in_time<T>(deadline: Option<Deadline>, done: impl Future<Output = T>) -> Result<T, Status> {
    match deadline {
        None => Ok(done.await),
        Some(Deadline(at)) => tokio::time::timeout_at(at, done)
            .await
            .map_err(|_| too_late().into_status()),
    }
}

async fn one_of_many(hub: &Hub, caller: &Caller, record: SubmitTransfersRequest) -> SubmitTransfersResponse {
    let request_id = record
        .transfer
        .as_ref()
        .and_then(|transfer| transfer.envelope.as_ref())
        .map(|envelope| envelope.request_id.clone())
        .filter(|id| Uuid::try_parse(id).is_ok())
        .unwrap_or_default();
    let violations = record.violations();
    let done = match record.transfer {
        Some(transfer) if violations.is_empty() => {
            hub.accept(caller, &transfer, Waiting::ForRoom, SUBMIT_MANY).await
        }
        _ => {
            let mut event = hub.event(
                EventKind::ExchangeRefused,
                EventOutcome::Refused,
                caller,
                SUBMIT_MANY,
            );
            event.exchange_kind = Some(ExchangeKind::Transfer);
            Err(hub.refuse(event, Refusal::fields(violations)).await)
        }
    };
    SubmitTransfersResponse {
        request_id,
        result: Some(match done {
            Ok(receipt) => submit_transfers_response::Result::Receipt(receipt),
            Err(refusal) => submit_transfers_response::Result::Refusal(refusal.into_wire()),
        }),
    }
}

/// A stream that cannot be read on: too large or malformed. Written into the log, then told.
async fn broken(hub: &Hub, caller: &Caller, status: &Status) -> Status {
    let refusal = match status.code() {
        tonic::Code::OutOfRange | tonic::Code::ResourceExhausted => {
            Refusal::new(Reason::MessageTooLarge, "a message is larger than this hub takes")
        }
        // The client went away: nothing was asked, nothing is refused.
        tonic::Code::Cancelled | tonic::Code::Unknown => return status.clone(),
        _ => Refusal::new(
            Reason::MalformedMessage,
            "a message cannot be decoded as its contract says",
        ),
    };
    let event = hub.event(
        EventKind::AccessRefused,
        EventOutcome::Refused,
        caller,
        SUBMIT_MANY,
    );
    hub.refuse(event, refusal).await.into_status()
}

/// The delivery that a text names.
pub(crate) fn delivery_id(text: &str) -> Result<DeliveryId, Refusal> {
    Uuid::try_parse(text)
        .map(DeliveryId)
        .map_err(|_| delivery_not_found())
}

pub(crate) fn page_token() -> Refusal {
    Refusal::fields(vec![Violation {
        field: "page_token".into(),
        description: "is not one that this hub gave".into(),
    }])
}

/// States from which a copy may be handed over.
pub(crate) const OPEN: &[DeliveryState] = &[DeliveryState::Waiting, DeliveryState::Collected];
