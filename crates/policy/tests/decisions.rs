//! The built-in rules as a whole: their tables, every combination of facts, days in force.
#![expect(clippy::unwrap_used, reason = "tests; rules that do not load fail them")]

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;

use jiff::civil::{Date, date};
use proptest::prelude::*;
use sendhub_domain::agency::{AgencyKind, AgencyStatus};
use sendhub_domain::exchange::DeliveryState;
use sendhub_domain::person::IdentityMatch;
use sendhub_policy::{
    Confidence, Decision, DestinationKind, Effect, FamilyView, HeldRecord, PolicySet, Question, RecordSource,
    SearchReason, Stage, TransferFacts, UnclaimedAct, UnclaimedFacts,
};

const TODAY: Date = date(2026, 11, 23);

const SOURCES: [RecordSource; 2] = [RecordSource::Sender, RecordSource::AnotherAgency];
const VIEWS: [FamilyView; 3] = [FamilyView::NotRecorded, FamilyView::Agrees, FamilyView::Refuses];
const HELD: [HeldRecord; 3] = [
    HeldRecord::Unclaimed,
    HeldRecord::ClaimedByCaller,
    HeldRecord::ClaimedByAnother,
];
const REASONS: [SearchReason; 2] = [SearchReason::Recorded, SearchReason::Missing];

fn rules() -> PolicySet {
    PolicySet::built_in().unwrap()
}

fn stages() -> Vec<Stage> {
    let collects = DeliveryState::ALL.iter().map(|state| Stage::Collect(*state));
    std::iter::once(Stage::Submit).chain(collects).collect()
}

fn destinations() -> Vec<DestinationKind> {
    let agencies = AgencyKind::ALL.iter().flat_map(|kind| {
        AgencyStatus::ALL
            .iter()
            .map(|status| DestinationKind::Agency(*kind, *status))
    });
    let others = [
        DestinationKind::Sender,
        DestinationKind::NotRegistered,
        DestinationKind::Unknown,
        DestinationKind::OutsideSector,
    ];
    agencies.chain(others).collect()
}

/// Every combination of a transfer's facts: 269,568.
fn each_transfer(mut see: impl FnMut(TransferFacts)) {
    let (stages, destinations) = (stages(), destinations());
    for &stage in &stages {
        for &sender_kind in AgencyKind::ALL {
            for &sender_status in AgencyStatus::ALL {
                for &destination in &destinations {
                    for record_source in SOURCES {
                        for &identity in IdentityMatch::ALL {
                            for family_view in VIEWS {
                                see(TransferFacts {
                                    stage,
                                    sender_kind,
                                    sender_status,
                                    record_source,
                                    destination,
                                    identity,
                                    family_view,
                                });
                            }
                        }
                    }
                }
            }
        }
    }
}

fn on(day: Date, facts: impl Into<sendhub_policy::Facts>) -> Question {
    Question {
        on: day,
        facts: facts.into(),
    }
}

/// What must be true of any decision on a transfer, told without the rules' help.
fn fault_of(facts: &TransferFacts, decision: &Decision) -> Option<&'static str> {
    let goes = decision.effect == Effect::Permit;
    let taken = goes || decision.effect == Effect::Hold;
    let submitting = facts.stage == Stage::Submit;
    let outsider = |kind| {
        matches!(
            kind,
            AgencyKind::HealthBody | AgencyKind::MinistryOfDefence | AgencyKind::HubOperator
        )
    };
    let (to_outsider, to_active) = match facts.destination {
        DestinationKind::Agency(kind, status) => (outsider(kind), status == AgencyStatus::Active),
        _ => (false, false),
    };
    let open =
        DestinationKind::Unknown == facts.destination || DestinationKind::OutsideSector == facts.destination;
    let ended = matches!(facts.stage, Stage::Collect(state) if !state.is_open());
    let checks = [
        (goes && !to_active, "a permit to who is not an active agency"),
        (goes && to_outsider, "a permit to a kind that may not have it"),
        (
            taken && outsider(facts.sender_kind),
            "taken from a kind that may not send it",
        ),
        (
            taken && facts.record_source == RecordSource::AnotherAgency,
            "taken from who is not its source",
        ),
        (
            taken && facts.identity == IdentityMatch::Conflict,
            "taken although identities conflict",
        ),
        (
            taken && submitting && facts.sender_status != AgencyStatus::Active,
            "taken from an inactive sender",
        ),
        (goes && ended, "handed over after its end"),
        (
            (decision.effect == Effect::Hold) != (taken && open && submitting),
            "held otherwise than on sending to nobody",
        ),
        (
            decision.rule_id.is_empty() || decision.provision.is_empty(),
            "no rule or provision",
        ),
        (decision.reason_code.is_empty(), "no reason"),
        (
            decision.remedy.is_none() != goes,
            "a refusal without remedy, or a permit with one",
        ),
    ];
    checks.iter().find(|(wrong, _)| *wrong).map(|(_, what)| *what)
}

