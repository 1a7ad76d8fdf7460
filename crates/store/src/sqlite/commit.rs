//! The one way to write: guards, tree, rows and checkpoint of a batch in one durable transaction.

use sendhub_ledger::checkpoint::LogKey;
use sendhub_ledger::hash::Hash;
use sendhub_ledger::tree::{Appended, Frontier};
use sqlx::sqlite::SqliteConnection;
use sqlx::{Connection as _, Row as _};

use super::decode::count;
use super::folding::Folding;
use super::rows::{Handing, Script, Statement};
use super::{lookup, writes as written};
use crate::change::{Change, Committed, Conflict, Effect, receipts};
use crate::store::StoreError;
use crate::writes::{Place, Writes};

static NODE: Statement = Statement::new(
    "INSERT INTO node (log_no, level, idx, hash) VALUES ",
    "(?,?,?,?)",
    "",
);
const CHECKPOINT: &str = "INSERT INTO checkpoint (log_no, size, note) VALUES (?,?,?);\n";
/// Compare and swap: a log of another size gets no size at all, which the schema refuses, so that nothing after
/// it runs, the commit least of all.
const LOG: &str = "UPDATE log SET size = CASE WHEN size = ? THEN ? END, peaks = ? WHERE no = ?;\n";
const BEGIN: &str = "BEGIN IMMEDIATE;\n";
const COMMIT: &str = "COMMIT;\n";

/// Whether what the writer knows of its log is what the database holds.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Knowledge {
    /// The last commit was confirmed.
    Sure,
    /// A commit was not confirmed: the log stands where it stood or, if it got so far, here.
    Doubtful(Option<Frontier>),
    /// Another writer appended: this one never writes again.
    Lost,
}

/// The only connection that writes, with the log's right edge in memory.
#[derive(Debug)]
pub(super) struct Writer {
    connection: SqliteConnection,
    log: i64,
    key: LogKey,
    frontier: Frontier,
    knowledge: Knowledge,
    folding: Folding,
}

/// A log's right edge as the database holds it.
async fn read_frontier(connection: &mut SqliteConnection, log: i64) -> Result<Frontier, StoreError> {
    let row = sqlx::query("SELECT size, peaks FROM log WHERE no = ?")
        .bind(log)
        .fetch_one(connection)
        .await?;
    let size = count(&row, 0)?;
    let peaks: &[u8] = row.try_get(1)?;
    let peaks: Result<Vec<Hash>, _> = peaks.chunks(32).map(Hash::from_slice).collect();
    peaks
        .and_then(|peaks| Frontier::from_parts(size, peaks))
        .map_err(|_| StoreError::Corrupt("log"))
}

impl Writer {
    /// Takes up a log where it stands now: from here on nobody else may append to it.
    pub(super) async fn open(
        mut connection: SqliteConnection,
        log: i64,
        key: LogKey,
        folding: Folding,
    ) -> Result<Self, StoreError> {
        let frontier = read_frontier(&mut connection, log).await?;
        Ok(Self {
            folding,
            connection,
            log,
            key,
            frontier,
            knowledge: Knowledge::Sure,
        })
    }

    /// Closes the connection, after what goes on beside it.
    pub(super) async fn close(self) -> Result<(), StoreError> {
        self.folding.end().await;
        Ok(self.connection.close().await?)
    }

    /// Writes a batch, see [`crate::Store::commit`].
    pub(super) async fn commit(
        &mut self,
        batch: Vec<Change>,
    ) -> Result<Vec<Result<Committed, Conflict>>, StoreError> {
        if batch.is_empty() {
            return Ok(Vec::new());
        }
        self.make_sure().await?;
        // Set before the first await that can fail or be dropped, taken back when the commit is confirmed.
        self.knowledge = Knowledge::Doubtful(None);
        let pages = pages(&batch);
        let result = self.write(batch).await;
        match &result {
            Ok(_) => {
                self.knowledge = Knowledge::Sure;
                self.folding.written(pages, &mut self.connection).await;
            }
            Err(failure) => {
                if matches!(failure, StoreError::LogMoved) {
                    self.knowledge = Knowledge::Lost;
                }
                // Fails when the transaction has ended by itself, which is as good.
                let _ = sqlx::query("ROLLBACK").execute(&mut self.connection).await;
            }
        }
        result
    }

    /// After an unconfirmed commit, finds out what became of it.
    async fn make_sure(&mut self) -> Result<(), StoreError> {
        let attempted = match &self.knowledge {
            Knowledge::Sure => return Ok(()),
            Knowledge::Lost => return Err(StoreError::LogMoved),
            Knowledge::Doubtful(attempted) => attempted.clone(),
        };
        let _ = sqlx::query("ROLLBACK").execute(&mut self.connection).await;
        let stored = read_frontier(&mut self.connection, self.log).await?;
        if stored != self.frontier && Some(&stored) != attempted.as_ref() {
            self.knowledge = Knowledge::Lost;
            return Err(StoreError::LogMoved);
        }
        self.frontier = stored;
        self.knowledge = Knowledge::Sure;
        Ok(())
    }

