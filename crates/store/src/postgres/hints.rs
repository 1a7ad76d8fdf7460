//! What gateways tell each other: LISTEN and NOTIFY. Only a hint: what depends on it also looks from time to time.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use sendhub_domain::agency::AgencyId;
use sqlx::postgres::{PgListener, PgPoolOptions};
use tokio::sync::{broadcast, mpsc};
use tokio::time::sleep;

use super::READING;
use super::primary::Primary;
use crate::change::{Change, Effect};
use crate::store::{Hint, StoreError};

/// The channel's name.
const CHANNEL: &str = "sendhub";
/// A notification may have 8,000 bytes; it is cut well before.
const LONGEST: usize = 7_000;
/// Hints on their way out. What does not fit is not told: those concerned find it by looking.
const WAITING: usize = 4_096;
/// The most told at once.
const ROUND: usize = 2_048;
/// Between two notifications: a lone hint goes out at once, those of the batches after it go together. Each costs the
/// server a transaction and wakes every listener.
const GATHER: Duration = Duration::from_millis(10);
/// Between two attempts to listen again.
const AGAIN: Duration = Duration::from_millis(250);
/// Who was heard within this time writes beside this gateway.
const COMPANY: Duration = Duration::from_millis(100);

/// The mouth and the ear of one gateway.
#[derive(Debug)]
pub(super) struct Hints {
    tell: mpsc::Sender<Hint>,
    heard: broadcast::Sender<Hint>,
    company: Arc<Company>,
}

/// When another gateway was heard last.
#[derive(Debug, Default)]
struct Company(Mutex<Option<Instant>>);

impl Company {
    fn heard(&self) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(Instant::now());
    }

    fn is_there(&self) -> bool {
        let last = *self.0.lock().unwrap_or_else(PoisonError::into_inner);
        last.is_some_and(|last| last.elapsed() < COMPANY)
    }
}

impl Hints {
    /// Starts telling and listening; both end when this is dropped, or rather with the tasks that are given back.
    pub(super) fn start(primary: Arc<Primary>, origin: String) -> (Self, [tokio::task::JoinHandle<()>; 2]) {
        let (tell, waiting) = mpsc::channel(WAITING);
        let (heard, _) = broadcast::channel(WAITING);
        let company = Arc::new(Company::default());
        let telling = tokio::spawn(telling(Arc::clone(&primary), origin.clone(), waiting));
        let listening = tokio::spawn(listening(primary, origin, heard.clone(), Arc::clone(&company)));
        let hints = Self { tell, heard, company };
        (hints, [telling, listening])
    }

    /// What is heard from here on.
    pub(super) fn subscribe(&self) -> broadcast::Receiver<Hint> {
        self.heard.subscribe()
    }

    /// Whether another gateway writes into the same database, too: it was heard a moment ago.
    pub(super) fn in_company(&self) -> bool {
        self.company.is_there()
    }

    /// Tells the others, without waiting.
    pub(super) fn tell(&self, hints: impl IntoIterator<Item = Hint>) {
        for hint in hints {
            let _ = self.tell.try_send(hint);
        }
    }
}

/// Whom a batch concerns, if it is written.
pub(super) fn of(batch: &[Change]) -> BTreeSet<Told> {
    let mut told = BTreeSet::new();
    for change in batch {
        for effect in &change.effects {
            match effect {
                Effect::Deliver(row) => {
                    told.insert(Told::Mailbox(row.recipient.clone()));
                }
                Effect::Tell(row) => {
                    told.insert(Told::Mailbox(row.recipient.clone()));
                }
                // Whose copy it is, is who acts: it collects, or says that it has it.
                Effect::MoveDelivery { .. } => told.extend(change.entry.agency.clone().map(Told::Mailbox)),
                Effect::PutAgency { .. } | Effect::PutAgreement { .. } => {
                    told.insert(Told::Directory);
                }
                _ => {}
            }
        }
    }
    told
}

/// A hint that can stand in a set.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Told {
    /// See [`Hint::Directory`].
    Directory,
    /// See [`Hint::Mailbox`].
    Mailbox(AgencyId),
}

impl From<Told> for Hint {
    fn from(told: Told) -> Self {
        match told {
            Told::Directory => Self::Directory,
            Told::Mailbox(agency) => Self::Mailbox(agency),
        }
    }
}

