//! A whole file as a tree: every element, attribute and text kept, known or not.

use quick_xml::Reader;
use quick_xml::events::{BytesStart, Event};

use crate::problem::{Code, Problem, Severity};
use crate::profile::Profiles;
use crate::scan::scan;

/// One element with all that is in it. `Debug` shows names only.
#[derive(Clone, PartialEq, Eq)]
pub struct Element {
    /// Its name as written, prefix included.
    pub name: String,
    /// Its attributes, in order.
    pub attributes: Vec<(String, String)>,
    /// What is in it, in order.
    pub content: Vec<Node>,
}

/// A part of an element's content.
#[derive(Clone, PartialEq, Eq)]
pub enum Node {
    /// A child.
    Element(Element),
    /// Text with entities resolved.
    Text(String),
}

impl std::fmt::Debug for Element {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Element({}, {} parts)", self.name, self.content.len())
    }
}

impl std::fmt::Debug for Node {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Element(element) => element.fmt(f),
            Self::Text(_) => f.write_str("Text(..)"),
        }
    }
}

impl Element {
    fn new(start: &BytesStart<'_>) -> Option<Self> {
        let mut attributes = Vec::new();
        for attribute in start.attributes() {
            let attribute = attribute.ok()?;
            let value = quick_xml::escape::unescape(&attribute.value).ok()?.into_owned();
            attributes.push((attribute.key.as_ref().to_owned(), value));
        }
        Some(Self {
            name: start.name().as_ref().to_owned(),
            attributes,
            content: Vec::new(),
        })
    }

    /// The element's children.
    pub fn children(&self) -> impl Iterator<Item = &Self> {
        self.content.iter().filter_map(|node| match node {
            Node::Element(element) => Some(element),
            Node::Text(_) => None,
        })
    }

    /// The element's own text.
    #[must_use]
    pub fn text(&self) -> String {
        self.content
            .iter()
            .filter_map(|node| match node {
                Node::Text(text) => Some(text.as_str()),
                Node::Element(_) => None,
            })
            .collect()
    }

    fn add_text(&mut self, part: &str) {
        match self.content.last_mut() {
            Some(Node::Text(text)) => text.push_str(part),
            _ => self.content.push(Node::Text(part.to_owned())),
        }
    }
}

/// Reads a file into a tree. The same bounds hold as for [`scan`], which judges it first; comments and processing
/// instructions are not data and are left out.
///
/// # Errors
/// The problems for which the file has no tree: it is not well-formed, too large, has a document type, or is not a
/// Common Transfer File. What is wrong in its content is no hindrance here.
pub fn parse(bytes: &[u8], profiles: &Profiles) -> Result<Element, Vec<Problem>> {
    let hindrances = [
        Code::NotXml,
        Code::NotUtf8,
        Code::DtdPresent,
        Code::EntityRefused,
        Code::TooLarge,
        Code::WrongRoot,
    ];
    let (_, mut problems) = scan(bytes, profiles);
    problems.retain(|problem| hindrances.contains(&problem.code));
    if !problems.is_empty() {
        return Err(problems);
    }
    std::str::from_utf8(bytes)
        .ok()
        .and_then(|text| read(text.trim_start_matches('\u{feff}')))
        .ok_or_else(|| {
            vec![Problem {
                severity: Severity::Error,
                code: Code::NotXml,
                pupil: None,
                path: "the file".into(),
                message: "is not well-formed XML".into(),
            }]
        })
}

fn read(text: &str) -> Option<Element> {
    let mut reader = Reader::from_str(text);
    let mut open: Vec<Element> = Vec::new();
    loop {
        let closed = match reader.read_event().ok()? {
            Event::Start(start) => {
                open.push(Element::new(&start)?);
                None
            }
            Event::Empty(start) => Some(Element::new(&start)?),
            Event::End(_) => Some(open.pop()?),
            Event::Text(part) => {
                if let Some(element) = open.last_mut() {
                    element.add_text(&part);
                }
                None
            }
            Event::CData(part) => {
                open.last_mut()?.add_text(&part);
                None
            }
            Event::GeneralRef(reference) => {
                let letter = match &*reference {
                    "lt" => '<',
                    "gt" => '>',
                    "amp" => '&',
                    "apos" => '\'',
                    "quot" => '"',
                    _ => reference.resolve_char_ref().ok().flatten()?,
                };
                open.last_mut()?.add_text(letter.encode_utf8(&mut [0; 4]));
                None
            }
            Event::Eof => return None,
            Event::Decl(_) | Event::DocType(_) | Event::Comment(_) | Event::PI(_) => None,
        };
        if let Some(element) = closed {
            match open.last_mut() {
                Some(parent) => parent.content.push(Node::Element(element)),
                None => return Some(element),
            }
        }
    }
}
