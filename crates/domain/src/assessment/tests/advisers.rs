//! Who must be asked for advice.

use super::*;

#[test]
fn who_must_be_asked() {
    use AdviserKind as K;
    let always = vec![
        K::FamilyViews,
        K::Education,
        K::Health,
        K::EducationalPsychologist,
        K::SocialCare,
    ];
    // (serving parent, Year 9, hearing, vision, family asks) and what joins.
    type Row = (Option<bool>, Option<bool>, bool, bool, usize, &'static [K]);
    let table: [Row; 7] = [
        (Some(false), Some(false), false, false, 0, &[]),
        (
            Some(true),
            Some(false),
            false,
            false,
            0,
            &[K::SecretaryOfStateForDefence],
        ),
        (None, None, false, false, 0, &[]),
        (Some(false), Some(true), false, false, 0, &[K::Adulthood]),
        (Some(false), Some(false), true, false, 0, &[K::SensoryTeacher]),
        (Some(false), Some(false), false, true, 0, &[K::SensoryTeacher]),
        (
            Some(false),
            Some(false),
            false,
            false,
            2,
            &[K::FamilyAsked, K::FamilyAsked],
        ),
    ];
    for (serving_parent, year_9_or_beyond, hearing_impaired, vision_impaired, asks, joins) in table {
        let facts = CaseOpening {
            serving_parent,
            year_9_or_beyond,
            hearing_impaired,
            vision_impaired,
            family_asks: vec![FamilyAsk::Role("play therapist".to_owned()); asks],
            ..opening()
        };
        let (case, done) = AssessmentCase::open(facts, agency("la-one"));
        let kinds: Vec<_> = case
            .required_advisers()
            .iter()
            .map(|required| required.kind)
            .collect();
        assert_eq!(kinds, [always.as_slice(), joins].concat());
        assert!(
            case.required_advisers()
                .iter()
                .all(|required| required.provision.contains("reg 6("))
        );
        let unknown: &[&str] = &["SERVING_PARENT_NOT_ASKED", "YEAR_GROUP_NOT_KNOWN"];
        assert_eq!(
            warned(&done.warnings),
            if serving_parent.is_none() { unknown } else { &[] }
        );
    }
}

#[test]
fn one_left_out_is_named_until_asked_and_the_secretary_of_state_too() {
    let mut walk = Walk::assessing();
    let left_out = |case: &AssessmentCase| {
        case.warnings()
            .iter()
            .filter(|warning| warning.code == "REQUIRED_ADVISER_NOT_ASKED")
            .count()
    };
    assert_eq!(left_out(&walk.case), 6);
    assert!(
        walk.case
            .warnings()
            .iter()
            .any(|warning| warning.provision.contains("reg 6(1)(b)(iv)"))
    );
    walk.ask(
        AdviserKind::SecretaryOfStateForDefence,
        "mod-dcs",
        AgencyKind::MinistryOfDefence,
        ADVICE_ON,
    );
    assert_eq!(left_out(&walk.case), 5);
    let request = walk.ask(AdviserKind::Health, "nhs-one", AgencyKind::HealthBody, ADVICE_ON);
    assert_eq!(left_out(&walk.case), 4);
    walk.la(AssessmentStep::WithdrawRequest { request }, ADVICE_ON)
        .unwrap();
    assert_eq!(left_out(&walk.case), 5);
    let facts = AssessmentStep::RecordFacts {
        serving_parent: None,
        year_9_or_beyond: Some(true),
        hearing_impaired: None,
        vision_impaired: None,
    };
    walk.la(facts, ADVICE_ON).unwrap();
    assert_eq!(left_out(&walk.case), 6);
}

#[test]
fn information_that_exists_is_no_advice() {
    let mut walk = Walk::open();
    let ask = AssessmentStep::RequestAdvice {
        kind: AdviserKind::Health,
        adviser: agency("nhs-one"),
        adviser_agency: AgencyKind::HealthBody,
        youth_justice: false,
        statutory: false,
        representations_enclosed: true,
        received_on: None,
    };
    assert_eq!(walk.la(ask, ADVICE_ON).unwrap(), Consequences::default());
    let health = |case: &AssessmentCase| {
        case.required_advisers()
            .into_iter()
            .find(|one| one.kind == AdviserKind::Health)
            .unwrap()
            .standing
    };
    assert_eq!(health(&walk.case), AdviserStanding::NotAsked);
    // The advice itself may be asked beside it.
    let done = walk
        .la(
            request(AdviserKind::Health, "nhs-one", AgencyKind::HealthBody),
            ADVICE_ON,
        )
        .unwrap();
    assert_eq!(
        (done.start.len(), warned(&done.warnings)),
        (1, vec!["ASKED_BEFORE_DECISION"])
    );
    assert_eq!(health(&walk.case), AdviserStanding::Asked);
}
