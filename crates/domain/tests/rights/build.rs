//! Records for the tests: everything in force from the start of the calendar, unless a test says otherwise.

use jiff::civil::{Date, date};
use sendhub_domain::age::SchoolYearStart;
use sendhub_domain::agency::AgencyId;
use sendhub_domain::disclosure::{Item, RecipientRole};
use sendhub_domain::exchange::RightsRecordId;
use sendhub_domain::rights::*;

/// Born on 14 May 2010: sixteen before the leaving date, a young person from 27 June 2026, 18 in 2028, 25 in 2035.
pub(crate) const BORN: Date = date(2010, 5, 14);
/// Born on 24 July 2010: a young person at 15 from 27 June 2026 to 23 July 2026.
pub(crate) const SUMMER: Date = date(2010, 7, 24);

pub(crate) fn agency(id: &str) -> AgencyId {
    AgencyId::parse(id).unwrap()
}

pub(crate) fn head(id: u128) -> RecordHead {
    RecordHead {
        id: record(id),
        recorded_by: agency("la-999"),
        recorded_on: Date::MIN,
        superseded_on: None,
    }
}

pub(crate) fn record(id: u128) -> RightsRecordId {
    RightsRecordId(uuid::Uuid::from_u128(id))
}

pub(crate) fn always() -> Validity {
    Validity::from(Date::MIN)
}

pub(crate) fn facts(born: Date) -> RightsFacts {
    let mut facts = RightsFacts::new(born, SchoolYearStart::Unknown);
    facts
        .parents
        .push(parent(900, "mother", ParentStanding::ParentalResponsibility));
    facts
}

pub(crate) fn parent(id: u128, party: &str, standing: ParentStanding) -> Parent {
    Parent {
        head: head(id),
        party: PartyRef::new(party),
        standing,
        valid: always(),
    }
}

pub(crate) fn mother() -> Giver {
    Giver::Parent(PartyRef::new("mother"))
}

pub(crate) fn deputy() -> Giver {
    Giver::Representative(PartyRef::new("deputy"))
}

pub(crate) fn said(id: u128, giver: Giver, decision: ConsentDecision, on: Date) -> Consent {
    Consent {
        head: head(id),
        giver,
        decision,
        given_on: on,
        reach: Reach::ANY,
        valid: always(),
        withdrawn_on: None,
        withdrawn_by: None,
    }
}

pub(crate) fn granted(id: u128, giver: Giver, on: Date) -> Consent {
    said(id, giver, ConsentDecision::Granted, on)
}

pub(crate) fn refused(id: u128, giver: Giver, on: Date) -> Consent {
    said(id, giver, ConsentDecision::Refused, on)
}

pub(crate) fn understanding(id: u128, sufficient: bool, on: Date) -> Understanding {
    Understanding {
        head: head(id),
        reach: Reach::ANY,
        sufficient,
        assessed_on: on,
        review_by: None,
    }
}

pub(crate) fn finding(id: u128, of: Person, outcome: CapacityOutcome, on: Date) -> CapacityFinding {
    CapacityFinding {
        head: head(id),
        of,
        decision: DecisionKind::ConsentToDisclosure,
        reach: Reach::ANY,
        outcome,
        assessed_by: "SEN officer".into(),
        assessed_on: on,
        review_by: Date::MAX,
    }
}

pub(crate) fn lacks(id: u128, on: Date) -> CapacityFinding {
    finding(id, Person::Subject, CapacityOutcome::LacksCapacity, on)
}

pub(crate) fn mother_lacks(id: u128) -> CapacityFinding {
    let mother = Person::Parent(PartyRef::new("mother"));
    finding(id, mother, CapacityOutcome::LacksCapacity, Date::MIN)
}

pub(crate) fn appointed(id: u128, of: Person, kind: RepresentativeKind) -> Representative {
    Representative {
        head: head(id),
        of,
        party: PartyRef::new("deputy"),
        kind,
        decisions: Covers::Any,
        reach: Reach::ANY,
        valid: always(),
    }
}

pub(crate) fn authority(id: u128, from: Date) -> ParentAuthority {
    ParentAuthority {
        head: head(id),
        party: PartyRef::new("mother"),
        decisions: Covers::Any,
        reach: Reach::ANY,
        valid: Validity::from(from),
        revoked_on: None,
    }
}

/// A plan for the youth club, for leisure: what most tests ask about.
pub(crate) fn with_scope<T>(ask: impl FnOnce(&Scope<'_>) -> T) -> T {
    let club = agency("youth-club");
    ask(&Scope {
        item: Item::EhcPlan,
        recipient: &club,
        role: RecipientRole::ThirdParty,
        purpose: "leisure",
    })
}
