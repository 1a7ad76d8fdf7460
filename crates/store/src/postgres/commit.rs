//! The one way to write: guards, tree, rows and checkpoint of a batch in one durable transaction, under the lease of
//! this gateway's log.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::Arc;

use sendhub_ledger::checkpoint::LogKey;
use sendhub_ledger::hash::Hash;
use sendhub_ledger::tree::{Appended, Frontier};
use sqlx::postgres::PgConnection;
use sqlx::{AssertSqlSafe, Executor as _, Row as _};
use tokio::time::timeout;
use tracing::debug;
use uuid::Uuid;

use super::decode::count;
use super::lease::Lease;
use super::primary::Primary;
use super::writes as written;
use super::{SETTINGS, lookup, schema};
use crate::change::{Change, Committed, Conflict, Effect, receipts};
use crate::store::StoreError;
use crate::writes::{Place, Writes};

/// How often a batch is tried when another gateway stands in its way, before it is not confirmed.
const TRIES: u32 = 5;

/// Whether what the writer knows of its log is what the database holds.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Knowledge {
    /// The last commit was confirmed.
    Sure,
    /// A commit was not confirmed: the log stands where it stood or, if it got so far, here.
    Doubtful(Option<Frontier>),
    /// Another writer appended, or has the lease: this one never writes again.
    Lost,
}

/// The only connection that writes to this gateway's log, with the log's right edge in memory.
#[derive(Debug)]
pub(super) struct Writer {
    connection: Option<PgConnection>,
    primary: Arc<Primary>,
    lease: Arc<Lease>,
    key: LogKey,
    frontier: Frontier,
    knowledge: Knowledge,
    /// The connection's number in the log.
    session: Uuid,
}

/// A log's right edge and epoch as the database holds them. Waits for whoever is writing them.
async fn read_log(connection: &mut PgConnection, log: i32) -> Result<(Frontier, i64), StoreError> {
    const ROW: &str = "SELECT size, peaks, epoch FROM log WHERE no = $1 FOR UPDATE";
    let row = sqlx::query(ROW).bind(log).fetch_one(connection).await?;
    let size = count(&row, 0)?;
    let peaks: &[u8] = row.try_get(1)?;
    let peaks: Result<Vec<Hash>, _> = peaks.chunks(32).map(Hash::from_slice).collect();
    let frontier = peaks
        .and_then(|peaks| Frontier::from_parts(size, peaks))
        .map_err(|_| StoreError::Corrupt("log"))?;
    Ok((frontier, row.try_get(2)?))
}

/// Why an attempt wrote nothing.
enum Stopped {
    /// Another gateway stood in the way: worth another attempt, asking first.
    InTheWay,
    /// It failed.
    Failed(StoreError),
}

impl From<StoreError> for Stopped {
    fn from(failure: StoreError) -> Self {
        match failure {
            StoreError::Contended => Self::InTheWay,
            failure => Self::Failed(failure),
        }
    }
}

impl From<sqlx::Error> for Stopped {
    fn from(error: sqlx::Error) -> Self {
        StoreError::from(error).into()
    }
}

impl Writer {
    /// Takes up a log where it stands now, under a lease that is held.
    pub(super) async fn open(
        mut connection: PgConnection,
        primary: Arc<Primary>,
        lease: Arc<Lease>,
        key: LogKey,
    ) -> Result<Self, StoreError> {
        let session = lease.renew_for(&mut connection).await?;
        let (frontier, _) = read_log(&mut connection, lease.log()).await?;
        Ok(Self {
            session,
            connection: Some(connection),
            primary,
            lease,
            key,
            frontier,
            knowledge: Knowledge::Sure,
        })
    }

    /// Makes the partitions that this log and these months need.
    pub(super) async fn upkeep(&mut self) -> Result<(), StoreError> {
        let size = self.frontier.size();
        schema::partitions(self.connection()?, size).await
    }

    /// The connection, for closing it.
    pub(super) fn into_connection(self) -> Option<PgConnection> {
        self.connection
    }

    /// Writes a batch, see [`crate::Store::commit`].
    pub(super) async fn commit(
        &mut self,
        batch: Vec<Change>,
    ) -> Result<Vec<Result<Committed, Conflict>>, StoreError> {
        if batch.is_empty() {
            return Ok(Vec::new());
        }
        if self.lease.is_lost() {
            self.knowledge = Knowledge::Lost;
        }
        // Nearly every batch only adds rows whose guards the schema itself keeps: it is written without asking
        // first. When something stands in its way nothing of it is written, and each change is asked for.
        let mut asking = !batch.iter().all(only_adds);
        // Beyond it another process may have the log: there is no sense in waiting on.
        let patience = self.lease.length() * 2;
        for _ in 0..TRIES {
            let attempt = timeout(patience, self.attempt(&batch, asking)).await;
            match attempt.unwrap_or_else(|_| Err(Stopped::Failed(silent()))) {
                Ok(receipts) => {
                    self.knowledge = Knowledge::Sure;
                    return Ok(receipts);
                }
                Err(Stopped::InTheWay) => asking = true,
                Err(Stopped::Failed(failure)) => {
                    self.give_up(&failure).await;
                    return Err(failure);
                }
            }
        }
        Err(StoreError::Database(
            "other gateways stood in the way of each attempt".into(),
        ))
    }

