use async_trait::async_trait;
use sidecar_core::{OrganizationId, StoreError, Timestamp};

use crate::{
    SqlStore,
    sql::organizations as sql,
    tx::{exec, write_returning},
};

/// The state of a pending OAuth authorization.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OAuthState {
    /// The organization to connect.
    pub organization: OrganizationId,
    /// Binds the state to the browser that started the flow, for example the hash of a cookie.
    pub binding: String,
    /// The time of expiry.
    pub expires_at: Timestamp,
}

/// Single-use states of pending OAuth authorizations, stored by the hash of the state.
#[async_trait]
pub trait OAuthStates: Send + Sync + std::fmt::Debug {
    /// Stores a state under its hash.
    ///
    /// # Errors
    /// [`StoreError`], also if the hash exists, which means a broken random number generator.
    async fn put_state(&self, state_hash: &str, state: &OAuthState) -> Result<(), StoreError>;

    /// Removes and returns a state; one of several concurrent callers gets it. `None` if it was taken, never existed or is
    /// expired at `now`.
    async fn take_state(&self, state_hash: &str, now: Timestamp) -> Result<Option<OAuthState>, StoreError>;
}

#[async_trait]
impl OAuthStates for SqlStore {
    async fn put_state(&self, state_hash: &str, state: &OAuthState) -> Result<(), StoreError> {
        let mut conn = self.pool.write().await?;
        let (organization, expires_at) = (state.organization.as_str(), state.expires_at.as_micros());
        exec!(conn, sql::INSERT_STATE, state_hash, organization, &state.binding, expires_at)?;
        Ok(())
    }

    async fn take_state(&self, state_hash: &str, now: Timestamp) -> Result<Option<OAuthState>, StoreError> {
        let mut conn = self.pool.write().await?;
        let row: Option<(String, String, i64)> = write_returning!(conn, sql::TAKE_STATE, state_hash)?;
        let state = row.map(|(organization, binding, expires_at)| OAuthState {
            organization: organization.into(),
            binding,
            expires_at: Timestamp::from_micros(expires_at),
        });
        Ok(state.filter(|state| state.expires_at > now))
    }
}
