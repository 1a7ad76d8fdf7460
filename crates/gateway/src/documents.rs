//! The attachment service: documents streamed up and down, sealed at rest. Downloading is a disclosure like collecting.

use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use futures_util::{Stream, StreamExt as _};
use jiff::{SignedDuration, Timestamp};
use sendhub_contracts::attachment::v1 as wire;
use sendhub_contracts::attachment::v1::attachment_service_server::AttachmentService;
use sendhub_contracts::errors::v1::Reason;
use sendhub_contracts::refusal::Refusal;
use sendhub_contracts::types::v1 as types;
use sendhub_contracts::validate::{At, Validate as _};
use sendhub_domain::event::{EventKind, EventOutcome};
use sendhub_domain::exchange::AttachmentId;
use sendhub_store::change::AttachmentRow;
use sendhub_store::reads::AttachmentRecord;
use sendhub_store::{CommitRefused, Effect};
use tonic::{Request, Response, Status, Streaming};
use tracing::warn;

use crate::attachments::{AttachmentError, Declared, Placed, Stored};
use crate::exchange::handing::Asked;
use crate::exchange::header::Outside;
use crate::exchange::parties::named;
use crate::hub::{Hub, commit_refusal, delivery_not_found, is_passing, recorded, store_refusal};
use crate::identity::Caller;
use crate::transfer::{caller, delivery_id};

const UPLOAD: &str = "sendhub.attachment.v1.AttachmentService/UploadAttachment";
const DOWNLOAD: &str = "sendhub.attachment.v1.AttachmentService/DownloadAttachment";

/// Bytes in one message of a download.
const CHUNK: usize = 256 * 1024;
/// How long an object may lie without its row: much longer than any upload takes.
const ORPHAN_HOURS: i64 = 24;

/// The service.
pub(crate) struct Documents(pub(crate) Arc<Hub>);

type Pieces = Pin<Box<dyn Stream<Item = Result<wire::DownloadAttachmentResponse, Status>> + Send>>;

#[tonic::async_trait]
impl AttachmentService for Documents {
    async fn upload_attachment(
        &self,
        request: Request<Streaming<wire::UploadAttachmentRequest>>,
    ) -> Result<Response<wire::UploadAttachmentResponse>, Status> {
        let caller = caller(&request)?;
        match Box::pin(self.0.upload(&caller, request.into_inner())).await {
            Ok(done) => Ok(Response::new(done)),
            Err(refusal) if is_passing(refusal.reason) => Err(refusal.into()),
            Err(refusal) => {
                let event = self.0.event(
                    EventKind::AttachmentStored,
                    EventOutcome::Refused,
                    &caller,
                    UPLOAD,
                );
                Err(recorded(self.0.refuse(event, refusal).await))
            }
        }
    }

    type DownloadAttachmentStream = Pieces;

    async fn download_attachment(
        &self,
        request: Request<wire::DownloadAttachmentRequest>,
    ) -> Result<Response<Self::DownloadAttachmentStream>, Status> {
        let caller = caller(&request)?;
        let pieces = Box::pin(self.0.download(&caller, request.get_ref()))
            .await
            .map_err(recorded)?;
        Ok(Response::new(pieces))
    }
}

impl Hub {
    async fn upload(
        &self,
        caller: &Caller,
        mut pieces: Streaming<wire::UploadAttachmentRequest>,
    ) -> Result<wire::UploadAttachmentResponse, Refusal> {
        use wire::upload_attachment_request::Part;
        let Some(Part::Header(header)) = next(&mut pieces).await? else {
            return Err(Refusal::new(
                Reason::InvalidRequest,
                "header: the first message of an upload holds it",
            ));
        };
        let id = AttachmentId(self.clock.new_id());
        let declared = Declared {
            media_type: header.media_type.clone(),
            size_bytes: header.size_bytes,
            sha256: header
                .sha256
                .as_ref()
                .try_into()
                .map_err(|_| Refusal::new(Reason::InvalidRequest, "header.sha256: is 32 bytes"))?,
        };
        let mut upload = self
            .vault
            .begin(id, &declared, &self.keyring)
            .map_err(|error| refused(&error))?;
        while let Some(part) = next(&mut pieces).await? {
            let Part::Chunk(chunk) = part else {
                return Err(Refusal::new(
                    Reason::InvalidRequest,
                    "header: stands once, in the first message",
                ));
            };
            upload = upload.write(&chunk).await.map_err(|error| refused(&error))?;
        }
        let placed = upload.finish().await.map_err(|error| refused(&error))?;
        self.enter(caller, placed, &header).await
    }

