//! Which kinds of file an attachment may be, and whether its bytes are what its media type says.
//!
//! The check is of the first bytes, and for text of all of them. It keeps out what is plainly another thing; it
//! does not say that a file is well formed or harmless: recipients treat every attachment as untrusted.

/// How much of the beginning is looked at.
const HEAD_BYTES: usize = 16 * 1024;

/// What the bytes of a media type must look like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Shape {
    Pdf,
    Png,
    Jpeg,
    Text,
    Html,
    Xml,
    FhirXml,
    Json,
    FhirJson,
    Rtf,
    Docx,
    Odt,
}

/// Every media type whose content can be checked.
const KNOWN: [(&str, Shape); 14] = [
    ("application/pdf", Shape::Pdf),
    ("image/png", Shape::Png),
    ("image/jpeg", Shape::Jpeg),
    ("text/plain", Shape::Text),
    ("text/html", Shape::Html),
    ("application/xml", Shape::Xml),
    ("text/xml", Shape::Xml),
    ("application/fhir+xml", Shape::FhirXml),
    ("application/json", Shape::Json),
    ("application/fhir+json", Shape::FhirJson),
    ("application/rtf", Shape::Rtf),
    ("text/rtf", Shape::Rtf),
    (
        "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
        Shape::Docx,
    ),
    ("application/vnd.oasis.opendocument.text", Shape::Odt),
];

/// A media type whose content can be checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MediaType {
    name: &'static str,
    shape: Shape,
}

impl MediaType {
    /// Reads a media type as it stands in a header. Upper and lower case are the same; of parameters only
    /// `charset=utf-8` and FHIR's `fhirVersion` are taken, and neither is kept. None when it is not one of
    /// those whose content can be checked.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let mut parts = text.split(';').map(str::trim);
        let name = parts.next()?;
        let harmless = |parameter: &str| {
            parameter.split_once('=').is_some_and(|(key, value)| {
                key.eq_ignore_ascii_case("fhirVersion")
                    || key.eq_ignore_ascii_case("charset")
                        && value.trim_matches('"').eq_ignore_ascii_case("utf-8")
            })
        };
        if !parts.all(harmless) {
            return None;
        }
        KNOWN
            .iter()
            .find(|(known, _)| known.eq_ignore_ascii_case(name))
            .map(|&(name, shape)| Self { name, shape })
    }

    /// The type's name, in lower case and without parameters.
    #[must_use]
    pub const fn name(self) -> &'static str {
        self.name
    }

    /// All that can be checked.
    pub(super) fn all() -> impl Iterator<Item = Self> {
        KNOWN.iter().map(|&(name, shape)| Self { name, shape })
    }
}

/// The bytes are not what the media type says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Mismatch;

/// Watches the bytes of one attachment go by.
#[derive(Debug)]
pub(super) struct Sniffer {
    shape: Shape,
    head: Vec<u8>,
    judged: bool,
    utf8: Option<Utf8>,
}

impl Sniffer {
    pub(super) fn new(media_type: MediaType) -> Self {
        let utf8 = matches!(
            media_type.shape,
            Shape::Text | Shape::Html | Shape::Xml | Shape::FhirXml | Shape::Json | Shape::FhirJson
        );
        Self {
            shape: media_type.shape,
            head: Vec::new(),
            judged: false,
            utf8: utf8.then(Utf8::default),
        }
    }

    /// Takes the next bytes; says so as soon as they cannot be right.
    pub(super) fn feed(&mut self, bytes: &[u8]) -> Result<(), Mismatch> {
        if let Some(utf8) = &mut self.utf8
            && (bytes.contains(&0) || !utf8.feed(bytes))
        {
            return Err(Mismatch);
        }
        if !self.judged {
            let wanted = (HEAD_BYTES - self.head.len()).min(bytes.len());
            self.head.extend_from_slice(&bytes[..wanted]);
            if self.head.len() == HEAD_BYTES {
                self.judge()?;
            }
        }
        Ok(())
    }

    /// Says whether all that went by was right.
    pub(super) fn end(&mut self) -> Result<(), Mismatch> {
        if !self.judged {
            self.judge()?;
        }
        match &self.utf8 {
            Some(utf8) if !utf8.is_whole() => Err(Mismatch),
            _ => Ok(()),
        }
    }

    fn judge(&mut self) -> Result<(), Mismatch> {
        self.judged = true;
        let head = std::mem::take(&mut self.head);
        if fits(self.shape, &head) {
            Ok(())
        } else {
            Err(Mismatch)
        }
    }
}

