//! Who decides, record by record.

use jiff::civil::{Date, date};
use sendhub_domain::age::{AgeStatus, SchoolYearStart};
use sendhub_domain::disclosure::Ability;
use sendhub_domain::rights::*;

use crate::build::*;

fn holder(facts: &RightsFacts, day: Date) -> Holder {
    let answer = with_scope(|scope| facts.holder_on(&Decision::Disclosure(*scope), day));
    assert!(!answer.in_words().is_empty() && !answer.provision().is_empty());
    answer.holder
}

fn ability(facts: &RightsFacts, day: Date) -> Ability {
    with_scope(|scope| facts.ability_for(scope, day))
}

/// Education Act 1996 s.8; CFA 2014 s.83(2): age alone.
#[test]
fn age_alone() {
    for (born, day, expected) in [
        (BORN, date(2010, 5, 13), Holder::Nobody),
        (BORN, date(2012, 1, 1), Holder::ChildsParent),
        (BORN, date(2026, 6, 26), Holder::ChildsParent),
        (BORN, date(2026, 6, 27), Holder::YoungPerson),
        (SUMMER, date(2026, 6, 27), Holder::YoungPerson),
        (BORN, date(2035, 5, 13), Holder::YoungPerson),
        (BORN, date(2035, 5, 14), Holder::Nobody),
        (date(2010, 9, 1), date(2026, 6, 26), Holder::ChildsParent),
        (date(2010, 9, 1), date(2026, 6, 27), Holder::NeedsDetermination),
        (date(2010, 9, 1), date(2027, 6, 26), Holder::YoungPerson),
    ] {
        assert_eq!(holder(&facts(born), day), expected, "{born} on {day}");
    }
}

/// MCA 2005 s.2(5): before the sixteenth birthday nobody takes the young person's place, whatever is found.
#[test]
fn under_16_the_young_person_stays_the_holder() {
    let mut facts = facts(SUMMER);
    facts.capacity.push(lacks(1, date(2026, 6, 28)));
    facts
        .representatives
        .push(appointed(2, Person::Subject, RepresentativeKind::Deputy));
    let before = date(2026, 7, 23);
    assert_eq!(holder(&facts, before), Holder::YoungPerson);
    assert_eq!(ability(&facts, before), Ability::SaidToLackUnder16);
    // What was found when the Act could not be used does not count on the birthday either.
    let birthday = date(2026, 7, 24);
    assert_eq!(holder(&facts, birthday), Holder::YoungPerson);
    assert_eq!(ability(&facts, birthday), Ability::HasCapacity);
    facts.capacity.push(lacks(3, birthday));
    assert_eq!(holder(&facts, birthday), Holder::Representative);
    assert_eq!(ability(&facts, birthday), Ability::LacksCapacity);
    assert_eq!(holder(&facts, before), Holder::YoungPerson);
}

/// SEND Regulations 2014 reg 64(2): representative, then parent, then the parent's representative.
#[test]
fn alternative_persons_in_strict_order() {
    let day = date(2026, 9, 1);
    let mut facts = facts(BORN);
    facts.capacity.push(lacks(1, date(2026, 8, 1)));
    assert_eq!(holder(&facts, day), Holder::AlternativeParent);
    facts.capacity.push(mother_lacks(2));
    assert_eq!(holder(&facts, day), Holder::AlternativeParentsRepresentative);
    facts.parents.push(parent(3, "father", ParentStanding::Care));
    assert_eq!(
        holder(&facts, day),
        Holder::AlternativeParent,
        "one parent is able"
    );
    facts
        .representatives
        .push(appointed(4, Person::Subject, RepresentativeKind::Deputy));
    assert_eq!(holder(&facts, day), Holder::Representative);
    let answer = with_scope(|scope| facts.holder_on(&Decision::Disclosure(*scope), day));
    assert_eq!(answer.appointment, Some(RepresentativeKind::Deputy));
    assert_eq!(answer.records, [record(1), record(4)]);
}

/// Reg 63: a child's parent who lacks capacity is read as the parent's representative.
#[test]
fn a_childs_parent_who_lacks_capacity() {
    let day = date(2020, 1, 1);
    let mut facts = facts(BORN);
    facts.capacity.push(mother_lacks(1));
    assert_eq!(holder(&facts, day), Holder::ChildsParentsRepresentative);
    facts
        .parents
        .push(parent(2, "neighbour", ParentStanding::Neither));
    assert_eq!(
        holder(&facts, day),
        Holder::ChildsParentsRepresentative,
        "no parent in law"
    );
    facts
        .parents
        .push(parent(3, "father", ParentStanding::ParentalResponsibility));
    assert_eq!(holder(&facts, day), Holder::ChildsParent);
    facts.restrictions.push(Restriction {
        head: head(4),
        party: PartyRef::new("father"),
        kind: RestrictionKind::NoContact,
        valid: always(),
    });
    assert_eq!(
        holder(&facts, day),
        Holder::ChildsParentsRepresentative,
        "restricted"
    );
}

