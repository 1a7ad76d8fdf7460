//! What consents come to in time and scope, and at the edges of status, record by record.

use jiff::civil::{Date, date};
use sendhub_domain::disclosure::{ConsentStanding, Item, RecipientRole};
use sendhub_domain::plan_limit::Provision;
use sendhub_domain::rights::*;

use crate::build::*;

const YOUNG_DAY: Date = date(2026, 9, 1);
/// The day on which rights pass for [`BORN`].
const PASS: Date = date(2026, 6, 27);

fn standing(facts: &RightsFacts, day: Date) -> ConsentStanding {
    with_scope(|scope| facts.consent_standing(scope, day)).standing
}

/// The latest word of today's right-holder counts: UK GDPR Art 7(3) by analogy; consent can be taken back.
#[test]
fn the_latest_word_counts() {
    use ConsentStanding::{Expired, Refused, Withdrawn, YoungPerson};
    let on = |day| date(2026, 8, day);
    let yes = |id, day| granted(id, Giver::Subject, on(day));
    let no = |id, day| refused(id, Giver::Subject, on(day));
    let withdrawn = |consent, day| Consent {
        withdrawn_on: Some(on(day)),
        ..consent
    };
    let withdrawn_by = |consent, day, id| Consent {
        withdrawn_by: Some(record(id)),
        ..withdrawn(consent, day)
    };
    let until = |consent, day| Consent {
        valid: Validity {
            from: Date::MIN,
            until: Some(on(day)),
        },
        ..consent
    };
    let starting = |consent, from| Consent {
        valid: Validity::from(from),
        ..consent
    };
    for (case, consents, expected) in [
        ("no after yes", vec![yes(1, 1), no(2, 2)], Refused),
        ("yes after no", vec![yes(3, 3), no(2, 2)], YoungPerson),
        (
            "no and yes of one day: the later record",
            vec![yes(1, 2), no(2, 2)],
            Refused,
        ),
        (
            "yes and no of one day: the later record",
            vec![yes(3, 2), no(2, 2)],
            YoungPerson,
        ),
        ("withdrawn", vec![withdrawn(yes(1, 1), 2)], Withdrawn),
        (
            "withdrawn beats an older yes",
            vec![withdrawn(yes(1, 3), 4), yes(2, 2)],
            Withdrawn,
        ),
        (
            "given anew on the day of withdrawal",
            vec![withdrawn(yes(1, 3), 4), yes(2, 4)],
            YoungPerson,
        ),
        (
            "two of one day, then the withdrawal of the first on that day",
            vec![withdrawn_by(yes(1, 4), 4, 3), yes(2, 4)],
            Withdrawn,
        ),
        (
            "given anew on that day, recorded after the withdrawal",
            vec![withdrawn_by(yes(1, 4), 4, 3), yes(2, 4), yes(4, 4)],
            YoungPerson,
        ),
        (
            "given the day before the withdrawal, recorded after it",
            vec![withdrawn_by(yes(1, 1), 4, 3), yes(5, 3)],
            Withdrawn,
        ),
        (
            "the refusal itself withdrawn",
            vec![yes(1, 1), withdrawn(no(2, 2), 3)],
            YoungPerson,
        ),
        (
            "the refusal's time is over",
            vec![yes(1, 1), until(no(2, 2), 5)],
            YoungPerson,
        ),
        (
            "a stranger's no",
            vec![yes(1, 1), refused(2, mother(), on(2))],
            YoungPerson,
        ),
        ("expired", vec![until(yes(1, 1), 31)], Expired),
        (
            "its last day",
            vec![Consent {
                valid: Validity {
                    from: Date::MIN,
                    until: Some(YOUNG_DAY),
                },
                ..yes(1, 1)
            }],
            YoungPerson,
        ),
        ("not begun", vec![starting(yes(1, 1), date(2026, 9, 2))], Expired),
        ("begins today", vec![starting(yes(1, 1), YOUNG_DAY)], YoungPerson),
    ] {
        let mut facts = facts(BORN);
        facts.consents = consents;
        assert_eq!(standing(&facts, YOUNG_DAY), expected, "{case}");
    }
    let mut facts = facts(BORN);
    facts.consents = vec![withdrawn(yes(1, 1), 20)];
    assert_eq!(standing(&facts, on(19)), YoungPerson, "the day before withdrawal");
    assert_eq!(standing(&facts, on(20)), Withdrawn, "the day of withdrawal");
}

