//! What the machine can do: flushes of the disk, and commits of SQLite that hold next to nothing.

use std::{fs::OpenOptions, io::Write, path::Path, time::Duration};

use sidecar_core::{Clock, SystemClock};
use sqlx::{
    Connection, SqliteConnection,
    sqlite::{SqliteConnectOptions, SqliteJournalMode, SqliteSynchronous},
};

/// 4 KiB written and flushed (`fdatasync`), per second.
pub(super) fn flushes(folder: &Path, time: Duration) -> f64 {
    let mut file = OpenOptions::new().create(true).append(true).open(folder.join("flushes")).unwrap();
    let clock = SystemClock::new();
    let mut count = 0.0;
    while clock.monotonic() < time {
        file.write_all(&[7; 4096]).unwrap();
        file.sync_data().unwrap();
        count += 1.0;
    }
    count / clock.monotonic().as_secs_f64()
}

/// One-row updates committed with `synchronous=FULL`, per second.
pub(super) async fn commits(folder: &Path, time: Duration) -> f64 {
    let options = SqliteConnectOptions::new()
        .filename(folder.join("commits.db"))
        .create_if_missing(true)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Full);
    let mut connection = SqliteConnection::connect_with(&options).await.unwrap();
    sqlx::query("CREATE TABLE one (n INTEGER NOT NULL) STRICT").execute(&mut connection).await.unwrap();
    sqlx::query("INSERT INTO one VALUES (0)").execute(&mut connection).await.unwrap();
    let clock = SystemClock::new();
    let mut count = 0.0;
    while clock.monotonic() < time {
        sqlx::query("UPDATE one SET n = n + 1").execute(&mut connection).await.unwrap();
        count += 1.0;
    }
    let rate = count / clock.monotonic().as_secs_f64();
    connection.close().await.unwrap();
    rate
}
