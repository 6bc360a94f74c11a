use std::{fmt, time::Duration};

use sidecar_core::{
    StoreError, Timestamp,
    commit::Records,
    lease::LeaseStore,
    process::ProcessRegistry,
    queue::{inbox::Inbox, outbox::Outbox},
    sync::Checkpoints,
    token::TokenStore,
    vault::Vault,
};

use crate::{
    OAuthStates, Organizations, Settings,
    error::Result,
    sql,
    tx::{Pool, exec, fetch},
};

/// Everything a server keeps. `Arc<dyn Store>` is an `Arc` of each port too.
pub trait Store:
    TokenStore
    + LeaseStore
    + Inbox
    + Outbox
    + Checkpoints
    + Records
    + ProcessRegistry
    + Organizations
    + OAuthStates
    + Settings
{
}

impl<T> Store for T where
    T: TokenStore
        + LeaseStore
        + Inbox
        + Outbox
        + Checkpoints
        + Records
        + ProcessRegistry
        + Organizations
        + OAuthStates
        + Settings
        + ?Sized
{
}

/// The ports on a SQL database. Made by [`open`](crate::open).
pub struct SqlStore {
    pub(crate) pool: Pool,
    pub(crate) vault: Vault,
}

impl fmt::Debug for SqlStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SqlStore({})", self.pool.name())
    }
}

/// What a [`SqlStore::sweep`] removed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Swept {
    /// Finished deliveries.
    pub deliveries: u64,
    /// Finished tasks.
    pub tasks: u64,
    /// OAuth states that nobody came back with.
    pub states: u64,
}

impl SqlStore {
    pub(crate) fn new(pool: Pool, vault: Vault) -> Self {
        Self { pool, vault }
    }

    /// Whether the database answers.
    ///
    /// # Errors
    /// [`StoreError`] when it does not.
    pub async fn ping(&self) -> Result<(), StoreError> {
        let mut link = self.pool.read().await?;
        let _: (i64,) = fetch!(fetch_one, link, sql::PING)?;
        Ok(())
    }

    /// Removes what was finished longer than `keep` ago, and states as soon as they have expired, in portions of at most
    /// 1000 rows so that writers never wait long. From then on ids and keys are new again: keep them at least 30 days,
    /// longer than any sender repeats itself. What was given up stays, and so does the line that each event left when it
    /// was applied: it tells a record's history long after the delivery is gone.
    ///
    /// # Errors
    /// [`StoreError`]; what was removed until then stays removed.
    pub async fn sweep(&self, now: Timestamp, keep: Duration) -> Result<Swept, StoreError> {
        let older_than = now - keep;
        Ok(Swept {
            deliveries: self.sweep_all(sql::inbox::SWEEP, older_than).await?,
            tasks: self.sweep_all(sql::outbox::SWEEP, older_than).await?,
            states: self.sweep_all(sql::organizations::SWEEP_STATES, now).await?,
        })
    }

    async fn sweep_all(&self, statement: sql::Sql, older_than: Timestamp) -> Result<u64> {
        let mut total = 0;
        loop {
            // The connection goes back after each portion: others write in between.
            let mut link = self.pool.write().await?;
            let removed = exec!(link, statement, older_than.as_micros())?;
            total += removed;
            if removed < sql::SWEEP_PORTION {
                return Ok(total);
            }
        }
    }

    /// Closes the connections after the statements under way; a file's log is written back into it.
    pub async fn close(&self) {
        self.pool.close().await;
    }
}
