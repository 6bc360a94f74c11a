use async_trait::async_trait;
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use sidecar_core::{
    OrganizationId, StoreError, Timestamp,
    token::{CasResult, Connection, ConnectionState, TokenKey, TokenSet, TokenStore},
    vault::{Context, SealError, Sealed, key_id},
};

use crate::{
    SqlStore,
    error::{Result, json, unreadable},
    failpoint::crash_point,
    sql::tokens as sql,
    tx::{exec, fetch, written},
};

/// organization, resource, generation, sealed, `expires_at`, state.
type Row = (String, String, i64, Vec<u8>, Option<i64>, String);

/// What of a set is secret or may tell about somebody: sealed as one.
#[derive(Serialize)]
struct SecretsOut<'a> {
    access: &'a str,
    refresh: Option<&'a str>,
    issued_at: Option<Timestamp>,
    issued_from: Option<&'a str>,
    scope: Option<&'a str>,
    extra: &'a Map<String, Value>,
}

#[derive(Deserialize)]
struct SecretsIn {
    access: SecretText,
    refresh: Option<SecretText>,
    issued_at: Option<Timestamp>,
    issued_from: Option<String>,
    scope: Option<String>,
    extra: Map<String, Value>,
}

/// A secret that is read straight into its wrapping.
struct SecretText(SecretString);

impl<'de> Deserialize<'de> for SecretText {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> std::result::Result<Self, D::Error> {
        String::deserialize(deserializer).map(|text| Self(text.into()))
    }
}

/// The part of a set's place that no other value has.
pub(crate) const FIELD: &str = "tokens";

fn place(key: &TokenKey) -> Context<'_> {
    Context { tenant: key.organization().as_str(), connection: key.resource(), field: FIELD }
}

fn vault_refused(error: SealError) -> StoreError {
    StoreError::broken("the vault cannot seal or open these tokens").with_source(error)
}

/// A connection whose tokens do not open is still there, to be made again or forgotten: its key is lost, or its row was
/// tampered with.
fn locked(key: TokenKey, generation: i64, error: &SealError) -> Connection {
    tracing::error!(%key, %error, "a connection's tokens cannot be opened: it has to be made again");
    let tokens =
        TokenSet { expires_at: Some(Timestamp::EPOCH), generation: generation.cast_unsigned(), ..TokenSet::empty() };
    let reason = format!("the stored tokens cannot be opened: {error}");
    Connection { key, tokens, state: ConnectionState::NeedsReauth { reason, since: Timestamp::EPOCH } }
}

impl SqlStore {
    fn seal_tokens(&self, key: &TokenKey, tokens: &TokenSet) -> Result<Sealed> {
        let plain = SecretString::from(json(&SecretsOut {
            access: tokens.access.expose_secret(),
            refresh: tokens.refresh.as_ref().map(ExposeSecret::expose_secret),
            issued_at: tokens.issued_at,
            issued_from: tokens.issued_from.as_deref(),
            scope: tokens.scope.as_deref(),
            extra: &tokens.extra,
        })?);
        self.vault.seal(&place(key), &plain).map_err(vault_refused)
    }

    fn connection(&self, (organization, resource, generation, sealed, expires_at, state): Row) -> Result<Connection> {
        let key = TokenKey::new(organization, resource);
        let plain = match self.vault.open(&place(&key), &sealed) {
            Ok(plain) => plain,
            Err(error) => return Ok(locked(key, generation, &error)),
        };
        // Not with the parser's message: it may quote what it read.
        let secrets: SecretsIn = serde_json::from_str(plain.expose_secret())
            .map_err(|_| StoreError::broken("a connection's tokens are sealed in a form that cannot be read"))?;
        let tokens = TokenSet {
            access: secrets.access.0,
            refresh: secrets.refresh.map(|refresh| refresh.0),
            expires_at: expires_at.map(Timestamp::from_micros),
            issued_at: secrets.issued_at,
            issued_from: secrets.issued_from,
            generation: generation.cast_unsigned(),
            scope: secrets.scope,
            extra: secrets.extra,
        };
        let state: ConnectionState = serde_json::from_str(&state).map_err(unreadable("a connection's state"))?;
        Ok(Connection { key, tokens, state })
    }
}

#[async_trait]
impl TokenStore for SqlStore {
    async fn load(&self, key: &TokenKey) -> Result<Option<Connection>, StoreError> {
        let mut link = self.pool.read().await?;
        let row: Option<Row> = fetch!(fetch_optional, link, sql::LOAD, key.organization().as_str(), key.resource())?;
        row.map(|row| self.connection(row)).transpose()
    }

    async fn swap(
        &self,
        key: &TokenKey,
        expected: u64,
        next: &TokenSet,
        state: &ConnectionState,
    ) -> Result<CasResult, StoreError> {
        crash_point!("tokens.swap.before");
        let sealed = self.seal_tokens(key, next)?;
        let sealed_with = key_id(sealed.as_bytes()).map_err(vault_refused)?;
        let state = json(state)?;
        let expires_at = next.expires_at.map(Timestamp::as_micros);
        let (organization, resource, sealed) = (key.organization().as_str(), key.resource(), sealed.as_bytes());
        let mut link = self.pool.write().await?;
        let stored: Option<(i64,)> = if expected == 0 {
            written!(link, sql::CREATE, organization, resource, sealed, sealed_with, expires_at, &state)?
        } else {
            let expected = expected.cast_signed();
            written!(link, sql::REPLACE, organization, resource, sealed, sealed_with, expires_at, &state, expected)?
        };
        drop(link);
        match stored {
            Some((generation,)) => Ok(CasResult::Stored(generation.cast_unsigned())),
            None => Ok(CasResult::Conflict(self.load(key).await?)),
        }
    }

    async fn set_state(&self, key: &TokenKey, generation: u64, state: &ConnectionState) -> Result<(), StoreError> {
        let state = json(state)?;
        let (organization, resource) = (key.organization().as_str(), key.resource());
        let mut link = self.pool.write().await?;
        exec!(link, sql::MARK, organization, resource, generation.cast_signed(), &state)?;
        Ok(())
    }

    async fn delete_tokens(&self, key: &TokenKey) -> Result<(), StoreError> {
        let mut link = self.pool.write().await?;
        exec!(link, sql::FORGET, key.organization().as_str(), key.resource())?;
        Ok(())
    }

    async fn connections(&self, organization: &OrganizationId) -> Result<Vec<Connection>, StoreError> {
        let mut link = self.pool.read().await?;
        let rows: Vec<Row> = fetch!(fetch_all, link, sql::OF_ORGANIZATION, organization.as_str())?;
        rows.into_iter().map(|row| self.connection(row)).collect()
    }
}
