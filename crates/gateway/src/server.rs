//! The running hub: opens what the configuration names, listens, and stops without losing what it accepted.

use std::collections::HashMap;
use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use sendhub_contracts::FILE_DESCRIPTOR_SET;
use sendhub_contracts::assessment::v1::assessment_service_server::AssessmentServiceServer;
use sendhub_contracts::attachment::v1::attachment_service_server::AttachmentServiceServer;
use sendhub_contracts::audit::v1::audit_service_server::AuditServiceServer;
use sendhub_contracts::clock::v1::clock_service_server::ClockServiceServer;
use sendhub_contracts::directory::v1::directory_service_server::DirectoryServiceServer;
use sendhub_contracts::mailbox::v1::mailbox_service_server::MailboxServiceServer;
use sendhub_contracts::method_rules::method_rules;
use sendhub_contracts::notice::v1::notice_service_server::NoticeServiceServer;
use sendhub_contracts::policy::v1::policy_service_server::PolicyServiceServer;
use sendhub_contracts::policy::v1::referral_service_server::ReferralServiceServer;
use sendhub_contracts::pupil::v1::pupil_information_service_server::PupilInformationServiceServer;
use sendhub_contracts::review::v1::review_service_server::ReviewServiceServer;
use sendhub_contracts::rights::v1::consent_service_server::ConsentServiceServer;
use sendhub_contracts::rights::v1::right_holder_service_server::RightHolderServiceServer;
use sendhub_contracts::servicechild::v1::service_child_service_server::ServiceChildServiceServer;
use sendhub_contracts::transfer::v1::transfer_service_server::TransferServiceServer;
use sendhub_ctf::Profiles;
use sendhub_domain::calendar::{BankHolidays, SchoolCalendar};
use sendhub_domain::identifiers::LaEstab;
use sendhub_ledger::checkpoint::LogKey;
use sendhub_policy::PolicySet;
use sendhub_store::postgres::{MayLose, PostgresOptions, PostgresStore};
use sendhub_store::seal::MasterKey;
use sendhub_store::sqlite::{SqliteOptions, SqliteStore};
use sendhub_store::{Committer, Room, Store};
use tokio::net::TcpListener;
use tokio::sync::mpsc;
use tokio_stream::StreamExt as _;
use tokio_stream::wrappers::ReceiverStream;
use tokio_util::sync::CancellationToken;
use tonic::service::Routes;
use tonic::transport::Server;
use tracing::{info, warn};

use crate::assessment::Assessments;
use crate::attachments::Vault;
use crate::audit::Audit;
use crate::clock::{Clock, RehearsalClock, SystemClock};
use crate::config::Config;
use crate::directory::Agencies;
use crate::documents::Documents;
use crate::doors::{self, Connection, Doors};
use crate::explaining::Explanations;
use crate::gate::{Gate, GateLayer, streamed_methods};
use crate::hub::Hub;
use crate::identity::issuers::{self, Issuers};
use crate::identity::token::{TokenRules, TokenVerifier};
use crate::limits::AgencyLimits;
use crate::mailbox::Mailbox;
use crate::minimisation::Minimisation;
use crate::outflow::Outflows;
use crate::referrals::Referrals;
use crate::register::Register;
use crate::review::Reviews;
use crate::rights::{Consents, RightHolders};
use crate::shares::Shares;
use crate::sharing::{Notices, Pupils, ServiceChildren};
use crate::timekeeping::Clocks;
use crate::transfer::Transfers;
use crate::wakeups::Wakeups;

/// Why the hub does not start, or ended by itself.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// A file that the configuration names cannot be used.
    #[error("{what}: {reason}")]
    Unusable {
        /// Which setting or file.
        what: String,
        /// Why.
        reason: String,
    },
    /// The store cannot be opened.
    #[error("the store cannot be opened: {0}")]
    Store(#[from] sendhub_store::StoreError),
    /// The listener or the transport failed.
    #[error("the listener failed: {0}")]
    Listen(String),
}

pub(crate) fn unusable(what: impl std::fmt::Display) -> impl Fn(&dyn std::fmt::Display) -> ServeError {
    move |reason| ServeError::Unusable {
        what: what.to_string(),
        reason: reason.to_string(),
    }
}

