//! What a transfer request says, judged before anything is decided: dates, people, destination, the file, and
//! whether request and file agree.

use std::sync::Arc;

use jiff::civil::Date;
use sendhub_contracts::convert;
use sendhub_contracts::errors::v1::Reason;
use sendhub_contracts::refusal::Refusal;
use sendhub_contracts::transfer::v1 as wire;
use sendhub_contracts::types::v1 as types;
use sendhub_contracts::types::v1::agency_reference::Identifier;
use sendhub_contracts::validate::{At, Violation};
use sendhub_ctf::{Destination, PupilCore, Source, check_file};
use sendhub_domain::agency::{Agency, AgencyId, AgencyKind};
use sendhub_domain::exchange::{RequestId, TransferDestinationKind};
use sendhub_domain::identifiers::{LaCode, LaEstab, OdsCode, Ukprn, Urn};
use sendhub_domain::person::{IdentifierSystem, PersonReference, comparable_name};
use sendhub_policy::{DestinationKind, RecordSource};
use sendhub_store::Directory;
use uuid::Uuid;

use crate::hub::Hub;
use crate::identity::Caller;

/// A request whose every part can be used, before the register and the rules are asked.
pub(crate) struct Judged {
    pub(crate) request: RequestId,
    pub(crate) person: PersonReference,
    pub(crate) source: RecordSource,
    pub(crate) destination: DestinationKind,
    pub(crate) place: TransferDestinationKind,
    pub(crate) recipient: Option<Arc<Agency>>,
    pub(crate) left_on: Option<Date>,
}

/// Collects wrong fields under a path.
struct Wrong<'a>(&'a mut Vec<Violation>);

impl Wrong<'_> {
    fn at(&mut self, field: &str, description: impl Into<String>) {
        self.0.push(Violation {
            field: field.to_owned(),
            description: description.into(),
        });
    }
}

/// Whom a request is about, as far as it can be made out, and what is wrong with how they are named.
pub(crate) struct Asked {
    pub(crate) person: Option<PersonReference>,
    faults: Vec<Violation>,
}

/// Reads whom a request is about, so that the register can be asked while the rest is judged.
pub(crate) fn asked(request: &wire::SubmitTransferRequest) -> Asked {
    let mut faults = Vec::new();
    let envelope_at = At::Field(&At::Root, "envelope");
    let subject = request
        .envelope
        .as_ref()
        .and_then(|envelope| envelope.subject.as_ref());
    let person = subject
        .and_then(|subject| convert::person(subject, &At::Field(&envelope_at, "subject"), &mut faults));
    let nobody = person
        .as_ref()
        .is_some_and(|person| person.identifiers.is_empty());
    if nobody && faults.is_empty() {
        Wrong(&mut faults).at(
            "envelope.subject.identifiers",
            "needs at least one that is not a former one",
        );
    }
    Asked { person, faults }
}

