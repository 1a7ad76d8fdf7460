//! Walks through what comes after a decision: appeals, re-assessment, ceasing, moves; and who must be asked.

use super::*;

const ORDERED: Date = date(2026, 11, 20);

fn refused_to_assess() -> Walk {
    let mut walk = Walk::open();
    walk.la(
        AssessmentStep::DecideToAssess { assess: false },
        date(2026, 10, 12),
    )
    .unwrap();
    walk
}

fn no_plan() -> Walk {
    let mut walk = Walk::assessing();
    walk.la(AssessmentStep::DecideNoPlan, date(2026, 10, 12)).unwrap();
    walk
}

fn ceasing() -> Walk {
    let mut walk = Walk::with_plan();
    let on = date(2026, 12, 10);
    let consult = |family, institution| AssessmentStep::ConsultOnCeasing { family, institution };
    assert_eq!(
        reason(walk.la(consult(true, false), on)),
        "CONSULT_FAMILY_AND_INSTITUTION"
    );
    walk.la(consult(true, true), on).unwrap();
    walk.la(AssessmentStep::DecideToCease { cease: true }, on)
        .unwrap();
    walk
}

#[test]
fn orders_and_concessions_start_their_clocks() {
    use AssessmentState as S;
    use TribunalOrder as O;
    type Row = (
        fn() -> Walk,
        O,
        S,
        &'static [&'static str],
        Option<&'static [&'static str]>,
    );
    let table: [Row; 9] = [
        (
            refused_to_assess,
            O::Assess,
            S::Assessing,
            &[
                "TRIB_ASSESS_NOTIFY_2W",
                "TRIB_ASSESS_NO_PLAN_10W",
                "TRIB_ASSESS_FINAL_14W",
            ],
            Some(&[
                "UNOPPOSED_ASSESS_NOTIFY_2W",
                "UNOPPOSED_NO_PLAN_10W",
                "UNOPPOSED_FINAL_14W",
            ]),
        ),
        (
            no_plan,
            O::MakePlan,
            S::PlanOrdered,
            &["TRIB_MAKE_PLAN_DRAFT_5W", "TRIB_MAKE_PLAN_FINAL_11W"],
            Some(&["UNOPPOSED_MAKE_PLAN_DRAFT_5W", "UNOPPOSED_MAKE_PLAN_FINAL_11W"]),
        ),
        (
            Walk::with_plan,
            O::Amend,
            S::PlanFinal,
            &["TRIB_AMEND_5W"],
            Some(&["UNOPPOSED_AMEND_5W"]),
        ),
        (
            Walk::with_plan,
            O::NameInstitution,
            S::PlanFinal,
            &["TRIB_NAME_SCHOOL_2W"],
            Some(&["UNOPPOSED_NAME_SCHOOL_2W"]),
        ),
        (
            Walk::with_plan,
            O::Assess,
            S::Reassessing,
            &["TRIB_ASSESS_NOTIFY_2W", "TRIB_ASSESS_FINAL_14W"],
            Some(&["UNOPPOSED_ASSESS_NOTIFY_2W", "UNOPPOSED_FINAL_14W"]),
        ),
        (Walk::with_plan, O::KeepPlan, S::PlanFinal, &[], Some(&[])),
        (ceasing, O::KeepPlan, S::PlanFinal, &[], Some(&[])),
        (
            ceasing,
            O::Amend,
            S::PlanFinal,
            &["TRIB_AMEND_5W"],
            Some(&["UNOPPOSED_AMEND_5W"]),
        ),
        (ceasing, O::CeaseAppealDismissed, S::Ceased, &[], None),
    ];
    for (walk, order, state, ordered, conceded) in table {
        for concede in [false, true] {
            let mut walk = walk();
            walk.la(AssessmentStep::RegisterAppeal, ORDERED).unwrap();
            let step = if concede {
                AssessmentStep::ConcedeAppeal {
                    order,
                    told_on: ORDERED,
                }
            } else {
                AssessmentStep::RecordOrder {
                    order,
                    made_on: ORDERED,
                }
            };
            let done = walk.la(step, ORDERED);
            let Some(rules) = (if concede { conceded } else { Some(ordered) }) else {
                assert_eq!(reason(done), "ORDER_DOES_NOT_FIT");
                continue;
            };
            let done = done.unwrap();
            let expected: Vec<_> = rules.iter().map(|rule| (*rule, ORDERED)).collect();
            assert_eq!((started(&done), walk.case.state()), (expected, state), "{order}");
            assert_eq!(warned(&done.warnings), [""; 0]);
        }
    }
}