/// CFA 2014 s.80(4); MCA 2005 s.1(2): for this decision, while relied on, the latest finding.
#[test]
fn a_finding_is_for_one_decision_and_one_time() {
    let day = date(2026, 9, 1);
    let base = || lacks(1, date(2026, 8, 1));
    let narrow = Reach {
        recipients: Recipients::Named {
            agencies: vec![agency("employer")],
            roles: vec![],
        },
        ..Reach::ANY
    };
    for (case, change, expected) in [
        ("as found", base(), Holder::AlternativeParent),
        (
            "another decision",
            CapacityFinding {
                decision: DecisionKind::Appeal,
                ..base()
            },
            Holder::YoungPerson,
        ),
        (
            "another recipient",
            CapacityFinding {
                reach: narrow,
                ..base()
            },
            Holder::YoungPerson,
        ),
        (
            "its last day",
            CapacityFinding {
                review_by: day,
                ..base()
            },
            Holder::AlternativeParent,
        ),
        (
            "review overdue",
            CapacityFinding {
                review_by: date(2026, 8, 31),
                ..base()
            },
            Holder::YoungPerson,
        ),
        ("not yet made", lacks(1, date(2026, 9, 2)), Holder::YoungPerson),
        (
            "superseded",
            CapacityFinding {
                head: RecordHead {
                    superseded_on: Some(day),
                    ..head(1)
                },
                ..base()
            },
            Holder::YoungPerson,
        ),
        (
            "of somebody else",
            CapacityFinding {
                of: Person::Parent(PartyRef::new("mother")),
                ..base()
            },
            Holder::YoungPerson,
        ),
    ] {
        let mut facts = facts(BORN);
        facts.capacity.push(change);
        assert_eq!(holder(&facts, day), expected, "{case}");
    }
    let mut facts = facts(BORN);
    facts.capacity.push(base());
    facts.capacity.push(finding(
        2,
        Person::Subject,
        CapacityOutcome::HasCapacity,
        date(2026, 8, 15),
    ));
    assert_eq!(holder(&facts, day), Holder::YoungPerson, "found able since");
    facts.capacity.push(lacks(3, date(2026, 8, 15)));
    assert_eq!(
        holder(&facts, day),
        Holder::YoungPerson,
        "two of one day: presumed able"
    );
}

/// MCA 2005 s.9(2)(c): a lasting power can be made from 18 only; CFA 2014 s.80(6): authority for these matters.
#[test]
fn a_representative_needs_an_appointment_that_can_be() {
    let (at_17, at_18) = (date(2028, 5, 13), date(2028, 5, 14));
    let base = |kind| appointed(2, Person::Subject, kind);
    let mut facts = facts(BORN);
    facts.capacity.push(lacks(1, date(2026, 8, 1)));
    facts.representatives = vec![base(RepresentativeKind::LastingPower)];
    assert_eq!(holder(&facts, at_17), Holder::AlternativeParent);
    assert_eq!(holder(&facts, at_18), Holder::Representative);
    facts.representatives = vec![Representative {
        decisions: Covers::Only(vec![DecisionKind::Appeal]),
        ..base(RepresentativeKind::Deputy)
    }];
    assert_eq!(
        holder(&facts, at_17),
        Holder::AlternativeParent,
        "no authority for this"
    );
    facts.representatives = vec![Representative {
        valid: Validity {
            from: Date::MIN,
            until: Some(at_17),
        },
        ..base(RepresentativeKind::Deputy)
    }];
    assert_eq!(holder(&facts, at_17), Holder::Representative);
    assert_eq!(holder(&facts, at_18), Holder::AlternativeParent, "ended");
}

