//! Verification finds every fault: flipped bytes, missing and foreign rows, in databases and exports.

use std::path::Path;

use sendhub_domain::event::EventKind;
use sendhub_domain::exchange::DeliveryState;
use sendhub_ledger::checkpoint::{LogKey, VerifierKey};
use sendhub_store::Store as _;
use sendhub_store::sqlite::SqliteStore;
use sendhub_store::verify::{VerifyReport, export_sqlite, verify_export, verify_sqlite};
use sqlx::AssertSqlSafe;

use crate::support::{Place, exchange, step};

const OPEN: &[DeliveryState] = &[DeliveryState::Waiting, DeliveryState::Collected];

/// 300 exchanges in batches of 30, one disclosed; the file closed, its write-ahead log folded in.
async fn filled() -> Place {
    let place = Place::new();
    let store = SqliteStore::open(place.options("log/a")).await.unwrap();
    for part in (1..=300).collect::<Vec<_>>().chunks(30) {
        store
            .commit(part.iter().map(|number| exchange(*number, 1)).collect())
            .await
            .unwrap();
    }
    let disclosed = step(4, OPEN, DeliveryState::Collected, EventKind::Disclosed);
    store.commit(vec![disclosed]).await.unwrap()[0].as_ref().unwrap();
    store.close().await.unwrap();
    place
}

async fn verified(path: &Path) -> VerifyReport {
    verify_sqlite(path, &[], |_| ()).await.unwrap()
}

/// Numbers that are the same in every run.
struct Dice(u64);

impl Dice {
    fn below(&mut self, end: usize) -> usize {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).unwrap() % end
    }
}

#[tokio::test]
async fn what_is_whole_is_reported_whole() {
    let place = filled().await;
    let mut steps = Vec::new();
    let report = verify_sqlite(&place.file(), &[], |seen| steps.push(seen))
        .await
        .unwrap();
    assert!(report.holds(), "{:?}", report.faults);
    assert_eq!((report.exchanges, report.deliveries), (300, 300));
    assert_eq!((report.logs[0].size, report.logs[0].checkpoints), (301, 11));
    assert!(report.first_misfit.is_none());
    assert!(steps.contains(&301) && steps.is_sorted());
}

#[tokio::test]
async fn a_flipped_byte_is_found_and_named() {
    let place = filled().await;
    let mut connection = place.raw().await;
    let mut dice = Dice(1);
    let places = [
        (
            "exchange",
            "sealed",
            "leaf_index",
            77,
            "leaf 77: the payload",
            Some(77),
        ),
        ("leaf", "entry", "idx", 123, "leaf 123 was changed", Some(123)),
        ("leaf", "hash", "idx", 200, "leaf 200 was changed", Some(200)),
        ("checkpoint", "note", "size", 60, "checkpoint of size 60", None),
        ("node", "hash", "idx", 0, "kept hash of leaves 0 to 255", Some(0)),
        ("log", "peaks", "no", 1, "the frontier in its row", None),
    ];
    for (table, column, key, value, says, first) in places {
        let read = format!("SELECT CAST({column} AS BLOB) FROM {table} WHERE {key} = {value}");
        let kept: Vec<u8> = sqlx::query_scalar(AssertSqlSafe(read))
            .fetch_one(&mut connection)
            .await
            .unwrap();
        let cast = if column == "note" {
            "CAST($1 AS TEXT)"
        } else {
            "$1"
        };
        let write = format!("UPDATE {table} SET {column} = {cast} WHERE {key} = {value}");
        for _ in 0..20 {
            let mut flipped = kept.clone();
            flipped[dice.below(kept.len())] ^= 1 << dice.below(8);
            sqlx::query(AssertSqlSafe(write.clone()))
                .bind(flipped)
                .execute(&mut connection)
                .await
                .unwrap();
            let report = verified(&place.file()).await;
            assert!(
                report.faults.iter().any(|fault| fault.contains(says)),
                "{says}: {:?}",
                report.faults
            );
            assert_eq!(report.first_misfit.map(|place| place.index), first, "{says}");
        }
        sqlx::query(AssertSqlSafe(write))
            .bind(kept)
            .execute(&mut connection)
            .await
            .unwrap();
    }
    assert!(verified(&place.file()).await.holds());
}

