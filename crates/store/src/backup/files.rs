//! Files that are on the disk before they have their name: copied with their hash, synced, never over another.

use std::fs::{self, File};
use std::io::{Read as _, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Component, Path, PathBuf};

use aws_lc_rs::digest::{Context, SHA256};

use super::manifest::FileEntry;
use super::{BackupError, file_error};

/// Bytes read at a time.
const CHUNK: usize = 1 << 18;

/// A folder under another name, which goes away unless it is named.
#[derive(Debug)]
pub(super) struct Scaffold {
    path: PathBuf,
    named: bool,
}

impl Scaffold {
    /// Makes a folder beside the one that is to be.
    ///
    /// # Errors
    /// [`BackupError::Exists`], [`BackupError::File`].
    pub(super) fn beside(target: &Path) -> Result<Self, BackupError> {
        if target.symlink_metadata().is_ok() {
            return Err(BackupError::Exists(target.display().to_string()));
        }
        let mut name = target.file_name().unwrap_or_default().to_owned();
        if name.is_empty() {
            return Err(BackupError::Exists(target.display().to_string()));
        }
        name.push(format!(".{}.partial", std::process::id()));
        let path = target.with_file_name(name);
        // What is in it is sealed, but says who deals with whom.
        fs::DirBuilder::new()
            .mode(0o700)
            .create(&path)
            .map_err(file_error(&path))?;
        Ok(Self { path, named: false })
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Gives the folder its name, once everything in it is on the disk.
    ///
    /// # Errors
    /// [`BackupError::Exists`], [`BackupError::File`].
    pub(super) fn name(mut self, target: &Path) -> Result<(), BackupError> {
        sync_folder(&self.path)?;
        if target.symlink_metadata().is_ok() {
            return Err(BackupError::Exists(target.display().to_string()));
        }
        fs::rename(&self.path, target).map_err(file_error(target))?;
        self.named = true;
        sync_folder(parent(target))
    }
}

impl Drop for Scaffold {
    fn drop(&mut self) {
        if !self.named {
            let _ = fs::remove_dir_all(&self.path);
        }
    }
}

/// Files that were put in place, and go away again unless they are kept.
#[derive(Debug, Default)]
pub(super) struct Placed {
    paths: Vec<PathBuf>,
}

impl Placed {
    /// Notes a file that is being put in place.
    pub(super) fn add(&mut self, path: PathBuf) {
        self.paths.push(path);
    }

    /// Keeps them all.
    pub(super) fn keep(mut self) {
        self.paths.clear();
    }
}

impl Drop for Placed {
    fn drop(&mut self) {
        for path in &self.paths {
            let _ = fs::remove_file(path);
        }
    }
}

/// Copies a file to where none is, and syncs it. The entry's path is the copy's name.
///
/// # Errors
/// [`BackupError::File`].
pub(super) fn copy_synced(from: &Path, to: &Path) -> Result<FileEntry, BackupError> {
    let mut target = File::options()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(to)
        .map_err(file_error(to))?;
    let entry = read_through(from, to, |bytes| target.write_all(bytes).map_err(file_error(to)))?;
    target.sync_all().map_err(file_error(to))?;
    Ok(entry)
}

/// Length and SHA-256 of a file below a folder.
///
/// # Errors
/// [`BackupError::File`].
pub(super) fn described(folder: &Path, path: &str) -> Result<FileEntry, BackupError> {
    let file = folder.join(path);
    let mut entry = read_through(&file, &file, |_| Ok(()))?;
    path.clone_into(&mut entry.path);
    Ok(entry)
}

fn read_through(
    from: &Path,
    named: &Path,
    mut each: impl FnMut(&[u8]) -> Result<(), BackupError>,
) -> Result<FileEntry, BackupError> {
    let mut source = File::open(from).map_err(file_error(from))?;
    let (mut digest, mut size) = (Context::new(&SHA256), 0);
    let mut buffer = vec![0; CHUNK];
    loop {
        let read = source.read(&mut buffer).map_err(file_error(from))?;
        if read == 0 {
            break;
        }
        digest.update(&buffer[..read]);
        size += read as u64;
        each(&buffer[..read])?;
    }
    Ok(FileEntry {
        path: named
            .file_name()
            .map(|name| name.to_string_lossy().into_owned())
            .unwrap_or_default(),
        size,
        sha256: hexadecimal(digest.finish().as_ref()),
    })
}

/// Writes a new file and syncs it.
///
/// # Errors
/// [`BackupError::File`].
pub(super) fn write_synced(path: &Path, content: &[u8]) -> Result<(), BackupError> {
    let written = || {
        let mut file = File::options()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(path)?;
        file.write_all(content)?;
        file.sync_all()
    };
    written().map_err(file_error(path))
}

/// Makes the names in a folder durable.
///
/// # Errors
/// [`BackupError::File`].
pub(super) fn sync_folder(path: &Path) -> Result<(), BackupError> {
    File::open(path)
        .and_then(|folder| folder.sync_all())
        .map_err(file_error(path))
}

/// Syncs a file.
///
/// # Errors
/// [`BackupError::File`].
pub(super) fn sync_file(path: &Path) -> Result<(), BackupError> {
    sync_folder(path)
}

/// The folder that a path lies in.
pub(super) fn parent(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if parent != Path::new("") => parent,
        _ => Path::new("."),
    }
}

/// Whether a text names a file and no way elsewhere.
pub(super) fn is_plain(name: &str) -> bool {
    let mut parts = Path::new(name).components();
    matches!(parts.next(), Some(Component::Normal(part)) if part == name) && parts.next().is_none()
}

pub(super) fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_plain_name_is_one() {
        assert!(is_plain("0193.sealed"));
        for name in ["", ".", "..", "a/b", "/a", "../a", "a/", "./a"] {
            assert!(!is_plain(name), "{name}");
        }
    }
}
