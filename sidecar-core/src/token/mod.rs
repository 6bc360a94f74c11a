//! Tokens: the sets that are swapped whole, the ports they are kept and renewed through, and the manager that
//! hands them out. How a provider's token endpoint is called lives in the provider's crate.
//!
//! Invariant: a refresh token is read only under the connection's lease, and its successor is stored before it is used.

mod manager;
mod memory;
mod refresh;
mod response;

use std::{fmt, sync::Arc};

use async_trait::async_trait;
use secrecy::SecretString;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

pub use manager::{TokenConfig, TokenHandle, TokenManager};
pub use memory::MemoryStore;
pub use response::parse_token_response;

use crate::{
    error::{Error, ErrorKind, Result, StoreError},
    id::OrganizationId,
    time::Timestamp,
};

/// Which connection a token belongs to: an organization and the provider's resource.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TokenKey {
    organization: OrganizationId,
    resource: Arc<str>,
}

impl TokenKey {
    /// `resource` names provider, kind and id, such as `ghl:company:ZqR…` or `ghl:location:ve9…`.
    pub fn new(organization: impl Into<OrganizationId>, resource: impl Into<Arc<str>>) -> Self {
        Self { organization: organization.into(), resource: resource.into() }
    }

    /// The tenant.
    pub fn organization(&self) -> &OrganizationId {
        &self.organization
    }

    /// The provider's resource.
    pub fn resource(&self) -> &str {
        &self.resource
    }
}

impl fmt::Display for TokenKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.organization, self.resource)
    }
}

impl fmt::Debug for TokenKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TokenKey({self})")
    }
}

/// An access token with everything that the provider issued with it. Always stored and replaced as a whole.
#[derive(Clone, Debug)]
pub struct TokenSet {
    /// The bearer token.
    pub access: SecretString,
    /// The refresh token, often for one use only. `None` where another connection's token issues the next set.
    pub refresh: Option<SecretString>,
    /// When the access token expires; `None` if it does not.
    pub expires_at: Option<Timestamp>,
    /// When the set was issued; `None` when unknown.
    pub issued_at: Option<Timestamp>,
    /// The resource of the connection whose token issued this set, such as `ghl:company:ZqR…`; `None` for a set that was issued for
    /// an authorization code or a refresh token.
    pub issued_from: Option<String>,
    /// Increases by one with every set of a connection, across disconnects too. 0 on a set that was never stored.
    pub generation: u64,
    /// The granted scopes, as the provider wrote them.
    pub scope: Option<String>,
    /// The provider's other fields that later calls need (company, location, user). Never a secret.
    pub extra: Map<String, Value>,
}

impl TokenSet {
    /// Returns a set that holds this access token and nothing else.
    pub fn new(access: impl Into<SecretString>) -> Self {
        Self {
            access: access.into(),
            refresh: None,
            expires_at: None,
            issued_at: None,
            issued_from: None,
            generation: 0,
            scope: None,
            extra: Map::new(),
        }
    }

    /// Returns a set without a token, for a connection in the state [`Disconnected`](ConnectionState::Disconnected).
    pub fn empty() -> Self {
        Self::new(SecretString::default())
    }
}

/// The state of a connection.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "snake_case")]
#[non_exhaustive]
pub enum ConnectionState {
    /// Usable.
    Active,
    /// The provider rejected the refresh token: the connection has to be authorized again.
    NeedsReauth {
        /// The provider's message.
        reason: String,
        /// When the rejection was noticed.
        since: Timestamp,
    },
    /// The connection was disconnected and holds no tokens.
    Disconnected {
        /// Why, such as "the app was uninstalled there".
        reason: String,
        /// When it was disconnected.
        since: Timestamp,
        /// Whether the next call may issue tokens for it from another connection ([`TokenProvider::issue`]).
        reissue: bool,
    },
}

impl ConnectionState {
    /// Returns whether the connection is disconnected: it holds no tokens.
    pub fn is_disconnected(&self) -> bool {
        matches!(self, Self::Disconnected { .. })
    }
}

/// A stored connection.
#[derive(Clone, Debug)]
pub struct Connection {
    /// The key of the connection.
    pub key: TokenKey,
    /// The current token set; empty when disconnected.
    pub tokens: TokenSet,
    /// The state.
    pub state: ConnectionState,
}

