//! The sample files, valid and hostile, and what real senders get wrong.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::fs;
use std::path::PathBuf;

use proptest::prelude::*;
use sendhub_ctf::{CheckReport, Code, Destination, Profiles, Severity, check_file, join, scan, split};

fn folder(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("tests/samples")
        .join(name)
}

fn files(name: &str) -> Vec<(String, Vec<u8>)> {
    let mut found: Vec<_> = fs::read_dir(folder(name))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.is_file())
        .map(|path| {
            (
                path.file_name().unwrap().to_str().unwrap().to_owned(),
                fs::read(&path).unwrap(),
            )
        })
        .collect();
    found.sort();
    found
}

fn check(bytes: &[u8]) -> CheckReport {
    check_file(bytes, None, &Profiles::built_in().unwrap())
}

fn codes(report: &CheckReport) -> Vec<Code> {
    report.errors().map(|problem| problem.code).collect()
}

/// A file with this header destination and these pupils.
fn file(destination: (&str, &str), pupils: &str) -> String {
    let (la, estab) = destination;
    format!(
        "<?xml version=\"1.0\" encoding=\"utf-8\"?><CTfile><Header><DocumentName>Common Transfer File</DocumentName>\
         <CTFversion>25.0</CTFversion><DateTime>2026-09-07T09:30:00</DateTime><DocumentQualifier>full</DocumentQualifier>\
         <SupplierID>x</SupplierID><SourceSchool><LEA>999</LEA><Estab>1001</Estab></SourceSchool><DestSchool><LEA>{la}</LEA>\
         <Estab>{estab}</Estab></DestSchool></Header><CTFpupilData>{pupils}</CTFpupilData></CTfile>"
    )
}

const IDA: &str = "<Pupil><UPN>N999100119031</UPN><Surname>Nowhere</Surname><Forename>Ida</Forename><DOB>2013-01-09</DOB><Sex>F</Sex></Pupil>";
const OTTO: &str = "<Pupil><UPN>V999100119035</UPN><Surname>Elsewhere</Surname><Forename>Otto</Forename><DOB>2012-02-03</DOB><Sex>M</Sex></Pupil>";

#[test]
fn every_valid_sample_can_be_sent() {
    let samples = files("");
    assert_eq!(samples.len(), 4);
    for (name, bytes) in samples {
        let report = check_file(&bytes, Some(&name), &Profiles::built_in().unwrap());
        assert!(report.sendable(), "{name}: {:?}", report.problems);
        assert_eq!(report.scan.pupils.len(), 1);
    }
}

#[test]
fn every_hostile_sample_is_refused_for_its_own_reason() {
    let expected = [
        ("bad_check_letter.xml", Code::BadUpn),
        ("dates_dd_mm_yyyy.xml", Code::BadDate),
        ("truncated.xml", Code::NotXml),
        ("xxe.xml", Code::DtdPresent),
    ];
    let samples = files("hostile");
    assert_eq!(samples.len(), expected.len());
    for ((name, bytes), (expected_name, code)) in samples.into_iter().zip(expected) {
        assert_eq!(name, expected_name);
        assert_eq!(codes(&check(&bytes)), [code], "{name}");
    }
}

#[test]
fn the_full_sample_is_understood() {
    let bytes = fs::read(folder("9991001_CTF_9984001_001.xml")).unwrap();
    let report = check(&bytes);
    let pupil = &report.scan.pupils[0];
    assert_eq!(pupil.former_surname.as_deref(), Some("Price"));
    assert_eq!(pupil.sen_provision.as_deref(), Some("E"));
    assert_eq!(pupil.service_child.as_deref(), Some("Y"));
    assert!(pupil.groups.iter().any(|group| group == "SuppInfo"));
    assert_eq!(report.scan.header.source_urn.as_deref(), Some("900875"));
    assert!(
        bytes[pupil.span.clone()].starts_with(b"<Pupil>") && bytes[pupil.span.clone()].ends_with(b"</Pupil>")
    );
}

