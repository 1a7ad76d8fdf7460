//! `sendhub bench policy`: what one decision costs, facts in memory, beside the bare engine.

use std::collections::HashSet;
use std::hint::black_box;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use clap::Args;
use jiff::civil::{Date, date};
use sendhub_domain::age::{AgeStatus, SchoolYearStart, status_on};
use sendhub_domain::agency::{AgencyKind, AgencyStatus};
use sendhub_domain::disclosure::{
    Ability, AgreementStanding, ConsentStanding, Ground, GroundProof, Item, RecipientRole,
};
use sendhub_domain::exchange::DeliveryState;
use sendhub_policy::{DisclosureFacts, FamilyView, PolicySet, Question, RecipientParty, S23Steps, Stage};
use serde_json::json;

use crate::Output;

/// The day of every decision.
const TODAY: Date = date(2026, 11, 24);
/// What p50 and p99 of a full decision should stay below, in microseconds.
const TARGETS: (f64, f64) = (25.0, 100.0);

/// Measures a full decision: facts from dates and codes, then the rules, with their memory empty at the start;
/// beside it the bare engine on the same requests, already put into its words. Facts are in memory: no database.
#[derive(Debug, Args)]
pub(crate) struct PolicyBench {
    /// How many decisions.
    #[arg(long, default_value_t = 100_000)]
    decisions: usize,
    /// How many children and young people they are about: the more, the more distinct facts.
    #[arg(long, default_value_t = 20_000)]
    people: u64,
}

/// Times of one kind, in microseconds.
struct Times {
    p50: f64,
    p99: f64,
    most: f64,
}

impl PolicyBench {
    pub(crate) fn run(&self, output: Output) -> Result<ExitCode> {
        let set = PolicySet::built_in().context("the built-in rules cannot be used")?;
        let mut chance = Chance(0x5e4d);
        let asked: Vec<Case> = (0..self.decisions)
            .map(|_| Case::of(chance.below(self.people)))
            .collect();
        let mut distinct = HashSet::new();
        let mut full = Vec::with_capacity(asked.len());
        let mut first = Vec::new();
        for case in &asked {
            let begun = Instant::now();
            let question = black_box(case).question();
            black_box(set.decide(&question));
            let spent = begun.elapsed();
            full.push(spent);
            if distinct.insert(question.facts) {
                first.push(spent);
            }
        }
        let mut bare = Vec::with_capacity(asked.len());
        for case in &asked {
            let request = set
                .bare_request(&case.question())
                .context("the engine cannot be asked")?;
            let begun = Instant::now();
            black_box(set.evaluate_bare(black_box(&request)));
            bare.push(begun.elapsed());
        }
        let (full, first, bare) = (Times::of(full), Times::of(first), Times::of(bare));
        let held = full.p50 < TARGETS.0 && full.p99 < TARGETS.1;
        match output {
            Output::Json => println!(
                "{}",
                json!({
                    "decisions": self.decisions,
                    "distinct_facts": distinct.len(),
                    "rules": set.rules().count(),
                    "policy_version": set.version(),
                    "decision_us": full.json(),
                    "first_decision_us": first.json(),
                    "bare_engine_us": bare.json(),
                    "targets_us": { "p50": TARGETS.0, "p99": TARGETS.1 },
                    "targets_held": held,
                })
            ),
            Output::Text => {
                println!(
                    "{} decisions, {} distinct facts, {} rules, memory empty at the start",
                    self.decisions,
                    distinct.len(),
                    set.rules().count()
                );
                println!("{:<26} {:>9} {:>9} {:>9}", "microseconds", "p50", "p99", "most");
                full.print("full decision");
                first.print("  of these: the first time");
                bare.print("bare engine, every time");
                println!(
                    "target: p50 < {} and p99 < {}: {}",
                    TARGETS.0,
                    TARGETS.1,
                    if held { "held" } else { "not held" }
                );
            }
        }
        Ok(ExitCode::SUCCESS)
    }
}

impl Times {
    fn of(mut times: Vec<Duration>) -> Self {
        times.sort_unstable();
        let micros = |at: usize| times.get(at).map_or(0.0, |time| time.as_secs_f64() * 1e6);
        Self {
            p50: micros(times.len() / 2),
            p99: micros(times.len() * 99 / 100),
            most: micros(times.len().saturating_sub(1)),
        }
    }

    fn json(&self) -> serde_json::Value {
        json!({ "p50": self.p50, "p99": self.p99, "most": self.most })
    }

    fn print(&self, name: &str) {
        println!(
            "{name:<26} {:>9.2} {:>9.2} {:>9.2}",
            self.p50, self.p99, self.most
        );
    }
}

