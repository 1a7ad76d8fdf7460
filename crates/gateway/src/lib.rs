//! The gateway: configuration, the clock, the register of people and the wake-ups of inboxes. The services and
//! the layers around them stand on these.

pub mod clock;
pub mod config;
pub mod identity;
pub mod register;
pub mod tls;
pub mod wakeups;
