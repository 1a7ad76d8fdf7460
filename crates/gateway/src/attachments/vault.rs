//! The vault: where sealed attachments lie, what it takes, and the sweeping of what nobody knows.

use std::path::{Path as FilePath, PathBuf};
use std::sync::Arc;
use std::time::{Duration, UNIX_EPOCH};

use futures_util::TryStreamExt;
use jiff::Timestamp;
use object_store::aws::AmazonS3Builder;
use object_store::local::LocalFileSystem;
use object_store::path::Path;
use object_store::{ObjectStore, ObjectStoreExt, RetryConfig};
use sendhub_domain::exchange::AttachmentId;
use sendhub_store::Keyring;
use uuid::Uuid;

use super::media::MediaType;
use super::settings::{AttachmentSettings, S3Settings};
use super::{AttachmentError, Declared, Download, Stored, Upload};

/// What every object's key ends with, after the attachment's id.
const SUFFIX: &str = ".sealed";
/// Blocks in one part where the store asks for parts of 5 MiB at least (S3).
const BUCKET_PART_BLOCKS: usize = 5;
/// How often, and how long, a bucket that fails is asked again. The sender's own deadline is short, so ours is too.
const BUCKET_RETRIES: usize = 3;
const BUCKET_PATIENCE: Duration = Duration::from_secs(20);

/// Why the vault cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The folder cannot be made or read.
    #[error("attachments.folder {path}: {reason}")]
    Folder {
        /// Which.
        path: String,
        /// Why.
        reason: String,
    },
    /// An environment variable is not set.
    #[error("the environment variable {0} of attachments.s3 is not set")]
    Secret(String),
    /// The bucket's settings do not fit together.
    #[error("attachments.s3: {0}")]
    Bucket(#[source] object_store::Error),
    /// A media type whose content cannot be checked.
    #[error("attachments.media_types: {0} cannot be checked")]
    MediaType(String),
}

/// Where sealed attachments lie, and what is taken into it.
#[derive(Debug, Clone)]
pub struct Vault {
    pub(super) store: Arc<dyn ObjectStore>,
    /// Blocks gathered into one part; memory of an upload is about twice as many.
    pub(super) part_blocks: usize,
    /// The folder, where unfinished writes may have been left; a bucket clears those by its lifecycle rule.
    folder: Option<PathBuf>,
    max_bytes: u64,
    media_types: Arc<[MediaType]>,
}

impl Vault {
    /// Opens the folder, which is made if it is not there, or the bucket, which is not asked yet.
    ///
    /// # Errors
    /// [`OpenError`].
    pub fn open(settings: &AttachmentSettings) -> Result<Self, OpenError> {
        let media_types = settings
            .media_types
            .iter()
            .map(|one| MediaType::parse(one).ok_or_else(|| OpenError::MediaType(one.clone())))
            .collect::<Result<_, _>>()?;
        let (store, part_blocks, folder) = match (&settings.s3, &settings.folder) {
            (Some(s3), _) => (bucket(s3)?, BUCKET_PART_BLOCKS, None),
            (None, Some(path)) => (folder(path)?, 1, Some(path.clone())),
            (None, None) => {
                return Err(OpenError::Folder {
                    path: String::new(),
                    reason: "none is named".into(),
                });
            }
        };
        Ok(Self {
            store,
            part_blocks,
            folder,
            max_bytes: settings.max_bytes,
            media_types,
        })
    }

    /// The largest attachment taken, in bytes before sealing.
    #[must_use]
    pub const fn max_bytes(&self) -> u64 {
        self.max_bytes
    }

    /// Begins an upload under a fresh id: no two uploads may share one. Nothing is written yet.
    ///
    /// # Errors
    /// [`AttachmentError::Empty`], [`AttachmentError::TooLarge`] or [`AttachmentError::TypeRefused`] when what is
    /// declared cannot be taken; [`AttachmentError::Key`].
    pub fn begin(
        &self,
        id: AttachmentId,
        declared: &Declared,
        keyring: &Keyring,
    ) -> Result<Upload, AttachmentError> {
        if declared.size_bytes == 0 {
            return Err(AttachmentError::Empty);
        }
        if declared.size_bytes > self.max_bytes {
            return Err(AttachmentError::TooLarge {
                limit: self.max_bytes,
            });
        }
        let media_type = MediaType::parse(&declared.media_type)
            .filter(|one| self.media_types.contains(one))
            .ok_or(AttachmentError::TypeRefused)?;
        Upload::begin(self, id, media_type, declared, keyring)
    }

    /// Begins a download: finds the object, compares its length and opens its key.
    ///
    /// # Errors
    /// [`AttachmentError::Damaged`], [`AttachmentError::Store`], [`AttachmentError::Key`].
    pub async fn download(&self, stored: &Stored, keyring: &Keyring) -> Result<Download, AttachmentError> {
        Download::begin(self, stored, keyring).await
    }