/// The same row of chances in every run.
struct Chance(u64);

impl Chance {
    /// A number below a bound.
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % bound.max(1)
    }

    fn one_of<T: Copy>(&mut self, all: &[T], otherwise: T) -> T {
        let at = self.below(all.len() as u64);
        usize::try_from(at)
            .ok()
            .and_then(|at| all.get(at))
            .copied()
            .unwrap_or(otherwise)
    }
}

/// What is recorded about one person and one exchange, before it is made into facts.
struct Case {
    born: Date,
    number: u64,
}

impl Case {
    /// The case of a person; the same every time.
    fn of(number: u64) -> Self {
        let days = i64::try_from(Chance(number).below(24 * 365)).unwrap_or_default();
        Self {
            born: TODAY.saturating_sub(jiff::Span::new().days(days + 365)),
            number,
        }
    }

    fn question(&self) -> Question {
        let status = status_on(self.born, TODAY, SchoolYearStart::Unknown);
        let mut chance = Chance(self.number.wrapping_mul(0x9e37_79b9));
        Question {
            on: TODAY,
            facts: facts(&mut chance, status).into(),
        }
    }
}

const SCHOOLS: [AgencyKind; 4] = [
    AgencyKind::MaintainedSchool,
    AgencyKind::Academy,
    AgencyKind::SpecialSchool,
    AgencyKind::Post16,
];

/// Exchanges as they come: plans with and without consent, records, advice, reviews, concerns, files.
fn facts(chance: &mut Chance, status: AgeStatus) -> DisclosureFacts {
    use AgencyKind::{HealthBody, LocalAuthority, MinistryOfDefence};
    let school = chance.one_of(&SCHOOLS, AgencyKind::Academy);
    let next = RecipientParty::Agency(chance.one_of(&SCHOOLS, AgencyKind::Academy), AgencyStatus::Active);
    let to = |kind| RecipientParty::Agency(kind, AgencyStatus::Active);
    let (item, from, recipient, role, ground) = match chance.below(12) {
        0 => (
            Item::EhcPlan,
            LocalAuthority,
            next,
            RecipientRole::NamedInstitution,
            Ground::StatutorySendFinal,
        ),
        1 => (
            Item::EhcPlan,
            LocalAuthority,
            next,
            RecipientRole::ConsultedInstitution,
            Ground::StatutoryConsultation,
        ),
        2 | 3 => (
            Item::EhcPlan,
            LocalAuthority,
            RecipientParty::Outside,
            RecipientRole::ThirdParty,
            Ground::None,
        ),
        4 => (
            Item::EhcPlan,
            school,
            next,
            RecipientRole::NextSchool,
            Ground::InterestsOfChild,
        ),
        5 => (
            Item::PupilRecord,
            school,
            next,
            RecipientRole::NextSchool,
            Ground::StatutoryTransfer,
        ),
        6 => (
            Item::PupilInformation,
            school,
            to(HealthBody),
            RecipientRole::Provider,
            Ground::Agreement,
        ),
        7 => (
            Item::AdviceRequest,
            LocalAuthority,
            to(HealthBody),
            RecipientRole::Adviser,
            Ground::Reg6,
        ),
        8 => (
            Item::ReviewInvite,
            school,
            RecipientParty::Outside,
            RecipientRole::Parent,
            Ground::Reg20,
        ),
        9 => (
            Item::CpFile,
            school,
            next,
            RecipientRole::SafeguardingLead,
            Ground::Safeguarding,
        ),
        10 => (
            Item::S23Notice,
            HealthBody,
            to(LocalAuthority),
            RecipientRole::ResponsibleAuthority,
            Ground::S23,
        ),
        _ => (
            Item::ServiceChildProfile,
            school,
            to(MinistryOfDefence),
            RecipientRole::MinistryOfDefence,
            Ground::Agreement,
        ),
    };
    let usual = DisclosureFacts::new(item, from, recipient, role, status);
    DisclosureFacts {
        stage: if chance.below(2) == 0 {
            Stage::Submit
        } else {
            Stage::Collect(DeliveryState::Waiting)
        },
        ground,
        proof: chance.one_of(GroundProof::ALL, usual.proof),
        ability: chance.one_of(Ability::ALL, usual.ability),
        consent: chance.one_of(ConsentStanding::ALL, usual.consent),
        family_view: chance.one_of(&[FamilyView::NotRecorded, FamilyView::Agrees], usual.family_view),
        agreement: chance.one_of(AgreementStanding::ALL, usual.agreement),
        s23_steps: chance.one_of(&[S23Steps::Done, S23Steps::Missing], usual.s23_steps),
        ..usual
    }
}
