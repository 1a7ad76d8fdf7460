//! A history made for a measurement: valid rows through the store's own writer, without the gateway before it.
//!
//! Each row set is that of an accepted transfer record: a person with a data key under the hub's master key, a request
//! sealed under it, a copy, a leaf that names the sealed text's hash; the tree, the checkpoints and their signatures
//! are the writer's. What differs from what a gateway writes: the request has no Common Transfer File, so that ten
//! million fit on a disk, and no receipt is kept beside it.

use std::sync::Arc;

use anyhow::{Context as _, Result};
use indicatif::ProgressBar;
use prost::Message as _;
use sendhub_domain::agency::AgencyId;
use sendhub_domain::event::AuditEvent;
use sendhub_domain::exchange::{DeliveryId, ExchangeId, ExchangeKind, RequestId};
use sendhub_domain::person::{IdentifierSystem, PersonIdentifier, SubjectId};
use sendhub_gateway::clock::{Clock as _, SystemClock};
use sendhub_gateway::server::{log_key, open_store};
use sendhub_ledger::hash::sha256;
use sendhub_store::change::{DeliveryRow, ExchangeRow, SubjectRow};
use sendhub_store::seal::SealPurpose;
use sendhub_store::{Change, Effect, Keyring, LogEntry};
use tokio::sync::mpsc;

use super::ground::Plot;
use super::record::{Records, accepted_event, upn};

/// Records in one commit.
const BATCH: usize = 500;
/// Schools among whom the copies are spread: England has about so many.
const SCHOOLS: u64 = 24_000;

/// Whose copy the record with a number is.
pub(super) fn spread(number: u64) -> String {
    format!("school-history-{:05}", number % SCHOOLS)
}

/// Writes records with numbers from `first` up to `end` into the log of the hub's gateway, which must not run. The
/// people are those of [`Records`] with the same numbers.
pub(super) async fn fill(
    plot: &Plot,
    first: u64,
    end: u64,
    recipient: impl Fn(u64) -> String + Send + 'static,
    bar: &ProgressBar,
) -> Result<()> {
    let config = &plot.config;
    let key = log_key(&config.log_origin(), &config.log.signing_key_file)?;
    let store = open_store(config, key).await?;
    let keyring = store.keyring();
    let (made, mut making) = mpsc::channel::<Result<Vec<Change>>>(4);
    let maker = tokio::task::spawn_blocking(move || -> Result<()> {
        let maker = Maker::new(keyring)?;
        let mut number = first;
        while number < end {
            let upto = end.min(number + BATCH as u64);
            let batch = (number..upto)
                .map(|number| maker.change(number, &recipient(number)))
                .collect();
            if made.blocking_send(batch).is_err() {
                break;
            }
            number = upto;
        }
        Ok(())
    });
    while let Some(batch) = making.recv().await {
        let batch = batch?;
        bar.inc(batch.len() as u64);
        for written in store.commit(batch).await? {
            written.context("a row of the history was refused")?;
        }
    }
    maker.await??;
    Ok(store.close().await?)
}

/// Makes one record's change after another.
struct Maker {
    keyring: Arc<Keyring>,
    event: AuditEvent,
    sender: AgencyId,
    request: Records,
}

impl Maker {
    fn new(keyring: Arc<Keyring>) -> Result<Self> {
        let sender = AgencyId::parse("school-9991001")?;
        Ok(Self {
            event: accepted_event(&sender),
            keyring,
            sender,
            request: Records::new(),
        })
    }

    fn change(&self, number: u64, recipient: &str) -> Result<Change> {
        const BORN: jiff::civil::Date = jiff::civil::date(2014, 3, 4);
        let recipient = AgencyId::parse(recipient)?;
        let at = SystemClock.now();
        let (exchange, request) = (ExchangeId(SystemClock.new_id()), RequestId(SystemClock.new_id()));
        let identifier = PersonIdentifier {
            system: IdentifierSystem::Upn,
            value: upn(number),
        };
        let subject = SubjectId(self.keyring.identifier_tag(&identifier, &self.sender));
        let (key, wrapped_key) = self.keyring.new_data_key()?;
        let mut sent = self.request.numbered(number);
        if let Some(content) = &mut sent.content {
            content.ctf = None;
        }
        let clear = [&[0; 16][..], &sent.encode_to_vec()].concat();
        let sealed = key.seal(SealPurpose::Exchange(exchange), subject, &clear)?;
        let mut event = self.event.clone();
        event.at = at;
        event.subject = Some(subject);
        event.exchange = Some(exchange);
        event.request = Some(request);
        event.recipients = vec![recipient.clone()];
        event.sealed_sha256 = Some(sha256(&sealed).0);
        event.content_commitment = Some(sha256(&clear).0);
        let effects = vec![
            Effect::RegisterSubject(SubjectRow {
                subject,
                birth_tag: self.keyring.birth_tag(subject, BORN),
                name_tag: self.keyring.name_tag(subject, "Bench", "Pupil"),
                wrapped_key,
                master_key_id: self.keyring.master_key_id().to_owned(),
                sealed_facts: key.seal(SealPurpose::SubjectFacts, subject, br#"{"born":"2014-03-04"}"#)?,
                created_at: at,
            }),
            Effect::StoreExchange(ExchangeRow {
                exchange,
                kind: ExchangeKind::Transfer,
                sender: self.sender.clone(),
                request,
                request_digest: sha256(&clear).0,
                subject,
                accepted_at: at,
                due_on: None,
                header: Vec::new(),
                sealed,
                case: None,
            }),
            Effect::Deliver(DeliveryRow {
                delivery: DeliveryId(SystemClock.new_id()),
                exchange,
                kind: ExchangeKind::Transfer,
                recipient,
                sender: self.sender.clone(),
                case_reference: None,
                due_on: None,
                size_bytes: clear.len() as u64,
                created_at: at,
            }),
        ];
        Ok(Change {
            entry: LogEntry::encode(&event),
            effects,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::super::engine::Engine;
    use super::*;

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn a_history_is_valid_and_its_people_are_known() {
        let plot = Plot::lay(&Engine::Sqlite, None, &["9991001", "9984001"], |_| ())
            .await
            .unwrap();
        fill(&plot, 0, 700, spread, &ProgressBar::hidden()).await.unwrap();
        let report = plot.verify().await.unwrap();
        assert_eq!(
            (report.exchanges, report.deliveries, report.fault_count),
            (700, 700, 0)
        );
        let ground = plot.start().await.unwrap();
        let session = ground
            .plot
            .sessions("9991001", &ground.running, 1)
            .await
            .unwrap()
            .remove(0);
        let again = session
            .transfers()
            .submit_transfer(Records::new().numbered(5))
            .await;
        assert!(again.is_ok(), "{again:?}");
        let plot = ground.stop().await.unwrap();
        let report = plot.verify().await.unwrap();
        assert_eq!((report.exchanges, report.fault_count), (701, 0));
        plot.clear().await.unwrap();
    }
}