    async fn write(&mut self, batch: Vec<Change>) -> Result<Vec<Result<Committed, Conflict>>, StoreError> {
        // Nearly every batch only adds rows whose guards the schema itself keeps: it is written without asking
        // first. When something stands in its way nothing of it is written, and each change is asked for.
        if batch.iter().all(only_adds) {
            let mut writes = Writes::default();
            for change in batch.clone() {
                writes.take(change.entry, change.effects);
            }
            let admitted = vec![Ok(()); batch.len()];
            match self.store(writes, Opening::Open).await {
                Ok((appended, note)) => return receipts(admitted, &appended, &note),
                // A commit whose confirmation alone was lost is found by the guards: its requests are known then.
                Err(_) => self.settle().await?,
            }
        }
        self.write_asking(batch).await
    }

    /// After rows stood in the way: nothing was written, and the log is where it was, or this writer is done.
    async fn settle(&mut self) -> Result<(), StoreError> {
        self.make_sure().await?;
        self.knowledge = Knowledge::Doubtful(None);
        Ok(())
    }

    async fn write_asking(
        &mut self,
        batch: Vec<Change>,
    ) -> Result<Vec<Result<Committed, Conflict>>, StoreError> {
        let mut known = lookup::read(&mut self.connection, self.log, &batch).await?;
        if known.log_size() != Some(self.frontier.size()) {
            return Err(StoreError::LogMoved);
        }

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
            sqlx::query("ROLLBACK").execute(&mut self.connection).await?;
            return Ok(admitted.into_iter().filter_map(Result::err).map(Err).collect());
        }
        let (appended, note) = self.store(writes, Opening::IsOpen).await?;
        receipts(admitted, &appended, &note)
    }

    /// Writes rows, tree and checkpoint, and commits.
    async fn store(
        &mut self,
        mut writes: Writes,
        opening: Opening,
    ) -> Result<(Appended, String), StoreError> {
        let hashes: Vec<Hash> = writes.leaves().iter().map(|entry| entry.hash).collect();
        let appended = self.frontier.append(&hashes);
        let note = self.key.sign(appended.frontier().size(), appended.root());
        let place = Place {
            log: self.log,
            first: appended.first_index(),
            size: appended.frontier().size(),
        };
        // A lone change goes over in one round trip, its commit included.
        let handing = if hashes.len() == 1 {
            Handing::Together
        } else {
            Handing::Apart
        };
        let mut script = Script::new(handing);
        if opening == Opening::Open {
            script.add(BEGIN);
            written::guards(&mut writes, &mut script);
        }
        written::script(writes, place, &mut script)?;
        if handing == Handing::Apart {
            script.run(&mut self.connection).await?;
            script = Script::new(Handing::Together);
        }
        let nodes: Vec<_> = appended.kept_nodes().collect();
        script.write(&NODE, nodes, |(level, index, hash), values| {
            values
                .bind(place.log)
                .bind(i64::from(level))
                .bind_u64(index)
                .bind(&hash.0[..]);
        });
        close(place, note.clone(), appended.frontier(), &mut script);
        self.knowledge = Knowledge::Doubtful(Some(appended.frontier().clone()));
        script.run(&mut self.connection).await?;
        self.frontier = appended.frontier().clone();
        Ok((appended, note))
    }
}

/// About how many pages a batch adds to the write-ahead log: the ends of every index, a few for each change, and what is
/// sealed.
fn pages(batch: &[Change]) -> usize {
    const EACH_BATCH: usize = 16;
    const EACH_CHANGE: usize = 3;
    const PAGE: usize = 4_096;
    let sealed = batch.iter().flat_map(|change| &change.effects);
    let sealed = sealed.map(|effect| match effect {
        Effect::StoreExchange(row) => row.sealed.len() / PAGE,
        _ => 0,
    });
    EACH_BATCH + EACH_CHANGE * batch.len() + sealed.sum::<usize>()
}

/// Whether the transaction must still be opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Opening {
    Open,
    IsOpen,
}

/// Whether a change needs no asking: it does nothing but add rows whose guards are keys and triggers of the
/// schema, or what is right whatever it finds. What it expects of rights is compared while it is written: nothing
/// else in such a batch changes them.
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

/// Adds what ends every batch: its checkpoint, the log's new size and peaks, the commit.
pub(super) fn close(place: Place, note: String, frontier: &Frontier, script: &mut Script) {
    let peaks: Vec<u8> = frontier.peaks().iter().flat_map(|peak| peak.0).collect();
    script
        .add(CHECKPOINT)
        .bind(place.log)
        .bind_u64(place.size)
        .bind(note);
    script
        .add(LOG)
        .bind_u64(place.first)
        .bind_u64(place.size)
        .bind(peaks)
        .bind(place.log);
    script.add(COMMIT);
}
