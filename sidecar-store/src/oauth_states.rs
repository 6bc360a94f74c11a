use async_trait::async_trait;
use sidecar_core::{OrganizationId, StoreError, Timestamp};

use crate::{
    SqlStore,
    sql::organizations as sql,
    tx::{exec, written},
};

/// What a connect flow began with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OAuthState {
    /// For whom.
    pub organization: OrganizationId,
    /// What ties it to the browser that began, such as the hash of a cookie.
    pub binding: String,
    /// From when it is worthless.
    pub expires_at: Timestamp,
}

/// Where the states of connect flows under way are kept, each good for one use. Only a hash of the state is stored.
#[async_trait]
pub trait OAuthStates: Send + Sync + std::fmt::Debug {
    /// Keeps one under its hash.
    ///
    /// # Errors
    /// [`StoreError`]; also when the hash is there already, which only a broken source of randomness can cause.
    async fn put_state(&self, state_hash: &str, state: &OAuthState) -> Result<(), StoreError>;

    /// Takes it away: of many callers one gets it. `None` when it was taken, never was, or has expired at `now`.
    async fn take_state(&self, state_hash: &str, now: Timestamp) -> Result<Option<OAuthState>, StoreError>;
}

#[async_trait]
impl OAuthStates for SqlStore {
    async fn put_state(&self, state_hash: &str, state: &OAuthState) -> Result<(), StoreError> {
        let mut link = self.pool.write().await?;
        let (organization, expires_at) = (state.organization.as_str(), state.expires_at.as_micros());
        exec!(link, sql::PUT_STATE, state_hash, organization, &state.binding, expires_at)?;
        Ok(())
    }

    async fn take_state(&self, state_hash: &str, now: Timestamp) -> Result<Option<OAuthState>, StoreError> {
        let mut link = self.pool.write().await?;
        let row: Option<(String, String, i64)> = written!(link, sql::TAKE_STATE, state_hash)?;
        let state = row.map(|(organization, binding, expires_at)| OAuthState {
            organization: organization.into(),
            binding,
            expires_at: Timestamp::from_micros(expires_at),
        });
        Ok(state.filter(|state| state.expires_at > now))
    }
}
