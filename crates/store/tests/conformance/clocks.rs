//! Clocks: they end once, their notices move on only as expected, exceptions are kept beside them.

use sendhub_domain::calendar::Certainty;
use sendhub_domain::exchange::{CaseId, ClockId, ExchangeId, ExchangeKind};
use sendhub_store::change::{ClockRow, ClockState};
use sendhub_store::{Conflict, Effect};

use crate::matters::{PERSON, advance, change, clock, day, each, id, open_case, step_of};
use crate::support::{Place, agency, at, exchange, on_each_engine};

fn start(number: u128) -> Effect {
    Effect::StartClock(clock(number))
}

fn end(number: u128, state: ClockState, on: i8) -> Effect {
    Effect::EndClock {
        clock: ClockId(id(number)),
        state,
        on: day(on),
    }
}

fn lift(number: u128, ground: &str) -> Effect {
    Effect::LiftClock {
        clock: ClockId(id(number)),
        ground: ground.into(),
        from: Some(day(12)),
        until: None,
        recorded_by: agency("two"),
        recorded_on: day(13),
        evidence: ground.as_bytes().to_vec(),
    }
}

fn names(clocks: &[sendhub_store::reads::ClockRecord]) -> Vec<u128> {
    clocks.iter().map(|one| one.clock.0.as_u128()).collect()
}

on_each_engine!(a_clock_is_read_as_it_was_started_with_its_exceptions);
async fn a_clock_is_read_as_it_was_started_with_its_exceptions(place: Place) {
    let store = place.open("log/a").await;
    // All in one change: exchange, case, clock and exceptions.
    let mut first = exchange(1, 1);
    first.effects.push(start(1));
    first
        .effects
        .extend([lift(1, "SCHOOL_CLOSED"), lift(1, "APPOINTMENT_MISSED")]);
    let mut second = step_of(Some(7), 2, ExchangeKind::AssessmentCase);
    second.effects.push(open_case(7));
    second.effects.push(Effect::StartClock(ClockRow {
        exchange: ExchangeId(id(2)),
        case: Some(CaseId(id(7))),
        certainty: Certainty::Estimated,
        told: vec![],
        case_reference: None,
        next_notice_on: None,
        ..clock(2)
    }));
    for result in store.commit(vec![first, second]).await.unwrap() {
        result.unwrap();
    }
    let one = store.clock(ClockId(id(1))).await.unwrap().unwrap();
    let row = clock(1);
    assert_eq!((one.subject, one.rule, one.basis), (PERSON, row.rule, row.basis));
    assert_eq!(
        (one.started_on, one.due_on, one.certainty),
        (day(10), day(30), Certainty::Counted)
    );
    assert_eq!(
        (one.owed_by, one.told, one.provision),
        (row.owed_by, row.told, row.provision)
    );
    assert_eq!(
        (one.case, one.case_reference, one.created_at),
        (None, row.case_reference, at())
    );
    assert_eq!(
        (one.state, one.next_notice_on, one.ended_on),
        (ClockState::Running, Some(day(25)), None)
    );
    let grounds: Vec<&str> = one.exceptions.iter().map(|one| one.ground.as_str()).collect();
    assert_eq!(grounds, ["SCHOOL_CLOSED", "APPOINTMENT_MISSED"]);
    let missed = &one.exceptions[1];
    assert_eq!(
        (missed.from, missed.until, missed.recorded_on),
        (Some(day(12)), None, day(13))
    );
    assert_eq!(
        (&missed.recorded_by, missed.evidence.as_slice()),
        (&agency("two"), b"APPOINTMENT_MISSED".as_slice())
    );

    let two = store.clocks_of_case(CaseId(id(7))).await.unwrap();
    assert_eq!(
        (names(&two), two[0].certainty, two[0].exceptions.len()),
        (vec![2], Certainty::Estimated, 0)
    );
    assert_eq!(two[0].case, Some(CaseId(id(7))));
    assert!(two[0].told.is_empty());
    let owed = store
        .clocks_owed_about(&two[0].owed_by, two[0].subject)
        .await
        .unwrap();
    assert!(owed.iter().all(|clock| clock.state == ClockState::Running));
    assert!(names(&owed).contains(&2));
    let stranger = store
        .clocks_owed_about(&agency("nobody"), two[0].subject)
        .await
        .unwrap();
    assert!(stranger.is_empty());
    assert_eq!(
        names(&store.clocks_of_exchange(ExchangeId(id(1))).await.unwrap()),
        [1]
    );
    assert!(
        store
            .clocks_of_exchange(ExchangeId(id(9)))
            .await
            .unwrap()
            .is_empty()
    );
    assert!(store.clock(ClockId(id(9))).await.unwrap().is_none());
}

