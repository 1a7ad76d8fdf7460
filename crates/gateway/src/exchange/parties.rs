//! Who an exchange is about and who is to have it, read from its envelope; everything wrong is named at once.

use std::sync::Arc;

use sendhub_contracts::disclosure;
use sendhub_contracts::refusal::Refusal;
use sendhub_contracts::types::v1 as types;
use sendhub_contracts::validate::{At, Violation};
use sendhub_contracts::{convert, errors::v1::Reason};
use sendhub_domain::agency::{Agency, AgencyKind};
use sendhub_domain::disclosure::{BreakGlass, Ground, Item, RecipientRole};
use sendhub_domain::exchange::{AttachmentId, RequestId, RightsRecordId};
use sendhub_domain::person::PersonReference;
use uuid::Uuid;

use crate::hub::Hub;
use crate::judge::find;

/// One recipient of an exchange, in the part in which it receives it.
#[derive(Debug, Clone)]
pub(crate) struct Addressee {
    pub(crate) agency: Arc<Agency>,
    pub(crate) role: RecipientRole,
    /// What its copy holds.
    pub(crate) item: Item,
    /// Whether the service has seen for itself that the recipient has this part: that the plan names it, that it
    /// was asked. Where there is nothing to see the claim stands.
    pub(crate) shown: bool,
}

/// The envelope of an exchange, read.
#[derive(Debug, Clone)]
pub(crate) struct Sent {
    pub(crate) request: RequestId,
    pub(crate) person: PersonReference,
    pub(crate) case_reference: String,
    pub(crate) purpose: String,
    pub(crate) ground: Ground,
    /// Order, appeal, investigation or opinion reference.
    pub(crate) reference: String,
    pub(crate) break_glass: BreakGlass,
    pub(crate) glass_reason: String,
    pub(crate) recipients: Vec<(Arc<Agency>, RecipientRole)>,
    pub(crate) consents: Vec<RightsRecordId>,
    pub(crate) attachments: Vec<AttachmentId>,
}

/// A wrong field under a path.
pub(crate) fn wrong(field: impl Into<String>, description: impl Into<String>) -> Violation {
    Violation {
        field: field.into(),
        description: description.into(),
    }
}

/// A UUID under a collection's name: `exchanges/<uuid>`.
pub(crate) fn named(collection: &str, name: &str) -> Option<Uuid> {
    name.strip_prefix(collection)
        .and_then(|rest| rest.strip_prefix('/'))
        .and_then(|id| Uuid::try_parse(id).ok())
}

impl Hub {
    /// Reads an envelope.
    ///
    /// # Errors
    /// `INVALID_REQUEST` with every wrong field, or `RECIPIENT_NOT_REGISTERED`.
    pub(crate) fn sent(&self, envelope: Option<&types::Envelope>) -> Result<Sent, Refusal> {
        let mut out = Vec::new();
        let Some(envelope) = envelope else {
            return Err(Refusal::fields(vec![wrong("envelope", "is required")]));
        };
        let root = At::Root;
        let at = At::Field(&root, "envelope");
        let person = envelope
            .subject
            .as_ref()
            .and_then(|subject| convert::person(subject, &At::Field(&at, "subject"), &mut out));
        if person
            .as_ref()
            .is_some_and(|person| person.identifiers.is_empty())
            && out.is_empty()
        {
            out.push(wrong(
                "envelope.subject.identifiers",
                "needs at least one that is not a former one",
            ));
        }
        let (recipients, unknown) = self.recipients(envelope, &mut out);
        let claimed = envelope.ground.clone().unwrap_or_default();
        let ground = disclosure::ground(claimed.ground());
        let consents = ids("consents", "envelope.consents", &envelope.consents, &mut out);
        let names: Vec<String> = envelope
            .attachments
            .iter()
            .map(|attachment| attachment.attachment.clone())
            .collect();
        let attachments = ids("attachments", "envelope.attachments", &names, &mut out);
        let (Some(person), true) = (person, out.is_empty()) else {
            return Err(Refusal::fields(out));
        };
        if let Some(field) = unknown {
            return Err(Refusal::new(
                Reason::RecipientNotRegistered,
                format!("{field}: no such agency is in the directory"),
            )
            .remedy("Ask the hub's operator to register the agency, or name it by another identifier."));
        }
        let glass_reason = envelope
            .break_glass
            .as_ref()
            .map(|glass| glass.reason.clone())
            .unwrap_or_default();
        // The log is kept for ever, and this goes into it as it was written: under pressure people write names.
        let glass_reason = person.blotted(&glass_reason);
        Ok(Sent {
            request: RequestId(Uuid::try_parse(&envelope.request_id).unwrap_or_default()),
            person,
            case_reference: envelope.case_reference.clone(),
            purpose: envelope.purpose.clone(),
            ground,
            reference: claimed.reference,
            break_glass: if glass_reason.trim().is_empty() {
                BreakGlass::No
            } else {
                BreakGlass::WithReason
            },
            glass_reason,
            recipients,
            consents: consents.into_iter().map(RightsRecordId).collect(),
            attachments: attachments.into_iter().map(AttachmentId).collect(),
        })
    }

    fn recipients(
        &self,
        envelope: &types::Envelope,
        out: &mut Vec<Violation>,
    ) -> (Vec<(Arc<Agency>, RecipientRole)>, Option<String>) {
        let directory = self.directory.load();
        let mut unknown = None;
        let mut found: Vec<(Arc<Agency>, RecipientRole)> = Vec::with_capacity(envelope.recipients.len());
        for (index, one) in envelope.recipients.iter().enumerate() {
            let field = format!("envelope.recipients[{index}]");
            let Some(role) = disclosure::role(one.role()) else {
                out.push(wrong(format!("{field}.role"), "is required"));
                continue;
            };
            match find(&one.agency.clone().unwrap_or_default(), &directory) {
                Ok(Some(agency)) if agency.kind == AgencyKind::HubOperator => {
                    out.push(wrong(
                        format!("{field}.agency"),
                        "who runs the hub is never a recipient",
                    ));
                }
                Ok(Some(agency)) if found.iter().any(|(known, _)| known.id == agency.id) => {
                    out.push(wrong(format!("{field}.agency"), "is named twice"));
                }
                Ok(Some(agency)) => found.push((agency, role)),
                Ok(None) => {
                    unknown.get_or_insert(format!("{field}.agency"));
                }
                Err((part, description)) => out.push(wrong(format!("{field}.agency.{part}"), description)),
            }
        }
        (found, unknown)
    }
}

fn ids(collection: &str, field: &str, names: &[String], out: &mut Vec<Violation>) -> Vec<Uuid> {
    let mut found = Vec::with_capacity(names.len());
    for (index, name) in names.iter().enumerate() {
        match named(collection, name) {
            Some(id) => found.push(id),
            None => out.push(wrong(
                format!("{field}[{index}]"),
                format!("is not of the form {collection}/<uuid>"),
            )),
        }
    }
    found
}

/// Every recipient of the envelope with the same item; at least one.
///
/// # Errors
/// `INVALID_REQUEST` when there is none.
pub(crate) fn everyone(sent: &Sent, item: Item) -> Result<Vec<Addressee>, Refusal> {
    if sent.recipients.is_empty() {
        return Err(Refusal::fields(vec![wrong(
            "envelope.recipients",
            "must name at least one",
        )]));
    }
    Ok(sent
        .recipients
        .iter()
        .map(|(agency, role)| Addressee {
            agency: Arc::clone(agency),
            role: *role,
            item,
            shown: true,
        })
        .collect())
}
