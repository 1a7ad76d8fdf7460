//! The strict writer: nothing is lost, the order is the profile's, and writing again changes nothing.

use sendhub_ctf::{Element, Profiles, check_file, parse, write};

const SAMPLES: [&[u8]; 4] = [
    include_bytes!("samples/9991001_CTF_9984001_001.xml"),
    include_bytes!("samples/9991001_CTF_XXXXXXX_001.xml"),
    include_bytes!("samples/previous_version_24_gender.xml"),
    include_bytes!("samples/temporary_upn.xml"),
];

/// Every leaf with its path, attributes and text, sorted: what a file says, whatever its order.
fn says(element: &Element, path: &str, out: &mut Vec<String>) {
    let path = format!("{path}/{} {:?}", element.name, element.attributes);
    if element.children().next().is_none() || !element.text().trim().is_empty() {
        out.push(format!("{path} = {}", element.text()));
    }
    element.children().for_each(|child| says(child, &path, out));
}

fn all(element: &Element) -> Vec<String> {
    let mut out = Vec::new();
    says(element, "", &mut out);
    out.sort();
    out
}

#[test]
fn what_is_written_says_the_same_and_is_written_the_same_again() {
    let profiles = Profiles::built_in().unwrap();
    for sample in SAMPLES {
        let root = parse(sample, &profiles).unwrap();
        let written = write(&root, None, &profiles);
        let again = parse(&written, &profiles).unwrap();
        assert_eq!(all(&root), all(&again));
        assert_eq!(write(&again, None, &profiles), written);
        let before = check_file(sample, None, &profiles);
        let after = check_file(&written, None, &profiles);
        assert_eq!(before.sendable(), after.sendable());
        assert_eq!(before.scan.header, after.scan.header);
    }
}

const UNORDERED: &str = r#"<CTfile>
<CTFpupilData><Pupil mark="a&quot;b">
  <SuppInfo><Own x="1">text <b>mixed</b> &amp; more</Own></SuppInfo>
  <Gender>F</Gender><DOB>2014-01-02</DOB><NewGroup><A>1</A><B/></NewGroup>
  <Forename>Ann</Forename><Surname>O&lt;N</Surname><UPN>A999900126009</UPN>
</Pupil></CTFpupilData>
<Header><CTFversion>24.0</CTFversion><DocumentName>Common Transfer File</DocumentName></Header>
</CTfile>"#;

#[test]
fn known_elements_are_put_in_order_and_unknown_ones_kept() {
    let profiles = Profiles::built_in().unwrap();
    let root = parse(UNORDERED.as_bytes(), &profiles).unwrap();
    let written = String::from_utf8(write(&root, Some("25.0"), &profiles)).unwrap();
    let at = |part: &str| {
        written
            .find(part)
            .unwrap_or_else(|| panic!("{part} in {written}"))
    };
    let order = [
        "<Header>",
        "<DocumentName>",
        "<CTFversion>25.0<",
        "<Pupil mark=\"a&quot;b\">",
        "<UPN>",
        "<Surname>O&lt;N<",
        "<Forename>",
        "<DOB>",
        "<Sex>F<",
        "<NewGroup>",
        "<SuppInfo>",
        "<Own x=\"1\">text <b>mixed</b> &amp; more</Own>",
    ];
    let places: Vec<usize> = order.into_iter().map(at).collect();
    assert!(places.is_sorted(), "{written}");
}

#[test]
fn a_sex_code_that_the_version_does_not_list_stays_where_it_is() {
    let profiles = Profiles::built_in().unwrap();
    let text = UNORDERED.replace("<Gender>F<", "<Gender>U<");
    let root = parse(text.as_bytes(), &profiles).unwrap();
    let written = String::from_utf8(write(&root, Some("25.0"), &profiles)).unwrap();
    assert!(
        written.contains("<Gender>U</Gender>") && !written.contains("<Sex>"),
        "{written}"
    );
}

#[test]
fn a_file_without_a_tree_is_refused_with_its_reasons() {
    let profiles = Profiles::built_in().unwrap();
    for bad in [
        &include_bytes!("samples/hostile/truncated.xml")[..],
        include_bytes!("samples/hostile/xxe.xml"),
        b"<x/>",
        b"\xff",
    ] {
        assert!(!parse(bad, &profiles).unwrap_err().is_empty());
    }
}
