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
    /// Who takes is told when so many wait, not of each that comes: to be woken costs more than to be asked.
    told_at: usize,
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
                told_at: 1,
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
        let tell = state.held >= state.told_at;
        drop(state);
        if tell {
            self.ready.notify_one();
        }
    }

    /// Waits until so much waits as is half of what is in hand at the call.
    pub(super) async fn gather(&self) {
        let half = self.state().half();
        loop {
            let ready = self.ready.notified();
            {
                let mut state = self.state();
                if state.held >= half || state.closed {
                    return;
                }
                state.told_at = half;
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
                state.told_at = 1;
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
mod tests;
