//! Limits for each agency: requests a second, requests at once, streams open; and how many refusals at the door
//! are written one by one.

use std::num::NonZeroU32;
use std::sync::atomic::{AtomicU64, Ordering};

use governor::{DefaultKeyedRateLimiter, Quota, RateLimiter};
use sendhub_domain::agency::AgencyId;

use crate::config::Limits;
use crate::shares::{AllTaken, Held, Places};

/// What a request takes a place among.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Requests under way; the place is held until the answer.
    Single,
    /// Streamed replies; the place is held until the stream ends.
    Streamed,
}

/// Counts what each agency does.
pub(crate) struct AgencyLimits {
    rate: Option<DefaultKeyedRateLimiter<AgencyId>>,
    under_way: Places,
    streams: Places,
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
            under_way: Places::new(limits.concurrent_requests),
            streams: Places::new(limits.agency_streams),
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

    /// A place among what the agency has under way.
    pub(crate) fn enter(&self, agency: &AgencyId, kind: Kind) -> Result<Held, AllTaken> {
        match kind {
            Kind::Single => self.under_way.take(agency),
            Kind::Streamed => self.streams.take(agency),
        }
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
            limits.agency_streams = 1;
        });
        let (one, other) = (
            AgencyId::parse("school-one").unwrap(),
            AgencyId::parse("school-two").unwrap(),
        );
        assert!(limits.in_rate(&one) && limits.in_rate(&one) && !limits.in_rate(&one));
        assert!(limits.in_rate(&other));
        let held = limits.enter(&one, Kind::Single).unwrap();
        assert!(limits.enter(&one, Kind::Single).is_err());
        assert!(limits.enter(&other, Kind::Single).is_ok());
        // Streams stay open for hours: they are counted apart.
        assert!(limits.enter(&one, Kind::Streamed).is_ok());
        drop(held);
        assert!(limits.enter(&one, Kind::Single).is_ok());
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