#[test]
fn an_order_that_answers_another_decision_is_refused() {
    use TribunalOrder as O;
    for (mut walk, order) in [
        (refused_to_assess(), O::MakePlan),
        (no_plan(), O::Assess),
        (Walk::with_plan(), O::MakePlan),
        (Walk::with_plan(), O::CeaseAppealDismissed),
        (ceasing(), O::NameInstitution),
    ] {
        let step = AssessmentStep::RecordOrder {
            order,
            made_on: ORDERED,
        };
        assert_eq!(reason(walk.la(step, ORDERED)), "ORDER_DOES_NOT_FIT", "{order}");
    }
}

#[test]
fn what_was_ordered_is_met_by_its_own_steps() {
    let mut walk = refused_to_assess();
    let order = AssessmentStep::RecordOrder {
        order: TribunalOrder::Assess,
        made_on: ORDERED,
    };
    assert_eq!(
        warned(&walk.la(order, ORDERED).unwrap().warnings),
        ["APPEAL_NOT_REGISTERED"]
    );
    let done = walk.la(AssessmentStep::NotifyOfAssessment, ORDERED).unwrap();
    assert_eq!(ended(&done), ["TRIB_ASSESS_NOTIFY_2W"]);
    assert_eq!(
        reason(walk.la(AssessmentStep::NotifyOfAssessment, ORDERED)),
        "NOTHING_TO_NOTIFY"
    );
    let done = walk.la(AssessmentStep::DecideNoPlan, date(2027, 1, 20)).unwrap();
    assert_eq!(ended(&done), ["TRIB_ASSESS_NO_PLAN_10W", "TRIB_ASSESS_FINAL_14W"]);

    let mut walk = Walk::with_plan();
    let on = date(2026, 12, 10);
    assert_eq!(
        reason(walk.la(AssessmentStep::SendFinalPlan, on)),
        "AMEND_THROUGH_REVIEW"
    );
    let order = AssessmentStep::RecordOrder {
        order: TribunalOrder::Amend,
        made_on: on,
    };
    walk.la(order, on).unwrap();
    let done = walk.la(AssessmentStep::SendFinalPlan, on).unwrap();
    assert_eq!(
        (ended(&done), started(&done)),
        (vec!["TRIB_AMEND_5W"], vec![("APPEAL_LIMIT", on)])
    );
}

#[test]
fn the_certificate_moves_the_limit_of_the_appeal() {
    let mut walk = refused_to_assess();
    let told = AssessmentStep::RequestMediation {
        told_on: date(2026, 11, 2),
        health_issues: true,
        health_only: false,
    };
    let done = walk.la(told, date(2026, 11, 2)).unwrap();
    assert_eq!(
        started(&done),
        [
            ("MEDIATION_ARRANGE_30D", date(2026, 11, 2)),
            ("MEDIATION_HEALTH_TELL_3WD", date(2026, 11, 2))
        ]
    );
    let done = walk
        .la(AssessmentStep::TellCommissioner, date(2026, 11, 4))
        .unwrap();
    assert_eq!(ended(&done), ["MEDIATION_HEALTH_TELL_3WD"]);
    let done = walk
        .la(
            AssessmentStep::EndMediation {
                ended_on: date(2026, 11, 25),
            },
            date(2026, 11, 25),
        )
        .unwrap();
    assert_eq!(
        (ended(&done), done.start[0].rule),
        (vec!["MEDIATION_ARRANGE_30D"], "MEDIATION_CERT_3WD")
    );
    let certificate = AssessmentStep::RecordCertificate {
        issued_on: date(2026, 11, 27),
    };
    let done = walk.la(certificate, date(2026, 11, 27)).unwrap();
    assert_eq!(started(&done), [("APPEAL_LIMIT", date(2026, 10, 12))]);
    assert_eq!(done.start[0].params, [("certificate", "2026-11-27".to_owned())]);
    assert_eq!(ended(&done), ["MEDIATION_CERT_3WD", "APPEAL_LIMIT"]);
    assert_eq!(walk.case.appeal_until(), Some(date(2026, 12, 27)));
}

