//! The database of a server, with the SQL that tests run on it directly.

use std::{any::Any, time::Duration};

use sidecar_core::{Clock, SystemClock};
use sidecar_tests::{DatabaseKind, PrivatePostgres, Row, SqlConnection, TempFolder, TestDatabase};

use crate::server::WAIT_TIMEOUT;

/// A database and, if the test controls it, its PostgreSQL instance.
pub(crate) struct Database {
    url: String,
    instance: Option<PrivatePostgres>,
    _resources: Box<dyn Any + Send + Sync>,
}

impl Database {
    pub(crate) async fn new(kind: DatabaseKind) -> Self {
        Self::owning(TestDatabase::new(kind).await)
    }

    /// A SQLite file in this folder.
    pub(crate) fn sqlite_in(folder: TempFolder) -> Self {
        Self::owning(TestDatabase::Sqlite(folder))
    }

    fn owning(database: TestDatabase) -> Self {
        Self { url: database.url(), instance: None, _resources: Box::new(database) }
    }

    /// The database of a private instance.
    pub(crate) fn private(instance: PrivatePostgres) -> Self {
        Self { url: instance.url(), instance: Some(instance), _resources: Box::new(()) }
    }

    /// A database of a private instance whose tables are stored in `tables`.
    pub(crate) async fn private_in(instance: PrivatePostgres, tables: TempFolder) -> Self {
        let url = instance.database_in(&tables).await;
        Self { url, instance: Some(instance), _resources: Box::new(tables) }
    }

    /// Returns its URL.
    pub(crate) fn url(&self) -> String {
        self.url.clone()
    }

    /// Returns the private instance.
    pub(crate) fn instance(&mut self) -> &mut PrivatePostgres {
        self.instance.as_mut().unwrap()
    }

    /// Opens a connection.
    pub(crate) async fn connect(&self) -> SqlConnection {
        SqlConnection::open(&self.url).await
    }

    /// Runs a statement on a new connection and returns the number of rows written.
    pub(crate) async fn execute(&self, statement: &str) -> u64 {
        self.connect().await.execute(statement).await
    }

    /// Returns the rows of a query.
    pub(crate) async fn rows<T: Row>(&self, query: &str) -> Vec<T> {
        self.connect().await.rows(query).await
    }

    /// Returns the number that a query selects.
    pub(crate) async fn count(&self, query: &str) -> i64 {
        self.connect().await.count(query).await
    }

    /// Expires every lease and claim, which releases those of killed processes.
    pub(crate) async fn expire_leases_and_claims(&self) {
        let mut connection = self.connect().await;
        wait_for_other_clients(&mut connection).await;
        for expire in [
            "UPDATE leases SET expires_at = 0",
            "UPDATE inbox SET due_at = 0 WHERE state = 0",
            "UPDATE outbox SET due_at = 0 WHERE state = 0",
        ] {
            connection.execute(expire).await;
        }
    }

    /// Returns the number of held leases and of claimed deliveries and tasks.
    pub(crate) async fn leases_and_claims(&self) -> i64 {
        let now = SystemClock::new().now().as_micros();
        let claims = |table: &str| {
            // A row that waits for a retry has an error; a claimed one has none.
            format!("SELECT count(*) FROM {table} WHERE state = 0 AND error IS NULL AND due_at > {now}")
        };
        let leases = format!("SELECT count(*) FROM leases WHERE expires_at > {now}");
        self.count(&leases).await + self.count(&claims("inbox")).await + self.count(&claims("outbox")).await
    }
}

/// Waits until PostgreSQL has finished the statements of killed processes.
async fn wait_for_other_clients(connection: &mut SqlConnection) {
    const BUSY_CLIENTS: &str = "SELECT count(*) FROM pg_stat_activity
                                WHERE datname = current_database() AND pid <> pg_backend_pid()
                                  AND application_name = 'sidecar' AND state <> 'idle'";
    let clock = SystemClock::new();
    while matches!(connection, SqlConnection::Postgres(_)) && connection.count(BUSY_CLIENTS).await != 0 {
        assert!(clock.monotonic() < WAIT_TIMEOUT, "a client is still busy in the database");
        clock.sleep(Duration::from_millis(5)).await;
    }
}
