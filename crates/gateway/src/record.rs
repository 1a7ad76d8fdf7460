//! A transfer record as it is kept: what stands outside in the clear, what is sealed inside, and the receipt.

use prost::Message;
use sendhub_contracts::errors::v1::Reason;
use sendhub_contracts::refusal::Refusal;
use sendhub_contracts::transfer::v1::{SubmitTransferRequest, Transfer};
use sendhub_contracts::types::v1 as types;
use sendhub_contracts::{convert, transfer};
use sendhub_domain::exchange::ExchangeId;
use sendhub_store::reads::{DeliveryRecord, ExchangeRecord};
use sendhub_store::seal::{DataKey, SealPurpose};
use sendhub_store::{SealError, StoreError};
use uuid::Uuid;

use crate::exchange::header::Outside;
use crate::hub::{Hub, exchange_not_found, store_refusal, wire_inclusion};

/// Length of the salt before the sealed request, in bytes.
const SALT: usize = 16;

/// A transfer record's request.
pub(crate) struct Inside {
    pub(crate) request: SubmitTransferRequest,
}

/// The text that is sealed: salt, then the request.
pub(crate) fn inside_text(salt: &[u8; SALT], request: &[u8]) -> Vec<u8> {
    [&salt[..], request].concat()
}

/// Opens what was sealed.
fn unsealed(key: &DataKey, record: &ExchangeRecord) -> Result<([u8; SALT], Vec<u8>), StoreError> {
    let text = key.open(
        SealPurpose::Exchange(record.exchange),
        record.subject,
        &record.sealed,
    )?;
    let (salt, request) = text
        .split_first_chunk::<SALT>()
        .ok_or(StoreError::Keys(SealError::DoesNotOpen))?;
    Ok((*salt, request.to_vec()))
}

/// Opens a sealed transfer record.
pub(crate) fn open(key: &DataKey, record: &ExchangeRecord) -> Result<Inside, StoreError> {
    let (_, request) = unsealed(key, record)?;
    Ok(Inside {
        request: SubmitTransferRequest::decode(request.as_slice())
            .map_err(|_| StoreError::Corrupt("transfer record"))?,
    })
}

/// Opens a sealed request of any kind.
pub(crate) fn open_text(key: &DataKey, record: &ExchangeRecord) -> Result<Vec<u8>, StoreError> {
    unsealed(key, record).map(|(_, request)| request)
}

/// The exchange's name on the wire.
pub(crate) fn name(exchange: ExchangeId) -> String {
    format!("transfers/{exchange}")
}

/// The exchange that a name means.
pub(crate) fn named(name: &str) -> Result<ExchangeId, Refusal> {
    name.strip_prefix("transfers/")
        .and_then(|id| Uuid::try_parse(id).ok())
        .map(ExchangeId)
        .ok_or_else(|| {
            Refusal::new(
                Reason::InvalidRequest,
                "exchange: a transfer record's name is of the form transfers/<uuid>",
            )
        })
}

/// A record's outside for the wire.
pub(crate) fn wire(record: &ExchangeRecord, deliveries: Vec<transfer::v1::TransferDelivery>) -> Transfer {
    let outside = Outside::decode(record.header.as_slice()).unwrap_or_default();
    Transfer {
        exchange: name(record.exchange),
        request_id: record.request.to_string(),
        sender_agency_id: record.sender.to_string(),
        accept_time: Some(convert::wire_time(record.accepted_at)),
        case_reference: outside.case_reference,
        due_on: record.due_on.map(convert::wire_date),
        deliveries,
    }
}

/// One copy for the wire, without its import report.
pub(crate) fn wire_delivery(record: &DeliveryRecord) -> transfer::v1::TransferDelivery {
    transfer::v1::TransferDelivery {
        delivery_id: record.delivery.to_string(),
        recipient_agency_id: record.recipient.to_string(),
        state: convert::wire_state(record.state).into(),
        collect_time: record.collected_at.map(convert::wire_time),
        end_time: record.ended_at.map(convert::wire_time),
        import_report: None,
    }
}

impl Hub {
    /// The receipt that an exchange got when it was accepted.
    pub(crate) async fn receipt(&self, exchange: ExchangeId) -> Result<types::Receipt, Refusal> {
        let failed = |failure: StoreError| store_refusal(&failure);
        let record = self
            .store
            .exchange(exchange)
            .await
            .map_err(failed)?
            .ok_or_else(exchange_not_found)?;
        let key = self.register.key_of(record.subject).await.map_err(failed)?;
        let (salt, _) = unsealed(&key, &record).map_err(failed)?;
        let outside = Outside::decode(record.header.as_slice())
            .map_err(|_| failed(StoreError::Corrupt("exchange header")))?;
        let log = self
            .place(&record.log, record.leaf_index, record.tree_size)
            .await
            .map_err(failed)?
            .ok_or_else(|| failed(StoreError::Corrupt("leaf")))?;
        Ok(types::Receipt {
            log: Some(log),
            content_salt: salt.to_vec(),
            ..outside.receipt.unwrap_or_default()
        })
    }

    /// A leaf with its proof in a tree, and that tree's checkpoint if one was signed.
    pub(crate) async fn place(
        &self,
        log: &str,
        index: u64,
        size: u64,
    ) -> Result<Option<types::LogPosition>, StoreError> {
        let Some(proof) = self.store.prove_inclusion(log, index, size).await? else {
            return Ok(None);
        };
        let Some(event) = self.store.event(log, index).await? else {
            return Ok(None);
        };
        let checkpoint = self.store.checkpoint(log, Some(size)).await?;
        Ok(Some(types::LogPosition {
            origin: log.to_owned(),
            leaf_entry: event.entry,
            inclusion: Some(wire_inclusion(proof)),
            checkpoint: checkpoint.map(|one| one.note).unwrap_or_default(),
        }))
    }
}
