//! What stands beside a back-up: which hub it is of, its logs with size and root, every file with its SHA-256.

use std::path::Path;

use jiff::Timestamp;
use sendhub_ledger::hash::sha256;
use serde::{Deserialize, Serialize};

use super::files::{self, write_synced};
use super::inside::Held;
use super::{BackupError, file_error};
use crate::verify::VerifyReport;

const NAME: &str = "manifest.json";
/// The manifest's own SHA-256, in the form that `sha256sum --check` reads.
const SUM: &str = "manifest.json.sha256";
/// The form of this version.
const FORM: u8 = 1;
/// The longest manifest that is read, in bytes: some two hundred for each attachment.
const LONGEST: u64 = 1 << 30;

/// A back-up's contents.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// The form of this file: 1.
    pub form: u8,
    /// The hub's name.
    pub hub: String,
    /// When it was made.
    pub made_at: Timestamp,
    /// The number of the database's newest migration.
    pub schema: i64,
    /// The logs.
    pub logs: Vec<LogEntry>,
    /// Exchanges.
    pub exchanges: u64,
    /// Copies.
    pub deliveries: u64,
    /// The ids of the master keys without which what is sealed cannot be read.
    pub master_keys: Vec<String>,
    /// Where the attachments are.
    pub attachments: AttachmentsKept,
    /// How many files it has.
    pub file_count: usize,
    /// The files, this one apart.
    pub files: Vec<FileEntry>,
}

/// Where the attachments of a back-up are.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AttachmentsKept {
    /// In the back-up.
    Here,
    /// In the bucket of this name.
    Bucket(String),
}

/// One log as backed up.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LogEntry {
    /// Its origin.
    pub origin: String,
    /// Its public key.
    pub verifier_key: String,
    /// Leaves.
    pub size: u64,
    /// The root that they give.
    pub root: String,
    /// Its newest checkpoint; a log without leaves has none.
    pub checkpoint: Option<String>,
}

/// One file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FileEntry {
    /// Its path within the back-up.
    pub path: String,
    /// Bytes.
    pub size: u64,
    /// SHA-256, hexadecimal.
    pub sha256: String,
}

impl Manifest {
    pub(super) fn new(
        hub: &str,
        at: Timestamp,
        report: &VerifyReport,
        held: Held,
        attachments: AttachmentsKept,
        files: Vec<FileEntry>,
    ) -> Self {
        let logs = held.logs.into_iter().zip(&report.logs);
        Self {
            form: FORM,
            hub: hub.to_owned(),
            made_at: at,
            schema: held.schema,
            logs: logs
                .map(|((verifier_key, checkpoint), log)| LogEntry {
                    origin: log.origin.clone(),
                    verifier_key,
                    size: log.size,
                    root: log.root.to_string(),
                    checkpoint,
                })
                .collect(),
            exchanges: report.exchanges,
            deliveries: report.deliveries,
            master_keys: held.master_keys,
            attachments,
            file_count: files.len(),
            files,
        }
    }

    /// Writes it and its sum into a folder.
    pub(super) fn write(&self, folder: &Path) -> Result<(), BackupError> {
        let path = folder.join(NAME);
        let mut text = serde_json::to_vec_pretty(self)
            .map_err(|error| file_error(&path)(std::io::Error::other(error)))?;
        text.push(b'\n');
        write_synced(&path, &text)?;
        write_synced(&folder.join(SUM), sum(&text).as_bytes())
    }

    /// Reads the manifest of a back-up. Its files are not looked at yet.
    ///
    /// # Errors
    /// [`BackupError::Damaged`] when it is not what was written, [`BackupError::File`].
    pub fn read(folder: &Path) -> Result<Self, BackupError> {
        let damaged = |reason: &str| BackupError::Damaged(format!("{NAME} {reason}"));
        let path = folder.join(NAME);
        let length = path.metadata().map_err(file_error(&path))?.len();
        if length > LONGEST {
            return Err(damaged("is too long"));
        }
        let text = std::fs::read(&path).map_err(file_error(&path))?;
        let path = folder.join(SUM);
        if std::fs::read(&path).map_err(file_error(&path))? != sum(&text).as_bytes() {
            return Err(damaged(&format!("is not what {SUM} says")));
        }
        let manifest: Self = serde_json::from_slice(&text).map_err(|_| damaged("cannot be read"))?;
        if manifest.form != FORM {
            return Err(damaged("has a form that this version does not know"));
        }
        if manifest.file_count != manifest.files.len() {
            return Err(damaged("does not name every file"));
        }
        Ok(manifest)
    }

    /// The bytes of all files.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.files.iter().map(|file| file.size).sum()
    }

    /// Whether a verified database is the one that was backed up.
    pub(super) fn fits(&self, report: &VerifyReport) -> bool {
        let logs = report
            .logs
            .iter()
            .map(|log| (log.origin.as_str(), log.size, log.root.to_string()));
        let named = self.logs.iter();
        logs.eq(named.map(|log| (log.origin.as_str(), log.size, log.root.clone())))
            && (report.exchanges, report.deliveries) == (self.exchanges, self.deliveries)
    }
}

fn sum(text: &[u8]) -> String {
    format!("{}  {NAME}\n", files::hexadecimal(&sha256(text).0))
}