/// A hub that listens.
pub struct Running {
    /// Where it listens; tells the port when the configuration said 0.
    pub address: SocketAddr,
    /// What its services share.
    pub hub: Arc<Hub>,
    stopping: CancellationToken,
    gone: CancellationToken,
    served: tokio::task::JoinHandle<Result<(), ServeError>>,
}

impl std::fmt::Debug for Running {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Running({})", self.address)
    }
}

impl Running {
    /// Begins to stop: no new connection, streams end, requests under way are finished.
    pub fn stop(&self) {
        self.stopping.cancel();
    }

    /// Comes back when the hub has ended, by itself or as asked. It ends by itself when it lost its log.
    pub async fn ended(&self) {
        self.gone.cancelled().await;
    }

    /// Waits until the hub has stopped and its database is closed.
    ///
    /// # Errors
    /// [`ServeError`] when it did not end as asked.
    pub async fn stopped(self) -> Result<(), ServeError> {
        self.served
            .await
            .map_err(|error| ServeError::Listen(error.to_string()))?
    }
}

/// Reads a master key as the configuration says.
///
/// # Errors
/// [`ServeError::Unusable`].
pub fn master_keys(config: &Config) -> Result<(MasterKey, Vec<MasterKey>), ServeError> {
    let parse = |what: String, text: String| MasterKey::parse(&text).map_err(|error| unusable(what)(&error));
    let of_file = |path: &PathBuf| {
        let shown = path.display().to_string();
        let text = std::fs::read_to_string(path).map_err(|error| unusable(&shown)(&error))?;
        parse(shown, text)
    };
    let current = match (&config.keys.master_key_file, &config.keys.master_key_env) {
        (Some(path), _) => of_file(path)?,
        (None, Some(name)) => {
            let text = std::env::var(name).map_err(|error| unusable(name)(&error))?;
            parse(name.clone(), text)?
        }
        (None, None) => {
            return Err(unusable("keys")(
                &"neither master_key_file nor master_key_env is set",
            ));
        }
    };
    let former = config
        .keys
        .former_key_files
        .iter()
        .map(of_file)
        .collect::<Result<_, _>>()?;
    Ok((current, former))
}

/// Reads the seed of a log's key and names the log.
///
/// # Errors
/// [`ServeError::Unusable`].
pub fn log_key(origin: &str, path: &Path) -> Result<LogKey, ServeError> {
    let wrong = unusable(path.display());
    let text = std::fs::read_to_string(path).map_err(|error| wrong(&error))?;
    let text = text.trim();
    let seed: Option<Vec<u8>> = (text.len() == 64 && text.is_ascii())
        .then(|| {
            (0..32)
                .map(|at| u8::from_str_radix(&text[2 * at..2 * at + 2], 16).ok())
                .collect()
        })
        .flatten();
    let seed: [u8; 32] = seed
        .and_then(|seed| seed.try_into().ok())
        .ok_or_else(|| wrong(&"a log's seed is 64 hexadecimal digits"))?;
    LogKey::from_seed(origin, &seed).map_err(|error| wrong(&error))
}

/// Whether a configuration's operator takes it that a failover loses what was acknowledged.
#[must_use]
pub const fn may_lose(config: &Config) -> MayLose {
    if config.store.failover_may_lose {
        MayLose::WhatNoStandbyHad
    } else {
        MayLose::Nothing
    }
}

/// Opens the store of a configuration with a log of the given origin.
///
/// # Errors
/// [`ServeError`].
pub async fn open_store(config: &Config, key: LogKey) -> Result<Arc<dyn Store>, ServeError> {
    let (master_key, former_keys) = master_keys(config)?;
    if let Some(url) = config.postgres_url() {
        let store = PostgresStore::open(PostgresOptions {
            url: url.to_owned(),
            master_key,
            former_keys,
            log_key: key,
            readers: config.store.readers,
            lease: Duration::from_secs(config.store.lease_seconds),
            failover_may_lose: may_lose(config),
        });
        return Ok(Arc::new(store.await?));
    }
    let path = config
        .sqlite_path()
        .ok_or_else(|| unusable("store.url")(&"neither sqlite:// nor postgres://"))?;
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder).map_err(|error| unusable(folder.display())(&error))?;
    }
    let store = SqliteStore::open(SqliteOptions {
        path,
        master_key,
        former_keys,
        log_key: key,
        readers: config.store.readers,
    });
    Ok(Arc::new(store.await?))
}

