//! Cases: each step counted once, the exchanges in their order.

use sendhub_domain::exchange::{CaseId, CaseKind, DeliveryId, ExchangeId, ExchangeKind};
use sendhub_store::change::DeliveryRow;
use sendhub_store::{Conflict, Effect, StoreError};

use crate::matters::{PERSON, case, extend, id, open_case, outcomes, step_of};
use crate::support::{Place, agency, at, exchange, on_each_engine};

/// A step of case 7 that expects it to have so many.
fn further(number: u128, expected: u32) -> sendhub_store::Change {
    let mut change = step_of(Some(7), number, ExchangeKind::AdviceRequest);
    change.effects.push(extend(7, expected));
    change
}

fn opening(number: u128) -> sendhub_store::Change {
    let mut change = step_of(Some(7), number, ExchangeKind::AssessmentCase);
    change.effects.push(open_case(7));
    change
}

on_each_engine!(a_case_counts_its_steps_and_refuses_a_step_that_was_taken_meanwhile);
async fn a_case_counts_its_steps_and_refuses_a_step_that_was_taken_meanwhile(place: Place) {
    let store = place.open("log/a").await;
    let case = CaseId(id(7));
    // Opened and extended in one batch; of two that expect the same, the second is late.
    let batch = vec![opening(30), further(31, 1), further(32, 1), further(33, 2)];
    let results = outcomes(store.commit(batch).await.unwrap());
    assert_eq!(results, [Ok(()), Ok(()), Err(Conflict::CaseMoved(2)), Ok(())]);
    assert!(store.exchange(ExchangeId(id(32))).await.unwrap().is_none());

    // The ids of several clocks do not order the steps: the commits do.
    let results = store.commit(vec![further(20, 3), further(34, 3)]).await.unwrap();
    assert_eq!(outcomes(results), [Ok(()), Err(Conflict::CaseMoved(4))]);
    let found = store.case(case).await.unwrap().unwrap();
    assert_eq!(
        (found.steps, found.kind, found.subject),
        (4, CaseKind::Assessment, PERSON)
    );
    assert_eq!(
        (found.owner, found.case_reference.as_deref()),
        (agency("one"), Some("EHC-7"))
    );
    let steps = store.case_exchanges(case).await.unwrap();
    let names: Vec<u128> = steps.iter().map(|one| one.exchange.0.as_u128()).collect();
    assert_eq!(names, [30, 31, 33, 20]);
    assert_eq!(steps[3].sealed, b"sealed 20");
    assert!(steps.iter().all(|one| one.case == Some(case)));

    let missing = [(40, 0), (41, 1)].map(|(number, expected)| {
        let mut change = step_of(Some(8), number, ExchangeKind::AdviceRequest);
        change.effects.push(extend(8, expected));
        change
    });
    let missing = missing.to_vec();
    for result in store.commit(missing).await.unwrap() {
        assert_eq!(
            result.unwrap_err(),
            Conflict::CaseMoved(0),
            "there is no such case"
        );
    }
    assert!(store.case(CaseId(id(8))).await.unwrap().is_none());
    assert!(store.case_exchanges(CaseId(id(8))).await.unwrap().is_empty());
    let report = place.verify().await;
    assert!(
        report.holds(),
        "exchanges without copies are whole: {:?}",
        report.faults
    );
}

on_each_engine!(an_exchange_of_no_case_that_is_there_is_a_fault);
async fn an_exchange_of_no_case_that_is_there_is_a_fault(place: Place) {
    let store = place.open("log/a").await;
    let astray = step_of(Some(9), 1, ExchangeKind::AdviceRequest);
    let result = store.commit(vec![astray, opening(2)]).await;
    assert!(matches!(result, Err(StoreError::Database(_))));
    assert!(
        store.case(CaseId(id(7))).await.unwrap().is_none(),
        "nothing of the batch"
    );
    store.commit(vec![opening(2)]).await.unwrap()[0].as_ref().unwrap();
}