/// A notification takes a transaction number, and its commit would wait for the disk and for the standby, before the
/// batches of everybody: a hint that is lost with the server need not have been told.
const NOTIFY: &str = "SELECT set_config('synchronous_commit', 'off', true), pg_notify($1, $2)";

async fn telling(primary: Arc<Primary>, origin: String, mut waiting: mpsc::Receiver<Hint>) {
    let mut round = Vec::with_capacity(ROUND);
    while waiting.recv_many(&mut round, ROUND).await > 0 {
        for payload in payloads(&origin, round.drain(..)) {
            let notify = sqlx::query(NOTIFY).bind(CHANNEL).bind(payload);
            // What cannot be told is found by looking.
            let _ = primary.execute(notify).await;
        }
        sleep(GATHER).await;
    }
}

/// `origin`, then a word each: an agency's id, or `*` for the directory. Agencies' ids have no blank and no star.
fn payloads(origin: &str, hints: impl Iterator<Item = Hint>) -> Vec<String> {
    let mut words: Vec<String> = hints
        .map(|hint| match hint {
            Hint::Mailbox(agency) => agency.to_string(),
            Hint::Directory | Hint::Missed => "*".to_owned(),
        })
        .collect();
    words.sort_unstable();
    words.dedup();
    let mut payloads: Vec<String> = Vec::new();
    for word in words {
        match payloads.last_mut() {
            Some(last) if last.len() + word.len() < LONGEST => {
                last.push(' ');
                last.push_str(&word);
            }
            _ => payloads.push(format!("{origin} {word}")),
        }
    }
    payloads
}

/// The hints of a payload that somebody else told.
fn read(payload: &str, own: &str) -> Vec<Hint> {
    let mut words = payload.split(' ');
    if words.next() == Some(own) {
        return Vec::new();
    }
    words
        .filter_map(|word| match word {
            "*" => Some(Hint::Directory),
            word => AgencyId::parse(word).ok().map(Hint::Mailbox),
        })
        .collect()
}

async fn listening(
    primary: Arc<Primary>,
    origin: String,
    heard: broadcast::Sender<Hint>,
    company: Arc<Company>,
) {
    loop {
        if listen(&primary, &origin, &heard, &company).await.is_err() {
            primary.doubt();
        }
        // What was told meanwhile is not heard.
        let _ = heard.send(Hint::Missed);
        sleep(AGAIN).await;
    }
}

/// Listens until the connection ends.
async fn listen(
    primary: &Primary,
    origin: &str,
    heard: &broadcast::Sender<Hint>,
    company: &Company,
) -> Result<(), StoreError> {
    let pool = PgPoolOptions::new()
        .max_connections(1)
        .connect_lazy_with(primary.options(&READING));
    let mut listener = PgListener::connect_with(&pool).await?;
    listener.listen(CHANNEL).await?;
    // Listening from here on: what came before is looked for.
    let _ = heard.send(Hint::Missed);
    while let Some(told) = listener.try_recv().await? {
        for hint in read(told.payload(), origin) {
            company.heard();
            let _ = heard.send(hint);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_told_is_heard_by_others_only() {
        let agency = |name: &str| AgencyId::parse(name).unwrap();
        let hints = [
            Hint::Mailbox(agency("school-one")),
            Hint::Directory,
            Hint::Mailbox(agency("school-one")),
        ];
        let payloads = payloads("hub/a", hints.into_iter());
        assert_eq!(payloads, ["hub/a * school-one"]);
        assert_eq!(
            read(&payloads[0], "hub/b"),
            [Hint::Directory, Hint::Mailbox(agency("school-one"))]
        );
        assert!(read(&payloads[0], "hub/a").is_empty());
    }

    #[test]
    fn no_payload_is_too_long() {
        let many = (0..2_000).map(|n| Hint::Mailbox(AgencyId::parse(&format!("school-{n}")).unwrap()));
        let payloads = payloads("hub/a", many);
        assert!(payloads.iter().all(|payload| payload.len() < 8_000));
        let heard: usize = payloads.iter().map(|payload| read(payload, "x").len()).sum();
        assert_eq!(heard, 2_000);
    }
}
