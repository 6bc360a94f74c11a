//! The database of a test, and a look into it that does not go through the code under test.

use std::any::Any;

use sidecar_core::{Clock, SystemClock};
use sidecar_tests::{Folder, Home, Kind, PrivatePostgres};
use sqlx::{
    AssertSqlSafe, Connection, FromRow, PgConnection, SqliteConnection,
    postgres::PgRow,
    sqlite::{SqliteConnectOptions, SqliteRow},
};

use crate::server::PATIENCE;

/// A database of the test's own.
pub(crate) struct Database {
    url: String,
    instance: Option<PrivatePostgres>,
    _ends_with_it: Box<dyn Any + Send + Sync>,
}

impl Database {
    pub(crate) async fn new(kind: Kind) -> Self {
        let home = Home::new(kind).await;
        Self { url: home.url(), instance: None, _ends_with_it: Box::new(home) }
    }

    /// A file in a given folder.
    pub(crate) fn file(folder: Folder) -> Self {
        let home = Home::Sqlite(folder);
        Self { url: home.url(), instance: None, _ends_with_it: Box::new(home) }
    }

    /// An instance of its own.
    pub(crate) fn private(instance: PrivatePostgres) -> Self {
        Self { url: instance.url(), instance: Some(instance), _ends_with_it: Box::new(()) }
    }

    /// The same with its tables in a folder.
    pub(crate) async fn private_in(instance: PrivatePostgres, tables: Folder) -> Self {
        let url = instance.database_in(&tables).await;
        Self { url, instance: Some(instance), _ends_with_it: Box::new(tables) }
    }

    /// The address, as a server takes it.
    pub(crate) fn url(&self) -> String {
        self.url.clone()
    }

    /// The test's own instance.
    pub(crate) fn instance(&mut self) -> &mut PrivatePostgres {
        self.instance.as_mut().unwrap()
    }

    /// A connection of the test's own.
    pub(crate) async fn look(&self) -> Look {
        match self.url.starts_with("sqlite:") {
            true => {
                let options: SqliteConnectOptions = self.url.parse().unwrap();
                Look::Sqlite(SqliteConnection::connect_with(&options.busy_timeout(PATIENCE)).await.unwrap())
            }
            false => Look::Postgres(PgConnection::connect(&self.url).await.unwrap()),
        }
    }

    /// Runs a statement on a connection of its own; how many rows it wrote.
    pub(crate) async fn execute(&self, statement: &str) -> u64 {
        self.look().await.execute(statement).await
    }

    /// The rows of a query.
    pub(crate) async fn rows<T: Row>(&self, query: &str) -> Vec<T> {
        self.look().await.rows(query).await
    }

    /// One number.
    pub(crate) async fn count(&self, query: &str) -> i64 {
        let (count,) = self.rows::<(i64,)>(query).await.remove(0);
        count
    }

    /// As if so much time had passed that every lease and claim has run out: what a killed process held is free.
    pub(crate) async fn time_passes(&self) {
        let mut look = self.look().await;
        look.only_one().await;
        for run_out in [
            "UPDATE leases SET expires_at = 0",
            "UPDATE inbox SET due_at = 0 WHERE state = 0",
            "UPDATE outbox SET due_at = 0 WHERE state = 0",
        ] {
            look.execute(run_out).await;
        }
    }

    /// How many leases, deliveries and tasks somebody holds.
    pub(crate) async fn held(&self) -> i64 {
        let now = SystemClock::new().now().as_micros();
        let claims = |table: &str| {
            // A claim raises the attempts; what was put off after a failure has an error.
            format!("SELECT count(*) FROM {table} WHERE state = 0 AND error IS NULL AND due_at > {now}")
        };
        let leases = format!("SELECT count(*) FROM leases WHERE expires_at > {now}");
        self.count(&leases).await + self.count(&claims("inbox")).await + self.count(&claims("outbox")).await
    }
}

/// A row that both kinds of database can be read as.
pub(crate) trait Row: for<'r> FromRow<'r, SqliteRow> + for<'r> FromRow<'r, PgRow> + Send + Unpin {}

impl<T: for<'r> FromRow<'r, SqliteRow> + for<'r> FromRow<'r, PgRow> + Send + Unpin> Row for T {}

/// An open connection.
pub(crate) enum Look {
    Sqlite(SqliteConnection),
    Postgres(PgConnection),
}

impl Look {
    pub(crate) async fn execute(&mut self, statement: &str) -> u64 {
        let query = AssertSqlSafe(statement);
        match self {
            Self::Sqlite(connection) => sqlx::query(query).execute(connection).await.unwrap().rows_affected(),
            Self::Postgres(connection) => sqlx::query(query).execute(connection).await.unwrap().rows_affected(),
        }
    }

    pub(crate) async fn rows<T: Row>(&mut self, query: &str) -> Vec<T> {
        let query = AssertSqlSafe(query);
        match self {
            Self::Sqlite(connection) => sqlx::query_as(query).fetch_all(connection).await.unwrap(),
            Self::Postgres(connection) => sqlx::query_as(query).fetch_all(connection).await.unwrap(),
        }
    }

    /// Waits until what killed processes left running in PostgreSQL has ended: a statement that was sent is finished there.
    async fn only_one(&mut self) {
        const OTHERS: &str = "SELECT count(*) FROM pg_stat_activity
                              WHERE datname = current_database() AND pid <> pg_backend_pid()
                                AND application_name = 'sidecar' AND state <> 'idle'";
        let clock = SystemClock::new();
        while matches!(self, Self::Postgres(_)) && self.rows::<(i64,)>(OTHERS).await != [(0,)] {
            assert!(clock.monotonic() < PATIENCE, "somebody still works in the database");
            clock.sleep(std::time::Duration::from_millis(5)).await;
        }
    }
}
