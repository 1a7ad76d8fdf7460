//! Calls of reviews and walks through them.

use jiff::civil::{Date, date};

use super::*;
use crate::age::AgeStatus;
use crate::assessment::tests::{agency, exchange};
use crate::clock::ClockParams;

mod decisions;
mod invitations;

const MEETING: Date = date(2026, 11, 16);

fn who(role: InviteeRole, name: &str) -> InviteeRef {
    InviteeRef {
        role,
        agency: (!name.is_empty()).then(|| agency(name)),
    }
}

fn sent(role: InviteeRole, name: &str, sent_on: Date) -> Invitee {
    Invitee {
        who: who(role, name),
        sent_on,
    }
}

/// A child at school, everybody invited three weeks before.
fn call() -> ReviewCall {
    use InviteeRole as R;
    let on = date(2026, 10, 26);
    ReviewCall {
        authority: agency("la-one"),
        run_by: agency("school-one"),
        meeting_on: MEETING,
        at_school: true,
        run_for_authority: true,
        year_9_or_beyond: Some(false),
        status: AgeStatus::ChildOfCsa,
        holder_asks_parent: false,
        alternative_person_acts: false,
        invitees: vec![
            sent(R::Parent, "", on),
            sent(R::Institution, "school-one", on),
            sent(R::LaSenOfficer, "la-one", on),
            sent(R::HealthProfessional, "nhs-one", on),
            sent(R::LaSocialCare, "la-one", on),
        ],
        plan_made_on: date(2025, 1, 10),
        last_review_on: Some(date(2026, 1, 12)),
        phase_transfer: None,
        post16_move_on: None,
        service_child: false,
        last_year: false,
    }
}

fn everybody(call: &ReviewCall) -> Vec<InviteeRef> {
    call.invitees.iter().map(|invitee| invitee.who.clone()).collect()
}

fn contents() -> ReportContents {
    ReportContents {
        recommendation: Recommendation::Keep,
        progress: true,
        adulthood: false,
        service_issues: false,
        exit_plan: false,
        differences_of_view: 0,
    }
}

fn called(call: ReviewCall) -> Result<(ReviewCase, Consequences), StepRefused> {
    ReviewCase::call(call, &agency("school-one"))
}

fn apply(case: &mut ReviewCase, step: ReviewStep, by: &str, on: Date) -> Result<Consequences, StepRefused> {
    let before = case.clone();
    let done = case.apply(step, &agency(by), exchange(7), on);
    if done.is_err() {
        assert_eq!(*case, before, "a refused step changes nothing");
    }
    done
}

fn held(call: ReviewCall) -> ReviewCase {
    let attended = everybody(&call);
    let (mut case, _) = called(call).unwrap();
    let step = ReviewStep::HoldMeeting {
        held_on: MEETING,
        attended,
    };
    apply(&mut case, step, "school-one", MEETING).unwrap();
    case
}

fn reported(call: ReviewCall) -> ReviewCase {
    let sent_to = everybody(&call);
    let mut case = held(call);
    let step = ReviewStep::SendReport {
        sent_to,
        contents: contents(),
    };
    apply(&mut case, step, "school-one", date(2026, 11, 25)).unwrap();
    case
}

fn decide(outcome: ReviewOutcome) -> ReviewStep {
    ReviewStep::Decide { outcome }
}

const AMEND: ReviewOutcome = ReviewOutcome::Amend {
    proposed_changes: true,
    evidence: true,
};

fn amending() -> ReviewCase {
    let mut case = reported(call());
    apply(&mut case, decide(AMEND), "la-one", date(2026, 12, 14)).unwrap();
    case
}

fn started(done: &Consequences) -> Vec<(&'static str, Date)> {
    done.start
        .iter()
        .map(|clock| (clock.rule, clock.event_on))
        .collect()
}

fn ended(done: &Consequences) -> Vec<&'static str> {
    done.end.iter().map(|clock| clock.rule).collect()
}

fn warned(done: &Consequences) -> Vec<&'static str> {
    done.warnings.iter().map(|warning| warning.code).collect()
}

