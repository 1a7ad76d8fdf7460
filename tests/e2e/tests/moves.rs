//! A hub is backed up while it works, lost, restored, and moved to PostgreSQL: what was acknowledged before is there.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

use sendhub_e2e::hub::Hub;
use sendhub_e2e::{correct_upn, done, sample, sendhub, text};
use serde_json::Value;

/// A file with one pupil of its own.
fn file(folder: &Path, number: u32) -> PathBuf {
    let content = std::fs::read_to_string(sample()).unwrap();
    let at = content.find("<UPN>").unwrap() + 5;
    let upn = correct_upn(&format!("A999900126{number:03}"));
    let path = folder.join(format!("{number}.xml"));
    std::fs::write(&path, format!("{}{upn}{}", &content[..at], &content[at + 13..])).unwrap();
    path
}

/// Sends a file; comes back when it is acknowledged.
fn send(profile: &Path, file: &Path) {
    let arguments = [
        "ctf",
        "send",
        text(file),
        "--profile",
        text(profile),
        "--left-on",
        "2026-07-17",
    ];
    let _ = done(&arguments);
}

fn waiting(profile: &Path) -> u32 {
    let listed = done(&["--json", "inbox", "list", "--profile", text(profile)]);
    let listed: Value = serde_json::from_str(&listed).unwrap();
    u32::try_from(
        listed
            .as_array()
            .or_else(|| listed["deliveries"].as_array())
            .unwrap()
            .len(),
    )
    .unwrap()
}

/// Why a command did not do what it was told.
fn refused(arguments: &[&str]) -> String {
    let output = sendhub(arguments);
    assert_eq!(output.status.code(), Some(2), "{arguments:?}");
    String::from_utf8(output.stderr).unwrap()
}

/// Changes the configuration.
fn set(config: &Path, from: &str, to: &str) {
    let content = std::fs::read_to_string(config).unwrap();
    assert!(content.contains(from), "{from}");
    std::fs::write(config, content.replace(from, to)).unwrap();
}

