//! What the machine can do: flushes of the disk, and commits of each database that hold next to nothing.

use std::{fs::OpenOptions, io::Write, path::Path, time::Duration};

use sidecar_core::{Clock, SystemClock};
use sidecar_tests::percentile;
use sqlx::{
    Connection, SqliteConnection,
    sqlite::{SqliteConnectOptions, SqliteJournalMode, SqliteSynchronous},
};

use crate::database::{Fresh, Look};

/// How fast a thing can be done again and again.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Pace {
    /// Per second.
    pub(crate) rate: f64,
    /// Milliseconds.
    pub(crate) p50: f64,
    /// Milliseconds.
    pub(crate) p99: f64,
}

impl Pace {
    /// From milliseconds of each.
    fn of(mut waits: Vec<f64>) -> Self {
        waits.sort_by(f64::total_cmp);
        let rate = waits.len() as f64 / waits.iter().sum::<f64>() * 1e3;
        Self { rate, p50: percentile(&waits, 0.5), p99: percentile(&waits, 0.99) }
    }
}

/// 4 KiB written and flushed (`fdatasync`).
pub(crate) fn flushes(folder: &Path, time: Duration) -> Pace {
    let mut file = OpenOptions::new().create(true).append(true).open(folder.join("flushes")).unwrap();
    let clock = SystemClock::new();
    let mut waits = Vec::new();
    while clock.monotonic() < time || waits.is_empty() {
        let began = clock.monotonic();
        file.write_all(&[7; 4096]).unwrap();
        file.sync_data().unwrap();
        waits.push(millis(clock.monotonic() - began));
    }
    Pace::of(waits)
}

/// One-row updates, each in a commit of its own, on an empty database.
pub(crate) async fn commits(fresh: &Fresh, time: Duration) -> Pace {
    let mut look = durable(fresh).await;
    look.run("CREATE TABLE one (n INTEGER NOT NULL)").await;
    look.run("INSERT INTO one VALUES (0)").await;
    let clock = SystemClock::new();
    let mut waits = Vec::new();
    while clock.monotonic() < time || waits.is_empty() {
        let began = clock.monotonic();
        look.run("UPDATE one SET n = n + 1").await;
        waits.push(millis(clock.monotonic() - began));
    }
    look.close().await;
    Pace::of(waits)
}

/// A connection whose commits are as durable as the store's.
async fn durable(fresh: &Fresh) -> Look {
    match fresh {
        Fresh::Sqlite(folder) => {
            Look::Lite(SqliteConnection::connect_with(&lite(&folder.file("commits.db"))).await.unwrap())
        }
        Fresh::Postgres(_) => fresh.look().await,
    }
}

/// A SQLite file with the pragmas that the store sets.
pub(crate) fn lite(file: &Path) -> SqliteConnectOptions {
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

/// As the figures are told.
pub(crate) fn millis(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}