#[test]
fn a_call_starts_its_clocks() {
    let facts = ReviewCall {
        phase_transfer: Some((PhaseTransfer::PrimaryToSecondary, 2027)),
        ..call()
    };
    let (_, done) = called(facts).unwrap();
    assert_eq!(
        started(&done),
        [
            ("ANNUAL_REVIEW_12M", date(2026, 1, 12)),
            ("REVIEW_ADVICE_CIRCULATE_2W", MEETING),
            ("REVIEW_REPORT_2W", MEETING),
            ("REVIEW_DECISION_4W", MEETING),
            ("PHASE_TRANSFER", date(2027, 1, 1)),
        ]
    );
    assert_eq!(
        done.start[4].params,
        [("kind", "primary_to_secondary".to_owned())]
    );
    for (name, value) in done.start.iter().flat_map(|clock| &clock.params) {
        assert_eq!(ClockParams::default().set(name, value), Ok(()), "{name}");
    }
    assert_eq!(done.start[1].owed_by, Owner::Agency(agency("school-one")));
    assert!(done.warnings.is_empty());
}

#[test]
fn the_twelve_months_end_the_day_before_the_anniversary() {
    for (made, last, limit) in [
        (date(2024, 2, 29), None, date(2025, 2, 28)),
        (date(2025, 1, 10), Some(date(2026, 1, 12)), date(2027, 1, 11)),
        (date(2026, 3, 1), Some(date(2026, 1, 12)), date(2027, 2, 28)),
    ] {
        let call = ReviewCall {
            plan_made_on: made,
            last_review_on: last,
            ..call()
        };
        assert_eq!(call.twelve_month_limit(), limit);
    }
}

#[test]
fn each_answers_for_itself() {
    let (mut case, _) = called(call()).unwrap();
    let respond = |role, name| ReviewStep::Respond {
        invitee: who(role, name),
        answer: InvitationAnswer::Accept,
    };
    use InviteeRole as R;
    let on = date(2026, 10, 28);
    for (role, name, by, expected) in [
        (R::HealthProfessional, "nhs-one", "nhs-one", None),
        (
            R::HealthProfessional,
            "nhs-one",
            "school-one",
            Some("NOT_INVITED"),
        ),
        (R::Other, "club-one", "club-one", Some("NOT_INVITED")),
        (R::Parent, "", "school-one", None),
        (R::Parent, "", "nhs-one", Some("NOT_INVITED")),
    ] {
        let done = apply(&mut case, respond(role, name), by, on);
        assert_eq!(
            done.err().map(|refusal| refusal.reason),
            expected,
            "{role} by {by}"
        );
    }
    assert_eq!(case.answers().len(), 2);
}

#[test]
fn advice_is_due_and_circulated_two_weeks_before() {
    let (mut case, _) = called(call()).unwrap();
    let advise = || ReviewStep::SubmitAdvice {
        invitee: who(InviteeRole::HealthProfessional, "nhs-one"),
    };
    assert_eq!(
        warned(&apply(&mut case, advise(), "nhs-one", date(2026, 11, 2)).unwrap()),
        [""; 0]
    );
    assert_eq!(
        warned(&apply(&mut case, advise(), "nhs-one", date(2026, 11, 3)).unwrap()),
        ["REVIEW_ADVICE_LATE"]
    );
    assert_eq!(case.advice_owed().len(), 4);
    assert_eq!(
        case.parties(),
        [&agency("la-one"), &agency("nhs-one"), &agency("school-one")]
    );
    let mut sent_to = everybody(&call());
    let all = ReviewStep::CirculateAdvice {
        sent_to: sent_to.clone(),
    };
    let last = sent_to.pop().unwrap();
    assert_eq!(last.role, InviteeRole::LaSocialCare);
    let refused = apply(
        &mut case,
        ReviewStep::CirculateAdvice { sent_to },
        "school-one",
        date(2026, 11, 2),
    );
    assert_eq!(refused.unwrap_err().reason, "CIRCULATE_TO_ALL_INVITEES");
    let mut late = case.clone();
    let done = apply(&mut case, all.clone(), "school-one", date(2026, 11, 2)).unwrap();
    assert_eq!(
        (ended(&done), warned(&done)),
        (
            vec!["REVIEW_ADVICE_CIRCULATE_2W"],
            vec!["REVIEW_ADVICE_NOT_OBTAINED"; 4]
        )
    );
    assert_eq!(
        warned(&apply(&mut late, all, "la-one", date(2026, 11, 3)).unwrap())[0],
        "CIRCULATED_LATE"
    );
}

