//! Whose consent counts, record by record.

use jiff::civil::{Date, date};
use sendhub_domain::disclosure::{Ability, ConsentStanding, Item};
use sendhub_domain::rights::*;

use crate::build::*;

fn standing(facts: &RightsFacts, day: Date) -> ConsentStanding {
    with_scope(|scope| facts.consent_standing(scope, day)).standing
}

const CHILD_DAY: Date = date(2020, 3, 2);
const YOUNG_DAY: Date = date(2026, 9, 1);
/// The day on which rights pass for [`BORN`] and [`SUMMER`].
const PASS: Date = date(2026, 6, 27);

/// SEND Regulations 2014 reg 17(2), (3): the child who understands, else the parent, else nobody can tell.
#[test]
fn a_childs_consent_depends_on_recorded_understanding() {
    use ConsentStanding::{Child, None, Parent, Refused, UnderstandingNotRecorded, WrongGiver};
    let day = CHILD_DAY;
    let pupil = || granted(1, Giver::Subject, day);
    let parents = || granted(2, mother(), day);
    for (case, understands, consents, expected) in [
        ("nothing", Some(true), vec![], None),
        ("child who understands", Some(true), vec![pupil()], Child),
        (
            "parent of a child who understands",
            Some(true),
            vec![parents()],
            WrongGiver,
        ),
        (
            "parent of a child who does not",
            Some(false),
            vec![parents()],
            Parent,
        ),
        ("child who does not", Some(false), vec![pupil()], WrongGiver),
        (
            "parent, nothing recorded",
            Option::None,
            vec![parents()],
            UnderstandingNotRecorded,
        ),
        (
            "child, nothing recorded",
            Option::None,
            vec![pupil()],
            UnderstandingNotRecorded,
        ),
        (
            "parent refuses, nothing recorded",
            Option::None,
            vec![refused(3, mother(), day)],
            Refused,
        ),
        (
            "they disagree, nothing recorded",
            Option::None,
            vec![parents(), refused(3, Giver::Subject, day)],
            UnderstandingNotRecorded,
        ),
        (
            "parent refuses, child who understands agrees",
            Some(true),
            vec![pupil(), refused(3, mother(), day)],
            Child,
        ),
        (
            "child refuses, does not understand",
            Some(false),
            vec![parents(), refused(3, Giver::Subject, day)],
            Parent,
        ),
        (
            "a deputy of the child",
            Some(false),
            vec![granted(3, deputy(), day)],
            WrongGiver,
        ),
    ] {
        let mut facts = facts(BORN);
        facts.consents = consents;
        facts.understandings = understands
            .map(|yes| understanding(8, yes, day))
            .into_iter()
            .collect();
        assert_eq!(standing(&facts, day), expected, "{case}");
    }
}

/// Reg 17(2): the latest judgement for this disclosure, until its review is overdue.
#[test]
fn understanding_is_judged_for_a_disclosure_and_a_time() {
    let day = CHILD_DAY;
    let mut facts = facts(BORN);
    facts.consents.push(granted(1, Giver::Subject, day));
    facts
        .understandings
        .push(understanding(2, false, date(2019, 1, 1)));
    assert_eq!(standing(&facts, day), ConsentStanding::WrongGiver);
    facts.understandings.push(Understanding {
        review_by: Some(date(2020, 3, 2)),
        ..understanding(3, true, date(2020, 1, 1))
    });
    assert_eq!(standing(&facts, day), ConsentStanding::Child);
    assert_eq!(
        standing(&facts, date(2020, 3, 3)),
        ConsentStanding::UnderstandingNotRecorded,
        "review overdue"
    );
    facts.understandings = vec![Understanding {
        reach: Reach {
            items: Covers::Only(vec![Item::PupilInformation]),
            ..Reach::ANY
        },
        ..understanding(4, true, date(2020, 1, 1))
    }];
    assert_eq!(
        standing(&facts, day),
        ConsentStanding::UnderstandingNotRecorded,
        "for another item"
    );
}

/// Education Act 1996 s.576 and recorded restrictions: who is no parent, or may not act, gives nothing.
#[test]
fn only_a_parent_who_may_act() {
    let day = CHILD_DAY;
    let base = || {
        let mut facts = facts(BORN);
        facts.understandings.push(understanding(8, false, day));
        facts.consents.push(granted(1, mother(), day));
        facts
    };
    assert_eq!(standing(&base(), day), ConsentStanding::Parent);
    for kind in RestrictionKind::ALL {
        let mut facts = base();
        facts.restrictions.push(Restriction {
            head: head(2),
            party: PartyRef::new("mother"),
            kind: *kind,
            valid: Validity {
                from: day,
                until: Some(day),
            },
        });
        assert_eq!(standing(&facts, day), ConsentStanding::WrongGiver, "{kind}");
        assert_eq!(
            standing(&facts, date(2020, 3, 3)),
            ConsentStanding::Parent,
            "{kind} over"
        );
    }
    for (person, expected) in [
        (Option::None, ConsentStanding::WrongGiver),
        (Some(ParentStanding::Neither), ConsentStanding::WrongGiver),
        (Some(ParentStanding::Care), ConsentStanding::Parent),
    ] {
        let mut facts = base();
        facts.parents = person
            .map(|standing| parent(3, "mother", standing))
            .into_iter()
            .collect();
        assert_eq!(standing(&facts, day), expected, "{person:?}");
    }
}

