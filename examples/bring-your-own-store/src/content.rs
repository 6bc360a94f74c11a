//! The content of the file, and the sealing of its tokens.

use std::collections::BTreeMap;

use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use sidecar_core::{
    OrganizationId, StoreError, Timestamp,
    token::{Connection, ConnectionState, TokenKey, TokenSet},
    vault::{Context, SealError, Vault},
};

#[derive(Default, Serialize, Deserialize)]
pub(crate) struct Content {
    /// Connections by organization and resource.
    pub(crate) tokens: BTreeMap<OrganizationId, BTreeMap<String, Row>>,
    pub(crate) leases: BTreeMap<String, StoredLease>,
    /// The expiry of each process's registration.
    pub(crate) processes: BTreeMap<String, Timestamp>,
}

/// A connection. The generation remains when the connection is deleted.
#[derive(Clone, Default, Serialize, Deserialize)]
pub(crate) struct Row {
    pub(crate) generation: u64,
    pub(crate) connection: Option<(Vec<u8>, ConnectionState)>,
}

/// A lease. The fence remains when the lease is released or expires.
#[derive(Default, Serialize, Deserialize)]
pub(crate) struct StoredLease {
    pub(crate) holder: String,
    pub(crate) fence: u64,
    pub(crate) expires_at: Timestamp,
}

/// A token set without its generation.
#[derive(Serialize, Deserialize)]
struct StoredTokens {
    access: String,
    refresh: Option<String>,
    expires_at: Option<Timestamp>,
    issued_at: Option<Timestamp>,
    issued_from: Option<String>,
    scope: Option<String>,
    extra: Map<String, Value>,
}

/// Returns the associated data, so that a row copied to another connection cannot be opened.
fn context(key: &TokenKey) -> Context<'_> {
    Context { tenant: key.organization().as_str(), connection: key.resource(), field: "tokens" }
}

pub(crate) fn seal(vault: &Vault, key: &TokenKey, set: &TokenSet) -> Result<Vec<u8>, StoreError> {
    let text = |secret: &SecretString| secret.expose_secret().to_owned();
    let (access, refresh) = (text(&set.access), set.refresh.as_ref().map(text));
    let TokenSet { expires_at, issued_at, issued_from, scope, extra, .. } = set.clone();
    let plain = StoredTokens { access, refresh, expires_at, issued_at, issued_from, scope, extra };
    let plain = serde_json::to_string(&plain).map_err(|_| StoreError::broken("cannot serialize the tokens"))?;
    Ok(vault.seal(&context(key), &plain.into()).map_err(seal_error)?.into_bytes())
}

pub(crate) fn open(vault: &Vault, key: &TokenKey, row: &Row) -> Result<Option<Connection>, StoreError> {
    let Some((sealed, state)) = &row.connection else { return Ok(None) };
    let plain = vault.open(&context(key), sealed).map_err(seal_error)?;
    // Drops serde's error, which could contain a token.
    let plain: StoredTokens = serde_json::from_str(plain.expose_secret())
        .map_err(|_| StoreError::broken("a stored connection is not valid JSON"))?;
    let StoredTokens { access, refresh, expires_at, issued_at, issued_from, scope, extra } = plain;
    let (access, refresh, generation) = (access.into(), refresh.map(Into::into), row.generation);
    let tokens = TokenSet { access, refresh, expires_at, issued_at, issued_from, generation, scope, extra };
    Ok(Some(Connection { key: key.clone(), tokens, state: state.clone() }))
}

fn seal_error(error: SealError) -> StoreError {
    StoreError::broken("the vault cannot seal or open these tokens").with_source(error)
}
