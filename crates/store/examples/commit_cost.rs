//! Records a second through `Store::commit` and through the bare writer of the same rows, by batch size.
//!
//! `cargo run --release -p sendhub-store --example commit_cost [FOLDER [BATCH]]`

use std::path::Path;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use sendhub_domain::agency::AgencyId;
use sendhub_domain::event::{Actor, AuditEvent, EventKind, EventOutcome};
use sendhub_domain::exchange::{DeliveryId, ExchangeId, ExchangeKind, RequestId};
use sendhub_domain::person::SubjectId;
use sendhub_ledger::checkpoint::LogKey;
use sendhub_ledger::hash::sha256;
use sendhub_store::bare::{BareRows, BareWriter};
use sendhub_store::change::{DeliveryRow, ExchangeRow, SubjectRow};
use sendhub_store::seal::MasterKey;
use sendhub_store::sqlite::{SqliteOptions, SqliteStore};
use sendhub_store::{Change, Effect, LogEntry, Store as _};
use uuid::Uuid;

type Failed = Box<dyn std::error::Error>;

/// Bytes of sealed content in each record.
const PAYLOAD: usize = 2_048;
/// How long each batch size is measured.
const MEASURE: Duration = Duration::from_secs(3);

fn rows(number: u128, at: Timestamp) -> Result<BareRows, Failed> {
    let (one, two) = (AgencyId::parse("school-one")?, AgencyId::parse("school-two")?);
    // Version 7 in its order, as the hub makes them; the request id is the client's and random.
    let time_ordered = |part: u128| Uuid::from_u128((number << 80) | (0x7000 << 64) | part);
    let digest = sha256(&number.to_be_bytes()).0;
    let mut random = [0; 16];
    random.copy_from_slice(&digest[..16]);
    let (subject, exchange) = (SubjectId(random), ExchangeId(time_ordered(1)));
    let sealed = vec![number.to_le_bytes()[0]; PAYLOAD];
    let mut event = AuditEvent::new(
        EventKind::ExchangeAccepted,
        EventOutcome::Success,
        at,
        "sendhub.transfer.v1.TransferService/SubmitTransfer",
    );
    event.actor = Some(Actor {
        agency: Some(one.clone()),
        subject: Some("mis".into()),
        role: Some("SYSTEM".into()),
        certificate: None,
        token_id: Some("token".into()),
    });
    event.subject = Some(subject);
    event.exchange = Some(exchange);
    event.recipients = vec![two.clone()];
    event.sealed_sha256 = Some(sha256(&sealed).0);
    event.provision = Some("SI 2005/1437 reg 9".into());
    Ok(BareRows {
        subject: SubjectRow {
            subject,
            birth_tag: [1; 16],
            name_tag: [2; 16],
            wrapped_key: vec![3; 40],
            master_key_id: "0123456789abcdef".into(),
            sealed_facts: vec![4; 48],
            created_at: at,
        },
        exchange: ExchangeRow {
            exchange,
            kind: ExchangeKind::Transfer,
            sender: one.clone(),
            request: RequestId(Uuid::from_bytes(random)),
            request_digest: digest,
            subject,
            case: None,
            accepted_at: at,
            due_on: Some(jiff::civil::date(2026, 12, 14)),
            header: vec![5; 120],
            sealed,
        },
        delivery: DeliveryRow {
            delivery: DeliveryId(time_ordered(2)),
            exchange,
            kind: ExchangeKind::Transfer,
            recipient: two,
            sender: one,
            case_reference: None,
            due_on: Some(jiff::civil::date(2026, 12, 14)),
            size_bytes: PAYLOAD as u64,
            created_at: at,
        },
        leaf: LogEntry::encode(&event),
    })
}

fn change(rows: BareRows) -> Change {
    Change {
        entry: rows.leaf,
        effects: vec![
            Effect::RegisterSubject(rows.subject),
            Effect::StoreExchange(rows.exchange),
            Effect::Deliver(rows.delivery),
        ],
    }
}

async fn through_the_store(path: &Path, batch: usize, at: Timestamp) -> Result<(f64, f64), Failed> {
    let store = SqliteStore::open(SqliteOptions {
        path: path.to_owned(),
        master_key: MasterKey::new([1; 32]),
        former_keys: Vec::new(),
        log_key: LogKey::from_seed("bench/store", &[2; 32])?,
        readers: 2,
    })
    .await?;
    let (mut number, mut spent) = (1, Duration::ZERO);
    let mut times = Vec::new();
    while spent < MEASURE {
        let mut changes = Vec::with_capacity(batch);
        for _ in 0..batch {
            changes.push(change(rows(number, at)?));
            number += 1;
        }
        let start = Instant::now();
        for result in store.commit(changes).await? {
            result?;
        }
        times.push(start.elapsed());
        spent += start.elapsed();
    }
    Ok((rate(number, spent), median(&mut times)))
}

async fn bare(path: &Path, batch: usize, at: Timestamp) -> Result<(f64, f64), Failed> {
    let mut writer = BareWriter::sqlite(path).await?;
    let (mut number, mut spent) = (1, Duration::ZERO);
    let mut times = Vec::new();
    while spent < MEASURE {
        let mut records = Vec::with_capacity(batch);
        for _ in 0..batch {
            records.push(rows(number, at)?);
            number += 1;
        }
        let start = Instant::now();
        writer.write(records).await?;
        times.push(start.elapsed());
        spent += start.elapsed();
    }
    Ok((rate(number, spent), median(&mut times)))
}

#[expect(clippy::cast_precision_loss, reason = "a rate is shown, not kept")]
fn rate(next: u128, spent: Duration) -> f64 {
    (next - 1) as f64 / spent.as_secs_f64()
}

fn median(times: &mut [Duration]) -> f64 {
    times.sort_unstable();
    times.get(times.len() / 2).map_or(0.0, Duration::as_secs_f64) * 1e6
}

#[tokio::main]
async fn main() -> Result<(), Failed> {
    let at: Timestamp = "2026-11-23T09:00:00Z".parse()?;
    let folder = match std::env::args().nth(1) {
        Some(folder) => tempfile::tempdir_in(folder)?,
        None => tempfile::tempdir()?,
    };
    println!(
        "{:>6} {:>12} {:>12} {:>7} {:>12} {:>12}",
        "batch", "store/s", "bare/s", "ratio", "store us", "bare us"
    );
    let only: Option<usize> = std::env::args().nth(2).and_then(|one| one.parse().ok());
    for batch in [1, 16, 64, 256]
        .into_iter()
        .filter(|one| only.is_none_or(|only| only == *one))
    {
        let (store, store_us) =
            through_the_store(&folder.path().join(format!("store-{batch}.db")), batch, at).await?;
        let (bare, bare_us) = bare(&folder.path().join(format!("bare-{batch}.db")), batch, at).await?;
        println!(
            "{batch:>6} {store:>12.0} {bare:>12.0} {:>7.2} {store_us:>12.0} {bare_us:>12.0}",
            store / bare
        );
    }
    Ok(())
}
