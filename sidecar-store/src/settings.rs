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

/// What an organization has set under a name.
#[derive(Debug, Clone)]
pub struct Setting {
    /// Grows with every change, also over a [`forget_setting`](Settings::forget_setting); never 0.
    pub revision: u64,
    /// The document. JSON by custom; the store never looks into it.
    pub value: SecretString,
}

/// What organizations have set: one document per organization and name, each good only at its place. A document may hold
/// secrets.
#[async_trait]
pub trait Settings: Send + Sync + std::fmt::Debug {
    /// The document of this name, as it was last put.
    ///
    /// # Errors
    /// [`StoreError`]; also when it does not open with any key given. Then it can only be forgotten.
    async fn setting(&self, organization: &OrganizationId, name: &str) -> Result<Option<Setting>, StoreError>;

    /// Puts a document in place of the one of revision `expected`; 0 only where there is none. `false` when another was
    /// there: nothing was written.
    async fn put_setting(
        &self,
        organization: &OrganizationId,
        name: &str,
        expected: u64,
        value: &SecretString,
    ) -> Result<bool, StoreError>;

    /// Erases the document, whatever its revision. One that is not there is no error.
    async fn forget_setting(&self, organization: &OrganizationId, name: &str) -> Result<(), StoreError>;
}

/// The part of a setting's place that no token has.
pub(crate) const FIELD: &str = "setting";

fn place<'a>(organization: &'a OrganizationId, name: &'a str) -> Context<'a> {
    Context { tenant: organization.as_str(), connection: name, field: FIELD }
}

fn refused(error: SealError) -> StoreError {
    StoreError::broken("the vault cannot seal or open this setting: add the key it was sealed with, or forget it")
        .with_source(error)
}

#[async_trait]
impl Settings for SqlStore {
    async fn setting(&self, organization: &OrganizationId, name: &str) -> Result<Option<Setting>, StoreError> {
        let mut link = self.pool.read().await?;
        let row: Option<(i64, Vec<u8>)> = fetch!(fetch_optional, link, sql::LOAD, organization.as_str(), name)?;
        let Some((revision, sealed)) = row else { return Ok(None) };
        let value = self.vault.open(&place(organization, name), &sealed).map_err(refused)?;
        Ok(Some(Setting { revision: revision.cast_unsigned(), value }))
    }

    async fn put_setting(
        &self,
        organization: &OrganizationId,
        name: &str,
        expected: u64,
        value: &SecretString,
    ) -> Result<bool, StoreError> {
        let sealed = self.vault.seal(&place(organization, name), value).map_err(refused)?;
        let sealed_with = key_id(sealed.as_bytes()).map_err(refused)?;
        let (organization, sealed) = (organization.as_str(), sealed.as_bytes());
        let mut link = self.pool.write().await?;
        let written = match expected {
            0 => exec!(link, sql::CREATE, organization, name, sealed, sealed_with)?,
            _ => exec!(link, sql::REPLACE, organization, name, sealed, sealed_with, expected.cast_signed())?,
        };
        Ok(written == 1)
    }

    async fn forget_setting(&self, organization: &OrganizationId, name: &str) -> Result<(), StoreError> {
        let mut link = self.pool.write().await?;
        exec!(link, sql::FORGET, organization.as_str(), name)?;
        Ok(())
    }
}
