//! A back-up put back: hashes, log and keys are judged first, nothing is overwritten, and the database comes last.

use std::path::{Path, PathBuf};

use jiff::Timestamp;
use sendhub_ledger::checkpoint::VerifierKey;
use sqlx::{Connection as _, Row as _};

use super::files::{Placed, copy_synced, described, parent, sync_file, sync_folder};
use super::{ATTACHMENTS, AttachmentsKept, BackupError, DATABASE, FileEntry, Manifest, file_error};
use crate::seal::{Keyring, MasterKey, WrappedSecret};
use crate::sqlite::{end_logs, open_alone, open_snapshot};
use crate::store::StoreError;
use crate::verify::{Standing, VerifyReport, standing_sqlite, verify_sqlite};

/// What becomes of the logs that are restored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Logs {
    /// They end: after the back-up entries may have been acknowledged that it does not have, and to append others in
    /// their place would give the log two histories.
    End,
    /// They go on: nothing was acknowledged after the back-up.
    GoOn,
}

/// What is restored, and where to.
#[derive(Debug)]
pub struct Restoring<'a> {
    /// The back-up.
    pub from: &'a Path,
    /// The database to make; must not be there.
    pub database: &'a Path,
    /// The folder for attachments; `None` when they are in a bucket.
    pub attachments: Option<&'a Path>,
    /// The master keys of the configuration, the current one first.
    pub master_keys: (MasterKey, Vec<MasterKey>),
    /// Public keys of the configuration's own logs: a restored log of that name must have been begun with it.
    pub log_keys: &'a [VerifierKey],
    /// Checkpoints from elsewhere, each the newest that somebody holds.
    pub checkpoints: &'a [String],
    /// What becomes of the logs.
    pub logs: Logs,
    /// The time.
    pub at: Timestamp,
}

/// Restores a back-up. The database gets its name when everything else is in place and judged.
///
/// # Errors
/// [`BackupError`]; nothing is left behind.
pub async fn restore(
    order: Restoring<'_>,
    progress: impl FnMut(u64),
) -> Result<(Manifest, VerifyReport, Vec<Standing>), BackupError> {
    let manifest = Manifest::read(order.from)?;
    nothing_there(order.database)?;
    for file in &manifest.files {
        if described(order.from, &file.path)? != *file {
            return Err(BackupError::Damaged(format!(
                "{} is not what was backed up",
                file.path
            )));
        }
    }
    log_keys_fit(&manifest, order.log_keys)?;
    let folder = parent(order.database);
    std::fs::create_dir_all(folder).map_err(file_error(folder))?;
    let mut placed = Placed::default();
    let database = staged(order.database);
    copied(order.from, named(&manifest, DATABASE)?, &database, &mut placed)?;
    placed.add(beside(&database, "-wal"));
    placed.add(beside(&database, "-shm"));

    let report = verify_sqlite(&database, order.log_keys, progress).await?;
    if !report.holds() {
        return Err(BackupError::Faults {
            what: "the back-up",
            report: Box::new(report),
        });
    }
    if !manifest.fits(&report) {
        return Err(BackupError::Damaged(
            "its logs are not those of its manifest".into(),
        ));
    }
    let standings = judged(&database, &order).await?;
    keys_open(&database, &manifest, order.master_keys).await?;
    if order.logs == Logs::End {
        let mut connection = open_alone(&database).await?;
        end_logs(&mut connection, order.at).await?;
        connection.close().await.map_err(StoreError::from)?;
        sync_file(&database)?;
    }
    if let (Some(folder), AttachmentsKept::Here) = (order.attachments, &manifest.attachments) {
        attachments(order.from, folder, &manifest, &mut placed)?;
    }
    nothing_there(order.database)?;
    // A name that is there is not replaced, whoever made it meanwhile.
    std::fs::hard_link(&database, order.database).map_err(file_error(order.database))?;
    std::fs::remove_file(&database).map_err(file_error(&database))?;
    sync_folder(folder)?;
    placed.keep();
    Ok((manifest, report, standings))
}

/// A log that the configuration can sign must have been begun with that key.
fn log_keys_fit(manifest: &Manifest, keys: &[VerifierKey]) -> Result<(), BackupError> {
    for log in &manifest.logs {
        let own = keys.iter().find(|key| key.name() == log.origin);
        if own.is_some_and(|key| key.to_string() != log.verifier_key) {
            return Err(BackupError::Keys(format!(
                "log {} was begun with another key",
                log.origin
            )));
        }
    }
    Ok(())
}

/// A database, or what one left, is never overwritten.
fn nothing_there(database: &Path) -> Result<(), BackupError> {
    for path in [
        database.to_owned(),
        beside(database, "-wal"),
        beside(database, "-shm"),
    ] {
        if path.symlink_metadata().is_ok() {
            return Err(BackupError::Exists(path.display().to_string()));
        }
    }
    Ok(())
}