/// Starts a hub. It listens when this returns.
///
/// # Errors
/// [`ServeError`], naming the setting or file.
pub async fn start(config: Config) -> Result<Running, ServeError> {
    let clock: Arc<dyn Clock> = match &config.rehearsal {
        None => Arc::new(SystemClock),
        Some(rehearsal) => {
            warn!("this hub rehearses: its day is the one in a file, and nothing it says is real");
            Arc::new(RehearsalClock::new(rehearsal.clock_file.clone()))
        }
    };
    start_with(config, clock).await
}

/// Starts a hub with a clock of the caller's choice: tests move it.
///
/// # Errors
/// [`ServeError`].
pub async fn start_with(config: Config, clock: Arc<dyn Clock>) -> Result<Running, ServeError> {
    let policy = match &config.policy.directory {
        None => PolicySet::built_in().map_err(|error| unusable("policy")(&error))?,
        Some(folder) => {
            PolicySet::load(folder, clock.today()).map_err(|error| unusable("policy.directory")(&error))?
        }
    };
    let profiles = profiles(config.ctf.directory.as_deref())?;
    let (holidays, calendars) = calendars(config.calendars.directory.as_deref())?;
    let doors = Arc::new(ArcSwap::from_pointee(Doors::open(&config.tls)?));

    let issuers = issuers::read(&config.identity.issuers, 1)
        .await
        .map_err(|error| unusable("identity.issuers")(&error))?;
    let issuers = Arc::new(ArcSwap::from_pointee(issuers));

    let origin = config.log_origin();
    let store = open_store(&config, log_key(&origin, &config.log.signing_key_file)?).await?;
    let vault = Vault::open(&config.attachments).map_err(|error| unusable("attachments")(&error))?;
    let minimisation = match &config.minimisation.file {
        None => Minimisation::built_in(),
        Some(file) => Minimisation::load(file),
    }
    .map_err(|error| unusable("minimisation")(&error))?;
    let room = Room {
        places: config.limits.waiting_writes,
        each: config.limits.agency_waiting_writes,
    };
    let (committer, writer) = Committer::start(store.clone(), room);
    let stopping = CancellationToken::new();
    let hub = Arc::new(Hub {
        register: Register::new(store.clone(), store.keyring()),
        keyring: store.keyring(),
        minimisation,
        vault,
        directory: ArcSwap::from_pointee(store.directory().await?),
        store: store.clone(),
        committer,
        policy: ArcSwap::from_pointee(policy),
        profiles,
        holidays,
        calendars,
        clock,
        wakeups: Wakeups::default(),
        shares: Shares::new(&config.limits),
        origin,
        stopping: stopping.clone(),
    });

    let listener = TcpListener::bind(config.listen.address)
        .await
        .map_err(|error| ServeError::Listen(format!("{}: {error}", config.listen.address)))?;
    let address = listener
        .local_addr()
        .map_err(|error| ServeError::Listen(error.to_string()))?;
    tokio::spawn(Arc::clone(&hub).keep_directory(Duration::from_millis(500)));
    if let Some(hints) = hub.store.hints() {
        tokio::spawn(Arc::clone(&hub).heed(hints));
    }
    tokio::spawn(Arc::clone(&hub).keep_clocks(Duration::from_millis(500)));
    tokio::spawn(Arc::clone(&hub).keep_vault(Duration::from_secs(3_600)));
    if let Some(folder) = config.policy.directory.clone() {
        tokio::spawn(Arc::clone(&hub).keep_policy(folder, Duration::from_millis(500)));
    }
    if !config.identity.issuers.is_empty() {
        let refresh = Duration::from_secs(config.identity.jwks_seconds.max(1));
        let settings = config.identity.issuers.clone();
        tokio::spawn(issuers::keep(
            settings,
            refresh,
            issuers.clone(),
            stopping.clone(),
        ));
    }
    tokio::spawn(doors::keep(config.tls.clone(), doors.clone(), stopping.clone()));
    let connections = doors::accept(listener, doors, &config, Arc::clone(&hub));

    let gone = CancellationToken::new();
    let going = gone.clone().drop_guard();
    let serving = serve(config, Arc::clone(&hub), issuers, connections, store, writer);
    let served = tokio::spawn(async move {
        let _told_however_it_ends = going;
        serving.await
    });
    info!(%address, log = hub.origin, "listening");
    Ok(Running {
        address,
        hub,
        stopping,
        gone,
        served,
    })
}

