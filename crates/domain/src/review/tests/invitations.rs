//! Whom a review invites, and how early.

use super::*;

#[test]
fn whoever_the_regulations_name_is_invited() {
    use AgeStatus as S;
    use InviteeRole as R;
    // Status, the young person asks for the parent, another acts, whom of the family, and the refusal.
    type Row = (S, bool, bool, &'static [R], Option<&'static str>);
    const YOUNG: Option<&str> = Some("INVITE_THE_YOUNG_PERSON");
    const MISSING: Option<&str> = Some("REQUIRED_INVITEE_MISSING");
    let table: [Row; 20] = [
        (S::ChildOfCsa, false, false, &[R::Parent], None),
        (S::ChildBelowCsa, false, false, &[R::Parent, R::YoungPerson], None),
        (
            S::ChildOfCsa,
            false,
            false,
            &[R::YoungPerson],
            Some("INVITE_THE_PARENT"),
        ),
        (S::ChildOfCsa, false, false, &[], MISSING),
        (S::YoungPersonUnder16, false, false, &[R::YoungPerson], None),
        (S::YoungPersonUnder16, false, false, &[R::Parent], YOUNG),
        (S::YoungPerson16To17, false, false, &[R::YoungPerson], None),
        (S::YoungPerson16To17, false, false, &[R::Parent], YOUNG),
        (S::YoungPerson16To17, true, false, &[R::Parent], None),
        (
            S::YoungPerson16To17,
            true,
            false,
            &[R::Parent, R::YoungPerson],
            None,
        ),
        (S::YoungPerson16To17, true, false, &[], MISSING),
        (S::YoungPerson18To24, false, false, &[R::Parent], YOUNG),
        (S::YoungPerson18To24, false, false, &[], MISSING),
        (S::YoungPerson18To24, false, true, &[R::AlternativePerson], None),
        (S::YoungPerson18To24, false, true, &[R::Parent], None),
        (S::YoungPerson18To24, false, true, &[R::YoungPerson], MISSING),
        (S::Over25, false, false, &[R::YoungPerson], None),
        (
            S::NeedsDetermination,
            false,
            false,
            &[R::Parent, R::YoungPerson],
            None,
        ),
        (S::NeedsDetermination, false, false, &[R::Parent], MISSING),
        (
            S::NotYetBorn,
            false,
            false,
            &[R::Parent],
            Some("DATES_CANNOT_BE_RIGHT"),
        ),
    ];
    for (status, holder_asks_parent, alternative_person_acts, family, expected) in table {
        let mut facts = ReviewCall {
            status,
            holder_asks_parent,
            alternative_person_acts,
            ..call()
        };
        facts.invitees.retain(|invitee| invitee.who.role != R::Parent);
        facts
            .invitees
            .extend(family.iter().map(|role| sent(*role, "", date(2026, 10, 26))));
        let refused = called(facts).err().map(|refusal| refusal.reason);
        assert_eq!(refused, expected, "{status} {family:?}");
    }
}

#[test]
fn each_officer_is_required_and_the_institution_where_one_is_attended() {
    use InviteeRole as R;
    for at_school in [true, false] {
        for role in [
            R::Institution,
            R::LaSenOfficer,
            R::HealthProfessional,
            R::LaSocialCare,
        ] {
            let mut facts = ReviewCall { at_school, ..call() };
            facts.invitees.retain(|invitee| invitee.who.role != role);
            let refused = called(facts).err();
            if role == R::Institution && !at_school {
                assert_eq!(refused, None);
                continue;
            }
            let refused = refused.unwrap();
            assert_eq!(refused.reason, "REQUIRED_INVITEE_MISSING");
            assert!(refused.message.contains(role.code()));
            let provision = if at_school { "reg 20(2)" } else { "reg 21(2)" };
            assert!(refused.provision.ends_with(provision));
        }
    }
}

#[test]
fn two_weeks_notice() {
    for (sent_on, expected) in [
        (date(2026, 11, 1), Ok(0)),
        (date(2026, 11, 2), Ok(1)),
        (date(2026, 11, 3), Err("REVIEW_NOTICE_TOO_SHORT")),
        (date(2026, 11, 17), Err("REVIEW_NOTICE_TOO_SHORT")),
    ] {
        let mut facts = call();
        facts.invitees[3].sent_on = sent_on;
        let done = called(facts);
        match expected {
            Ok(warnings) => assert_eq!(
                warned(&done.unwrap().1),
                vec!["REVIEW_NOTICE_NOT_CLEAR_DAYS"; warnings]
            ),
            Err(reason) => {
                let refusal = done.unwrap_err();
                assert_eq!(refusal.reason, reason);
                assert_eq!(refusal.provision, "SEND Regulations 2014 reg 20(3)");
            }
        }
    }
    let mut facts = call();
    facts
        .invitees
        .push(sent(InviteeRole::Other, "club-one", date(2026, 11, 10)));
    assert_eq!(
        warned(&called(facts).unwrap().1),
        ["EXTRA_INVITEE_SHORT_NOTICE", "INVITEE_BEYOND_LIST"]
    );
}

#[test]
fn one_beyond_the_list_is_marked() {
    use InviteeRole as R;
    let mut facts = call();
    facts
        .invitees
        .push(sent(R::Other, "club-one", date(2026, 10, 26)));
    let extra: Vec<_> = facts
        .extra_invitees()
        .into_iter()
        .map(|invitee| invitee.who.role)
        .collect();
    assert_eq!(extra, [R::Other]);
    facts.at_school = false;
    assert!(
        facts.extra_invitees().is_empty(),
        "reg 21(2): anyone the authority thinks fit"
    );
    // Beside the young person, a parent whom nobody asked for.
    let mut facts = ReviewCall {
        status: AgeStatus::YoungPerson16To17,
        ..call()
    };
    facts.invitees.push(sent(R::YoungPerson, "", date(2026, 10, 26)));
    assert_eq!(warned(&called(facts).unwrap().1), ["PARENT_NOT_ASKED_FOR"]);
}

#[test]
fn a_review_is_called_by_the_authority_or_for_it() {
    let refused = |call: ReviewCall, by: &str| {
        ReviewCase::call(call, &agency(by))
            .err()
            .map(|refusal| refusal.reason)
    };
    assert_eq!(refused(call(), "la-one"), None);
    assert_eq!(refused(call(), "school-one"), None);
    assert_eq!(refused(call(), "school-two"), Some("NOT_THE_REVIEWER"));
    let own = ReviewCall {
        run_for_authority: false,
        ..call()
    };
    assert_eq!(refused(own, "school-one"), Some("NOT_THE_REVIEWER"));
}

#[test]
fn without_an_institution_the_review_is_the_authoritys() {
    let mut facts = ReviewCall {
        at_school: false,
        ..call()
    };
    let (_, done) = called(facts.clone()).unwrap();
    assert_eq!(warned(&done), ["REVIEW_IS_THE_AUTHORITYS"]);
    facts.run_by = agency("la-one");
    let (mut case, done) = ReviewCase::call(facts, &agency("la-one")).unwrap();
    assert_eq!(warned(&done), [""; 0]);
    let nobody = ReviewStep::CirculateAdvice { sent_to: Vec::new() };
    let refused = apply(&mut case, nobody, "la-one", date(2026, 11, 2)).unwrap_err();
    assert_eq!(refused.provision, "SEND Regulations 2014 reg 21(4)");
}