#[test]
fn the_tables_hold_and_every_rule_decides_a_row() {
    let report = rules().run_built_in_tests().unwrap();
    assert!(report.passed(), "{report:#?}");
    assert!(report.held_a >= 20 && report.held_b >= 80, "{report:#?}");
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../config/policies");
    assert_eq!(rules().run_tests(&dir).unwrap(), report);
}

/// Evaluation is slow without optimisation: then every eleventh combination is tried. Eleven divides no
/// list's length, so every value still meets every other. `cargo test --release` tries them all.
const STEP: u32 = if cfg!(debug_assertions) { 11 } else { 1 };

#[test]
fn every_combination_has_one_decision_and_no_unlawful_permit() {
    let rules = rules();
    let mut wrong = Vec::new();
    let mut seen = BTreeSet::new();
    let mut count = 0_u32;
    each_transfer(|facts| {
        count += 1;
        if !count.is_multiple_of(STEP) {
            return;
        }
        let decision = rules.decide_afresh(&on(TODAY, facts));
        if let Some(what) = fault_of(&facts, &decision) {
            wrong.push(format!("{what}: {facts:?} {decision:?}"));
        }
        seen.insert(decision.rule_id);
    });
    assert_eq!(count, 269_568);
    assert!(wrong.is_empty(), "{} wrong, the first: {}", wrong.len(), wrong[0]);
    assert!(
        seen.contains(Decision::DEFAULT_DENY) && seen.len() > 20,
        "{seen:?}"
    );
}

#[test]
fn every_search_and_claim_is_an_active_authoritys_with_a_reason() {
    let rules = rules();
    let acts = std::iter::once(UnclaimedAct::Search).chain(HELD.map(UnclaimedAct::Claim));
    for act in acts {
        for &searcher_kind in AgencyKind::ALL {
            for &searcher_status in AgencyStatus::ALL {
                for reason in REASONS {
                    let facts = UnclaimedFacts {
                        act,
                        searcher_kind,
                        searcher_status,
                        reason,
                    };
                    let decision = rules.decide(&on(TODAY, facts));
                    let lawful = searcher_kind == AgencyKind::LocalAuthority
                        && searcher_status == AgencyStatus::Active
                        && reason == SearchReason::Recorded
                        && act != UnclaimedAct::Claim(HeldRecord::ClaimedByAnother);
                    assert_eq!(
                        decision.effect == Effect::Permit,
                        lawful,
                        "{facts:?} {decision:?}"
                    );
                    assert!(lawful || decision.effect == Effect::Deny, "{facts:?}");
                }
            }
        }
    }
}

fn usual() -> TransferFacts {
    TransferFacts {
        stage: Stage::Submit,
        sender_kind: AgencyKind::MaintainedSchool,
        sender_status: AgencyStatus::Active,
        record_source: RecordSource::Sender,
        destination: DestinationKind::Agency(AgencyKind::Academy, AgencyStatus::Active),
        identity: IdentityMatch::Same,
        family_view: FamilyView::NotRecorded,
    }
}