/// Reg 63: the representative of a child's parent who lacks capacity speaks as the parent.
#[test]
fn a_parents_representative_speaks_as_the_parent() {
    let day = CHILD_DAY;
    let mut facts = facts(BORN);
    facts.understandings.push(understanding(8, false, day));
    facts.consents.push(granted(1, deputy(), day));
    let of = Person::Parent(PartyRef::new("mother"));
    facts
        .representatives
        .push(appointed(2, of, RepresentativeKind::LastingPower));
    assert_eq!(
        standing(&facts, day),
        ConsentStanding::WrongGiver,
        "the parent is able"
    );
    facts.capacity.push(mother_lacks(3));
    assert_eq!(standing(&facts, day), ConsentStanding::Parent);
    facts.consents = vec![granted(4, mother(), day)];
    assert_eq!(
        standing(&facts, day),
        ConsentStanding::WrongGiver,
        "the parent is not"
    );
}

/// A parent's consent lapses on the day on which rights pass, at collection as at sending (law of that day).
#[test]
fn a_parents_consent_lapses_when_rights_pass() {
    let mut facts = facts(SUMMER);
    facts.understandings.push(understanding(8, false, CHILD_DAY));
    facts.consents.push(granted(1, mother(), date(2026, 6, 1)));
    assert_eq!(standing(&facts, date(2026, 6, 26)), ConsentStanding::Parent);
    for day in [PASS, date(2026, 7, 24), date(2030, 1, 1), date(2036, 1, 1)] {
        assert_eq!(standing(&facts, day), ConsentStanding::Lapsed, "{day}");
    }
    // What a parent says after that day was never theirs to say.
    facts.consents = vec![granted(2, mother(), PASS)];
    assert_eq!(standing(&facts, PASS), ConsentStanding::WrongGiver);
    // The young person's own stands beside the lapsed one.
    facts.consents = vec![
        granted(1, mother(), date(2026, 6, 1)),
        granted(3, Giver::Subject, PASS),
    ];
    assert_eq!(standing(&facts, PASS), ConsentStanding::YoungPerson);
}

/// A child's own consent goes on as the young person's, if the child understood when it was given.
#[test]
fn a_childs_own_consent_is_worth_what_was_understood() {
    for (understands, expected) in [
        (Some(true), ConsentStanding::YoungPerson),
        (Some(false), ConsentStanding::WrongGiver),
        (Option::None, ConsentStanding::UnderstandingNotRecorded),
    ] {
        let mut facts = facts(BORN);
        facts.consents.push(granted(1, Giver::Subject, date(2026, 6, 1)));
        facts.understandings = understands
            .map(|yes| understanding(8, yes, date(2026, 5, 1)))
            .into_iter()
            .collect();
        assert_eq!(standing(&facts, YOUNG_DAY), expected, "{understands:?}");
    }
}

/// Code 8.14: a parent acts for a young person under a scoped, dated, revocable authority, never by default; and
/// the young person's own decision prevails.
#[test]
fn an_authorised_parent() {
    use ConsentStanding::{AuthorisedParent, Lapsed, Refused, WrongGiver, YoungPerson};
    let from = date(2026, 7, 1);
    let said_on = date(2026, 7, 10);
    let yes = || granted(1, mother(), said_on);
    let no = |on| refused(2, Giver::Subject, on);
    let base = || authority(9, from);
    let other_item = Reach {
        items: Covers::Only(vec![Item::PupilInformation]),
        ..Reach::ANY
    };
    for (case, authority, consents, expected) in [
        ("in force", base(), vec![yes()], AuthorisedParent),
        (
            "given after the parent spoke",
            authority(9, date(2026, 7, 11)),
            vec![yes()],
            WrongGiver,
        ),
        (
            "given before rights passed",
            authority(9, date(2026, 6, 26)),
            vec![yes()],
            WrongGiver,
        ),
        (
            "for another item",
            ParentAuthority {
                reach: other_item,
                ..base()
            },
            vec![yes()],
            WrongGiver,
        ),
        (
            "for another decision",
            ParentAuthority {
                decisions: Covers::Only(vec![DecisionKind::Appeal]),
                ..base()
            },
            vec![yes()],
            WrongGiver,
        ),
        (
            "revoked",
            ParentAuthority {
                revoked_on: Some(YOUNG_DAY),
                ..base()
            },
            vec![yes()],
            WrongGiver,
        ),
        (
            "ended",
            ParentAuthority {
                valid: Validity {
                    from,
                    until: Some(date(2026, 8, 31)),
                },
                ..base()
            },
            vec![yes()],
            WrongGiver,
        ),
        (
            "does not revive",
            base(),
            vec![granted(1, mother(), date(2026, 6, 1))],
            Lapsed,
        ),
        (
            "a no since the authority",
            base(),
            vec![yes(), no(date(2026, 7, 2))],
            Refused,
        ),
        (
            "a no before the authority",
            base(),
            vec![yes(), no(date(2026, 6, 30))],
            AuthorisedParent,
        ),
        (
            "the young person's yes over the parent's no",
            base(),
            vec![granted(3, Giver::Subject, from), refused(4, mother(), said_on)],
            YoungPerson,
        ),
    ] {
        let mut facts = facts(BORN);
        facts.authorities.push(authority);
        facts.consents = consents;
        assert_eq!(standing(&facts, YOUNG_DAY), expected, "{case}");
    }
}

