//! Shares: how much of the hub one agency has at once, so that its flood is its own wait.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

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

/// What of one agency may be under way behind the gate.
pub(crate) struct Shares {
    /// Records of all its streams. What comes beyond waits unread, and its sender with it.
    pub(crate) records: Places,
    /// Records being read, judged or sealed at this moment. However many an agency sends, another's finds a core
    /// after so many of the first at most.
    pub(crate) work: Places,
}

impl Shares {
    pub(crate) fn new(limits: &Limits) -> Self {
        let cores = std::thread::available_parallelism().map_or(2, std::num::NonZeroUsize::get);
        Self {
            records: Places::new(limits.agency_records),
            work: Places::new(2 * cores),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