fn fits(shape: Shape, head: &[u8]) -> bool {
    let text = head
        .strip_prefix(b"\xEF\xBB\xBF")
        .unwrap_or(head)
        .trim_ascii_start();
    match shape {
        Shape::Pdf => head.starts_with(b"%PDF-"),
        Shape::Png => head.starts_with(b"\x89PNG\r\n\x1A\n") && head.get(12..16) == Some(b"IHDR"),
        Shape::Jpeg => head.starts_with(b"\xFF\xD8\xFF"),
        Shape::Rtf => head.starts_with(b"{\\rtf"),
        // UTF-8 without NUL is checked beside this; control characters other than layout mean a binary form.
        Shape::Text => {
            !head.starts_with(b"%PDF-")
                && !head.starts_with(b"{\\rtf")
                && !head.starts_with(b"PK\x03\x04")
                && head
                    .iter()
                    .all(|b| !b.is_ascii_control() || matches!(b, b'\t' | b'\n' | b'\r' | 0x0C))
        }
        Shape::Html => text.starts_with(b"<") && (has(text, b"<!doctype html") || has(text, b"<html")),
        Shape::Xml => is_xml(text),
        Shape::FhirXml => is_xml(text) && has(text, b"http://hl7.org/fhir"),
        Shape::Json => matches!(text.first(), Some(b'{' | b'[')) && !text.starts_with(b"{\\rtf"),
        Shape::FhirJson => text.first() == Some(&b'{') && has(text, b"\"resourceType\""),
        Shape::Docx => is_word(head),
        Shape::Odt => is_odt(head),
    }
}

/// Whether a text stands in another, upper and lower case the same.
fn has(text: &[u8], wanted: &[u8]) -> bool {
    text.windows(wanted.len())
        .any(|window| window.eq_ignore_ascii_case(wanted))
}

fn is_xml(text: &[u8]) -> bool {
    match text.strip_prefix(b"<") {
        Some([next, ..]) => next.is_ascii_alphabetic() || matches!(next, b'?' | b'!' | b'_') || *next >= 0x80,
        _ => false,
    }
}

/// One entry of a ZIP file as its local header says: method, name, and what follows.
struct ZipEntry<'a> {
    method: u16,
    name: &'a [u8],
    content: &'a [u8],
}

/// The entry whose local header stands at the beginning of these bytes.
fn zip_entry(bytes: &[u8]) -> Option<ZipEntry<'_>> {
    let header = bytes.strip_prefix(b"PK\x03\x04")?;
    let number = |at: usize| Some(u16::from_le_bytes([*header.get(at)?, *header.get(at + 1)?]));
    let (name, extra) = (usize::from(number(22)?), usize::from(number(24)?));
    Some(ZipEntry {
        method: number(4)?,
        name: header.get(26..26 + name)?,
        content: header.get(26 + name + extra..)?,
    })
}

/// An Office Open XML package that does not say in its beginning that it is a workbook or a presentation. Which of
/// them it is stands, for certain, only in a part that may be anywhere in the file.
fn is_word(head: &[u8]) -> bool {
    const PARTS: [&[u8]; 5] = [
        b"[Content_Types].xml",
        b"_rels/",
        b"docProps/",
        b"word/",
        b"customXml/",
    ];
    let first = zip_entry(head).is_some_and(|one| PARTS.iter().any(|part| one.name.starts_with(part)));
    first
        && !(0..head.len())
            .filter_map(|at| zip_entry(&head[at..]))
            .any(|one| one.name.starts_with(b"xl/") || one.name.starts_with(b"ppt/"))
}

/// OpenDocument 1.2 part 3, section 3.3: the first entry is `mimetype`, stored, without extra field, and says which.
fn is_odt(head: &[u8]) -> bool {
    zip_entry(head).is_some_and(|one| {
        one.method == 0
            && one.name == b"mimetype"
            && one
                .content
                .strip_prefix(b"application/vnd.oasis.opendocument.text")
                .is_some_and(|rest| rest.starts_with(b"PK"))
    })
}

/// Whether bytes that come in pieces are UTF-8: a character may be cut by a piece's end.
#[derive(Debug, Default)]
struct Utf8 {
    begun: Vec<u8>,
}

impl Utf8 {
    fn feed(&mut self, mut bytes: &[u8]) -> bool {
        while let (false, Some((&next, rest))) = (self.begun.is_empty(), bytes.split_first()) {
            self.begun.push(next);
            bytes = rest;
            match std::str::from_utf8(&self.begun) {
                Ok(_) => self.begun.clear(),
                Err(error) if error.error_len().is_none() => {}
                Err(_) => return false,
            }
        }
        match std::str::from_utf8(bytes) {
            Ok(_) => true,
            Err(error) if error.error_len().is_none() => {
                self.begun.extend_from_slice(&bytes[error.valid_up_to()..]);
                true
            }
            Err(_) => false,
        }
    }