/// Reg 64(2): for one who lacks capacity for this decision, in strict order.
#[test]
fn alternative_persons_consent_in_strict_order() {
    use ConsentStanding::{AlternativePerson, Lapsed, Representative, WrongGiver};
    let since = date(2026, 8, 2);
    let deputys = || appointed(7, Person::Subject, RepresentativeKind::Deputy);
    let mothers = || {
        appointed(
            6,
            Person::Parent(PartyRef::new("mother")),
            RepresentativeKind::Deputy,
        )
    };
    for (case, representatives, mother_able, giver, on, expected) in [
        ("parent", vec![], true, mother(), since, AlternativePerson),
        (
            "parent, said as a child's parent",
            vec![],
            true,
            mother(),
            date(2026, 6, 26),
            Lapsed,
        ),
        (
            "parent beside a deputy",
            vec![deputys()],
            true,
            mother(),
            since,
            WrongGiver,
        ),
        ("deputy", vec![deputys()], true, deputy(), since, Representative),
        ("no deputy", vec![], true, deputy(), since, WrongGiver),
        ("young person", vec![], true, Giver::Subject, since, WrongGiver),
        (
            "parent who lacks capacity",
            vec![mothers()],
            false,
            mother(),
            since,
            WrongGiver,
        ),
        (
            "that parent's representative",
            vec![mothers()],
            false,
            deputy(),
            since,
            AlternativePerson,
        ),
        (
            "of a parent who is able",
            vec![mothers()],
            true,
            deputy(),
            since,
            WrongGiver,
        ),
    ] {
        let mut facts = facts(BORN);
        facts.capacity.push(lacks(1, date(2026, 8, 1)));
        if !mother_able {
            facts.capacity.push(mother_lacks(2));
        }
        facts.representatives = representatives;
        facts.consents.push(granted(3, giver, on));
        assert_eq!(standing(&facts, YOUNG_DAY), expected, "{case}");
    }
    // Capacity regained: the stand-ins have no say any more.
    let mut facts = facts(BORN);
    facts.capacity.push(lacks(1, date(2026, 8, 1)));
    facts.capacity.push(finding(
        2,
        Person::Subject,
        CapacityOutcome::HasCapacity,
        YOUNG_DAY,
    ));
    facts.representatives.push(deputys());
    facts.consents.push(granted(3, deputy(), since));
    assert_eq!(standing(&facts, YOUNG_DAY), WrongGiver);
    assert_eq!(standing(&facts, date(2026, 8, 31)), Representative);
}

/// CFA 2014 s.83(2): what was found of the child's understanding does not follow the young person; what is said of
/// the young person before 16 is for a named person (MCA 2005 s.2(5)).
#[test]
fn a_childs_understanding_ends_with_childhood() {
    let mut facts = facts(SUMMER);
    facts
        .understandings
        .push(understanding(1, false, date(2026, 6, 1)));
    facts.consents.push(granted(2, Giver::Subject, PASS));
    let ability = |facts: &RightsFacts, day| with_scope(|scope| facts.ability_for(scope, day));
    assert_eq!(ability(&facts, date(2026, 6, 26)), Ability::DoesNotUnderstand);
    assert_eq!(ability(&facts, PASS), Ability::NotRecorded);
    assert_eq!(standing(&facts, PASS), ConsentStanding::YoungPerson);
    facts.understandings.push(understanding(3, false, PASS));
    assert_eq!(ability(&facts, PASS), Ability::SaidToLackUnder16);
}

/// MCA 2005 s.2(5): said to lack capacity before 16: the ability tells it, and no parent's consent stands.
#[test]
fn said_to_lack_capacity_before_16() {
    let day = date(2026, 7, 1);
    let mut facts = facts(SUMMER);
    facts.capacity.push(lacks(1, PASS));
    facts.consents.push(granted(2, mother(), PASS));
    assert_eq!(
        with_scope(|scope| facts.ability_for(scope, day)),
        Ability::SaidToLackUnder16
    );
    assert_eq!(standing(&facts, day), ConsentStanding::WrongGiver);
    facts.consents.push(granted(3, Giver::Subject, PASS));
    assert_eq!(standing(&facts, day), ConsentStanding::YoungPerson);
}
