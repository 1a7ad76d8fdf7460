//! What one decision costs, remembered and afresh: `cargo run --release -p sendhub-policy --example decision_cost`.

use std::hint::black_box;
use std::time::Instant;

use jiff::civil::date;
use sendhub_domain::age::AgeStatus;
use sendhub_domain::agency::{AgencyKind, AgencyStatus};
use sendhub_domain::disclosure::{Ground, Item, RecipientRole};
use sendhub_domain::exchange::DeliveryState;
use sendhub_domain::person::IdentityMatch;
use sendhub_policy::{
    DestinationKind, DisclosureFacts, Facts, FamilyView, PolicySet, Question, RecipientParty, RecordSource,
    SearchReason, Stage, TransferFacts, UnclaimedAct, UnclaimedFacts,
};

/// Times each question is asked.
const ROUNDS: usize = 20_000;
/// Remembered answers measured together: one alone is shorter than reading the clock.
const TOGETHER: u32 = 100;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let rules = PolicySet::built_in()?;
    println!("{rules:?}");
    println!(
        "{:<22}{:>14}{:>14}{:>14}{:>14}",
        "nanoseconds", "fresh p50", "fresh p99", "known p50", "known p99"
    );
    for (name, facts) in questions() {
        let question = Question {
            on: date(2026, 11, 23),
            facts,
        };
        let fresh = sorted((0..ROUNDS).map(|_| {
            let start = Instant::now();
            black_box(rules.decide_afresh(black_box(&question)));
            start.elapsed().as_nanos()
        }));
        let known = sorted((0..ROUNDS / 10).map(|_| {
            let start = Instant::now();
            for _ in 0..TOGETHER {
                black_box(rules.decide(black_box(&question)));
            }
            start.elapsed().as_nanos() / u128::from(TOGETHER)
        }));
        println!(
            "{name:<22}{:>14}{:>14}{:>14}{:>14}",
            at(&fresh, 50),
            at(&fresh, 99),
            at(&known, 50),
            at(&known, 99)
        );
    }
    Ok(())
}

fn questions() -> [(&'static str, Facts); 6] {
    let submit = TransferFacts {
        stage: Stage::Submit,
        sender_kind: AgencyKind::MaintainedSchool,
        sender_status: AgencyStatus::Active,
        record_source: RecordSource::Sender,
        destination: DestinationKind::Agency(AgencyKind::Academy, AgencyStatus::Active),
        identity: IdentityMatch::Same,
        family_view: FamilyView::NotRecorded,
    };
    let collect = TransferFacts {
        stage: Stage::Collect(DeliveryState::Waiting),
        ..submit
    };
    let refused = TransferFacts {
        destination: DestinationKind::Agency(AgencyKind::HealthBody, AgencyStatus::Active),
        ..submit
    };
    let search = UnclaimedFacts {
        act: UnclaimedAct::Search,
        searcher_kind: AgencyKind::LocalAuthority,
        searcher_status: AgencyStatus::Active,
        reason: SearchReason::Recorded,
    };
    let plan = DisclosureFacts::new(
        Item::EhcPlan,
        AgencyKind::LocalAuthority,
        RecipientParty::Agency(AgencyKind::Academy, AgencyStatus::Active),
        RecipientRole::NamedInstitution,
        AgeStatus::ChildOfCsa,
    );
    [
        ("submit, permitted", submit.into()),
        ("collect, permitted", collect.into()),
        ("submit, refused", refused.into()),
        ("search, permitted", search.into()),
        (
            "plan, permitted",
            DisclosureFacts {
                ground: Ground::StatutorySendFinal,
                ..plan
            }
            .into(),
        ),
        ("plan, refused", plan.into()),
    ]
}

fn sorted(times: impl Iterator<Item = u128>) -> Vec<u128> {
    let mut times: Vec<u128> = times.collect();
    times.sort_unstable();
    times
}

fn at(sorted: &[u128], percent: usize) -> u128 {
    sorted
        .get(sorted.len() * percent / 100)
        .copied()
        .unwrap_or_default()
}
