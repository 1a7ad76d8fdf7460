//! The watch on an inbox: what waits is told as it comes, for as long as the agency may hear it.
//!
//! A watch is a stream that does nothing until it is asked for its next answer, without a task or a queue of its own:
//! thousands of schools watch all day, and next to nothing comes.

use std::collections::{HashSet, VecDeque};
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use futures_util::{Stream, stream};
use sendhub_contracts::errors::v1::Reason;
use sendhub_contracts::mailbox::v1::WatchDeliveriesResponse;
use sendhub_contracts::refusal::Refusal;
use sendhub_domain::agency::{AgencyId, AgencyStatus};
use sendhub_domain::event::{EventKind, EventOutcome};
use sendhub_domain::exchange::DeliveryId;
use sendhub_store::reads::DeliveryRecord;
use tokio::sync::Notify;
use tokio::sync::futures::OwnedNotified;
use tonic::Status;

use crate::hub::{Hub, store_refusal};
use crate::identity::Caller;

const METHOD: &str = "sendhub.mailbox.v1.MailboxService/WatchDeliveries";

/// A sign of life on a quiet watch.
const HEARTBEAT: Duration = Duration::from_secs(30);

/// One watch on one agency's inbox.
///
/// What may be told is always the oldest `window` open deliveries: as these are acknowledged the window moves on.
pub(crate) struct Watch {
    hub: Arc<Hub>,
    caller: Caller,
    bell: Arc<Notify>,
    window: u32,
    /// What was told and still waits.
    told: HashSet<DeliveryId>,
    /// Read and not yet told.
    pending: VecDeque<DeliveryRecord>,
    step: Step,
}

/// Where a watch stands.
enum Step {
    /// The inbox is to be read.
    Look,
    /// The inbox was read; this rings when something has changed since just before.
    Listen(Pin<Box<OwnedNotified>>),
    /// Its last answer was given.
    Over,
}

impl Watch {
    /// A watch that has told nothing yet.
    pub(crate) fn begin(hub: Arc<Hub>, caller: Caller, window: u32) -> Self {
        let bell = hub.wakeups.bell(&caller.agency.id);
        Self {
            hub,
            caller,
            bell,
            window,
            told: HashSet::new(),
            pending: VecDeque::new(),
            step: Step::Look,
        }
    }

    /// Its answers until the client goes, the hub stops or the agency may no longer ask.
    pub(crate) fn into_stream(self) -> impl Stream<Item = Result<WatchDeliveriesResponse, Status>> + Send {
        stream::unfold(self, |mut watch| async move {
            let answer = watch.next().await?;
            if answer.is_err() {
                watch.step = Step::Over;
            }
            Some((answer, watch))
        })
    }

    async fn next(&mut self) -> Option<Result<WatchDeliveriesResponse, Status>> {
        loop {
            if matches!(self.step, Step::Over) {
                return None;
            }
            if self.hub.stopping.is_cancelled() {
                return Some(Err(stopping()));
            }
            if still_admitted(&self.hub, &self.caller, &self.caller.agency.id).is_err() {
                // A slow reader is told nothing that was read while it might hear of it.
                self.pending.clear();
                self.step = Step::Look;
            }
            if let Some(copy) = self.pending.pop_front() {
                return Some(Ok(WatchDeliveriesResponse {
                    notice: Some(self.hub.notice(&copy)),
                }));
            }
            match std::mem::replace(&mut self.step, Step::Look) {
                Step::Over => return None,
                Step::Look => {
                    // Listened for before reading: what comes between the two rings again.
                    let mut rung = Box::pin(Arc::clone(&self.bell).notified_owned());
                    rung.as_mut().enable();
                    // In a box: it is looked for moments, and listened for hours.
                    if let Err(refusal) = Box::pin(self.look()).await {
                        return Some(Err(refusal.into()));
                    }
                    self.step = Step::Listen(rung);
                }
                Step::Listen(mut rung) => tokio::select! {
                    () = rung.as_mut() => {}
                    () = self.hub.stopping.cancelled() => {}
                    () = tokio::time::sleep(HEARTBEAT) => {
                        return Some(Ok(WatchDeliveriesResponse { notice: None }));
                    }
                },
            }
        }
    }

    /// Reads the inbox, if the agency may still hear of it.
    async fn look(&mut self) -> Result<(), Refusal> {
        let own = &self.caller.agency.id;
        if let Err(refusal) = still_admitted(&self.hub, &self.caller, own) {
            let (kind, outcome) = (EventKind::AccessRefused, EventOutcome::Refused);
            let event = self.hub.event(kind, outcome, &self.caller, METHOD);
            return Err(self.hub.refuse(event, refusal).await);
        }
        let page = self
            .hub
            .store
            .inbox(own, None, self.window)
            .await
            .map_err(|failure| store_refusal(&failure))?;
        let before = std::mem::take(&mut self.told);
        self.told = page.deliveries.iter().map(|copy| copy.delivery).collect();
        let new = page
            .deliveries
            .into_iter()
            .filter(|copy| !before.contains(&copy.delivery));
        self.pending = new.collect();
        Ok(())
    }
}

fn stopping() -> Status {
    Refusal::new(Reason::ShuttingDown, "this gateway is stopping; connect again")
        .retry_after(Duration::from_secs(1))
        .into()
}

/// A watch outlives its request: agency and certificate are looked at again each time before it tells anything.
fn still_admitted(hub: &Hub, caller: &Caller, own: &AgencyId) -> Result<(), Refusal> {
    let directory = hub.directory.load();
    match directory.by_certificate(&caller.certificate) {
        Some(agency) if agency.id == *own && agency.status == AgencyStatus::Active => Ok(()),
        Some(agency) if agency.id == *own => Err(Refusal::new(
            Reason::AgencySuspended,
            "this agency no longer takes part",
        )),
        _ => Err(Refusal::new(
            Reason::CertificateRevoked,
            "the client certificate was revoked",
        )),
    }
}
