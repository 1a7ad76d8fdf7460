//! Whatever comes in whatever order, nothing is disclosed that the law of the day of collection denies: sequences of
//! consents, withdrawals, birthdays, findings, exclusions, sendings and collections, judged by a model beside the hub.
//!
//! The model keeps its own records and asks the built-in rules itself; it shares with the hub neither store nor
//! sealing, conversion, header or referral.

mod model;
mod rig;

use std::sync::LazyLock;

use jiff::civil::{Date, date};
use proptest::prelude::*;
use sendhub_contracts::rights::v1 as wire;
use sendhub_domain::event::EventKind;
use sendhub_domain::exchange::RightsRecordId;
use sendhub_policy::{Effect as Outcome, Stage};
use tokio::runtime::Runtime;

use model::{AGENCIES, Copy, Model};
use rig::Rig;

use crate::clock::{Clock as _, SystemClock};

const START: Date = date(2026, 6, 20);

/// One thing that somebody does.
#[derive(Debug, Clone)]
pub(super) enum Step {
    /// The day moves on; birthdays and the end of compulsory school age come of themselves.
    Days(i32),
    /// A consent or refusal, by the parent or the pupil, for one agency or any.
    Consent {
        parent: bool,
        granted: bool,
        to: Option<usize>,
        days: Option<i32>,
    },
    /// The withdrawal of one of the consents so far.
    Withdraw(usize),
    /// Whether the child understands.
    Understanding(bool),
    /// A finding of capacity, good for so many days.
    Capacity { lacks: bool, days: i32 },
    /// A deputy is appointed.
    Deputy,
    /// The young person authorises the parent.
    Authority,
    /// An agency is kept out.
    Exclusion(usize),
    /// One of the facts so far ends.
    EndFact(usize),
    /// The plan is sent.
    Send(usize),
    /// One of the copies so far is collected.
    Collect(usize),
    /// A named person decides one of the referrals that wait.
    Decide(usize, bool),
}

fn step() -> impl Strategy<Value = Step> {
    let which = any::<usize>();
    let agency = 0..AGENCIES.len();
    prop_oneof![
        3 => (0..9_i32).prop_map(Step::Days),
        5 => (any::<bool>(), prop::bool::weighted(0.85), prop::option::of(agency.clone()), prop::option::weighted(0.2, 0..20_i32))
            .prop_map(|(parent, granted, to, days)| Step::Consent { parent, granted, to, days }),
        2 => which.prop_map(Step::Withdraw),
        3 => any::<bool>().prop_map(Step::Understanding),
        2 => (any::<bool>(), 0..30_i32).prop_map(|(lacks, days)| Step::Capacity { lacks, days }),
        1 => Just(Step::Deputy),
        1 => Just(Step::Authority),
        1 => agency.clone().prop_map(Step::Exclusion),
        2 => which.prop_map(Step::EndFact),
        5 => agency.prop_map(Step::Send),
        8 => which.prop_map(Step::Collect),
        2 => (which, any::<bool>()).prop_map(|(which, allowed)| Step::Decide(which, allowed)),
    ]
}

/// How a sequence begins: mostly with a plan that may be sent, so that what follows has something to take away.
fn sequence() -> impl Strategy<Value = Vec<Step>> {
    let consent = |parent| Step::Consent {
        parent,
        granted: true,
        to: None,
        days: None,
    };
    let beginning = prop_oneof![
        1 => Just(vec![]),
        3 => Just(vec![Step::Understanding(false), consent(true), Step::Send(0), Step::Send(1)]),
        3 => Just(vec![Step::Understanding(true), consent(false), Step::Send(0)]),
        2 => Just(vec![consent(true), Step::Send(0), Step::Decide(0, true)]),
        3 => Just(vec![Step::Days(8), consent(false), Step::Send(0), Step::Send(1)]),
        2 => Just(vec![Step::Days(8), Step::Authority, consent(true), Step::Send(0)]),
    ];
    (beginning, prop::collection::vec(step(), 8..16)).prop_map(|(mut all, rest)| {
        all.extend(rest);
        all
    })
}

/// A hub for one test: its day is the test's to move.
fn started() -> (Runtime, Rig) {
    let runtime = Runtime::new().unwrap();
    let rig = runtime.block_on(Rig::start());
    (runtime, rig)
}

/// What came of a sequence, for the figures and the leaves.
#[derive(Debug, Default, Clone, Copy)]
struct Tally {
    recorded: usize,
    accepted: usize,
    turned_away: usize,
    disclosed: usize,
    refused: usize,
    decided: usize,
}

