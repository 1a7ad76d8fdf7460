//! Bulk: any number of records as one stream, each with its result, however often the connection is cut.
//!
//! Only a window of records is unanswered at any time: the hub takes no more from a stream than it writes, so a
//! sender that waits for answers holds little, however many it sends. After a cut the stream is made anew and what
//! had no answer is sent again; a record that was accepted before gives its first receipt.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use aws_lc_rs::rand;
use futures_util::{Stream, StreamExt as _, stream};
use sendhub_contracts::errors::v1::Reason;
use sendhub_contracts::refusal::reason_named;
use sendhub_contracts::transfer::v1::{
    SubmitTransferRequest, SubmitTransfersRequest, SubmitTransfersResponse, submit_transfers_response,
};
use sendhub_contracts::types::v1::Receipt;
use tokio::sync::mpsc;
use tonic::{Code, Status, Streaming};
use tonic_types::StatusExt as _;

use crate::courier::{Outcome, is_transient};
use crate::session::Session;
use crate::told::Told;

/// The first wait after a cut; it doubles with each that brings nothing.
const FIRST_WAIT: Duration = Duration::from_millis(100);
/// The longest.
const LONGEST_WAIT: Duration = Duration::from_secs(5);

/// How records are sent.
#[derive(Debug, Clone, Copy)]
pub struct Bulk {
    /// Records without an answer at any time.
    pub window: usize,
    /// How long nothing at all may be answered before it is given up.
    pub patience: Duration,
}

impl Default for Bulk {
    fn default() -> Self {
        Self {
            window: 256,
            patience: Duration::from_secs(60),
        }
    }
}

/// What was done.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    /// Records that had their result.
    pub records: usize,
    /// Of these, accepted.
    pub accepted: usize,
    /// Of these, refused.
    pub refused: usize,
    /// How often a record was sent again.
    pub resent: usize,
    /// How often a stream broke off, or was not made.
    pub cuts: usize,
}

/// Why it was given up. What had a result keeps it; sending the rest again is safe.
#[derive(Debug, thiserror::Error)]
#[error("given up after {} results: {}", .counts.records, .status.message())]
pub struct GivenUp {
    /// What the hub, or the connection, said last.
    pub status: Box<Status>,
    /// What was done until then.
    pub counts: Counts,
}

/// A record and its place among all.
struct Numbered {
    number: usize,
    request: SubmitTransferRequest,
}

/// What is under way.
struct Progress<S, F> {
    source: S,
    exhausted: bool,
    next: usize,
    /// Sent on this stream and not answered, in the order of sending.
    unanswered: VecDeque<Numbered>,
    /// To be sent again, before anything new.
    again: VecDeque<Numbered>,
    /// Refused for the moment: sent again on the next stream, after a wait.
    later: VecDeque<Numbered>,
    counts: Counts,
    /// Told of each result with the record's number.
    each: F,
    last_answer: Instant,
}

impl Bulk {
    /// Sends every record of a stream and tells each one's result once, with its number from 0; in order as long as
    /// the hub asks for nothing to be sent again.
    ///
    /// Transient refusals are sent again like what a cut left open.
    ///
    /// # Errors
    /// [`GivenUp`] when the hub refuses the stream for good, or nothing is answered for as long as there is
    /// patience.
    pub async fn send<S, F>(&self, session: &Session, source: S, each: F) -> Result<Counts, GivenUp>
    where
        S: Stream<Item = SubmitTransferRequest> + Unpin,
        F: FnMut(usize, Outcome<Receipt>),
    {
        let mut progress = Progress {
            source,
            exhausted: false,
            next: 0,
            unanswered: VecDeque::new(),
            again: VecDeque::new(),
            later: VecDeque::new(),
            counts: Counts::default(),
            each,
            last_answer: Instant::now(),
        };
        let mut wait = FIRST_WAIT;
        loop {
            let before = progress.counts.records;
            let ended = self.stream(session, &mut progress).await;
            progress.take_back();
            if progress.is_done() {
                return Ok(progress.counts);
            }
            let lost = progress.last_answer.elapsed() > self.patience;
            if lost || ended.as_ref().is_err_and(|status| !may_pass(status)) {
                let status = ended
                    .err()
                    .unwrap_or_else(|| Status::unavailable("the hub takes nothing more for now"));
                return Err(GivenUp {
                    status: Box::new(status),
                    counts: progress.counts,
                });
            }
            if progress.counts.records > before {
                wait = FIRST_WAIT;
            }
            let asked = ended
                .err()
                .and_then(|status| status.get_details_retry_info())
                .and_then(|info| info.retry_delay);
            tokio::time::sleep(spread(wait.max(asked.unwrap_or_default()))).await;
            wait = (wait * 2).min(LONGEST_WAIT);
        }
    }

