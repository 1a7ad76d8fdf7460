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
    pages: usize,
    under_way: Option<JoinHandle<()>>,
}

impl Folding {
    pub(super) fn of(path: &Path) -> Self {
        Self {
            path: path.to_owned(),
            pages: 0,
            under_way: None,
        }
    }

    /// The writer has committed so many pages. Folding begins when there are many; when it has ended, the writer copies
    /// the rest, so that its next commit begins the log anew.
    pub(super) async fn written(&mut self, pages: usize, writer: &mut SqliteConnection) {
        self.pages += pages;
        match &self.under_way {
            None if self.pages >= AT => self.under_way = Some(tokio::spawn(fold(self.path.clone()))),
            Some(folding) if folding.is_finished() => {
                self.under_way = None;
                self.pages = 0;
                // What cannot be copied stays in the log, from which it is read.
                let _ = sqlx::query(FOLD).execute(writer).await;
            }
            _ => {}
        }
    }

    /// Waits for what is under way.
    pub(super) async fn end(self) {
        if let Some(folding) = self.under_way {
            let _ = folding.await;
        }
    }
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
