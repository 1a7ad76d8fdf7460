//! Wire types into domain types and back. What cannot be converted is named by its field.

use jiff::Timestamp;
use sendhub_domain::agency::{Agency, AgencyKind, AgencyStatus, TokenAlgorithm};
use sendhub_domain::clock::{ClockBasis, DueDate};
use sendhub_domain::exchange::DeliveryState;
use sendhub_domain::identifiers::{IdentifierError, NhsNumber, Uln, Upn};
use sendhub_domain::person::{IdentifierSystem, PersonIdentifier, PersonReference};

use crate::validate::{At, Violation};
use crate::{directory, transfer, types};

/// A civil date.
pub fn date(
    wire: Option<&types::v1::Date>,
    at: &At<'_>,
    out: &mut Vec<Violation>,
) -> Option<jiff::civil::Date> {
    let wire = wire?;
    let part = |number: i32| i8::try_from(number).ok();
    let day = i16::try_from(wire.year)
        .ok()
        .zip(part(wire.month))
        .zip(part(wire.day))
        .and_then(|((year, month), day)| jiff::civil::Date::new(year, month, day).ok());
    if day.is_none() {
        out.push(Violation::new(at, "is not a day of the calendar"));
    }
    day
}

/// A civil date for the wire.
#[must_use]
pub fn wire_date(day: jiff::civil::Date) -> types::v1::Date {
    types::v1::Date {
        year: day.year().into(),
        month: day.month().into(),
        day: day.day().into(),
    }
}

/// An instant for the wire.
#[must_use]
pub fn wire_time(at: Timestamp) -> prost_types::Timestamp {
    prost_types::Timestamp {
        seconds: at.as_second(),
        nanos: at.subsec_nanosecond(),
    }
}

/// An instant from the wire.
#[must_use]
pub fn time(wire: &prost_types::Timestamp) -> Option<Timestamp> {
    Timestamp::new(wire.seconds, wire.nanos).ok()
}

/// A person. Former identifiers are left out: they never find or link anyone.
pub fn person(
    wire: &types::v1::PersonReference,
    at: &At<'_>,
    out: &mut Vec<Violation>,
) -> Option<PersonReference> {
    let mut identifiers = Vec::with_capacity(wire.identifiers.len());
    for (index, one) in wire.identifiers.iter().enumerate() {
        let list = At::Field(at, "identifiers");
        let place = At::Index(&list, index);
        if let Some(identifier) = identifier(one, &place, out) {
            identifiers.push(identifier);
        }
    }
    let born = date(wire.date_of_birth.as_ref(), &At::Field(at, "date_of_birth"), out)?;
    Some(PersonReference {
        identifiers,
        surname: wire.surname.clone(),
        forename: wire.forename.clone(),
        former_surnames: wire.former_surnames.clone(),
        former_forenames: wire.former_forenames.clone(),
        date_of_birth: born,
    })
}

/// An identifier with its check letter or digit checked; `None` when it is wrong (and reported) or former.
pub fn identifier(
    wire: &types::v1::TypedIdentifier,
    at: &At<'_>,
    out: &mut Vec<Violation>,
) -> Option<PersonIdentifier> {
    use types::v1::IdentifierSystem as Wire;
    let text = wire.value.as_str();
    let parsed: Result<(IdentifierSystem, String), IdentifierError> = match wire.system() {
        Wire::Upn => Upn::parse(text).map(|upn| (IdentifierSystem::Upn, upn.as_str().to_owned())),
        Wire::Uln => Uln::parse(text).map(|uln| (IdentifierSystem::Uln, uln.as_str().to_owned())),
        Wire::NhsNumber => {
            NhsNumber::parse(text).map(|number| (IdentifierSystem::NhsNumber, number.as_str().to_owned()))
        }
        Wire::LaCase => Ok((IdentifierSystem::LaCase, text.to_owned())),
        Wire::MisLocal => Ok((IdentifierSystem::MisLocal, text.to_owned())),
        Wire::ServiceReference => Ok((IdentifierSystem::ServiceReference, text.to_owned())),
        Wire::Unspecified => return None,
    };
    match parsed {
        Ok(_) if wire.status() == types::v1::IdentifierStatus::Former => None,
        Ok((system, value)) => Some(PersonIdentifier { system, value }),
        Err(error) => {
            out.push(Violation::new(
                &At::Field(at, "value"),
                &format!("{error} ({})", error.reason()),
            ));
            None
        }
    }
}

/// A started clock for the wire.
#[must_use]
pub fn wire_clock(due: &DueDate) -> types::v1::StartedClock {
    let basis = match due.basis {
        ClockBasis::Hard => types::v1::ClockBasis::Hard,
        ClockBasis::Court => types::v1::ClockBasis::Court,
        ClockBasis::Guidance => types::v1::ClockBasis::Guidance,
        ClockBasis::Policy => types::v1::ClockBasis::Policy,
    };
    types::v1::StartedClock {
        rule: due.rule.code().into(),
        due_on: Some(wire_date(due.due_on)),
        basis: basis.into(),
        provision: due.provision.into(),
        estimated: due.certainty == sendhub_domain::calendar::Certainty::Estimated,
    }
}

