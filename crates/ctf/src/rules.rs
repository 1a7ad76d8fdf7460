//! The rules of the file: what must be there, what forms are right, which codes are known.

use jiff::civil::{Date, date};
use sendhub_domain::identifiers::{Uln, Upn, UpnKind, Urn};

use crate::file_name::{Destination, Source};
use crate::problem::{Code, Severity};
use crate::scan::Walk;

/// Elements of a pupil that must not stand twice.
const CORE: [&str; 7] = [
    "UPN",
    "UniqueLearnerNumber",
    "Surname",
    "Forename",
    "DOB",
    "Sex",
    "Gender",
];
/// Elements below a pupil that hold a date.
const DATES: [&str; 14] = [
    "FSMreviewDate",
    "FSMstartDate",
    "FSMendDate",
    "StartDate",
    "EndDate",
    "NeedStartDate",
    "NeedEndDate",
    "AttendanceStartDate",
    "ResultDate",
    "EntryDate",
    "LeavingDate",
    "UPNstartDate",
    "UPNendDate",
    "DateTo",
];

/// Judges an element of a pupil as it closes.
pub(crate) fn pupil_element(walk: &mut Walk<'_, '_>, value: &str) {
    if walk.path.len() == 4 {
        direct_child(walk, value);
    }
    let Some((&name, above)) = walk.path.split_last() else {
        return;
    };
    let under = |group: &str| above.get(3).is_some_and(|name| *name == group);
    if let Some(pupil) = &mut walk.pupil {
        if above.len() == 4 && under("BasicDetails") && !value.is_empty() {
            match name {
                "FormerSurname" => pupil.former_surname = Some(value.to_owned()),
                "FormerForename" => pupil.former_forename = Some(value.to_owned()),
                "ServiceChild" => pupil.service_child = Some(value.to_owned()),
                _ => {}
            }
        }
        if name == "SENprovision" && under("SENhistory") {
            pupil.sen_provision = Some(value.to_owned());
        }
    }
    if value.is_empty() {
        return;
    }
    let misdated = above.len() >= 4 && DATES.contains(&name) && day(value).is_none();
    let unlisted = walk
        .profiles
        .codes
        .get(name)
        .is_some_and(|known| !known.iter().any(|code| code == value));
    if misdated {
        walk.here(Severity::Error, Code::BadDate, "must be a date as yyyy-mm-dd");
    }
    if unlisted {
        walk.here(
            Severity::Warning,
            Code::UnknownCode,
            "holds a code that is not on the list; it is kept",
        );
    }
}

fn direct_child(walk: &mut Walk<'_, '_>, value: &str) {
    let Some(&name) = walk.path.last() else {
        return;
    };
    if CORE.contains(&name) {
        if walk.seen.contains(&name) {
            walk.here(Severity::Error, Code::Repeated, "stands there twice");
        }
        walk.seen.push(name);
    } else if let Some(pupil) = &mut walk.pupil
        && !pupil.groups.iter().any(|group| group == name)
    {
        pupil.groups.push(name.to_owned());
    }
    if value.is_empty() {
        return;
    }
    match name {
        "UPN" => upn(walk, value),
        "UniqueLearnerNumber" => {
            if Uln::parse(value).is_err() {
                walk.here(
                    Severity::Warning,
                    Code::BadUln,
                    "is not a valid Unique Learner Number; it is kept but not used",
                );
            }
            set(walk, |pupil| pupil.uln = Some(value.to_owned()));
        }
        "Surname" => set(walk, |pupil| pupil.surname = Some(value.to_owned())),
        "Forename" => set(walk, |pupil| pupil.forename = Some(value.to_owned())),
        "DOB" => match day(value) {
            Some(born) if born >= date(1900, 1, 1) => set(walk, |pupil| pupil.born = Some(born)),
            _ => walk.here(
                Severity::Error,
                Code::BadDate,
                "must be a date of birth as yyyy-mm-dd",
            ),
        },
        _ => {}
    }
}

