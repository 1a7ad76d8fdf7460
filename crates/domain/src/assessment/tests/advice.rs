//! Walks through requests for advice.

use super::*;

#[test]
fn six_weeks_bind_the_bodies_of_s31_and_guide_the_others() {
    let table = [
        ("nhs-one", AgencyKind::HealthBody, false, false),
        ("la-two", AgencyKind::LocalAuthority, false, false),
        // The authority's own officers are no other body.
        ("la-one", AgencyKind::LocalAuthority, false, true),
        ("school-one", AgencyKind::MaintainedSchool, false, true),
        ("academy-one", AgencyKind::Academy, false, true),
        ("college-one", AgencyKind::Post16, false, true),
        ("mod-dcs", AgencyKind::MinistryOfDefence, false, true),
        ("unit-one", AgencyKind::SpecialSchool, true, false),
    ];
    for (adviser, adviser_agency, youth_justice, guidance) in table {
        let mut walk = Walk::assessing();
        let step = AssessmentStep::RequestAdvice {
            kind: AdviserKind::Other,
            adviser: agency(adviser),
            adviser_agency,
            youth_justice,
            statutory: true,
            representations_enclosed: false,
            received_on: None,
        };
        let done = walk.la(step, ADVICE_ON).unwrap();
        assert_eq!(done.start[0].guidance, guidance, "{adviser}");
        assert_eq!(done.start[0].owed_by, Owner::Agency(agency(adviser)));
        assert_eq!(started(&done), [("ADVICE_RETURN_6W", ADVICE_ON)]);
        assert_eq!(warned(&done.warnings), ["REPRESENTATIONS_NOT_ENCLOSED"]);
    }
}

#[test]
fn advice_goes_there_and_back_and_its_due_day_stays() {
    let mut walk = Walk::assessing();
    let request = walk.ask(AdviserKind::Health, "nhs-one", AgencyKind::HealthBody, ADVICE_ON);
    let nhs = "nhs-one";
    walk.by(
        AssessmentStep::AcknowledgeRequest { request },
        nhs,
        date(2026, 10, 6),
    )
    .unwrap();
    let done = walk
        .by(
            AssessmentStep::AskClarification { request },
            nhs,
            date(2026, 10, 7),
        )
        .unwrap();
    assert_eq!(
        (warned(&done.warnings), ended(&done)),
        (vec!["CLOCK_RUNS_ON"], vec![])
    );
    assert_eq!(walk.case.outstanding_on(date(2026, 11, 16))[0].days_left, Some(0));
    assert_eq!(
        walk.case.outstanding_on(date(2026, 11, 18))[0].days_left,
        Some(-2)
    );
    walk.la(AssessmentStep::Clarify { request }, date(2026, 10, 9))
        .unwrap();
    assert_eq!(
        reason(walk.la(AssessmentStep::AcceptAdvice { request }, ADVICE_ON)),
        "ADVICE_NOT_RETURNED"
    );
    let done = walk.by(returned(request), nhs, date(2026, 11, 16)).unwrap();
    assert_eq!(
        (ended(&done), warned(&done.warnings)),
        (vec!["ADVICE_RETURN_6W"], vec![])
    );
    assert!(walk.case.outstanding_on(date(2026, 11, 17)).is_empty());
    let back = |reasons| AssessmentStep::SendBack { request, reasons };
    assert_eq!(
        reason(walk.la(back(false), date(2026, 11, 20))),
        "REASONS_MISSING"
    );
    let done = walk.la(back(true), date(2026, 11, 20)).unwrap();
    assert_eq!(started(&done), [("ADVICE_RETURN_6W", ADVICE_ON)]);
    assert_eq!(done.start[0].for_exchange, Some(request));
    let done = walk.by(returned(request), nhs, date(2026, 11, 23)).unwrap();
    assert_eq!(warned(&done.warnings), ["ADVICE_LATE"]);
    walk.la(AssessmentStep::AcceptAdvice { request }, date(2026, 11, 24))
        .unwrap();
    assert_eq!(walk.case.requests()[0].stage, AdviceStage::Accepted);
    assert_eq!(
        reason(walk.by(returned(request), nhs, date(2026, 11, 25))),
        "ADVICE_ALREADY_ACCEPTED"
    );
}

