//! Decisions after a review, and the table of states and steps.

use super::*;

#[test]
fn keep_ends_the_review_and_begins_the_next_year() {
    let mut case = reported(call());
    let refused = apply(
        &mut case,
        decide(ReviewOutcome::Keep),
        "school-one",
        date(2026, 12, 1),
    );
    assert_eq!(refused.unwrap_err().reason, "NOT_THE_AUTHORITY");
    let on = date(2026, 12, 14);
    let done = apply(&mut case, decide(ReviewOutcome::Keep), "la-one", on).unwrap();
    assert_eq!(ended(&done), ["REVIEW_DECISION_4W", "ANNUAL_REVIEW_12M"]);
    assert_eq!(started(&done), [("APPEAL_LIMIT", on), ("ANNUAL_REVIEW_12M", on)]);
    assert_eq!((warned(&done), case.state()), (vec![], ReviewState::Kept));

    let facts = ReviewCall {
        phase_transfer: Some((PhaseTransfer::SecondaryToPost16, 2027)),
        ..call()
    };
    let mut case = held(facts);
    let done = apply(
        &mut case,
        decide(ReviewOutcome::Keep),
        "la-one",
        date(2026, 12, 15),
    )
    .unwrap();
    assert_eq!(
        warned(&done),
        [
            "REVIEW_DECISION_LATE",
            "DECIDED_WITHOUT_REPORT",
            "NEXT_PLACE_NOT_NAMED"
        ]
    );
    assert!(
        ended(&done).contains(&"PHASE_TRANSFER"),
        "amended only where necessary: reg 18(1)"
    );
}

#[test]
fn amend_goes_out_with_its_changes_and_runs_twelve_weeks_at_most() {
    for (proposed_changes, evidence) in [(false, false), (true, false), (false, true)] {
        let mut case = reported(call());
        let empty = decide(ReviewOutcome::Amend {
            proposed_changes,
            evidence,
        });
        let refused = apply(&mut case, empty, "la-one", date(2026, 12, 1));
        assert_eq!(refused.unwrap_err().reason, "AMENDMENT_NOTICE_EMPTY");
    }
    let mut case = reported(call());
    let notice = date(2026, 12, 14);
    let done = apply(&mut case, decide(AMEND), "la-one", notice).unwrap();
    assert_eq!(
        started(&done),
        [
            ("AMEND_REPS_LAST_DAY_15D", notice),
            ("AMEND_FINAL_8W", notice),
            ("NOT_AMEND_NOTICE_8W", notice),
            ("AMEND_FINAL_LONGSTOP_12W", MEETING),
            ("ANNUAL_REVIEW_12M", notice),
        ]
    );
    let refused = apply(
        &mut case,
        ReviewStep::SendAmendedPlan,
        "la-one",
        date(2026, 12, 28),
    )
    .unwrap_err();
    assert_eq!(refused.reason, "REPRESENTATIONS_OPEN");
    assert!(refused.message.contains("2026-12-29") && refused.provision.ends_with("reg 22(2)(c)"));
    let done = apply(&mut case, ReviewStep::SendAmendedPlan, "la-one", date(2027, 2, 8)).unwrap();
    assert_eq!((warned(&done), case.state()), (vec![], ReviewState::Amended));
    assert_eq!(
        ended(&done),
        [
            "AMEND_REPS_LAST_DAY_15D",
            "AMEND_FINAL_8W",
            "NOT_AMEND_NOTICE_8W",
            "AMEND_FINAL_LONGSTOP_12W"
        ]
    );
    let mut late = amending();
    let done = apply(
        &mut late,
        ReviewStep::DecideNotToAmend,
        "la-one",
        date(2027, 2, 9),
    )
    .unwrap();
    assert_eq!(
        (warned(&done), late.state()),
        (
            vec!["AMENDMENT_LATE", "AMENDMENT_PAST_LONG_STOP"],
            ReviewState::Kept
        )
    );
    let mut early = amending();
    let on = date(2026, 12, 16);
    let done = apply(&mut early, ReviewStep::CompleteRepresentations, "la-one", on).unwrap();
    assert_eq!(ended(&done), ["AMEND_REPS_LAST_DAY_15D"]);
    apply(&mut early, ReviewStep::SendAmendedPlan, "la-one", on).unwrap();
}

