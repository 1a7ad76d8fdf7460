//! Whole journeys through the binary: the demo with every sample, and an office with a drop folder.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::path::Path;

use sendhub_e2e::hub::Hub;
use sendhub_e2e::{correct_upn, done, sample, samples, sendhub, text};

#[test]
fn the_demo_ends_well_with_its_own_sample_and_tells_a_story() {
    let folder = tempfile::tempdir().unwrap();
    let told = done(&["demo", "--folder", text(folder.path())]);
    for part in [
        "mutual TLS 1.3",
        "SENDER_NOT_SOURCE_SCHOOL",
        "byte for byte what was sent",
        "all fit",
        "What to try next",
    ] {
        assert!(told.contains(part), "{part} in {told}");
    }
    let verified = done(&["audit", "verify", text(&folder.path().join("data/hub.db"))]);
    assert!(verified.contains("everything fits"));
}

#[test]
fn the_demo_ends_well_with_every_valid_sample() {
    for file in samples("") {
        let folder = tempfile::tempdir().unwrap();
        let told = done(&[
            "--json",
            "demo",
            "--ctf",
            text(&file),
            "--folder",
            text(folder.path()),
        ]);
        let summary: serde_json::Value = serde_json::from_str(&told).unwrap();
        assert_eq!(summary["log_faults"], 0);
        assert_eq!(summary["collected"], summary["pupils"]);
        assert_eq!(summary["refusal"]["reason"], "SENDER_NOT_SOURCE_SCHOOL");
        assert_eq!(summary["held"], text(&file).contains("XXXXXXX"));
    }
}

#[test]
fn a_hostile_file_is_refused_with_every_reason_and_nothing_is_stored() {
    let files = samples("hostile");
    assert_eq!(files.len(), 4);
    for file in files {
        let folder = tempfile::tempdir().unwrap();
        let output = sendhub(&["demo", "--ctf", text(&file), "--folder", text(folder.path())]);
        assert_eq!(output.status.code(), Some(1));
        let told = String::from_utf8(output.stdout).unwrap();
        assert!(
            told.contains("error: ") && told.contains("nothing was stored"),
            "{told}"
        );
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
    }
}

#[test]
fn a_file_that_is_no_exchange_between_two_agencies_is_refused_and_nothing_is_stored() {
    let text_of = std::fs::read_to_string(sample()).unwrap();
    let to_itself = text_of
        .replace("<LEA>998</LEA>", "<LEA>999</LEA>")
        .replace(">4001<", ">1001<");
    let national = text_of
        .replace("<LEA>999</LEA>", "<LEA>XXX</LEA>")
        .replace(">1001<", ">XXXX<");
    for (content, reason) in [(to_itself, "RECIPIENT_IS_SENDER"), (national, "national service")] {
        let folder = tempfile::tempdir().unwrap();
        let (file, made) = (folder.path().join("record.xml"), folder.path().join("made"));
        std::fs::write(&file, content).unwrap();
        let output = sendhub(&["demo", "--ctf", text(&file), "--folder", text(&made)]);
        assert_eq!(output.status.code(), Some(1));
        let told = String::from_utf8(output.stdout).unwrap();
        assert!(told.contains(reason), "{told}");
        assert!(!made.exists());
    }
}

fn put(folder: &Path, name: &str, content: &[u8]) {
    std::fs::write(folder.join(name), content).unwrap();
    // The bridge takes a file once it has lain untouched for half a second.
    std::thread::sleep(std::time::Duration::from_millis(600));
}

