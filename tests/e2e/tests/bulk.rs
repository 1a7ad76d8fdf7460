//! A year group and more as one stream: cut again and again, it ends with exactly as many records as were sent.

use sendhub_e2e::sendhub;
use serde_json::Value;

#[test]
fn a_stream_of_5000_records_cut_20_times_ends_with_exactly_5000() {
    let folder = tempfile::tempdir().unwrap();
    let done = sendhub(&[
        "--json",
        "bench",
        "bulk",
        "--records",
        "5000",
        "--cuts",
        "20",
        "--folder",
        folder.path().to_str().unwrap(),
    ]);
    let told = String::from_utf8_lossy(&done.stdout).into_owned();
    assert!(
        done.status.success(),
        "{told}{}",
        String::from_utf8_lossy(&done.stderr)
    );
    let told: Value = serde_json::from_str(&told).unwrap();
    for count in ["accepted", "distinct", "waiting", "stored", "deliveries"] {
        assert_eq!(told[count], 5000, "{count} in {told}");
    }
    assert_eq!(
        (&told["cuts"], &told["refused"], &told["faults"]),
        (&20.into(), &0.into(), &0.into())
    );
    // The cuts were real: streams broke, and records under way were sent again.
    assert!(told["streams_broken"].as_u64().unwrap() >= 20, "{told}");
    assert!(told["resent"].as_u64().unwrap() > 0, "{told}");
}
