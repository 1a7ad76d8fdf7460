//! The store: one trait in the words of the domain, native engines behind it, payloads sealed at rest.
//!
//! All writing goes through one primitive, [`Store::commit`]: a batch of changes, each with its log
//! entry, in one durable transaction. All else reads.

mod agency_document;
mod agreement_document;
pub mod backup;
pub mod bare;
pub mod change;
pub mod committer;
pub mod directory;
pub mod entry;
mod filter;
mod guards;
mod migrations;
pub mod moving;
pub mod postgres;
pub mod reads;
pub mod seal;
pub mod sqlite;
pub mod store;
pub mod verify;
mod writes;

pub use change::{Change, Committed, Conflict, Effect};
pub use committer::{CommitRefused, Committer, Room};
pub use directory::Directory;
pub use entry::LogEntry;
pub use seal::{Keyring, SealError};
pub use store::{Hint, Store, StoreError};