#[test]
fn an_office_sends_and_receives_through_a_drop_folder() {
    let hub = Hub::start();
    let (old, new) = (hub.path("old-drop"), hub.path("new-drop"));
    let profile = |school: &str| hub.path(school).join("client.toml");
    let pass = |folder: &Path, school: &str| {
        sendhub(&[
            "bridge",
            "--once",
            text(folder),
            "--profile",
            text(&profile(school)),
        ])
    };
    assert!(pass(&old, "old-school").status.success());

    // Three pupils in one file, made of the sample's one.
    let one = std::fs::read_to_string(sample()).unwrap();
    let (before, rest) = one.split_once("<Pupil>").unwrap();
    let (pupil, after) = rest.rsplit_once("</Pupil>").unwrap();
    let upn_at = pupil.find("<UPN>").unwrap() + 5;
    let pupils: Vec<String> = ["A999900126009", "N999900126020", "C999900126031"]
        .into_iter()
        .map(|upn| {
            format!(
                "<Pupil>{}{}{}</Pupil>",
                &pupil[..upn_at],
                correct_upn(upn),
                &pupil[upn_at + 13..]
            )
        })
        .collect();
    let many = format!("{before}{}{after}", pupils.join("\n    "));
    put(
        &old.join("outbox"),
        "9991001_CTF_9984001_007.xml",
        many.as_bytes(),
    );
    let sent = pass(&old, "old-school");
    assert!(sent.status.success(), "{}", String::from_utf8_lossy(&sent.stdout));
    assert!(old.join("sent/9991001_CTF_9984001_007.xml").is_file());
    let receipts = std::fs::read(old.join("sent/9991001_CTF_9984001_007.xml.receipt.json")).unwrap();
    let receipts: serde_json::Value = serde_json::from_slice(&receipts).unwrap();
    assert_eq!(receipts.as_array().unwrap().len(), 3);

    assert!(pass(&new, "new-school").status.success());
    let received = std::fs::read_to_string(new.join("inbox/9991001_CTF_9984001_007.xml")).unwrap();
    for pupil in &pupils {
        assert!(
            received.contains(pupil.as_str()),
            "a pupil did not come byte for byte"
        );
    }
    assert!(
        new.join("inbox/9991001_CTF_9984001_007.xml.receipt.json")
            .is_file()
    );
    // Nothing comes twice.
    assert!(pass(&new, "new-school").status.success());
    assert_eq!(std::fs::read_dir(new.join("inbox")).unwrap().count(), 2);

    // Not this school's own record: refused, with a reason that can be read.
    let foreign = one.replace("<LEA>999</LEA>", "<LEA>997</LEA>");
    put(
        &old.join("outbox"),
        "9971001_CTF_9984001_001.xml",
        foreign.as_bytes(),
    );
    assert_eq!(pass(&old, "old-school").status.code(), Some(1));
    let reason = std::fs::read_to_string(old.join("refused/9971001_CTF_9984001_001.xml.reason.txt")).unwrap();
    assert!(reason.contains("SENDER_NOT_SOURCE_SCHOOL"), "{reason}");
    put(&old.join("outbox"), "broken.xml", b"<CTfile>");
    assert_eq!(pass(&old, "old-school").status.code(), Some(1));
    let reason = std::fs::read_to_string(old.join("refused/broken.xml.reason.txt")).unwrap();
    assert!(reason.contains("not well-formed XML"), "{reason}");
    hub.stop();
}

#[test]
fn a_file_is_sent_listed_and_collected_from_the_command_line() {
    let hub = Hub::start();
    let sender = hub.path("old-school/client.toml");
    let receiver = hub.path("new-school/client.toml");
    let file = sample();
    let send = [
        "--json",
        "ctf",
        "send",
        text(&file),
        "--profile",
        text(&sender),
        "--left-on",
        "2026-07-17",
    ];
    let first = done(&send);
    let report: serde_json::Value = serde_json::from_str(&first).unwrap();
    assert_eq!(
        report[0]["pupils"][0]["receipt"]["clocks"][0]["rule"],
        "PUPIL_RECORD_15SD"
    );
    assert_eq!(done(&send), first, "sent again, it gets its first receipt");
    let listed = done(&["inbox", "list", "--profile", text(&receiver)]);
    assert!(listed.contains("1 waiting"), "{listed}");
    let out = hub.path("collected");
    let collect = [
        "--json",
        "inbox",
        "collect",
        "--out",
        text(&out),
        "--profile",
        text(&receiver),
    ];
    let collected: serde_json::Value = serde_json::from_str(&done(&collect)).unwrap();
    let written = std::fs::read(collected[0]["file"].as_str().unwrap()).unwrap();
    assert_eq!(written, std::fs::read(file).unwrap());
    assert!(done(&["inbox", "list", "--profile", text(&receiver)]).contains("0 waiting"));
    hub.stop();
}

#[test]
fn the_bench_measures_and_prints_its_ratios() {
    let folder = tempfile::tempdir().unwrap();
    let options = [
        "--seconds",
        "0.2",
        "--concurrency",
        "1,4",
        "--folder",
        text(folder.path()),
    ];
    let report: serde_json::Value =
        serde_json::from_str(&done(&[&["--json", "bench"], &options[..]].concat())).unwrap();
    let report = &report[0];
    assert_eq!(report["rows"].as_array().unwrap().len(), 10);
    for ratio in report["ratios"].as_array().unwrap() {
        assert!(ratio["value"].as_f64().unwrap() > 0.0, "{ratio}");
    }
}
