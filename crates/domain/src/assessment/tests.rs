//! Walks through assessments, one fact of law each.

use jiff::civil::{Date, date};
use uuid::Uuid;

use super::*;
use crate::agency::AgencyKind;

mod advice;
mod advisers;
mod afterwards;

pub(crate) fn agency(name: &str) -> AgencyId {
    AgencyId::parse(name).unwrap()
}

pub(crate) fn exchange(number: u128) -> ExchangeId {
    ExchangeId(Uuid::from_u128(number))
}

fn opening() -> CaseOpening {
    CaseOpening {
        authority: agency("la-one"),
        received_on: date(2026, 9, 7),
        reassessment: false,
        serving_parent: Some(true),
        hearing_impaired: false,
        vision_impaired: false,
        year_9_or_beyond: Some(false),
        attends: Some(agency("school-one")),
        family_asks: Vec::new(),
    }
}

/// A case with steps counted for their exchanges: the first has the id 1.
struct Walk {
    case: AssessmentCase,
    steps: u128,
}

impl Walk {
    fn open() -> Self {
        let (case, _) = AssessmentCase::open(opening(), agency("la-one"));
        Self { case, steps: 0 }
    }

    fn assessing() -> Self {
        let mut walk = Self::open();
        walk.la(AssessmentStep::DecideToAssess { assess: true }, date(2026, 9, 28))
            .unwrap();
        walk
    }

    fn with_plan() -> Self {
        let mut walk = Self::assessing();
        walk.la(draft(date(2026, 12, 1)), date(2026, 12, 1)).unwrap();
        walk.la(AssessmentStep::CompleteRepresentations, date(2026, 12, 2))
            .unwrap();
        walk.la(
            AssessmentStep::NameInstitution(SectionI::TypeOnly),
            date(2026, 12, 2),
        )
        .unwrap();
        walk.la(AssessmentStep::SendFinalPlan, date(2026, 12, 3)).unwrap();
        walk
    }

    fn by(&mut self, step: AssessmentStep, by: &str, on: Date) -> Result<Consequences, StepRefused> {
        self.steps += 1;
        let before = self.case.clone();
        let done = self.case.apply(step, &agency(by), exchange(self.steps), on);
        if done.is_err() {
            assert_eq!(self.case, before, "a refused step changes nothing");
        }
        done
    }

    fn la(&mut self, step: AssessmentStep, on: Date) -> Result<Consequences, StepRefused> {
        self.by(step, "la-one", on)
    }

    fn ask(&mut self, kind: AdviserKind, adviser: &str, adviser_agency: AgencyKind, on: Date) -> ExchangeId {
        self.la(request(kind, adviser, adviser_agency), on).unwrap();
        exchange(self.steps)
    }
}

fn request(kind: AdviserKind, adviser: &str, adviser_agency: AgencyKind) -> AssessmentStep {
    AssessmentStep::RequestAdvice {
        kind,
        adviser: agency(adviser),
        adviser_agency,
        youth_justice: false,
        statutory: true,
        representations_enclosed: true,
        received_on: None,
    }
}

fn draft(served_on: Date) -> AssessmentStep {
    AssessmentStep::ServeDraft {
        served_on,
        section_i_blank: true,
    }
}

fn returned(request: ExchangeId) -> AssessmentStep {
    AssessmentStep::ReturnAdvice {
        request,
        covers_needs_provision_outcomes: true,
    }
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

fn warned(warnings: &[Warning]) -> Vec<&'static str> {
    warnings.iter().map(|warning| warning.code).collect()
}

fn reason(done: Result<Consequences, StepRefused>) -> &'static str {
    done.unwrap_err().reason
}

const ADVICE_ON: Date = date(2026, 10, 5);

#[test]
fn an_opening_starts_the_three_limits_from_the_day_of_receipt() {
    let (_, done) = AssessmentCase::open(opening(), agency("school-one"));
    let received = date(2026, 9, 7);
    assert_eq!(
        started(&done),
        [
            ("EHCNA_CONSIDERING_TELL", received),
            ("EHCNA_DECIDE_6W", received),
            ("NO_PLAN_NOTICE_16W", received),
            ("FINAL_PLAN_20W", received),
        ]
    );
    assert!(done.warnings.is_empty());
    let (_, done) = AssessmentCase::open(opening(), agency("club-one"));
    assert_eq!(warned(&done.warnings), ["OPENED_BY_ANOTHER"]);
}

#[test]
fn only_the_asked_adviser_answers_and_only_the_authority_decides() {
    let mut walk = Walk::assessing();
    let request = walk.ask(AdviserKind::Health, "nhs-one", AgencyKind::HealthBody, ADVICE_ON);
    let unknown = exchange(99);
    for (step, by, code) in [
        (
            AssessmentStep::AcknowledgeRequest { request },
            "la-one",
            "NOT_THE_ASKED_ADVISER",
        ),
        (returned(request), "school-one", "NOT_THE_ASKED_ADVISER"),
        (returned(unknown), "nhs-one", "UNKNOWN_ADVICE_REQUEST"),
        (
            AssessmentStep::AcceptAdvice { request },
            "nhs-one",
            "NOT_THE_AUTHORITY",
        ),
        (AssessmentStep::DecideNoPlan, "school-one", "NOT_THE_AUTHORITY"),
        (draft(ADVICE_ON), "la-two", "NOT_THE_AUTHORITY"),
        // One who has no part learns nothing of the state, even where the step is out of place.
        (AssessmentStep::SendFinalPlan, "la-two", "NOT_THE_AUTHORITY"),
    ] {
        assert_eq!(reason(walk.by(step, by, ADVICE_ON)), code);
    }
}

