//! Who decides, and what consents come to: tables with their provisions, and properties over any records.

#![expect(clippy::unwrap_used, reason = "a test that cannot make its records must stop")]

mod build;
mod consents;
mod givers;
mod holders;
mod properties;
mod queries;