/// A new database on the server under test.
fn new_database(folder: &Path) -> String {
    use sqlx::{AssertSqlSafe, ConnectOptions as _, Executor as _};
    let server = std::env::var("SENDHUB_TEST_POSTGRES").unwrap();
    let name = folder.file_name().unwrap().as_encoded_bytes();
    let name: String = name.iter().map(|byte| format!("{byte:02x}")).collect();
    let options: sqlx::postgres::PgConnectOptions = server.parse().unwrap();
    let create = async {
        let mut admin = options.connect().await.unwrap();
        let create = AssertSqlSafe(format!("CREATE DATABASE moves_{name}"));
        admin.execute(sqlx::raw_sql(create)).await.unwrap();
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.unwrap().block_on(create);
    format!("{}/moves_{name}", server.rsplit_once('/').unwrap().0)
}

#[test]
fn a_hub_is_backed_up_while_it_works_restored_and_moved() {
    let mut hub = Hub::start();
    let (sender, receiver) = (
        hub.path("old-school/client.toml"),
        hub.path("new-school/client.toml"),
    );
    let (config, kept) = (hub.path("hub.toml"), hub.path("kept"));
    let files = tempfile::tempdir().unwrap();
    for number in 0..3 {
        send(&sender, &file(files.path(), number));
    }
    // Backed up while a school sends.
    let (sent, done_with) = (Arc::new(AtomicU32::new(3)), Arc::new(AtomicBool::new(false)));
    let sending = std::thread::spawn({
        let (sent, done_with, sender, folder) = (
            Arc::clone(&sent),
            Arc::clone(&done_with),
            sender.clone(),
            files.path().to_owned(),
        );
        move || {
            while !done_with.load(Ordering::Relaxed) {
                send(&sender, &file(&folder, sent.load(Ordering::Relaxed)));
                sent.fetch_add(1, Ordering::Relaxed);
            }
        }
    });
    std::thread::sleep(std::time::Duration::from_millis(300));
    let acknowledged = sent.load(Ordering::Relaxed);
    let backup = ["--json", "backup", "--config", text(&config), "--to", text(&kept)];
    let told: Value = serde_json::from_str(&done(&backup)).unwrap();
    let held = told["manifest"]["exchanges"].as_u64().unwrap();
    assert!(held >= u64::from(acknowledged), "{held} of {acknowledged}");
    for kept_elsewhere in ["master key", "signing key of the gateway's log", "TLS key"] {
        let named = told["keep_elsewhere"].as_array().unwrap();
        assert!(
            named.iter().any(|one| one["what"] == kept_elsewhere),
            "{kept_elsewhere}"
        );
    }
    done_with.store(true, Ordering::Relaxed);
    sending.join().unwrap();
    let restore = ["restore", "--from", text(&kept), "--config", text(&config)];
    assert!(refused(&restore).contains("is there already"));
    let listen = format!("address = \"127.0.0.1:{}\"", hub.port());
    set(&config, "address = \"127.0.0.1:0\"", &listen);
    assert!(refused(&restore).contains("stop the hub"));
    set(&config, &listen, "address = \"127.0.0.1:0\"");
    let newest = sent.load(Ordering::Relaxed);
    assert_eq!(waiting(&receiver), newest);
    hub.halt();

    // The disk is lost; a flipped byte in the back-up is refused, the back-up itself goes in.
    std::fs::remove_dir_all(hub.path("data")).unwrap();
    let database = kept.join("hub.db");
    let whole = std::fs::read(&database).unwrap();
    let mut flipped = whole.clone();
    flipped[whole.len() / 2] ^= 1;
    std::fs::write(&database, flipped).unwrap();
    assert!(refused(&restore).contains("damaged"));
    assert!(!hub.path("data/hub.db").exists());
    std::fs::write(&database, whole).unwrap();
    let said = done(&restore);
    assert!(said.contains("its logs have ended"), "{said}");
    assert!(hub.start_again().unwrap_err().contains("has ended"));
    set(&config, "gateway = \"g1\"", "gateway = \"g2\"");
    hub.start_again().unwrap();
    assert_eq!(u64::from(waiting(&receiver)), held);
    // What came after the back-up is sent again, under the request ids that the files give.
    for number in 0..newest {
        send(&sender, &file(files.path(), number));
    }
    assert_eq!(waiting(&receiver), newest);
    let suspend = ["agency", "suspend", "--config", text(&config), "new-school"];
    let _ = done(&suspend);
    let _ = done(&[&suspend[..], &["--lift"]].concat());

    // Moved to PostgreSQL: not while it runs, then whole, and served there only.
    let (from, to) = (
        format!("sqlite://{}", text(&hub.path("data/hub.db"))),
        new_database(files.path()),
    );
    let migrate = ["--json", "migrate", "--from", &from, "--to", &to];
    assert!(refused(&migrate).contains("stop the hub first"));
    hub.halt();
    let moved: Value = serde_json::from_str(&done(&migrate)).unwrap();
    let origins: Vec<_> = moved["logs"]
        .as_array()
        .unwrap()
        .iter()
        .map(|log| &log["origin"])
        .collect();
    assert_eq!(
        origins,
        [
            "sendhub.local/cli",
            "sendhub.local/g1",
            "sendhub.local/g2",
            "sendhub.local/cli-2"
        ]
    );
    assert!(hub.start_again().unwrap_err().contains("was moved to"));
    set(&config, "sqlite://data/hub.db", &to);
    assert!(refused(&backup).contains("PostgreSQL"));
    hub.start_again().unwrap();
    assert_eq!(waiting(&receiver), newest);
    let out = hub.path("collected");
    let _ = done(&[
        "inbox",
        "collect",
        "--out",
        text(&out),
        "--profile",
        text(&receiver),
    ]);
    assert_eq!(waiting(&receiver), 0);
    hub.halt();
    let verified = done(&["audit", "verify", &to]);
    assert!(verified.contains("everything fits"), "{verified}");
}

/// Cases, rights, clocks, referrals and an attachment, as a hub and its agencies made them.
#[test]
fn the_demo_s_history_is_restored_as_it_was_and_moved() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path();
    let _ = done(&["demo", "--folder", text(root)]);
    let (config, kept, data) = (root.join("hub.toml"), root.join("kept"), root.join("data"));
    let told = done(&["backup", "--config", text(&config), "--to", text(&kept)]);
    assert!(told.contains("not in it, and needed to go on from it"), "{told}");
    let attachments = |of: &Path| -> Vec<(std::ffi::OsString, Vec<u8>)> {
        let files = std::fs::read_dir(of.join("attachments")).unwrap();
        files
            .map(|file| file.unwrap())
            .map(|file| (file.file_name(), std::fs::read(file.path()).unwrap()))
            .collect()
    };
    let before = attachments(&data);
    assert_eq!(before.len(), 1);
    std::fs::remove_dir_all(&data).unwrap();
    let restore = [
        "restore",
        "--from",
        text(&kept),
        "--config",
        text(&config),
        "--same-logs",
    ];
    assert!(done(&restore).contains("go on under their names"));
    assert_eq!(attachments(&data), before);
    let agencies = done(&["agency", "list", "--config", text(&config)]);

    // A checkpoint that somebody kept: the log has it, before the move and after.
    let receipts: Value =
        serde_json::from_slice(&std::fs::read(root.join("receipts.json")).unwrap()).unwrap();
    let note = checkpoint(&receipts).unwrap();
    let known = root.join("known.note");
    std::fs::write(&known, note).unwrap();
    let (database, to) = (data.join("hub.db"), new_database(root));
    let moved = done(&[
        "migrate",
        "--from",
        &format!("sqlite://{}", text(&database)),
        "--to",
        &to,
    ]);
    assert!(moved.contains("is marked"), "{moved}");
    for place in [text(&database), &to] {
        let said = done(&["audit", "verify", place, "--checkpoint", text(&known)]);
        assert!(said.contains("all of them among the"), "{said}");
    }
    set(&config, "sqlite://data/hub.db", &to);
    assert_eq!(done(&["agency", "list", "--config", text(&config)]), agencies);
    // One signed by nobody is no checkpoint.
    std::fs::write(&known, note.replace("\n\n\u{2014} ", "\n\n\u{2014} x")).unwrap();
    let doubted = sendhub(&["audit", "verify", &to, "--checkpoint", text(&known)]);
    assert_eq!(doubted.status.code(), Some(1));
}

/// The first checkpoint in a file of receipts.
fn checkpoint(receipts: &Value) -> Option<&str> {
    match receipts {
        Value::Object(members) => match members.get("checkpoint").and_then(Value::as_str) {
            Some(note) => Some(note),
            None => members.values().find_map(checkpoint),
        },
        Value::Array(values) => values.iter().find_map(checkpoint),
        _ => None,
    }
}
