//! The limits of the machine: disk flushes, and commits of one-row updates.

use std::{fs::OpenOptions, io::Write, path::Path, time::Duration};

use sidecar_core::{Clock, SystemClock};
use sidecar_tests::{SqlConnection, TestDatabase, percentile};
use sqlx::{
    Connection, SqliteConnection,
    sqlite::{SqliteConnectOptions, SqliteJournalMode, SqliteSynchronous},
};

/// The rate and latency of a repeated operation.
#[derive(Debug, Clone, Copy)]
pub(crate) struct OperationRate {
    /// Per second.
    pub(crate) rate: f64,
    /// Milliseconds.
    pub(crate) p50: f64,
    /// Milliseconds.
    pub(crate) p99: f64,
}

impl OperationRate {
    /// Creates it from the milliseconds of each operation.
    fn from_ms(mut waits: Vec<f64>) -> Self {
        waits.sort_by(f64::total_cmp);
        let rate = waits.len() as f64 / waits.iter().sum::<f64>() * 1e3;
        Self { rate, p50: percentile(&waits, 0.5), p99: percentile(&waits, 0.99) }
    }
}

/// Measures writes of 4 KiB with `fdatasync`.
pub(crate) fn flushes(folder: &Path, time: Duration) -> OperationRate {
    let mut file = OpenOptions::new().create(true).append(true).open(folder.join("flushes")).unwrap();
    let clock = SystemClock::new();
    let mut waits = Vec::new();
    while clock.monotonic() < time || waits.is_empty() {
        let began = clock.monotonic();
        file.write_all(&[7; 4096]).unwrap();
        file.sync_data().unwrap();
        waits.push(to_ms(clock.monotonic() - began));
    }
    OperationRate::from_ms(waits)
}

/// Measures one-row updates, one for each commit, on an empty database.
pub(crate) async fn commits(test_database: &TestDatabase, time: Duration) -> OperationRate {
    let mut connection = open_durable(test_database).await;
    connection.execute("CREATE TABLE one (n INTEGER NOT NULL)").await;
    connection.execute("INSERT INTO one VALUES (0)").await;
    let clock = SystemClock::new();
    let mut waits = Vec::new();
    while clock.monotonic() < time || waits.is_empty() {
        let began = clock.monotonic();
        connection.execute("UPDATE one SET n = n + 1").await;
        waits.push(to_ms(clock.monotonic() - began));
    }
    connection.close().await;
    OperationRate::from_ms(waits)
}

/// Opens a connection whose commits are as durable as the store's.
async fn open_durable(test_database: &TestDatabase) -> SqlConnection {
    match test_database {
        TestDatabase::Sqlite(folder) => SqlConnection::Sqlite(
            SqliteConnection::connect_with(&sqlite_options(&folder.file("commits.db"))).await.unwrap(),
        ),
        TestDatabase::Postgres(_) => SqlConnection::open(&test_database.url()).await,
    }
}

/// Returns options for a SQLite file with the pragmas that the store sets.
pub(crate) fn sqlite_options(file: &Path) -> SqliteConnectOptions {
    SqliteConnectOptions::new()
        .filename(file)
        .create_if_missing(true)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Full)
        .busy_timeout(Duration::from_secs(10))
        .pragma("cache_size", "-16384")
        .pragma("temp_store", "MEMORY")
        .pragma("wal_autocheckpoint", "8000")
}

/// Converts a duration to milliseconds.
pub(crate) fn to_ms(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}