#[test]
fn a_plan_is_kept_while_an_appeal_can_be_or_is_brought() {
    let last = date(2027, 2, 10);
    let mut walk = ceasing();
    assert_eq!(
        reason(walk.la(AssessmentStep::EndPlan, last)),
        "PLAN_KEPT_DURING_APPEAL"
    );
    walk.la(AssessmentStep::RegisterAppeal, last).unwrap();
    assert_eq!(
        reason(walk.la(AssessmentStep::EndPlan, date(2027, 6, 1))),
        "PLAN_KEPT_DURING_APPEAL"
    );
    walk.la(AssessmentStep::EndAppeal, date(2027, 6, 1)).unwrap();
    let done = walk.la(AssessmentStep::EndPlan, date(2027, 6, 1)).unwrap();
    assert_eq!(
        (walk.case.state(), ended(&done)),
        (AssessmentState::Ceased, vec!["ANNUAL_REVIEW_12M"])
    );
    let mut unchallenged = ceasing();
    unchallenged
        .la(AssessmentStep::EndPlan, date(2027, 2, 11))
        .unwrap();
}

#[test]
fn a_reassessment_starts_anew() {
    let mut walk = Walk::with_plan();
    let received = date(2027, 3, 1);
    let done = walk
        .la(
            AssessmentStep::RequestReassessment {
                received_on: received,
            },
            received,
        )
        .unwrap();
    assert_eq!(
        (started(&done), warned(&done.warnings)),
        (
            vec![("REASSESS_DECIDE_15D", received)],
            vec!["ASSESSED_WITHIN_SIX_MONTHS"]
        )
    );
    let notice = date(2027, 3, 10);
    let done = walk
        .la(AssessmentStep::DecideToReassess { assess: true }, notice)
        .unwrap();
    assert_eq!(started(&done), [("REASSESS_FINAL_14W", notice)]);
    assert!(
        walk.case
            .required_advisers()
            .iter()
            .all(|asked| asked.standing == AdviserStanding::NotAsked)
    );
    assert_eq!(
        reason(walk.la(AssessmentStep::SendFinalPlan, notice)),
        "NO_DRAFT_SERVED"
    );
    walk.la(draft(date(2027, 5, 1)), date(2027, 5, 1)).unwrap();
    walk.la(
        AssessmentStep::NameInstitution(SectionI::TypeOnly),
        date(2027, 5, 1),
    )
    .unwrap();
    let done = walk.la(AssessmentStep::SendFinalPlan, date(2027, 5, 16)).unwrap();
    assert!(ended(&done).contains(&"REASSESS_FINAL_14W"));
    assert_eq!(walk.case.plan_made_on(), Some(date(2026, 12, 3)));
}