impl Hub {
    /// Judges a request. Everything that is wrong is named at once.
    ///
    /// # Errors
    /// `CTF_REFUSED` when the file cannot be sent, `INVALID_REQUEST` for all else.
    pub(crate) fn judge(
        &self,
        caller: &Caller,
        request: &wire::SubmitTransferRequest,
        asked: Asked,
    ) -> Result<Judged, Refusal> {
        let (Some(envelope), Some(content)) = (&request.envelope, &request.content) else {
            return Err(missing("envelope and content are required"));
        };
        let (Some(ctf), Some(place)) = (
            &content.ctf,
            content
                .destination
                .as_ref()
                .and_then(|destination| destination.place.as_ref()),
        ) else {
            return Err(missing("destination and file are required"));
        };
        let Asked {
            person,
            faults: mut out,
        } = asked;
        let left_on = convert::date(
            content.leaving_date.as_ref(),
            &At::Field(&At::Field(&At::Root, "content"), "leaving_date"),
            &mut out,
        );

        let name = (!ctf.file_name.is_empty()).then_some(ctf.file_name.as_str());
        let report = check_file(&ctf.content, name, &self.profiles);
        let refused: Vec<Violation> = report
            .errors()
            .map(|problem| Violation {
                field: "content.ctf.content".into(),
                description: format!(
                    "{}: {} ({})",
                    problem.path,
                    problem.message,
                    problem.code.as_str()
                ),
            })
            .collect();
        if !refused.is_empty() {
            out.extend(refused);
            return Err(Refusal {
                reason: Reason::CtfRefused,
                ..Refusal::fields(out)
            }
            .remedy("Correct the file in the sending system and send it with a new request id."));
        }
        let header = &report.scan.header;
        let mut wrong = Wrong(&mut out);
        match report.scan.pupils.as_slice() {
            [pupil] => {
                if let Some(person) = &person {
                    agrees(person, pupil, &mut wrong);
                }
            }
            _ => wrong.at(
                "content.ctf.content",
                "a record holds exactly one pupil: split the file, or send it with `sendhub ctf send`",
            ),
        }
        let full = content.kind() == wire::TransferKind::Full;
        if header.full != Some(full) {
            wrong.at("content.kind", "differs from the file's DocumentQualifier");
        }
        let directory = self.directory.load();
        let resolved = resolve(place, &directory, &mut wrong);
        if let (Some(resolved), Some(named)) = (&resolved, &header.destination)
            && !fits(resolved, place, named)
        {
            wrong.at("content.destination", "differs from the file's DestSchool");
        }
        let (Some(person), Some(resolved), true) = (person, resolved, out.is_empty()) else {
            return Err(Refusal::fields(out));
        };
        let source = match &header.source {
            Some(source) if is_own(source, &caller.agency) => RecordSource::Sender,
            _ => RecordSource::AnotherAgency,
        };
        let (destination, place) = match &resolved {
            Resolved::Agency(agency) if agency.id == caller.agency.id => {
                (DestinationKind::Sender, TransferDestinationKind::Agency)
            }
            Resolved::Agency(agency) => (
                DestinationKind::Agency(agency.kind, agency.status),
                TransferDestinationKind::Agency,
            ),
            Resolved::NotRegistered => (DestinationKind::NotRegistered, TransferDestinationKind::Agency),
            Resolved::Unknown => (DestinationKind::Unknown, TransferDestinationKind::Unknown),
            Resolved::OutsideSector => (
                DestinationKind::OutsideSector,
                TransferDestinationKind::OutsideSector,
            ),
        };
        Ok(Judged {
            request: RequestId(Uuid::try_parse(&envelope.request_id).unwrap_or_default()),
            person,
            source,
            destination,
            place,
            recipient: match resolved {
                Resolved::Agency(agency) => Some(agency),
                _ => None,
            },
            left_on,
        })
    }
}

fn missing(what: &'static str) -> Refusal {
    Refusal::new(Reason::InvalidRequest, what)
}

/// Where a record is bound, looked up.
enum Resolved {
    Agency(Arc<Agency>),
    NotRegistered,
    Unknown,
    OutsideSector,
}

fn resolve(
    place: &wire::destination::Place,
    directory: &Directory,
    wrong: &mut Wrong<'_>,
) -> Option<Resolved> {
    match place {
        wire::destination::Place::Open(open) => match wire::OpenDestination::try_from(*open) {
            Ok(wire::OpenDestination::Unknown) => Some(Resolved::Unknown),
            Ok(wire::OpenDestination::OutsideSector) => Some(Resolved::OutsideSector),
            _ => {
                wrong.at("content.destination.open", "must be one that the contract names");
                None
            }
        },
        wire::destination::Place::Agency(reference) => match find(reference, directory) {
            Ok(Some(agency)) => Some(Resolved::Agency(agency)),
            Ok(None) => Some(Resolved::NotRegistered),
            Err(fault) => {
                wrong.at(&format!("content.destination.agency.{}", fault.0), fault.1);
                None
            }
        },
    }
}

