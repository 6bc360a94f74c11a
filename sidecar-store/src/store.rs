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
    OAuthStates, Organizations, SettingsStore,
    error::Result,
    sql,
    tx::{Pool, exec, fetch},
};

/// All storage ports. `Arc<dyn Store>` coerces to an `Arc` of each port.
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
    + SettingsStore
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
        + SettingsStore
        + ?Sized
{
}

/// The storage ports on a SQL database, from [`open`](crate::open).
pub struct SqlStore {
    pub(crate) pool: Pool,
    pub(crate) vault: Vault,
}

impl fmt::Debug for SqlStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SqlStore({})", self.pool.name())
    }
}

/// The rows that [`SqlStore::purge_expired`] deleted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Purged {
    /// Finished deliveries.
    pub deliveries: u64,
    /// Finished tasks.
    pub tasks: u64,
    /// Expired OAuth states.
    pub oauth_states: u64,
}

impl SqlStore {
    pub(crate) fn new(pool: Pool, vault: Vault) -> Self {
        Self { pool, vault }
    }

    /// Checks that the database responds.
    ///
    /// # Errors
    /// [`StoreError`] if it does not.
    pub async fn ping(&self) -> Result<(), StoreError> {
        let mut conn = self.pool.read().await?;
        let _: (i64,) = fetch!(fetch_one, conn, sql::PING)?;
        Ok(())
    }

    /// Deletes deliveries and tasks that were finished longer than `retention` ago, and expired OAuth states. Deletes in chunks
    /// of at most 1000 rows, so that writers do not wait long. A deleted id or key counts as new again: use a retention of at
    /// least 30 days, longer than any sender retries. Dead letters and the event log stay.
    ///
    /// # Errors
    /// [`StoreError`]; rows deleted before the error stay deleted.
    pub async fn purge_expired(&self, now: Timestamp, retention: Duration) -> Result<Purged, StoreError> {
        let older_than = now - retention;
        Ok(Purged {
            deliveries: self.purge_all(sql::inbox::PURGE, older_than).await?,
            tasks: self.purge_all(sql::outbox::PURGE, older_than).await?,
            oauth_states: self.purge_all(sql::organizations::PURGE_STATES, now).await?,
        })
    }

    async fn purge_all(&self, statement: sql::Sql, older_than: Timestamp) -> Result<u64> {
        let mut total = 0;
        loop {
            // Returns the connection after each chunk, so that other writers get a turn.
            let mut conn = self.pool.write().await?;
            let removed = exec!(conn, statement, older_than.as_micros())?;
            total += removed;
            if removed < sql::PURGE_CHUNK_ROWS {
                return Ok(total);
            }
        }
    }

    /// Closes the connections after the running statements. SQLite writes its log back into the file.
    pub async fn close(&self) {
        self.pool.close().await;
    }
}
