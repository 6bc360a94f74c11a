//! The databases to measure on: a fresh one for each measurement, and a look at what is in it.

use std::{fmt, sync::Arc, time::Duration};

use clap::ValueEnum;
use sidecar_store::Store;
use sidecar_tests::{Folder, fresh_database, open_store, parent};
use sqlx::{Connection, PgConnection, SqliteConnection, sqlite::SqliteConnectOptions};

/// The owner URL of a maintenance database on a PostgreSQL server of the benchmark's own.
const POSTGRES: &str = "SIDECAR_TEST_POSTGRES_URL";

/// Which database.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Database {
    /// A file of its own.
    Sqlite,
    /// A database of its own.
    Postgres,
}

impl fmt::Display for Database {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Sqlite => "sqlite",
            Self::Postgres => "postgres",
        })
    }
}

impl Database {
    /// Whether there is one here.
    pub(crate) fn is_there(self) -> bool {
        self == Self::Sqlite || std::env::var_os(POSTGRES).is_some()
    }

    /// An empty one.
    pub(crate) async fn fresh(self) -> Fresh {
        match self {
            Self::Sqlite => Fresh::Sqlite(Folder::new()),
            Self::Postgres => Fresh::Postgres(fresh_database().await),
        }
    }
}

/// A database of one measurement, removed when it is dropped.
pub(crate) enum Fresh {
    /// In this folder.
    Sqlite(Folder),
    /// On the instance that the environment names.
    Postgres(sidecar_tests::Database),
}

impl Fresh {
    /// As the server takes it.
    pub(crate) fn url(&self) -> String {
        match self {
            Self::Sqlite(folder) => folder.sqlite("bench.db"),
            Self::Postgres(database) => database.url(),
        }
    }

    /// The store on it, migrated.
    pub(crate) async fn store(&self) -> Arc<dyn Store> {
        open_store(&self.url()).await
    }

    /// A connection of the benchmark's own.
    pub(crate) async fn look(&self) -> Look {
        match self {
            Self::Sqlite(folder) => {
                let options =
                    SqliteConnectOptions::new().filename(folder.file("bench.db")).busy_timeout(Duration::from_secs(60));
                Look::Lite(SqliteConnection::connect_with(&options).await.unwrap())
            }
            Self::Postgres(database) => Look::Pg(PgConnection::connect(&database.url()).await.unwrap()),
        }
    }
}

/// A connection that looks past the code under test.
pub(crate) enum Look {
    /// To a file.
    Lite(SqliteConnection),
    /// To a server.
    Pg(PgConnection),
}

impl Look {
    /// Runs a statement.
    pub(crate) async fn run(&mut self, statement: &'static str) {
        match self {
            Self::Lite(connection) => drop(sqlx::query(statement).execute(connection).await.unwrap()),
            Self::Pg(connection) => drop(sqlx::query(statement).execute(connection).await.unwrap()),
        }
    }

    /// One number.
    pub(crate) async fn number(&mut self, query: &'static str) -> i64 {
        let number: Option<i64> = match self {
            Self::Lite(connection) => sqlx::query_scalar(query).fetch_one(connection).await.unwrap(),
            Self::Pg(connection) => sqlx::query_scalar(query).fetch_one(connection).await.unwrap(),
        };
        number.unwrap_or(0)
    }

    /// The server's first process, when there is a server and it runs on this machine.
    pub(crate) async fn server(&mut self) -> Option<u32> {
        let Self::Pg(connection) = self else { return None };
        let id: i32 = sqlx::query_scalar("SELECT pg_backend_pid()").fetch_one(connection).await.unwrap();
        parent(id.unsigned_abs())
    }

    /// Ends it.
    pub(crate) async fn close(self) {
        match self {
            Self::Lite(connection) => connection.close().await.unwrap(),
            Self::Pg(connection) => connection.close().await.unwrap(),
        }
    }
}
