//! The command line as an office uses it: exit codes, every reason, and nothing else.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use sendhub_e2e::{samples, sendhub};

fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).unwrap()
}

#[test]
fn valid_files_end_with_0_and_hostile_ones_with_1_and_a_reason() {
    let (valid, hostile) = (samples(""), samples("hostile"));
    assert_eq!((valid.len(), hostile.len()), (4, 4));
    for file in valid {
        let done = sendhub(&["ctf", "check", file.to_str().unwrap()]);
        assert_eq!(done.status.code(), Some(0), "{}", text(&done.stdout));
    }
    for file in hostile {
        let done = sendhub(&["ctf", "check", file.to_str().unwrap()]);
        assert_eq!(done.status.code(), Some(1));
        assert!(text(&done.stdout).contains("error: "), "{}", text(&done.stdout));
        let json = sendhub(&["--json", "ctf", "check", file.to_str().unwrap()]);
        let report: serde_json::Value = serde_json::from_slice(&json.stdout).unwrap();
        assert_eq!(report[0]["sendable"], false);
        assert!(
            report[0]["problems"]
                .as_array()
                .is_some_and(|problems| !problems.is_empty())
        );
    }
}

#[test]
fn a_file_is_shown_for_people() {
    let file = samples("")
        .into_iter()
        .find(|path| path.to_str().unwrap().contains("9984001_001"))
        .unwrap();
    let done = sendhub(&["ctf", "show", file.to_str().unwrap()]);
    let shown = text(&done.stdout);
    for part in ["school 9984001", "Mock Primary", "EHC plan (E)", "2009-05-17"] {
        assert!(shown.contains(part), "{part} in {shown}");
    }
}

#[test]
fn what_cannot_be_looked_at_ends_with_2() {
    let gone = sendhub(&["ctf", "check", "no-such-file.xml"]);
    assert_eq!(gone.status.code(), Some(2));
    assert!(text(&gone.stderr).contains("no-such-file.xml"));
    assert_eq!(sendhub(&["audit", "verify", "no-such.db"]).status.code(), Some(2));
}

#[test]
fn a_configuration_with_faults_names_them() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("hub.toml");
    std::fs::write(&path, "[hub]\nnmae = \"x\"\n").unwrap();
    let done = sendhub(&["config", "check", "--config", path.to_str().unwrap()]);
    assert_eq!(done.status.code(), Some(1));
    assert!(text(&done.stdout).contains("nmae"), "{}", text(&done.stdout));
}
