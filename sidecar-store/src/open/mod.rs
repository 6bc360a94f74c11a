//! Opening: from a URL to a migrated pool. Which pragmas a database gets is in its own file; what it then does is elsewhere.
//!
//! Invariant: a store that opened has exactly the schema of this build.

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
/// - `sqlite://path/to/file.db` (or `sqlite:path`): a file, created when missing (its directory is not). Every commit is
///   on disk before it is answered, several processes may share the file.
/// - `sqlite::memory:`: a private database that ends with the store, for tests.
/// - `postgres://user:password@host:5432/database` (feature `postgres`): for as many processes as you like. Options of
///   libpq's URLs such as `?sslmode=verify-full` hold.
///
/// # Errors
/// [`OpenError`] says what to do. A database that a newer release has migrated is left untouched.
pub async fn open(url: &str, vault: Vault) -> Result<Arc<SqlStore>, OpenError> {
    let pool = connect(url).await?;
    Ok(Arc::new(SqlStore::new(pool, vault)))
}

/// Brings the schema of a database up to date, as [`open`] does, and closes it again. Answers the schema's version.
///
/// # Errors
/// [`OpenError`]; the database is then as it was before.
pub async fn migrate(url: &str) -> Result<i64, OpenError> {
    connect(url).await?.close().await;
    Ok(migrations::newest())
}

async fn connect(url: &str) -> Result<Pool, OpenError> {
    match url.split_once(':').map(|(scheme, _)| scheme) {
        #[cfg(feature = "sqlite")]
        Some("sqlite") => sqlite::connect(url).await,
        #[cfg(not(feature = "sqlite"))]
        Some("sqlite") => Err(OpenError::NotBuiltIn("sqlite")),
        #[cfg(feature = "postgres")]
        Some("postgres" | "postgresql") => postgres::connect(url).await,
        #[cfg(not(feature = "postgres"))]
        Some("postgres" | "postgresql") => Err(OpenError::NotBuiltIn("postgres")),
        Some(scheme) => Err(OpenError::Scheme(scheme.to_owned())),
        None => Err(OpenError::Scheme(url.to_owned())),
    }
}
