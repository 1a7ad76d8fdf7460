//! Sharing agreements: part of the directory, replaced only as they stand.

use sendhub_domain::agreement::AgreementId;
use sendhub_domain::disclosure::{AgreementStanding, Item};
use sendhub_store::{Conflict, Effect};

use crate::matters::{agreement, day, each, put_agreement};
use crate::support::{Place, agency, on_each_engine, put, school};

on_each_engine!(agreements_are_replaced_only_as_they_stand_and_seen_in_the_directory);
async fn agreements_are_replaced_only_as_they_stand_and_seen_in_the_directory(place: Place) {
    let store = place.open("log/a").await;
    store.commit(vec![put(school("one", "100001", 1))]).await.unwrap();
    let before = store.directory_revision().await.unwrap();
    let results = each(
        &*store,
        vec![
            put_agreement("north", 0),
            put_agreement("east", 0),
            put_agreement("east", 0),
            put_agreement("west", 3),
        ],
    )
    .await;
    let at = |revision| Err(Conflict::AgreementRevision(revision));
    assert_eq!(results, [Ok(()), Ok(()), at(1), at(0)]);
    assert!(
        store.directory_revision().await.unwrap() > before,
        "caches see it"
    );

    let directory = store.directory().await.unwrap();
    assert_eq!(directory.revision(), store.directory_revision().await.unwrap());
    assert!(directory.agency(&agency("one")).is_some());
    let names: Vec<&str> = directory.agreements().iter().map(|one| one.id.as_str()).collect();
    assert_eq!(names, ["east", "north"]);
    assert_eq!(*directory.agreements()[0], agreement("east", 1));
    let (one, two, three) = (agency("one"), agency("two"), agency("three"));
    let cases = [
        (Item::PupilInformation, &one, &two, 24, AgreementStanding::InForce),
        (Item::PupilInformation, &two, &one, 24, AgreementStanding::InForce),
        (Item::EhcPlan, &one, &two, 24, AgreementStanding::None),
        (Item::PupilInformation, &one, &three, 24, AgreementStanding::None),
    ];
    for (item, a, b, on, standing) in cases {
        assert_eq!(
            directory.agreement_between(item, a, b, day(on)),
            standing,
            "{item} {a} {b}"
        );
    }

    // Ended by its next revision; the other still covers until it is ended too.
    let end = |name: &str, revision| {
        let mut ended = agreement(name, revision + 1);
        ended.ended_on = Some(day(20));
        Effect::PutAgreement {
            agreement: Box::new(ended),
            expected_revision: revision,
        }
    };
    let standing = |directory: sendhub_store::Directory, on| {
        directory.agreement_between(Item::PupilInformation, &one, &two, day(on))
    };
    assert_eq!(each(&*store, vec![end("east", 1)]).await, [Ok(())]);
    assert_eq!(
        standing(store.directory().await.unwrap(), 24),
        AgreementStanding::InForce
    );
    assert_eq!(
        each(&*store, vec![end("north", 1), end("north", 1)]).await,
        [Ok(()), at(2)]
    );
    assert_eq!(
        standing(store.directory().await.unwrap(), 24),
        AgreementStanding::None
    );
    let directory = store.directory().await.unwrap();
    assert_eq!(directory.agreements()[1].id, AgreementId::parse("north").unwrap());
    assert_eq!(directory.agreements()[1].revision, 2);
    assert_eq!(standing(directory, 19), AgreementStanding::InForce);
}
