//! Exclusions, opinions, requests and copies, record by record.

use jiff::civil::{Date, date};
use sendhub_domain::disclosure::{ConsentStanding, Item};
use sendhub_domain::rights::*;

use crate::build::*;

const CHILD_DAY: Date = date(2020, 3, 2);
const YOUNG_DAY: Date = date(2026, 9, 1);

fn standing(facts: &RightsFacts, day: Date) -> ConsentStanding {
    with_scope(|scope| facts.consent_standing(scope, day)).standing
}

#[test]
fn those_who_must_not_have_it() {
    let mut facts = facts(BORN);
    facts.consents.push(granted(2, Giver::Subject, date(2026, 8, 1)));
    facts.exclusions.push(Exclusion {
        head: head(1),
        reach: Reach {
            recipients: Recipients::Named {
                agencies: vec![agency("youth-club")],
                roles: vec![],
            },
            ..Reach::ANY
        },
        valid: Validity {
            from: date(2026, 7, 1),
            until: Some(YOUNG_DAY),
        },
    });
    assert_eq!(
        with_scope(|scope| facts.excluded(scope, YOUNG_DAY)),
        Some(record(1))
    );
    assert_eq!(standing(&facts, YOUNG_DAY), ConsentStanding::Refused);
    assert_eq!(standing(&facts, date(2026, 9, 2)), ConsentStanding::YoungPerson);
    let school = agency("mock-college");
    with_scope(|scope| {
        let other = Scope {
            recipient: &school,
            ..*scope
        };
        assert_eq!(facts.excluded(&other, YOUNG_DAY), Option::None);
        assert_eq!(
            facts.consent_standing(&other, YOUNG_DAY).standing,
            ConsentStanding::YoungPerson
        );
    });
}

/// Reg 17(1)(a): an officer, a reason, a recipient, an item, dates. A school cannot invent it: the caller sees to that.
#[test]
fn an_opinion_names_whom_it_lets_in() {
    let recipients = Recipients::Named {
        agencies: vec![agency("youth-club")],
        roles: vec![],
    };
    let good = || LaOpinion {
        head: head(1),
        officer: "SEN manager".into(),
        reason: "needed to keep the child safe there".into(),
        reach: Reach {
            recipients: recipients.clone(),
            ..Reach::ANY
        },
        valid: Validity {
            from: CHILD_DAY,
            until: Some(CHILD_DAY),
        },
    };
    for (case, opinion, covers) in [
        ("good", good(), true),
        (
            "no officer",
            LaOpinion {
                officer: " ".into(),
                ..good()
            },
            false,
        ),
        (
            "no reason",
            LaOpinion {
                reason: String::new(),
                ..good()
            },
            false,
        ),
        (
            "anybody",
            LaOpinion {
                reach: Reach::ANY,
                ..good()
            },
            false,
        ),
        (
            "over",
            LaOpinion {
                valid: Validity {
                    from: Date::MIN,
                    until: Some(date(2020, 3, 1)),
                },
                ..good()
            },
            false,
        ),
        (
            "superseded",
            LaOpinion {
                head: RecordHead {
                    superseded_on: Some(CHILD_DAY),
                    ..head(1)
                },
                ..good()
            },
            false,
        ),
    ] {
        let mut facts = facts(BORN);
        facts.opinions.push(opinion);
        let found = with_scope(|scope| facts.opinion_covers(scope, CHILD_DAY));
        assert_eq!(found.is_some(), covers, "{case}");
    }
}

/// Regs 17(1)(j), (k), 47: on the young person's request.
#[test]
fn a_request_is_the_young_persons() {
    let base = |by, on| SubjectRequest {
        head: head(1),
        kind: RequestKind::Dsa,
        by,
        recipients: Recipients::Any,
        made_on: on,
        until: Option::None,
        withdrawn_on: Option::None,
    };
    let own = || base(Giver::Subject, date(2026, 8, 1));
    for (case, request, on_file) in [
        ("own", own(), true),
        (
            "withdrawn",
            SubjectRequest {
                withdrawn_on: Some(YOUNG_DAY),
                ..own()
            },
            false,
        ),
        (
            "over",
            SubjectRequest {
                until: Some(date(2026, 8, 31)),
                ..own()
            },
            false,
        ),
        (
            "of another kind",
            SubjectRequest {
                kind: RequestKind::HigherEducation,
                ..own()
            },
            false,
        ),
        ("not yet made", base(Giver::Subject, date(2026, 9, 2)), false),
        ("made as a child", base(Giver::Subject, date(2026, 6, 26)), false),
        ("a parent's", base(mother(), date(2026, 8, 1)), false),
    ] {
        let mut facts = facts(BORN);
        facts.requests.push(request);
        let found = with_scope(|scope| facts.request_on_file(RequestKind::Dsa, scope, YOUNG_DAY));
        assert_eq!(found.is_some(), on_file, "{case}");
    }
    let mut facts = facts(BORN);
    facts.requests.push(base(mother(), date(2026, 8, 1)));
    facts.authorities.push(authority(2, date(2026, 7, 1)));
    let found = with_scope(|scope| facts.request_on_file(RequestKind::Dsa, scope, YOUNG_DAY));
    assert_eq!(found, Some(record(1)), "an authorised parent's");
}

/// Code 8.14 and the young person's choice: the latest for each parent.
#[test]
fn copies_follow_the_latest_choice() {
    let choice = |id, party: &str, wanted, from| CopyPreference {
        head: head(id),
        party: PartyRef::new(party),
        items: Covers::Only(vec![Item::EhcPlan]),
        wanted,
        valid: Validity::from(from),
    };
    let mut facts = facts(BORN);
    facts.copies = vec![
        choice(1, "mother", true, date(2026, 7, 1)),
        choice(2, "mother", false, date(2026, 8, 1)),
        choice(3, "father", true, date(2026, 7, 1)),
    ];
    let ids = |item, day| -> Vec<_> { facts.copies_to(item, day).iter().map(|one| one.head.id).collect() };
    assert_eq!(ids(Item::EhcPlan, date(2026, 7, 31)), [record(1), record(3)]);
    assert_eq!(ids(Item::EhcPlan, YOUNG_DAY), [record(2), record(3)]);
    assert!(ids(Item::Advice, YOUNG_DAY).is_empty());
}
