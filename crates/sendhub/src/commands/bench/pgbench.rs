//! `pgbench -N`, PostgreSQL's own benchmark: what one transaction a request gives on the same server.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result, ensure};
use sendhub_store::bare::BareServer;

use super::engine::{Database, Engine};

/// Its clients at once.
pub(super) const CLIENTS: usize = 32;
/// Its tables' size, in 100,000 accounts: as many branches as clients, so that none waits for another's row.
const SCALE: usize = 32;

/// The program, and a database of its own that it fills once and that grows with every run, as the hub's does.
pub(super) struct PgBench {
    program: PathBuf,
    database: Database,
    url: String,
}

impl PgBench {
    pub(super) async fn lay(server: &BareServer, program: Option<&Path>) -> Result<Self> {
        let program = program.map_or_else(find, |path| Ok(path.to_owned()))?;
        let database = Engine::Postgres(server.clone()).make().await?;
        let url = database.url().context("pgbench needs a server")?;
        pgbench(&program, &["-i", "-q", "-s", &SCALE.to_string()], &url).await?;
        database.settle().await?;
        Ok(Self {
            program,
            database,
            url,
        })
    }

    /// Transactions that 32 clients of `pgbench -N` commit a second.
    pub(super) async fn commits(&self, seconds: f64) -> Result<f64> {
        let clients = CLIENTS.to_string();
        let seconds = format!("{:.0}", seconds.max(1.0));
        let said = pgbench(
            &self.program,
            &["-N", "-n", "-c", &clients, "-j", "2", "-T", &seconds],
            &self.url,
        )
        .await?;
        said.lines()
            .find_map(|line| line.strip_prefix("tps = ")?.split(' ').next()?.parse().ok())
            .context("pgbench told no rate")
    }

    pub(super) async fn remove(self) -> Result<()> {
        self.database.remove().await
    }
}

async fn pgbench(program: &Path, arguments: &[&str], url: &str) -> Result<String> {
    let mut command = Command::new(program);
    command.args(arguments).arg(url).stdin(Stdio::null());
    let done = tokio::task::spawn_blocking(move || command.output()).await??;
    ensure!(
        done.status.success(),
        "pgbench has failed: {}",
        String::from_utf8_lossy(&done.stderr).trim()
    );
    Ok(String::from_utf8_lossy(&done.stdout).into_owned())
}

/// Where packages put it: on the path, or in the folder of the newest version.
fn find() -> Result<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let mut folders: Vec<PathBuf> = std::env::split_paths(&path).collect();
    let mut versions: Vec<PathBuf> = std::fs::read_dir("/usr/lib/postgresql")
        .into_iter()
        .flatten()
        .flatten()
        .map(|version| version.path().join("bin"))
        .collect();
    versions.sort();
    folders.extend(versions.into_iter().rev());
    folders
        .into_iter()
        .map(|folder| folder.join("pgbench"))
        .find(|program| program.exists())
        .context("pgbench is not found: give --pgbench")
}
