//! What a database keeps of what it confirms: read from its own settings, and refused when it is not enough.

use sqlx::postgres::PgConnection;
use sqlx::{Connection as _, Row as _};

use super::address::Address;
use super::{MayLose, SETTINGS};
use crate::store::StoreError;

/// What survives, as the database's settings make it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Safety {
    /// Whether what is confirmed survives a crash of the database and of its machine: `fsync`, `full_page_writes`
    /// and `synchronous_commit` are on.
    pub crash: bool,
    /// Whether it survives the loss of the primary: `synchronous_standby_names` names somebody, and a commit waits
    /// until a standby has it on its disk.
    pub failover: bool,
    /// Each setting that is not as it should be, as `name = value`.
    pub wanting: Vec<String>,
}

impl Safety {
    /// Finds the primary of a URL, reads what its settings keep, and requires what the URL expects of it: several
    /// servers mean that a failover is expected.
    ///
    /// # Errors
    /// [`StoreError::Unreachable`], [`StoreError::Unsafe`], [`StoreError::Database`].
    pub async fn of(url: &str, may_lose: MayLose) -> Result<Self, StoreError> {
        let address = Address::parse(url)?;
        let (_, mut connection) = address.primary(0, &SETTINGS).await?;
        let safety = Self::read(&mut connection).await?;
        connection.close().await?;
        safety.require(expected(&address, may_lose))?;
        Ok(safety)
    }

    /// Reads the settings as they hold in this session.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn read(connection: &mut PgConnection) -> Result<Self, StoreError> {
        const SETTINGS: &str = "SELECT current_setting('fsync'), current_setting('full_page_writes'), \
            current_setting('synchronous_commit'), current_setting('synchronous_standby_names')";
        let row = sqlx::query(SETTINGS).fetch_one(connection).await?;
        Ok(Self::judge(
            row.try_get(0)?,
            row.try_get(1)?,
            row.try_get(2)?,
            row.try_get(3)?,
        ))
    }

    fn judge(fsync: &str, pages: &str, commit: &str, standbys: &str) -> Self {
        let mut wanting = Vec::new();
        let mut expect = |name: &str, value: &str, fits: bool| {
            if !fits {
                wanting.push(format!("{name} = {value}"));
            }
            fits
        };
        let crash = [
            expect("fsync", fsync, fsync == "on"),
            expect("full_page_writes", pages, pages == "on"),
            // "local" and "remote_write" confirm what is on the own disk: a crash loses nothing.
            expect(
                "synchronous_commit",
                commit,
                matches!(commit, "on" | "remote_apply" | "local" | "remote_write"),
            ),
        ];
        // "remote_write" confirms what a standby has in memory: it and the primary may lose it together.
        let waits = matches!(commit, "on" | "remote_apply");
        if matches!(commit, "local" | "remote_write") {
            expect("synchronous_commit", commit, false);
        }
        let named = expect(
            "synchronous_standby_names",
            if standbys.is_empty() { "''" } else { standbys },
            !standbys.trim().is_empty(),
        );
        let crash = crash.into_iter().all(|fits| fits);
        Self {
            crash,
            failover: crash && waits && named,
            wanting,
        }
    }

    /// Refuses a database that does not keep what it confirms.
    ///
    /// # Errors
    /// [`StoreError::Unsafe`] naming the settings: always when a crash would lose what was confirmed; when the loss
    /// of the primary would, if `failover` is expected.
    pub fn require(&self, failover: Failover) -> Result<(), StoreError> {
        let wanting = self.wanting.join(", ");
        if !self.crash {
            return Err(StoreError::Unsafe(format!(
                "a crash would lose what it confirmed: {wanting}"
            )));
        }
        if failover == Failover::Expected && !self.failover {
            return Err(StoreError::Unsafe(format!(
                "its URL names several servers, but when the primary is lost so is what no standby had: {wanting}. \
                 Set synchronous_standby_names and synchronous_commit = on, or say \
                 store.failover_may_lose = true"
            )));
        }
        Ok(())
    }
}

/// Whether the loss of the primary is to be survived.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Failover {
    /// Several servers are named: what is acknowledged must be on a second one.
    Expected,
    /// One server only, or its operator takes the loss: what is acknowledged is on the primary's disk.
    NotExpected,
}

/// What a URL and its operator expect.
pub(super) const fn expected(address: &Address, may_lose: MayLose) -> Failover {
    match may_lose {
        MayLose::Nothing if address.servers() > 1 => Failover::Expected,
        _ => Failover::NotExpected,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_are_judged() {
        // fsync, full_page_writes, synchronous_commit, synchronous_standby_names: crash, failover
        let table = [
            ("on", "on", "on", "*", true, true),
            ("on", "on", "remote_apply", "ANY 1 (a, b)", true, true),
            ("on", "on", "on", "", true, false),
            ("on", "on", "remote_write", "*", true, false),
            ("on", "on", "local", "*", true, false),
            ("on", "on", "off", "*", false, false),
            ("off", "on", "on", "*", false, false),
            ("on", "off", "on", "*", false, false),
        ];
        for (fsync, pages, commit, standbys, crash, failover) in table {
            let safety = Safety::judge(fsync, pages, commit, standbys);
            assert_eq!((safety.crash, safety.failover), (crash, failover), "{safety:?}");
            assert_eq!(safety.require(Failover::NotExpected).is_ok(), crash);
            assert_eq!(safety.require(Failover::Expected).is_ok(), failover);
            assert_eq!(safety.wanting.is_empty(), failover);
        }
    }
}
