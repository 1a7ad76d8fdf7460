//! The ground of a measurement: a hub in a folder of its own, with schools that may send.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use sendhub_client::profile::Profile;
use sendhub_client::session::Session;
use sendhub_domain::agency::{AgencyIdentifiers, AgencyKind};
use sendhub_domain::identifiers::LaEstab;
use sendhub_gateway::clock::{Clock as _, SystemClock};
use sendhub_gateway::config::{Config, Limits};
use sendhub_gateway::server::{Running, start};
use sendhub_store::verify::{VerifyReport, verify_postgres, verify_sqlite};

use super::engine::{Database, Engine};
use crate::pki;
use crate::site::{self, NewHub, Site};

/// A hub that is laid out and does not run: its folder, its database, its agencies.
pub(super) struct Plot {
    folder: PathBuf,
    pub(super) config: Config,
    pub(super) database: Database,
}

/// A running hub, and where everything of it lies.
pub(super) struct Ground {
    pub(super) plot: Plot,
    pub(super) running: Running,
}

impl Plot {
    /// Lays out a hub among the temporary files, or in a folder, with these schools (LAESTAB).
    pub(super) async fn lay(
        engine: &Engine,
        within: Option<&Path>,
        schools: &[impl AsRef<str>],
        limits: impl FnOnce(&mut Limits),
    ) -> Result<Self> {
        let folder = within
            .map_or_else(std::env::temp_dir, Path::to_owned)
            .join(format!("sendhub-bench-{}", SystemClock.new_id()));
        std::fs::create_dir_all(&folder).with_context(|| format!("cannot make {}", folder.display()))?;
        let database = engine.make().await?;
        // Free a moment ago: the agencies' profiles name it before the hub runs.
        let address = std::net::TcpListener::bind("127.0.0.1:0")?.local_addr()?;
        let path = site::create(
            &folder,
            &NewHub {
                name: "bench.sendhub".into(),
                listen: address,
                hosts: vec!["localhost".into()],
                store: database.url(),
            },
        )?;
        let site = Site::open(&path).await?;
        let address = format!("https://localhost:{}", address.port());
        for number in schools {
            let number = number.as_ref();
            let identifiers = AgencyIdentifiers {
                laestab: Some(LaEstab::parse(number)?),
                ..AgencyIdentifiers::default()
            };
            let id = format!("school-{number}");
            let mut agency = site::new_agency(&id, AgencyKind::MaintainedSchool, &id, identifiers)?;
            site.issue(&mut agency, &folder.join(&id), &address, "mis-system", None)?;
            site.put(agency, 0, "sendhub bench").await?;
        }
        site.close().await?;
        let mut config = Config::load(&path)?;
        limits(&mut config.limits);
        Ok(Self {
            folder,
            config,
            database,
        })
    }

    /// Runs its hub.
    pub(super) async fn start(self) -> Result<Ground> {
        let running = start(self.config.clone()).await?;
        Ok(Ground { plot: self, running })
    }

    /// Where the hub's configuration lies.
    pub(super) fn config_path(&self) -> PathBuf {
        self.folder.join("hub.toml")
    }

    /// The configuration of another gateway on the same database, which listens where there is room.
    pub(super) fn another(&self, gateway: &str) -> Result<Config> {
        let mut config = self.config.clone();
        config.hub.gateway = gateway.into();
        config.listen.address.set_port(0);
        config.log.signing_key_file = self.folder.join(format!("keys/log-{gateway}.key"));
        pki::write_secret(&config.log.signing_key_file, pki::random_hex()?.as_bytes())?;
        Ok(config)
    }

    /// Where a school's client profile lies.
    pub(super) fn profile_path(&self, school: &str) -> PathBuf {
        self.folder.join(format!("school-{school}")).join("client.toml")
    }

    /// A school's client profile.
    pub(super) fn profile(&self, school: &str) -> Result<Profile> {
        Ok(Profile::load(&self.profile_path(school))?)
    }

    /// Connections of a school to a gateway.
    pub(super) async fn sessions(
        &self,
        school: &str,
        gateway: &Running,
        count: usize,
    ) -> Result<Vec<Session>> {
        let mut profile = self.profile(school)?;
        profile.hub = format!("https://localhost:{}", gateway.address.port());
        let mut sessions = Vec::with_capacity(count);
        for _ in 0..count {
            sessions.push(Session::open(&profile).await?);
        }
        Ok(sessions)
    }

    /// What verification says of the database.
    pub(super) async fn verify(&self) -> Result<VerifyReport> {
        Ok(match self.database.url() {
            Some(url) => verify_postgres(&url, &[], |_| ()).await?,
            None => {
                let file = self.config.sqlite_path().context("the hub has no database")?;
                verify_sqlite(&file, &[], |_| ()).await?
            }
        })
    }

    /// Bytes of its database on the disk.
    pub(super) async fn stored(&self) -> Result<u64> {
        match &self.database {
            Database::Named { server, name } => Ok(server.size(name).await?),
            Database::File => {
                let file = self.config.sqlite_path().context("the hub has no database")?;
                Ok(std::fs::metadata(file)?.len())
            }
        }
    }

    /// Removes folder and database.
    pub(super) async fn clear(self) -> Result<()> {
        self.database.remove().await?;
        std::fs::remove_dir_all(&self.folder)
            .with_context(|| format!("cannot remove {}", self.folder.display()))
    }
}

impl Ground {
    /// Makes a hub on the embedded store and runs it, see [`Plot::lay`].
    pub(super) async fn make(
        within: Option<&Path>,
        schools: &[&str],
        limits: impl FnOnce(&mut Limits),
    ) -> Result<Self> {
        Plot::lay(&Engine::Sqlite, within, schools, limits)
            .await?
            .start()
            .await
    }

    /// Where a school's client profile lies.
    pub(super) fn profile_path(&self, school: &str) -> PathBuf {
        self.plot.profile_path(school)
    }

    /// A school's client profile.
    pub(super) fn profile(&self, school: &str) -> Result<Profile> {
        self.plot.profile(school)
    }

    /// Stops the hub; what it wrote stays until it is cleared.
    pub(super) async fn stop(self) -> Result<Plot> {
        self.running.stop();
        self.running.stopped().await?;
        Ok(self.plot)
    }
}