/// Every form of tampering through SQL, with what the report must say.
#[tokio::test]
async fn tampering_by_statement_is_found() {
    let faults = [
        ("DELETE FROM leaf WHERE idx = 40", "leaf 40 is missing"),
        (
            "DELETE FROM leaf WHERE idx = 300",
            "signs 301 leaves, but only 300",
        ),
        (
            "UPDATE leaf SET kind = 'OTHER' WHERE idx = 9",
            "leaf 9: the columns beside it",
        ),
        (
            "UPDATE leaf SET agency = NULL WHERE idx = 9",
            "leaf 9: the columns beside it",
        ),
        (
            "UPDATE leaf SET at = at + 1 WHERE idx = 9",
            "leaf 9: the columns beside it",
        ),
        (
            "UPDATE leaf SET exchange = NULL WHERE idx = 9",
            "leaf 9 records an exchange that is not there",
        ),
        (
            "UPDATE leaf SET subject = x'00' WHERE idx = 9",
            "leaf 9: the columns beside it",
        ),
        (
            "DELETE FROM checkpoint WHERE size = 301",
            "the last 1 leaves are signed by no checkpoint",
        ),
        (
            "UPDATE checkpoint SET size = 31 WHERE size = 30",
            "the checkpoint of size 31 does not hold",
        ),
        (
            "UPDATE checkpoint SET note = (SELECT note FROM checkpoint WHERE size = 60) WHERE size = 30",
            "size 30",
        ),
        (
            "UPDATE log SET size = 300",
            "its row says 300 leaves, but 301 are there",
        ),
        ("DELETE FROM node", "the kept hash of leaves 0 to 255"),
        (
            "INSERT INTO node VALUES (1, 16, 0, zeroblob(32))",
            "1 kept hashes belong to no place",
        ),
        (
            "UPDATE exchange SET leaf_index = 8 WHERE leaf_index = 9",
            "leaf 8 does not record exchange",
        ),
        (
            "DELETE FROM exchange WHERE leaf_index = 9",
            "leaf 9 records an exchange that is not there",
        ),
        (
            "DELETE FROM exchange WHERE leaf_index = 9",
            "belongs to no exchange",
        ),
        (
            "UPDATE delivery SET collected_at = 1 WHERE id < x'00000000000000000000000000000002'",
            "was handed over",
        ),
        (
            "UPDATE log SET verifier_key = 'x'",
            "its verifier key cannot be read",
        ),
    ];
    let whole = filled().await;
    for (statement, says) in faults {
        let place = Place::new();
        std::fs::copy(whole.file(), place.file()).unwrap();
        let mut connection = place.raw().await;
        sqlx::query("PRAGMA foreign_keys = OFF")
            .execute(&mut connection)
            .await
            .unwrap();
        sqlx::query(statement).execute(&mut connection).await.unwrap();
        let report = verified(&place.file()).await;
        assert!(
            report.faults.iter().any(|fault| fault.contains(says)),
            "{statement}: {:?}",
            report.faults
        );
    }
}

/// A leaf changed together with its hash: only the signed root can tell, and says between which leaves.
#[tokio::test]
async fn a_leaf_forged_with_its_hash_is_found_by_the_next_checkpoint() {
    let place = filled().await;
    let forged =
        br#"{"form":1,"kind":"LOG_OPENED","outcome":"SUCCESS","at":"2026-11-23T09:00:00Z","method":"t"}"#;
    sqlx::query(
        "UPDATE leaf SET entry = $1, hash = $2, kind = 'LOG_OPENED', agency = NULL, exchange = NULL WHERE idx = 70",
    )
    .bind(forged.to_vec())
    .bind(sendhub_ledger::hash::leaf_hash(forged).0.to_vec())
    .execute(&mut place.raw().await)
    .await
    .unwrap();
    let report = verified(&place.file()).await;
    let says = "log log/a: of leaves 60 to 89 one is not what the checkpoint of size 90 signs";
    assert!(
        report.faults.iter().any(|fault| fault == says),
        "{:?}",
        report.faults
    );
    assert_eq!(report.first_misfit.unwrap().index, 60);
}

/// The first leaf is the lowest, in whatever order the faults were met.
#[tokio::test]
async fn the_first_of_several_faults_is_named() {
    let place = filled().await;
    for statement in [
        "UPDATE leaf SET hash = zeroblob(32) WHERE idx = 200",
        "UPDATE exchange SET sealed = x'00' WHERE leaf_index IN (150, 40, 90)",
    ] {
        sqlx::query(statement)
            .execute(&mut place.raw().await)
            .await
            .unwrap();
    }
    let report = verified(&place.file()).await;
    assert_eq!(report.fault_count, 4, "{:?}", report.faults);
    assert_eq!(report.first_misfit.unwrap().index, 40);
}

/// A log begun anew by the database's owner is whole in itself; a key from elsewhere tells.
#[tokio::test]
async fn a_key_from_elsewhere_outranks_the_database_s_own() {
    let place = filled().await;
    let other = LogKey::from_seed("log/a", &[9; 32]).unwrap();
    let report = verify_sqlite(&place.file(), &[other.verifier().clone()], |_| ())
        .await
        .unwrap();
    assert!(!report.holds());
    let true_key = LogKey::from_seed("log/a", &[2; 32]).unwrap();
    assert!(
        verify_sqlite(&place.file(), &[true_key.verifier().clone()], |_| ())
            .await
            .unwrap()
            .holds()
    );
}

