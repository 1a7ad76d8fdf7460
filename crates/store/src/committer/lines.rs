//! The waiting lines: one for each agency, served in fair turns, so that one agency's flood is its own wait.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use sendhub_domain::agency::AgencyId;
use tokio::sync::{Notify, oneshot};

/// An agency that has asked within this time is company: the others' turns are short.
const COMPANY: Duration = Duration::from_secs(1);

/// Whose line it is; `None` for the hub's own events and those of callers whom nobody knows.
type Whose = Option<AgencyId>;

/// How many changes may wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Room {
    /// All agencies together.
    pub places: usize,
    /// One agency. It never holds more places than remain free either, and the last eighth is kept for agencies
    /// that have nothing waiting: when many press, there is room for the lone record of another.
    pub each: usize,
}

impl Room {
    /// How many places an agency may hold that holds so many, when so many are taken in all.
    fn allowed(self, held: usize, taken: usize) -> usize {
        let free = self.places.saturating_sub(taken);
        let open = if held == 0 {
            free
        } else {
            free.saturating_sub(self.places / 8)
        };
        self.each.min(open)
    }
}

impl From<usize> for Room {
    fn from(places: usize) -> Self {
        Self { places, each: places }
    }
}

/// How much is taken at once.
#[derive(Debug, Clone, Copy)]
pub(super) struct Turn {
    /// At most so much in all.
    pub(super) whole: usize,
    /// All of it, while no more waits. Of more, half of what is in hand: of what waits and what was taken last. Callers
    /// who send again when they are answered would else all be in the same batch, the next would hold the first one of
    /// them alone, and the writer and those who judge would have work in turns, never at once.
    pub(super) few: usize,
    /// At most so much of one agency while it has company: whoever comes next waits no longer than this takes.
    pub(super) in_company: usize,
}

/// Why there is no place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum NoPlace {
    Full,
    Closed,
}

/// All lines.
pub(super) struct Lines<T> {
    state: Mutex<State<T>>,
    room: Room,
    ready: Notify,
}

struct State<T> {
    lines: HashMap<Whose, Line<T>>,
    /// The heads of the lines in which something waits, by their start in virtual time.
    heads: BinaryHeap<Reverse<(u64, u64, Whose)>>,
    /// Virtual time: how much an agency that always waits has been given. Who comes anew starts here, so that
    /// nobody saves up turns by being quiet.
    now: u64,
    arrivals: u64,
    held: usize,
    /// How many were taken the last time.
    last: usize,
    parked: usize,
    swept: Instant,
    closed: bool,
}

struct Line<T> {
    waiting: VecDeque<(T, u64)>,
    held: usize,
    parked: VecDeque<oneshot::Sender<Place<T>>>,
    end: u64,
    seen: Instant,
}

/// A place in an agency's line: given back when it is dropped unused.
pub(super) struct Place<T> {
    lines: Option<Arc<Lines<T>>>,
    whose: Whose,
}

impl<T> Drop for Place<T> {
    fn drop(&mut self) {
        if let Some(lines) = self.lines.take() {
            lines.give_back(&self.whose);
        }
    }
}

impl<T> Lines<T> {
    pub(super) fn new(room: Room) -> Arc<Self> {
        Arc::new(Self {
            state: Mutex::new(State {
                lines: HashMap::new(),
                heads: BinaryHeap::new(),
                now: 0,
                arrivals: 0,
                held: 0,
                last: 0,
                parked: 0,
                swept: Instant::now(),
                closed: false,
            }),
            room,
            ready: Notify::new(),
        })
    }

    fn state(&self) -> MutexGuard<'_, State<T>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A place now, or none.
    pub(super) fn place_now(self: &Arc<Self>, whose: &Whose) -> Result<Place<T>, NoPlace> {
        self.state().place(self, whose)
    }

    /// A place, waited for in the order of asking.
    pub(super) async fn place(self: &Arc<Self>, whose: &Whose) -> Result<Place<T>, NoPlace> {
        let granted = {
            let mut state = self.state();
            match state.place(self, whose) {
                Err(NoPlace::Full) => state.park(whose),
                done => return done,
            }
        };
        granted.await.map_err(|_| NoPlace::Closed)
    }

    /// Puts something into its place. `cost` says how long it takes to write, beside others.
    pub(super) fn put(&self, mut place: Place<T>, what: T, cost: u64) {
        place.lines = None;
        let mut state = self.state();
        state.arrivals += 1;
        let (now, arrival) = (state.now, state.arrivals);
        let Some(line) = state.lines.get_mut(&place.whose) else {
            return;
        };
        line.waiting.push_back((what, cost));
        if line.waiting.len() == 1 {
            let start = line.end.max(now);
            state.heads.push(Reverse((start, arrival, place.whose.take())));
        }
        drop(state);
        self.ready.notify_one();
    }

    /// Waits until half of what is in hand now waits.
    pub(super) async fn gather(&self) {
        let half = self.state().half();
        loop {
            let ready = self.ready.notified();
            {
                let state = self.state();
                if state.held >= half || state.closed {
                    return;
                }
            }
            ready.await;
        }
    }