async fn serve(
    config: Config,
    hub: Arc<Hub>,
    issuers: Arc<ArcSwap<Issuers>>,
    connections: mpsc::Receiver<Connection>,
    store: Arc<dyn Store>,
    writer: tokio::task::JoinHandle<Result<(), sendhub_store::StoreError>>,
) -> Result<(), ServeError> {
    let message = config.limits.message_bytes;
    // Room for what the hub adds to a record that it took: envelope of the reply, proof, checkpoint.
    let reply = message.saturating_add(1 << 20);
    macro_rules! service {
        ($server:ident, $service:expr) => {
            $server::new($service)
                .max_decoding_message_size(message)
                .max_encoding_message_size(reply)
        };
    }
    let (health, health_service) = tonic_health::server::health_reporter();
    health.set_serving::<TransferServiceServer<Transfers>>().await;
    health.set_serving::<MailboxServiceServer<Mailbox>>().await;
    health.set_serving::<DirectoryServiceServer<Agencies>>().await;
    health.set_serving::<AuditServiceServer<Audit>>().await;
    health
        .set_serving::<PupilInformationServiceServer<Pupils>>()
        .await;
    health.set_serving::<AssessmentServiceServer<Assessments>>().await;
    health.set_serving::<ReviewServiceServer<Reviews>>().await;
    health
        .set_serving::<ServiceChildServiceServer<ServiceChildren>>()
        .await;
    health.set_serving::<ConsentServiceServer<Consents>>().await;
    health
        .set_serving::<RightHolderServiceServer<RightHolders>>()
        .await;
    health.set_serving::<NoticeServiceServer<Notices>>().await;
    health.set_serving::<AttachmentServiceServer<Documents>>().await;
    health.set_serving::<ClockServiceServer<Clocks>>().await;
    health.set_serving::<PolicyServiceServer<Explanations>>().await;
    health.set_serving::<ReferralServiceServer<Referrals>>().await;
    let reflection = |error: &dyn std::fmt::Display| ServeError::Listen(format!("reflection: {error}"));
    let descriptors = || {
        tonic_reflection::server::Builder::configure()
            .register_encoded_file_descriptor_set(FILE_DESCRIPTOR_SET)
            .register_encoded_file_descriptor_set(tonic_health::pb::FILE_DESCRIPTOR_SET)
    };
    let gate = Gate {
        tokens: TokenVerifier::with_issuers(
            TokenRules {
                audience: config.identity.audience.clone(),
                leeway_seconds: i64::try_from(config.identity.leeway_seconds).unwrap_or(30),
                longest_seconds: i64::try_from(config.identity.token_seconds).unwrap_or(3_600),
            },
            issuers,
        ),
        rules: method_rules(),
        limits: AgencyLimits::new(&config.limits),
        streamed: streamed_methods(FILE_DESCRIPTOR_SET).map_err(|error| reflection(&error))?,
        outflows: Outflows::new(Duration::from_secs(config.limits.slow_reader_seconds)),
        hub: Arc::clone(&hub),
    };
    tokio::spawn(Arc::clone(&gate.outflows).keep(hub.stopping.clone()));
    let routes = Routes::new(health_service)
        .add_service(descriptors().build_v1().map_err(|error| reflection(&error))?)
        .add_service(
            descriptors()
                .build_v1alpha()
                .map_err(|error| reflection(&error))?,
        )
        .add_service(service!(TransferServiceServer, Transfers(Arc::clone(&hub))))
        .add_service(service!(MailboxServiceServer, Mailbox(Arc::clone(&hub))))
        .add_service(service!(DirectoryServiceServer, Agencies(Arc::clone(&hub))))
        .add_service(service!(AuditServiceServer, Audit(Arc::clone(&hub))))
        .add_service(service!(PupilInformationServiceServer, Pupils(Arc::clone(&hub))))
        .add_service(service!(AssessmentServiceServer, Assessments(Arc::clone(&hub))))
        .add_service(service!(ReviewServiceServer, Reviews(Arc::clone(&hub))))
        .add_service(service!(
            ServiceChildServiceServer,
            ServiceChildren(Arc::clone(&hub))
        ))
        .add_service(service!(ConsentServiceServer, Consents(Arc::clone(&hub))))
        .add_service(service!(RightHolderServiceServer, RightHolders(Arc::clone(&hub))))
        .add_service(service!(NoticeServiceServer, Notices(Arc::clone(&hub))))
        .add_service(service!(AttachmentServiceServer, Documents(Arc::clone(&hub))))
        .add_service(service!(ClockServiceServer, Clocks(Arc::clone(&hub))))
        .add_service(service!(PolicyServiceServer, Explanations(Arc::clone(&hub))))
        .add_service(service!(ReferralServiceServer, Referrals(Arc::clone(&hub))));

    let stopping = hub.stopping.clone();
    let mut server = Server::builder()
        .layer(GateLayer(Arc::new(gate)))
        .initial_stream_window_size(1 << 20)
        .initial_connection_window_size(4 << 20)
        .max_concurrent_streams(1_024)
        .http2_keepalive_interval(Some(Duration::from_secs(30)))
        .http2_keepalive_timeout(Some(Duration::from_secs(20)))
        .http2_max_header_list_size(16 * 1024);
    if config.tls.connection_age_seconds > 0 {
        server = server
            .max_connection_age(Duration::from_secs(config.tls.connection_age_seconds))
            .max_connection_age_grace(Duration::from_secs(60));
    }
    let serving = server.add_routes(routes).serve_with_incoming_shutdown(
        ReceiverStream::new(connections).map(Ok::<_, io::Error>),
        async move {
            stopping.cancelled().await;
        },
    );
    tokio::pin!(serving);
    let ended = tokio::select! {
        ended = &mut serving => ended,
        () = async {
            hub.stopping.cancelled().await;
            tokio::time::sleep(Duration::from_secs(config.limits.shutdown_seconds)).await;
        } => {
            warn!("requests under way did not end in time; what was acknowledged is durable");
            Ok(())
        }
        // Without a log nothing may be disclosed: another process has taken over, and this one ends.
        () = store.lost() => {
            hub.stopping.cancel();
            return Err(ServeError::Store(sendhub_store::StoreError::LogMoved));
        }
    };
    hub.stopping.cancel();
    if writer.is_finished() {
        warn!("the writer had ended before: another process has this gateway's log");
    }
    // Closing waits for a commit that is under way; what comes after is refused, not lost.
    store.close().await?;
    info!("stopped");
    ended.map_err(|error| ServeError::Listen(error.to_string()))
}