async fn run(rig: &Rig, born: Date, steps: &[Step]) -> Result<Tally, TestCaseError> {
    let mut model = Model::new(born);
    let mut today = START;
    let mut tally = Tally::default();
    rig.move_to(today);
    for step in steps {
        match step {
            Step::Days(days) => {
                today = today.saturating_add(jiff::Span::new().days(*days));
                rig.move_to(today);
            }
            Step::Send(agency) => {
                let expected = model.decide(*agency, Stage::Submit, today, &[]);
                match rig.send(model.plan(*agency)).await {
                    Ok(receipt) => {
                        tally.accepted += 1;
                        let one = &receipt.recipient_decisions[0];
                        prop_assert!(rig.proves(receipt.log.as_ref()));
                        prop_assert_ne!(
                            expected.effect,
                            Outcome::Deny,
                            "sent against the rules: {:?}",
                            expected
                        );
                        prop_assert_eq!(one.delivery_id.is_empty(), expected.effect == Outcome::Refer);
                        model.copies.push(Copy::new(*agency, &receipt));
                    }
                    Err(_) => {
                        tally.turned_away += 1;
                        prop_assert_eq!(
                            expected.effect,
                            Outcome::Deny,
                            "refused without a reason: {:?}",
                            expected
                        );
                    }
                }
            }
            Step::Collect(which) => {
                let with_copy = model.copies.iter().positions(|copy| copy.delivery.is_some());
                let Some(at) = nth(&with_copy, *which) else {
                    continue;
                };
                let copy = &model.copies[at];
                let stage = Stage::Collect(copy.state);
                let expected = model.decide(copy.agency, stage, today, &copy.decided);
                let stopped = !copy.state.is_open();
                let delivery = copy.delivery.clone().unwrap_or_default();
                match rig.collect(AGENCIES[copy.agency], &delivery).await {
                    Some(handed) => {
                        tally.disclosed += 1;
                        prop_assert!(rig.proves(handed.log.as_ref()));
                        prop_assert_eq!(
                            expected.effect,
                            Outcome::Permit,
                            "DISCLOSED AGAINST THE RULES: {:?}",
                            expected
                        );
                        prop_assert!(!stopped, "disclosed although stopped");
                        model.copies[at].state = sendhub_domain::exchange::DeliveryState::Collected;
                    }
                    None => {
                        tally.refused += 1;
                        prop_assert!(
                            stopped || expected.effect != Outcome::Permit,
                            "withheld against the rules: {:?}",
                            expected
                        );
                    }
                }
            }
            Step::Decide(which, allowed) => {
                let mut waiting = Vec::new();
                for (at, copy) in model.copies.iter().enumerate() {
                    for referral in rig.open_referrals(&copy.exchange).await {
                        waiting.push((at, referral));
                    }
                }
                let Some((at, referral)) = nth(&waiting, *which) else {
                    continue;
                };
                let done = rig
                    .decide(format!("referrals/{}", referral.referral), *allowed)
                    .await;
                tally.decided += 1;
                prop_assert!(rig.proves(done.log.as_ref()));
                let copy = &mut model.copies[at];
                copy.decided.push((referral.reason.clone(), *allowed));
                if *allowed {
                    copy.delivery = Some(done.delivery_id);
                }
            }
            other => {
                let Some((log, stopped)) = record(rig, &mut model, other, today).await else {
                    continue;
                };
                tally.recorded += 1;
                prop_assert!(rig.proves(log.as_ref()));
                if !matches!(other, Step::Authority) {
                    prop_assert_eq!(stopped, model.stop(today), "what was stopped on {}", today);
                }
            }
        }
    }
    counted(rig, &model, tally).await?;
    Ok(tally)
}