    /// Enters a stored object into the database. What is refused for certain leaves nothing behind.
    async fn enter(
        &self,
        caller: &Caller,
        placed: Placed,
        header: &wire::AttachmentHeader,
    ) -> Result<wire::UploadAttachmentResponse, Refusal> {
        let stored = placed.keep();
        let mut event = self.event(EventKind::AttachmentStored, EventOutcome::Success, caller, UPLOAD);
        event.facts.push(("attachment", stored.id.to_string()));
        event.facts.push(("media_type", stored.media_type.clone()));
        event.facts.push(("size_bytes", stored.size_bytes.to_string()));
        let row = AttachmentRow {
            attachment: stored.id,
            owner: caller.agency.id.clone(),
            subject: None,
            media_type: stored.media_type.clone(),
            size_bytes: stored.size_bytes,
            sha256: stored.sha256,
            place: stored.place.clone(),
            wrapped_key: stored.wrapped_key.clone(),
            master_key_id: stored.master_key_id.clone(),
            created_at: event.at,
        };
        match self.record(&event, vec![Effect::StoreAttachment(row)]).await {
            Ok(log) => Ok(wire::UploadAttachmentResponse {
                attachment: Some(types::AttachmentReference {
                    attachment: format!("attachments/{}", stored.id),
                    file_name: header.file_name.clone(),
                    media_type: stored.media_type,
                    size_bytes: stored.size_bytes,
                    sha256: stored.sha256.to_vec(),
                }),
                log: Some(log),
            }),
            Err(failure) => {
                // Where it is not known whether the row was written, the sweeper finds out.
                if !matches!(failure, CommitRefused::NotConfirmed)
                    && let Err(error) = self.vault.remove(&stored.place).await
                {
                    warn!(%error, "an object without a row could not be removed; it is swept later");
                }
                Err(commit_refusal(&failure))
            }
        }
    }

    /// Decides a download like a collection, writes it, and streams the document.
    async fn download(
        &self,
        caller: &Caller,
        asked: &wire::DownloadAttachmentRequest,
    ) -> Result<Pieces, Refusal> {
        let failed = |failure| store_refusal(&failure);
        let found = self.copy_with(caller, asked).await;
        let (attachment, copy, record) = match found {
            Ok(found) => found,
            Err(refusal) => {
                let event = self.event(
                    EventKind::CollectionRefused,
                    EventOutcome::Refused,
                    caller,
                    DOWNLOAD,
                );
                return Err(self.refuse(event, refusal).await);
            }
        };
        let outside = Outside::read(&record.header);
        let standing = outside
            .standing(&caller.agency.id)
            .ok_or_else(delivery_not_found)?;
        let facts = vec![("attachment", attachment.attachment.to_string())];
        self.admit_collection(
            &Asked {
                caller,
                copy: &copy,
                record: &record,
                outside: &outside,
                standing,
                method: DOWNLOAD,
            },
            false,
            facts,
        )
        .await?;
        let stored = Stored {
            id: attachment.attachment,
            media_type: attachment.media_type.clone(),
            size_bytes: attachment.size_bytes,
            sha256: attachment.sha256,
            place: attachment.place.clone(),
            wrapped_key: attachment.wrapped_key.clone(),
            master_key_id: attachment.master_key_id.clone(),
        };
        let download = self
            .vault
            .download(&stored, &self.keyring)
            .await
            .map_err(|error| {
                warn!(%error, "an attachment cannot be read");
                failed(sendhub_store::StoreError::Corrupt("attachment"))
            })?;
        let header = wire::DownloadAttachmentResponse {
            part: Some(wire::download_attachment_response::Part::Header(
                wire::AttachmentHeader {
                    file_name: String::new(),
                    media_type: attachment.media_type,
                    size_bytes: attachment.size_bytes,
                    sha256: attachment.sha256.to_vec().into(),
                },
            )),
        };
        let pieces = download.into_stream(CHUNK).map(|piece| match piece {
            Ok(bytes) => Ok(wire::DownloadAttachmentResponse {
                part: Some(wire::download_attachment_response::Part::Chunk(bytes)),
            }),
            Err(error) => {
                warn!(%error, "an attachment broke while it was read");
                Err(Refusal::new(Reason::StoreUnavailable, "the document cannot be read to its end").into())
            }
        });
        Ok(Box::pin(futures_util::stream::iter([Ok(header)]).chain(pieces)))
    }

