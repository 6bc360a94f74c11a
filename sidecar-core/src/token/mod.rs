//! Tokens: the sets that are swapped whole, the ports they are kept and renewed through, and the manager that
//! hands them out. How a provider's token endpoint is called lives in the provider's crate.
//!
//! Invariant: a refresh token is read only under the connection's lease, and its successor is stored before it is used.

mod manager;
mod memory;

use std::{fmt, sync::Arc};

use async_trait::async_trait;
use secrecy::SecretString;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

pub use manager::{TokenConfig, TokenHandle, TokenManager};
pub use memory::MemoryStore;

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

/// An access token with all that came with it. Always stored and replaced as a whole.
#[derive(Clone, Debug)]
pub struct TokenSet {
    /// The bearer token.
    pub access: SecretString,
    /// What buys the next set; often good for one use only. `None` where tokens are minted in another way.
    pub refresh: Option<SecretString>,
    /// When the access token ends; `None` if it does not.
    pub expires_at: Option<Timestamp>,
    /// Grows by one with every set of a connection, also over a disconnect. 0 on a set that was never stored.
    pub generation: u64,
    /// The granted scopes, as the provider wrote them.
    pub scope: Option<String>,
    /// The provider's other fields that later calls need (company, location, user). Never a secret.
    pub extra: Map<String, Value>,
}

/// Where a set carries the time of its exchange, in microseconds, so that every process knows how old it is.
const ISSUED_AT: &str = "issuedAt";

impl TokenSet {
    /// When it was bought; `None` where nobody wrote it down.
    pub fn issued_at(&self) -> Option<Timestamp> {
        self.extra.get(ISSUED_AT).and_then(Value::as_i64).map(Timestamp::from_micros)
    }

    /// Writes down when it was bought.
    pub fn set_issued_at(&mut self, at: Timestamp) {
        self.extra.insert(ISSUED_AT.to_owned(), at.as_micros().into());
    }
}

/// How a connection stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum ConnectionState {
    /// Usable.
    Active,
    /// The provider refused the refresh token: somebody has to connect again.
    NeedsReauth {
        /// The provider's words.
        reason: String,
        /// When it was found out.
        since: Timestamp,
    },
}

/// A stored connection.
#[derive(Clone, Debug)]
pub struct Connection {
    /// Whose it is.
    pub key: TokenKey,
    /// Its current set.
    pub tokens: TokenSet,
    /// How it stands.
    pub state: ConnectionState,
}

/// What became of a swap.
#[derive(Debug)]
#[must_use = "a lost swap means that another process holds the current tokens"]
pub enum CasResult {
    /// The new set is stored, under this generation.
    Stored(u64),
    /// Somebody was faster: their connection; or none, when it was forgotten meanwhile. Nothing was written.
    Conflict(Option<Connection>),
}

/// Where tokens are kept.
#[async_trait]
pub trait TokenStore: Send + Sync + fmt::Debug {
    /// The connection of `key`, if it exists and was not forgotten.
    async fn load(&self, key: &TokenKey) -> Result<Option<Connection>, StoreError>;

    /// Replaces the set of generation `expected` by `next` (whose own generation is ignored) and makes the connection
    /// active. `expected` 0 creates only. A connection that was forgotten is never brought back by an `expected` > 0.
    async fn swap(&self, key: &TokenKey, expected: u64, next: &TokenSet) -> Result<CasResult, StoreError>;

    /// Writes down how the connection stands, provided that its generation is still `generation`; otherwise nothing happens.
    async fn set_state(&self, key: &TokenKey, generation: u64, state: &ConnectionState) -> Result<(), StoreError>;

    /// Erases the tokens. The generation is remembered, so that a late swap of the old connection cannot hit a new one.
    async fn forget(&self, key: &TokenKey) -> Result<(), StoreError>;

    /// The connections of an organization, ordered by resource.
    async fn connections(&self, organization: &OrganizationId) -> Result<Vec<Connection>, StoreError>;
}

/// How a provider's tokens are bought: by refresh token, or minted from another connection's.
#[async_trait]
pub trait TokenProvider: Send + Sync + fmt::Debug {
    /// The successor of `current`. It is called under the connection's lease, at most once at a time.
    ///
    /// # Errors
    /// [`ErrorKind::Auth`] means that the provider refused for good (`invalid_grant`); any other kind may be tried again.
    async fn refresh(&self, key: &TokenKey, current: &TokenSet) -> Result<TokenSet>;

    /// Whether [`issue`](Self::issue) can give a connection that is not there its first set.
    fn can_issue(&self) -> bool {
        false
    }

    /// The first set of a connection that is not there, where another connection of the organization gives it without
    /// anybody's consent. It is called under the connection's lease, at most once at a time.
    ///
    /// # Errors
    /// [`ErrorKind::Auth`] when somebody has to connect first; any other kind may be tried again.
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
    /// Its generation; named to [`Credentials::access_token`] when the provider refuses it.
    pub generation: u64,
}

/// Whoever can give the pipeline a bearer token.
#[async_trait]
pub trait Credentials: Send + Sync + fmt::Debug {
    /// A usable token; newer than `refused`, when the provider just refused that generation.
    ///
    /// # Errors
    /// [`ErrorKind::Auth`] when there is none and somebody has to connect again.
    async fn access_token(&self, refused: Option<u64>) -> Result<AccessToken>;

    /// Told that the provider took the token of this generation.
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
    async fn access_token(&self, refused: Option<u64>) -> Result<AccessToken> {
        match refused {
            None => Ok(AccessToken { token: self.0.clone(), generation: 0 }),
            Some(_) => Err(Error::new(
                ErrorKind::Auth,
                "the provider refused this fixed token; it cannot be renewed, replace it",
            )),
        }
    }
}
