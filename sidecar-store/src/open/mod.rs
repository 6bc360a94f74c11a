//! Opening: from a URL to a migrated pool. Which pragmas a database gets is in its own file; what it then does is elsewhere.
//!
//! Invariant: a store that opened has exactly the schema of this build.

mod sqlite;

use std::sync::Arc;

use sidecar_core::token::seal::Vault;

use crate::{OpenError, SqlStore, tx::Pool};

/// Opens a store and brings its schema up to date.
///
/// - `sqlite://path/to/file.db` (or `sqlite:path`): a file, created when missing (its directory is not). Every commit is
///   on disk before it is answered, several processes may share the file.
/// - `sqlite::memory:`: a private database that ends with the store, for tests.
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
    Ok(sqlite::newest())
}

async fn connect(url: &str) -> Result<Pool, OpenError> {
    match url.split_once(':').map(|(scheme, _)| scheme) {
        Some("sqlite") => sqlite::connect(url).await,
        Some("postgres" | "postgresql") => Err(OpenError::NoPostgres),
        Some(scheme) => Err(OpenError::Scheme(scheme.to_owned())),
        None => Err(OpenError::Scheme(url.to_owned())),
    }
}
