//! Questions: what is asked of the rules, as small enums that the domain has already established.
//!
//! Each exchange has a file of its own here; whatever is a date, an age or a name was turned into one of a
//! few values before it came, so a question holds nothing personal.

mod disclosure;
mod disclosure_row;
mod transfer;
mod unclaimed;

use cedar_policy::RestrictedExpression;
use jiff::civil::Date;
use sendhub_domain::agency::{AgencyKind, AgencyStatus};

pub use disclosure::{
    AuthorityConsent, Continuation, DisclosureFacts, Exclusion, ExistingAdvice, RecipientParty, S23Steps,
    SchoolPlacement, ServingParent,
};
pub use disclosure_row::DisclosureCodes;
pub use transfer::{DestinationKind, FamilyView, RecordSource, Stage, TransferFacts};
pub use unclaimed::{HeldRecord, SearchReason, UnclaimedAct, UnclaimedFacts};

pub(crate) use disclosure::{Receiver, action_of};
pub(crate) use transfer::{Destination, TransferRow};
pub(crate) use unclaimed::UnclaimedRow;

use crate::shelf::Codes;
use crate::term::{Term, term};
use crate::vocabulary::Vocabulary;

/// One question to the rules.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Question {
    /// The day of the decision. Rules apply that are in force on it; the clock is never asked.
    pub on: Date,
    /// What is asked, and the facts.
    pub facts: Facts,
}

/// What is asked, and the facts that the answer may rest on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Facts {
    /// May this transfer record be sent, or handed over?
    Transfer(TransferFacts),
    /// May held records of unknown destination be searched, or one be claimed?
    Unclaimed(UnclaimedFacts),
    /// May this be disclosed to this recipient?
    Disclosure(DisclosureFacts),
}

impl From<TransferFacts> for Facts {
    fn from(facts: TransferFacts) -> Self {
        Self::Transfer(facts)
    }
}

impl From<DisclosureFacts> for Facts {
    fn from(facts: DisclosureFacts) -> Self {
        Self::Disclosure(facts)
    }
}

impl From<UnclaimedFacts> for Facts {
    fn from(facts: UnclaimedFacts) -> Self {
        Self::Unclaimed(facts)
    }
}

term! {
    /// What is asked, as the rules name it.
    pub(crate) Action {
        /// Sending a transfer record.
        SubmitTransfer = "submitTransfer",
        /// Handing a transfer record over.
        CollectTransfer = "collectTransfer",
        /// Searching the held records.
        SearchUnclaimed = "searchUnclaimed",
        /// Claiming a held record.
        ClaimUnclaimed = "claimUnclaimed",
        /// Sending a plan or a part of it.
        SubmitPlan = "submitPlan",
        /// Handing over a plan or a part of it.
        CollectPlan = "collectPlan",
        /// Sending pupil information.
        SubmitPupil = "submitPupil",
        /// Handing over pupil information.
        CollectPupil = "collectPupil",
        /// Sending a child-protection file or a concern.
        SubmitSafeguarding = "submitSafeguarding",
        /// Handing over a child-protection file or a concern.
        CollectSafeguarding = "collectSafeguarding",
        /// Sending what belongs to an assessment.
        SubmitAssessment = "submitAssessment",
        /// Handing over what belongs to an assessment.
        CollectAssessment = "collectAssessment",
        /// Sending what belongs to a review.
        SubmitReview = "submitReview",
        /// Handing over what belongs to a review.
        CollectReview = "collectReview",
        /// Sending the profile of a Service child.
        SubmitServiceChild = "submitServiceChild",
        /// Handing over the profile of a Service child.
        CollectServiceChild = "collectServiceChild",
        /// Sending one of the smaller exchanges.
        SubmitNotice = "submitNotice",
        /// Handing over one of the smaller exchanges.
        CollectNotice = "collectNotice",
    }
}

/// The names and values of a question's context.
pub(crate) type Pairs = Vec<(String, RestrictedExpression)>;

impl Facts {
    pub(crate) fn action(&self) -> Action {
        match self {
            Self::Transfer(facts) => facts.action(),
            Self::Unclaimed(facts) => facts.action(),
            Self::Disclosure(facts) => facts.action(),
        }
    }

    /// The codes by which rules are put apart ([`crate::shelf`]): item and ground.
    pub(crate) fn codes(&self) -> Codes {
        match self {
            Self::Disclosure(facts) => [Some(facts.item.code()), Some(facts.ground.code())],
            Self::Transfer(_) | Self::Unclaimed(_) => [None, None],
        }
    }

    pub(crate) fn pairs(&self, words: &Vocabulary) -> Pairs {
        match self {
            Self::Transfer(facts) => facts.pairs(words),
            Self::Unclaimed(facts) => facts.pairs(words),
            Self::Disclosure(facts) => facts.pairs(words),
        }
    }

    /// Facts in which every value of every enum stands at least once, under every action that can have it:
    /// what a schema must accept before its rules are taken.
    pub(crate) fn samples() -> Vec<Self> {
        let transfers = TransferFacts::samples().into_iter().map(Self::Transfer);
        transfers
            .chain(UnclaimedFacts::samples().into_iter().map(Self::Unclaimed))
            .chain(DisclosureFacts::samples().into_iter().map(Self::Disclosure))
            .collect()
    }
}

/// One end of an exchange.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Party {
    pub(crate) kind: AgencyKind,
    pub(crate) status: AgencyStatus,
}

/// The nth value of an enum, counting round.
fn nth<T: Term>(n: usize) -> T {
    T::ALL[n % T::ALL.len()]
}

/// Reads a table's code, or takes what stands when it is absent.
///
/// # Errors
/// What is wrong, for the author of the table.
fn read_or<T: Term>(column: &str, code: Option<&str>, absent: T) -> Result<T, String> {
    let Some(code) = code else { return Ok(absent) };
    T::read(code).ok_or_else(|| format!("{column}: there is no {} `{code}`", T::TYPE))
}