    async fn attempt(
        &mut self,
        batch: &[Change],
        asking: bool,
    ) -> Result<Vec<Result<Committed, Conflict>>, Stopped> {
        self.make_sure().await?;
        // Set before the first await that can fail or be dropped, taken back when the commit is confirmed.
        self.knowledge = Knowledge::Doubtful(None);
        if asking {
            self.write_asking(batch.to_vec()).await
        } else {
            self.write_adding(batch.to_vec()).await
        }
    }

    /// After a failure: the connection is not used again when it is the cause.
    async fn give_up(&mut self, failure: &StoreError) {
        match failure {
            StoreError::LogMoved => {
                self.knowledge = Knowledge::Lost;
                self.lease.lose();
            }
            StoreError::Unreachable(_) => {
                self.connection = None;
                self.primary.doubt();
            }
            _ => {}
        }
        if let Some(connection) = &mut self.connection {
            // Fails when the transaction has ended by itself, which is as good.
            let _ = connection.execute(sqlx::raw_sql("ROLLBACK")).await;
        }
    }

    /// Has a connection to the primary and knows where the log stands there. After an unconfirmed commit, finds out
    /// what became of it, and does not go on before what it finds is as durable as what it confirms.
    async fn make_sure(&mut self) -> Result<(), StoreError> {
        let attempted = match &self.knowledge {
            Knowledge::Sure if self.connection.is_some() => return Ok(()),
            Knowledge::Sure => None,
            Knowledge::Lost => return Err(StoreError::LogMoved),
            Knowledge::Doubtful(attempted) => attempted.clone(),
        };
        let mut connection = match self.connection.take() {
            Some(connection) => connection,
            None => self.primary.connect(&SETTINGS).await?,
        };
        let _ = connection.execute(sqlx::raw_sql("ROLLBACK")).await;
        connection.execute(sqlx::raw_sql("BEGIN")).await?;
        let (stored, epoch) = read_log(&mut connection, self.lease.log()).await?;
        let known = stored == self.frontier || Some(&stored) == attempted.as_ref();
        if !known || epoch != self.lease.epoch() {
            self.knowledge = Knowledge::Lost;
            self.lease.lose();
            return Err(StoreError::LogMoved);
        }
        // A commit whose confirmation was lost may be on this server only. This one, which waits for its standby,
        // comes after it.
        // What an earlier statement may still do is over with it, too.
        let session = self.lease.renew_for(&mut connection).await?;
        connection.execute(sqlx::raw_sql("COMMIT")).await?;
        self.session = session;
        self.connection = Some(connection);
        self.frontier = stored;
        self.knowledge = Knowledge::Sure;
        Ok(())
    }

    fn connection(&mut self) -> Result<&mut PgConnection, StoreError> {
        self.connection
            .as_mut()
            .ok_or_else(|| StoreError::Unreachable("the writer has no connection".into()))
    }

    async fn write_adding(
        &mut self,
        batch: Vec<Change>,
    ) -> Result<Vec<Result<Committed, Conflict>>, Stopped> {
        let admitted = vec![Ok(()); batch.len()];
        let holds = holds(&batch);
        let mut writes = Writes::default();
        for change in batch {
            writes.take(change.entry, change.effects);
        }
        let (appended, note) = if writes.is_plain() {
            // Only who changes what is known of a person holds a tag alone.
            self.store_at_once(&writes, holds.into_keys().collect()).await?
        } else {
            self.begin(&holds).await?;
            self.store(writes).await?
        };
        Ok(receipts(admitted, &appended, &note)?)
    }

    async fn write_asking(
        &mut self,
        batch: Vec<Change>,
    ) -> Result<Vec<Result<Committed, Conflict>>, Stopped> {
        self.begin(&holds(&batch)).await?;
        let mut known = lookup::read(self.connection()?, &batch).await?;
        let mut writes = Writes::default();
        let mut admitted = Vec::with_capacity(batch.len());
        for change in batch {
            let admission = known.admit(&change);
            if admission.is_ok() {
                writes.take(change.entry, change.effects);
            }
            admitted.push(admission);
        }
        if writes.leaves().is_empty() {
            self.connection()?.execute(sqlx::raw_sql("ROLLBACK")).await?;
            return Ok(admitted.into_iter().filter_map(Result::err).map(Err).collect());
        }
        // What was expected of rights was compared with what the guards read, under the same locks.
        writes.matters.expected.clear();
        let (appended, note) = self.store(writes).await?;
        Ok(receipts(admitted, &appended, &note)?)
    }

    /// Opens the transaction and takes its advisory locks, in one round trip.
    async fn begin(&mut self, holds: &Holds) -> Result<(), StoreError> {
        let text = sqlx::raw_sql(AssertSqlSafe(begin(holds)));
        self.connection()?.execute(text).await?;
        Ok(())
    }