#[test]
fn a_phase_transfer_ends_with_the_amended_plan() {
    let facts = ReviewCall {
        phase_transfer: Some((PhaseTransfer::PrimaryToSecondary, 2027)),
        ..call()
    };
    let mut case = reported(facts);
    apply(&mut case, decide(AMEND), "la-one", date(2026, 12, 1)).unwrap();
    let on = date(2026, 12, 18);
    let institution = agency("school-two");
    let done = apply(&mut case, ReviewStep::Consult { institution }, "la-one", on).unwrap();
    assert_eq!(
        (started(&done), done.start[0].guidance),
        (vec![("SCHOOL_CONSULT_REPLY_15D", on)], true)
    );
    let reply = || ReviewStep::ReplyToConsultation {
        consultation: exchange(7),
        answer: crate::assessment::ConsultationAnswer::Yes,
        reasons: false,
    };
    let refused = apply(&mut case, reply(), "school-one", on);
    assert_eq!(refused.unwrap_err().reason, "NOT_THE_CONSULTED_INSTITUTION");
    assert_eq!(
        ended(&apply(&mut case, reply(), "school-two", on).unwrap()),
        ["SCHOOL_CONSULT_REPLY_15D"]
    );
    let done = apply(&mut case, ReviewStep::SendAmendedPlan, "la-one", date(2027, 1, 5)).unwrap();
    assert!(ended(&done).contains(&"PHASE_TRANSFER"));
}

#[test]
fn ceasing_needs_consultation_first() {
    let mut case = reported(call());
    let on = date(2026, 12, 1);
    let refused = apply(&mut case, decide(ReviewOutcome::Cease), "la-one", on);
    assert_eq!(refused.unwrap_err().reason, "CONSULT_BEFORE_CEASING");
    let consult = |family, institution| ReviewStep::ConsultOnCeasing { family, institution };
    let refused = apply(&mut case, consult(false, true), "la-one", on);
    assert_eq!(refused.unwrap_err().reason, "CONSULT_FAMILY_AND_INSTITUTION");
    apply(&mut case, consult(true, true), "la-one", on).unwrap();
    let done = apply(&mut case, decide(ReviewOutcome::Cease), "la-one", on).unwrap();
    assert_eq!(started(&done), [("APPEAL_LIMIT", on)]);
    assert_eq!(ended(&done), ["REVIEW_DECISION_4W", "ANNUAL_REVIEW_12M"]);
    assert_eq!(case.state(), ReviewState::CeaseNotified);
}

/// One letter a state, in the order of declaration; a dot where the step may be taken.
const TABLE: &[(ReviewStepKind, &str)] = &[
    (ReviewStepKind::Respond, ".HHHEEE"),
    (ReviewStepKind::SubmitAdvice, ".HHHEEE"),
    (ReviewStepKind::CirculateAdvice, ".HHHEEE"),
    (ReviewStepKind::Rearrange, ".HHHEEE"),
    (ReviewStepKind::HoldMeeting, ".HHHEEE"),
    (ReviewStepKind::SendReport, "M.RDEEE"),
    (ReviewStepKind::ConsultOnCeasing, "M..DEEE"),
    (ReviewStepKind::Decide, "M..DEEE"),
    (ReviewStepKind::CompleteRepresentations, "NNN.EEE"),
    (ReviewStepKind::Consult, "NNN.EEE"),
    (ReviewStepKind::ReplyToConsultation, "NNN.EEE"),
    (ReviewStepKind::SendAmendedPlan, "NNN.EEE"),
    (ReviewStepKind::DecideNotToAmend, "NNN.EEE"),
];

#[test]
fn every_step_in_every_state() {
    assert_eq!(TABLE.len(), ReviewStepKind::ALL.len());
    for (step, row) in TABLE {
        assert_eq!(row.len(), ReviewState::ALL.len());
        for (state, letter) in ReviewState::ALL.iter().zip(row.chars()) {
            let expected = match letter {
                'H' => Some("MEETING_ALREADY_HELD"),
                'M' => Some("MEETING_NOT_HELD"),
                'R' => Some("REPORT_ALREADY_SENT"),
                'D' => Some("REVIEW_ALREADY_DECIDED"),
                'N' => Some("NO_AMENDMENT_NOTICE"),
                'E' => Some("REVIEW_ENDED"),
                _ => None,
            };
            let refused = step_allowed(*state, *step).err().map(|refusal| refusal.reason);
            assert_eq!(refused, expected, "{step} in {state}");
        }
    }
}

#[test]
fn every_clock_that_is_started_is_listed() {
    for done in [
        called(ReviewCall {
            post16_move_on: Some(date(2027, 7, 31)),
            ..call()
        })
        .unwrap()
        .1,
        apply(&mut reported(call()), decide(AMEND), "la-one", date(2026, 12, 1)).unwrap(),
    ] {
        for clock in done.start {
            assert!(clocks::ALL.contains(&clock.rule), "{}", clock.rule);
        }
    }
}
