//! One pass over a file: what it says of itself and of each pupil, where each pupil's bytes lie, and every
//! problem. Elements are known by name, in any order; what is not known is left where it is.

use std::fmt;
use std::ops::Range;

use jiff::civil::Date;
use quick_xml::Reader;
use quick_xml::events::{BytesStart, Event};

use crate::file_name::{Destination, Source};
use crate::problem::{Code, Problem, Severity};
use crate::profile::Profiles;
use crate::rules;

/// What a file says of itself.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Header {
    /// `CTFversion`, for instance `25.0`.
    pub version: Option<String>,
    /// `DateTime` as written.
    pub written_at: Option<String>,
    /// `DocumentQualifier`: whether it is the full record.
    pub full: Option<bool>,
    /// `SupplierID`.
    pub supplier: Option<String>,
    /// Who it comes from.
    pub source: Option<Source>,
    /// The source's URN.
    pub source_urn: Option<String>,
    /// The source's name.
    pub source_name: Option<String>,
    /// Where it goes.
    pub destination: Option<Destination>,
    /// The destination's URN.
    pub destination_urn: Option<String>,
}

/// What identifies a pupil. `Debug` shows nothing personal.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct PupilCore {
    /// `UPN` as written.
    pub upn: Option<String>,
    /// `UniqueLearnerNumber` as written.
    pub uln: Option<String>,
    /// `Surname`.
    pub surname: Option<String>,
    /// `Forename`.
    pub forename: Option<String>,
    /// `DOB`, when it is a date.
    pub born: Option<Date>,
    /// `FormerSurname`.
    pub former_surname: Option<String>,
    /// `FormerForename`.
    pub former_forename: Option<String>,
    /// The latest `SENprovision` code.
    pub sen_provision: Option<String>,
    /// `ServiceChild` as written; absent is not "no".
    pub service_child: Option<String>,
    /// Groups that are there, by element name, in the order of the file.
    pub groups: Vec<String>,
    /// Where the pupil's element lies in the file.
    pub span: Range<usize>,
}

impl fmt::Debug for PupilCore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PupilCore({} groups, {:?})", self.groups.len(), self.span)
    }
}

/// What one pass found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Scan {
    /// The header.
    pub header: Header,
    /// The pupils.
    pub pupils: Vec<PupilCore>,
}

/// Reads a file once. Problems are all there are, up to where the file stops being XML.
#[must_use]
pub fn scan(bytes: &[u8], profiles: &Profiles) -> (Scan, Vec<Problem>) {
    let mut walk = Walk::new(profiles);
    if bytes.len() > profiles.limits.bytes {
        walk.file_problem(Code::TooLarge, "is larger than the hub takes");
        return walk.finish();
    }
    let Ok(text) = std::str::from_utf8(bytes) else {
        walk.file_problem(Code::NotUtf8, "is not UTF-8");
        return walk.finish();
    };
    if text.contains('\0') {
        walk.file_problem(Code::NotXml, "holds a character that XML does not allow");
        return walk.finish();
    }
    walk.run(text);
    walk.finish()
}

/// The state of a pass.
pub(crate) struct Walk<'a, 't> {
    pub(crate) profiles: &'a Profiles,
    pub(crate) scan: Scan,
    pub(crate) problems: Vec<Problem>,
    /// Names of the open elements, as they stand in the file.
    pub(crate) path: Vec<&'t str>,
    /// Text of the innermost open element so far.
    text: String,
    /// Where the open pupil began.
    pupil_start: usize,
    /// Header fields as written, by path below `Header`.
    pub(crate) header: Vec<(String, String)>,
    /// The open pupil.
    pub(crate) pupil: Option<PupilCore>,
    /// Core elements seen in the open pupil.
    pub(crate) seen: Vec<&'t str>,
    root_seen: bool,
}

impl<'a, 't> Walk<'a, 't> {
    fn new(profiles: &'a Profiles) -> Self {
        Self {
            profiles,
            scan: Scan::default(),
            problems: Vec::new(),
            path: Vec::new(),
            text: String::new(),
            pupil_start: 0,
            header: Vec::new(),
            pupil: None,
            seen: Vec::new(),
            root_seen: false,
        }
    }

    fn run(&mut self, text: &'t str) {
        let mark = if text.starts_with('\u{feff}') { 3 } else { 0 };
        let mut reader = Reader::from_str(&text[mark..]);
        reader.config_mut().check_comments = true;
        loop {
            let before = position(&reader) + mark;
            match reader.read_event() {
                Ok(Event::Start(start)) => {
                    if !self.open(name(text, before, &start), before) {
                        return;
                    }
                }
                Ok(Event::Empty(start)) => {
                    if !self.open(name(text, before, &start), before) {
                        return;
                    }
                    self.close(position(&reader) + mark);
                }
                Ok(Event::End(_)) => self.close(position(&reader) + mark),
                Ok(Event::Text(part)) => self.add_text(&part),
                Ok(Event::CData(part)) => self.add_text(&part),
                Ok(Event::GeneralRef(reference)) => {
                    let known = match &*reference {
                        "lt" => Some('<'),
                        "gt" => Some('>'),
                        "amp" => Some('&'),
                        "apos" => Some('\''),
                        "quot" => Some('"'),
                        _ => reference.resolve_char_ref().ok().flatten(),
                    };
                    match known {
                        Some(letter) => self.add_text(letter.encode_utf8(&mut [0; 4])),
                        None => self.here(
                            Severity::Error,
                            Code::EntityRefused,
                            "uses an entity that the file would have to define",
                        ),
                    }
                }
                Ok(Event::Decl(declaration)) => {
                    let encoding = declaration.encoding();
                    let other = matches!(&encoding, Some(Ok(name)) if !name.eq_ignore_ascii_case("utf-8"));
                    if other {
                        self.file_problem(Code::NotUtf8, "declares another encoding than UTF-8");
                        return;
                    }
                }
                Ok(Event::DocType(_)) => {
                    self.file_problem(
                        Code::DtdPresent,
                        "has a document type declaration; none is allowed",
                    );
                    return;
                }
                Ok(Event::Comment(_) | Event::PI(_)) => {}
                Ok(Event::Eof) => {
                    if !self.path.is_empty() || !self.root_seen {
                        self.not_xml();
                    }
                    return;
                }
                Err(_) => return self.not_xml(),
            }
        }
    }