on_each_engine!(an_ended_clock_stays_as_it_ended);
async fn an_ended_clock_stays_as_it_ended(place: Place) {
    let store = place.open("log/a").await;
    store.commit(vec![exchange(1, 1)]).await.unwrap();
    let batch = vec![
        start(1),
        end(1, ClockState::Running, 11),
        end(1, ClockState::Met, 12),
        end(1, ClockState::Ended, 13),
        start(2),
        // What is not there has no end either.
        end(9, ClockState::Met, 12),
    ];
    assert!(each(&*store, batch).await.iter().all(Result::is_ok));
    let again = vec![end(1, ClockState::Ended, 14), end(2, ClockState::Running, 14)];
    assert!(each(&*store, again).await.iter().all(Result::is_ok));
    let one = store.clock(ClockId(id(1))).await.unwrap().unwrap();
    assert_eq!(
        (one.state, one.ended_on, one.next_notice_on),
        (ClockState::Met, Some(day(12)), None)
    );
    let two = store.clock(ClockId(id(2))).await.unwrap().unwrap();
    assert_eq!(two.state, ClockState::Running, "going on is no end");
    // Beside a change that must ask, the same.
    let asking = vec![
        end(2, ClockState::Ended, 15),
        advance(2, Some(day(25)), None),
        end(2, ClockState::Met, 16),
    ];
    assert_eq!(
        each(&*store, asking).await,
        [Ok(()), Err(Conflict::ClockMoved), Ok(())]
    );
    let two = store.clock(ClockId(id(2))).await.unwrap().unwrap();
    assert_eq!((two.state, two.ended_on), (ClockState::Ended, Some(day(15))));
}

on_each_engine!(a_notice_is_given_once_and_moves_the_clock_on);
async fn a_notice_is_given_once_and_moves_the_clock_on(place: Place) {
    let store = place.open("log/a").await;
    let mut first = exchange(1, 1);
    first.effects.push(start(1));
    let batch = vec![
        first,
        change(vec![advance(1, Some(day(25)), Some(day(30)))]),
        change(vec![advance(1, Some(day(25)), Some(day(30)))]),
        change(vec![advance(9, None, None)]),
    ];
    let results = store.commit(batch).await.unwrap();
    assert!(results[0].is_ok() && results[1].is_ok());
    assert_eq!(results[2].as_ref().unwrap_err(), &Conflict::ClockMoved);
    assert_eq!(
        results[3].as_ref().unwrap_err(),
        &Conflict::ClockMoved,
        "there is no such clock"
    );
    let moves = vec![
        advance(1, None, Some(day(28))),
        advance(1, Some(day(30)), None),
        advance(1, None, Some(day(29))),
    ];
    assert_eq!(
        each(&*store, moves).await,
        [Err(Conflict::ClockMoved), Ok(()), Ok(())]
    );
    let one = store.clock(ClockId(id(1))).await.unwrap().unwrap();
    assert_eq!(one.next_notice_on, Some(day(29)));
    // Given and met in one batch: nothing more to give.
    let last = vec![
        advance(1, Some(day(29)), Some(day(30))),
        end(1, ClockState::Met, 29),
    ];
    assert_eq!(each(&*store, last).await, [Ok(()), Ok(())]);
    assert!(store.clocks_to_notice(day(30), 10).await.unwrap().is_empty());
}

on_each_engine!(running_clocks_are_found_by_who_must_act_and_by_their_next_notice);
async fn running_clocks_are_found_by_who_must_act_and_by_their_next_notice(place: Place) {
    let store = place.open("log/a").await;
    store.commit(vec![exchange(1, 1)]).await.unwrap();
    let with = |number, next: Option<i8>, owed_by: &str| {
        Effect::StartClock(ClockRow {
            next_notice_on: next.map(day),
            owed_by: agency(owed_by),
            ..clock(number)
        })
    };
    let batch = vec![
        with(1, Some(25), "two"),
        with(2, Some(20), "two"),
        with(3, None, "two"),
        with(4, Some(10), "two"),
        with(5, Some(20), "one"),
        lift(2, "A"),
        lift(2, "B"),
        end(4, ClockState::Met, 9),
    ];
    assert!(each(&*store, batch).await.iter().all(Result::is_ok));
    let two = agency("two");
    let page = store.clocks_owed_by(&two, None, 2).await.unwrap();
    assert_eq!(names(&page), [1, 2], "exceptions are no further clocks");
    assert_eq!(page[1].exceptions.len(), 2);
    let rest = store
        .clocks_owed_by(&two, Some((page[1].due_on, page[1].clock)), 2)
        .await
        .unwrap();
    assert_eq!(names(&rest), [3]);
    // By the day on which they are due, whatever their names; one page after another, none twice.
    let due = |number, on| {
        Effect::StartClock(ClockRow {
            due_on: day(on),
            owed_by: agency("three"),
            next_notice_on: None,
            ..clock(number)
        })
    };
    let batch = vec![due(20, 30), due(21, 12), due(22, 30), due(23, 11)];
    assert!(each(&*store, batch).await.iter().all(Result::is_ok));
    let (mut after, mut seen) = (None, Vec::new());
    loop {
        let page = store.clocks_owed_by(&agency("three"), after, 1).await.unwrap();
        let Some(last) = page.last() else { break };
        after = Some((last.due_on, last.clock));
        seen.extend(names(&page));
    }
    assert_eq!(seen, [23, 21, 20, 22]);
    for (on, limit, expected) in [
        (19, 10, vec![]),
        (20, 10, vec![2, 5]),
        (24, 1, vec![2]),
        (25, 10, vec![2, 5, 1]),
        (30, 2, vec![2, 5]),
    ] {
        let due = store.clocks_to_notice(day(on), limit).await.unwrap();
        assert_eq!(names(&due), expected, "{on} {limit}");
    }
}
