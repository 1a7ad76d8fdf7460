//! A sharing agreement as the JSON document that the directory keeps.

use jiff::civil::Date;
use sendhub_domain::agency::AgencyId;
use sendhub_domain::agreement::{Agreement, AgreementId};
use sendhub_domain::disclosure::Item;
use serde::{Deserialize, Serialize};

use crate::store::StoreError;

#[derive(Serialize, Deserialize)]
struct Document {
    id: String,
    parties: Vec<String>,
    items: Vec<String>,
    purposes: Vec<String>,
    from: Date,
    until: Option<Date>,
    ended_on: Option<Date>,
    signed_by: Vec<String>,
}

const UNREADABLE: StoreError = StoreError::Corrupt("agreement");

/// The document of an agreement.
pub(crate) fn write(agreement: &Agreement) -> Result<String, StoreError> {
    let document = Document {
        id: agreement.id.to_string(),
        parties: agreement.parties.iter().map(ToString::to_string).collect(),
        items: agreement.items.iter().map(ToString::to_string).collect(),
        purposes: agreement.purposes.clone(),
        from: agreement.from,
        until: agreement.until,
        ended_on: agreement.ended_on,
        signed_by: agreement.signed_by.clone(),
    };
    serde_json::to_string(&document).map_err(|_| UNREADABLE)
}

/// The agreement of a document.
pub(crate) fn read(document: &str, revision: u64) -> Result<Agreement, StoreError> {
    let document: Document = serde_json::from_str(document).map_err(|_| UNREADABLE)?;
    let parties = document.parties.iter().map(|id| AgencyId::parse(id));
    let items = document.items.iter().map(|code| Item::from_code(code));
    Ok(Agreement {
        id: AgreementId::parse(&document.id).map_err(|_| UNREADABLE)?,
        revision,
        parties: parties.collect::<Result<_, _>>().map_err(|_| UNREADABLE)?,
        items: items.collect::<Option<_>>().ok_or(UNREADABLE)?,
        purposes: document.purposes,
        from: document.from,
        until: document.until,
        ended_on: document.ended_on,
        signed_by: document.signed_by,
    })
}
