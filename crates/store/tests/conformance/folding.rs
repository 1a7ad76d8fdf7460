//! The embedded engine's write-ahead log: copied into the file beside the commits, and begun anew.

use crate::support::{Place, exchange};

const PAGE: u64 = 4_096;
/// Well above what a folding begins with, well below where a commit would copy the log itself.
const MOST: u64 = 6_000;

/// Several times as much as a log may hold: it is begun anew while records come, and nothing is lost by it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_log_is_begun_anew_while_records_come() {
    let place = Place::new();
    let store = place.open("log/a").await;
    let ahead = place.file().with_extension("db-wal");
    for batch in 0..600_u128 {
        let records = (1..=16).map(|record| exchange(batch * 16 + record, 1));
        for result in store.commit(records.collect()).await.unwrap() {
            result.unwrap();
        }
    }
    // It never shrinks while it is open.
    let most = std::fs::metadata(&ahead).unwrap().len();
    assert!(most < MOST * PAGE, "the log has grown to {} pages", most / PAGE);
    let file = std::fs::metadata(place.file()).unwrap().len();
    assert!(
        file > 1 << 20,
        "the file holds {file} bytes: nothing was copied into it"
    );
    assert!(place.verify().await.holds());
    store.close().await.unwrap();
    assert!(!ahead.exists(), "closing folds what is left");
}