on_each_engine!(cases_are_paged_newest_first_by_owner_and_kind);
async fn cases_are_paged_newest_first_by_owner_and_kind(place: Place) {
    let store = place.open("log/a").await;
    let mut batch = Vec::new();
    for number in 1..=6 {
        let mut row = case(number);
        if number == 3 {
            row.kind = CaseKind::Review;
        }
        if number == 5 {
            row.owner = agency("two");
        }
        let mut change = step_of(Some(number), number, ExchangeKind::AssessmentCase);
        if let Some(Effect::StoreExchange(exchange)) = change.effects.first_mut() {
            exchange.sender = row.owner.clone();
        }
        change.effects.push(Effect::OpenCase(row));
        batch.push(change);
    }
    for result in store.commit(batch).await.unwrap() {
        result.unwrap();
    }
    let one = agency("one");
    let page = |before, limit| store.cases(&one, CaseKind::Assessment, before, limit);
    let first = page(None, 2).await.unwrap();
    let names = |list: &sendhub_store::reads::CaseList| -> Vec<u128> {
        list.cases.iter().map(|one| one.case.0.as_u128()).collect()
    };
    assert_eq!((names(&first), first.more), (vec![6, 4], true));
    let rest = page(Some(CaseId(id(4))), 2).await.unwrap();
    assert_eq!((names(&rest), rest.more), (vec![2, 1], false));
    let reviews = store.cases(&one, CaseKind::Review, None, 10).await.unwrap();
    assert_eq!(names(&reviews), [3]);
    assert!(
        store
            .cases(&agency("two"), CaseKind::Review, None, 10)
            .await
            .unwrap()
            .cases
            .is_empty()
    );
}

on_each_engine!(a_case_is_listed_for_each_who_takes_part_in_it_once);
async fn a_case_is_listed_for_each_who_takes_part_in_it_once(place: Place) {
    let store = place.open("log/a").await;
    let copy = |number: u128, recipient: &str, kind| {
        Effect::Deliver(DeliveryRow {
            delivery: DeliveryId(id(number)),
            exchange: ExchangeId(id(2)),
            kind,
            recipient: agency(recipient),
            sender: agency("one"),
            case_reference: None,
            due_on: None,
            size_bytes: 1,
            created_at: at(),
        })
    };
    let mut asked = further(2, 1);
    asked.effects.push(copy(60, "two", ExchangeKind::AdviceRequest));
    asked.effects.push(copy(61, "three", ExchangeKind::AdviceRequest));
    let mut answer = step_of(Some(7), 3, ExchangeKind::AdviceReturn);
    if let Some(Effect::StoreExchange(row)) = answer.effects.first_mut() {
        row.sender = agency("four");
    }
    answer.effects.push(extend(7, 2));
    for result in store.commit(vec![opening(1), asked, answer]).await.unwrap() {
        result.unwrap();
    }
    for (name, expected) in [("one", 1), ("two", 1), ("three", 1), ("four", 1), ("five", 0)] {
        let found = store
            .cases(&agency(name), CaseKind::Assessment, None, 10)
            .await
            .unwrap();
        assert_eq!(found.cases.len(), expected, "{name}");
        let other = store
            .cases(&agency(name), CaseKind::Review, None, 10)
            .await
            .unwrap();
        assert!(other.cases.is_empty(), "{name}");
    }
    // A copy names the case of its exchange.
    let inbox = store.inbox(&agency("two"), None, 10).await.unwrap();
    assert_eq!(inbox.deliveries[0].case, Some(CaseId(id(7))));
}

on_each_engine!(what_was_sent_is_listed_by_kind);
async fn what_was_sent_is_listed_by_kind(place: Place) {
    let store = place.open("log/a").await;
    let plan = |number| step_of(None, number, ExchangeKind::Plan);
    let batch = vec![exchange(1, 1), plan(2), exchange(3, 1), plan(4), plan(5)];
    store.commit(batch).await.unwrap();
    let cases = [
        (None, None, 10, vec![5, 4, 3, 2, 1], false),
        (Some(ExchangeKind::Transfer), None, 10, vec![3, 1], false),
        (Some(ExchangeKind::Transfer), Some(3), 10, vec![1], false),
        (Some(ExchangeKind::Plan), None, 2, vec![5, 4], true),
        (Some(ExchangeKind::Plan), Some(4), 2, vec![2], false),
        (Some(ExchangeKind::Notice), None, 10, vec![], false),
        (None, Some(3), 1, vec![2], true),
    ];
    for (kind, before, limit, names, more) in cases {
        let before = before.map(|number| ExchangeId(id(number)));
        let list = store.sent(&agency("one"), kind, before, limit).await.unwrap();
        let found: Vec<u128> = list
            .exchanges
            .iter()
            .map(|one| one.exchange.0.as_u128())
            .collect();
        assert_eq!((found, list.more), (names, more), "{kind:?} {before:?}");
    }
}
