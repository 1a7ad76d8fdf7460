//! Outflow: a streamed reply on its way out. It keeps its agency's place while it lasts, ends at the caller's
//! deadline, and is cut when its reader reads no more.

use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, Response};
use hyper::body::{Frame, SizeHint};
use sendhub_contracts::errors::v1::Reason;
use sendhub_contracts::refusal::Refusal;
use tokio::time::{Instant, Sleep};
use tokio_util::sync::CancellationToken;
use tonic::body::Body;
use tracing::info;

use crate::shares::Held;

/// When the caller stops waiting, beside the request.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Deadline(pub(crate) Instant);

/// All streamed replies that are under way.
pub(crate) struct Outflows {
    patience: Duration,
    flows: Mutex<Vec<Weak<Flow>>>,
}

/// One reply, shared by the transport that sends it and the sweep that may end it: a reader that opens no window
/// keeps the transport from asking, so that somebody else must let go of what feeds the stream.
struct Flow(Mutex<State>);

struct State {
    body: Option<Body>,
    /// When the last piece was handed to the transport, if it has not asked for more since.
    given: Option<Instant>,
    deadline: Option<Instant>,
    end: Option<Refusal>,
    place: Held,
}

impl Flow {
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// Lets go of the source and of the place; the reader is told why when it reads again.
    fn cut(&mut self, why: Refusal) -> Option<Body> {
        self.end = Some(why);
        self.place = None;
        self.given = None;
        self.body.take()
    }
}

impl Outflows {
    /// Cuts readers that take nothing for so long.
    pub(crate) fn new(patience: Duration) -> Arc<Self> {
        Arc::new(Self {
            patience,
            flows: Mutex::default(),
        })
    }

    /// Puts a streamed reply under watch.
    pub(crate) fn watch(
        &self,
        reply: Response<Body>,
        deadline: Option<Instant>,
        place: Held,
    ) -> Response<Body> {
        reply.map(|body| {
            let flow = Arc::new(Flow(Mutex::new(State {
                body: Some(body),
                given: None,
                deadline,
                end: None,
                place,
            })));
            let mut flows = self.flows.lock().unwrap_or_else(PoisonError::into_inner);
            flows.push(Arc::downgrade(&flow));
            drop(flows);
            Body::new(Outflow {
                flow,
                deadline: deadline.map(|at| Box::pin(tokio::time::sleep_until(at))),
            })
        })
    }

    /// Looks after all of them until the hub stops.
    pub(crate) async fn keep(self: Arc<Self>, stopping: CancellationToken) {
        let every = (self.patience / 8).max(Duration::from_millis(50));
        loop {
            tokio::select! {
                () = stopping.cancelled() => return,
                () = tokio::time::sleep(every) => self.sweep(Instant::now()),
            }
        }
    }

    fn sweep(&self, now: Instant) {
        let mut cut = Vec::new();
        let mut flows = self.flows.lock().unwrap_or_else(PoisonError::into_inner);
        flows.retain(|flow| {
            let Some(flow) = flow.upgrade() else { return false };
            let mut state = flow.state();
            let Some(given) = state.given else { return true };
            if now.duration_since(given) >= self.patience {
                cut.extend(state.cut(too_slow(self.patience)));
            } else if state.deadline.is_some_and(|at| at <= now) {
                cut.extend(state.cut(too_late()));
            }
            true
        });
        drop(flows);
        if !cut.is_empty() {
            info!(streams = cut.len(), "cut: their readers read no more");
        }
    }
}

fn too_slow(patience: Duration) -> Refusal {
    Refusal::new(
        Reason::Overloaded,
        format!(
            "nothing of this stream was read for {} seconds, so it was ended; what waits stays, open it again",
            patience.as_secs()
        ),
    )
    .retry_after(Duration::from_secs(1))
}

/// What is told when the caller's deadline passed.
pub(crate) fn too_late() -> Refusal {
    Refusal::new(
        Reason::DeadlineExceeded,
        "the caller's deadline passed before the hub was done",
    )
}

/// The body of a streamed reply.
struct Outflow {
    flow: Arc<Flow>,
    deadline: Option<Pin<Box<Sleep>>>,
}

