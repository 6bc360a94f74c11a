use async_trait::async_trait;
use secrecy::SecretString;
use sidecar_core::{
    OrganizationId, StoreError,
    vault::{Context, SealError, key_id},
};

use crate::{
    SqlStore,
    error::Result,
    sql::settings as sql,
    tx::{exec, fetch},
};

/// A versioned document of an organization.
#[derive(Debug, Clone)]
pub struct Setting {
    /// Increases with every change, also after [`delete_setting`](SettingsStore::delete_setting). Never 0.
    pub revision: u64,
    /// The document, usually JSON. The store does not parse it.
    pub value: SecretString,
}

/// Sealed documents, one per organization and name. A document may contain secrets.
#[async_trait]
pub trait SettingsStore: Send + Sync + std::fmt::Debug {
    /// Returns the document, or `None` if there is none.
    ///
    /// # Errors
    /// [`StoreError`], also if no key of the vault opens the document. It can only be deleted then.
    async fn setting(&self, organization: &OrganizationId, name: &str) -> Result<Option<Setting>, StoreError>;

    /// Replaces the document if its revision is `expected`; 0 creates it if there is none. Returns `false`, and writes
    /// nothing, if the revision differs.
    async fn put_setting(
        &self,
        organization: &OrganizationId,
        name: &str,
        expected: u64,
        value: &SecretString,
    ) -> Result<bool, StoreError>;

    /// Deletes the document at any revision. Does nothing if there is none.
    async fn delete_setting(&self, organization: &OrganizationId, name: &str) -> Result<(), StoreError>;
}

/// The field of the seal context of every setting.
pub(crate) const FIELD: &str = "setting";

fn seal_context<'a>(organization: &'a OrganizationId, name: &'a str) -> Context<'a> {
    Context { tenant: organization.as_str(), connection: name, field: FIELD }
}

fn seal_error(error: SealError) -> StoreError {
    StoreError::broken("the vault cannot seal or open this setting: add the key that sealed it, or delete the setting")
        .with_source(error)
}

#[async_trait]
impl SettingsStore for SqlStore {
    async fn setting(&self, organization: &OrganizationId, name: &str) -> Result<Option<Setting>, StoreError> {
        let mut conn = self.pool.read().await?;
        let row: Option<(i64, Vec<u8>)> = fetch!(fetch_optional, conn, sql::LOAD, organization.as_str(), name)?;
        let Some((revision, sealed)) = row else { return Ok(None) };
        let value = self.vault.open(&seal_context(organization, name), &sealed).map_err(seal_error)?;
        Ok(Some(Setting { revision: revision.cast_unsigned(), value }))
    }

    async fn put_setting(
        &self,
        organization: &OrganizationId,
        name: &str,
        expected: u64,
        value: &SecretString,
    ) -> Result<bool, StoreError> {
        let sealed = self.vault.seal(&seal_context(organization, name), value).map_err(seal_error)?;
        let sealed_with = key_id(sealed.as_bytes()).map_err(seal_error)?;
        let (organization, sealed) = (organization.as_str(), sealed.as_bytes());
        let mut conn = self.pool.write().await?;
        let written = match expected {
            0 => exec!(conn, sql::CREATE, organization, name, sealed, sealed_with)?,
            _ => exec!(conn, sql::REPLACE, organization, name, sealed, sealed_with, expected.cast_signed())?,
        };
        Ok(written == 1)
    }

    async fn delete_setting(&self, organization: &OrganizationId, name: &str) -> Result<(), StoreError> {
        let mut conn = self.pool.write().await?;
        exec!(conn, sql::DELETE, organization.as_str(), name)?;
        Ok(())
    }
}
