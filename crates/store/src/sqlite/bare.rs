//! For the benchmark only: rows into an SQLite file, see [`crate::bare`].

use std::path::Path;

use sendhub_ledger::tree::Frontier;
use sqlx::ConnectOptions as _;
use sqlx::sqlite::SqliteConnection;

use super::rows::{Handing, Script};
use super::writes::{write_deliveries, write_exchanges, write_leaves, write_subjects};
use super::{commit, folding, log_number, schema};
use crate::bare::{BareRows, ORIGIN, PLACEHOLDER};
use crate::store::StoreError;
use crate::writes::Place;

/// A connection that writes rows and nothing else.
#[derive(Debug)]
pub struct BareWriter {
    connection: SqliteConnection,
    log: i64,
    frontier: Frontier,
    size: u64,
}

impl BareWriter {
    /// Opens a file with the hub's schema and settings.
    ///
    /// # Errors
    /// [`StoreError::Database`], [`StoreError::Schema`].
    pub(crate) async fn open(path: &Path) -> Result<Self, StoreError> {
        // It copies its log itself, as often as the hub's is copied beside the writer.
        let options = schema::writer(path).pragma("wal_autocheckpoint", folding::AT.to_string());
        let mut connection = options.connect().await?;
        schema::migrate(&mut connection).await?;
        let log = log_number(&mut connection, ORIGIN, "none").await?;
        Ok(Self {
            connection,
            log,
            frontier: Frontier::default(),
            size: 0,
        })
    }

    /// Writes a batch in one durable transaction.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub(crate) async fn write(&mut self, batch: Vec<BareRows>) -> Result<(), StoreError> {
        let first = self.size;
        let place = Place {
            log: self.log,
            first,
            size: first + batch.len() as u64,
        };
        let handing = if batch.len() == 1 {
            Handing::Together
        } else {
            Handing::Apart
        };
        let (mut subjects, mut exchanges) =
            (Vec::with_capacity(batch.len()), Vec::with_capacity(batch.len()));
        let (mut deliveries, mut leaves) = (Vec::with_capacity(batch.len()), Vec::with_capacity(batch.len()));
        for (offset, rows) in (0..).zip(batch) {
            subjects.push(rows.subject);
            exchanges.push((rows.exchange, offset));
            deliveries.push(rows.delivery);
            leaves.push(rows.leaf);
        }
        let mut script = Script::new(handing);
        script.add("BEGIN IMMEDIATE;\n");
        write_subjects(subjects, &mut script);
        write_exchanges(exchanges, place, &mut script);
        write_deliveries(deliveries, &mut script);
        write_leaves(leaves, place, &mut script);
        if handing == Handing::Apart {
            script.run(&mut self.connection).await?;
            script = Script::new(Handing::Together);
        }
        commit::close(place, PLACEHOLDER.to_owned(), &self.frontier, &mut script);
        script.run(&mut self.connection).await?;
        self.size = place.size;
        Ok(())
    }
}