/// Looks up an agency by the one identifier given; the error names the field and what is wrong with it.
pub(crate) fn find(
    reference: &types::AgencyReference,
    directory: &Directory,
) -> Result<Option<Arc<Agency>>, (&'static str, String)> {
    let wrong = |field: &'static str| {
        move |error: sendhub_domain::identifiers::IdentifierError| {
            (field, format!("{error} ({})", error.reason()))
        }
    };
    let found = match &reference.identifier {
        None => return Err(("identifier", "exactly one is required".into())),
        Some(Identifier::AgencyId(id)) => {
            let id = AgencyId::parse(id).map_err(|error| ("agency_id", error.to_string()))?;
            directory.agency(&id)
        }
        Some(Identifier::Urn(urn)) => directory.by_urn(&Urn::parse(urn).map_err(wrong("urn"))?),
        Some(Identifier::Laestab(number)) => {
            directory.by_laestab(&LaEstab::parse(number).map_err(wrong("laestab"))?)
        }
        Some(Identifier::LaCode(code)) => {
            directory.by_la_code(&LaCode::parse(code).map_err(wrong("la_code"))?)
        }
        Some(Identifier::OdsCode(code)) => {
            directory.by_ods_code(&OdsCode::parse(code).map_err(wrong("ods_code"))?)
        }
        Some(Identifier::Ukprn(number)) => directory.by_ukprn(&Ukprn::parse(number).map_err(wrong("ukprn"))?),
    };
    Ok(found.cloned())
}

/// Whether the place that the request names is the one that the file names.
fn fits(resolved: &Resolved, place: &wire::destination::Place, named: &Destination) -> bool {
    match (resolved, named) {
        (Resolved::Unknown, Destination::Unknown) | (Resolved::OutsideSector, Destination::OutsideSector) => {
            true
        }
        (Resolved::Agency(agency), named) => is_named(agency, named),
        (Resolved::NotRegistered, named) => match place {
            wire::destination::Place::Agency(reference) => match (&reference.identifier, named) {
                (Some(Identifier::Laestab(number)), Destination::School(school)) => {
                    LaEstab::parse(number).is_ok_and(|number| number == *school)
                }
                (Some(Identifier::LaCode(code)), Destination::LocalAuthority(la)) => {
                    LaCode::parse(code).is_ok_and(|code| code == *la)
                }
                // Known only by a number that the file does not carry: refused below for not being registered.
                _ => true,
            },
            wire::destination::Place::Open(_) => false,
        },
        _ => false,
    }
}

/// Whether a file's destination means this agency. One without a DfE number (a school overseas, a health body)
/// cannot be named by a file other than as outside the sector.
fn is_named(agency: &Agency, named: &Destination) -> bool {
    let known = &agency.identifiers;
    match named {
        Destination::School(school) => known.laestab.as_ref() == Some(school),
        Destination::LocalAuthority(la) => {
            agency.kind == AgencyKind::LocalAuthority && known.la_code.as_ref() == Some(la)
        }
        Destination::OutsideSector => known.laestab.is_none() && agency.kind != AgencyKind::LocalAuthority,
        Destination::Unknown => false,
    }
}

/// Whether a file's source is this agency.
fn is_own(source: &Source, agency: &Agency) -> bool {
    let known = &agency.identifiers;
    match source {
        Source::School(school) => known.laestab.as_ref() == Some(school),
        Source::LocalAuthority(la) => {
            agency.kind == AgencyKind::LocalAuthority && known.la_code.as_ref() == Some(la)
        }
        Source::NationalService => false,
    }
}

/// Whether the person of the request is the pupil of the file.
fn agrees(person: &PersonReference, pupil: &PupilCore, wrong: &mut Wrong<'_>) {
    let same = |one: &str, other: Option<&str>| {
        other.is_some_and(|other| comparable_name(one) == comparable_name(other))
    };
    if !same(&person.surname, pupil.surname.as_deref()) {
        wrong.at("envelope.subject.surname", "differs from the file's Surname");
    }
    if !same(&person.forename, pupil.forename.as_deref()) {
        wrong.at("envelope.subject.forename", "differs from the file's Forename");
    }
    if pupil.born != Some(person.date_of_birth) {
        wrong.at("envelope.subject.date_of_birth", "differs from the file's DOB");
    }
    let upns: Vec<&str> = person
        .identifiers
        .iter()
        .filter(|one| one.system == IdentifierSystem::Upn)
        .map(|one| one.value.as_str())
        .collect();
    let differs = match &pupil.upn {
        Some(upn) => upns != [upn.as_str()],
        None => !upns.is_empty(),
    };
    if differs {
        wrong.at(
            "envelope.subject.identifiers",
            "must hold the UPN that the file gives, as its one current UPN",
        );
    }
}
