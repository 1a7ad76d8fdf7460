//! Sharing agreements: without one, an exchange that rests on policy rather than duty does not run.

use sendhub_contracts::directory::v1 as wire;
use sendhub_contracts::errors::v1::Reason;
use sendhub_contracts::refusal::Refusal;
use sendhub_contracts::{convert, disclosure};
use sendhub_domain::agency::AgencyId;
use sendhub_domain::agreement::{Agreement, AgreementId};
use sendhub_domain::event::{EventKind, EventOutcome};
use sendhub_store::{CommitRefused, Conflict, Directory, Effect};
use tonic::Status;

use crate::assessment::steps::day;
use crate::exchange::parties::wrong;
use crate::hub::{Hub, commit_refusal, store_refusal};
use crate::identity::Caller;

/// Reads an agreement; everything wrong is named.
///
/// # Errors
/// `INVALID_REQUEST`, or `PARTIES_NOT_FOUND` when a party is not in the directory.
pub(crate) fn read(asked: &wire::Agreement, directory: &Directory) -> Result<Agreement, Refusal> {
    let mut out = Vec::new();
    let id = AgreementId::parse(&asked.agreement_id);
    if let Err(error) = &id {
        out.push(wrong("agreement.agreement_id", error.to_string()));
    }
    let mut unknown = Vec::new();
    let mut parties = Vec::with_capacity(asked.parties.len());
    for (index, party) in asked.parties.iter().enumerate() {
        match AgencyId::parse(party) {
            Ok(party) if directory.agency(&party).is_some() => parties.push(party),
            Ok(_) => unknown.push(format!("agreement.parties[{index}]")),
            Err(error) => out.push(wrong(format!("agreement.parties[{index}]"), error.to_string())),
        }
    }
    parties.sort();
    parties.dedup();
    if parties.len() < 2 && unknown.is_empty() {
        out.push(wrong(
            "agreement.parties",
            "an agreement has at least two parties",
        ));
    }
    let from = day(asked.valid_from.as_ref());
    let until = day(asked.valid_until.as_ref());
    if from.zip(until).is_some_and(|(from, until)| until < from) {
        out.push(wrong("agreement.valid_until", "is before valid_from"));
    }
    let signed_by = asked
        .signed_by
        .iter()
        .map(|one| format!("{}: {}", one.agency_id, one.signed_by))
        .collect();
    let (Ok(id), Some(from), true) = (id, from, out.is_empty()) else {
        if from.is_none() {
            out.push(wrong("agreement.valid_from", "is required"));
        }
        return Err(Refusal::fields(out));
    };
    if !unknown.is_empty() {
        return Err(Refusal::new(
            Reason::PartiesNotFound,
            format!("{}: no such agency is in the directory", unknown.join(", ")),
        ));
    }
    Ok(Agreement {
        id,
        revision: asked.revision,
        parties,
        items: asked.items().filter_map(disclosure::item).collect(),
        purposes: asked.purposes.clone(),
        from,
        until,
        ended_on: None,
        signed_by,
    })
}

/// An agreement for the wire.
pub(crate) fn wire(agreement: &Agreement) -> wire::Agreement {
    wire::Agreement {
        agreement_id: agreement.id.to_string(),
        parties: agreement.parties.iter().map(ToString::to_string).collect(),
        items: agreement
            .items
            .iter()
            .map(|item| disclosure::wire_item(*item).into())
            .collect(),
        purposes: agreement.purposes.clone(),
        valid_from: Some(convert::wire_date(agreement.from)),
        valid_until: agreement.until.map(convert::wire_date),
        signed_by: agreement
            .signed_by
            .iter()
            .map(|text| {
                let (agency_id, signed_by) = text.split_once(": ").unwrap_or(("", text));
                wire::AgreementSignature {
                    agency_id: agency_id.to_owned(),
                    signed_by: signed_by.to_owned(),
                    ..wire::AgreementSignature::default()
                }
            })
            .collect(),
        revision: agreement.revision,
        ended_on: agreement.ended_on.map(convert::wire_date),
        ..wire::Agreement::default()
    }
}

/// There is no such agreement.
pub(crate) fn not_found() -> Refusal {
    Refusal::new(Reason::AgreementNotFound, "there is no such sharing agreement")
}

impl Hub {
    /// Writes an agreement with its leaf and takes it up at once.
    pub(crate) async fn put_agreement(
        &self,
        caller: &Caller,
        method: &'static str,
        mut agreement: Agreement,
    ) -> Result<Agreement, Status> {
        let expected = agreement.revision;
        agreement.revision = expected + 1;
        let mut event = self.event(EventKind::DirectoryChanged, EventOutcome::Success, caller, method);
        event.recipients.clone_from(&agreement.parties);
        event.facts.push(("agreement", agreement.id.to_string()));
        event.facts.push(("revision", agreement.revision.to_string()));
        let items: Vec<&str> = agreement.items.iter().map(|item| item.code()).collect();
        event.facts.push(("items", items.join(" ")));
        if let Some(ended) = agreement.ended_on {
            event.facts.push(("ended_on", ended.to_string()));
        }
        let effect = Effect::PutAgreement {
            agreement: Box::new(agreement.clone()),
            expected_revision: expected,
        };
        match self.record(&event, vec![effect]).await {
            Ok(_) => {}
            Err(CommitRefused::Conflict(conflict @ Conflict::AgreementRevision(_))) => {
                let refusal = commit_refusal(&CommitRefused::Conflict(conflict));
                event.outcome = EventOutcome::Refused;
                return Err(crate::hub::recorded(self.refuse(event, refusal).await));
            }
            Err(failure) => return Err(commit_refusal(&failure).into()),
        }
        self.refresh_directory()
            .await
            .map_err(|failure| Status::from(store_refusal(&failure)))?;
        Ok(agreement)
    }
}