    fn not_xml(&mut self) {
        self.here(
            Severity::Error,
            Code::NotXml,
            "the file ends or breaks here: it is not well-formed XML",
        );
        // What was not read to its end is not known.
        self.pupil = None;
    }

    fn open(&mut self, name: &'t str, at: usize) -> bool {
        if self.path.is_empty() {
            if self.root_seen || name != "CTfile" {
                self.path.push(name);
                self.here(
                    Severity::Error,
                    Code::WrongRoot,
                    "a Common Transfer File is one CTfile element",
                );
                return false;
            }
            self.root_seen = true;
        }
        if self.path.len() >= self.profiles.limits.depth {
            self.here(
                Severity::Error,
                Code::TooLarge,
                "is nested deeper than the hub takes",
            );
            return false;
        }
        self.path.push(name);
        self.text.clear();
        if self.is(&["CTfile", "CTFpupilData", "Pupil"]) {
            if self.scan.pupils.len() as u64 >= u64::from(self.profiles.limits.pupils) {
                self.here(
                    Severity::Error,
                    Code::TooLarge,
                    "holds more pupils than the hub takes",
                );
                return false;
            }
            self.pupil_start = at;
            self.pupil = Some(PupilCore::default());
            self.seen.clear();
        }
        true
    }

    fn add_text(&mut self, part: &str) {
        if self.text.len() + part.len() > self.profiles.limits.text_bytes {
            if self.text.len() <= self.profiles.limits.text_bytes {
                self.here(
                    Severity::Error,
                    Code::TooLarge,
                    "holds more text than the hub takes",
                );
                self.text
                    .push_str(&"x".repeat(self.profiles.limits.text_bytes + 1 - self.text.len()));
            }
            return;
        }
        self.text.push_str(part);
    }

    fn close(&mut self, end: usize) {
        let mut text = std::mem::take(&mut self.text);
        let value = text.trim();
        if self.path.len() == 3 && self.path[1] == "CTFpupilData" && self.path[2] == "Pupil" {
            rules::end_of_pupil(self);
            if let Some(mut pupil) = self.pupil.take() {
                pupil.span = self.pupil_start..end;
                self.scan.pupils.push(pupil);
            }
        } else if self.pupil.is_some() {
            rules::pupil_element(self, value);
        } else if self.path.get(1).is_some_and(|name| *name == "Header") && self.path.len() > 2 {
            self.header.push((self.path[2..].join("/"), value.to_owned()));
        }
        text.clear();
        self.text = text;
        self.path.pop();
    }

    fn is(&self, path: &[&str]) -> bool {
        self.path == path
    }

    fn finish(mut self) -> (Scan, Vec<Problem>) {
        let stopped = self.problems.iter().any(|problem| {
            matches!(
                problem.code,
                Code::NotXml | Code::NotUtf8 | Code::DtdPresent | Code::WrongRoot | Code::TooLarge
            )
        });
        self.path.clear();
        rules::end_of_file(&mut self, stopped);
        (self.scan, self.problems)
    }

    /// The pupil being read, from 1.
    fn ordinal(&self) -> Option<u32> {
        self.pupil
            .is_some()
            .then(|| u32::try_from(self.scan.pupils.len() + 1).unwrap_or(u32::MAX))
    }

    /// Reports a problem with the innermost open element.
    pub(crate) fn here(&mut self, severity: Severity, code: Code, message: &str) {
        self.below(severity, code, "", message);
    }

    /// Reports a problem with an element of the innermost open one.
    pub(crate) fn below(&mut self, severity: Severity, code: Code, element: &str, message: &str) {
        let pupil = self.ordinal();
        let mut path = String::new();
        for (depth, name) in self.path.iter().enumerate() {
            if depth > 0 {
                path.push('/');
            }
            path.push_str(name);
            if depth == 2
                && let Some(pupil) = pupil
            {
                path.push_str(&format!("[{pupil}]"));
            }
        }
        if !element.is_empty() {
            if !path.is_empty() {
                path.push('/');
            }
            path.push_str(element);
        }
        if path.is_empty() {
            path.push_str("the file");
        }
        self.problems.push(Problem {
            severity,
            code,
            pupil,
            path,
            message: message.to_owned(),
        });
    }

    pub(crate) fn file_problem(&mut self, code: Code, message: &str) {
        self.problems.push(Problem {
            severity: Severity::Error,
            code,
            pupil: None,
            path: "the file".into(),
            message: message.to_owned(),
        });
    }
}

/// The local name of an element that begins at `at`, in the file's own text.
fn name<'t>(text: &'t str, at: usize, start: &BytesStart<'_>) -> &'t str {
    let begins = at + '<'.len_utf8();
    let whole = start.name().as_ref().len();
    let local = start.local_name().as_ref().len();
    text.get(begins + whole - local..begins + whole)
        .unwrap_or_default()
}

fn position(reader: &Reader<&[u8]>) -> usize {
    usize::try_from(reader.buffer_position()).unwrap_or(usize::MAX)
}