fn set(walk: &mut Walk<'_, '_>, change: impl FnOnce(&mut crate::scan::PupilCore)) {
    if let Some(pupil) = &mut walk.pupil {
        change(pupil);
    }
}

fn upn(walk: &mut Walk<'_, '_>, value: &str) {
    match Upn::parse(value) {
        Err(error) => walk.here(
            Severity::Error,
            Code::BadUpn,
            &format!("is not a valid UPN: it {error}"),
        ),
        Ok(upn) => {
            if upn.kind() == UpnKind::Temporary {
                walk.here(Severity::Info, Code::UpnTemporary, "is a temporary UPN");
            }
            if walk
                .scan
                .pupils
                .iter()
                .any(|other| other.upn.as_deref() == Some(value))
            {
                walk.here(
                    Severity::Error,
                    Code::DuplicateUpn,
                    "stands in this file for another pupil too",
                );
            }
            set(walk, |pupil| pupil.upn = Some(value.to_owned()));
        }
    }
}

/// A date as the file writes it: ten characters, yyyy-mm-dd.
fn day(value: &str) -> Option<Date> {
    (value.len() == 10).then(|| value.parse().ok()).flatten()
}

/// Judges a pupil as a whole.
pub(crate) fn end_of_pupil(walk: &mut Walk<'_, '_>) {
    let Some(pupil) = &walk.pupil else { return };
    let has = |name: &str| walk.seen.contains(&name);
    let missing: Vec<&str> = [
        (pupil.surname.is_none(), "Surname"),
        (pupil.forename.is_none(), "Forename"),
        (!has("DOB"), "DOB"),
    ]
    .into_iter()
    .filter_map(|(missing, name)| missing.then_some(name))
    .collect();
    let (sex, gender, no_upn) = (has("Sex"), has("Gender"), !has("UPN"));
    for name in missing {
        walk.below(Severity::Error, Code::Missing, name, "is missing");
    }
    let version = header_value(walk, "CTFversion").unwrap_or_default();
    let expected = walk
        .profiles
        .sex_element
        .get(&version)
        .cloned()
        .unwrap_or_else(|| "Sex".into());
    if !sex && !gender {
        walk.below(Severity::Error, Code::Missing, &expected, "is missing");
    } else if (expected == "Sex" && !sex) || (expected == "Gender" && !gender) {
        walk.below(
            Severity::Warning,
            Code::SexElement,
            &expected,
            "is the element of this version; the other one is there and is kept",
        );
    }
    if no_upn {
        walk.below(
            Severity::Warning,
            Code::UpnMissing,
            "UPN",
            "is missing: allowed from independent schools and abroad only",
        );
    }
}

fn header_value(walk: &Walk<'_, '_>, path: &str) -> Option<String> {
    walk.header
        .iter()
        .find(|(at, _)| at == path)
        .map(|(_, value)| value.clone())
}

