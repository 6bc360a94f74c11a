//! A database for one test, on each kind that the store supports, and a connection that bypasses the store.

use std::{fmt, time::Duration};

use clap::ValueEnum;
use sqlx::{
    AssertSqlSafe, Connection, FromRow, PgConnection, SqliteConnection,
    postgres::PgRow,
    sqlite::{SqliteConnectOptions, SqliteRow},
};

use crate::{PostgresDatabase, TempFolder, create_postgres_database, parent};

const SQLITE_BUSY_TIMEOUT: Duration = Duration::from_secs(60);

/// The kind of database that a test runs on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum DatabaseKind {
    /// A SQLite file.
    Sqlite,
    /// A database on the shared PostgreSQL instance.
    Postgres,
}

impl fmt::Display for DatabaseKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Sqlite => "sqlite",
            Self::Postgres => "postgres",
        })
    }
}

/// Declares the tests `name::sqlite` and `name::postgres`, which call the async function `name` with a [`DatabaseKind`].
#[macro_export]
macro_rules! test_on_each_database {
    ($name:ident) => {
        mod $name {
            #[tokio::test(flavor = "multi_thread")]
            async fn sqlite() {
                super::$name($crate::DatabaseKind::Sqlite).await;
            }

            #[tokio::test(flavor = "multi_thread")]
            async fn postgres() {
                super::$name($crate::DatabaseKind::Postgres).await;
            }
        }
    };
}

/// An empty database, removed on drop.
#[derive(Debug)]
pub enum TestDatabase {
    /// A file in this folder.
    Sqlite(TempFolder),
    /// A database on the shared instance.
    Postgres(PostgresDatabase),
}

impl TestDatabase {
    /// Creates a database.
    ///
    /// # Panics
    /// As [`create_postgres_database`].
    pub async fn new(kind: DatabaseKind) -> Self {
        match kind {
            DatabaseKind::Sqlite => Self::Sqlite(TempFolder::new()),
            DatabaseKind::Postgres => Self::Postgres(create_postgres_database().await),
        }
    }

    /// Returns the URL that a store opens.
    pub fn url(&self) -> String {
        match self {
            Self::Sqlite(folder) => folder.sqlite("test.db"),
            Self::Postgres(database) => database.url(),
        }
    }
}

/// A row type that both kinds of database decode.
pub trait Row: for<'r> FromRow<'r, SqliteRow> + for<'r> FromRow<'r, PgRow> + Send + Unpin {}

impl<T: for<'r> FromRow<'r, SqliteRow> + for<'r> FromRow<'r, PgRow> + Send + Unpin> Row for T {}

/// A connection to a database that does not go through the code under test.
#[derive(Debug)]
pub enum SqlConnection {
    /// To a file.
    Sqlite(SqliteConnection),
    /// To a server.
    Postgres(PgConnection),
}

impl SqlConnection {
    /// Connects to the database at `url`.
    pub async fn open(url: &str) -> Self {
        if url.starts_with("sqlite:") {
            let options: SqliteConnectOptions = url.parse().unwrap();
            let options = options.busy_timeout(SQLITE_BUSY_TIMEOUT);
            Self::Sqlite(SqliteConnection::connect_with(&options).await.unwrap())
        } else {
            Self::Postgres(PgConnection::connect(url).await.unwrap())
        }
    }

    /// Runs a statement and returns the number of rows written.
    pub async fn execute(&mut self, statement: &str) -> u64 {
        let query = AssertSqlSafe(statement);
        match self {
            Self::Sqlite(connection) => sqlx::query(query).execute(connection).await.unwrap().rows_affected(),
            Self::Postgres(connection) => sqlx::query(query).execute(connection).await.unwrap().rows_affected(),
        }
    }

    /// Returns the rows of a query.
    pub async fn rows<T: Row>(&mut self, query: &str) -> Vec<T> {
        let query = AssertSqlSafe(query);
        match self {
            Self::Sqlite(connection) => sqlx::query_as(query).fetch_all(connection).await.unwrap(),
            Self::Postgres(connection) => sqlx::query_as(query).fetch_all(connection).await.unwrap(),
        }
    }

    /// Returns the number that a query selects.
    pub async fn count(&mut self, query: &str) -> i64 {
        self.rows::<(i64,)>(query).await.remove(0).0
    }

    /// Returns the id of PostgreSQL's main process; `None` for a file or a server on another machine.
    pub async fn server_process(&mut self) -> Option<u32> {
        let Self::Postgres(connection) = self else { return None };
        let id: i32 = sqlx::query_scalar("SELECT pg_backend_pid()").fetch_one(connection).await.unwrap();
        parent(id.unsigned_abs())
    }

    /// Closes the connection.
    pub async fn close(self) {
        match self {
            Self::Sqlite(connection) => connection.close().await.unwrap(),
            Self::Postgres(connection) => connection.close().await.unwrap(),
        }
    }
}
