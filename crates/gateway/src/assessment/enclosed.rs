//! Documents that content names: they go with the exchange only when its envelope names them too.

use sendhub_contracts::assessment::v1 as wire;
use sendhub_contracts::refusal::Refusal;
use sendhub_contracts::types::v1::AttachmentReference;
use sendhub_domain::exchange::AttachmentId;

use crate::exchange::parties::{self, Sent, wrong};

/// Those of a request for advice.
///
/// # Errors
/// `INVALID_REQUEST` with every document that the envelope does not name, by its path.
pub(crate) fn request(sent: &Sent, content: &wire::AdviceRequestContent) -> Result<(), Refusal> {
    let views = content.family_views.as_ref();
    let views = views.map(|views| views.documents.as_slice()).unwrap_or_default();
    check(
        sent,
        each("content.family_views.documents", views).chain(each(
            "content.sen_support_evidence",
            &content.sen_support_evidence,
        )),
    )
}

/// Those of advice.
///
/// # Errors
/// `INVALID_REQUEST` with every document that the envelope does not name, by its path.
pub(crate) fn advice(sent: &Sent, content: &wire::AdviceContent) -> Result<(), Refusal> {
    let withheld = content.withheld_parts.iter().enumerate().map(|(at, part)| {
        let path = format!("content.withheld_parts[{at}].redacted_copy");
        (path, part.redacted_copy.as_ref())
    });
    let document = ("content.document".to_owned(), content.document.as_ref());
    check(sent, std::iter::once(document).chain(withheld))
}

/// Documents under a path.
fn each<'a>(
    path: &'a str,
    documents: &'a [AttachmentReference],
) -> impl Iterator<Item = (String, Option<&'a AttachmentReference>)> {
    documents
        .iter()
        .enumerate()
        .map(move |(at, document)| (format!("{path}[{at}]"), Some(document)))
}

/// A document that content names goes with the exchange only when the envelope names it too: otherwise its recipient
/// would be told of what it cannot have.
fn check<'a>(
    sent: &Sent,
    named: impl Iterator<Item = (String, Option<&'a AttachmentReference>)>,
) -> Result<(), Refusal> {
    let missing: Vec<_> = named
        .filter_map(|(path, document)| Some((path, document?)))
        .filter(|(_, document)| {
            parties::named("attachments", &document.attachment)
                .is_none_or(|id| !sent.attachments.contains(&AttachmentId(id)))
        })
        .map(|(path, _)| wrong(path, "is not among envelope.attachments"))
        .collect();
    if missing.is_empty() {
        Ok(())
    } else {
        Err(Refusal::fields(missing))
    }
}
