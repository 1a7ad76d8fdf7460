//! The courier: sends requests, lists, collects and acknowledges, whatever their number.

use futures_util::stream;
use sendhub_contracts::mailbox::v1::{
    AcknowledgeDeliveriesRequest, AcknowledgeOutcome, CollectDeliveriesRequest, CollectedDelivery,
    DeliveryNotice, ListDeliveriesRequest, collect_deliveries_response,
};
use sendhub_contracts::transfer::v1::SubmitTransferRequest;
use sendhub_contracts::types::v1::Receipt;
use tonic::Status;

use crate::bulk::Bulk;
use crate::session::Session;
use crate::told::Told;

/// Copies collected or acknowledged in one request.
const AT_ONCE: usize = 128;

/// What became of one thing among several.
pub type Outcome<T> = Result<T, Told>;

/// Sends records and returns each one's result, in order. One goes by itself, several as one stream that is made
/// anew when it is cut.
///
/// # Errors
/// The status with which a call or stream broke off. Sending the same requests again is safe.
pub async fn send(
    session: &Session,
    requests: Vec<SubmitTransferRequest>,
    mut done: impl FnMut(),
) -> Result<Vec<Outcome<Receipt>>, Status> {
    let count = requests.len();
    if count == 1 {
        let mut client = session.transfers();
        let mut results = Vec::new();
        for request in requests {
            results.push(match client.submit_transfer(request).await {
                Ok(answer) => Ok(answer.into_inner().receipt.unwrap_or_default()),
                Err(status) if is_transient(&status) => return Err(status),
                Err(status) => Err(Told::from(&status)),
            });
            done();
        }
        return Ok(results);
    }
    let mut results: Vec<Option<Outcome<Receipt>>> = (0..count).map(|_| None).collect();
    Bulk::default()
        .send(session, stream::iter(requests), |number, outcome| {
            if let Some(result) = results.get_mut(number) {
                *result = Some(outcome);
            }
            done();
        })
        .await
        .map_err(|given_up| *given_up.status)?;
    Ok(results.into_iter().flatten().collect())
}

/// Whether the same call may succeed in a moment.
#[must_use]
pub fn is_transient(status: &Status) -> bool {
    use tonic::Code;
    matches!(
        status.code(),
        Code::Unavailable
            | Code::ResourceExhausted
            | Code::DeadlineExceeded
            | Code::Aborted
            | Code::Cancelled
    )
}

/// Everything that waits.
///
/// # Errors
/// The hub's status.
pub async fn list(session: &Session) -> Result<Vec<DeliveryNotice>, Status> {
    let mut client = session.mailbox();
    let (mut all, mut page_token) = (Vec::new(), String::new());
    loop {
        let page = client
            .list_deliveries(ListDeliveriesRequest {
                page_size: 500,
                page_token,
            })
            .await?
            .into_inner();
        all.extend(page.deliveries);
        if page.next_page_token.is_empty() {
            return Ok(all);
        }
        page_token = page.next_page_token;
    }
}

/// Collects copies; each with its own result, in the order asked.
///
/// # Errors
/// The status with which the call broke off.
pub async fn collect(
    session: &Session,
    ids: &[String],
) -> Result<Vec<(String, Outcome<CollectedDelivery>)>, Status> {
    let mut client = session.mailbox();
    let mut all = Vec::with_capacity(ids.len());
    for chunk in ids.chunks(AT_ONCE) {
        let asked = CollectDeliveriesRequest {
            delivery_ids: chunk.to_vec(),
        };
        let mut answers = client.collect_deliveries(asked).await?.into_inner();
        while let Some(answer) = answers.message().await? {
            let result = match answer.result {
                Some(collect_deliveries_response::Result::Delivery(delivery)) => Ok(delivery),
                Some(collect_deliveries_response::Result::Refusal(refusal)) => Err(Told::from(&refusal)),
                None => return Err(Status::internal("the hub gave a result without content")),
            };
            all.push((answer.delivery_id, result));
        }
    }
    Ok(all)
}

/// Acknowledges copies as taken. Returns those that were not, with the reason.
///
/// # Errors
/// The hub's status.
pub async fn acknowledge(session: &Session, ids: &[String]) -> Result<Vec<(String, Told)>, Status> {
    let mut client = session.mailbox();
    let mut refused = Vec::new();
    for chunk in ids.chunks(AT_ONCE) {
        let asked = AcknowledgeDeliveriesRequest {
            delivery_ids: chunk.to_vec(),
            outcome: AcknowledgeOutcome::Taken.into(),
            reason: String::new(),
        };
        let answer = client.acknowledge_deliveries(asked).await?.into_inner();
        for one in answer.results {
            if let Some(refusal) = &one.refusal {
                refused.push((one.delivery_id, Told::from(refusal)));
            }
        }
    }
    Ok(refused)
}