#[test]
fn what_senders_get_wrong_is_named() {
    let table: Vec<(String, Vec<Code>)> = vec![
        (
            file(("998", "4001"), &format!("{IDA}{IDA}")),
            vec![Code::DuplicateUpn],
        ),
        (
            file(("XXX", "XXXX"), &format!("{IDA}{OTTO}")),
            vec![Code::LostPupilFileWithMany],
        ),
        (file(("998", "4001"), ""), vec![Code::NoPupils]),
        (file(("99", "4001"), IDA), vec![Code::HeaderFault]),
        (
            file(("998", "4001"), &IDA.replace("2013-01-09", "2013-02-30")),
            vec![Code::BadDate],
        ),
        (
            file(("998", "4001"), &IDA.replace("2013-01-09", "2027-01-09")),
            vec![Code::BadDate],
        ),
        (
            file(("998", "4001"), &IDA.replace("<Sex>F</Sex>", "")),
            vec![Code::Missing],
        ),
        (
            file(("998", "4001"), &IDA.replace("Nowhere", " ")),
            vec![Code::Missing],
        ),
        (
            file(("998", "4001"), &IDA.replace("N999100119031", "n999100119031")),
            vec![Code::BadUpn],
        ),
        (
            file(("998", "4001"), &IDA.replace("Ida", "&ida;")),
            vec![Code::EntityRefused, Code::Missing],
        ),
        (
            file(("998", "4001"), IDA).replace("CTfile", "ATfile"),
            vec![Code::WrongRoot],
        ),
        (
            file(("998", "4001"), IDA).replace("utf-8", "utf-16"),
            vec![Code::NotUtf8],
        ),
        (
            file(("998", "4001"), IDA).replace("2026-09-07T09:30:00", "07/09/2026"),
            vec![Code::HeaderFault],
        ),
        (file(("998", "4001"), &"<a>".repeat(40)), vec![Code::TooLarge]),
        (String::new(), vec![Code::NotXml]),
        (
            format!("{}<CTfile/>", file(("998", "4001"), IDA)),
            vec![Code::WrongRoot],
        ),
    ];
    for (text, expected) in table {
        assert_eq!(codes(&check(text.as_bytes())), expected, "{text}");
    }
    assert_eq!(codes(&check(b"\xff\xfe<\0C\0")), [Code::NotUtf8]);
}

#[test]
fn several_problems_are_all_reported_with_pupil_and_path() {
    let text = file(
        ("998", "4001"),
        &format!(
            "{}{}",
            IDA.replace("N9991", "A9991"),
            OTTO.replace("2012-02-03", "3.2.2012")
        ),
    );
    let report = check(text.as_bytes());
    let places: Vec<_> = report
        .errors()
        .map(|problem| (problem.pupil, problem.path.as_str()))
        .collect();
    assert_eq!(
        places,
        [
            (Some(1), "CTfile/CTFpupilData/Pupil[1]/UPN"),
            (Some(2), "CTfile/CTFpupilData/Pupil[2]/DOB")
        ]
    );
}

#[test]
fn what_real_exports_contain_is_accepted() {
    let plain = file(("998", "4001"), IDA);
    let prefixed = plain
        .replace("</", "\u{1}")
        .replace("<?", "\u{2}")
        .replace('<', "<ctf:")
        .replace('\u{1}', "</ctf:")
        .replace('\u{2}', "<?");
    for text in [
        format!("\u{feff}{plain}"),
        format!("\u{feff}{prefixed}"),
        prefixed,
        plain
            .replace("<Surname>", "<Surname >")
            .replace("<Pupil>", "<Pupil\r\n  é='1' >"),
        plain.replace("><", ">\r\n<"),
        plain.replace("<Surname>Nowhere", "<Surname><![CDATA[No]]>where"),
        plain.replace(
            "<CTFpupilData>",
            "<!-- made by a MIS --><?pi x?><CTFpupilData a=\"b\">",
        ),
        plain.replace("Nowhere", "O&apos;Brien &#x26; Co"),
        plain.replace("utf-8", "UTF-8"),
        plain.replace(
            "</Pupil>",
            "<SomethingNew><Deep>1</Deep></SomethingNew><Email/></Pupil>",
        ),
        plain.replace("<UPN>N999100119031</UPN>", ""),
    ] {
        let report = check(text.as_bytes());
        assert!(report.sendable(), "{text}: {:?}", report.problems);
    }
}

