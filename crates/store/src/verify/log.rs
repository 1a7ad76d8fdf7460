//! One log's walk: leaves in order, each checkpoint when the leaves it signs have passed, the first misfit named.

use sendhub_ledger::checkpoint::VerifierKey;
use sendhub_ledger::hash::Hash;
use sendhub_ledger::verify::{LogVerifier, Misfit};

use super::{VerifiedLog, VerifyReport};

/// A walk along one log, whether it comes from a database or from an export.
pub(super) struct Walk<'r> {
    origin: String,
    verifier: LogVerifier,
    checkpoints: u64,
    /// The size of the last checkpoint that held: every leaf before it is what was signed.
    held: u64,
    differs: Differs,
    report: &'r mut VerifyReport,
}

/// Whether the leaves still give the tree that was signed. Once they do not, no later root fits either, and
/// saying so of each would hide the place where it began.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Differs {
    NotYet,
    FromHere,
}

impl<'r> Walk<'r> {
    pub(super) fn new(origin: &str, key: VerifierKey, report: &'r mut VerifyReport) -> Self {
        Self {
            origin: origin.to_owned(),
            verifier: LogVerifier::new(key),
            checkpoints: 0,
            held: 0,
            differs: Differs::NotYet,
            report,
        }
    }

    /// Leaves taken.
    pub(super) const fn size(&self) -> u64 {
        self.verifier.size()
    }

    /// Takes the next leaf.
    pub(super) fn leaf(&mut self, index: u64, entry: &[u8], claimed: &Hash) {
        match self.verifier.leaf(index, entry, claimed) {
            Ok(()) => {}
            Err(Misfit::MissingLeaf { expected }) => self.leaf_fault(
                expected,
                &format!("leaf {expected} is missing, leaf {index} stands in its place"),
            ),
            Err(misfit) => self.leaf_fault(index, &misfit.to_string()),
        }
    }

    /// Takes the checkpoint that is kept as that of the leaves taken so far.
    pub(super) fn checkpoint(&mut self, kept_as: u64, note: &str) {
        match self.verifier.checkpoint(kept_as, note) {
            Ok(()) => {
                self.checkpoints += 1;
                self.held = kept_as;
            }
            Err(Misfit::RootDiffers { size }) if size == self.size() => self.root_differs(size),
            Err(misfit) => self.fault(&misfit.to_string()),
        }
    }

    fn root_differs(&mut self, size: u64) {
        if self.differs == Differs::FromHere {
            return;
        }
        self.differs = Differs::FromHere;
        let (from, to) = (self.held, size - 1);
        let leaves = if from == to {
            format!("leaf {from} is")
        } else {
            format!("of leaves {from} to {to} one is")
        };
        self.doubt(
            from,
            &format!("{leaves} not what the checkpoint of size {size} signs"),
        );
    }

    /// Notes a fault of one leaf.
    pub(super) fn leaf_fault(&mut self, index: u64, says: &str) {
        self.report
            .leaf_fault(&self.origin, index, format!("log {}: {says}", self.origin));
    }

    /// Notes a fault of some leaf from an index on.
    pub(super) fn doubt(&mut self, from: u64, says: &str) {
        self.report
            .doubt(&self.origin, from, format!("log {}: {says}", self.origin));
    }

    /// Notes any other fault.
    pub(super) fn fault(&mut self, says: &str) {
        self.report.fault(format!("log {}: {says}", self.origin));
    }

    /// Ends the walk: every leaf must be signed by some checkpoint.
    pub(super) fn end(mut self) {
        let unsigned = self.verifier.unsigned();
        if unsigned > 0 && self.differs == Differs::NotYet {
            self.fault(&format!(
                "the last {unsigned} leaves are signed by no checkpoint that holds"
            ));
        }
        self.report.logs.push(VerifiedLog {
            size: self.verifier.size(),
            root: self.verifier.root(),
            origin: self.origin,
            checkpoints: self.checkpoints,
        });
    }
}

/// The key by which a log is judged: one that the caller brought, else the one that the log names.
pub(super) fn judging_key(origin: &str, brought: &[VerifierKey], named: &str) -> Option<VerifierKey> {
    let known = brought.iter().find(|key| key.name() == origin).cloned();
    known.or_else(|| VerifierKey::parse(named).ok().filter(|key| key.name() == origin))
}
