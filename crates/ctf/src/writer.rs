//! The strict writer: one form for every file. Known elements stand in the order of the profile, unknown ones are kept
//! after them, and nothing that was data is dropped or guessed.

use crate::profile::Profiles;
use crate::tree::{Element, Node};

/// Writes a file: UTF-8 without a mark, a declaration, line feeds, two spaces a level. With a version, the header says
/// it and sex stands in that version's element wherever its code is on that element's list.
#[must_use]
pub fn write(root: &Element, version: Option<&str>, profiles: &Profiles) -> Vec<u8> {
    let mut root = root.clone();
    if let Some(version) = version {
        set_version(&mut root, version);
        if let Some(element) = profiles.sex_element.get(version) {
            name_sex(&mut root, element, profiles);
        }
    }
    let mut out = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
    element(&root, 0, profiles, &mut out);
    out.into_bytes()
}

fn set_version(root: &mut Element, version: &str) {
    let header = root.content.iter_mut().find_map(|node| match node {
        Node::Element(element) if element.name == "Header" => Some(element),
        _ => None,
    });
    let Some(header) = header else { return };
    for node in &mut header.content {
        if let Node::Element(element) = node
            && element.name == "CTFversion"
        {
            element.content = vec![Node::Text(version.to_owned())];
        }
    }
}

/// Renames sex elements everywhere (pupils and contacts), but never to a list that does not have the code.
fn name_sex(at: &mut Element, wanted: &str, profiles: &Profiles) {
    let both =
        at.children().any(|child| child.name == "Sex") && at.children().any(|child| child.name == "Gender");
    for node in &mut at.content {
        let Node::Element(child) = node else { continue };
        if matches!(child.name.as_str(), "Sex" | "Gender") && !both {
            let code = child.text();
            let listed = profiles
                .codes
                .get(wanted)
                .is_some_and(|codes| codes.iter().any(|known| *known == code.trim()));
            if listed {
                child.name = wanted.to_owned();
            }
        }
        name_sex(child, wanted, profiles);
    }
}

fn element(element: &Element, depth: usize, profiles: &Profiles, out: &mut String) {
    out.extend(std::iter::repeat_n("  ", depth));
    out.push('<');
    out.push_str(&element.name);
    for (name, value) in &element.attributes {
        out.push_str(&format!(" {name}=\"{}\"", escape(value, true)));
    }
    let has_children = element.children().next().is_some();
    let text = element.text();
    if has_children && text.trim().is_empty() {
        out.push_str(">\n");
        for child in ordered(element, profiles) {
            self::element(child, depth + 1, profiles, out);
        }
        out.extend(std::iter::repeat_n("  ", depth));
    } else if element.content.is_empty() {
        out.push_str("/>\n");
        return;
    } else {
        // Text, or text and elements mixed: nothing may be moved or indented.
        out.push('>');
        content_as_it_is(element, out);
    }
    out.push_str(&format!("</{}>\n", element.name));
}

fn content_as_it_is(element: &Element, out: &mut String) {
    for node in &element.content {
        match node {
            Node::Text(text) => out.push_str(&escape(text, false)),
            Node::Element(child) => {
                out.push('<');
                out.push_str(&child.name);
                for (name, value) in &child.attributes {
                    out.push_str(&format!(" {name}=\"{}\"", escape(value, true)));
                }
                out.push('>');
                content_as_it_is(child, out);
                out.push_str(&format!("</{}>", child.name));
            }
        }
    }
}

/// Children in the profile's order; those it does not name stay in theirs, before the supplementary information.
fn ordered<'a>(element: &'a Element, profiles: &Profiles) -> Vec<&'a Element> {
    let mut children: Vec<&Element> = element.children().collect();
    let order = profiles.order.get(&element.name);
    children.sort_by_key(|child| {
        if child.name == "SuppInfo" {
            return usize::MAX;
        }
        order
            .and_then(|order| order.iter().position(|name| *name == child.name))
            .unwrap_or(usize::MAX - 1)
    });
    children
}

fn escape(text: &str, in_attribute: bool) -> String {
    let mut out = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' if in_attribute => out.push_str("&quot;"),
            // Written out, since a reader may turn them into something else.
            '\r' => out.push_str("&#13;"),
            '\n' | '\t' if in_attribute => out.push_str(&format!("&#{};", u32::from(letter))),
            letter => out.push(letter),
        }
    }
    out
}
