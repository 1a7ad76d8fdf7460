//! From a Common Transfer File to requests: one a pupil, cut without loss, each with a request id that is the
//! same whenever the same file is sent again.

use aws_lc_rs::digest::{SHA256, digest};
use jiff::civil::Date;
use prost::Message as _;
use sendhub_contracts::convert::wire_date;
use sendhub_contracts::transfer::v1::{
    CtfBatch, CtfDocument, Destination, OpenDestination, SubmitTransferRequest, TransferContent,
    TransferKind, destination,
};
use sendhub_contracts::types::v1::agency_reference::Identifier;
use sendhub_contracts::types::v1::{
    AgencyReference, Envelope, IdentifierStatus, IdentifierSystem, LawfulBasis, PersonReference,
    SourceSystem, TypedIdentifier,
};
use sendhub_ctf::{CheckReport, Destination as Named, Profiles, PupilCore, check_file, split};
use sendhub_domain::identifiers::{Uln, Upn, UpnKind};

/// What a sender adds to a file.
#[derive(Debug, Clone, Default)]
pub struct Covering {
    /// The day on which the pupils ceased to be registered: starts the clock.
    pub left_on: Option<Date>,
    /// A reference that both sides know. Never a name.
    pub case_reference: String,
}

/// The requests that send a file.
///
/// # Errors
/// The [`CheckReport`] of a file that cannot be sent.
pub fn requests(
    bytes: &[u8],
    file_name: &str,
    covering: &Covering,
    profiles: &Profiles,
) -> Result<Vec<SubmitTransferRequest>, Box<CheckReport>> {
    let report = check_file(bytes, Some(file_name), profiles);
    let Some(named) = report
        .scan
        .header
        .destination
        .clone()
        .filter(|_| report.sendable())
    else {
        return Err(Box::new(report));
    };
    let documents = split(bytes, &report.scan);
    let file_sha256 = digest(&SHA256, bytes).as_ref().to_vec();
    let count = u32::try_from(documents.len()).unwrap_or(u32::MAX);
    let made = documents
        .into_iter()
        .zip(&report.scan.pupils)
        .zip(1..)
        .map(|((document, pupil), ordinal)| {
            let batch = (count > 1).then(|| CtfBatch {
                file_sha256: file_sha256.clone(),
                pupil_ordinal: ordinal,
                pupil_count: count,
            });
            let mut request = SubmitTransferRequest {
                envelope: Some(Envelope {
                    case_reference: covering.case_reference.clone(),
                    subject: Some(subject(pupil)),
                    purpose: "STATUTORY_TRANSFER".into(),
                    lawful_basis: Some(LawfulBasis {
                        provision: "SI 2005/1437 reg 9(3)".into(),
                        article_6: "6(1)(c)".into(),
                        ..LawfulBasis::default()
                    }),
                    source_system: Some(SourceSystem {
                        name: "sendhub".into(),
                        version: env!("CARGO_PKG_VERSION").into(),
                    }),
                    ..Envelope::default()
                }),
                content: Some(TransferContent {
                    kind: match report.scan.header.full {
                        Some(false) => TransferKind::Partial,
                        _ => TransferKind::Full,
                    }
                    .into(),
                    destination: Some(Destination {
                        place: Some(place(&named)),
                    }),
                    leaving_date: covering.left_on.map(wire_date),
                    ctf: Some(CtfDocument {
                        file_name: file_name.to_owned(),
                        content: document.into(),
                        batch,
                    }),
                    ..TransferContent::default()
                }),
            };
            let id = request_id(&request);
            if let Some(envelope) = &mut request.envelope {
                envelope.request_id = id;
            }
            request
        })
        .collect();
    Ok(made)
}

/// The same content always has the same id: sending a file again after a cut gives its first receipts.
fn request_id(request: &SubmitTransferRequest) -> String {
    let hash = digest(&SHA256, &request.encode_to_vec());
    let mut bytes = [0; 16];
    bytes.copy_from_slice(&hash.as_ref()[..16]);
    uuid::Builder::from_custom_bytes(bytes).into_uuid().to_string()
}

