//! The client's own clock and fresh request ids; agencies' systems run outside the gateway.

use jiff::Timestamp;
use uuid::Uuid;

/// Now, by this machine's clock.
#[must_use]
#[expect(
    clippy::disallowed_methods,
    reason = "the client library's one reading of the clock"
)]
pub fn now() -> Timestamp {
    Timestamp::now()
}

/// A fresh request id: UUID version 7.
#[must_use]
#[expect(clippy::disallowed_methods, reason = "the client library's one source of ids")]
pub fn new_request_id() -> Uuid {
    Uuid::now_v7()
}
