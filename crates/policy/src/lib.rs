//! Domain facts in, one decision out: may this be sent, handed over, searched or claimed on this day, by
//! which rule, on which provision, and if not, what would make it lawful.
//!
//! The rules are Cedar text in `config/policies/`, each marked with its provision, confidence and dates.
//! A [`PolicySet`] is a whole folder of them, checked strictly and identified by its version; it answers a
//! [`Question`] with a [`Decision`] and is a pure function of the two: it reads no clock and keeps nothing
//! but a cache of what it answered before.

mod cache;
mod decision;
mod disclosure_table;
mod error;
mod facts;
mod prose;
mod rule;
mod set;
mod shelf;
mod sources;
mod table;
mod term;
mod vocabulary;

pub use decision::{Decision, Effect};
pub use disclosure_table::{DisclosureReport, DisclosureTable, DisclosureTableRow, RowResult, TableError};
pub use error::{Fault, PolicyError};
pub use facts::{
    AuthorityConsent, Continuation, DestinationKind, DisclosureCodes, DisclosureFacts, Exclusion,
    ExistingAdvice, Facts, FamilyView, HeldRecord, Question, RecipientParty, RecordSource, S23Steps,
    SchoolPlacement, SearchReason, ServingParent, Stage, TransferFacts, UnclaimedAct, UnclaimedFacts,
};
pub use rule::{Confidence, Rule, Turn};
pub use set::{BareRequest, PolicySet};
pub use sources::{Source, Sources};
pub use table::{RowDifference, TestReport};
