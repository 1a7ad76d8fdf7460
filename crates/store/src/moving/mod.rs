//! A history moved from a SQLite file into an empty PostgreSQL database, whole or not at all, and held against its log
//! on both sides before it counts.

mod cell;
mod copy;
mod table;
mod tables;
mod target;

use std::path::Path;

use jiff::Timestamp;
use sendhub_ledger::checkpoint::VerifierKey;
use sqlx::sqlite::SqliteConnection;
use sqlx::{Connection as _, Row as _};

pub use self::copy::Contents;
use self::table::Table;
use self::tables::{NOT_MOVED, TABLES};
use crate::postgres::{Target, open_target};
use crate::sqlite::{mark_moved, moved_to, open_alone};
use crate::store::StoreError;
use crate::verify::{VerifiedLog, VerifyReport, judge_postgres, judge_sqlite};

/// Why nothing was moved. Except where it says otherwise, both databases are as they were.
#[derive(Debug, thiserror::Error)]
pub enum MoveError {
    /// A database failed, cannot be used, or is in use.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The history does not fit its log: first of all that must be understood.
    #[error("the file does not fit its log, so nothing was moved: {}", first(.0))]
    SourceFaults(Box<VerifyReport>),
    /// The file holds a table that this version does not know.
    #[error("the file holds a table that would be left behind: {0}")]
    UnknownTable(String),
    /// The target is not empty.
    #[error("the database that is to take the history is not empty, it has {}", listed(.0))]
    NotEmpty(Vec<String>),
    /// The file was moved before, and the database that took it holds something else by now.
    #[error(
        "the file was moved to {to} before, and {differs} there is not what the file holds: it has gone on there"
    )]
    MovedBefore {
        /// Where it was moved to.
        to: String,
        /// The first table that differs.
        differs: &'static str,
    },
    /// A table did not arrive as it was.
    #[error("{table} did not arrive as it was: {sent} were sent, {arrived} are there")]
    Differs {
        /// Which.
        table: &'static str,
        /// What was sent.
        sent: Contents,
        /// What is there.
        arrived: Contents,
    },
    /// What arrived does not fit the log.
    #[error("what arrived does not fit the log: {}", first(.0))]
    TargetFaults(Box<VerifyReport>),
    /// The database did not confirm the commit.
    #[error(
        "the database did not confirm the commit ({0}). The file is marked as moved and no gateway will open it: run \
         the same command again, it finds out whether the history is there, and moves it if it is not"
    )]
    Unconfirmed(StoreError),
}

fn first(report: &VerifyReport) -> &str {
    report.faults.first().map_or("it cannot be read", String::as_str)
}

fn listed(found: &[String]) -> String {
    const SHOWN: usize = 5;
    let shown = found.iter().take(SHOWN).cloned().collect::<Vec<_>>().join(", ");
    match found.len().checked_sub(SHOWN) {
        Some(more @ 1..) => format!("{shown} and {more} more"),
        _ => shown,
    }
}

/// What was moved.
#[derive(Debug, Clone)]
pub struct Moved {
    /// Where to: `host:port/database`.
    pub to: String,
    /// What verification says of the logs, the same on both sides.
    pub logs: Vec<VerifiedLog>,
    /// Exchanges whose content fits its leaf.
    pub exchanges: u64,
    /// Copies.
    pub deliveries: u64,
    /// Each table with what it holds, the same on both sides.
    pub tables: Vec<(&'static str, Contents)>,
    /// Whether it had arrived before.
    pub when: When,
}

/// When a history arrived.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum When {
    /// With this call.
    Now,
    /// With an earlier one, whose end nobody saw.
    Before,
}