/// Education Act 1996 s.8(3) limbs (a) and (c): the authority's ruling settles what the calendar leaves open.
#[test]
fn a_ruling_settles_what_the_calendar_leaves_open() {
    let day = date(2026, 7, 1);
    let ruled = |last| AgeDetermination {
        head: head(1),
        ruled_on: day,
        last_day_of_csa: last,
    };
    let mut facts = facts(date(2010, 9, 1));
    assert_eq!(
        facts.rights_pass(day),
        RightsPass::Undetermined {
            earliest: date(2026, 6, 27),
            latest: date(2027, 6, 26)
        }
    );
    facts.determinations = vec![ruled(date(2026, 6, 26))];
    assert_eq!(facts.status_on(day), AgeStatus::YoungPersonUnder16);
    assert_eq!(facts.status_on(date(2026, 9, 1)), AgeStatus::YoungPerson16To17);
    assert_eq!(facts.rights_pass(day), RightsPass::On(date(2026, 6, 27)));
    let before = date(2026, 6, 30);
    assert_eq!(
        facts.status_on(before),
        AgeStatus::NeedsDetermination,
        "not yet ruled"
    );
    assert_eq!(facts.status_as_known(before, day), AgeStatus::YoungPersonUnder16);
    facts.determinations = vec![ruled(date(2027, 6, 25))];
    assert_eq!(holder(&facts, day), Holder::ChildsParent);
    assert_eq!(holder(&facts, date(2027, 6, 25)), Holder::ChildsParent);
    assert_eq!(holder(&facts, date(2027, 6, 26)), Holder::YoungPerson);
    assert_eq!(facts.rights_pass(day), RightsPass::On(date(2027, 6, 26)));
    facts.determinations = vec![ruled(date(2026, 7, 31))];
    assert_eq!(
        facts.status_on(day),
        AgeStatus::NeedsDetermination,
        "no such leaving date"
    );
    // A confirmed calendar is not overruled.
    facts.school_year = SchoolYearStart::Confirmed(date(2026, 9, 2));
    facts.determinations = vec![ruled(date(2027, 6, 25))];
    assert_eq!(facts.status_on(day), AgeStatus::YoungPersonUnder16);
}

/// SI 1997/1970: the day on which rights pass.
#[test]
fn the_day_on_which_rights_pass() {
    for (born, start, expected) in [
        (BORN, SchoolYearStart::Unknown, date(2026, 6, 27)),
        (SUMMER, SchoolYearStart::Unknown, date(2026, 6, 27)),
        (date(2010, 11, 1), SchoolYearStart::Unknown, date(2027, 6, 26)),
        (
            date(2010, 9, 1),
            SchoolYearStart::Confirmed(date(2026, 9, 2)),
            date(2026, 6, 27),
        ),
        (
            date(2010, 9, 1),
            SchoolYearStart::Confirmed(date(2026, 9, 1)),
            date(2027, 6, 26),
        ),
    ] {
        let facts = RightsFacts::new(born, start);
        assert_eq!(
            facts.rights_pass(Date::MIN),
            RightsPass::On(expected),
            "{born} {start:?}"
        );
    }
}

/// CFA 2014 s.46: after 25 nobody holds rights, and the plan runs only as long as the authority may keep it.
#[test]
fn after_25() {
    let mut facts = facts(BORN);
    facts.continuation = Some(PlanContinuation {
        head: head(1),
        provision: sendhub_domain::plan_limit::Provision::FurtherEducation,
        training_finishes: None,
        ends_on: date(2036, 1, 1),
    });
    for (day, runs) in [
        (date(2035, 5, 13), false),
        (date(2035, 5, 14), true),
        (date(2035, 7, 31), true),
        // Past the college's year, whatever the record says.
        (date(2035, 8, 1), false),
    ] {
        assert_eq!(facts.plan_continues_on(day).is_some(), runs, "{day}");
    }
    assert_eq!(holder(&facts, date(2035, 6, 1)), Holder::Nobody);
}

#[test]
fn the_ends_of_the_calendar_do_not_panic() {
    for born in [Date::MIN, Date::MAX, date(9984, 2, 29), date(-9999, 2, 28)] {
        for day in [Date::MIN, Date::MAX, date(0, 1, 1)] {
            for start in [
                SchoolYearStart::Unknown,
                SchoolYearStart::Confirmed(Date::MAX),
                SchoolYearStart::Unconfirmed(Date::MIN),
            ] {
                let mut facts = facts(born);
                facts.school_year = start;
                facts.capacity.push(lacks(1, day));
                facts.consents.push(granted(2, mother(), day));
                facts.determinations.push(AgeDetermination {
                    head: head(3),
                    ruled_on: Date::MIN,
                    last_day_of_csa: Date::MAX,
                });
                let _ = (holder(&facts, day), ability(&facts, day), facts.rights_pass(day));
                let _ = with_scope(|scope| facts.consent_standing(scope, day));
            }
        }
    }
}
