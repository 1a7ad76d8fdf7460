//! Who is in the next batch, and who waits.

use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering::Relaxed;
use std::task::{Context, Wake};

use super::*;

const TURN: Turn = Turn {
    whole: 8,
    few: 4,
    in_company: 4,
};

fn agency(name: &str) -> Whose {
    Some(AgencyId::parse(name).unwrap())
}

fn put(lines: &Arc<Lines<(char, u32)>>, whose: &Whose, what: (char, u32)) -> Result<(), NoPlace> {
    lines.place_now(whose).map(|place| lines.put(place, what, 1))
}

async fn take(lines: &Arc<Lines<(char, u32)>>) -> Vec<(char, u32)> {
    lines.take(TURN, |_| true).await
}

#[tokio::test]
async fn a_lone_record_is_in_the_next_batch_however_many_wait() {
    let lines = Lines::new(Room::from(1_000));
    let (flood, lone) = (agency("flood"), agency("lone"));
    for number in 0..300 {
        put(&lines, &flood, ('f', number)).unwrap();
    }
    assert_eq!(take(&lines).await.len(), 8, "alone it has the whole turn");
    put(&lines, &lone, ('l', 0)).unwrap();
    let batch = take(&lines).await;
    assert!(batch.contains(&('l', 0)));
    assert_eq!(batch.len(), 5, "in company it has a short turn: {batch:?}");
    // Each agency's own order stays.
    assert_eq!(
        batch.iter().filter(|one| one.0 == 'f').map(|one| one.1).next(),
        Some(8)
    );
}

#[tokio::test]
async fn of_much_half_is_taken_and_callers_who_come_again_do_not_end_in_one_batch() {
    let turn = Turn {
        whole: 256,
        few: 4,
        in_company: 256,
    };
    let lines = Lines::new(Room::from(1_000));
    let one = agency("one");
    // How many come before a batch, and how many are in it.
    let cases = [
        (4, 4),   // Few are not parted.
        (60, 32), // Of 64 in hand 4 are being answered.
        (4, 32),  // These come again: 28 and 4 wait.
        (32, 32),
        (32, 32),
        (1, 1),   // The others are slow,
        (63, 32), // and come together: they are parted again.
        (0, 31),
    ];
    let mut waiting = 0;
    for (come, taken) in cases {
        for number in 0..come {
            put(&lines, &one, ('o', number)).unwrap();
        }
        waiting += come as usize;
        let batch = lines.take(turn, |_| true).await;
        waiting -= batch.len();
        assert_eq!(batch.len(), taken, "{come} came, {waiting} are left");
    }
}

#[tokio::test]
async fn gathering_ends_when_half_has_come() {
    let lines = Lines::new(Room::from(1_000));
    let one = agency("one");
    for number in 0..8 {
        put(&lines, &one, ('o', number)).unwrap();
    }
    assert_eq!(take(&lines).await.len(), 4);
    // Of 8 in hand 4 wait already.
    assert!(futures_util::poll!(Box::pin(lines.gather())).is_ready());
    assert_eq!(take(&lines).await.len(), 4);
    let mut gathering = Box::pin(lines.gather());
    for number in 0..2 {
        assert!(
            futures_util::poll!(&mut gathering).is_pending(),
            "{number} of 4 in hand"
        );
        put(&lines, &one, ('o', number)).unwrap();
    }
    gathering.await;
    // Closed lines are not waited at.
    assert_eq!(take(&lines).await.len(), 2);
    let mut gathering = Box::pin(lines.gather());
    assert!(futures_util::poll!(&mut gathering).is_pending());
    lines.close();
    gathering.await;
}

/// How often somebody was woken.
#[derive(Default)]
struct Woken(AtomicUsize);

impl Wake for Woken {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Relaxed);
    }
}

#[tokio::test]
async fn who_gathers_is_woken_once_and_who_waits_for_any_by_the_first() {
    let lines = Lines::new(Room::from(1_000));
    let one = agency("one");
    for number in 0..64 {
        put(&lines, &one, ('o', number)).unwrap();
    }
    let even = Turn { whole: 64, ..TURN };
    assert_eq!(lines.take(even, |_| true).await.len(), 32);
    assert_eq!(lines.take(even, |_| true).await.len(), 32);
    let woken = Arc::new(Woken::default());
    let waker = Arc::clone(&woken).into();
    let mut context = Context::from_waker(&waker);
    let mut gathering = Box::pin(lines.gather());
    assert!(gathering.as_mut().poll(&mut context).is_pending());
    for number in 0..16 {
        assert_eq!(woken.0.load(Relaxed), 0, "{number} of 16 have come");
        put(&lines, &one, ('o', number)).unwrap();
    }
    assert!(gathering.as_mut().poll(&mut context).is_ready());
    assert_eq!(woken.0.load(Relaxed), 1);
    assert_eq!(lines.take(even, |_| true).await.len(), 16);
    // Given up half way, as after a time; then the first that comes is heard.
    let mut gathering = Box::pin(lines.gather());
    assert!(gathering.as_mut().poll(&mut context).is_pending());
    drop(gathering);
    let mut taking = Box::pin(lines.take(even, |_| true));
    assert!(taking.as_mut().poll(&mut context).is_pending());
    put(&lines, &one, ('o', 0)).unwrap();
    assert_eq!(woken.0.load(Relaxed), 2);
    assert_eq!(taking.await.len(), 1);
}