/// What the columns under proof hold, in one text.
async fn content(place: &Place) -> Option<String> {
    let all = "SELECT group_concat(h, '|') FROM ( \
        SELECT hex(sealed) || hex(id) AS h FROM exchange NOT INDEXED UNION ALL \
        SELECT idx || hex(hash) || hex(entry) FROM leaf NOT INDEXED UNION ALL \
        SELECT size || hex(note) FROM checkpoint NOT INDEXED UNION ALL \
        SELECT idx || hex(hash) FROM node NOT INDEXED)";
    sqlx::query_scalar(all)
        .fetch_one(&mut place.raw().await)
        .await
        .ok()
}

/// One bit of the file itself, wherever it lies in the pages of the tables under proof.
#[tokio::test]
async fn a_bit_flipped_in_the_file_is_found() {
    let whole = filled().await;
    let before = content(&whole).await.unwrap();
    // SQLite tells nobody which page holds what unless built to: the pages are found by what they hold.
    let bytes = std::fs::read(whole.file()).unwrap();
    let marks: [&[u8]; 3] = [b"sealed 1", b"EXCHANGE_ACCEPTED", "log/a\n".as_bytes()];
    let pages: Vec<usize> = (1..bytes.len() / 4096)
        .filter(|page| {
            let page = &bytes[page * 4096..(page + 1) * 4096];
            marks
                .iter()
                .any(|mark| page.windows(mark.len()).any(|part| part == *mark))
        })
        .collect();
    assert!(pages.len() > 20, "{} pages", pages.len());
    let (mut dice, mut changed) = (Dice(7), 0);
    for _ in 0..150 {
        let mut flipped = bytes.clone();
        flipped[pages[dice.below(pages.len())] * 4096 + dice.below(4096)] ^= 1 << dice.below(8);
        let place = Place::new();
        std::fs::write(place.file(), flipped).unwrap();
        if content(&place).await.as_ref() == Some(&before) {
            continue;
        }
        changed += 1;
        // An error is a file so broken that SQLite will not open it.
        if let Ok(report) = verify_sqlite(&place.file(), &[], |_| ()).await {
            assert!(!report.holds());
        }
    }
    assert!(changed > 60, "only {changed} flips changed something");
}

#[tokio::test]
async fn an_export_verifies_and_every_flip_in_it_is_found() {
    let place = filled().await;
    let mut out = Vec::new();
    assert_eq!(
        export_sqlite(&place.file(), "log/a", &mut out).await.unwrap(),
        Some(301)
    );
    assert_eq!(
        export_sqlite(&place.file(), "log/x", &mut Vec::new())
            .await
            .unwrap(),
        None
    );
    for line in out.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
        serde_json::from_slice::<serde_json::Value>(line).expect("every line is JSON");
    }
    let report = verify_export(&out[..], &[], |_| ()).unwrap();
    assert!(report.holds(), "{:?}", report.faults);
    let from_database = verified(&place.file()).await;
    assert_eq!(report.logs, from_database.logs);

    let mut dice = Dice(3);
    for _ in 0..400 {
        let mut flipped = out.clone();
        let at = dice.below(out.len());
        flipped[at] ^= 1 << dice.below(8);
        let report = verify_export(&flipped[..], &[], |_| ()).unwrap();
        assert!(!report.holds(), "byte {at}");
    }
    // The leaf is named.
    let text = String::from_utf8(out.clone()).unwrap();
    let at = text.find("{\"leaf\":150,").unwrap() + 120;
    let mut flipped = out.clone();
    flipped[at] ^= 1;
    let report = verify_export(&flipped[..], &[], |_| ()).unwrap();
    assert_eq!(report.first_misfit.unwrap().index, 150);
    // Cut anywhere but at its end, it is not whole.
    for _ in 0..50 {
        let cut = dice.below(out.len());
        assert!(
            !verify_export(&out[..cut], &[], |_| ()).unwrap().holds(),
            "cut at {cut}"
        );
    }
    let true_key: VerifierKey = LogKey::from_seed("log/a", &[2; 32]).unwrap().verifier().clone();
    assert!(verify_export(&out[..], &[true_key], |_| ()).unwrap().holds());
    let other = LogKey::from_seed("log/a", &[9; 32]).unwrap();
    assert!(
        !verify_export(&out[..], &[other.verifier().clone()], |_| ())
            .unwrap()
            .holds()
    );
}
