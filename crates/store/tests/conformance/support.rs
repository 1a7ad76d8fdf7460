//! What the suites share: a place for a database, and changes to write into it.

use std::sync::Arc;

use jiff::Timestamp;
use sendhub_domain::agency::{Agency, AgencyId, AgencyIdentifiers, AgencyKind, AgencyStatus};
use sendhub_domain::event::{Actor, AuditEvent, EventKind, EventOutcome};
use sendhub_domain::exchange::{DeliveryId, DeliveryState, ExchangeId, ExchangeKind, RequestId};
use sendhub_domain::identifiers::Urn;
use sendhub_domain::person::SubjectId;
use sendhub_ledger::checkpoint::LogKey;
use sendhub_ledger::hash::sha256;
use sendhub_store::change::{DeliveryRow, ExchangeRow, SubjectRow};
use sendhub_store::seal::MasterKey;
use sendhub_store::sqlite::{SqliteOptions, SqliteStore};
use sendhub_store::{Change, Effect, LogEntry, Store};
use uuid::Uuid;

pub(crate) struct Place {
    folder: tempfile::TempDir,
}

impl Place {
    pub(crate) fn new() -> Self {
        Self {
            folder: tempfile::tempdir().unwrap(),
        }
    }

    pub(crate) fn file(&self) -> std::path::PathBuf {
        self.folder.path().join("hub.db")
    }

    pub(crate) async fn open(&self, origin: &str) -> Arc<dyn Store> {
        Arc::new(SqliteStore::open(self.options(origin)).await.unwrap())
    }

    pub(crate) fn options(&self, origin: &str) -> SqliteOptions {
        SqliteOptions {
            path: self.file(),
            master_key: MasterKey::new([1; 32]),
            former_keys: vec![],
            log_key: LogKey::from_seed(origin, &[2; 32]).unwrap(),
            readers: 2,
        }
    }

    /// The file as an intruder has it.
    pub(crate) async fn raw(&self) -> sqlx::SqliteConnection {
        use sqlx::ConnectOptions as _;
        sqlx::sqlite::SqliteConnectOptions::new()
            .filename(self.file())
            .connect()
            .await
            .unwrap()
    }
}

pub(crate) fn at() -> Timestamp {
    "2026-11-23T09:00:00Z".parse().unwrap()
}

pub(crate) fn agency(name: &str) -> AgencyId {
    AgencyId::parse(name).unwrap()
}

pub(crate) fn entry(kind: EventKind, exchange: Option<ExchangeId>, sealed: Option<&[u8]>) -> LogEntry {
    let mut event = AuditEvent::new(kind, EventOutcome::Success, at(), "test");
    event.exchange = exchange;
    event.sealed_sha256 = sealed.map(|sealed| sha256(sealed).0);
    event.actor = Some(Actor {
        agency: Some(agency("one")),
        subject: None,
        role: None,
        certificate: None,
        token_id: None,
    });
    LogEntry::encode(&event)
}

pub(crate) fn subject(number: u128) -> SubjectRow {
    SubjectRow {
        subject: SubjectId(number.to_be_bytes()),
        birth_tag: [1; 16],
        name_tag: [2; 16],
        wrapped_key: vec![3; 40],
        master_key_id: "k".into(),
        sealed_facts: vec![4; 30],
        created_at: at(),
    }
}

/// A whole accepted exchange: person, content, delivery, leaf.
pub(crate) fn exchange(number: u128, digest: u8) -> Change {
    let id = ExchangeId(Uuid::from_u128(number));
    let sealed = format!("sealed {number}").into_bytes();
    Change {
        entry: entry(EventKind::ExchangeAccepted, Some(id), Some(&sealed)),
        effects: vec![
            Effect::RegisterSubject(subject(number)),
            Effect::StoreExchange(ExchangeRow {
                exchange: id,
                kind: ExchangeKind::Transfer,
                sender: agency("one"),
                request: RequestId(Uuid::from_u128(number)),
                request_digest: [digest; 32],
                subject: SubjectId(number.to_be_bytes()),
                case: None,
                accepted_at: at(),
                due_on: Some(jiff::civil::date(2026, 12, 14)),
                header: b"header".to_vec(),
                sealed,
            }),
            Effect::Deliver(DeliveryRow {
                delivery: DeliveryId(Uuid::from_u128(number)),
                exchange: id,
                kind: ExchangeKind::Transfer,
                recipient: agency("two"),
                sender: agency("one"),
                case_reference: Some("CASE".into()),
                due_on: None,
                size_bytes: 7,
                created_at: at(),
            }),
        ],
    }
}

/// Moves a copy, with an entry that names it.
pub(crate) fn step(
    delivery: u128,
    from: &'static [DeliveryState],
    to: DeliveryState,
    kind: EventKind,
) -> Change {
    let mut event = AuditEvent::new(kind, EventOutcome::Success, at(), "test");
    event.exchange = Some(ExchangeId(Uuid::from_u128(delivery)));
    event.delivery = Some(DeliveryId(Uuid::from_u128(delivery)));
    Change {
        entry: LogEntry::encode(&event),
        effects: vec![Effect::MoveDelivery {
            delivery: DeliveryId(Uuid::from_u128(delivery)),
            from,
            to,
            at: at(),
        }],
    }
}

pub(crate) fn school(name: &str, urn: &str, revision: u64) -> Agency {
    Agency {
        id: agency(name),
        kind: AgencyKind::Academy,
        name: name.into(),
        status: AgencyStatus::Active,
        identifiers: AgencyIdentifiers {
            urn: Some(Urn::parse(urn).unwrap()),
            ..Default::default()
        },
        contacts: vec![],
        certificates: vec![],
        signing_keys: vec![],
        revision,
    }
}

pub(crate) fn put(agency: Agency) -> Change {
    let expected_revision = agency.revision - 1;
    Change {
        entry: entry(EventKind::DirectoryChanged, None, None),
        effects: vec![Effect::PutAgency {
            agency: Box::new(agency),
            expected_revision,
        }],
    }
}