impl hyper::body::Body for Outflow {
    type Data = Bytes;
    type Error = tonic::Status;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, tonic::Status>>> {
        let this = &mut *self;
        let mut state = this.flow.state();
        if let Some(deadline) = &mut this.deadline
            && state.body.is_some()
            && deadline.as_mut().poll(cx).is_ready()
        {
            state.cut(too_late());
        }
        if let Some(end) = state.end.take() {
            let mut trailers = HeaderMap::new();
            return match end.into_status().add_header(&mut trailers) {
                Ok(()) => Poll::Ready(Some(Ok(Frame::trailers(trailers)))),
                Err(status) => Poll::Ready(Some(Err(status))),
            };
        }
        let Some(body) = &mut state.body else {
            return Poll::Ready(None);
        };
        match Pin::new(body).poll_frame(cx) {
            Poll::Pending => {
                state.given = None;
                Poll::Pending
            }
            Poll::Ready(Some(piece)) => {
                state.given = Some(Instant::now());
                Poll::Ready(Some(piece))
            }
            Poll::Ready(None) => {
                state.body = None;
                state.place = None;
                state.given = None;
                Poll::Ready(None)
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        let state = self.flow.state();
        state.end.is_none() && state.body.as_ref().is_none_or(|body| body.is_end_stream())
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::shares::Places;
    use http_body_util::{BodyExt as _, StreamBody};
    use sendhub_domain::agency::AgencyId;
    use tokio::sync::mpsc;
    use tokio_stream::wrappers::ReceiverStream;

    const PATIENCE: Duration = Duration::from_secs(60);

    type Pieces = mpsc::Sender<Result<Frame<Bytes>, tonic::Status>>;

    fn reply(outflows: &Outflows, deadline: Option<Instant>, place: Held) -> (Pieces, Body) {
        let (pieces, coming) = mpsc::channel(4);
        let body = Body::new(StreamBody::new(ReceiverStream::new(coming)));
        let reply = outflows.watch(Response::new(body), deadline, place);
        (pieces, reply.into_body())
    }

    fn piece() -> Result<Frame<Bytes>, tonic::Status> {
        Ok(Frame::data(Bytes::from_static(b"piece")))
    }

    async fn status(body: &mut Body) -> tonic::Status {
        let trailers = body.frame().await.unwrap().unwrap().into_trailers().unwrap();
        tonic::Status::from_header_map(&trailers).unwrap()
    }

    #[tokio::test]
    async fn a_reader_that_stops_is_cut_told_and_holds_nothing() {
        let outflows = Outflows::new(PATIENCE);
        let places = Places::new(1);
        let agency = AgencyId::parse("school-one").unwrap();
        let (pieces, mut body) = reply(&outflows, None, places.take(&agency).unwrap());
        pieces.send(piece()).await.unwrap();
        assert!(body.frame().await.unwrap().is_ok());
        outflows.sweep(Instant::now() + PATIENCE / 2);
        assert!(!pieces.is_closed() && places.take(&agency).is_err());
        outflows.sweep(Instant::now() + PATIENCE);
        assert!(pieces.is_closed(), "what feeds the stream is let go");
        assert!(places.take(&agency).is_ok(), "and so is the agency's place");
        let told = status(&mut body).await;
        assert_eq!(told.code(), tonic::Code::ResourceExhausted);
        assert!(body.frame().await.is_none());
    }

    #[tokio::test]
    async fn a_quiet_stream_is_not_a_slow_reader() {
        let outflows = Outflows::new(PATIENCE);
        let (pieces, mut body) = reply(&outflows, None, None);
        pieces.send(piece()).await.unwrap();
        assert!(body.frame().await.unwrap().is_ok());
        // The reader asks, and there is nothing.
        assert!(futures_util::poll!(body.frame()).is_pending());
        outflows.sweep(Instant::now() + PATIENCE * 10);
        assert!(!pieces.is_closed());
    }

    #[tokio::test]
    async fn a_stream_ends_at_its_caller_s_deadline() {
        let outflows = Outflows::new(PATIENCE);
        let at = Instant::now() + Duration::from_millis(20);
        let (pieces, mut body) = reply(&outflows, Some(at), None);
        assert!(futures_util::poll!(body.frame()).is_pending());
        assert_eq!(status(&mut body).await.code(), tonic::Code::DeadlineExceeded);
        assert!(Instant::now() >= at && pieces.is_closed());
        // Also when its reader does not ask.
        let at = Instant::now() + Duration::from_secs(5);
        let (pieces, mut body) = reply(&outflows, Some(at), None);
        pieces.send(piece()).await.unwrap();
        assert!(body.frame().await.unwrap().is_ok());
        outflows.sweep(at);
        assert!(pieces.is_closed());
    }

    #[tokio::test]
    async fn streams_that_ended_are_forgotten() {
        let outflows = Outflows::new(PATIENCE);
        let (_, body) = reply(&outflows, None, None);
        drop(body);
        outflows.sweep(Instant::now());
        assert!(outflows.flows.lock().unwrap().is_empty());
    }
}
