//! Limits for each agency: requests a second and requests at once; and how many refusals at the door are
//! written one by one.

use std::collections::HashMap;
use std::num::NonZeroU32;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use governor::{DefaultKeyedRateLimiter, Quota, RateLimiter};
use sendhub_domain::agency::AgencyId;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::config::Limits;

/// Counts what each agency does.
pub(crate) struct AgencyLimits {
    rate: Option<DefaultKeyedRateLimiter<AgencyId>>,
    concurrent: usize,
    under_way: Mutex<HashMap<AgencyId, Arc<Semaphore>>>,
    doorbook: Option<DefaultKeyedRateLimiter<Option<AgencyId>>>,
    suppressed: AtomicU64,
}

impl AgencyLimits {
    pub(crate) fn new(limits: &Limits) -> Self {
        let rate = NonZeroU32::new(limits.requests_per_second).map(|rate| {
            let quota = Quota::per_second(rate);
            RateLimiter::keyed(NonZeroU32::new(limits.burst).map_or(quota, |burst| quota.allow_burst(burst)))
        });
        Self {
            rate,
            concurrent: limits.concurrent_requests,
            under_way: Mutex::default(),
            doorbook: NonZeroU32::new(limits.recorded_refusals_per_minute)
                .map(|rate| RateLimiter::keyed(Quota::per_minute(rate))),
            suppressed: AtomicU64::new(0),
        }
    }

    /// Whether the agency may send one more request now.
    pub(crate) fn in_rate(&self, agency: &AgencyId) -> bool {
        self.rate
            .as_ref()
            .is_none_or(|rate| rate.check_key(agency).is_ok())
    }

    /// A place among the agency's requests under way; `Err` when all are taken.
    pub(crate) fn enter(&self, agency: &AgencyId) -> Result<Option<OwnedSemaphorePermit>, ()> {
        if self.concurrent == 0 {
            return Ok(None);
        }
        let places = {
            let mut under_way = self.under_way.lock().unwrap_or_else(PoisonError::into_inner);
            match under_way.get(agency) {
                Some(places) => places.clone(),
                None => under_way
                    .entry(agency.clone())
                    .or_insert_with(|| Arc::new(Semaphore::new(self.concurrent)))
                    .clone(),
            }
        };
        places.try_acquire_owned().map(Some).map_err(|_| ())
    }

    /// Whether a refusal at the door is written by itself; one that is not is counted. Gives the count of those
    /// left out since the last one written. Nobody can fill the log by being refused.
    pub(crate) fn write_refusal(&self, agency: Option<&AgencyId>) -> Option<u64> {
        let written = self
            .doorbook
            .as_ref()
            .is_some_and(|book| book.check_key(&agency.cloned()).is_ok());
        if written {
            return Some(self.suppressed.swap(0, Ordering::Relaxed));
        }
        self.suppressed.fetch_add(1, Ordering::Relaxed);
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn limits(change: impl FnOnce(&mut Limits)) -> AgencyLimits {
        let mut limits = Limits::default();
        change(&mut limits);
        AgencyLimits::new(&limits)
    }

    #[test]
    fn one_agency_s_flood_leaves_another_s_place() {
        let limits = limits(|limits| {
            limits.requests_per_second = 1;
            limits.burst = 2;
            limits.concurrent_requests = 1;
        });
        let (one, other) = (
            AgencyId::parse("school-one").unwrap(),
            AgencyId::parse("school-two").unwrap(),
        );
        assert!(limits.in_rate(&one) && limits.in_rate(&one) && !limits.in_rate(&one));
        assert!(limits.in_rate(&other));
        let held = limits.enter(&one).unwrap();
        assert!(limits.enter(&one).is_err());
        assert!(limits.enter(&other).is_ok());
        drop(held);
        assert!(limits.enter(&one).is_ok());
    }

    #[test]
    fn refusals_beyond_the_rate_are_counted_and_told_with_the_next() {
        let limits = limits(|limits| limits.recorded_refusals_per_minute = 1);
        assert_eq!(limits.write_refusal(None), Some(0));
        assert_eq!(limits.write_refusal(None), None);
        assert_eq!(limits.write_refusal(None), None);
        let agency = AgencyId::parse("school-one").unwrap();
        assert_eq!(limits.write_refusal(Some(&agency)), Some(2));
    }
}
