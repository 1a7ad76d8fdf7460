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
use sendhub_store::postgres::{MayLose, PostgresOptions, PostgresStore};
use sendhub_store::seal::MasterKey;
use sendhub_store::sqlite::{SqliteOptions, SqliteStore};
use sendhub_store::verify::{VerifyReport, verify_postgres, verify_sqlite};
use sendhub_store::{Change, Effect, LogEntry, Store};
use uuid::Uuid;

/// Runs a test on each engine. The test gets a place of its own with no database in it.
macro_rules! on_each_engine {
    ($test:ident) => {
        mod $test {
            use crate::support::Place;

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn sqlite() {
                super::$test(Place::new()).await;
            }

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn postgres() {
                super::$test(Place::on_postgres().await).await;
            }
        }
    };
}
pub(crate) use on_each_engine;

pub(crate) struct Place {
    folder: tempfile::TempDir,
    /// A database of its own on the server under test; `None` for a file.
    url: Option<String>,
}

impl Place {
    /// A place for a file.
    pub(crate) fn new() -> Self {
        Self {
            folder: tempfile::tempdir().unwrap(),
            url: None,
        }
    }

    /// A new database on the server that `cargo xtask test`, or `cargo xtask postgres`, has started.
    pub(crate) async fn on_postgres() -> Self {
        use sqlx::{AssertSqlSafe, ConnectOptions as _, Executor as _};
        let server = std::env::var("SENDHUB_TEST_POSTGRES")
            .expect("SENDHUB_TEST_POSTGRES is not set: run `cargo xtask postgres` and export what it prints");
        let folder = tempfile::tempdir().unwrap();
        // As new as the folder's name.
        let name = folder.path().file_name().unwrap().as_encoded_bytes();
        let name: String = name.iter().map(|byte| format!("{byte:02x}")).collect();
        let name = format!("conformance_{name}");
        let options: sqlx::postgres::PgConnectOptions = server.parse().unwrap();
        let mut admin = options.connect().await.unwrap();
        let create = AssertSqlSafe(format!("CREATE DATABASE {name}"));
        admin.execute(sqlx::raw_sql(create)).await.unwrap();
        let (server, _) = server.rsplit_once('/').unwrap();
        Self {
            folder,
            url: Some(format!("{server}/{name}")),
        }
    }

    pub(crate) fn file(&self) -> std::path::PathBuf {
        self.folder.path().join("hub.db")
    }

    pub(crate) fn url(&self) -> &str {
        self.url.as_deref().unwrap()
    }

    pub(crate) async fn open(&self, origin: &str) -> Arc<dyn Store> {
        match &self.url {
            None => Arc::new(SqliteStore::open(self.options(origin)).await.unwrap()),
            Some(_) => Arc::new(PostgresStore::open(self.postgres_options(origin)).await.unwrap()),
        }
    }

    /// What verification says of the whole database.
    pub(crate) async fn verify(&self) -> VerifyReport {
        match &self.url {
            None => verify_sqlite(&self.file(), &[], |_| ()).await.unwrap(),
            Some(url) => verify_postgres(url, &[], |_| ()).await.unwrap(),
        }
    }

    pub(crate) fn postgres_options(&self, origin: &str) -> PostgresOptions {
        PostgresOptions {
            url: self.url().to_owned(),
            master_key: MasterKey::new([1; 32]),
            former_keys: vec![],
            log_key: LogKey::from_seed(origin, &[2; 32]).unwrap(),
            readers: 2,
            lease: std::time::Duration::from_millis(800),
            failover_may_lose: MayLose::Nothing,
        }
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
