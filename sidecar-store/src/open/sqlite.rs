use std::time::Duration;

use sqlx::{
    Connection, SqliteConnection, SqlitePool,
    error::DatabaseError,
    sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous},
};

use super::migrations;
use crate::{OpenError, error::lite_outage, tx::Pool};

/// How many connections read beside the one that writes.
const READERS: u32 = 4;
/// How long a statement waits for another process that writes.
const BUSY: Duration = Duration::from_secs(5);
/// How long a caller waits for a connection of the pool.
const ACQUIRE: Duration = Duration::from_secs(10);
/// Page cache of each connection, in KiB (negative: SQLite's way to say KiB rather than pages).
const CACHE: &str = "-16384";

/// Pages in the log (32 MiB of it) before they are written back into the file. Pages of the indexes change many times
/// meanwhile and are written back once: a fifth to a half more deliveries a second than with SQLite's 1000.
const CHECKPOINT: &str = "8000";

/// Opens, creates and migrates the database of a `sqlite:` URL.
pub(super) async fn connect(url: &str) -> Result<Pool, OpenError> {
    let options: SqliteConnectOptions = url.parse().map_err(|error: sqlx::Error| OpenError::Url(error.to_string()))?;
    let path = options.get_filename().display().to_string();
    // sqlx gives an in-memory database this name; the URL's spelling of it varies.
    let in_memory = path.starts_with("file:sqlx-in-memory");
    let options = options
        .create_if_missing(true)
        .shared_cache(false)
        .foreign_keys(true)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Full)
        .busy_timeout(BUSY)
        .pragma("cache_size", CACHE)
        .pragma("temp_store", "MEMORY")
        .pragma("wal_autocheckpoint", CHECKPOINT);
    let pool = |size| {
        if in_memory { pool(size) } else { pool(size).after_release(|connection, _| Box::pin(is_whole(connection))) }
    };
    let write = pool(1).connect_with(options.clone()).await.map_err(|error| refused(&path, error))?;
    migrate(&write, &path).await?;
    // A database in memory belongs to its connection: the same one reads and writes.
    let read = if in_memory {
        write.clone()
    } else {
        let readers = options.pragma("query_only", "ON");
        pool(READERS).connect_with(readers).await.map_err(|error| refused(&path, error))?
    };
    Ok(Pool::Lite { write, read })
}

/// Connections are kept: an idle one costs little, and one that holds a database in memory must not end.
fn pool(size: u32) -> SqlitePoolOptions {
    SqlitePoolOptions::new()
        .max_connections(size)
        .min_connections(1)
        .acquire_timeout(ACQUIRE)
        .test_before_acquire(false)
        .idle_timeout(None)
        .max_lifetime(None)
}

/// Whether a connection may be used again. When a commit fails, as on a full disk, SQLite has rolled back by itself; sqlx goes on
/// counting the transaction, and every later one on that connection would be refused.
async fn is_whole(connection: &mut SqliteConnection) -> Result<bool, sqlx::Error> {
    if connection.is_in_transaction() {
        // A rollback that was queued has run when this is answered.
        connection.ping().await?;
    }
    Ok(!connection.is_in_transaction())
}

/// All migrations in one transaction that holds the right to write, so that two processes may start at once.
async fn migrate(write: &SqlitePool, path: &str) -> Result<(), OpenError> {
    let mut tx = write.begin_with("BEGIN IMMEDIATE").await.map_err(|error| refused(path, error))?;
    let migrated = migrations::of(|text| text.lite).run_direct(None, &mut *tx, false).await;
    migrated.map_err(|error| migrations::failed(error, |error| refused(path, error)))?;
    tx.commit().await.map_err(|error| refused(path, error))
}

fn refused(path: &str, error: sqlx::Error) -> OpenError {
    let path = path.to_owned();
    match error {
        sqlx::Error::Database(error) => by_code(path, &*error),
        other => OpenError::Unreachable { path, why: other.to_string() },
    }
}

/// By the codes of <https://www.sqlite.org/rescode.html>: busy and locked; damaged and not a database.
fn by_code(path: String, error: &dyn DatabaseError) -> OpenError {
    let code = error.code().unwrap_or_default();
    let primary = code.parse::<i32>().map_or(0, |code| code & 0xff);
    match primary {
        5 | 6 => OpenError::Busy,
        11 | 26 => OpenError::NotADatabase { path, why: error.message().to_owned() },
        _ => {
            let why = lite_outage(&code).map_or_else(|| error.message().to_owned(), str::to_owned);
            OpenError::Unreachable { path, why }
        }
    }
}