/// The outcome of a compare-and-swap.
#[derive(Debug)]
#[must_use = "on a conflict, another process has stored the current tokens"]
pub enum CasResult {
    /// The new set is stored under this generation.
    Stored(u64),
    /// Nothing was written: another process has replaced the set (the stored connection) or deleted it (`None`).
    Conflict(Option<Box<Connection>>),
}

/// Stores connections and their tokens.
#[async_trait]
pub trait TokenStore: Send + Sync + fmt::Debug {
    /// Returns the connection of `key`, if it exists and was not deleted.
    async fn load(&self, key: &TokenKey) -> Result<Option<Connection>, StoreError>;

    /// Replaces the set of generation `expected` by `next` (whose own generation is ignored) and sets the state, in one write.
    /// `expected` 0 only creates. An `expected` > 0 never restores a deleted connection.
    async fn swap(
        &self,
        key: &TokenKey,
        expected: u64,
        next: &TokenSet,
        state: &ConnectionState,
    ) -> Result<CasResult, StoreError>;

    /// Sets the state if the generation is still `generation`; otherwise does nothing.
    async fn set_state(&self, key: &TokenKey, generation: u64, state: &ConnectionState) -> Result<(), StoreError>;

    /// Deletes the connection and erases its tokens. The generation is remembered, so that a late swap of the old connection cannot
    /// hit a new one.
    async fn delete_tokens(&self, key: &TokenKey) -> Result<(), StoreError>;

    /// Returns the connections of an organization, ordered by resource.
    async fn connections(&self, organization: &OrganizationId) -> Result<Vec<Connection>, StoreError>;
}

/// Gets token sets from a provider: with a refresh token, or from another connection's token.
#[async_trait]
pub trait TokenProvider: Send + Sync + fmt::Debug {
    /// Returns the successor of `current`. Called under the connection's lease, at most once at a time.
    ///
    /// # Errors
    /// [`ErrorKind::Auth`] means that the provider rejected the refresh token permanently (`invalid_grant`); any other kind may be
    /// retried.
    async fn refresh(&self, key: &TokenKey, current: &TokenSet) -> Result<TokenSet>;

    /// Returns whether [`issue`](Self::issue) can issue the first set of a connection.
    fn can_issue(&self) -> bool {
        false
    }

    /// Returns the first set of a connection that another connection of the organization can issue without a user's consent. Called
    /// under the connection's lease, at most once at a time.
    ///
    /// # Errors
    /// [`ErrorKind::Auth`] when a user has to connect first; any other kind may be retried.
    async fn issue(&self, key: &TokenKey) -> Result<TokenSet> {
        Err(not_connected(key))
    }
}

fn not_connected(key: &TokenKey) -> Error {
    Error::new(ErrorKind::Auth, format!("{key} is not connected"))
}

/// A bearer token as the pipeline sends it.
#[derive(Clone, Debug)]
pub struct AccessToken {
    /// The token.
    pub token: SecretString,
    /// Its generation; passed to [`Credentials::access_token`] when the provider rejects it.
    pub generation: u64,
}

/// Gives the pipeline a bearer token.
#[async_trait]
pub trait Credentials: Send + Sync + fmt::Debug {
    /// Returns a usable token, newer than generation `rejected` when the provider has just rejected that one.
    ///
    /// # Errors
    /// [`ErrorKind::Auth`] when there is none and a user has to connect again.
    async fn access_token(&self, rejected: Option<u64>) -> Result<AccessToken>;

    /// Called when the provider accepted the token of this generation.
    fn accepted(&self, generation: u64) {
        let _ = generation;
    }
}

/// A token that never changes: an API key, a private integration token.
#[derive(Clone, Debug)]
pub struct StaticToken(SecretString);

impl StaticToken {
    /// Wraps the token.
    pub fn new(token: impl Into<SecretString>) -> Self {
        Self(token.into())
    }
}

#[async_trait]
impl Credentials for StaticToken {
    async fn access_token(&self, rejected: Option<u64>) -> Result<AccessToken> {
        match rejected {
            None => Ok(AccessToken { token: self.0.clone(), generation: 0 }),
            Some(_) => Err(Error::new(
                ErrorKind::Auth,
                "the provider rejected this fixed token; it cannot be refreshed: replace it",
            )),
        }
    }
}