/// Moves a history. The file is this process's alone from beginning to end; schema, rows and proof are one
/// transaction of the target. Just before it commits the file is marked, so that at no moment two databases can be
/// served: the mark stays when the commit is not confirmed, and the same call made again finds out. `keys` are verifier
/// keys obtained elsewhere, `progress` gets the rows and leaves looked at so far.
///
/// # Errors
/// [`MoveError`].
pub async fn move_history(
    from: &Path,
    to: &str,
    keys: &[VerifierKey],
    at: Timestamp,
    mut progress: impl FnMut(u64),
) -> Result<Moved, MoveError> {
    let mut source = open_alone(from).await?;
    every_table_is_known(&mut source).await?;
    let report = judge_sqlite(&mut source, keys, &mut progress).await?;
    if !report.holds() {
        return Err(MoveError::SourceFaults(Box::new(report)));
    }
    let mut target = open_target(to).await?;
    let found = target::found(&mut target.connection).await?;
    match moved_to(&mut source).await? {
        // To move it to a second place would give it two futures.
        Some(place) if place != target.place => Err(StoreError::Moved(place).into()),
        _ if found.is_empty() => copy_all(source, target, keys, report, at, progress).await,
        Some(_) => compare_all(source, target, report).await,
        None => Err(MoveError::NotEmpty(found)),
    }
}

async fn copy_all(
    mut source: SqliteConnection,
    mut target: Target,
    keys: &[VerifierKey],
    report: VerifyReport,
    at: Timestamp,
    mut progress: impl FnMut(u64),
) -> Result<Moved, MoveError> {
    // Dropped before it commits it leaves nothing, the schema included.
    let mut transaction = target.connection.begin().await.map_err(StoreError::from)?;
    target::prepare(&mut transaction, &mut source).await?;
    let (mut tables, mut seen) = (Vec::new(), 0);
    for table in TABLES {
        let further = || {
            seen += 1;
            if seen % 512 == 0 {
                progress(seen);
            }
        };
        let sent = copy::copy(table, &mut source, &mut transaction, further).await?;
        tables.push((table, sent));
    }
    target::conclude(&mut transaction).await?;
    for (table, sent) in &tables {
        let arrived = copy::in_postgres(table, &mut transaction).await?;
        if arrived != *sent {
            return Err(MoveError::Differs {
                table: table.name,
                sent: sent.clone(),
                arrived,
            });
        }
    }
    let arrived = judge_postgres(&mut transaction, keys, progress).await?;
    if arrived != report {
        return Err(MoveError::TargetFaults(Box::new(arrived)));
    }
    mark_moved(&mut source, &target.place, at).await?;
    if let Err(failure) = transaction.commit().await {
        return Err(MoveError::Unconfirmed(failure.into()));
    }
    let _ = target.connection.close().await;
    source.close().await.map_err(StoreError::from)?;
    Ok(moved(target.place, report, tables, When::Now))
}

/// After an earlier move whose end nobody saw: whether all of it is there.
async fn compare_all(
    mut source: SqliteConnection,
    mut target: Target,
    report: VerifyReport,
) -> Result<Moved, MoveError> {
    let mut tables = Vec::new();
    for table in TABLES {
        let here = copy::in_sqlite(table, &mut source).await?;
        let there = copy::in_postgres(table, &mut target.connection).await;
        if !there.is_ok_and(|there| there == here) {
            return Err(MoveError::MovedBefore {
                to: target.place,
                differs: table.name,
            });
        }
        tables.push((table, here));
    }
    let _ = target.connection.close().await;
    source.close().await.map_err(StoreError::from)?;
    Ok(moved(target.place, report, tables, When::Before))
}

fn moved(to: String, report: VerifyReport, tables: Vec<(&'static Table, Contents)>, when: When) -> Moved {
    Moved {
        to,
        logs: report.logs,
        exchanges: report.exchanges,
        deliveries: report.deliveries,
        tables: tables
            .into_iter()
            .map(|(table, contents)| (table.name, contents))
            .collect(),
        when,
    }
}

/// Nothing may stay behind because this version has never heard of it.
async fn every_table_is_known(source: &mut SqliteConnection) -> Result<(), MoveError> {
    const ALL: &str = "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%'";
    for row in sqlx::query(ALL)
        .fetch_all(source)
        .await
        .map_err(StoreError::from)?
    {
        let name: String = row.try_get(0).map_err(StoreError::from)?;
        if !NOT_MOVED.contains(&name.as_str()) && !TABLES.iter().any(|table| table.source == name) {
            return Err(MoveError::UnknownTable(name));
        }
    }
    Ok(())
}
