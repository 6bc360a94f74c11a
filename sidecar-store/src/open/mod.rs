//! Opens a database URL as a migrated pool. Each database has its own file for connection settings.
//!
//! Invariant: an open store has exactly the schema of this build.

mod migrations;
#[cfg(feature = "postgres")]
pub(crate) mod postgres;
#[cfg(feature = "sqlite")]
mod sqlite;

use std::sync::Arc;

use sidecar_core::vault::Vault;

use crate::{OpenError, SqlStore, tx::Pool};

/// Opens a store and brings its schema up to date.
///
/// - `sqlite://path/to/file.db` (or `sqlite:path`): a file, created if it is missing (its directory is not). A commit is
///   on disk before the call returns. Several processes may share the file.
/// - `sqlite::memory:`: a private database that is dropped with the store, for tests.
/// - `postgres://user:password@host:5432/database` (feature `postgres`): for any number of processes. The options
///   of libpq URLs, such as `?sslmode=verify-full`, apply.
///
/// # Errors
/// [`OpenError`] says what to do. A database that a newer release has migrated stays unchanged.
pub async fn open(url: &str, vault: Vault) -> Result<Arc<SqlStore>, OpenError> {
    let pool = connect(url).await?;
    Ok(Arc::new(SqlStore::new(pool, vault)))
}

/// Brings the schema of a database up to date, as [`open`] does, and closes it. Returns the schema version.
///
/// # Errors
/// [`OpenError`]; the database stays as it was.
pub async fn migrate(url: &str) -> Result<i64, OpenError> {
    connect(url).await?.close().await;
    Ok(migrations::latest_version())
}

async fn connect(url: &str) -> Result<Pool, OpenError> {
    match url.split_once(':').map(|(scheme, _)| scheme) {
        #[cfg(feature = "sqlite")]
        Some("sqlite") => sqlite::connect(url).await,
        #[cfg(not(feature = "sqlite"))]
        Some("sqlite") => Err(OpenError::FeatureDisabled("sqlite")),
        #[cfg(feature = "postgres")]
        Some("postgres" | "postgresql") => postgres::connect(url).await,
        #[cfg(not(feature = "postgres"))]
        Some("postgres" | "postgresql") => Err(OpenError::FeatureDisabled("postgres")),
        Some(scheme) => Err(OpenError::UnknownScheme(scheme.to_owned())),
        None => Err(OpenError::UnknownScheme(url.to_owned())),
    }
}
