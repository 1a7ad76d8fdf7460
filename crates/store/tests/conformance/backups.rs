//! A back-up is whole whatever is written meanwhile, and is restored only as it was and only where nothing is.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use sendhub_domain::exchange::{AttachmentId, ExchangeId};
use sendhub_ledger::checkpoint::{LogKey, VerifierKey};
use sendhub_store::backup::{Attachments, BackupError, Logs, Manifest, Order, Restoring, back_up, restore};
use sendhub_store::change::AttachmentRow;
use sendhub_store::seal::MasterKey;
use sendhub_store::sqlite::SqliteStore;
use sendhub_store::verify::{Standing, VerifyReport, verify_sqlite};
use sendhub_store::{Effect, Keyring, Store, StoreError};
use uuid::Uuid;

use crate::history::{self, commit};
use crate::matters::{attachment, change, id};
use crate::support::{Place, at, exchange};

/// The length of an attachment's object in these tests.
fn sealed_length(clear: u64) -> u64 {
    clear + 28
}

fn key(seed: u8) -> VerifierKey {
    LogKey::from_seed("log/a", &[seed; 32])
        .unwrap()
        .verifier()
        .clone()
}

/// A hub's folder: database, attachments, and a place for back-ups.
struct Site {
    place: Place,
    root: tempfile::TempDir,
}

impl Site {
    fn new() -> Self {
        let root = tempfile::tempdir().unwrap();
        std::fs::create_dir(root.path().join("attachments")).unwrap();
        Self {
            place: Place::new(),
            root,
        }
    }

    fn path(&self, part: &str) -> PathBuf {
        self.root.path().join(part)
    }

    async fn back_up(&self, to: &str) -> Result<Manifest, BackupError> {
        let order = Order {
            hub: "hub",
            database: &self.place.file(),
            attachments: Attachments::Folder {
                path: self.path("attachments"),
                sealed_length,
            },
            to: &self.path(to),
            keys: &[key(2)],
            at: at(),
        };
        back_up(&order, |_| ()).await
    }

    /// A file for an attachment, and the row that names it.
    async fn attach(&self, store: &dyn Store, number: u128) {
        let row = AttachmentRow {
            place: format!("{number}.sealed"),
            // As the keyring would have written it.
            master_key_id: store.keyring().master_key_id().to_owned(),
            ..attachment(number)
        };
        let length = usize::try_from(sealed_length(row.size_bytes)).unwrap();
        std::fs::write(self.path("attachments").join(&row.place), vec![7; length]).unwrap();
        commit(store, vec![change(vec![Effect::StoreAttachment(row)])]).await;
    }
}

async fn restore_to(
    from: &Path,
    to: &Path,
    logs: Logs,
    checkpoints: &[String],
) -> Result<(VerifyReport, Vec<Standing>), BackupError> {
    let order = Restoring {
        from,
        database: &to.join("hub.db"),
        attachments: Some(&to.join("attachments")),
        master_keys: (MasterKey::new([1; 32]), vec![]),
        log_keys: &[key(2)],
        checkpoints,
        logs,
        at: at(),
    };
    restore(order, |_| ())
        .await
        .map(|(_, report, standings)| (report, standings))
}

fn options(folder: &Path, origin: &str) -> sendhub_store::sqlite::SqliteOptions {
    sendhub_store::sqlite::SqliteOptions {
        path: folder.join("hub.db"),
        ..Place::new().options(origin)
    }
}