#[test]
fn a_decision_names_its_rule_and_what_it_rests_on() {
    let rules = rules();
    let decision = rules.decide(&on(TODAY, usual()));
    assert_eq!(decision.effect, Effect::Permit);
    assert_eq!(decision.rule_id, "transfer-maintained-school");
    assert_eq!(decision.policy_version, rules.version());
    assert!(decision.provision.contains("SI 2005/1437") && decision.provision.contains("reg 9(3)"));
    assert_eq!(decision.confidence, Confidence::A);
    assert_eq!(decision.remedy, None);
    assert_eq!(decision.matched_rules, ["transfer-maintained-school"]);
}

#[test]
fn of_several_refusals_the_first_by_priority_is_named_and_all_are_listed() {
    let facts = TransferFacts {
        record_source: RecordSource::AnotherAgency,
        destination: DestinationKind::Agency(AgencyKind::HealthBody, AgencyStatus::Closed),
        identity: IdentityMatch::Conflict,
        ..usual()
    };
    let decision = rules().decide(&on(TODAY, facts));
    assert_eq!(
        decision.matched_rules,
        [
            "deny-sender-not-source",
            "deny-recipient-kind",
            "deny-recipient-not-active",
            "deny-identity-conflict",
        ]
    );
    assert_eq!(decision.rule_id, "deny-sender-not-source");
}

#[test]
fn every_rule_is_listed_for_review_with_its_marks() {
    let rules = rules();
    let unsure = rules
        .rules()
        .filter(|rule| rule.confidence == Confidence::B)
        .count();
    assert!(rules.rules().count() > unsure && unsure > 20, "{unsure}");
    for rule in rules.rules() {
        let awake = rule.effective_from.is_some();
        assert!(rule.line > 1 && rule.in_force_on(TODAY) == awake, "{rule:?}");
    }
}

#[test]
fn a_repeated_question_is_remembered_but_not_across_a_rules_first_day() {
    let rules = rules();
    let first = rules.decide(&on(TODAY, usual()));
    assert!(Arc::ptr_eq(&first, &rules.decide(&on(TODAY, usual()))));
    assert!(
        Arc::ptr_eq(&first, &rules.decide(&on(date(2027, 6, 1), usual()))),
        "the same rules are in force"
    );
    let before = rules.decide(&on(date(2005, 8, 31), usual()));
    assert_eq!(before.rule_id, Decision::DEFAULT_DENY);
    assert_eq!(before.reason_code, "NO_RULE_PERMITS");
    assert!(before.remedy.is_some());
}

fn any_transfer() -> impl Strategy<Value = TransferFacts> {
    (
        proptest::sample::select(stages()),
        proptest::sample::select(AgencyKind::ALL),
        proptest::sample::select(AgencyStatus::ALL),
        proptest::sample::select(SOURCES.to_vec()),
        proptest::sample::select(destinations()),
        proptest::sample::select(IdentityMatch::ALL),
        proptest::sample::select(VIEWS.to_vec()),
    )
        .prop_map(
            |(stage, sender_kind, sender_status, record_source, destination, identity, family_view)| {
                TransferFacts {
                    stage,
                    sender_kind,
                    sender_status,
                    record_source,
                    destination,
                    identity,
                    family_view,
                }
            },
        )
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1024, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn on_any_day_memory_and_fresh_evaluation_agree(
        facts in any_transfer(),
        days in 0_i64..36_500,
    ) {
        thread_local! { static RULES: PolicySet = rules(); }
        let day = date(1990, 1, 1).saturating_add(jiff::Span::new().days(days));
        RULES.with(|rules| {
            let question = on(day, facts);
            let remembered = rules.decide(&question);
            prop_assert_eq!(&*remembered, &rules.decide_afresh(&question));
            prop_assert_eq!(fault_of(&facts, &remembered), None, "{:?}", remembered);
            Ok(())
        })?;
    }
}
