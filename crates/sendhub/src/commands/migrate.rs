//! `sendhub migrate`: moves a hub's history from its file into PostgreSQL, whole, and proves it by the log.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context as _, Result, ensure};
use clap::Args;
use sendhub_gateway::clock::{Clock as _, SystemClock};
use sendhub_store::moving::{Moved, When, move_history};
use serde_json::{Value, json};

use super::audit;
use crate::Output;

/// Move a hub's whole history from SQLite to an empty PostgreSQL database. The hub must be stopped. Nothing is moved
/// unless every row and every leaf arrived as it was; afterwards the file is marked, and no gateway opens it again.
#[derive(Debug, Args)]
pub(crate) struct Migrate {
    /// The file, `sqlite://data/hub.db`.
    #[arg(long, value_name = "URL")]
    from: String,
    /// The empty database, `postgres://user@host:5432/sendhub`. Keep the password in .pgpass or PGPASSWORD.
    #[arg(long, value_name = "URL")]
    to: String,
    /// A log's public key in the form `name+id+key`, as you got it from elsewhere than the database.
    #[arg(long = "key")]
    keys: Vec<String>,
}

impl Migrate {
    pub(crate) async fn run(&self, output: Output) -> Result<ExitCode> {
        let file = self
            .from
            .strip_prefix("sqlite://")
            .map(PathBuf::from)
            .context("--from: a file, as sqlite://PATH; no other move is there")?;
        ensure!(
            self.to.starts_with("postgres://") || self.to.starts_with("postgresql://"),
            "--to: a PostgreSQL database, as postgres://user@host:5432/name"
        );
        ensure!(file.is_file(), "there is no file {}", file.display());
        let keys = audit::parse_keys(&self.keys)?;
        let bar = audit::spinner(output, "rows and leaves");
        let seen = |seen| bar.set_position(seen);
        let moved = move_history(&file, &self.to, &keys, SystemClock.now(), seen).await;
        bar.finish_and_clear();
        let moved = moved?;
        match output {
            Output::Json => println!("{}", as_json(&moved)),
            Output::Text => print(&moved, &file),
        }
        Ok(ExitCode::SUCCESS)
    }
}

fn rows(moved: &Moved) -> u64 {
    moved.tables.iter().map(|(_, contents)| contents.rows).sum()
}

fn print(moved: &Moved, file: &Path) {
    for log in &moved.logs {
        println!(
            "log {}: {} leaves, {} checkpoints, root {}: the same on both sides",
            log.origin, log.size, log.checkpoints, log.root
        );
    }
    println!(
        "{} rows of {} tables, {} exchanges and {} deliveries among them: each the same on both sides",
        rows(moved),
        moved.tables.len(),
        moved.exchanges,
        moved.deliveries
    );
    match moved.when {
        When::Now => println!("moved to {}", moved.to),
        When::Before => println!("it had arrived in {} before: nothing was left to do", moved.to),
    }
    println!(
        "\n{} is marked: no gateway opens it again. Keep it until the new database has a back-up, and keep its keys:\n\
         they are the hub's still.",
        file.display()
    );
    println!("next:");
    println!("  set store.url in hub.toml to the new database; attachments stay where they are");
    println!("  sendhub serve --config hub.toml");
}

fn as_json(moved: &Moved) -> Value {
    let tables: Vec<Value> = moved
        .tables
        .iter()
        .map(|(name, contents)| {
            let digest: String = contents.digest.iter().map(|byte| format!("{byte:02x}")).collect();
            json!({ "table": name, "rows": contents.rows, "sha256": digest })
        })
        .collect();
    json!({
        "to": moved.to,
        "logs": audit::logs_json(&moved.logs),
        "tables": tables,
        "rows": rows(moved),
        "exchanges": moved.exchanges,
        "deliveries": moved.deliveries,
        "moved_before": moved.when == When::Before,
    })
}
