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

/// What a [`SqlStore::reseal`] did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Resealed {
    /// Connections and settings sealed anew with the first key of the ring.
    pub sealed: u64,
    /// Those that do not open, such as those whose key has left the ring. They stay as they are.
    pub failed: u64,
}

/// organization, resource or name, generation or revision, sealed.
type Row = (String, String, i64, Vec<u8>);

/// A table with a sealed value in each row.
struct Sealing {
    field: &'static str,
    otherwise: Sql,
    reseal: Sql,
}

const TABLES: [Sealing; 2] = [
    Sealing { field: tokens::FIELD, otherwise: sql::tokens::SEALED_OTHERWISE, reseal: sql::tokens::RESEAL },
    Sealing { field: settings::FIELD, otherwise: sql::settings::SEALED_OTHERWISE, reseal: sql::settings::RESEAL },
];

impl SqlStore {
    /// Seals at most `limit` connections and settings anew that were sealed with another key than the ring's first; both zero
    /// when there are none left. It may run beside everything else: what was changed meanwhile is left alone.
    ///
    /// # Errors
    /// [`StoreError`] of the database. What does not open is counted and passed over.
    pub async fn reseal(&self, limit: u64) -> Result<Resealed, StoreError> {
        let mut done = Resealed::default();
        for table in &TABLES {
            self.reseal_table(table, limit, &mut done).await?;
        }
        Ok(done)
    }

    async fn reseal_table(&self, table: &Sealing, limit: u64, done: &mut Resealed) -> Result<()> {
        let mut after = (String::new(), String::new());
        while done.sealed < limit {
            let mut link = self.pool.read().await?;
            let rows: Vec<Row> =
                fetch!(fetch_all, link, table.otherwise, self.vault.sealing_key(), &after.0, &after.1, 100_i64)?;
            drop(link);
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

    async fn reseal_one(&self, table: &Sealing, (organization, name, count, old): Row) -> Result<Option<u64>> {
        let place = Context { tenant: &organization, connection: &name, field: table.field };
        let seal = |plain: SecretString| self.vault.seal(&place, &plain);
        let new = match self.vault.open(&place, &old).and_then(seal) {
            Ok(new) => new,
            Err(error) => {
                tracing::warn!(organization, name, field = table.field, %error, "a sealed value cannot be sealed anew");
                return Ok(None);
            }
        };
        let sealed_with = key_id(new.as_bytes()).map_err(refused)?;
        let mut link = self.pool.write().await?;
        exec!(link, table.reseal, &organization, &name, count, &old, new.as_bytes(), sealed_with).map(Some)
    }
}

fn refused(error: SealError) -> StoreError {
    StoreError::broken("the vault made an envelope that cannot be read").with_source(error)
}