    /// Takes what is next, waiting until there is something: in turns of the agencies, each agency's in its
    /// order. What nobody wants any more is dropped. Empty when the lines are closed and nothing waits.
    pub(super) async fn take(self: &Arc<Self>, turn: Turn, wanted: impl Fn(&T) -> bool) -> Vec<T> {
        loop {
            let ready = self.ready.notified();
            {
                let mut state = self.state();
                let taken = state.take(turn, &wanted);
                state.unpark(self);
                if !taken.is_empty() || (state.closed && state.heads.is_empty()) {
                    return taken;
                }
            }
            ready.await;
        }
    }

    /// Ends it: no further place is given; what waits may still be taken.
    pub(super) fn close(&self) {
        let mut state = self.state();
        state.closed = true;
        state.parked = 0;
        for line in state.lines.values_mut() {
            line.parked.clear();
        }
        drop(state);
        self.ready.notify_one();
    }

    fn give_back(self: &Arc<Self>, whose: &Whose) {
        let mut state = self.state();
        state.leave(whose);
        state.unpark(self);
    }
}

impl<T> State<T> {
    fn place(&mut self, lines: &Arc<Lines<T>>, whose: &Whose) -> Result<Place<T>, NoPlace> {
        if self.closed {
            return Err(NoPlace::Closed);
        }
        let taken = self.held;
        let line = self.line(whose);
        if !line.parked.is_empty() || line.held >= lines.room.allowed(line.held, taken) {
            return Err(NoPlace::Full);
        }
        line.held += 1;
        self.held += 1;
        Ok(Place {
            lines: Some(Arc::clone(lines)),
            whose: whose.clone(),
        })
    }

    fn line(&mut self, whose: &Whose) -> &mut Line<T> {
        let line = self.lines.entry(whose.clone()).or_insert_with(|| Line {
            waiting: VecDeque::new(),
            held: 0,
            parked: VecDeque::new(),
            end: 0,
            seen: Instant::now(),
        });
        line.seen = Instant::now();
        line
    }

    fn park(&mut self, whose: &Whose) -> oneshot::Receiver<Place<T>> {
        let (grant, granted) = oneshot::channel();
        self.line(whose).parked.push_back(grant);
        self.parked += 1;
        granted
    }

    fn leave(&mut self, whose: &Whose) {
        if let Some(line) = self.lines.get_mut(whose) {
            line.held = line.held.saturating_sub(1);
            self.held = self.held.saturating_sub(1);
        }
    }

    /// Gives free places to those who wait for one, the line that holds least first.
    fn unpark(&mut self, lines: &Arc<Lines<T>>) {
        while self.parked > 0 {
            let next = self
                .lines
                .iter_mut()
                .filter(|(_, line)| !line.parked.is_empty())
                .min_by_key(|(_, line)| line.held);
            let Some((whose, line)) = next else { return };
            if line.held >= lines.room.allowed(line.held, self.held) {
                return;
            }
            let Some(grant) = line.parked.pop_front() else {
                return;
            };
            self.parked -= 1;
            let place = Place {
                lines: Some(Arc::clone(lines)),
                whose: whose.clone(),
            };
            match grant.send(place) {
                Ok(()) => {
                    line.held += 1;
                    self.held += 1;
                }
                // Who waited has gone: nothing was counted, and nothing is given back.
                Err(mut place) => place.lines = None,
            }
        }
    }

    /// Half of what is in hand: of what waits and what was taken last.
    fn half(&self) -> usize {
        (self.held + self.last).div_ceil(2)
    }

    fn take(&mut self, turn: Turn, wanted: &impl Fn(&T) -> bool) -> Vec<T> {
        if self.swept.elapsed() > COMPANY {
            self.swept = Instant::now();
            self.lines
                .retain(|_, line| line.held > 0 || !line.parked.is_empty() || line.seen.elapsed() < COMPANY);
        }
        let each = if self.lines.len() > 1 {
            turn.in_company
        } else {
            turn.whole
        };
        let mut room = u64::try_from(turn.whole).unwrap_or(u64::MAX);
        let each = u64::try_from(each).unwrap_or(u64::MAX);
        let mut given: HashMap<Whose, u64> = HashMap::new();
        let (mut taken, mut later) = (Vec::new(), Vec::new());
        let most = self.half().max(turn.few);
        while room > 0
            && taken.len() < most
            && let Some(Reverse((start, arrival, whose))) = self.heads.pop()
        {
            let Some(line) = self.lines.get_mut(&whose) else {
                continue;
            };
            let had = given.entry(whose.clone()).or_default();
            let fits = |next: &mut (T, u64)| *had == 0 || *had + next.1 <= each;
            let Some((what, cost)) = line.waiting.pop_front_if(fits) else {
                later.push(Reverse((start, arrival, whose)));
                continue;
            };
            line.held = line.held.saturating_sub(1);
            self.held = self.held.saturating_sub(1);
            let kept = wanted(&what);
            if kept {
                self.now = self.now.max(start);
                line.end = start + cost;
                *had += cost;
                room = room.saturating_sub(cost);
                taken.push(what);
            }
            if !line.waiting.is_empty() {
                let next = if kept { line.end } else { start };
                self.heads.push(Reverse((next, arrival, whose)));
            }
        }
        self.heads.extend(later);
        self.last = taken.len();
        taken
    }
}

#[cfg(test)]
mod tests {
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
}
