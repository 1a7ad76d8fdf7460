//! An agency as the JSON document that the directory table keeps.

use jiff::Timestamp;
use sendhub_domain::agency::{
    Agency, AgencyCertificate, AgencyContact, AgencyId, AgencyIdentifiers, AgencyKind, AgencyStatus,
    SigningKey, Thumbprint, TokenAlgorithm,
};
use sendhub_domain::identifiers::{LaCode, LaEstab, OdsCode, Ukprn, Urn};
use serde::{Deserialize, Serialize};

use crate::store::StoreError;

#[derive(Serialize, Deserialize)]
struct Document {
    id: String,
    kind: String,
    name: String,
    status: String,
    urn: Option<String>,
    laestab: Option<String>,
    la_code: Option<String>,
    ods_code: Option<String>,
    ukprn: Option<String>,
    contacts: Vec<Contact>,
    certificates: Vec<Certificate>,
    signing_keys: Vec<Key>,
}

#[derive(Serialize, Deserialize)]
struct Contact {
    role: String,
    name: String,
    email: Option<String>,
    phone: Option<String>,
}

#[derive(Serialize, Deserialize)]
struct Certificate {
    thumbprint: String,
    label: String,
    added_at: Timestamp,
    revoked_at: Option<Timestamp>,
}

#[derive(Serialize, Deserialize)]
struct Key {
    key_id: String,
    algorithm: String,
    public_key: String,
    added_at: Timestamp,
    revoked_at: Option<Timestamp>,
}

const UNREADABLE: StoreError = StoreError::Corrupt("agency");

/// The document of an agency.
pub(crate) fn write(agency: &Agency) -> Result<String, StoreError> {
    let known = &agency.identifiers;
    let document = Document {
        id: agency.id.to_string(),
        kind: agency.kind.code().into(),
        name: agency.name.clone(),
        status: agency.status.code().into(),
        urn: known.urn.as_ref().map(ToString::to_string),
        laestab: known.laestab.as_ref().map(ToString::to_string),
        la_code: known.la_code.as_ref().map(ToString::to_string),
        ods_code: known.ods_code.as_ref().map(ToString::to_string),
        ukprn: known.ukprn.as_ref().map(ToString::to_string),
        contacts: agency
            .contacts
            .iter()
            .map(|one| Contact {
                role: one.role.clone(),
                name: one.name.clone(),
                email: one.email.clone(),
                phone: one.phone.clone(),
            })
            .collect(),
        certificates: agency
            .certificates
            .iter()
            .map(|one| Certificate {
                thumbprint: one.thumbprint.to_string(),
                label: one.label.clone(),
                added_at: one.added_at,
                revoked_at: one.revoked_at,
            })
            .collect(),
        signing_keys: agency
            .signing_keys
            .iter()
            .map(|one| Key {
                key_id: one.key_id.clone(),
                algorithm: one.algorithm.code().into(),
                public_key: to_hex(&one.public_key_der),
                added_at: one.added_at,
                revoked_at: one.revoked_at,
            })
            .collect(),
    };
    serde_json::to_string(&document).map_err(|_| UNREADABLE)
}

/// The agency of a document.
pub(crate) fn read(document: &str, revision: u64) -> Result<Agency, StoreError> {
    let document: Document = serde_json::from_str(document).map_err(|_| UNREADABLE)?;
    Ok(Agency {
        id: AgencyId::parse(&document.id).map_err(|_| UNREADABLE)?,
        kind: AgencyKind::from_code(&document.kind).ok_or(UNREADABLE)?,
        name: document.name,
        status: AgencyStatus::from_code(&document.status).ok_or(UNREADABLE)?,
        identifiers: AgencyIdentifiers {
            urn: optional(document.urn, Urn::parse)?,
            laestab: optional(document.laestab, LaEstab::parse)?,
            la_code: optional(document.la_code, LaCode::parse)?,
            ods_code: optional(document.ods_code, OdsCode::parse)?,
            ukprn: optional(document.ukprn, Ukprn::parse)?,
        },
        contacts: document
            .contacts
            .into_iter()
            .map(|one| AgencyContact {
                role: one.role,
                name: one.name,
                email: one.email,
                phone: one.phone,
            })
            .collect(),
        certificates: document
            .certificates
            .into_iter()
            .map(certificate)
            .collect::<Result<_, _>>()?,
        signing_keys: document
            .signing_keys
            .into_iter()
            .map(signing_key)
            .collect::<Result<_, _>>()?,
        revision,
    })
}

fn certificate(one: Certificate) -> Result<AgencyCertificate, StoreError> {
    let thumbprint = from_hex(&one.thumbprint)
        .and_then(|bytes| bytes.try_into().ok())
        .ok_or(UNREADABLE)?;
    Ok(AgencyCertificate {
        thumbprint: Thumbprint(thumbprint),
        label: one.label,
        added_at: one.added_at,
        revoked_at: one.revoked_at,
    })
}

fn signing_key(one: Key) -> Result<SigningKey, StoreError> {
    Ok(SigningKey {
        algorithm: TokenAlgorithm::from_code(&one.algorithm).ok_or(UNREADABLE)?,
        public_key_der: from_hex(&one.public_key).ok_or(UNREADABLE)?,
        key_id: one.key_id,
        added_at: one.added_at,
        revoked_at: one.revoked_at,
    })
}

fn optional<T, E>(
    text: Option<String>,
    parse: impl Fn(&str) -> Result<T, E>,
) -> Result<Option<T>, StoreError> {
    text.map(|text| parse(&text)).transpose().map_err(|_| UNREADABLE)
}

fn to_hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn from_hex(text: &str) -> Option<Vec<u8>> {
    (0..text.len())
        .step_by(2)
        .map(|at| u8::from_str_radix(text.get(at..at + 2)?, 16).ok())
        .collect()
}

/// The keys that an agency claims for itself alone: identifiers and unrevoked certificates.
pub(crate) fn claimed(agency: &Agency) -> Vec<(&'static str, String)> {
    let known = &agency.identifiers;
    let la_code = known
        .la_code
        .as_ref()
        .filter(|_| agency.kind == AgencyKind::LocalAuthority);
    let mut keys: Vec<(&'static str, Option<String>)> = vec![
        ("URN", known.urn.as_ref().map(ToString::to_string)),
        ("LAESTAB", known.laestab.as_ref().map(ToString::to_string)),
        ("LA_CODE", la_code.map(ToString::to_string)),
        ("ODS_CODE", known.ods_code.as_ref().map(ToString::to_string)),
        ("UKPRN", known.ukprn.as_ref().map(ToString::to_string)),
    ];
    keys.extend(
        agency
            .certificates
            .iter()
            .filter(|one| one.revoked_at.is_none())
            .map(|one| ("CERTIFICATE", Some(one.thumbprint.to_string()))),
    );
    keys.into_iter()
        .filter_map(|(system, value)| Some((system, value?)))
        .collect()
}