fn names(folder: &Path) -> Vec<String> {
    let mut names: Vec<String> = std::fs::read_dir(folder)
        .map(|entries| {
            entries
                .map(|one| one.unwrap().file_name().into_string().unwrap())
                .collect()
        })
        .unwrap_or_default();
    names.sort();
    names
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_back_up_under_load_is_whole_and_goes_on_where_it_is_restored() {
    let site = Site::new();
    let store = site.place.open("log/a").await;
    // Nothing wraps what these rows hold: the master key is the hub's own.
    for batch in (1..=400).collect::<Vec<u128>>().chunks(50) {
        commit(
            &*store,
            batch
                .iter()
                .map(|one| owned(exchange(*one, 1), &store.keyring()))
                .collect(),
        )
        .await;
    }
    site.attach(&*store, 1).await;
    let done = Arc::new(AtomicBool::new(false));
    let writing = tokio::spawn({
        let (store, done) = (Arc::clone(&store), Arc::clone(&done));
        async move {
            let mut number = 1_000;
            while !done.load(Ordering::Relaxed) {
                number += 1;
                commit(&*store, vec![owned(exchange(number, 1), &store.keyring())]).await;
            }
            number
        }
    });
    tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    let mut sizes = Vec::new();
    for name in ["first", "second"] {
        let acknowledged = store.logs().await.unwrap()[0].size;
        let manifest = site.back_up(name).await.unwrap();
        assert!(manifest.logs[0].size >= acknowledged);
        sizes.push((name, acknowledged, manifest.logs[0].size));
    }
    done.store(true, Ordering::Relaxed);
    let last = writing.await.unwrap();
    assert!(last > 1_010, "nothing was written meanwhile");
    assert!(sizes[1].2 > sizes[0].2, "{sizes:?}");
    let newest = store.checkpoint("log/a", None).await.unwrap().unwrap().note;
    store.close().await.unwrap();
    assert_eq!(names(site.root.path()), ["attachments", "first", "second"]);

    // A log that goes on: everything acknowledged before the back-up is there, and the next entry is its next.
    let folder = tempfile::tempdir().unwrap();
    let (_, acknowledged, size) = sizes[1];
    let (report, _) = restore_to(&site.path("second"), folder.path(), Logs::GoOn, &[])
        .await
        .unwrap();
    assert_eq!((report.logs[0].size, report.holds()), (size, true));
    assert_eq!(names(&folder.path().join("attachments")), ["1.sealed"]);
    let again = SqliteStore::open(options(folder.path(), "log/a")).await.unwrap();
    for number in (1..=400).chain(1_001..=1_000 + u128::from(acknowledged - 401)) {
        assert!(
            again
                .exchange(ExchangeId(Uuid::from_u128(number)))
                .await
                .unwrap()
                .is_some(),
            "{number}"
        );
    }
    assert!(again.attachment(AttachmentId(id(1))).await.unwrap().is_some());
    commit(&again, vec![exchange(9_000_000, 1)]).await;
    again.close().await.unwrap();
    assert!(
        verify_sqlite(&folder.path().join("hub.db"), &[key(2)], |_| ())
            .await
            .unwrap()
            .holds()
    );
    // Nothing is overwritten.
    let refused = restore_to(&site.path("second"), folder.path(), Logs::GoOn, &[]).await;
    assert!(matches!(refused, Err(BackupError::Exists(_))), "{refused:?}");

    // Somebody holds a checkpoint of what came after the back-up: the log cannot go on, and ends.
    let folder = tempfile::tempdir().unwrap();
    let known = [newest];
    let refused = restore_to(&site.path("first"), folder.path(), Logs::GoOn, &known).await;
    assert!(
        matches!(refused, Err(BackupError::Checkpoint { .. })),
        "{refused:?}"
    );
    assert_eq!(names(folder.path()), Vec::<String>::new());
    let (_, standings) = restore_to(&site.path("first"), folder.path(), Logs::End, &known)
        .await
        .unwrap();
    assert!(matches!(&standings[0], Standing::Beyond { signed, size, .. } if signed > size));
    let ended = SqliteStore::open(options(folder.path(), "log/a")).await;
    assert!(matches!(ended, Err(StoreError::LogEnded(_))), "{ended:?}");
    let next = SqliteStore::open(options(folder.path(), "log/b")).await.unwrap();
    commit(&next, vec![exchange(9_000_000, 1)]).await;
    next.close().await.unwrap();
    let report = verify_sqlite(&folder.path().join("hub.db"), &[key(2)], |_| ())
        .await
        .unwrap();
    assert!(report.holds() && report.logs.len() == 2, "{:?}", report.faults);
}

/// The change with its person's key named as the hub's own.
fn owned(mut change: sendhub_store::Change, keyring: &Keyring) -> sendhub_store::Change {
    for effect in &mut change.effects {
        if let Effect::RegisterSubject(row) = effect {
            keyring.master_key_id().clone_into(&mut row.master_key_id);
        }
    }
    change
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_not_what_was_backed_up_is_refused_and_leaves_nothing() {
    let site = Site::new();
    let store = site.place.open("log/a").await;
    commit(
        &*store,
        (1..40)
            .map(|one| owned(exchange(one, 1), &store.keyring()))
            .collect(),
    )
    .await;
    site.attach(&*store, 1).await;
    let early = store.checkpoint("log/a", Some(39)).await.unwrap().unwrap().note;

    // An attachment that is missing or cut is told, and there is no back-up.
    let object = site.path("attachments/1.sealed");
    let content = std::fs::read(&object).unwrap();
    std::fs::write(&object, &content[1..]).unwrap();
    assert!(matches!(
        site.back_up("cut").await,
        Err(BackupError::Attachment { .. })
    ));
    std::fs::remove_file(&object).unwrap();
    assert!(matches!(
        site.back_up("cut").await,
        Err(BackupError::Attachment { .. })
    ));
    std::fs::write(&object, &content).unwrap();
    assert_eq!(names(site.root.path()), ["attachments"]);

    site.back_up("kept").await.unwrap();
    assert!(matches!(site.back_up("kept").await, Err(BackupError::Exists(_))));
    store.close().await.unwrap();
    let kept = site.path("kept");
    assert_eq!(
        names(&kept),
        ["attachments", "hub.db", "manifest.json", "manifest.json.sha256"]
    );
    for part in [
        "hub.db",
        "manifest.json",
        "manifest.json.sha256",
        "attachments/1.sealed",
    ] {
        let file = kept.join(part);
        let content = std::fs::read(&file).unwrap();
        for at in [0, content.len() / 3, content.len() - 1] {
            let mut flipped = content.clone();
            flipped[at] ^= 1;
            std::fs::write(&file, flipped).unwrap();
            let folder = tempfile::tempdir().unwrap();
            let refused = restore_to(&kept, folder.path(), Logs::GoOn, &[]).await;
            assert!(
                matches!(refused, Err(BackupError::Damaged(_))),
                "{part} {at}: {refused:?}"
            );
            assert_eq!(names(folder.path()), Vec::<String>::new(), "{part}");
        }
        std::fs::write(&file, content).unwrap();
    }

    let folder = tempfile::tempdir().unwrap();
    let to = folder.path();
    let order = |master: u8, log_keys| Restoring {
        from: &kept,
        database: Box::leak(to.join("hub.db").into_boxed_path()),
        attachments: None,
        master_keys: (MasterKey::new([master; 32]), vec![]),
        log_keys,
        checkpoints: &[],
        logs: Logs::GoOn,
        at: at(),
    };
    let (right, wrong) = ([key(2)], [key(9)]);
    for order in [order(5, &right), order(1, &wrong)] {
        let refused = restore(order, |_| ()).await;
        assert!(matches!(refused, Err(BackupError::Keys(_))), "{refused:?}");
    }
    // A checkpoint of another tree, signed with the log's own key: somebody's log forked before.
    let forked = LogKey::from_seed("log/a", &[2; 32]).unwrap();
    let forked = [forked.sign(39, sendhub_ledger::hash::sha256(b"another"))];
    let refused = restore_to(&kept, to, Logs::End, &forked).await;
    assert!(
        matches!(refused, Err(BackupError::Checkpoint { .. })),
        "{refused:?}"
    );
    // What a database left beside it is not overwritten either.
    std::fs::write(to.join("hub.db-wal"), b"").unwrap();
    let refused = restore_to(&kept, to, Logs::End, &[]).await;
    assert!(matches!(refused, Err(BackupError::Exists(_))), "{refused:?}");
    std::fs::remove_file(to.join("hub.db-wal")).unwrap();
    assert_eq!(names(to), Vec::<String>::new());
    let (_, standings) = restore_to(&kept, to, Logs::GoOn, &[early]).await.unwrap();
    assert!(matches!(
        standings[0],
        Standing::Within {
            signed: 39,
            size: 40,
            ..
        }
    ));
}

/// The order of a case's steps and of records is not that of their names: it is kept.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_restored_history_reads_as_before() {
    let site = Site::new();
    let store = site.place.open("log/a").await;
    history::write(&*store).await;
    let before = history::told(&*store).await;
    // The rows of this history name a key that does not exist: they are put right, below the log.
    store.close().await.unwrap();
    let key = MasterKey::new([1; 32]).id().to_owned();
    let mut raw = site.place.raw().await;
    for statement in [
        "UPDATE subject SET master_key_id = ?",
        "UPDATE attachment SET master_key_id = ?",
    ] {
        sqlx::query(statement)
            .bind(key.clone())
            .execute(&mut raw)
            .await
            .unwrap();
    }
    drop(raw);
    let order = Order {
        hub: "hub",
        database: &site.place.file(),
        attachments: Attachments::Bucket("a-bucket".into()),
        to: &site.path("kept"),
        keys: &[],
        at: at(),
    };
    back_up(&order, |_| ()).await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    restore_to(&site.path("kept"), folder.path(), Logs::GoOn, &[])
        .await
        .unwrap();
    let again = SqliteStore::open(options(folder.path(), "log/a")).await.unwrap();
    let after = history::told(&again).await;
    let same = |text: &str| -> String {
        text.lines()
            .filter(|line| !line.contains("master_key_id"))
            .collect::<Vec<_>>()
            .join("\n")
    };
    assert_eq!(same(&after), same(&before));
    again.close().await.unwrap();
}