fn beside(database: &Path, ending: &str) -> PathBuf {
    let mut name = database.as_os_str().to_owned();
    name.push(ending);
    PathBuf::from(name)
}

/// The database until it is judged.
fn staged(database: &Path) -> PathBuf {
    beside(database, &format!(".{}.partial", std::process::id()))
}

fn named<'m>(manifest: &'m Manifest, path: &str) -> Result<&'m FileEntry, BackupError> {
    let found = manifest.files.iter().find(|file| file.path == path);
    found.ok_or_else(|| BackupError::Damaged(format!("its manifest does not name {path}")))
}

/// Copies a file of the back-up, which must still be what its manifest says.
fn copied(from: &Path, file: &FileEntry, to: &Path, placed: &mut Placed) -> Result<(), BackupError> {
    if to.symlink_metadata().is_ok() {
        return Err(BackupError::Exists(to.display().to_string()));
    }
    placed.add(to.to_owned());
    let copy = copy_synced(&from.join(&file.path), to)?;
    if (copy.size, &copy.sha256) != (file.size, &file.sha256) {
        return Err(BackupError::Damaged(format!(
            "{} is not what was backed up",
            file.path
        )));
    }
    Ok(())
}

/// Holds the log against the configured keys and against checkpoints from elsewhere.
async fn judged(database: &Path, order: &Restoring<'_>) -> Result<Vec<Standing>, BackupError> {
    let mut standings = Vec::new();
    for note in order.checkpoints {
        let standing = standing_sqlite(database, order.log_keys, note).await?;
        match (&standing, order.logs) {
            (Standing::Foreign { origin, reason }, _) => {
                return Err(BackupError::Checkpoint {
                    origin: origin.clone(),
                    reason: reason.clone(),
                });
            }
            (Standing::Beyond { origin, signed, size }, Logs::GoOn) => {
                return Err(BackupError::Checkpoint {
                    origin: origin.clone(),
                    reason: format!(
                        "it signs {signed} entries and the back-up has {size}: what came after was acknowledged, so \
                         this log cannot go on"
                    ),
                });
            }
            _ => standings.push(standing),
        }
    }
    Ok(standings)
}

/// Whether the configured master keys open the hub's secret, and are all that wrapped anything.
async fn keys_open(
    database: &Path,
    manifest: &Manifest,
    (current, former): (MasterKey, Vec<MasterKey>),
) -> Result<(), BackupError> {
    const SECRET: &str = "SELECT master_key_id, wrapped FROM hub_secret WHERE id = 1";
    let given: Vec<&str> = std::iter::once(&current)
        .chain(&former)
        .map(MasterKey::id)
        .collect();
    let missing = manifest
        .master_keys
        .iter()
        .find(|id| !given.contains(&id.as_str()));
    if let Some(id) = missing {
        return Err(BackupError::Keys(format!(
            "what is sealed needs the master key with the id {id}"
        )));
    }
    let mut connection = open_snapshot(database).await?;
    let secret = sqlx::query(SECRET).fetch_optional(&mut connection).await;
    let secret = secret
        .map_err(StoreError::from)?
        .map(|row| {
            Ok::<_, sqlx::Error>(WrappedSecret {
                master_key_id: row.try_get(0)?,
                wrapped: row.try_get(1)?,
            })
        })
        .transpose()
        .map_err(StoreError::from)?;
    connection.close().await.map_err(StoreError::from)?;
    let secret = secret.ok_or_else(|| BackupError::Damaged("it has no secret of a hub".into()))?;
    match Keyring::open(current, former, &secret) {
        Ok(_) => Ok(()),
        Err(error) => Err(BackupError::Keys(error.to_string())),
    }
}

/// Puts the attachments back. One that is there already must be the same: an attachment never changes.
fn attachments(
    from: &Path,
    folder: &Path,
    manifest: &Manifest,
    placed: &mut Placed,
) -> Result<(), BackupError> {
    std::fs::create_dir_all(folder).map_err(file_error(folder))?;
    let prefix = format!("{ATTACHMENTS}/");
    for file in &manifest.files {
        let Some(place) = file.path.strip_prefix(&prefix) else {
            continue;
        };
        if !super::files::is_plain(place) {
            return Err(BackupError::Damaged(format!("{} is no place", file.path)));
        }
        let target = folder.join(place);
        if target.is_file() {
            let there = described(folder, place)?;
            if (there.size, &there.sha256) != (file.size, &file.sha256) {
                return Err(BackupError::Exists(target.display().to_string()));
            }
            continue;
        }
        // Whole before it has its name. What a kill leaves under this one is what the hub sweeps away.
        let staged = folder.join(format!("{place}#{}", std::process::id()));
        copied(from, file, &staged, placed)?;
        placed.add(target.clone());
        std::fs::rename(&staged, &target).map_err(file_error(&target))?;
    }
    sync_folder(folder)
}
