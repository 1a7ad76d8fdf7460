//! Folding: the write-ahead log is copied into the file beside the writer, so that no commit waits for it.

use std::path::{Path, PathBuf};

use sqlx::sqlite::SqliteConnection;
use sqlx::{ConnectOptions as _, Connection as _};
use tokio::task::JoinHandle;
use tracing::warn;

use super::schema;

/// Copies what is committed, and holds up nobody.
const FOLD: &str = "PRAGMA wal_checkpoint(PASSIVE)";
/// Pages in the write-ahead log, as they are guessed, before it is folded. Of 4,000 the sync of what is copied held up a
/// commit four times as long, and no more records were taken.
pub(super) const AT: usize = 1_000;
/// Each pass leaves what was committed while it ran, which the next one copies in less time: after so many the writer
/// has little left.
const PASSES: usize = 3;

/// When the log is folded, and the folding under way.
#[derive(Debug)]
pub(super) struct Folding {
    path: PathBuf,
    stage: Stage,
}

/// How far it is.
#[derive(Debug)]
enum Stage {
    /// So many pages were written since the log was begun.
    Filling(usize),
    /// It is copied.
    UnderWay(JoinHandle<()>),
    /// It was copied when it had so many pages; it is not begun anew as long as somebody reads from it.
    Ending(i64),
}

impl Folding {
    pub(super) fn of(path: &Path) -> Self {
        Self {
            path: path.to_owned(),
            stage: Stage::Filling(0),
        }
    }

    /// The writer has committed so many pages. Folding begins when there are many; when it has ended, the writer copies
    /// what is left after each commit, so that the next can begin the log anew, until one did.
    pub(super) async fn written(&mut self, pages: usize, writer: &mut SqliteConnection) {
        match &mut self.stage {
            Stage::Filling(before) => {
                *before += pages;
                if *before >= AT {
                    self.stage = Stage::UnderWay(tokio::spawn(fold(self.path.clone())));
                }
            }
            Stage::UnderWay(folding) if !folding.is_finished() => {}
            Stage::UnderWay(_) => self.stage = Stage::Ending(finish(writer).await),
            Stage::Ending(longest) => {
                let length = finish(writer).await;
                if length < *longest {
                    self.stage = Stage::Filling(usize::try_from(length).unwrap_or_default());
                } else {
                    *longest = length;
                }
            }
        }
    }

    /// Waits for what is under way.
    pub(super) async fn end(self) {
        if let Stage::UnderWay(folding) = self.stage {
            let _ = folding.await;
        }
    }
}

/// Copies what is left, and gives the log's pages; 0 when it cannot be copied: it stays in the log, from which it is
/// read, and the next folding takes it.
async fn finish(writer: &mut SqliteConnection) -> i64 {
    let folded = sqlx::query_as::<_, (i64, i64, i64)>(FOLD).fetch_one(writer);
    folded.await.map_or(0, |(_, pages, _)| pages)
}

/// Some passes on a connection of its own, which is there only so long.
async fn fold(path: PathBuf) {
    let folded = async {
        let mut connection = schema::folder(&path).connect().await?;
        for _ in 0..PASSES {
            sqlx::query(FOLD).execute(&mut connection).await?;
        }
        connection.close().await
    };
    if let Err(failure) = folded.await {
        warn!(%failure, "the write-ahead log could not be copied; it grows until it can");
    }
}
