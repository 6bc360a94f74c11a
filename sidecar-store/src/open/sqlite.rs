use std::time::Duration;

use sqlx::{
    Connection, SqliteConnection, SqlitePool,
    error::DatabaseError,
    sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous},
};

use super::migrations;
use crate::{OpenError, error::sqlite_outage, tx::Pool};

/// Read connections, next to the single write connection.
const READ_CONNECTIONS: u32 = 4;
/// Limits a statement's wait for the write lock of another process.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);
/// Limits the wait for a connection of the pool.
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(10);
/// Page cache of each connection. A negative number is in KiB, a positive one in pages.
const CACHE_SIZE: &str = "-16384";

/// Pages in the write-ahead log (32 MiB) before a checkpoint. Index pages change many times between checkpoints and are
/// written back once: 20 to 50 % more deliveries per second than with the default of 1000.
const WAL_CHECKPOINT_PAGES: &str = "8000";

/// Opens, creates and migrates the database of a `sqlite:` URL.
pub(super) async fn connect(url: &str) -> Result<Pool, OpenError> {
    let options: SqliteConnectOptions =
        url.parse().map_err(|error: sqlx::Error| OpenError::InvalidUrl(error.to_string()))?;
    let path = options.get_filename().display().to_string();
    // sqlx's name for an in-memory database, however the URL spells it.
    let in_memory = path.starts_with("file:sqlx-in-memory");
    let options = options
        .create_if_missing(true)
        .shared_cache(false)
        .foreign_keys(true)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Full)
        .busy_timeout(BUSY_TIMEOUT)
        .pragma("cache_size", CACHE_SIZE)
        .pragma("temp_store", "MEMORY")
        .pragma("wal_autocheckpoint", WAL_CHECKPOINT_PAGES);
    let pool = |size| {
        if in_memory { pool(size) } else { pool(size).after_release(|connection, _| Box::pin(is_reusable(connection))) }
    };
    let write = pool(1).connect_with(options.clone()).await.map_err(|error| open_error(&path, error))?;
    migrate(&write, &path).await?;
    // An in-memory database belongs to one connection, so the same one reads and writes.
    let read = if in_memory {
        write.clone()
    } else {
        let read_only = options.pragma("query_only", "ON");
        pool(READ_CONNECTIONS).connect_with(read_only).await.map_err(|error| open_error(&path, error))?
    };
    Ok(Pool::Sqlite { write, read })
}

/// Returns a pool that never closes idle connections: they cost little, and an in-memory database ends with its connection.
fn pool(size: u32) -> SqlitePoolOptions {
    SqlitePoolOptions::new()
        .max_connections(size)
        .min_connections(1)
        .acquire_timeout(ACQUIRE_TIMEOUT)
        .test_before_acquire(false)
        .idle_timeout(None)
        .max_lifetime(None)
}

/// Returns `true` if a connection can return to the pool. After a failed commit, as on a full disk, SQLite has rolled back but
/// sqlx still counts the transaction, so every later one on that connection would fail.
async fn is_reusable(connection: &mut SqliteConnection) -> Result<bool, sqlx::Error> {
    if connection.is_in_transaction() {
        // A queued rollback runs before the ping.
        connection.ping().await?;
    }
    Ok(!connection.is_in_transaction())
}

/// Runs all migrations in one write transaction, so that two processes can start at once.
async fn migrate(write: &SqlitePool, path: &str) -> Result<(), OpenError> {
    let mut tx = write.begin_with("BEGIN IMMEDIATE").await.map_err(|error| open_error(path, error))?;
    let migrated = migrations::migrator(|text| text.sqlite).run_direct(None, &mut *tx, false).await;
    migrated.map_err(|error| migrations::migration_error(error, |error| open_error(path, error)))?;
    tx.commit().await.map_err(|error| open_error(path, error))
}

fn open_error(path: &str, error: sqlx::Error) -> OpenError {
    let path = path.to_owned();
    match error {
        sqlx::Error::Database(error) => error_by_code(path, &*error),
        other => OpenError::CannotOpen { path, why: other.to_string() },
    }
}

/// Maps the result codes of <https://www.sqlite.org/rescode.html>: 5 busy, 6 locked, 11 corrupt, 26 not a database.
fn error_by_code(path: String, error: &dyn DatabaseError) -> OpenError {
    let code = error.code().unwrap_or_default();
    let primary = code.parse::<i32>().map_or(0, |code| code & 0xff);
    match primary {
        5 | 6 => OpenError::Busy,
        11 | 26 => OpenError::NotADatabase { path, why: error.message().to_owned() },
        _ => {
            let why = sqlite_outage(&code).map_or_else(|| error.message().to_owned(), str::to_owned);
            OpenError::CannotOpen { path, why }
        }
    }
}
