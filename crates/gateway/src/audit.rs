//! The audit service: receipts, events, checkpoints and proofs. Nothing here is personal.

use std::sync::Arc;

use sendhub_contracts::audit::v1 as wire;
use sendhub_contracts::audit::v1::audit_service_server::AuditService;
use sendhub_contracts::errors::v1::Reason;
use sendhub_contracts::refusal::Refusal;
use sendhub_contracts::types::v1 as types;
use sendhub_domain::agency::AgencyId;
use sendhub_domain::exchange::ExchangeId;
use sendhub_store::StoreError;
use sendhub_store::reads::EventFilter;
use tonic::{Request, Response, Status};

use crate::directory::instant;
use crate::exchange::handing::any_exchange;
use crate::hub::{Hub, exchange_not_found, store_refusal};
use crate::transfer::{caller, page_token};

/// The service.
pub(crate) struct Audit(pub(crate) Arc<Hub>);

#[tonic::async_trait]
impl AuditService for Audit {
    async fn get_receipt(
        &self,
        request: Request<wire::GetReceiptRequest>,
    ) -> Result<Response<wire::GetReceiptResponse>, Status> {
        let caller = caller(&request)?;
        let id = any_exchange(&request.get_ref().exchange).ok_or_else(exchange_not_found)?;
        let record = self
            .0
            .store
            .exchange(id)
            .await
            .map_err(failed)?
            .filter(|record| record.sender == caller.agency.id)
            .ok_or_else(exchange_not_found)?;
        let receipt = self.0.receipt(record.exchange).await?;
        Ok(Response::new(wire::GetReceiptResponse {
            receipt: Some(receipt),
        }))
    }

    async fn list_events(
        &self,
        request: Request<wire::ListEventsRequest>,
    ) -> Result<Response<wire::ListEventsResponse>, Status> {
        let caller = caller(&request)?;
        let asked = request.get_ref();
        let text = |text: &String| (!text.is_empty()).then(|| text.clone());
        let exchange = match asked.exchange.as_str() {
            "" => None,
            name => Some(any_exchange(name).ok_or_else(exchange_not_found)?),
        };
        let after = match asked.page_token.as_str() {
            "" => None,
            token => Some(
                token
                    .rsplit_once(':')
                    .and_then(|(log, index)| Some((log.to_owned(), index.parse().ok()?)))
                    .ok_or_else(page_token)?,
            ),
        };
        let sees_all = caller.is_operator()
            || match exchange {
                Some(exchange) => self
                    .0
                    .took_part(&caller.agency.id, exchange)
                    .await
                    .map_err(failed)?,
                None => false,
            };
        let limit = if asked.page_size == 0 {
            100
        } else {
            asked.page_size
        };
        let events = self
            .0
            .store
            .events(&EventFilter {
                log: text(&asked.log_origin),
                agency: (!sees_all).then(|| caller.agency.id.clone()),
                subject: None,
                exchange,
                kind: text(&asked.kind),
                from: instant(asked.from_time.as_ref()),
                until: instant(asked.until_time.as_ref()),
                after,
                limit,
            })
            .await
            .map_err(failed)?;
        let full = events.len() as u64 == u64::from(limit);
        let next_page_token = match events.last() {
            Some(last) if full => format!("{}:{}", last.log, last.index),
            _ => String::new(),
        };
        Ok(Response::new(wire::ListEventsResponse {
            events: events
                .into_iter()
                .map(|event| wire::AuditEvent {
                    log_origin: event.log,
                    leaf_index: event.index,
                    leaf_entry: event.entry,
                })
                .collect(),
            next_page_token,
        }))
    }

    async fn list_logs(
        &self,
        _request: Request<wire::ListLogsRequest>,
    ) -> Result<Response<wire::ListLogsResponse>, Status> {
        let logs = self.0.store.logs().await.map_err(failed)?;
        Ok(Response::new(wire::ListLogsResponse {
            logs: logs
                .into_iter()
                .map(|log| wire::AuditLog {
                    origin: log.origin,
                    verifier_key: log.verifier_key,
                    size: log.size,
                })
                .collect(),
        }))
    }