/// A delivery's state for the wire.
#[must_use]
pub const fn wire_state(state: DeliveryState) -> transfer::v1::DeliveryState {
    match state {
        DeliveryState::Waiting => transfer::v1::DeliveryState::Waiting,
        DeliveryState::Collected => transfer::v1::DeliveryState::Collected,
        DeliveryState::Acknowledged => transfer::v1::DeliveryState::Acknowledged,
        DeliveryState::Rejected => transfer::v1::DeliveryState::Rejected,
        DeliveryState::Stopped => transfer::v1::DeliveryState::Stopped,
    }
}

/// An agency for the wire.
#[must_use]
pub fn wire_agency(agency: &Agency) -> directory::v1::Agency {
    let known = &agency.identifiers;
    let text = |value: Option<String>| value.unwrap_or_default();
    directory::v1::Agency {
        agency_id: agency.id.to_string(),
        kind: wire_kind(agency.kind).into(),
        name: agency.name.clone(),
        status: wire_status(agency.status).into(),
        identifiers: Some(directory::v1::AgencyIdentifiers {
            urn: text(known.urn.as_ref().map(ToString::to_string)),
            laestab: text(known.laestab.as_ref().map(ToString::to_string)),
            la_code: text(known.la_code.as_ref().map(ToString::to_string)),
            ods_code: text(known.ods_code.as_ref().map(ToString::to_string)),
            ukprn: text(known.ukprn.as_ref().map(ToString::to_string)),
        }),
        contacts: agency
            .contacts
            .iter()
            .map(|one| directory::v1::AgencyContact {
                role: one.role.clone(),
                name: one.name.clone(),
                email: text(one.email.clone()),
                phone: text(one.phone.clone()),
            })
            .collect(),
        certificates: agency
            .certificates
            .iter()
            .map(|one| directory::v1::AgencyCertificate {
                thumbprint: one.thumbprint.to_string(),
                label: one.label.clone(),
                add_time: Some(wire_time(one.added_at)),
                revoke_time: one.revoked_at.map(wire_time),
            })
            .collect(),
        signing_keys: agency
            .signing_keys
            .iter()
            .map(|one| directory::v1::SigningKey {
                key_id: one.key_id.clone(),
                algorithm: match one.algorithm {
                    TokenAlgorithm::Es256 => directory::v1::TokenAlgorithm::Es256,
                    TokenAlgorithm::EdDsa => directory::v1::TokenAlgorithm::Eddsa,
                    TokenAlgorithm::Ps256 => directory::v1::TokenAlgorithm::Ps256,
                }
                .into(),
                add_time: Some(wire_time(one.added_at)),
                revoke_time: one.revoked_at.map(wire_time),
            })
            .collect(),
        revision: agency.revision,
    }
}

const fn wire_kind(kind: AgencyKind) -> directory::v1::AgencyKind {
    use directory::v1::AgencyKind as Wire;
    match kind {
        AgencyKind::MaintainedSchool => Wire::MaintainedSchool,
        AgencyKind::Academy => Wire::Academy,
        AgencyKind::SpecialSchool => Wire::SpecialSchool,
        AgencyKind::PupilReferralUnit => Wire::PupilReferralUnit,
        AgencyKind::IndependentSchool => Wire::IndependentSchool,
        AgencyKind::Post16 => Wire::Post16,
        AgencyKind::EarlyYears => Wire::EarlyYears,
        AgencyKind::ModSchool => Wire::ModSchool,
        AgencyKind::LocalAuthority => Wire::LocalAuthority,
        AgencyKind::HealthBody => Wire::HealthBody,
        AgencyKind::MinistryOfDefence => Wire::MinistryOfDefence,
        AgencyKind::HubOperator => Wire::HubOperator,
    }
}

const fn wire_status(status: AgencyStatus) -> directory::v1::AgencyStatus {
    use directory::v1::AgencyStatus as Wire;
    match status {
        AgencyStatus::Pending => Wire::Pending,
        AgencyStatus::Active => Wire::Active,
        AgencyStatus::Suspended => Wire::Suspended,
        AgencyStatus::Closed => Wire::Closed,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_that_the_month_does_not_have_is_named() {
        let mut out = Vec::new();
        let wrong = types::v1::Date {
            year: 2026,
            month: 2,
            day: 30,
        };
        assert_eq!(
            date(Some(&wrong), &At::Field(&At::Root, "leaving_date"), &mut out),
            None
        );
        assert_eq!(out[0].field, "leaving_date");
    }

    #[test]
    fn wrong_identifiers_are_named_without_their_value_and_former_ones_left_out() {
        let one =
            |system: types::v1::IdentifierSystem, value: &str, status: i32| types::v1::TypedIdentifier {
                system: system.into(),
                value: value.into(),
                status,
            };
        let wire = types::v1::PersonReference {
            identifiers: vec![
                one(types::v1::IdentifierSystem::Upn, "A999900126001", 0),
                one(types::v1::IdentifierSystem::Upn, "N823432113104", 2),
                one(types::v1::IdentifierSystem::NhsNumber, "943 476 5919", 1),
            ],
            date_of_birth: Some(types::v1::Date {
                year: 2012,
                month: 3,
                day: 4,
            }),
            ..Default::default()
        };
        let mut out = Vec::new();
        let found = person(&wire, &At::Root, &mut out).unwrap();
        assert_eq!(out[0].field, "identifiers[0].value");
        assert!(!out[0].description.contains("A9999"));
        assert_eq!(found.identifiers.len(), 1);
        assert_eq!(found.identifiers[0].value, "9434765919");
    }
}