    /// One stream, until every record has its result or it breaks off.
    async fn stream<S, F>(&self, session: &Session, progress: &mut Progress<S, F>) -> Result<(), Status>
    where
        S: Stream<Item = SubmitTransferRequest> + Unpin,
        F: FnMut(usize, Outcome<Receipt>),
    {
        // Holds what the transport has not taken yet: never more than the window, so sending never waits.
        let (feed, fed) = mpsc::channel(self.window.max(1));
        let asked = stream::unfold(fed, |mut fed| async move { Some((fed.recv().await?, fed)) });
        let opened = session.transfers().submit_transfers(Box::pin(asked)).await;
        let mut answers = match opened {
            Ok(answers) => answers.into_inner(),
            Err(status) => {
                progress.counts.cuts += 1;
                return Err(status);
            }
        };
        let ended = self.converse(progress, feed, &mut answers).await;
        if !progress.unanswered.is_empty() || ended.is_err() {
            progress.counts.cuts += 1;
        }
        ended
    }

    async fn converse<S, F>(
        &self,
        progress: &mut Progress<S, F>,
        feed: mpsc::Sender<SubmitTransfersRequest>,
        answers: &mut Streaming<SubmitTransfersResponse>,
    ) -> Result<(), Status>
    where
        S: Stream<Item = SubmitTransferRequest> + Unpin,
        F: FnMut(usize, Outcome<Receipt>),
    {
        loop {
            while progress.unanswered.len() < self.window.max(1)
                && let Some(again) = progress.again.pop_front()
            {
                progress.counts.resent += 1;
                progress.offer(again, &feed);
            }
            if progress.unanswered.is_empty() && (progress.exhausted || !progress.later.is_empty()) {
                return Ok(());
            }
            let held = progress.unanswered.len() + progress.later.len();
            let room = held < self.window.max(1) && !progress.exhausted;
            tokio::select! {
                biased;
                answer = answers.message() => match answer {
                    Ok(Some(answer)) => progress.answered(answer)?,
                    // The hub stops: what it had read is answered, the rest is for another stream.
                    Ok(None) => return Ok(()),
                    Err(status) => return Err(status),
                },
                request = progress.source.next(), if room => match request {
                    None => progress.exhausted = true,
                    Some(request) => {
                        let number = progress.next;
                        progress.next += 1;
                        progress.offer(Numbered { number, request }, &feed);
                    }
                },
            }
        }
    }
}

impl<S, F: FnMut(usize, Outcome<Receipt>)> Progress<S, F> {
    fn offer(&mut self, one: Numbered, feed: &mpsc::Sender<SubmitTransfersRequest>) {
        // Full it cannot be; closed it is after a cut, which the answers tell.
        let _ = feed.try_send(SubmitTransfersRequest {
            transfer: Some(one.request.clone()),
        });
        self.unanswered.push_back(one);
    }

    /// Takes one answer: told, or put aside to be sent again.
    fn answered(&mut self, answer: SubmitTransfersResponse) -> Result<(), Status> {
        let broken = || Status::unavailable("the hub's answers do not fit what was sent");
        let asked = self.unanswered.front().ok_or_else(broken)?;
        let id = asked
            .request
            .envelope
            .as_ref()
            .map_or("", |envelope| envelope.request_id.as_str());
        if !answer.request_id.is_empty() && !answer.request_id.eq_ignore_ascii_case(id) {
            return Err(broken());
        }
        let one = self.unanswered.pop_front().ok_or_else(broken)?;
        let outcome = match answer.result {
            Some(submit_transfers_response::Result::Receipt(receipt)) => Ok(receipt),
            Some(submit_transfers_response::Result::Refusal(refusal)) => {
                if passes(refusal.reason()) {
                    self.later.push_back(one);
                    return Ok(());
                }
                Err(Told::from(&refusal))
            }
            None => {
                self.unanswered.push_front(one);
                return Err(broken());
            }
        };
        self.last_answer = Instant::now();
        self.counts.records += 1;
        match outcome {
            Ok(_) => self.counts.accepted += 1,
            Err(_) => self.counts.refused += 1,
        }
        (self.each)(one.number, outcome);
        Ok(())
    }