/// Judges header and file as a whole. A file that broke off is not also blamed for what did not come.
pub(crate) fn end_of_file(walk: &mut Walk<'_, '_>, stopped: bool) {
    let value = |path: &str| header_value(walk, path).filter(|value| !value.is_empty());
    let version = value("CTFversion");
    let written_at = value("DateTime");
    let qualifier = value("DocumentQualifier");
    let source = (value("SourceSchool/LEA"), value("SourceSchool/Estab"));
    let destination = (value("DestSchool/LEA"), value("DestSchool/Estab"));
    let name = value("DocumentName");
    let header = crate::scan::Header {
        version: version.clone(),
        written_at: written_at.clone(),
        full: match qualifier.as_deref() {
            Some("full") => Some(true),
            Some("partial") => Some(false),
            _ => None,
        },
        supplier: value("SupplierID"),
        source: source
            .0
            .as_deref()
            .zip(source.1.as_deref())
            .and_then(|(la, estab)| Source::of(la, estab)),
        source_urn: value("SourceSchool/URN").filter(|urn| Urn::parse(urn).is_ok()),
        source_name: value("SourceSchool/SchoolName"),
        destination: destination
            .0
            .as_deref()
            .zip(destination.1.as_deref())
            .and_then(|(la, estab)| Destination::of(la, estab)),
        destination_urn: value("DestSchool/URN").filter(|urn| Urn::parse(urn).is_ok()),
    };
    let urns_right = ["SourceSchool/URN", "DestSchool/URN"]
        .map(|path| value(path).is_none_or(|urn| Urn::parse(&urn).is_ok()));
    walk.scan.header = header;
    if stopped {
        return;
    }
    let mut faults: Vec<(&str, &str)> = Vec::new();
    match name.as_deref() {
        Some("Common Transfer File") => {}
        Some(_) => faults.push(("DocumentName", "must be \"Common Transfer File\"")),
        None => faults.push(("DocumentName", "is missing")),
    }
    let well_formed = |version: &str| {
        version.split_once('.').is_some_and(|(year, minor)| {
            [year, minor]
                .iter()
                .all(|part| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit()))
        })
    };
    match version.as_deref() {
        Some(version) if well_formed(version) => {}
        Some(_) => faults.push(("CTFversion", "must be of the form 25.0")),
        None => faults.push(("CTFversion", "is missing")),
    }
    match written_at.as_deref() {
        Some(at) if at.parse::<jiff::civil::DateTime>().is_ok() && at.contains('T') => {}
        Some(_) => faults.push(("DateTime", "must be of the form yyyy-mm-ddThh:mm:ss")),
        None => faults.push(("DateTime", "is missing")),
    }
    match qualifier.as_deref() {
        Some("full" | "partial") => {}
        Some(_) => faults.push(("DocumentQualifier", "must be full or partial")),
        None => faults.push(("DocumentQualifier", "is missing")),
    }
    if walk.scan.header.source.is_none() {
        faults.push((
            "SourceSchool",
            "needs LEA and Estab: three and four digits, or LLLL for an authority",
        ));
    }
    if walk.scan.header.destination.is_none() {
        faults.push((
            "DestSchool",
            "needs LEA and Estab: digits, LLLL, XXX/XXXX or MMM/MMMM",
        ));
    }
    for (right, path) in urns_right.into_iter().zip(["SourceSchool/URN", "DestSchool/URN"]) {
        if !right {
            faults.push((path, "must be six digits"));
        }
    }
    for (element, message) in faults {
        walk.below(
            Severity::Error,
            Code::HeaderFault,
            &format!("CTfile/Header/{element}"),
            message,
        );
    }
    if version
        .is_some_and(|version| well_formed(&version) && !walk.profiles.expected_versions.contains(&version))
    {
        walk.below(
            Severity::Warning,
            Code::VersionUnexpected,
            "CTfile/Header/CTFversion",
            "is not an expected version; some data may not be understood",
        );
    }
    whole_file(walk, written_at.as_deref());
}

fn whole_file(walk: &mut Walk<'_, '_>, written_at: Option<&str>) {
    if walk.scan.pupils.is_empty() {
        walk.below(
            Severity::Error,
            Code::NoPupils,
            "CTfile/CTFpupilData",
            "holds no pupil",
        );
    }
    if walk.scan.header.destination == Some(Destination::Unknown) && walk.scan.pupils.len() > 1 {
        let message = "a file of unknown destination holds exactly one pupil";
        walk.below(
            Severity::Error,
            Code::LostPupilFileWithMany,
            "CTfile/CTFpupilData",
            message,
        );
    }
    let written = written_at
        .and_then(|at| at.parse::<jiff::civil::DateTime>().ok())
        .map(jiff::civil::DateTime::date);
    let early: Vec<usize> = (0..walk.scan.pupils.len())
        .filter(|at| {
            walk.scan.pupils[*at]
                .born
                .zip(written)
                .is_some_and(|(born, written)| born > written)
        })
        .collect();
    for at in early {
        let place = format!("CTfile/CTFpupilData/Pupil[{}]/DOB", at + 1);
        walk.below(
            Severity::Error,
            Code::BadDate,
            &place,
            "lies after the day on which the file was written",
        );
        if let Some(problem) = walk.problems.last_mut() {
            problem.pupil = u32::try_from(at + 1).ok();
        }
    }
}