#[tokio::test]
async fn those_who_wait_share_evenly_by_cost() {
    let even = Turn {
        whole: 8,
        few: 4,
        in_company: 8,
    };
    let lines = Lines::new(Room::from(1_000));
    for number in 0..100 {
        for name in ["one", "two"] {
            let place = lines.place_now(&agency(name)).unwrap();
            let cost = if name == "one" { 3 } else { 1 };
            lines.put(place, (name.chars().next().unwrap(), number), cost);
        }
    }
    let mut all = Vec::new();
    for _ in 0..10 {
        all.extend(lines.take(even, |_| true).await);
    }
    let of = |name| all.iter().filter(|one| one.0 == name).count();
    let (heavy, light) = (of('o') * 3, of('t'));
    assert!(heavy.abs_diff(light) <= 6, "{heavy} and {light}");
}

#[tokio::test]
async fn full_is_full_for_the_one_who_filled_it() {
    let lines = Lines::new(Room { places: 64, each: 16 });
    let (flood, lone) = (agency("flood"), agency("lone"));
    let taken = (0..100)
        .filter(|one| put(&lines, &flood, ('f', *one)).is_ok())
        .count();
    assert_eq!(taken, 16);
    assert_eq!(put(&lines, &flood, ('f', 0)), Err(NoPlace::Full));
    assert_eq!(put(&lines, &lone, ('l', 0)), Ok(()));
}

#[tokio::test]
async fn when_many_press_there_is_room_for_another() {
    let lines = Lines::new(Room::from(64));
    for number in 0..10 {
        let whose = agency(&format!("flood-{number}"));
        while put(&lines, &whose, ('f', number)).is_ok() {}
    }
    assert_eq!(put(&lines, &agency("lone"), ('l', 0)), Ok(()));
}

#[tokio::test]
async fn who_waits_for_room_gets_it_in_order_and_who_leaves_loses_nothing() {
    let lines = Lines::new(Room { places: 64, each: 1 });
    let flood = agency("flood");
    put(&lines, &flood, ('f', 0)).unwrap();
    let first = lines.place(&flood);
    let mut second = Box::pin(lines.place(&flood));
    let mut first = Box::pin(first);
    assert!(futures_util::poll!(&mut first).is_pending());
    assert!(futures_util::poll!(&mut second).is_pending());
    drop(first);
    assert_eq!(take(&lines).await, [('f', 0)]);
    let place = second.await.unwrap();
    assert_eq!(put(&lines, &flood, ('f', 1)), Err(NoPlace::Full));
    // A place given back unused is free again.
    drop(place);
    assert_eq!(put(&lines, &flood, ('f', 1)), Ok(()));
    assert_eq!(lines.state().held, 1);
}

#[tokio::test]
async fn what_nobody_wants_is_passed_over() {
    let lines = Lines::new(Room::from(64));
    for number in 0..4 {
        put(&lines, &agency("one"), ('o', number)).unwrap();
    }
    let taken = lines.take(TURN, |one| one.1 % 2 == 1).await;
    assert_eq!(taken, [('o', 1), ('o', 3)]);
    assert_eq!(lines.state().held, 0);
}

#[tokio::test]
async fn closed_lines_are_emptied_and_then_end() {
    let lines = Lines::new(Room { places: 64, each: 1 });
    let one = agency("one");
    put(&lines, &one, ('o', 0)).unwrap();
    let mut parked = Box::pin(lines.place(&one));
    assert!(futures_util::poll!(&mut parked).is_pending());
    lines.close();
    assert_eq!(parked.await.err(), Some(NoPlace::Closed));
    assert_eq!(lines.place_now(&one).err(), Some(NoPlace::Closed));
    assert_eq!(take(&lines).await, [('o', 0)]);
    assert_eq!(take(&lines).await, []);
}
