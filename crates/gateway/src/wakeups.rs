//! Wake-ups: tells the watchers of an inbox that something changed in it.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use sendhub_domain::agency::AgencyId;
use tokio::sync::Notify;

/// One bell for each agency that watches. Ringing a bell nobody listens to costs a look-up.
#[derive(Debug, Clone, Default)]
pub struct Wakeups {
    bells: Arc<Mutex<HashMap<AgencyId, Arc<Notify>>>>,
}

impl Wakeups {
    /// The bell of one agency's inbox.
    #[must_use]
    pub fn bell(&self, agency: &AgencyId) -> Arc<Notify> {
        let mut bells = self.bells.lock().unwrap_or_else(PoisonError::into_inner);
        bells.entry(agency.clone()).or_default().clone()
    }

    /// Wakes everyone who watches this agency's inbox.
    pub fn ring(&self, agency: &AgencyId) {
        let bell = self
            .bells
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .get(agency)
            .cloned();
        if let Some(bell) = bell {
            bell.notify_waiters();
        }
    }

    /// Wakes every watcher: something may have been missed.
    pub fn ring_all(&self) {
        let bells = self.bells.lock().unwrap_or_else(PoisonError::into_inner);
        bells.values().for_each(|bell| bell.notify_waiters());
    }

    /// Forgets the bells that no watcher holds any more.
    pub fn sweep(&self) {
        let mut bells = self.bells.lock().unwrap_or_else(PoisonError::into_inner);
        bells.retain(|_, bell| Arc::strong_count(bell) > 1);
    }
}