fn profiles(folder: Option<&Path>) -> Result<Profiles, ServeError> {
    let Some(folder) = folder else {
        return Profiles::built_in().map_err(|error| unusable("ctf")(&error));
    };
    let path = folder.join("profiles.toml");
    let wrong = unusable(path.display());
    let text = std::fs::read_to_string(&path).map_err(|error| wrong(&error))?;
    Profiles::parse(&text).map_err(|error| wrong(&error))
}

/// Bank holidays and the calendars of schools.
fn calendars(folder: Option<&Path>) -> Result<(BankHolidays, HashMap<LaEstab, SchoolCalendar>), ServeError> {
    const BUILT_IN: &str = include_str!("../../../config/calendars/bank_holidays_england.csv");
    let built_in = || BankHolidays::from_csv(BUILT_IN).map_err(|error| unusable("calendars")(&error));
    let Some(folder) = folder else {
        return Ok((built_in()?, HashMap::new()));
    };
    let mut holidays = None;
    let mut schools = HashMap::new();
    let entries = std::fs::read_dir(folder).map_err(|error| unusable(folder.display())(&error))?;
    for path in entries.filter_map(|entry| entry.ok().map(|entry| entry.path())) {
        let wrong = unusable(path.display());
        let name = path
            .file_name()
            .map(|name| name.to_string_lossy().into_owned())
            .unwrap_or_default();
        let read = || std::fs::read_to_string(&path);
        if name == "bank_holidays_england.csv" {
            let text = read().map_err(|error| wrong(&error))?;
            holidays = Some(BankHolidays::from_csv(&text).map_err(|error| wrong(&error))?);
        } else if let Some(school) = name
            .strip_prefix("school_")
            .and_then(|name| name.strip_suffix(".csv"))
        {
            let school = LaEstab::parse(school).map_err(|error| wrong(&error))?;
            let text = read().map_err(|error| wrong(&error))?;
            schools.insert(
                school,
                SchoolCalendar::from_csv(&text).map_err(|error| wrong(&error))?,
            );
        }
    }
    Ok((holidays.map_or_else(built_in, Ok)?, schools))
}
