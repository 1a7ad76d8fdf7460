//! For the benchmark only: rows into a PostgreSQL database, see [`crate::bare`], and the databases for it.

use sendhub_ledger::tree::Frontier;
use sqlx::postgres::PgConnection;
use sqlx::{AssertSqlSafe, Connection as _, Executor as _, Row as _};

use super::address::Address;
use super::decode::count;
use super::writes::{self, Holding};
use super::{SETTINGS, log_number, schema};
use crate::bare::{BareRows, ORIGIN, PLACEHOLDER};
use crate::store::StoreError;
use crate::writes::{Place, Writes};

/// A connection that writes rows and nothing else: one statement a batch, which is a transaction by itself.
#[derive(Debug)]
pub struct BareWriter {
    connection: PgConnection,
    log: i32,
    size: u64,
}

impl BareWriter {
    pub(crate) async fn open(url: &str) -> Result<Self, StoreError> {
        let (_, mut connection) = Address::parse(url)?.primary(0, &SETTINGS).await?;
        schema::migrate(&mut connection).await?;
        schema::partitions(&mut connection, 0).await?;
        let log = log_number(&mut connection, ORIGIN, "none").await?;
        Ok(Self {
            connection,
            log,
            size: 0,
        })
    }

    pub(crate) async fn write(&mut self, batch: Vec<BareRows>) -> Result<(), StoreError> {
        let first = self.size;
        let place = Place {
            log: i64::from(self.log),
            first,
            size: first + batch.len() as u64,
        };
        let holding = Holding {
            log: self.log,
            epoch: 0,
            lease_ms: 0,
            session: None,
        };
        let mut writes = Writes::default();
        for (offset, rows) in (0..).zip(batch) {
            writes.subjects.push(rows.subject);
            writes.exchanges.push((rows.exchange, offset));
            writes.deliveries.push(rows.delivery);
            writes.leaves.push(rows.leaf);
        }
        let nothing = Frontier::default().append(&[]);
        writes::main(
            &mut self.connection,
            &writes,
            Vec::new(),
            place,
            holding,
            &nothing,
            PLACEHOLDER,
        )
        .await?;
        self.size = place.size;
        Ok(())
    }
}

/// A server on which a benchmark makes databases of its own.
#[derive(Debug, Clone)]
pub struct BareServer {
    url: String,
}

impl BareServer {
    /// A server, by the URL of someone who may make databases.
    #[must_use]
    pub fn new(url: &str) -> Self {
        Self { url: url.to_owned() }
    }

    /// The URL of a database of this server.
    #[must_use]
    pub fn database(&self, name: &str) -> String {
        let (address, query) = self.url.split_once('?').unwrap_or((&self.url, ""));
        let server = address.rsplit_once('/').map_or(address, |(server, _)| server);
        let mark = if query.is_empty() { "" } else { "?" };
        format!("{server}/{name}{mark}{query}")
    }

    /// Makes a database; its name is of lower-case letters, digits and underscores.
    ///
    /// # Errors
    /// [`StoreError::Unreachable`], [`StoreError::Database`].
    pub async fn create(&self, name: &str) -> Result<String, StoreError> {
        self.run(format!("CREATE DATABASE {name}")).await?;
        Ok(self.database(name))
    }

    /// Removes a database, whoever is still connected to it.
    ///
    /// # Errors
    /// [`StoreError::Unreachable`], [`StoreError::Database`].
    pub async fn remove(&self, name: &str) -> Result<(), StoreError> {
        self.run(format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)"))
            .await
    }

    /// Version and the settings that matter for what a commit costs, as the server states them.
    ///
    /// # Errors
    /// [`StoreError::Unreachable`], [`StoreError::Database`].
    pub async fn describe(&self) -> Result<String, StoreError> {
        const SETTINGS: &str = "SELECT 'PostgreSQL ' || current_setting('server_version') || ' (' || \
            string_agg(name || ' ' || current_setting(name), ', ' ORDER BY name) || ')' FROM unnest(ARRAY['fsync', \
            'synchronous_commit', 'full_page_writes', 'shared_buffers', 'huge_pages', 'max_wal_size', \
            'checkpoint_timeout', 'wal_compression', 'max_connections']) name";
        let (_, mut connection) = Address::parse(&self.url)?.primary(0, &[]).await?;
        let row = sqlx::query(SETTINGS).fetch_one(&mut connection).await?;
        let said = row.try_get(0)?;
        connection.close().await?;
        Ok(said)
    }

    /// Bytes of a database on the disk, indexes and all.
    ///
    /// # Errors
    /// [`StoreError::Unreachable`], [`StoreError::Database`].
    pub async fn size(&self, name: &str) -> Result<u64, StoreError> {
        let (_, mut connection) = Address::parse(&self.url)?.primary(0, &[]).await?;
        let asked = sqlx::query("SELECT pg_database_size($1)").bind(name.to_owned());
        let row = asked.fetch_one(&mut connection).await?;
        let size = count(&row, 0)?;
        connection.close().await?;
        Ok(size)
    }

    /// Writes all that is in memory to the disk, and lets the planner see what is there: each measurement begins so.
    ///
    /// # Errors
    /// [`StoreError::Unreachable`], [`StoreError::Database`].
    pub async fn settle(&self, name: &str) -> Result<(), StoreError> {
        let (_, mut connection) = Address::parse(&self.database(name))?.primary(0, &[]).await?;
        for text in ["VACUUM ANALYZE", "CHECKPOINT"] {
            connection.execute(sqlx::raw_sql(text)).await?;
        }
        connection.close().await?;
        Ok(())
    }

    /// Has the server write a checkpoint, so that none of its own falls on what is measured next, if that is short.
    ///
    /// # Errors
    /// [`StoreError::Unreachable`], [`StoreError::Database`].
    pub async fn checkpoint(&self) -> Result<(), StoreError> {
        self.run("CHECKPOINT".into()).await
    }

    /// Reads the register of people, and the indexes in which each record looks somewhere else, once.
    ///
    /// # Errors
    /// [`StoreError::Unreachable`], [`StoreError::Database`].
    pub async fn warm(&self, name: &str) -> Result<(), StoreError> {
        let (_, mut connection) = Address::parse(&self.database(name))?.primary(0, &[]).await?;
        for text in [
            "SELECT sum(length(wrapped_key)) FROM subject",
            // From the indexes alone.
            "SET enable_seqscan = off; SET enable_bitmapscan = off",
            "SELECT count(id) FROM subject WHERE id >= ''",
            "SELECT count(*) FROM request WHERE sender >= ''",
            "SELECT count(*) FROM leaf WHERE subject IS NOT NULL",
        ] {
            connection.execute(sqlx::raw_sql(text)).await?;
        }
        connection.close().await?;
        Ok(())
    }

    async fn run(&self, text: String) -> Result<(), StoreError> {
        let (_, mut connection) = Address::parse(&self.url)?.primary(0, &[]).await?;
        connection.execute(sqlx::raw_sql(AssertSqlSafe(text))).await?;
        connection.close().await?;
        Ok(())
    }
}
