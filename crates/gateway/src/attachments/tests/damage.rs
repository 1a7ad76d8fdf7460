//! Damage is found and named; what nobody knows is swept.

use jiff::Timestamp;

use super::*;

#[tokio::test]
async fn damage_is_found_and_named() {
    let bench = Bench::new().await;
    let stored = bench.store(1, 3 * MIB + 5).await;
    let whole = std::fs::read(bench.file(&stored)).unwrap();
    let sealed = BLOCK_BYTES + 28;
    let block = |index: usize| &whole[index * sealed..((index + 1) * sealed).min(whole.len())];
    assert_eq!(bench.damage(&stored).await, None);

    let mut flipped = whole.clone();
    flipped[2 * sealed + 100] ^= 1;
    let other = std::fs::read(bench.file(&bench.store(2, 3 * MIB + 5).await)).unwrap();
    for (how, bytes, damage) in [
        (
            "swapped",
            [block(1), block(0), block(2), block(3)].concat(),
            Damage::Block(0),
        ),
        (
            "doubled",
            [block(0), block(1), block(1), block(3)].concat(),
            Damage::Block(2),
        ),
        ("dropped", [block(0), block(2), block(3)].concat(), Damage::Length),
        ("last cut off", whole[..3 * sealed].to_vec(), Damage::Length),
        ("cut by a byte", whole[..whole.len() - 1].to_vec(), Damage::Length),
        ("longer", [&whole[..], &[0]].concat(), Damage::Length),
        ("changed", flipped, Damage::Block(2)),
        ("another's", other, Damage::Block(0)),
    ] {
        std::fs::write(bench.file(&stored), bytes).unwrap();
        assert_eq!(bench.damage(&stored).await, Some(damage), "{how}");
    }

    // Object and row shortened together: the block that is now the last was not sealed as the last.
    std::fs::write(bench.file(&stored), &whole[..2 * sealed]).unwrap();
    let shorter = Stored {
        size_bytes: 2 * MIB,
        sha256: sha256(2 * MIB),
        ..stored.clone()
    };
    assert_eq!(bench.damage(&shorter).await, Some(Damage::Block(1)));

    std::fs::write(bench.file(&stored), &whole).unwrap();
    let mut row = stored.clone();
    row.sha256[0] ^= 1;
    assert_eq!(bench.damage(&row).await, Some(Damage::Hash));
    row = stored.clone();
    row.wrapped_key[50] ^= 1;
    assert_eq!(bench.damage(&row).await, Some(Damage::Key));
    row = stored.clone();
    row.master_key_id = "0000".into();
    let told = bench.vault.download(&row, &bench.keyring).await;
    assert!(
        matches!(told, Err(AttachmentError::Key(_))),
        "a key not given is no damage"
    );

    std::fs::remove_file(bench.file(&stored)).unwrap();
    assert_eq!(bench.damage(&stored).await, Some(Damage::Missing));
}

#[tokio::test]
async fn the_sweeper_takes_what_nobody_knows_and_nothing_else() {
    let bench = Bench::new().await;
    let (known, lost) = (bench.store(1, 9).await, bench.store(2, 9).await);
    // What a killed process leaves in the middle of a write, and a file that is not the hub's.
    std::fs::write(bench.folder.path().join(format!("{}#1", name(3))), "x").unwrap();
    std::fs::write(bench.folder.path().join(format!("{}.sealed#1", name(3))), "x").unwrap();
    std::fs::write(bench.folder.path().join("notes.txt"), "x").unwrap();
    let kept = [
        format!("{}#1", name(3)),
        known.place.clone(),
        "notes.txt".to_owned(),
    ];
    let long_ago: Timestamp = "2001-01-01T00:00:00Z".parse().unwrap();
    let one_day: Timestamp = "2999-01-01T00:00:00Z".parse().unwrap();
    let is_known = |place: &str| place == known.place;

    assert_eq!(bench.vault.sweep(long_ago, is_known).await.unwrap(), 0);
    assert_eq!(bench.names().len(), 5, "too young");
    assert_eq!(bench.vault.places(one_day).await.unwrap().len(), 2);
    assert_eq!(bench.vault.sweep(one_day, is_known).await.unwrap(), 2);
    let mut names = bench.names();
    names.sort();
    let mut wanted = kept.to_vec();
    wanted.sort();
    assert_eq!(names, wanted);
    assert_eq!(bench.damage(&known).await, None);
    assert_eq!(bench.damage(&lost).await, Some(Damage::Missing));
}
