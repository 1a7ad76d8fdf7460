//! The facts of a search among held records of unknown destination, and of a claim to one.

use sendhub_domain::agency::{AgencyKind, AgencyStatus};
use serde::Deserialize;

use super::{Action, Pairs, Party, nth, read_or};
use crate::term::term;
use crate::vocabulary::Vocabulary;

term! {
    /// Whether the searcher said why. The reason itself goes to the log and is never weighed.
    pub SearchReason {
        /// A reason was given and will stand in the log.
        Recorded = "RECORDED",
        /// None was given.
        Missing = "MISSING",
    }
}

term! {
    /// Whether a held record is still to be had.
    pub HeldRecord {
        /// Nobody has claimed it.
        Unclaimed = "UNCLAIMED",
        /// The caller has: the claim is a repetition.
        ClaimedByCaller = "CLAIMED_BY_CALLER",
        /// Another authority has.
        ClaimedByAnother = "CLAIMED_BY_ANOTHER",
    }
}

/// What is asked of the held records.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum UnclaimedAct {
    /// To search them: outsides only.
    Search,
    /// To take one over. Carries whether it is still to be had.
    Claim(HeldRecord),
}

/// What the decision on a search or claim may rest on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct UnclaimedFacts {
    /// Search or claim.
    pub act: UnclaimedAct,
    /// What the searcher is.
    pub searcher_kind: AgencyKind,
    /// Whether the searcher takes part today.
    pub searcher_status: AgencyStatus,
    /// Whether it said why.
    pub reason: SearchReason,
}

impl UnclaimedFacts {
    pub(super) fn action(&self) -> Action {
        match self.act {
            UnclaimedAct::Search => Action::SearchUnclaimed,
            UnclaimedAct::Claim(_) => Action::ClaimUnclaimed,
        }
    }

    pub(super) fn pairs(&self, words: &Vocabulary) -> Pairs {
        let searcher = Party {
            kind: self.searcher_kind,
            status: self.searcher_status,
        };
        let mut pairs = vec![
            ("searcher".to_owned(), words.party(searcher)),
            ("reason".to_owned(), words.term(self.reason)),
        ];
        if let UnclaimedAct::Claim(held) = self.act {
            pairs.push(("held".to_owned(), words.term(held)));
        }
        pairs
    }

    pub(super) fn samples() -> Vec<Self> {
        let at = |act, n: usize| Self {
            act,
            searcher_kind: nth(n),
            searcher_status: nth(n),
            reason: nth(n),
        };
        (0..AgencyKind::ALL.len())
            .flat_map(|n| [at(UnclaimedAct::Search, n), at(UnclaimedAct::Claim(nth(n)), n)])
            .collect()
    }
}

/// A row of a test table. What is absent is as usual: an agency that takes part and says why.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct UnclaimedRow {
    /// Whether the record is to be had; present for a claim, absent for a search.
    claim: Option<String>,
    /// The searcher's kind.
    by: String,
    by_status: Option<String>,
    reason: Option<String>,
}

impl UnclaimedRow {
    /// # Errors
    /// What is wrong, for the author of the table.
    pub(crate) fn facts(&self) -> Result<UnclaimedFacts, String> {
        let act = match &self.claim {
            None => UnclaimedAct::Search,
            Some(code) => UnclaimedAct::Claim(read_or("claim", Some(code), HeldRecord::Unclaimed)?),
        };
        Ok(UnclaimedFacts {
            act,
            searcher_kind: read_or("by", Some(&self.by), AgencyKind::LocalAuthority)?,
            searcher_status: read_or("by_status", self.by_status.as_deref(), AgencyStatus::Active)?,
            reason: read_or("reason", self.reason.as_deref(), SearchReason::Recorded)?,
        })
    }
}