#[test]
fn a_meeting_moves_only_with_new_notice() {
    let (mut case, _) = called(call()).unwrap();
    let invitees = |on| {
        call()
            .invitees
            .into_iter()
            .map(|one| Invitee { sent_on: on, ..one })
            .collect()
    };
    let to = |meeting_on, on| ReviewStep::Rearrange {
        meeting_on,
        invitees: invitees(on),
    };
    let refused = apply(
        &mut case,
        to(date(2026, 11, 20), date(2026, 11, 10)),
        "school-one",
        date(2026, 11, 10),
    );
    assert_eq!(refused.unwrap_err().reason, "REVIEW_NOTICE_TOO_SHORT");
    let done = apply(
        &mut case,
        to(date(2026, 11, 30), date(2026, 11, 10)),
        "school-one",
        date(2026, 11, 10),
    );
    assert_eq!(
        started(&done.unwrap()),
        [
            ("REVIEW_REPORT_2W", date(2026, 11, 30)),
            ("REVIEW_DECISION_4W", date(2026, 11, 30)),
            ("REVIEW_ADVICE_CIRCULATE_2W", date(2026, 11, 30)),
        ]
    );
    let early = ReviewStep::HoldMeeting {
        held_on: MEETING,
        attended: Vec::new(),
    };
    assert_eq!(
        apply(&mut case, early, "school-one", MEETING).unwrap_err().reason,
        "MEETING_BEFORE_ITS_DAY"
    );
}

#[test]
fn report_and_decision_count_from_the_meeting() {
    let (mut case, begun) = called(call()).unwrap();
    let hold = |held_on| ReviewStep::HoldMeeting {
        held_on,
        attended: everybody(&call()),
    };
    assert_eq!(
        apply(&mut case, hold(date(2026, 11, 17)), "school-one", MEETING)
            .unwrap_err()
            .reason,
        "MEETING_IN_THE_FUTURE"
    );
    assert_eq!(
        begun.start[3].params,
        [("anniversary_limit", "2027-01-11".to_owned())]
    );
    // On its day they run on; on a later day they are counted anew.
    let later = date(2026, 11, 18);
    let done = apply(&mut case.clone(), hold(later), "school-one", later).unwrap();
    assert_eq!(
        started(&done),
        [("REVIEW_REPORT_2W", later), ("REVIEW_DECISION_4W", later)]
    );
    assert_eq!(
        ended(&done),
        [
            "REVIEW_ADVICE_CIRCULATE_2W",
            "REVIEW_REPORT_2W",
            "REVIEW_DECISION_4W"
        ]
    );
    let done = apply(&mut case, hold(MEETING), "school-one", MEETING).unwrap();
    assert_eq!(started(&done), []);
    assert_eq!(case.decision_due(), Some(date(2026, 12, 14)));
    let near = ReviewCall {
        last_review_on: Some(date(2025, 12, 1)),
        ..call()
    };
    assert_eq!(held(near).decision_due(), Some(date(2026, 11, 30)));
}

#[test]
fn a_report_holds_what_the_review_asks_for_and_goes_to_all() {
    type Change = fn(&mut ReviewCall, &mut ReportContents);
    let table: [(Change, Option<&str>); 8] = [
        (|_, _| {}, None),
        (|_, report| report.progress = false, Some("PROGRESS_MISSING")),
        (
            |call, _| call.year_9_or_beyond = Some(true),
            Some("ADULTHOOD_MISSING"),
        ),
        (
            |call, report| (call.year_9_or_beyond, report.adulthood) = (Some(true), true),
            None,
        ),
        (
            |call, _| call.service_child = true,
            Some("SERVICE_ISSUES_MISSING"),
        ),
        (
            |call, report| (call.service_child, report.service_issues) = (true, true),
            None,
        ),
        (|call, _| call.last_year = true, Some("EXIT_PLAN_MISSING")),
        (
            |call, report| (call.last_year, report.exit_plan) = (true, true),
            None,
        ),
    ];
    for (change, expected) in table {
        let (mut call, mut contents) = (call(), contents());
        change(&mut call, &mut contents);
        let sent_to = everybody(&call);
        let mut case = held(call);
        let step = ReviewStep::SendReport { sent_to, contents };
        let done = apply(&mut case, step, "school-one", date(2026, 11, 30));
        assert_eq!(done.as_ref().err().map(|refusal| refusal.reason), expected);
        if let Ok(done) = done {
            assert_eq!((ended(&done), warned(&done)), (vec!["REVIEW_REPORT_2W"], vec![]));
        }
    }
    let report = |sent_to| ReviewStep::SendReport {
        sent_to,
        contents: contents(),
    };
    let mut case = held(call());
    let some = report(everybody(&call())[1..].to_vec());
    assert_eq!(
        apply(&mut case, some, "school-one", MEETING).unwrap_err().reason,
        "REPORT_TO_ALL_INVITEES"
    );
    let done = apply(
        &mut case,
        report(everybody(&call())),
        "school-one",
        date(2026, 12, 1),
    )
    .unwrap();
    assert_eq!(warned(&done), ["REPORT_LATE"]);
}