#[test]
fn an_adviser_claims_what_reg_8_2_opens_and_nothing_else() {
    let absent = |days| {
        Some((
            date(2026, 10, 1),
            Some(
                date(2026, 10, 1)
                    .checked_add(jiff::Span::new().days(days))
                    .unwrap(),
            ),
        ))
    };
    use ExceptionGround as G;
    for (ground, evidence, period, expected) in [
        (G::SchoolClosed, true, None, Some("GROUND_NOT_OPEN_TO_ADVISERS")),
        (
            G::EarlyYearsClosed,
            true,
            None,
            Some("GROUND_NOT_OPEN_TO_ADVISERS"),
        ),
        (G::PersonalCircumstances, true, None, None),
        (
            G::PersonalCircumstances,
            false,
            None,
            Some("EXCEPTION_WITHOUT_EVIDENCE"),
        ),
        (G::AbsentFromArea, true, absent(27), Some("ABSENCE_TOO_SHORT")),
        (G::AbsentFromArea, true, absent(28), None),
        (G::MissedAppointment, true, None, None),
    ] {
        let mut walk = Walk::assessing();
        let request = walk.ask(AdviserKind::Health, "nhs-one", AgencyKind::HealthBody, ADVICE_ON);
        let claim = AssessmentStep::ClaimException {
            request,
            ground,
            evidence,
            period,
        };
        let done = walk.by(claim, "nhs-one", date(2026, 10, 20));
        assert_eq!(
            done.as_ref().err().map(|refusal| refusal.reason),
            expected,
            "{ground}"
        );
        if let Ok(done) = done {
            // Lifted, not ended: it still shows and is still chased.
            assert_eq!((done.lift[0].ground, ended(&done)), (ground, vec![]));
            assert_eq!(walk.case.outstanding_on(date(2026, 11, 16)).len(), 1);
            let done = walk.by(returned(request), "nhs-one", date(2026, 12, 1)).unwrap();
            assert_eq!(warned(&done.warnings), [""; 0]);
        } else {
            assert!(done.unwrap_err().provision.contains("reg 8(2)"));
        }
    }
}

#[test]
fn not_known_is_an_answer_that_the_authority_has_to_take() {
    let mut walk = Walk::assessing();
    let request = walk.ask(AdviserKind::Health, "nhs-one", AgencyKind::HealthBody, ADVICE_ON);
    let done = walk
        .by(
            AssessmentStep::SayNotKnown { request },
            "nhs-one",
            date(2026, 10, 8),
        )
        .unwrap();
    assert_eq!(
        (warned(&done.warnings), ended(&done)),
        (vec!["NOT_KNOWN_IS_NOT_ADVICE"], vec![])
    );
    let done = walk
        .la(AssessmentStep::AcceptAdvice { request }, date(2026, 10, 9))
        .unwrap();
    assert_eq!(ended(&done), ["ADVICE_RETURN_6W"]);
}

#[test]
fn earlier_advice_suffices_when_all_three_say_so() {
    for agree in 0..8_u8 {
        let mut walk = Walk::assessing();
        let existing = AssessmentStep::TakeExistingAdvice {
            kind: AdviserKind::EducationalPsychologist,
            author: Some(agency("la-two")),
            author_agrees: agree & 1 != 0,
            authority_agrees: agree & 2 != 0,
            family_agrees: agree & 4 != 0,
        };
        let done = walk.la(existing, ADVICE_ON);
        let again = request(
            AdviserKind::EducationalPsychologist,
            "la-two",
            AgencyKind::LocalAuthority,
        );
        if agree == 7 {
            done.unwrap();
            assert_eq!(reason(walk.la(again, ADVICE_ON)), "EXISTING_ADVICE_SUFFICES");
        } else {
            assert_eq!(reason(done), "EXISTING_ADVICE_NOT_AGREED");
            walk.la(again, ADVICE_ON).unwrap();
        }
    }
    // Reg 6(4) reaches (b) to (h): the family's own views are asked whatever there is.
    let mut walk = Walk::assessing();
    let views = AssessmentStep::TakeExistingAdvice {
        kind: AdviserKind::FamilyViews,
        author: Some(agency("la-two")),
        author_agrees: true,
        authority_agrees: true,
        family_agrees: true,
    };
    assert_eq!(reason(walk.la(views, ADVICE_ON)), "FAMILY_VIEWS_ALWAYS_SOUGHT");
    let ask = request(AdviserKind::FamilyViews, "la-one", AgencyKind::LocalAuthority);
    assert!(walk.la(ask, ADVICE_ON).unwrap().start.is_empty());
}
