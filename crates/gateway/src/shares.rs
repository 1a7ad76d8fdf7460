//! Shares: how much of the hub one agency has at once, so that its flood is its own wait.

use std::collections::HashMap;
use std::num::NonZeroU32;
use std::sync::{Arc, Mutex, PoisonError};

use governor::clock::{Clock as _, DefaultClock};
use governor::{DefaultKeyedRateLimiter, Quota, RateLimiter};
use sendhub_domain::agency::AgencyId;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::config::Limits;

/// So many places for each agency; zero for no bound.
pub(crate) struct Places {
    each: usize,
    agencies: Mutex<HashMap<AgencyId, Arc<Semaphore>>>,
}

/// A place; given back when dropped. `None` where nothing is bounded.
pub(crate) type Held = Option<OwnedSemaphorePermit>;

/// All the agency's places are taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct AllTaken;

impl Places {
    /// So many for each agency; zero for no bound.
    pub(crate) fn new(each: usize) -> Self {
        Self {
            each,
            agencies: Mutex::default(),
        }
    }

    /// A place now.
    pub(crate) fn take(&self, agency: &AgencyId) -> Result<Held, AllTaken> {
        match self.of(agency) {
            None => Ok(None),
            Some(places) => places.try_acquire_owned().map(Some).map_err(|_| AllTaken),
        }
    }

    /// A place, waited for in the order of asking.
    pub(crate) async fn wait(&self, agency: &AgencyId) -> Held {
        // Never closed, so never an error.
        self.of(agency)?.acquire_owned().await.ok()
    }

    fn of(&self, agency: &AgencyId) -> Option<Arc<Semaphore>> {
        if self.each == 0 {
            return None;
        }
        let mut agencies = self.agencies.lock().unwrap_or_else(PoisonError::into_inner);
        Some(match agencies.get(agency) {
            Some(places) => Arc::clone(places),
            None => {
                let places = Arc::new(Semaphore::new(self.each));
                agencies.insert(agency.clone(), Arc::clone(&places));
                places
            }
        })
    }
}

/// So many a second for each agency, waited for; `None` for no bound.
struct Pace(Option<DefaultKeyedRateLimiter<AgencyId>>);

impl Pace {
    fn new(a_second: u32) -> Self {
        Self(NonZeroU32::new(a_second).map(|rate| {
            // Timers wake to the millisecond: what was missed meanwhile may follow at once.
            let at_once = NonZeroU32::new(a_second / 20).unwrap_or(NonZeroU32::MIN);
            RateLimiter::keyed(Quota::per_second(rate).allow_burst(at_once))
        }))
    }

    async fn wait(&self, agency: &AgencyId) {
        let Some(rate) = &self.0 else { return };
        while let Err(early) = rate.check_key(agency) {
            tokio::time::sleep(early.wait_time_from(DefaultClock::default().now())).await;
        }
    }
}

/// What of one agency may be under way behind the gate.
pub(crate) struct Shares {
    pace: Pace,
    records: Places,
    /// Records being read, judged or sealed at this moment. However many an agency sends, another's finds a core
    /// after so many of the first at most.
    pub(crate) work: Places,
}

impl Shares {
    pub(crate) fn new(limits: &Limits) -> Self {
        let cores = std::thread::available_parallelism().map_or(2, std::num::NonZeroUsize::get);
        Self {
            pace: Pace::new(limits.agency_records_per_second),
            records: Places::new(limits.agency_records),
            work: Places::new(2 * cores),
        }
    }

    /// Waits until the agency may have one more record of its streams under way. What comes beyond waits unread,
    /// and its sender with it.
    pub(crate) async fn next_record(&self, agency: &AgencyId) -> Held {
        self.pace.wait(agency).await;
        self.records.wait(agency).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn who_is_too_fast_waits_and_nobody_else_does() {
        let pace = Pace::new(100);
        let (one, other) = (
            AgencyId::parse("school-one").unwrap(),
            AgencyId::parse("school-two").unwrap(),
        );
        let begun = std::time::Instant::now();
        for _ in 0..25 {
            pace.wait(&one).await;
        }
        // Five at once, then one each 10 ms.
        assert!(begun.elapsed() >= std::time::Duration::from_millis(190));
        assert!(futures_util::poll!(Box::pin(pace.wait(&other))).is_ready());
    }

    #[tokio::test]
    async fn one_agency_s_places_are_not_another_s() {
        let places = Places::new(1);
        let (one, other) = (
            AgencyId::parse("school-one").unwrap(),
            AgencyId::parse("school-two").unwrap(),
        );
        let held = places.wait(&one).await;
        assert!(places.take(&one).is_err());
        assert!(places.take(&other).is_ok());
        let mut next = Box::pin(places.wait(&one));
        assert!(futures_util::poll!(&mut next).is_pending());
        drop(held);
        assert!(next.await.is_some());
    }
}
