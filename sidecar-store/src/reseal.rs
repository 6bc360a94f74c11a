use secrecy::SecretString;
use sidecar_core::{
    StoreError,
    vault::{Context, SealError, key_id},
};

use crate::{
    SqlStore,
    error::Result,
    settings,
    sql::{self, Sql},
    tokens,
    tx::{exec, fetch},
};

/// The result of [`SqlStore::reseal`].
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Resealed {
    /// Connections and settings that were resealed with the first key of the ring.
    pub sealed: u64,
    /// Values that no key of the ring opens. They stay unchanged.
    pub failed: u64,
}

/// organization, resource or name, generation or revision, sealed.
type Row = (String, String, i64, Vec<u8>);

/// A table with a sealed value in each row.
struct SealedTable {
    field: &'static str,
    list: Sql,
    reseal: Sql,
}

const TABLES: [SealedTable; 2] = [
    SealedTable { field: tokens::FIELD, list: sql::tokens::LIST_SEALED_WITH_OTHER_KEYS, reseal: sql::tokens::RESEAL },
    SealedTable {
        field: settings::FIELD,
        list: sql::settings::LIST_SEALED_WITH_OTHER_KEYS,
        reseal: sql::settings::RESEAL,
    },
];

impl SqlStore {
    /// Reseals at most `limit` connections and settings that were not sealed with the first key of the ring. Both counts are
    /// zero when none are left. Safe to run concurrently: skips rows that changed since they were read.
    ///
    /// # Errors
    /// [`StoreError`] of the database. Values that cannot be opened are counted and skipped.
    pub async fn reseal(&self, limit: u64) -> Result<Resealed, StoreError> {
        let mut done = Resealed::default();
        for table in &TABLES {
            self.reseal_table(table, limit, &mut done).await?;
        }
        Ok(done)
    }

    async fn reseal_table(&self, table: &SealedTable, limit: u64, done: &mut Resealed) -> Result<()> {
        let mut after = (String::new(), String::new());
        while done.sealed < limit {
            let mut conn = self.pool.read().await?;
            let rows: Vec<Row> =
                fetch!(fetch_all, conn, table.list, self.vault.sealing_key(), &after.0, &after.1, 100_i64)?;
            drop(conn);
            let Some(last) = rows.last() else { break };
            after = (last.0.clone(), last.1.clone());
            for row in rows.into_iter().take(usize::try_from(limit - done.sealed).unwrap_or(usize::MAX)) {
                match self.reseal_one(table, row).await? {
                    Some(written) => done.sealed += written,
                    None => done.failed += 1,
                }
            }
        }
        Ok(())
    }

    async fn reseal_one(&self, table: &SealedTable, (organization, name, count, old): Row) -> Result<Option<u64>> {
        let context = Context { tenant: &organization, connection: &name, field: table.field };
        let seal = |plain: SecretString| self.vault.seal(&context, &plain);
        let new = match self.vault.open(&context, &old).and_then(seal) {
            Ok(new) => new,
            Err(error) => {
                tracing::warn!(organization, name, field = table.field, %error, "cannot reseal a value");
                return Ok(None);
            }
        };
        let sealed_with = key_id(new.as_bytes()).map_err(envelope_error)?;
        let mut conn = self.pool.write().await?;
        exec!(conn, table.reseal, &organization, &name, count, &old, new.as_bytes(), sealed_with).map(Some)
    }
}

fn envelope_error(error: SealError) -> StoreError {
    StoreError::broken("the vault returned an envelope without a readable key id").with_source(error)
}
