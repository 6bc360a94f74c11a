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
    error::Result,
    failpoint::crash_point,
    json::{parse_error, to_json},
    sql::tokens as sql,
    tx::{exec, fetch, write_returning},
};

/// organization, resource, generation, sealed, `expires_at`, state.
type Row = (String, String, i64, Vec<u8>, Option<i64>, String);

/// The secret and personal fields of a token set, sealed as one document.
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

/// A secret that is deserialized directly into its wrapper.
struct SecretText(SecretString);

impl<'de> Deserialize<'de> for SecretText {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> std::result::Result<Self, D::Error> {
        String::deserialize(deserializer).map(|text| Self(text.into()))
    }
}

/// The field of the seal context of every token set.
pub(crate) const FIELD: &str = "tokens";

fn seal_context(key: &TokenKey) -> Context<'_> {
    Context { tenant: key.organization().as_str(), connection: key.resource(), field: FIELD }
}

fn seal_error(error: SealError) -> StoreError {
    StoreError::broken("the vault cannot seal or open these tokens").with_source(error)
}

/// Returns a connection whose tokens cannot be opened, because the key is lost or the row was changed. It still exists, so it can
/// be reconnected or deleted.
fn unopenable(key: TokenKey, generation: i64, error: &SealError) -> Connection {
    tracing::error!(%key, %error, "cannot open the tokens of a connection: it must be reconnected");
    let tokens =
        TokenSet { expires_at: Some(Timestamp::EPOCH), generation: generation.cast_unsigned(), ..TokenSet::empty() };
    let reason = format!("the stored tokens cannot be opened: {error}");
    Connection { key, tokens, state: ConnectionState::NeedsReauth { reason, since: Timestamp::EPOCH } }
}

impl SqlStore {
    fn seal_tokens(&self, key: &TokenKey, tokens: &TokenSet) -> Result<Sealed> {
        let plain = SecretString::from(to_json(&SecretsOut {
            access: tokens.access.expose_secret(),
            refresh: tokens.refresh.as_ref().map(ExposeSecret::expose_secret),
            issued_at: tokens.issued_at,
            issued_from: tokens.issued_from.as_deref(),
            scope: tokens.scope.as_deref(),
            extra: &tokens.extra,
        })?);
        self.vault.seal(&seal_context(key), &plain).map_err(seal_error)
    }

    fn connection_from_row(
        &self,
        (organization, resource, generation, sealed, expires_at, state): Row,
    ) -> Result<Connection> {
        let key = TokenKey::new(organization, resource);
        let plain = match self.vault.open(&seal_context(&key), &sealed) {
            Ok(plain) => plain,
            Err(error) => return Ok(unopenable(key, generation, &error)),
        };
        // Drops the parser's message, because it may quote the secrets.
        let secrets: SecretsIn = serde_json::from_str(plain.expose_secret())
            .map_err(|_| StoreError::broken("the sealed tokens of a connection are not valid JSON"))?;
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
        let state: ConnectionState = serde_json::from_str(&state).map_err(parse_error("the state of a connection"))?;
        Ok(Connection { key, tokens, state })
    }
}

#[async_trait]
impl TokenStore for SqlStore {
    async fn load(&self, key: &TokenKey) -> Result<Option<Connection>, StoreError> {
        let mut conn = self.pool.read().await?;
        let row: Option<Row> = fetch!(fetch_optional, conn, sql::LOAD, key.organization().as_str(), key.resource())?;
        row.map(|row| self.connection_from_row(row)).transpose()
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
        let sealed_with = key_id(sealed.as_bytes()).map_err(seal_error)?;
        let state = to_json(state)?;
        let expires_at = next.expires_at.map(Timestamp::as_micros);
        let (organization, resource, sealed) = (key.organization().as_str(), key.resource(), sealed.as_bytes());
        let mut conn = self.pool.write().await?;
        let stored: Option<(i64,)> = if expected == 0 {
            write_returning!(conn, sql::CREATE, organization, resource, sealed, sealed_with, expires_at, &state)?
        } else {
            let expected = expected.cast_signed();
            write_returning!(
                conn,
                sql::REPLACE,
                organization,
                resource,
                sealed,
                sealed_with,
                expires_at,
                &state,
                expected
            )?
        };
        drop(conn);
        match stored {
            Some((generation,)) => Ok(CasResult::Stored(generation.cast_unsigned())),
            None => Ok(CasResult::Conflict(self.load(key).await?)),
        }
    }

    async fn set_state(&self, key: &TokenKey, generation: u64, state: &ConnectionState) -> Result<(), StoreError> {
        let state = to_json(state)?;
        let (organization, resource) = (key.organization().as_str(), key.resource());
        let mut conn = self.pool.write().await?;
        exec!(conn, sql::SET_STATE, organization, resource, generation.cast_signed(), &state)?;
        Ok(())
    }

    async fn delete_tokens(&self, key: &TokenKey) -> Result<(), StoreError> {
        let mut conn = self.pool.write().await?;
        exec!(conn, sql::DELETE, key.organization().as_str(), key.resource())?;
        Ok(())
    }

    async fn connections(&self, organization: &OrganizationId) -> Result<Vec<Connection>, StoreError> {
        let mut conn = self.pool.read().await?;
        let rows: Vec<Row> = fetch!(fetch_all, conn, sql::LIST_BY_ORGANIZATION, organization.as_str())?;
        rows.into_iter().map(|row| self.connection_from_row(row)).collect()
    }
}
