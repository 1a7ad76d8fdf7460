//! The gateway: TLS, identity, limits, and the tonic services, one file a service.

mod accept;
pub mod attachments;
mod audit;
pub mod clock;
pub mod config;
mod directory;
mod doors;
mod gate;
pub mod hub;
pub mod identity;
mod judge;
mod limits;
mod mailbox;
mod record;
pub mod register;
pub mod server;
pub mod tls;
mod transfer;
pub mod wakeups;