fn place(named: &Named) -> destination::Place {
    let agency = |identifier| {
        destination::Place::Agency(AgencyReference {
            identifier: Some(identifier),
        })
    };
    match named {
        Named::School(school) => agency(Identifier::Laestab(school.to_string())),
        Named::LocalAuthority(la) => agency(Identifier::LaCode(la.to_string())),
        Named::Unknown => destination::Place::Open(OpenDestination::Unknown.into()),
        Named::OutsideSector => destination::Place::Open(OpenDestination::OutsideSector.into()),
    }
}

/// The person of a pupil's element. Without UPN and ULN (allowed from independent schools and abroad) the file
/// names nobody by number; then the sender's own number is made of what the file says, and means something with
/// that sender only.
fn subject(pupil: &PupilCore) -> PersonReference {
    let text = |value: &Option<String>| value.clone().unwrap_or_default();
    let mut identifiers = Vec::new();
    if let Some(upn) = pupil.upn.as_deref().and_then(|upn| Upn::parse(upn).ok()) {
        let status = match upn.kind() {
            UpnKind::Temporary => IdentifierStatus::Temporary,
            UpnKind::Permanent => IdentifierStatus::Current,
        };
        identifiers.push(identifier(IdentifierSystem::Upn, upn.as_str(), status));
    }
    if let Some(uln) = pupil.uln.as_deref().and_then(|uln| Uln::parse(uln).ok()) {
        identifiers.push(identifier(
            IdentifierSystem::Uln,
            uln.as_str(),
            IdentifierStatus::Current,
        ));
    }
    if identifiers.is_empty() {
        let own = format!(
            "{}|{}|{:?}",
            text(&pupil.surname),
            text(&pupil.forename),
            pupil.born
        );
        let own: String = digest(&SHA256, own.as_bytes()).as_ref()[..12]
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect();
        identifiers.push(identifier(
            IdentifierSystem::MisLocal,
            &format!("ctf-{own}"),
            IdentifierStatus::Current,
        ));
    }
    PersonReference {
        identifiers,
        surname: text(&pupil.surname),
        forename: text(&pupil.forename),
        date_of_birth: pupil.born.map(wire_date),
        former_surnames: pupil.former_surname.clone().into_iter().collect(),
        former_forenames: pupil.former_forename.clone().into_iter().collect(),
    }
}

fn identifier(system: IdentifierSystem, value: &str, status: IdentifierStatus) -> TypedIdentifier {
    TypedIdentifier {
        system: system.into(),
        value: value.into(),
        status: status.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use sendhub_contracts::validate::Validate as _;

    const SAMPLE: &[u8] = include_bytes!("../../ctf/tests/samples/9991001_CTF_9984001_001.xml");
    const NAME: &str = "9991001_CTF_9984001_001.xml";

    #[test]
    fn a_sample_becomes_valid_requests_with_the_same_ids_each_time() {
        let profiles = Profiles::built_in().unwrap();
        let made = requests(SAMPLE, NAME, &Covering::default(), &profiles).unwrap();
        assert!(!made.is_empty());
        for request in &made {
            assert_eq!(request.violations(), []);
        }
        assert_eq!(
            made,
            requests(SAMPLE, NAME, &Covering::default(), &profiles).unwrap()
        );
        let other = Covering {
            case_reference: "C1".into(),
            ..Covering::default()
        };
        let other = requests(SAMPLE, NAME, &other, &profiles).unwrap();
        let id = |request: &SubmitTransferRequest| request.envelope.clone().unwrap().request_id;
        assert_ne!(id(&made[0]), id(&other[0]));
    }

    #[test]
    fn a_file_that_cannot_be_sent_gives_its_report() {
        let profiles = Profiles::built_in().unwrap();
        let report = requests(b"<x/>", NAME, &Covering::default(), &profiles).unwrap_err();
        assert!(!report.sendable());
    }
}
