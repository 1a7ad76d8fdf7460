//! However changes are shared out among batches, the same is written and the same refused.

use sendhub_domain::exchange::{
    ClockId, DeliveryId, DeliveryState, ExchangeKind, ReferralId, RightsRecordId,
};
use sendhub_store::change::{ClockState, Outcome};
use sendhub_store::{Change, Conflict, Effect, Store};
use sqlx::AssertSqlSafe;

use crate::matters::{
    advance, change, clock, day, expect_rights, extend, id, move_delivery, notice, open_case, put_agreement,
    record_rights, referral, step_of,
};
use crate::support::{Place, at, exchange};

/// Numbers that are the same in every run.
struct Dice(u64);

impl Dice {
    fn below(&mut self, end: u32) -> u32 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        u32::try_from(self.0 >> 33).unwrap() % end
    }
}

/// What every run begins with: three copies, a case, a record, two clocks, two referrals.
fn beginning() -> Vec<Change> {
    let mut first = step_of(Some(7), 70, ExchangeKind::AssessmentCase);
    first.effects.push(open_case(7));
    let mut batch: Vec<Change> = (1..=3).map(|number| exchange(number, 1)).collect();
    batch.push(first);
    batch.push(change(vec![
        record_rights(1_000, 0),
        Effect::StartClock(clock(1)),
        Effect::StartClock(clock(2)),
        Effect::OpenReferral(referral(1)),
        Effect::OpenReferral(referral(2)),
    ]));
    batch
}

/// An effect over few things, so that changes meet each other.
fn effect(dice: &mut Dice, number: u128) -> Effect {
    const STATES: [DeliveryState; 3] = [
        DeliveryState::Collected,
        DeliveryState::Acknowledged,
        DeliveryState::Stopped,
    ];
    let one_of = |dice: &mut Dice, end| u128::from(dice.below(end)) + 1;
    let notice_day = |dice: &mut Dice| match dice.below(4) {
        0 => None,
        other => Some(day(i8::try_from(other).unwrap() + 23)),
    };
    match dice.below(12) {
        0 => record_rights(2_000 + number, u64::from(dice.below(6)) + 1),
        1 => expect_rights(u64::from(dice.below(6)) + 1),
        2 => extend(7, dice.below(5) + 1),
        3 => advance(one_of(dice, 2), notice_day(dice), notice_day(dice)),
        4 if dice.below(4) == 0 => Effect::EndClock {
            clock: ClockId(id(one_of(dice, 2))),
            state: [ClockState::Met, ClockState::Ended, ClockState::Running][dice.below(3) as usize],
            on: day(i8::try_from(dice.below(20)).unwrap() + 1),
        },
        5 if dice.below(3) == 0 => Effect::DecideReferral {
            referral: ReferralId(id(one_of(dice, 3))),
            allowed: [Outcome::Allowed, Outcome::Refused][dice.below(2) as usize],
            at: at(),
        },
        6 => Effect::Tell(notice(
            3_000 + number,
            ["a", "b", "c", "d"][dice.below(4) as usize],
        )),
        7 => move_delivery(one_of(dice, 4), STATES[dice.below(3) as usize]),
        // Two of these are there from the beginning.
        11 => Effect::OpenReferral(referral(one_of(dice, 3))),
        8 => put_agreement(["east", "west"][dice.below(2) as usize], u64::from(dice.below(3))),
        9 => Effect::RelyOn {
            delivery: DeliveryId(id(one_of(dice, 3))),
            record: RightsRecordId(id(1_000)),
        },
        _ => Effect::LiftClock {
            clock: ClockId(id(one_of(dice, 2))),
            ground: "GROUND".into(),
            from: None,
            until: notice_day(dice),
            recorded_by: crate::support::agency("two"),
            recorded_on: day(3),
            evidence: number.to_be_bytes().to_vec(),
        },
    }
}

/// Everything in the tables whose rows do not tell in which batch they came.
async fn content(place: &Place) -> String {
    const TABLES: [&str; 12] = [
        "case_record",
        "delivery",
        "told",
        "subject_rights",
        "rights_record",
        "relied_on",
        "clock",
        "clock_exception",
        "referral",
        "agreement",
        "generation",
        "unclaimed",
    ];
    let mut connection = place.raw().await;
    let mut all = String::new();
    for table in TABLES {
        let columns: String = sqlx::query_scalar(
            "SELECT group_concat('quote(' || name || ')', ' || char(124) || ') FROM pragma_table_info($1)",
        )
        .bind(table)
        .fetch_one(&mut connection)
        .await
        .unwrap();
        let rows: Vec<String> = sqlx::query_scalar(AssertSqlSafe(format!(
            "SELECT {columns} AS row FROM {table} ORDER BY row"
        )))
        .fetch_all(&mut connection)
        .await
        .unwrap();
        // The directory's generation counts batches, not changes: only that it moved is the same.
        let rows = if table == "generation" { vec![] } else { rows };
        all.push_str(&format!("{table}\n{}\n", rows.join("\n")));
    }
    all
}

async fn write(store: &dyn Store, batch: Vec<Change>) -> Vec<Result<u64, Conflict>> {
    let results = store.commit(batch).await.unwrap();
    let place = |result: Result<sendhub_store::Committed, Conflict>| result.map(|one| one.proof.leaf_index);
    results.into_iter().map(place).collect()
}

#[tokio::test]
async fn one_by_one_or_together_the_same_is_written_and_refused() {
    let (mut written, mut refused) = (0, 0);
    for seed in 1..=12 {
        let mut dice = Dice(seed);
        let changes: Vec<Change> = (0..40_u128)
            .map(|number| {
                let effects = 1 + dice.below(2);
                let effects = (0..effects).map(|part| effect(&mut dice, number * 2 + u128::from(part)));
                change(effects.collect())
            })
            .collect();
        let (single, shared) = (Place::new(), Place::new());
        let (one, other) = (single.open("log/a").await, shared.open("log/a").await);
        write(&*one, beginning()).await;
        write(&*other, beginning()).await;
        let (mut alone, mut together) = (Vec::new(), Vec::new());
        for change in changes.clone() {
            alone.extend(write(&*one, vec![change]).await);
        }
        let mut rest = changes;
        while !rest.is_empty() {
            let size = usize::try_from(1 + dice.below(20)).unwrap().min(rest.len());
            together.extend(write(&*other, rest.drain(..size).collect()).await);
        }
        assert_eq!(alone, together, "seed {seed}");
        assert_eq!(content(&single).await, content(&shared).await, "seed {seed}");
        written += alone.iter().filter(|one| one.is_ok()).count();
        refused += alone.iter().filter(|one| one.is_err()).count();
    }
    assert!(
        written > 150 && refused > 100,
        "{written} written, {refused} refused"
    );
}
