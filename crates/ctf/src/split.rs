//! Splitting a file of many pupils into files of one, byte for byte, and joining them again.

use crate::scan::Scan;

/// One document a pupil: everything before the first pupil, the pupil's own bytes, everything after the last.
/// A file of one pupil comes back as it is. What stands between pupils (white space, comments) goes with none.
#[must_use]
pub fn split(bytes: &[u8], scan: &Scan) -> Vec<Vec<u8>> {
    let (Some(first), Some(last)) = (scan.pupils.first(), scan.pupils.last()) else {
        return Vec::new();
    };
    if scan.pupils.len() == 1 {
        return vec![bytes.to_vec()];
    }
    let (before, after) = (&bytes[..first.span.start], &bytes[last.span.end..]);
    scan.pupils
        .iter()
        .map(|pupil| [before, &bytes[pupil.span.clone()], after].concat())
        .collect()
}

/// Joins one-pupil documents whose surroundings are the same, in the order given; `None` when they differ, and
/// the documents must stay apart. Nothing of a pupil is touched.
#[must_use]
pub fn join(documents: &[(&[u8], &Scan)]) -> Option<Vec<u8>> {
    let ((first, scan), rest) = documents.split_first()?;
    let span = &scan.pupils.first()?.span;
    let (before, after) = (&first[..span.start], &first[span.end..]);
    let mut joined = first[..span.end].to_vec();
    for (document, scan) in rest {
        let [pupil] = scan.pupils.as_slice() else {
            return None;
        };
        if &document[..pupil.span.start] != before || &document[pupil.span.end..] != after {
            return None;
        }
        joined.extend_from_slice(b"\n    ");
        joined.extend_from_slice(&document[pupil.span.clone()]);
    }
    joined.extend_from_slice(after);
    Some(joined)
}