    /// Puts what has no answer in front of what is to be sent again.
    fn take_back(&mut self) {
        let mut again = std::mem::take(&mut self.unanswered);
        again.append(&mut self.again);
        again.append(&mut self.later);
        again.make_contiguous().sort_by_key(|one| one.number);
        self.again = again;
    }

    fn is_done(&self) -> bool {
        self.exhausted && self.again.is_empty() && self.unanswered.is_empty()
    }
}

/// Whether the stream may succeed in a moment: the hub says so, or it is the connection that spoke.
fn may_pass(status: &Status) -> bool {
    match status.get_details_error_info() {
        Some(info) => reason_named(&info.reason).is_some_and(passes),
        None => is_transient(status) || matches!(status.code(), Code::Unknown | Code::Internal),
    }
}

/// Whether a refusal says nothing of the record itself.
const fn passes(reason: Reason) -> bool {
    matches!(
        reason,
        Reason::RateLimited
            | Reason::Overloaded
            | Reason::ShuttingDown
            | Reason::StoreUnavailable
            | Reason::LogUnavailable
            | Reason::DeadlineExceeded
            | Reason::RaceLost
            | Reason::TokenExpired
    )
}

/// A wait between half of it and the whole: senders that were cut together do not come back together.
fn spread(wait: Duration) -> Duration {
    let mut byte = [0];
    // Without randomness all wait as long as they may.
    if rand::fill(&mut byte).is_err() {
        byte = [u8::MAX];
    }
    wait / 2 + wait * u32::from(byte[0]) / 510
}

#[cfg(test)]
mod tests {
    use super::*;
    use sendhub_contracts::errors::v1::Refusal as Wire;

    fn progress(records: usize) -> Progress<(), impl FnMut(usize, Outcome<Receipt>)> {
        Progress {
            source: (),
            exhausted: true,
            next: records,
            unanswered: (0..records)
                .map(|number| Numbered {
                    number,
                    request: SubmitTransferRequest::default(),
                })
                .collect(),
            again: VecDeque::new(),
            later: VecDeque::new(),
            counts: Counts::default(),
            each: |_, _| (),
            last_answer: Instant::now(),
        }
    }

    fn answer(reason: Option<Reason>) -> SubmitTransfersResponse {
        use submit_transfers_response::Result::{Receipt as Accepted, Refusal};
        SubmitTransfersResponse {
            request_id: String::new(),
            result: Some(match reason {
                None => Accepted(Receipt::default()),
                Some(reason) => Refusal(Wire {
                    reason: reason.into(),
                    ..Wire::default()
                }),
            }),
        }
    }

    #[test]
    fn what_passes_is_sent_again_and_what_stands_is_told() {
        let mut under_way = progress(3);
        under_way.answered(answer(None)).unwrap();
        under_way.answered(answer(Some(Reason::Overloaded))).unwrap();
        assert_eq!(under_way.later.front().map(|one| one.number), Some(1));
        under_way.answered(answer(Some(Reason::RequestIdReused))).unwrap();
        let counts = under_way.counts;
        assert_eq!((counts.records, counts.accepted, counts.refused), (2, 1, 1));
        assert!(under_way.answered(answer(None)).is_err(), "an answer to nothing");
    }

    #[test]
    fn after_a_cut_the_unanswered_go_first_and_in_order() {
        let mut under_way = progress(4);
        under_way.answered(answer(Some(Reason::RaceLost))).unwrap();
        under_way.take_back();
        let order: Vec<usize> = under_way.again.iter().map(|one| one.number).collect();
        assert_eq!(order, [0, 1, 2, 3]);
        assert!(!under_way.is_done());
    }

    #[test]
    fn a_refusal_for_good_is_not_tried_again() {
        use sendhub_contracts::refusal::Refusal;
        let status = |reason| Refusal::new(reason, "").into_status();
        assert!(!may_pass(&status(Reason::AgencySuspended)));
        assert!(!may_pass(&status(Reason::CertificateRevoked)));
        assert!(may_pass(&status(Reason::ShuttingDown)));
        assert!(may_pass(&Status::unknown("h2 protocol error")));
        assert!(!may_pass(&Status::permission_denied("no")));
    }
}