/// Records a consent or fact, or the end of one, in the hub and in the model.
async fn record(
    rig: &Rig,
    model: &mut Model,
    step: &Step,
    today: Date,
) -> Option<(Option<sendhub_contracts::types::v1::LogPosition>, u32)> {
    match step {
        Step::Withdraw(which) => {
            let standing = model
                .facts
                .consents
                .iter()
                .positions(|one| one.withdrawn_on.is_none());
            let at = nth(&standing, *which)?;
            let done = rig.withdraw(model.withdrawal(at, today)).await;
            model.facts.consents[at].withdrawn_on = Some(today);
            // Later than every record so far, as the hub's own is.
            model.facts.consents[at].withdrawn_by = Some(RightsRecordId(SystemClock.new_id()));
            Some((done.log, done.stopped_deliveries))
        }
        Step::EndFact(which) => {
            let (at, name) = nth(&model.standing_facts(), *which)?;
            let done = rig.end_fact(model.end_of(name, today)).await;
            model.end(at, today);
            Some((done.log, done.stopped_deliveries))
        }
        Step::Consent {
            parent,
            granted,
            to,
            days,
        } => {
            let until = days.map(|days| today.saturating_add(jiff::Span::new().days(days)));
            let request = model.consent(*parent, *granted, *to, today, until);
            let done = rig.consent(request).await;
            model.take_consent(&done.consent, *parent, *granted, *to, today, until);
            Some((done.log, done.stopped_deliveries))
        }
        fact => {
            let (request, take) = model.fact(fact, today)?;
            let done: wire::RecordFactResponse = rig.fact(request).await;
            take(model, &done.fact);
            Some((done.log, done.stopped_deliveries))
        }
    }
}

/// Every act has its leaf, and nothing else has one.
async fn counted(rig: &Rig, model: &Model, tally: Tally) -> Result<(), TestCaseError> {
    let Some(subject) = rig.subject(&model.person()).await else {
        prop_assert_eq!(tally.recorded + tally.accepted, 0);
        return Ok(());
    };
    for (kind, expected) in [
        (EventKind::RightsRecorded, tally.recorded),
        (EventKind::ExchangeAccepted, tally.accepted),
        (EventKind::ExchangeRefused, tally.turned_away),
        (EventKind::Disclosed, tally.disclosed),
        (EventKind::CollectionRefused, tally.refused),
        (EventKind::ReferralDecided, tally.decided),
    ] {
        prop_assert_eq!(rig.leaves(subject, kind).await, expected, "leaves of {:?}", kind);
    }
    Ok(())
}

fn nth<T: Clone>(all: &[T], which: usize) -> Option<T> {
    (!all.is_empty()).then(|| all[which % all.len()].clone())
}

/// The places of what fits.
trait Positions: Iterator + Sized {
    fn positions(self, mut fits: impl FnMut(Self::Item) -> bool) -> Vec<usize> {
        self.enumerate()
            .filter_map(|(at, one)| fits(one).then_some(at))
            .collect()
    }
}

impl<I: Iterator> Positions for I {}

fn cases() -> u32 {
    std::env::var("PROPTEST_CASES")
        .ok()
        .and_then(|text| text.parse().ok())
        .unwrap_or(96)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: cases(), failure_persistence: None, ..ProptestConfig::default() })]

    /// Architecture, delivery: decided at sending and again at collection, every one with its leaf and its proof.
    #[test]
    fn no_sequence_discloses_what_the_rules_deny(
        // Before, on and after the end of compulsory school age, the sixteenth birthday and 1 September.
        born in prop::sample::select(vec![date(2010, 7, 24), date(2010, 7, 1), date(2010, 9, 1), date(2009, 1, 10), date(2013, 3, 3)]),
        steps in sequence(),
    ) {
        static STARTED: LazyLock<(Runtime, Rig)> = LazyLock::new(started);
        let (runtime, rig) = &*STARTED;
        runtime.block_on(run(rig, born, &steps))?;
    }
}

/// The sequences do disclose, refuse and stop: else the property above would show nothing.
#[test]
fn the_sequences_reach_every_outcome() {
    use proptest::strategy::ValueTree as _;
    use proptest::test_runner::{Config, TestRunner};
    let (runtime, rig) = started();
    let mut runner = TestRunner::new_with_rng(
        Config::default(),
        proptest::test_runner::TestRng::deterministic_rng(proptest::test_runner::RngAlgorithm::ChaCha),
    );
    let mut all = Tally::default();
    for _ in 0..48 {
        let steps = sequence().new_tree(&mut runner).unwrap().current();
        let one = runtime.block_on(run(&rig, date(2010, 7, 24), &steps)).unwrap();
        all.disclosed += one.disclosed;
        all.refused += one.refused;
        all.turned_away += one.turned_away;
        all.decided += one.decided;
        all.accepted += one.accepted;
        all.recorded += one.recorded;
    }
    println!("{all:?}");
    assert!(
        all.disclosed > 10 && all.refused > 10 && all.turned_away > 10 && all.decided > 0,
        "{all:?}"
    );
}
