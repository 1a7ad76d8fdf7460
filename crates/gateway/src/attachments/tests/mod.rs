//! The attachment engine as its callers see it: through, refused, cut, damaged, swept.

mod bucket;
mod damage;
mod refused;

use std::path::{Path, PathBuf};
use std::time::Duration;

use aws_lc_rs::digest::{Context, SHA256};
use futures_util::TryStreamExt;
use sendhub_domain::exchange::AttachmentId;
use sendhub_store::Keyring;
use sendhub_store::seal::MasterKey;
use tempfile::TempDir;
use tokio::sync::{RwLock, RwLockReadGuard};
use uuid::Uuid;

use super::settings::AttachmentSettings;
use super::{AttachmentError, BLOCK_BYTES, Damage, Declared, Stored, Upload, Vault};

const CHUNK: usize = 256 * 1024;
const MIB: u64 = 1024 * 1024;

/// A file of any length that is never held as a whole: each byte follows from its position.
fn content(from: u64, length: usize) -> Vec<u8> {
    let magic = u64::from_be_bytes(*b"%PDF-1.7");
    let mut bytes = Vec::with_capacity(length + 16);
    for word in from / 8.. {
        if bytes.len() >= length + 8 {
            break;
        }
        let mixed = word.wrapping_mul(0x9E37_79B9_7F4A_7C15);
        bytes.extend_from_slice(&if word == 0 { magic } else { mixed }.to_be_bytes());
    }
    bytes.drain(..usize::try_from(from % 8).unwrap());
    bytes.truncate(length);
    bytes
}

fn chunks(size: u64) -> impl Iterator<Item = Vec<u8>> {
    (0..size)
        .step_by(CHUNK)
        .map(move |from| content(from, usize::try_from(size - from).unwrap().min(CHUNK)))
}

fn sha256(size: u64) -> [u8; 32] {
    let mut hash = Context::new(&SHA256);
    chunks(size).for_each(|chunk| hash.update(&chunk));
    hash.finish().as_ref().try_into().unwrap()
}

fn declared(size: u64) -> Declared {
    Declared {
        media_type: "application/pdf".into(),
        size_bytes: size,
        sha256: sha256(size),
    }
}

/// The test that measures this process's memory has the module to itself; all others share it.
static QUIET: RwLock<()> = RwLock::const_new(());

struct Bench {
    _shared: Option<RwLockReadGuard<'static, ()>>,
    folder: TempDir,
    vault: Vault,
    keyring: Keyring,
}

impl Bench {
    async fn new() -> Self {
        Self::with(Some(QUIET.read().await))
    }

    fn with(shared: Option<RwLockReadGuard<'static, ()>>) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let vault = Vault::open(&AttachmentSettings {
            folder: Some(folder.path().to_owned()),
            ..AttachmentSettings::default()
        })
        .unwrap();
        Self {
            _shared: shared,
            folder,
            vault,
            keyring: keyring(),
        }
    }

    fn begin(&self, id: u128, declared: &Declared) -> Result<Upload, AttachmentError> {
        self.vault.begin(name(id), declared, &self.keyring)
    }

    async fn store(&self, id: u128, size: u64) -> Stored {
        store(&self.vault, &self.keyring, id, size).await
    }

    /// What a reader of the whole sees.
    async fn damage(&self, stored: &Stored) -> Option<Damage> {
        let read = async {
            let mut download = self.vault.download(stored, &self.keyring).await?;
            while download.next(CHUNK).await?.is_some() {}
            Ok(())
        };
        match read.await {
            Ok(()) => None,
            Err(AttachmentError::Damaged { id, damage }) => {
                assert_eq!(id, stored.id);
                Some(damage)
            }
            Err(other) => panic!("{other}"),
        }
    }

    fn names(&self) -> Vec<String> {
        names(self.folder.path())
    }

    fn bytes_on_disk(&self) -> u64 {
        let path = |name: String| self.folder.path().join(name);
        let length = |name| std::fs::metadata(path(name)).unwrap().len();
        self.names().into_iter().map(length).sum()
    }

    fn file(&self, stored: &Stored) -> PathBuf {
        self.folder.path().join(&stored.place)
    }

    /// Waits until nothing lies in the folder; what is dropped is removed by a task.
    async fn wait_until_empty(&self) {
        for _ in 0..500 {
            if self.names().is_empty() {
                return;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        panic!("left behind: {:?}", self.names());
    }
}

async fn store(vault: &Vault, keyring: &Keyring, id: u128, size: u64) -> Stored {
    let mut upload = vault.begin(name(id), &declared(size), keyring).unwrap();
    for chunk in chunks(size) {
        upload = upload.write(&chunk).await.unwrap();
    }
    upload.finish().await.unwrap().keep()
}

fn keyring() -> Keyring {
    Keyring::create(MasterKey::new([7; 32])).unwrap().0
}

const fn name(id: u128) -> AttachmentId {
    AttachmentId(Uuid::from_u128(id))
}

fn names(folder: &Path) -> Vec<String> {
    let mut names: Vec<_> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

/// Resident memory of this process in bytes.
fn resident() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap();
    let kib: u64 = line.split_whitespace().nth(1).unwrap().parse().unwrap();
    kib * 1024
}

#[tokio::test]
async fn fifty_mebibytes_pass_both_ways_in_little_memory() {
    let _alone = QUIET.write().await;
    let bench = Bench::with(None);
    let size = 50 * MIB + 12_345;
    let declared = declared(size);
    let before = resident();
    let mut peak = before;
    let mut upload = bench.begin(1, &declared).unwrap();
    let mut sent = 0;
    for chunk in chunks(size) {
        upload = upload.write(&chunk).await.unwrap();
        peak = peak.max(resident());
        // The allocator may hide growth behind what earlier tests gave back to it, so the disk is asked as well.
        sent += chunk.len() as u64;
        assert!(
            sent - bench.bytes_on_disk().min(sent) <= MIB,
            "held back at {sent}"
        );
    }
    let stored = upload.finish().await.unwrap().keep();
    assert_eq!(stored.size_bytes, size);
    assert_eq!(stored.media_type, "application/pdf");

    let mut download = bench.vault.download(&stored, &bench.keyring).await.unwrap();
    let mut at = 0;
    while let Some(chunk) = download.next(CHUNK).await.unwrap() {
        assert!(chunk.len() <= CHUNK);
        assert!(chunk == content(at, chunk.len()), "other bytes from {at}");
        at += chunk.len() as u64;
        peak = peak.max(resident());
    }
    assert_eq!(at, size);
    assert!(peak - before < 16 * MIB, "grew by {} bytes", peak - before);

    let sealed = std::fs::read(bench.file(&stored)).unwrap();
    assert_eq!(sealed.len() as u64, size + 51 * 28);
    let clear = content(2 * MIB, 64);
    assert!(!sealed.windows(64).any(|window| window == clear), "not sealed");
}

#[tokio::test]
async fn every_length_around_a_block_is_given_back() {
    let bench = Bench::new().await;
    let block = BLOCK_BYTES as u64;
    for (id, size) in [9, block - 1, block, block + 1, 2 * block, 2 * block + 9]
        .into_iter()
        .enumerate()
    {
        let stored = bench.store(id as u128, size).await;
        let download = bench.vault.download(&stored, &bench.keyring).await.unwrap();
        let whole: Vec<_> = download.into_stream(CHUNK).try_collect().await.unwrap();
        assert!(
            whole.concat() == content(0, usize::try_from(size).unwrap()),
            "{size} bytes"
        );
    }
}