    async fn get_checkpoint(
        &self,
        request: Request<wire::GetCheckpointRequest>,
    ) -> Result<Response<wire::GetCheckpointResponse>, Status> {
        let asked = request.get_ref();
        let log = self.log(&asked.log_origin);
        let size = (asked.size > 0).then_some(asked.size);
        let found = self
            .0
            .store
            .checkpoint(log, size)
            .await
            .map_err(failed)?
            .ok_or_else(nothing_there)?;
        Ok(Response::new(wire::GetCheckpointResponse {
            checkpoint: found.note,
            size: found.size,
        }))
    }

    async fn get_inclusion_proof(
        &self,
        request: Request<wire::GetInclusionProofRequest>,
    ) -> Result<Response<wire::GetInclusionProofResponse>, Status> {
        let caller = caller(&request)?;
        let asked = request.get_ref();
        let log = self.log(&asked.log_origin);
        let size = self.size(log, asked.tree_size).await?;
        let place = self
            .0
            .place(log, asked.leaf_index, size)
            .await
            .map_err(failed)?
            .filter(|place| caller.is_operator() || names(&place.leaf_entry, caller.agency.id.as_str()))
            .ok_or_else(nothing_there)?;
        Ok(Response::new(wire::GetInclusionProofResponse {
            log: Some(place),
        }))
    }

    async fn get_consistency_proof(
        &self,
        request: Request<wire::GetConsistencyProofRequest>,
    ) -> Result<Response<wire::GetConsistencyProofResponse>, Status> {
        let asked = request.get_ref();
        let log = self.log(&asked.log_origin);
        let new_size = self.size(log, asked.new_size).await?;
        let proof = self
            .0
            .store
            .prove_consistency(log, asked.old_size, new_size)
            .await
            .map_err(failed)?
            .ok_or_else(nothing_there)?;
        Ok(Response::new(wire::GetConsistencyProofResponse {
            proof: Some(types::ConsistencyProof {
                old_size: proof.old_size,
                new_size: proof.new_size,
                path: proof.path.into_iter().map(|hash| hash.0.to_vec()).collect(),
            }),
        }))
    }
}

impl Audit {
    fn log<'a>(&'a self, asked: &'a str) -> &'a str {
        if asked.is_empty() { &self.0.origin } else { asked }
    }

    async fn size(&self, log: &str, asked: u64) -> Result<u64, Refusal> {
        if asked > 0 {
            return Ok(asked);
        }
        let newest = self.0.store.checkpoint(log, None).await.map_err(failed)?;
        newest.map(|newest| newest.size).ok_or_else(nothing_there)
    }
}

impl Hub {
    /// Whether an agency sent an exchange or is one of its recipients.
    pub(crate) async fn took_part(
        &self,
        agency: &AgencyId,
        exchange: ExchangeId,
    ) -> Result<bool, StoreError> {
        let record = self.store.exchange(exchange).await?;
        if record.is_some_and(|record| record.sender == *agency) {
            return Ok(true);
        }
        let copies = self.store.deliveries_of(exchange).await?;
        Ok(copies.iter().any(|copy| copy.recipient == *agency))
    }
}

/// Whether a leaf names an agency as acting or as a recipient.
fn names(leaf: &[u8], agency: &str) -> bool {
    let Ok(leaf) = serde_json::from_slice::<serde_json::Value>(leaf) else {
        return false;
    };
    leaf["agency"] == agency
        || leaf["recipients"]
            .as_array()
            .is_some_and(|all| all.iter().any(|one| one == agency))
}

#[expect(clippy::needless_pass_by_value, reason = "the form that map_err wants")]
fn failed(failure: StoreError) -> Refusal {
    store_refusal(&failure)
}

fn nothing_there() -> Refusal {
    Refusal::new(
        Reason::LogPositionNotFound,
        "no log has that place, or this agency took no part in it",
    )
}
