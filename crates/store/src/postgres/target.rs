//! The database that a history is moved to: found and judged as a gateway would, with a session of its own.

use sqlx::postgres::PgConnection;

use super::address::Address;
use super::safety::{Failover, Safety};
use crate::store::StoreError;

/// A database that a history is moved to.
#[derive(Debug)]
pub(crate) struct Target {
    /// Where it is, without what is secret: `host:port/database`.
    pub(crate) place: String,
    /// A session whose commits are durable and which no clock of the server's ends.
    pub(crate) connection: PgConnection,
}

/// Opens the database that a history is moved to, on its primary, and judges its settings as a gateway would.
///
/// # Errors
/// [`StoreError::Unreachable`], [`StoreError::Unsafe`], [`StoreError::Database`].
pub(crate) async fn open_target(url: &str) -> Result<Target, StoreError> {
    const PATIENT: [(&str, &str); 4] = [
        ("synchronous_commit", "on"),
        ("statement_timeout", "0"),
        ("lock_timeout", "0"),
        ("idle_in_transaction_session_timeout", "0"),
    ];
    let address = Address::parse(url)?;
    let failover = if address.servers() > 1 {
        Failover::Expected
    } else {
        Failover::NotExpected
    };
    let (server, mut connection) = address.primary(0, &PATIENT).await?;
    Safety::read(&mut connection).await?.require(failover)?;
    let options = address.options(server, &[]);
    Ok(Target {
        place: format!(
            "{}:{}/{}",
            options.get_host(),
            options.get_port(),
            options.get_database().unwrap_or(options.get_username())
        ),
        connection,
    })
}
