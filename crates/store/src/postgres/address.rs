//! Where the database is: one URL with one server or several, of which the one that takes writes is looked for.

use std::str::FromStr as _;
use std::time::Duration;

use sqlx::postgres::{PgConnectOptions, PgConnection};
use sqlx::{ConnectOptions as _, Row as _};
use tokio::time::timeout;

use crate::store::StoreError;

/// How long one server may take to answer before the next is asked.
const PATIENCE: Duration = Duration::from_secs(3);

/// The servers of a URL, in its order.
#[derive(Debug, Clone)]
pub(super) struct Address {
    servers: Vec<PgConnectOptions>,
}

impl Address {
    /// Reads a URL as libpq does: `postgres://user@host1:5432,host2:5433/database?target_session_attrs=read-write`.
    /// One that takes writes is always wanted: a hub has no use for another.
    ///
    /// # Errors
    /// [`StoreError::Unsafe`] saying what is wrong, without the URL: it may hold a password.
    pub(super) fn parse(url: &str) -> Result<Self, StoreError> {
        let wrong = |what: &str| StoreError::Unsafe(format!("its URL: {what}"));
        let rest = url
            .strip_prefix("postgres://")
            .or_else(|| url.strip_prefix("postgresql://"))
            .ok_or_else(|| wrong("it begins neither with postgres:// nor with postgresql://"))?;
        let (authority, path) = rest
            .split_once('/')
            .ok_or_else(|| wrong("it names no database"))?;
        let (user, hosts) = authority.rsplit_once('@').unwrap_or(("", authority));
        let (path, query) = path.split_once('?').unwrap_or((path, ""));
        let mut kept = Vec::new();
        for part in query.split('&').filter(|part| !part.is_empty()) {
            match part.split_once('=') {
                Some(("target_session_attrs", "read-write" | "primary" | "any")) => {}
                Some(("target_session_attrs", _)) => {
                    return Err(wrong("target_session_attrs may be read-write only"));
                }
                _ => kept.push(part),
            }
        }
        let query = kept.join("&");
        let servers = hosts.split(',').map(|host| {
            let at = if user.is_empty() { "" } else { "@" };
            PgConnectOptions::from_str(&format!("postgres://{user}{at}{host}/{path}?{query}"))
                .map(|options| options.disable_statement_logging().application_name("sendhub"))
                .map_err(|_| wrong("it cannot be read"))
        });
        Ok(Self {
            servers: servers.collect::<Result<_, _>>()?,
        })
    }

    /// How many servers it names: more than one means that the primary may move.
    pub(super) const fn servers(&self) -> usize {
        self.servers.len()
    }

    /// Options that connect to the server with this number, with these session settings.
    pub(super) fn options(&self, server: usize, settings: &[(&str, &str)]) -> PgConnectOptions {
        let server = &self.servers[server % self.servers.len()];
        server.clone().options(settings.iter().copied())
    }

    /// The first server, from `first` on, that answers and takes writes, with a connection to it.
    ///
    /// # Errors
    /// [`StoreError::Unreachable`] when there is none now, with what the last one said.
    pub(super) async fn primary(
        &self,
        first: usize,
        settings: &[(&str, &str)],
    ) -> Result<(usize, PgConnection), StoreError> {
        let mut said = StoreError::Unreachable("no server answers in time".into());
        for server in (0..self.servers()).map(|step| (first + step) % self.servers()) {
            match timeout(PATIENCE, self.writable(server, settings)).await {
                Ok(Ok(Some(connection))) => return Ok((server, connection)),
                Ok(Ok(None)) => said = StoreError::Unreachable("no server that answers takes writes".into()),
                Ok(Err(failure)) => said = failure,
                Err(_) => {}
            }
        }
        Err(said)
    }

    async fn writable(
        &self,
        server: usize,
        settings: &[(&str, &str)],
    ) -> Result<Option<PgConnection>, StoreError> {
        const TAKES_WRITES: &str =
            "SELECT NOT pg_is_in_recovery() AND current_setting('transaction_read_only') = 'off'";
        let mut connection = self.options(server, settings).connect().await?;
        let row = sqlx::query(TAKES_WRITES).fetch_one(&mut connection).await?;
        Ok(row.try_get::<bool, _>(0)?.then_some(connection))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn several_servers_are_told_apart() {
        let url =
            "postgres://hub:p%40ss@one:5432,two:5433/sendhub?target_session_attrs=read-write&sslmode=require";
        let address = Address::parse(url).unwrap();
        assert_eq!(address.servers(), 2);
        let options = address.options(1, &[]);
        assert_eq!((options.get_host(), options.get_port()), ("two", 5433));
        assert_eq!(options.get_database(), Some("sendhub"));
        assert_eq!(options.get_username(), "hub");
        assert_eq!(address.options(2, &[]).get_host(), "one");
    }

    #[test]
    fn what_is_wrong_is_said_without_the_password() {
        for url in [
            "mysql://u:secret@h/d",
            "postgres://u:secret@h",
            "postgres://u:secret@h/d?target_session_attrs=standby",
            "postgres://u:secret@h:port/d",
        ] {
            let said = Address::parse(url).unwrap_err().to_string();
            assert!(said.contains("its URL") && !said.contains("secret"), "{said}");
        }
    }
}