#[test]
fn a_move_hands_the_plan_and_what_is_owed_to_the_new_authority() {
    let mut walk = Walk::with_plan();
    let moves_on = date(2027, 3, 22);
    let report = |to| AssessmentStep::ReportMove {
        to: agency(to),
        moves_on,
        aware_on: date(2027, 3, 24),
        commissioner: Some((Some(agency("icb-one")), date(2027, 3, 24))),
    };
    let transfer = AssessmentStep::TransferPlan {
        last_made_or_reviewed_on: None,
    };
    assert_eq!(reason(walk.la(transfer.clone(), moves_on)), "MOVE_NOT_REPORTED");
    assert_eq!(reason(walk.la(report("la-one"), moves_on)), "SAME_AUTHORITY");
    let done = walk.la(report("la-two"), date(2027, 3, 24)).unwrap();
    assert_eq!(
        started(&done),
        [("LA_TRANSFER", moves_on), ("ICB_CHANGE_NOTIFY_15WD", moves_on)]
    );
    assert_eq!(done.start[0].params, [("old_la_aware", "2027-03-24".to_owned())]);
    assert_eq!(done.start[1].owed_by, Owner::Agency(agency("icb-one")));
    assert_eq!(
        reason(walk.la(transfer.clone(), date(2027, 3, 21))),
        "TRANSFER_BEFORE_MOVE"
    );
    assert_eq!(
        reason(walk.by(transfer.clone(), "la-two", moves_on)),
        "NOT_THE_AUTHORITY"
    );
    let done = walk.la(transfer, date(2027, 4, 1)).unwrap();
    assert_eq!(
        started(&done),
        [
            ("APPEAL_LIMIT", date(2026, 12, 3)),
            ("LA_TRANSFER_INFORM_6W", date(2027, 4, 1)),
            ("LA_TRANSFER_REVIEW", date(2027, 4, 1))
        ]
    );
    assert_eq!(
        done.start[2].params,
        [("last_made_or_reviewed", "2026-12-03".to_owned())]
    );
    // Only the transfer itself is done; what it takes the place of, or hands on, is not.
    let done_by_it: Vec<_> = done
        .end
        .iter()
        .filter(|end| end.done)
        .map(|end| end.rule)
        .collect();
    assert_eq!(done_by_it, ["LA_TRANSFER"]);
    assert_eq!(walk.case.authority(), &agency("la-two"));
    assert_eq!(
        reason(walk.la(AssessmentStep::TellOfTransfer, date(2027, 4, 2))),
        "NOT_THE_AUTHORITY"
    );
    let done = walk
        .by(AssessmentStep::TellOfTransfer, "la-two", date(2027, 4, 2))
        .unwrap();
    assert_eq!(ended(&done), ["LA_TRANSFER_INFORM_6W"]);
    let done = walk
        .by(AssessmentStep::TellNewCommissioner, "icb-one", date(2027, 4, 2))
        .unwrap();
    assert_eq!(ended(&done), ["ICB_CHANGE_NOTIFY_15WD"]);
}

#[test]
fn the_same_steps_make_the_same_case() {
    let (first, second) = (ceasing(), ceasing());
    assert_eq!(first.case, second.case);
    assert_ne!(first.case, Walk::with_plan().case);
}

#[test]
fn a_reassessment_may_be_opened_as_a_case_of_its_own() {
    let facts = CaseOpening {
        reassessment: true,
        ..opening()
    };
    let (case, done) = AssessmentCase::open(facts, agency("la-one"));
    assert_eq!(started(&done), [("REASSESS_DECIDE_15D", date(2026, 9, 7))]);
    let mut walk = Walk { case, steps: 0 };
    let on = date(2026, 9, 20);
    let done = walk
        .la(AssessmentStep::DecideToAssess { assess: true }, on)
        .unwrap();
    assert_eq!(
        (ended(&done), started(&done)),
        (vec!["REASSESS_DECIDE_15D"], vec![("REASSESS_FINAL_14W", on)])
    );
    walk.la(draft(on), on).unwrap();
    walk.la(AssessmentStep::NameInstitution(SectionI::TypeOnly), on)
        .unwrap();
    let done = walk.la(AssessmentStep::SendFinalPlan, date(2026, 10, 5)).unwrap();
    assert!(
        done.start.iter().all(|clock| clock.rule != "ANNUAL_REVIEW_12M"),
        "it runs from the plan or its last review"
    );
}

#[test]
fn mediation_about_health_alone_is_the_commissioning_bodys() {
    let mut walk = refused_to_assess();
    let told_on = date(2026, 11, 2);
    let step = AssessmentStep::RequestMediation {
        told_on,
        health_issues: true,
        health_only: true,
    };
    let done = walk.la(step, told_on).unwrap();
    let rules: Vec<_> = done
        .start
        .iter()
        .map(|clock| (clock.rule, clock.owed_by.clone()))
        .collect();
    assert_eq!(
        rules,
        [
            ("MEDIATION_HEALTH_ARRANGE_30D", Owner::COMMISSIONING_BODY),
            ("MEDIATION_HEALTH_TELL_3WD", Owner::Agency(agency("la-one"))),
        ]
    );
}

#[test]
fn every_clock_has_a_code_of_its_own() {
    let mut codes = clocks::ALL.to_vec();
    codes.sort_unstable();
    codes.dedup();
    assert_eq!(codes.len(), clocks::ALL.len());
}