#[test]
fn a_name_that_disagrees_with_the_header_is_refused() {
    let text = file(("998", "4001"), IDA);
    let profiles = Profiles::built_in().unwrap();
    let judge = |name| check_file(text.as_bytes(), Some(name), &profiles);
    assert!(judge("9991001_CTF_9984001_007.xml").sendable());
    assert!(judge("whatever.xml").sendable());
    assert_eq!(
        codes(&judge("9991001_CTF_9984002_007.xml")),
        [Code::NameDiffersFromHeader]
    );
    assert_eq!(
        codes(&judge("9991002_CTF_9984001_007.xml")),
        [Code::NameDiffersFromHeader]
    );
}

#[test]
fn no_problem_repeats_a_value() {
    let text = file(
        ("998", "4001"),
        &IDA.replace("N9991", "A9991")
            .replace("2013-01-09", "09/01/2013")
            .replace("<Sex>F", "<Sex>Q"),
    );
    for problem in check(text.as_bytes()).problems {
        let shown = format!("{problem}");
        for value in ["9991001", "A999100119031", "Nowhere", "Ida", "09/01/2013"] {
            assert!(!shown.contains(value), "{shown}");
        }
    }
}

#[test]
fn a_file_cut_anywhere_is_refused_and_never_panics() {
    let bytes = fs::read(folder("9991001_CTF_9984001_001.xml")).unwrap();
    let end = bytes.len()
        - bytes
            .iter()
            .rev()
            .take_while(|byte| byte.is_ascii_whitespace())
            .count();
    for length in 0..end {
        assert!(!check(&bytes[..length]).sendable(), "cut at {length}");
    }
}

#[test]
fn a_file_of_many_splits_and_joins_without_loss() {
    let text = file(("998", "4001"), &format!("{IDA}\n    {OTTO}"));
    let profiles = Profiles::built_in().unwrap();
    let (whole, _) = scan(text.as_bytes(), &profiles);
    let parts = split(text.as_bytes(), &whole);
    assert_eq!(parts.len(), 2);
    let scans: Vec<_> = parts.iter().map(|part| scan(part, &profiles).0).collect();
    assert!(
        scans
            .iter()
            .all(|scan| scan.pupils.len() == 1 && scan.header.destination == whole.header.destination)
    );
    assert!(matches!(whole.header.destination, Some(Destination::School(_))));
    let documents: Vec<_> = parts.iter().map(Vec::as_slice).zip(&scans).collect();
    assert_eq!(join(&documents).unwrap(), text.as_bytes());
    let other = text.replace("25.0", "24.0");
    let (other_scan, _) = scan(other.as_bytes(), &profiles);
    assert_eq!(join(&[documents[0], (other.as_bytes(), &other_scan)]), None);
}

#[test]
fn warnings_do_not_stop_a_file() {
    let text = file(("998", "4001"), IDA).replace("25.0", "22.0");
    let report = check(text.as_bytes());
    assert!(report.sendable());
    assert!(
        report
            .problems
            .iter()
            .any(|problem| problem.severity == Severity::Warning && problem.code == Code::VersionUnexpected)
    );
}

proptest! {
    #[test]
    fn flipped_bytes_never_panic(at in 0_usize..4_000, bit in 0_u8..8) {
        let mut bytes = fs::read(folder("9991001_CTF_9984001_001.xml")).unwrap();
        bytes[at] ^= 1 << bit;
        let _ = check(&bytes);
    }
}
