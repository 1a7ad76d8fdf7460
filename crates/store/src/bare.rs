//! For the benchmark only: the same rows in the same form, without guards, tree, signing or sealing.
//!
//! What it writes is no log: its checkpoints hold a placeholder and its tree has no hashes. It shows what the
//! database alone can do, so that the hub's own share can be told.

use std::path::Path;

use crate::change::{DeliveryRow, ExchangeRow, SubjectRow};
use crate::entry::LogEntry;
pub use crate::postgres::bare::BareServer;
use crate::store::StoreError;
use crate::{postgres, sqlite};

/// The log that is none.
pub(crate) const ORIGIN: &str = "bench/bare";
/// As long as a real checkpoint of a log with a name of usual length.
pub(crate) const PLACEHOLDER: &str = "bench/bare\n000000\nAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n\n\u{2014} bench/bare \
    AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n";

/// The rows of one accepted record.
#[derive(Debug, Clone)]
pub struct BareRows {
    /// The person.
    pub subject: SubjectRow,
    /// The exchange.
    pub exchange: ExchangeRow,
    /// The one recipient's copy.
    pub delivery: DeliveryRow,
    /// The log entry.
    pub leaf: LogEntry,
}

/// A connection that writes rows and nothing else.
#[derive(Debug)]
pub enum BareWriter {
    /// Into a file.
    Sqlite(Box<sqlite::bare::BareWriter>),
    /// Into a database on a server.
    Postgres(Box<postgres::bare::BareWriter>),
}

impl BareWriter {
    /// Opens a file with the hub's schema and settings.
    ///
    /// # Errors
    /// [`StoreError::Database`], [`StoreError::Schema`].
    pub async fn sqlite(path: &Path) -> Result<Self, StoreError> {
        let writer = sqlite::bare::BareWriter::open(path).await?;
        Ok(Self::Sqlite(Box::new(writer)))
    }

    /// Opens a database with the hub's schema and settings.
    ///
    /// # Errors
    /// [`StoreError::Unreachable`], [`StoreError::Database`], [`StoreError::Schema`].
    pub async fn postgres(url: &str) -> Result<Self, StoreError> {
        let writer = postgres::bare::BareWriter::open(url).await?;
        Ok(Self::Postgres(Box::new(writer)))
    }

    /// Writes a batch in one durable transaction.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn write(&mut self, batch: Vec<BareRows>) -> Result<(), StoreError> {
        match self {
            Self::Sqlite(writer) => writer.write(batch).await,
            Self::Postgres(writer) => writer.write(batch).await,
        }
    }
}