    const fn is_whole(&self) -> bool {
        self.begun.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn zip(name: &str, content: &[u8]) -> Vec<u8> {
        let mut bytes = b"PK\x03\x04\x14\0\0\0\0\0".to_vec();
        bytes.resize(26, 0);
        bytes.extend([u8::try_from(name.len()).unwrap(), 0, 0, 0]);
        bytes.extend(name.as_bytes());
        bytes.extend(content);
        bytes
    }

    fn check(media_type: &str, bytes: &[u8]) -> bool {
        // In one piece and byte by byte: where a piece ends must not matter.
        let judge = |step: usize| {
            let mut sniffer = Sniffer::new(MediaType::parse(media_type).unwrap());
            bytes
                .chunks(step)
                .try_for_each(|piece| sniffer.feed(piece))
                .and_then(|()| sniffer.end())
                .is_ok()
        };
        let whole = judge(bytes.len().max(1));
        assert_eq!(whole, judge(1), "{media_type}");
        whole
    }

    #[test]
    fn content_fits_its_own_type_and_no_other() {
        let word = "application/vnd.openxmlformats-officedocument.wordprocessingml.document";
        let odt = "application/vnd.oasis.opendocument.text";
        let samples: Vec<(&str, Vec<u8>, &[&str])> = vec![
            ("application/pdf", b"%PDF-1.7\n%\xE2\xE3\xCF\xD3\n".to_vec(), &[]),
            ("image/png", b"\x89PNG\r\n\x1A\n\0\0\0\x0DIHDR\0".to_vec(), &[]),
            ("image/jpeg", b"\xFF\xD8\xFF\xE0\0\x10JFIF".to_vec(), &[]),
            ("text/plain", "Zoë sat up.\n".into(), &[]),
            (
                "text/html",
                b"<!-- x --><!DOCTYPE html><title>x</title>".to_vec(),
                &["text/plain", "application/xml", "text/xml"],
            ),
            (
                "application/xml",
                b"\xEF\xBB\xBF<?xml version=\"1.0\"?><a/>".to_vec(),
                &["text/plain", "text/xml"],
            ),
            (
                "application/fhir+xml",
                b"<Bundle xmlns=\"http://hl7.org/fhir\"/>".to_vec(),
                &["text/plain", "application/xml", "text/xml"],
            ),
            ("application/json", b" [1]".to_vec(), &["text/plain"]),
            (
                "application/fhir+json",
                b"{\"resourceType\": \"Bundle\"}".to_vec(),
                &["text/plain", "application/json"],
            ),
            ("application/rtf", b"{\\rtf1\\ansi x}".to_vec(), &["text/rtf"]),
            (word, zip("[Content_Types].xml", b"x"), &[]),
            (
                odt,
                zip("mimetype", b"application/vnd.oasis.opendocument.textPK"),
                &[],
            ),
        ];
        for (own, bytes, also) in &samples {
            for media_type in MediaType::all() {
                let name = media_type.name();
                let wanted = name == *own || also.contains(&name);
                assert_eq!(check(name, bytes), wanted, "{own} given as {name}");
            }
        }
    }

    #[test]
    fn near_misses_are_refused() {
        let word = "application/vnd.openxmlformats-officedocument.wordprocessingml.document";
        let odt = "application/vnd.oasis.opendocument.text";
        let mut workbook = zip("[Content_Types].xml", b"x");
        workbook.extend(zip("xl/workbook.xml", b"x"));
        let cases: [(&str, Vec<u8>); 9] = [
            (word, workbook),
            (word, zip("run.exe", b"x")),
            (
                odt,
                zip("mimetype", b"application/vnd.oasis.opendocument.text-templatePK"),
            ),
            ("text/plain", b"MZ\x90\0".to_vec()),
            ("text/plain", b"caf\xE9".to_vec()),
            ("text/plain", b"cut in a character \xC3".to_vec()),
            ("text/plain", [vec![b'a'; HEAD_BYTES + 5], vec![0xFF]].concat()),
            ("application/json", b"\"text\"".to_vec()),
            ("application/pdf", b"".to_vec()),
        ];
        for (media_type, bytes) in cases {
            assert!(!check(media_type, &bytes), "{media_type}");
        }
    }

    #[test]
    fn only_types_that_can_be_checked_are_read() {
        for (text, name) in [
            ("Application/PDF", Some("application/pdf")),
            ("text/plain; charset=UTF-8", Some("text/plain")),
            (
                "application/fhir+json; fhirVersion=4.0",
                Some("application/fhir+json"),
            ),
            ("text/plain; charset=windows-1252", None),
            ("application/x-msdownload", None),
            ("", None),
        ] {
            assert_eq!(MediaType::parse(text).map(MediaType::name), name, "{text}");
        }
    }
}
