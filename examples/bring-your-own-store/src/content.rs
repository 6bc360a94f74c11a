//! What is in the file, and how tokens get into it sealed.

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
    /// By resource, each organization's apart.
    pub(crate) tokens: BTreeMap<OrganizationId, BTreeMap<String, Row>>,
    pub(crate) leases: BTreeMap<String, Held>,
    /// Until when each counts as alive.
    pub(crate) processes: BTreeMap<String, Timestamp>,
}

/// A connection. Forgotten, it keeps its generation.
#[derive(Clone, Default, Serialize, Deserialize)]
pub(crate) struct Row {
    pub(crate) generation: u64,
    pub(crate) connection: Option<(Vec<u8>, ConnectionState)>,
}

/// A lease. Handed back or run out, it keeps its fence.
#[derive(Default, Serialize, Deserialize)]
pub(crate) struct Held {
    pub(crate) holder: String,
    pub(crate) fence: u64,
    pub(crate) until: Timestamp,
}

/// All of a set but its generation.
#[derive(Serialize, Deserialize)]
struct Plain {
    access: String,
    refresh: Option<String>,
    expires_at: Option<Timestamp>,
    scope: Option<String>,
    extra: Map<String, Value>,
}

/// A row copied to another connection does not open.
fn place(key: &TokenKey) -> Context<'_> {
    Context { tenant: key.organization().as_str(), connection: key.resource(), field: "tokens" }
}

pub(crate) fn seal(vault: &Vault, key: &TokenKey, set: &TokenSet) -> Result<Vec<u8>, StoreError> {
    let text = |secret: &SecretString| secret.expose_secret().to_owned();
    let (access, refresh) = (text(&set.access), set.refresh.as_ref().map(text));
    let (expires_at, scope, extra) = (set.expires_at, set.scope.clone(), set.extra.clone());
    let plain = Plain { access, refresh, expires_at, scope, extra };
    let plain = serde_json::to_string(&plain).map_err(|_| StoreError::broken("these tokens are no JSON"))?;
    Ok(vault.seal(&place(key), &plain.into()).map_err(refused)?.into_bytes())
}

pub(crate) fn open(vault: &Vault, key: &TokenKey, row: &Row) -> Result<Option<Connection>, StoreError> {
    let Some((sealed, state)) = &row.connection else { return Ok(None) };
    let plain = vault.open(&place(key), sealed).map_err(refused)?;
    // serde's error could quote a token.
    let plain: Plain =
        serde_json::from_str(plain.expose_secret()).map_err(|_| StoreError::broken("a row is damaged"))?;
    let Plain { access, refresh, expires_at, scope, extra } = plain;
    let (access, refresh, generation) = (access.into(), refresh.map(Into::into), row.generation);
    let tokens = TokenSet { access, refresh, expires_at, generation, scope, extra };
    Ok(Some(Connection { key: key.clone(), tokens, state: state.clone() }))
}

fn refused(error: SealError) -> StoreError {
    StoreError::broken("the vault cannot seal or open these tokens").with_source(error)
}
