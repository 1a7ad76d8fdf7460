//! The client library that agencies link: profile, session, bound tokens, files into requests, proofs checked.

pub mod bridge;
pub mod bulk;
pub mod channel;
pub mod clock;
pub mod courier;
pub mod profile;
pub mod session;
pub mod submission;
pub mod token;
pub mod told;

/// What stops a client before the hub is even asked. The hub's own refusals come as `tonic::Status`.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// The profile cannot be used.
    #[error("{path}: {reason}")]
    Profile {
        /// Which file.
        path: String,
        /// What is wrong with it.
        reason: String,
    },
    /// A key or certificate cannot be used.
    #[error("{what}: {reason}")]
    Key {
        /// Which key or file.
        what: String,
        /// What is wrong with it.
        reason: String,
    },
    /// No connection is made.
    #[error("no connection to {hub}: {reason}")]
    Unreachable {
        /// The hub's address.
        hub: String,
        /// Why.
        reason: String,
    },
}