    /// The tree with the entries of a batch, and the checkpoint over it.
    fn appended(&self, writes: &Writes) -> (Appended, String, Place) {
        let hashes: Vec<Hash> = writes.leaves().iter().map(|entry| entry.hash).collect();
        let appended = self.frontier.append(&hashes);
        let note = self.key.sign(appended.frontier().size(), appended.root());
        let place = Place {
            log: i64::from(self.lease.log()),
            first: appended.first_index(),
            size: appended.frontier().size(),
        };
        (appended, note, place)
    }

    /// Writes rows, tree and checkpoint in one statement, which commits by itself: nothing was begun.
    async fn store_at_once(
        &mut self,
        writes: &Writes,
        held: Vec<i64>,
    ) -> Result<(Appended, String), Stopped> {
        let (appended, note, place) = self.appended(writes);
        let holding = self.lease.holding(self.session);
        self.knowledge = Knowledge::Doubtful(Some(appended.frontier().clone()));
        let connection = self.connection()?;
        written::main(connection, writes, held, place, holding, &appended, &note).await?;
        self.stands(&appended);
        Ok((appended, note))
    }

    /// Writes rows, tree and checkpoint in the transaction that was begun, and commits.
    async fn store(&mut self, mut writes: Writes) -> Result<(Appended, String), Stopped> {
        let (appended, note, place) = self.appended(&writes);
        let holding = self.lease.holding(self.session);
        let connection = self.connection()?;
        written::rare(connection, &mut writes).await?;
        written::main(connection, &writes, Vec::new(), place, holding, &appended, &note).await?;
        self.knowledge = Knowledge::Doubtful(Some(appended.frontier().clone()));
        self.connection()?.execute(sqlx::raw_sql("COMMIT")).await?;
        self.stands(&appended);
        Ok((appended, note))
    }

    /// A commit was confirmed.
    fn stands(&mut self, appended: &Appended) {
        self.frontier = appended.frontier().clone();
        self.lease.renewed();
        debug!(size = self.frontier.size(), "committed");
    }
}

/// A server, or the network before it, that says nothing at all.
fn silent() -> StoreError {
    StoreError::Unreachable("it does not confirm in time".into())
}

/// Whether a change needs no asking: it does nothing but add rows whose guards are keys of the schema, what the last
/// statement compares under locks, or what is right whatever it finds.
fn only_adds(change: &Change) -> bool {
    change.effects.iter().all(|effect| {
        matches!(
            effect,
            Effect::RegisterSubject(_)
                | Effect::StoreExchange(_)
                | Effect::Deliver(_)
                | Effect::HoldUnclaimed { .. }
                | Effect::OpenCase(_)
                | Effect::ExpectRights { .. }
                | Effect::RelyOn { .. }
                | Effect::StartClock(_)
                | Effect::EndClock { .. }
                | Effect::LiftClock { .. }
                | Effect::OpenReferral(_)
                | Effect::StoreAttachment(_)
                | Effect::AttachTo { .. }
                | Effect::Tell(_)
        )
    })
}

/// How a person's tag is locked until the commit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Hold {
    /// What is known of it must not change.
    Shared,
    /// It is what changes.
    Alone,
}

/// The numbers of the tags that a batch locks, in the order in which everybody locks them.
type Holds = BTreeMap<i64, Hold>;

/// What a batch locks: who decides on a person's rights, or on a tag's being new, waits for who changes them, and the
/// other way round.
fn holds(batch: &[Change]) -> Holds {
    let mut holds = Holds::new();
    let mut hold = |tag: &[u8; 16], how: Hold| {
        let (number, _) = tag.as_chunks::<8>();
        let held = holds.entry(i64::from_be_bytes(number[0])).or_insert(how);
        *held = (*held).max(how);
    };
    for effect in batch.iter().flat_map(|change| &change.effects) {
        match effect {
            Effect::RegisterSubject(row) => hold(&row.subject.0, Hold::Shared),
            Effect::ExpectRights { subject, .. } => hold(&subject.0, Hold::Shared),
            Effect::RecordRights { row, .. } => hold(&row.subject.0, Hold::Alone),
            Effect::LinkIdentifiers { tags, .. } => tags.iter().for_each(|tag| hold(tag, Hold::Alone)),
            _ => {}
        }
    }
    holds
}

/// The text that opens a transaction and takes its locks.
fn begin(holds: &Holds) -> String {
    let mut text = String::from("BEGIN");
    let mut holds = holds.iter().peekable();
    while let Some((number, how)) = holds.next() {
        let lock = match how {
            Hold::Shared => "pg_advisory_xact_lock_shared",
            Hold::Alone => "pg_advisory_xact_lock",
        };
        // Writing to a string does not fail.
        let _ = write!(text, "; SELECT {lock}(n) FROM unnest('{{{number}");
        while let Some((number, _)) = holds.next_if(|(_, other)| *other == how) {
            let _ = write!(text, ",{number}");
        }
        text.push_str("}'::bigint[]) n");
    }
    text
}