    /// Removes an object, for instance when its row was refused. An object that is not there is no error.
    ///
    /// # Errors
    /// [`AttachmentError::Store`].
    pub async fn remove(&self, place: &str) -> Result<(), AttachmentError> {
        remove(&*self.store, &Path::from(place)).await
    }

    /// The places of all objects last written before a moment. Ask the database about them after this
    /// call, not before it: a row committed in between would seem unknown. Other objects than attachments are left out.
    ///
    /// # Errors
    /// [`AttachmentError::Store`].
    pub async fn places(&self, written_before: Timestamp) -> Result<Vec<String>, AttachmentError> {
        Ok(self
            .store
            .list(None)
            .try_filter_map(|one| async move {
                let old = one.last_modified.timestamp() < written_before.as_second();
                let ours = is_place(one.location.as_ref());
                Ok((old && ours).then(|| one.location.to_string()))
            })
            .try_collect()
            .await?)
    }

    /// Removes every object that was last written before a moment and that the database does not know, and what
    /// interrupted writes left in the folder: what a process leaves that is killed between object and row. The
    /// moment must lie further back than any upload may last (some buckets date an object by its beginning).
    /// Returns how many objects and remains were removed.
    ///
    /// # Errors
    /// [`AttachmentError::Store`]; what was removed until then stays removed.
    pub async fn sweep(
        &self,
        written_before: Timestamp,
        known: impl Fn(&str) -> bool,
    ) -> Result<usize, AttachmentError> {
        let mut removed = 0;
        for place in self.places(written_before).await? {
            if !known(&place) {
                self.remove(&place).await?;
                removed += 1;
            }
        }
        if let Some(folder) = self.folder.clone() {
            removed += tokio::task::spawn_blocking(move || sweep_remains(&folder, written_before))
                .await
                .map_err(object_store::Error::from)?
                .map_err(|error| object_store::Error::Generic {
                    store: "LocalFileSystem",
                    source: error.into(),
                })?;
        }
        Ok(removed)
    }
}

/// The key of an attachment's object.
pub(super) fn place_of(id: AttachmentId) -> Path {
    Path::from(format!("{id}{SUFFIX}"))
}

fn is_place(name: &str) -> bool {
    name.strip_suffix(SUFFIX)
        .is_some_and(|id| Uuid::try_parse(id).is_ok())
}

pub(super) async fn remove(store: &dyn ObjectStore, place: &Path) -> Result<(), AttachmentError> {
    match store.delete(place).await {
        Ok(()) | Err(object_store::Error::NotFound { .. }) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

fn folder(path: &FilePath) -> Result<Arc<dyn ObjectStore>, OpenError> {
    let refused = |reason: String| OpenError::Folder {
        path: path.display().to_string(),
        reason,
    };
    std::fs::create_dir_all(path).map_err(|error| refused(error.to_string()))?;
    let store = LocalFileSystem::new_with_prefix(path).map_err(|error| refused(error.to_string()))?;
    // An attachment is acknowledged when it is on the disk, like everything else.
    Ok(Arc::new(store.with_fsync(true)))
}

fn bucket(settings: &S3Settings) -> Result<Arc<dyn ObjectStore>, OpenError> {
    let secret = |name: &str| std::env::var(name).map_err(|_| OpenError::Secret(name.to_owned()));
    // Built from these settings alone: nothing is taken from AWS_* variables that happen to be set.
    let mut builder = AmazonS3Builder::new()
        .with_bucket_name(&settings.bucket)
        .with_region(&settings.region)
        .with_access_key_id(secret(&settings.access_key_env)?)
        .with_secret_access_key(secret(&settings.secret_key_env)?)
        .with_retry(RetryConfig {
            max_retries: BUCKET_RETRIES,
            retry_timeout: BUCKET_PATIENCE,
            ..RetryConfig::default()
        })
        .with_allow_http(settings.allow_http);
    if let Some(endpoint) = &settings.endpoint {
        builder = builder.with_endpoint(endpoint);
    }
    Ok(Arc::new(builder.build().map_err(OpenError::Bucket)?))
}

/// The local store writes to `PLACE#NUMBER` and renames; such names are not listed, so they are looked for here.
fn sweep_remains(folder: &FilePath, written_before: Timestamp) -> std::io::Result<usize> {
    let mut removed = 0;
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        let name = entry.file_name();
        let remains = name
            .to_str()
            .and_then(|name| name.rsplit_once('#'))
            .is_some_and(|(place, number)| is_place(place) && number.bytes().all(|b| b.is_ascii_digit()));
        if !remains {
            continue;
        }
        // A write that ends while we look takes its file away: no error.
        let Ok(modified) = entry.metadata().and_then(|one| one.modified()) else {
            continue;
        };
        let seconds = modified
            .duration_since(UNIX_EPOCH)
            .map_or(0, |since| i64::try_from(since.as_secs()).unwrap_or(i64::MAX));
        if seconds < written_before.as_second() && std::fs::remove_file(entry.path()).is_ok() {
            removed += 1;
        }
    }
    Ok(removed)
}