#[test]
fn a_final_plan_waits_for_the_family() {
    let served = date(2026, 12, 18);
    let mut walk = Walk::assessing();
    let done = walk.la(draft(served), served).unwrap();
    assert_eq!(started(&done), [("DRAFT_REPS_LAST_DAY_15D", served)]);
    assert_eq!(ended(&done), ["NO_PLAN_NOTICE_16W"]);
    assert_eq!(
        reason(walk.la(AssessmentStep::SendFinalPlan, date(2027, 1, 2))),
        "SECTION_I_EMPTY"
    );
    walk.la(AssessmentStep::NameInstitution(SectionI::TypeOnly), served)
        .unwrap();
    // Through New Year's Day, the fifteenth day beginning with the day of service.
    let refusal = walk
        .la(AssessmentStep::SendFinalPlan, date(2027, 1, 1))
        .unwrap_err();
    assert_eq!(
        (refusal.reason, refusal.provision),
        ("REPRESENTATIONS_OPEN", "SEND Regulations 2014 reg 13(1)")
    );
    assert!(refusal.message.contains("2027-01-02"));
    let mut early = Walk {
        case: walk.case.clone(),
        steps: walk.steps,
    };
    early
        .la(AssessmentStep::CompleteRepresentations, date(2026, 12, 21))
        .unwrap();
    early
        .la(AssessmentStep::SendFinalPlan, date(2026, 12, 22))
        .unwrap();
    let done = walk.la(AssessmentStep::SendFinalPlan, date(2027, 1, 2)).unwrap();
    assert_eq!(ended(&done), ["FINAL_PLAN_20W", "DRAFT_REPS_LAST_DAY_15D"]);
    assert_eq!(
        started(&done),
        [
            ("ANNUAL_REVIEW_12M", date(2027, 1, 2)),
            ("APPEAL_LIMIT", date(2027, 1, 2))
        ]
    );
}

#[test]
fn a_draft_that_names_a_place_is_noted() {
    let mut walk = Walk::assessing();
    let named = AssessmentStep::ServeDraft {
        served_on: ADVICE_ON,
        section_i_blank: false,
    };
    assert!(warned(&walk.la(named, ADVICE_ON).unwrap().warnings).contains(&"DRAFT_NAMES_INSTITUTION"));
    assert!(warned(&walk.case.warnings()).contains(&"DRAFT_NAMES_INSTITUTION"));
}

#[test]
fn a_consultation_is_guidance_and_answered_once_with_reasons() {
    let mut walk = Walk::assessing();
    walk.la(draft(date(2026, 12, 1)), date(2026, 12, 1)).unwrap();
    let sent = date(2026, 12, 18);
    let done = walk
        .la(
            AssessmentStep::Consult {
                institution: agency("school-two"),
            },
            sent,
        )
        .unwrap();
    let consultation = exchange(walk.steps);
    assert_eq!(
        (started(&done), done.start[0].guidance),
        (vec![("SCHOOL_CONSULT_REPLY_15D", sent)], true)
    );
    let say = |answer, reasons| AssessmentStep::ReplyToConsultation {
        consultation,
        answer,
        reasons,
    };
    use ConsultationAnswer as A;
    let name = || AssessmentStep::NameInstitution(SectionI::Institution(agency("school-two")));
    assert_eq!(
        warned(&walk.la(name(), sent).unwrap().warnings),
        ["NAMED_WITHOUT_REPLY"]
    );
    assert_eq!(
        reason(walk.by(say(A::Yes, false), "school-one", sent)),
        "NOT_THE_CONSULTED_INSTITUTION"
    );
    assert_eq!(
        reason(walk.by(say(A::Unsuitable, false), "school-two", sent)),
        "REASONS_MISSING"
    );
    let done = walk
        .by(say(A::Unsuitable, true), "school-two", date(2027, 1, 3))
        .unwrap();
    assert_eq!(
        (ended(&done), warned(&done.warnings)),
        (vec!["SCHOOL_CONSULT_REPLY_15D"], vec!["CONSULTATION_REPLY_LATE"])
    );
    assert_eq!(
        reason(walk.by(say(A::Yes, true), "school-two", sent)),
        "CONSULTATION_ALREADY_ANSWERED"
    );
    assert_eq!(
        warned(&walk.la(name(), sent).unwrap().warnings),
        ["NAMED_AGAINST_REPLY"]
    );
    let other = AssessmentStep::NameInstitution(SectionI::Institution(agency("school-nine")));
    assert_eq!(
        warned(&walk.la(other, sent).unwrap().warnings),
        ["NAMED_WITHOUT_CONSULTATION"]
    );
}

#[test]
fn no_ends_what_counted_towards_a_plan_and_opens_the_appeal() {
    for no_plan in [false, true] {
        let mut walk = if no_plan { Walk::assessing() } else { Walk::open() };
        walk.ask(AdviserKind::Health, "nhs-one", AgencyKind::HealthBody, ADVICE_ON);
        let step = if no_plan {
            AssessmentStep::DecideNoPlan
        } else {
            AssessmentStep::DecideToAssess { assess: false }
        };
        let done = walk.la(step, date(2026, 10, 12)).unwrap();
        for rule in ["NO_PLAN_NOTICE_16W", "FINAL_PLAN_20W", "ADVICE_RETURN_6W"] {
            assert!(ended(&done).contains(&rule), "{rule}");
        }
        assert_eq!(ended(&done).contains(&"EHCNA_DECIDE_6W"), !no_plan);
        assert_eq!(started(&done), [("APPEAL_LIMIT", date(2026, 10, 12))]);
        assert_eq!(walk.case.requests()[0].stage, AdviceStage::Closed);
        assert_eq!(walk.case.appeal_until(), Some(date(2026, 12, 12)));
    }
}
