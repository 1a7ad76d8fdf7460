//! Back-ups of a hub on SQLite: one snapshot of its file with the attachments that it names, verified before it counts,
//! and put back only where nothing is.

mod files;
mod inside;
mod manifest;
mod restore;

use std::path::{Path, PathBuf};

use jiff::Timestamp;
use sendhub_ledger::checkpoint::VerifierKey;

use self::files::{Scaffold, copy_synced, described, sync_folder};
pub use self::manifest::{AttachmentsKept, FileEntry, LogEntry, Manifest};
pub use self::restore::{Logs, Restoring, restore};
use crate::store::StoreError;
use crate::verify::{VerifyReport, verify_sqlite};

/// The database within a back-up.
const DATABASE: &str = "hub.db";
/// The folder of attachments within a back-up.
const ATTACHMENTS: &str = "attachments";

/// Why there is no back-up, or nothing was restored. Nothing is left behind in either case.
#[derive(Debug, thiserror::Error)]
pub enum BackupError {
    /// The database failed or cannot be used.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A file failed.
    #[error("{path}: {reason}")]
    File {
        /// Which.
        path: String,
        /// Why.
        reason: String,
    },
    /// What is to be written is there already.
    #[error("{0} is there already, and nothing is ever overwritten")]
    Exists(String),
    /// A database does not fit its log.
    #[error("{what} does not fit its log: {}", .report.faults.first().map_or("it cannot be read", String::as_str))]
    Faults {
        /// Which database.
        what: &'static str,
        /// All that was found.
        report: Box<VerifyReport>,
    },
    /// The snapshot does not keep the order of the rows.
    #[error("the copy does not keep the order in which rows of {0} were written")]
    Order(&'static str),
    /// An attachment that the snapshot names is not where it should be, or not whole.
    #[error("attachment {place}: {reason}")]
    Attachment {
        /// Its place.
        place: String,
        /// What is wrong.
        reason: String,
    },
    /// The back-up is not what was written.
    #[error("the back-up is damaged: {0}")]
    Damaged(String),
    /// The keys of the configuration are not those of the hub.
    #[error("the configured keys do not fit: {0}")]
    Keys(String),
    /// A checkpoint from elsewhere contradicts the back-up.
    #[error("the checkpoint of log {origin} from elsewhere does not fit the back-up: {reason}")]
    Checkpoint {
        /// Whose.
        origin: String,
        /// What is wrong.
        reason: String,
    },
}

pub(super) fn file_error(path: &Path) -> impl Fn(std::io::Error) -> BackupError {
    let path = path.display().to_string();
    move |error| BackupError::File {
        path: path.clone(),
        reason: error.to_string(),
    }
}

/// Where a hub keeps its attachments.
#[derive(Debug, Clone)]
pub enum Attachments {
    /// In this folder; they go into the back-up.
    Folder {
        /// The folder.
        path: PathBuf,
        /// How long the object of an attachment of so many bytes is.
        sealed_length: fn(u64) -> u64,
    },
    /// In a bucket of this name, which is backed up with its own means.
    Bucket(String),
}

/// What is backed up, and where to.
#[derive(Debug, Clone)]
pub struct Order<'a> {
    /// The hub's name.
    pub hub: &'a str,
    /// Its database.
    pub database: &'a Path,
    /// Its attachments.
    pub attachments: Attachments,
    /// The folder to make; must not be there.
    pub to: &'a Path,
    /// Verifier keys of logs, from elsewhere than the database.
    pub keys: &'a [VerifierKey],
    /// The time.
    pub at: Timestamp,
}

/// Backs up a hub, also while it runs. What was acknowledged before the call is in it. The folder gets its name when it
/// is whole, verified and on the disk: one that ends with `.partial` is what a killed process left.
///
/// # Errors
/// [`BackupError`]; nothing is left behind.
pub async fn back_up(order: &Order<'_>, progress: impl FnMut(u64)) -> Result<Manifest, BackupError> {
    let scaffold = Scaffold::beside(order.to)?;
    let database = scaffold.path().join(DATABASE);
    inside::snapshot(order.database, &database).await?;
    // Verified before the attachments are copied: what is damaged is told early.
    let report = verify_sqlite(&database, order.keys, progress).await?;
    if !report.holds() {
        return Err(BackupError::Faults {
            what: "the database",
            report: Box::new(report),
        });
    }
    let held = inside::read(&database).await?;
    let mut files = vec![described(scaffold.path(), DATABASE)?];
    let kept = match &order.attachments {
        Attachments::Bucket(name) => AttachmentsKept::Bucket(name.clone()),
        Attachments::Folder { path, sealed_length } => {
            // After the snapshot: an object is written before its row, and changes no more.
            let to = scaffold.path().join(ATTACHMENTS);
            std::fs::create_dir(&to).map_err(file_error(&to))?;
            for (place, size) in &held.attachments {
                files.push(attachment(path, &to, place, sealed_length(*size))?);
            }
            sync_folder(&to)?;
            AttachmentsKept::Here
        }
    };
    let manifest = Manifest::new(order.hub, order.at, &report, held, kept, files);
    manifest.write(scaffold.path())?;
    scaffold.name(order.to)?;
    Ok(manifest)
}

fn attachment(from: &Path, to: &Path, place: &str, length: u64) -> Result<FileEntry, BackupError> {
    let wrong = |reason: &str| BackupError::Attachment {
        place: place.to_owned(),
        reason: reason.to_owned(),
    };
    if !files::is_plain(place) {
        return Err(wrong("its place is no name of a file"));
    }
    let source = from.join(place);
    if !source.is_file() {
        return Err(wrong("it is not in the folder"));
    }
    let mut copied = copy_synced(&source, &to.join(place))?;
    if copied.size != length {
        return Err(wrong("it has another length than it must have"));
    }
    copied.path = format!("{ATTACHMENTS}/{place}");
    Ok(copied)
}