    /// The attachment, and the caller's copy of an exchange that carries it.
    async fn copy_with(
        &self,
        caller: &Caller,
        asked: &wire::DownloadAttachmentRequest,
    ) -> Result<
        (
            AttachmentRecord,
            sendhub_store::reads::DeliveryRecord,
            sendhub_store::reads::ExchangeRecord,
        ),
        Refusal,
    > {
        let failed = |failure| store_refusal(&failure);
        let id = named("attachments", &asked.attachment)
            .map(AttachmentId)
            .ok_or_else(not_found)?;
        let attachment = self
            .store
            .attachment(id)
            .await
            .map_err(failed)?
            .ok_or_else(not_found)?;
        let copy = self
            .store
            .deliveries(&caller.agency.id, &[delivery_id(&asked.delivery_id)?])
            .await
            .map_err(failed)?
            .pop()
            .ok_or_else(delivery_not_found)?;
        let carried = self
            .store
            .exchanges_of_attachment(id)
            .await
            .map_err(failed)?
            .contains(&copy.exchange);
        // A copy that was never collected, or that was stopped, opens no document.
        let had =
            copy.collected_at.is_some() && copy.state != sendhub_domain::exchange::DeliveryState::Stopped;
        if !carried || copy.notice.is_some() {
            return Err(not_found());
        }
        if !had {
            return Err(Refusal::new(
                Reason::DeliveryEnded,
                "collect the delivery first; what was stopped opens no document",
            ));
        }
        let record = self
            .store
            .exchange(copy.exchange)
            .await
            .map_err(failed)?
            .ok_or_else(delivery_not_found)?;
        Ok((attachment, copy, record))
    }

    /// Removes what a kill between object and row has left, until the hub stops.
    pub async fn keep_vault(self: Arc<Self>, every: Duration) {
        let mut tick = tokio::time::interval(every);
        loop {
            tokio::select! {
                () = self.stopping.cancelled() => return,
                _ = tick.tick() => {}
            }
            let before = self
                .clock
                .machine_now()
                .checked_sub(SignedDuration::from_hours(ORPHAN_HOURS))
                .unwrap_or(Timestamp::MIN);
            if let Err(error) = self.sweep_vault(before).await {
                warn!(%error, "the store of attachments could not be swept");
            }
        }
    }

    async fn sweep_vault(&self, before: Timestamp) -> Result<(), AttachmentError> {
        let mut known = std::collections::HashSet::new();
        for place in self.vault.places(before).await? {
            let id = place
                .rsplit('/')
                .next()
                .and_then(|name| name.split('.').next())
                .and_then(|name| uuid::Uuid::try_parse(name).ok())
                .map(AttachmentId);
            let row = match id {
                Some(id) => self.store.attachment(id).await,
                None => Ok(None),
            };
            // While the database does not answer, nothing counts as unknown.
            if !matches!(row, Ok(None)) {
                known.insert(place);
            }
        }
        let gone = self.vault.sweep(before, |place| known.contains(place)).await?;
        if gone > 0 {
            tracing::info!(gone, "objects without a row were removed");
        }
        Ok(())
    }
}

/// The next message of an upload, checked against the contract.
async fn next(
    pieces: &mut Streaming<wire::UploadAttachmentRequest>,
) -> Result<Option<wire::upload_attachment_request::Part>, Refusal> {
    let piece = pieces.message().await.map_err(|_| {
        Refusal::new(
            Reason::AttachmentTruncated,
            "the stream broke before the declared length was there",
        )
    })?;
    let Some(piece) = piece else { return Ok(None) };
    let mut faults = Vec::new();
    piece.validate(&At::Root, &mut faults);
    if !faults.is_empty() {
        return Err(Refusal::fields(faults));
    }
    piece
        .part
        .map(Some)
        .ok_or_else(|| Refusal::new(Reason::InvalidRequest, "part: is required"))
}

fn not_found() -> Refusal {
    Refusal::new(
        Reason::AttachmentNotFound,
        "there is no such attachment that this agency may have",
    )
}

fn refused(error: &AttachmentError) -> Refusal {
    let (reason, words) = match error {
        AttachmentError::Empty => (Reason::InvalidRequest, "an attachment has at least one byte"),
        AttachmentError::Truncated { .. } => (
            Reason::AttachmentTruncated,
            "fewer bytes came than were declared; nothing is kept",
        ),
        AttachmentError::TooLarge { .. } => (
            Reason::AttachmentTooLarge,
            "more bytes than were declared, or than this hub takes; nothing is kept",
        ),
        AttachmentError::HashWrong => (
            Reason::AttachmentHashWrong,
            "the bytes are not those whose SHA-256 was declared; nothing is kept",
        ),
        AttachmentError::TypeRefused => (
            Reason::AttachmentTypeRefused,
            "this hub does not take documents of this media type",
        ),
        AttachmentError::TypeMismatch { .. } => (
            Reason::AttachmentTypeRefused,
            "the content is not of the declared media type; nothing is kept",
        ),
        AttachmentError::Store(_) | AttachmentError::Key(_) | AttachmentError::Damaged { .. } => {
            warn!(%error, "an attachment could not be stored");
            return Refusal::new(
                Reason::StoreUnavailable,
                "the document cannot be stored now; try again",
            )
            .retry_after(Duration::from_secs(2));
        }
    };
    Refusal::new(reason, words)
}