/// What a consent does not name it does not cover.
#[test]
fn out_of_scope() {
    let only = |reach| {
        let mut facts = facts(BORN);
        facts.consents.push(Consent {
            reach,
            ..granted(1, Giver::Subject, PASS)
        });
        standing(&facts, YOUNG_DAY)
    };
    let named = |agencies: &[&str], roles: &[RecipientRole]| Recipients::Named {
        agencies: agencies.iter().map(|id| agency(id)).collect(),
        roles: roles.to_vec(),
    };
    let (yes, no) = (ConsentStanding::YoungPerson, ConsentStanding::OutOfScope);
    for (case, reach, expected) in [
        ("anything", Reach::ANY, yes),
        (
            "this item",
            Reach {
                items: Covers::Only(vec![Item::EhcPlan]),
                ..Reach::ANY
            },
            yes,
        ),
        (
            "another item",
            Reach {
                items: Covers::Only(vec![Item::Advice]),
                ..Reach::ANY
            },
            no,
        ),
        (
            "this agency",
            Reach {
                recipients: named(&["youth-club"], &[]),
                ..Reach::ANY
            },
            yes,
        ),
        (
            "this part",
            Reach {
                recipients: named(&[], &[RecipientRole::ThirdParty]),
                ..Reach::ANY
            },
            yes,
        ),
        (
            "another agency",
            Reach {
                recipients: named(&["employer"], &[]),
                ..Reach::ANY
            },
            no,
        ),
        (
            "this purpose",
            Reach {
                purposes: Covers::Only(vec!["leisure".into()]),
                ..Reach::ANY
            },
            yes,
        ),
        (
            "another purpose",
            Reach {
                purposes: Covers::Only(vec!["Leisure".into()]),
                ..Reach::ANY
            },
            no,
        ),
    ] {
        assert_eq!(only(reach), expected, "{case}");
    }
}

/// While the calendar decides and is not known, parent and pupil must both have granted.
#[test]
fn while_age_status_needs_a_determination() {
    use ConsentStanding::{Both, NeedsDetermination, None, Refused, WrongGiver};
    let day = date(2026, 7, 1);
    let (pupil, parents) = (|| granted(1, Giver::Subject, day), || granted(2, mother(), day));
    for (case, consents, expected) in [
        ("neither", vec![], None),
        ("pupil", vec![pupil()], NeedsDetermination),
        ("parent", vec![parents()], NeedsDetermination),
        ("both", vec![pupil(), parents()], Both),
        ("one refuses", vec![pupil(), refused(3, mother(), day)], Refused),
        (
            "a stranger",
            vec![granted(4, Giver::Parent(PartyRef::new("stranger")), day)],
            WrongGiver,
        ),
    ] {
        let mut facts = facts(date(2010, 9, 1));
        facts.consents = consents;
        assert_eq!(standing(&facts, day), expected, "{case}");
    }
    // Once ruled, the parent's lapses or the pupil's understanding is asked.
    let mut facts = facts(date(2010, 9, 1));
    facts.consents = vec![parents()];
    let ruled = |last| AgeDetermination {
        head: head(5),
        ruled_on: day,
        last_day_of_csa: last,
    };
    facts.determinations = vec![ruled(date(2026, 6, 26))];
    assert_eq!(standing(&facts, day), WrongGiver, "given after rights had passed");
    facts.determinations = vec![ruled(date(2027, 6, 25))];
    assert_eq!(standing(&facts, day), ConsentStanding::UnderstandingNotRecorded);
}

/// CFA 2014 s.46: from 25 the person's own word counts while the authority keeps the plan.
#[test]
fn from_25() {
    let day = date(2035, 6, 1);
    let mut facts = facts(BORN);
    facts.consents.push(granted(1, Giver::Subject, date(2035, 1, 1)));
    assert_eq!(standing(&facts, day), ConsentStanding::WrongGiver);
    facts.continuation = Some(PlanContinuation {
        head: head(2),
        provision: Provision::FurtherEducation,
        training_finishes: Option::None,
        ends_on: date(2035, 7, 31),
    });
    assert_eq!(standing(&facts, day), ConsentStanding::YoungPerson);
    assert_eq!(standing(&facts, date(2035, 8, 1)), ConsentStanding::WrongGiver);
}
