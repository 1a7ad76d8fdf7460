//! Offline verification: a whole database or an exported log is judged with nothing but the logs' public keys.
//!
//! A verifier key that the caller obtained elsewhere is preferred: the key that a database or an export names
//! itself proves only that it is consistent, not that its owner did not begin it anew.

mod database;
mod export;
mod log;
mod postgres;
mod standing;

use sendhub_ledger::hash::Hash;

pub(crate) use self::database::judge_sqlite;
pub use self::database::verify_sqlite;
pub use self::export::{export_postgres, export_sqlite, verify_export};
pub(crate) use self::postgres::judge_postgres;
pub use self::postgres::verify_postgres;
pub use self::standing::{Standing, standing_postgres, standing_sqlite};

/// How many faults are listed; all are counted.
const LISTED: usize = 100;

/// What was found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct VerifyReport {
    /// Each log with its size and root.
    pub logs: Vec<VerifiedLog>,
    /// Exchanges whose sealed content fits its leaf. 0 for an export, which holds none.
    pub exchanges: u64,
    /// Deliveries looked at. 0 for an export.
    pub deliveries: u64,
    /// The first leaf that does not fit.
    pub first_misfit: Option<LeafPlace>,
    /// How many faults there are.
    pub fault_count: u64,
    /// The first of them, in order, each naming its log and leaf.
    pub faults: Vec<String>,
}

/// One log as verified.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VerifiedLog {
    /// Its origin.
    pub origin: String,
    /// Leaves.
    pub size: u64,
    /// The root that the leaves give.
    pub root: Hash,
    /// Checkpoints that hold.
    pub checkpoints: u64,
}

/// Where a leaf stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LeafPlace {
    /// The log's origin.
    pub log: String,
    /// The leaf's index.
    pub index: u64,
}

impl VerifyReport {
    /// Whether everything fits.
    #[must_use]
    pub const fn holds(&self) -> bool {
        self.fault_count == 0
    }

    fn fault(&mut self, text: String) {
        self.fault_count += 1;
        if self.faults.len() < LISTED {
            self.faults.push(text);
        }
    }

    /// A fault of one leaf. Of the first log that has any, the lowest index counts as the first.
    fn leaf_fault(&mut self, log: &str, index: u64, text: String) {
        let first = self.first_misfit.as_ref();
        if first.is_none_or(|first| first.log == log && first.index > index) {
            self.first_misfit = Some(LeafPlace {
                log: log.to_owned(),
                index,
            });
        }
        self.fault(text);
    }

    /// A fault of some leaf from an index on: names the place only when no leaf is known for sure.
    fn doubt(&mut self, log: &str, from: u64, text: String) {
        if self.first_misfit.is_none() {
            self.first_misfit = Some(LeafPlace {
                log: log.to_owned(),
                index: from,
            });
        }
        self.fault(text);
    }
}
