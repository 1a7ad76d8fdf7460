//! The ground of a measurement: a hub in a folder of its own, with schools that may send.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use sendhub_client::profile::Profile;
use sendhub_domain::agency::{AgencyIdentifiers, AgencyKind};
use sendhub_domain::identifiers::LaEstab;
use sendhub_gateway::clock::{Clock as _, SystemClock};
use sendhub_gateway::config::{Config, Limits};
use sendhub_gateway::server::{Running, start};

use crate::site::{self, NewHub, Site};

/// A running hub, and where everything of it lies.
pub(super) struct Ground {
    pub(super) folder: PathBuf,
    pub(super) running: Running,
}

impl Ground {
    /// Makes a hub on the embedded store among the temporary files, or in a folder, with these schools.
    pub(super) async fn make(
        within: Option<&Path>,
        schools: &[&str],
        limits: impl FnOnce(&mut Limits),
    ) -> Result<Self> {
        let folder = within
            .map_or_else(std::env::temp_dir, Path::to_owned)
            .join(format!("sendhub-bench-{}", SystemClock.new_id()));
        std::fs::create_dir_all(&folder).with_context(|| format!("cannot make {}", folder.display()))?;
        let path = site::create(
            &folder,
            &NewHub {
                name: "bench.sendhub".into(),
                listen: ([127, 0, 0, 1], 0).into(),
                hosts: vec!["localhost".into()],
                store: None,
            },
        )?;
        let site = Site::open(&path).await?;
        let mut config = Config::load(&path)?;
        limits(&mut config.limits);
        let running = start(config).await?;
        let address = format!("https://localhost:{}", running.address.port());
        for number in schools {
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
        running.hub.refresh_directory().await?;
        Ok(Self { folder, running })
    }

    /// Where a school's client profile lies.
    pub(super) fn profile_path(&self, school: &str) -> PathBuf {
        self.folder.join(format!("school-{school}")).join("client.toml")
    }

    /// A school's client profile.
    pub(super) fn profile(&self, school: &str) -> Result<Profile> {
        Ok(Profile::load(&self.profile_path(school))?)
    }

    /// Where the database lies.
    pub(super) fn database(&self) -> Result<PathBuf> {
        Config::load(&self.folder.join("hub.toml"))?
            .sqlite_path()
            .context("the hub of a bench is on the embedded store")
    }

    /// Stops the hub; what it wrote stays until it is cleared.
    pub(super) async fn stop(self) -> Result<Cleared> {
        let database = self.database()?;
        self.running.stop();
        self.running.stopped().await?;
        Ok(Cleared {
            folder: self.folder,
            database,
        })
    }
}

/// What a stopped hub left.
pub(super) struct Cleared {
    folder: PathBuf,
    pub(super) database: PathBuf,
}

impl Cleared {
    /// Removes it.
    pub(super) fn clear(self) -> Result<()> {
        std::fs::remove_dir_all(&self.folder)
            .with_context(|| format!("cannot remove {}", self.folder.display()))
    }
}
