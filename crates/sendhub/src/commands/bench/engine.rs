//! On what a measurement stands: the embedded engine, or databases of its own on a PostgreSQL server.

use std::path::Path;

use anyhow::Result;
use clap::Args;
use sendhub_gateway::clock::{Clock as _, SystemClock};
use sendhub_store::bare::{BareServer, BareWriter};

/// The engine of a measurement.
#[derive(Debug, Clone, Args)]
pub(super) struct EngineChoice {
    /// Where the hubs measured keep their records: the URL of a PostgreSQL server, as someone who may make databases;
    /// the embedded engine otherwise. Databases are made for the run and removed after it.
    #[arg(long, value_name = "URL", env = "SENDHUB_BENCH_STORE", hide_env_values = true)]
    store: Option<String>,
}

/// Where databases are made.
#[derive(Debug, Clone)]
pub(super) enum Engine {
    /// Files.
    Sqlite,
    /// On this server.
    Postgres(BareServer),
}

/// A database that was made for a measurement.
#[derive(Debug, Clone)]
pub(super) enum Database {
    /// A file in the folder of the measurement.
    File,
    /// By name, on a server.
    Named { server: BareServer, name: String },
}

impl EngineChoice {
    pub(super) fn engine(&self) -> Engine {
        match &self.store {
            None => Engine::Sqlite,
            Some(url) => Engine::Postgres(BareServer::new(url)),
        }
    }
}

impl Engine {
    pub(super) const fn name(&self) -> &'static str {
        match self {
            Self::Sqlite => "SQLite",
            Self::Postgres(_) => "PostgreSQL",
        }
    }

    /// The engine with its version and the settings on which a commit's cost depends.
    pub(super) async fn describe(&self) -> Result<String> {
        match self {
            Self::Sqlite => Ok("SQLite (WAL, synchronous FULL)".into()),
            Self::Postgres(server) => Ok(server.describe().await?),
        }
    }

    /// A new database.
    pub(super) async fn make(&self) -> Result<Database> {
        match self {
            Self::Sqlite => Ok(Database::File),
            Self::Postgres(server) => {
                let name = format!("sendhub_bench_{}", SystemClock.new_id().simple());
                server.create(&name).await?;
                Ok(Database::Named {
                    server: server.clone(),
                    name,
                })
            }
        }
    }
}

impl Database {
    /// Its URL; `None` for the file that a hub's folder has by itself.
    pub(super) fn url(&self) -> Option<String> {
        match self {
            Self::File => None,
            Self::Named { server, name } => Some(server.database(name)),
        }
    }

    /// A writer of bare rows into it; a file lies at this path.
    pub(super) async fn bare(&self, path: &Path) -> Result<BareWriter> {
        Ok(match self.url() {
            None => BareWriter::sqlite(path).await?,
            Some(url) => BareWriter::postgres(&url).await?,
        })
    }

    /// Writes out what is in memory, so that a measurement does not pay for what came before it.
    pub(super) async fn settle(&self) -> Result<()> {
        if let Self::Named { server, name } = self {
            server.settle(name).await?;
        }
        Ok(())
    }

    /// Has the server write a checkpoint, so that none of its own falls on what is measured next, if that is short.
    pub(super) async fn checkpoint(&self) -> Result<()> {
        if let Self::Named { server, .. } = self {
            server.checkpoint().await?;
        }
        Ok(())
    }

    /// Reads what every record asks of a history once, so that it lies in memory.
    pub(super) async fn warm(&self) -> Result<()> {
        if let Self::Named { server, name } = self {
            server.warm(name).await?;
        }
        Ok(())
    }

    /// Removes it; a file goes with its folder.
    pub(super) async fn remove(&self) -> Result<()> {
        if let Self::Named { server, name } = self {
            server.remove(name).await?;
        }
        Ok(())
    }
}
