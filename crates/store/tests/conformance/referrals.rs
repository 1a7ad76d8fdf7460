//! Referrals: each is decided once.

use sendhub_domain::disclosure::RecipientRole;
use sendhub_domain::exchange::{DeliveryId, ExchangeId, ReferralId};
use sendhub_store::change::{Outcome, ReferralRow, ReferralState};
use sendhub_store::{Conflict, Effect};

use crate::matters::{each, id, referral};
use crate::support::{Place, agency, at, exchange, on_each_engine};

fn open(number: u128) -> Effect {
    Effect::OpenReferral(referral(number))
}

fn decide(number: u128, allowed: Outcome) -> Effect {
    Effect::DecideReferral {
        referral: ReferralId(id(number)),
        allowed,
        at: at(),
    }
}

on_each_engine!(a_referral_is_decided_once);
async fn a_referral_is_decided_once(place: Place) {
    let store = place.open("log/a").await;
    store.commit(vec![exchange(1, 1), exchange(2, 1)]).await.unwrap();
    let elsewhere = Effect::OpenReferral(ReferralRow {
        exchange: ExchangeId(id(2)),
        delivery: None,
        decider: agency("one"),
        ..referral(4)
    });
    let results = each(
        &*store,
        vec![
            open(1),
            open(2),
            open(3),
            elsewhere,
            decide(1, Outcome::Allowed),
            decide(1, Outcome::Refused),
            decide(9, Outcome::Allowed),
        ],
    )
    .await;
    let decided = Err(Conflict::ReferralDecided);
    assert!(results[..5].iter().all(Result::is_ok));
    assert_eq!(results[5..], [decided.clone(), decided.clone()]);
    assert_eq!(
        each(
            &*store,
            vec![decide(2, Outcome::Refused), decide(1, Outcome::Refused)]
        )
        .await,
        [Ok(()), decided]
    );

    let states = [
        (1, ReferralState::Allowed),
        (2, ReferralState::Refused),
        (3, ReferralState::Open),
    ];
    for (number, state) in states {
        let found = store.referral(ReferralId(id(number))).await.unwrap().unwrap();
        assert_eq!(
            (found.state, found.decided_at.is_some()),
            (state, state != ReferralState::Open)
        );
    }
    let one = store.referral(ReferralId(id(1))).await.unwrap().unwrap();
    let row = referral(1);
    assert_eq!(
        (one.exchange, one.delivery),
        (row.exchange, Some(DeliveryId(id(1))))
    );
    assert_eq!(
        (one.recipient, one.role, one.decider),
        (row.recipient, RecipientRole::ThirdParty, row.decider)
    );
    assert_eq!(
        (one.effect, one.reason, one.rule),
        (row.effect, row.reason, row.rule)
    );
    assert_eq!((one.provision, one.opened_at), (row.provision, at()));

    let names = |found: Vec<sendhub_store::reads::ReferralRecord>| -> Vec<u128> {
        found.iter().map(|one| one.referral.0.as_u128()).collect()
    };
    assert_eq!(
        names(store.referrals_of(ExchangeId(id(1))).await.unwrap()),
        [1, 2, 3]
    );
    let of_other = store.referrals_of(ExchangeId(id(2))).await.unwrap();
    assert_eq!(of_other[0].delivery, None);
    let la = agency("la-301");
    assert_eq!(names(store.open_referrals(&la, None, 10).await.unwrap()), [3]);
    assert!(
        each(&*store, vec![open(5), open(6)])
            .await
            .iter()
            .all(Result::is_ok)
    );
    assert_eq!(names(store.open_referrals(&la, None, 2).await.unwrap()), [3, 5]);
    assert_eq!(
        names(
            store
                .open_referrals(&la, Some(ReferralId(id(5))), 2)
                .await
                .unwrap()
        ),
        [6]
    );
    assert!(store.referral(ReferralId(id(9))).await.unwrap().is_none());
}

on_each_engine!(what_is_referred_again_stays_as_it_is);
/// A collection that is tried again asks the same question: it is put once, and an answer is not lost.
async fn what_is_referred_again_stays_as_it_is(place: Place) {
    let store = place.open("log/a").await;
    store.commit(vec![exchange(1, 1)]).await.unwrap();
    let again = |reason: &str| {
        Effect::OpenReferral(ReferralRow {
            reason: reason.into(),
            ..referral(1)
        })
    };
    let ok = |results: Vec<Result<(), Conflict>>| results.iter().all(Result::is_ok);
    assert!(ok(each(&*store, vec![open(1), again("B")]).await));
    let batch = vec![again("C"), decide(1, Outcome::Refused), again("D")];
    assert!(ok(each(&*store, batch).await));
    assert!(ok(each(&*store, vec![again("E")]).await));
    let late = vec![again("F"), decide(1, Outcome::Allowed)];
    assert_eq!(
        each(&*store, late).await,
        [Ok(()), Err(Conflict::ReferralDecided)]
    );
    let found = store.referral(ReferralId(id(1))).await.unwrap().unwrap();
    assert_eq!(
        (found.state, found.reason),
        (ReferralState::Refused, referral(1).reason)
    );
    assert!(
        store
            .open_referrals(&agency("la-301"), None, 10)
            .await
            .unwrap()
            .is_empty()
    );
}

on_each_engine!(an_exchange_s_referrals_are_read_oldest_first);
async fn an_exchange_s_referrals_are_read_oldest_first(place: Place) {
    let store = place.open("log/a").await;
    store.commit(vec![exchange(1, 1)]).await.unwrap();
    let opened = |number, seconds| {
        Effect::OpenReferral(ReferralRow {
            opened_at: at() + jiff::SignedDuration::from_secs(seconds),
            ..referral(number)
        })
    };
    each(&*store, vec![opened(1, 30), opened(3, 10), opened(2, 20)]).await;
    let found = store.referrals_of(ExchangeId(id(1))).await.unwrap();
    let names: Vec<u128> = found.iter().map(|one| one.referral.0.as_u128()).collect();
    assert_eq!(names, [3, 2, 1]);
}
