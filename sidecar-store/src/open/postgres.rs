use std::time::Duration;

use sidecar_core::{SystemClock, time::timeout};
use sqlx::{
    ConnectOptions, Connection, PgConnection,
    postgres::{PgConnectOptions, PgPoolOptions},
};

use super::migrations;
use crate::{OpenError, tx::Pool};

/// Connections per process: PostgreSQL's default of 100 serves five processes and leaves some for operators.
const MAX_CONNECTIONS: u32 = 16;
/// Limits the wait for a connection, and so for a server that is down.
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(3);
/// Limits the wait for any response of the server; the connection is dropped after it.
pub(crate) const RESPONSE_TIMEOUT: Duration = Duration::from_secs(15);
/// Limits the ping of a connection that returns to the pool.
const PING_TIMEOUT: Duration = Duration::from_secs(5);
/// Server-side limits of a statement and of its wait for a lock, in milliseconds.
const STATEMENT_TIMEOUT_MS: &str = "10000";
const LOCK_TIMEOUT_MS: &str = "5000";
/// Limits a migration's wait for locks, because statements that queue behind it wait as long.
const MIGRATION_LOCK_TIMEOUT_MS: &str = "3000";

/// Opens and migrates the database of a `postgres:` URL.
pub(super) async fn connect(url: &str) -> Result<Pool, OpenError> {
    let options: PgConnectOptions =
        url.parse().map_err(|error: sqlx::Error| OpenError::InvalidUrl(error.to_string()))?;
    let options = options.application_name("sidecar");
    let server = server_address(&options);
    migrate(&options, &server).await?;
    let pool = PgPoolOptions::new()
        .max_connections(MAX_CONNECTIONS)
        .acquire_timeout(ACQUIRE_TIMEOUT)
        .test_before_acquire(false)
        .after_release(|connection, _| Box::pin(is_alive(connection)))
        .connect_with(options.options(SESSION_SETTINGS))
        .await
        .map_err(|error| open_error(&server, &error))?;
    Ok(Pool::Postgres(pool))
}

/// Returns `true` if a connection can return to the pool. A connection to a silent server would block its pool slot forever.
async fn is_alive(connection: &mut PgConnection) -> Result<bool, sqlx::Error> {
    match timeout(&SystemClock::new(), PING_TIMEOUT, connection.ping()).await {
        Ok(pong) => pong.map(|()| true),
        Err(_) => Err(sqlx::Error::Io(std::io::ErrorKind::TimedOut.into())),
    }
}

/// Session settings. Every statement of this store reads a few rows per key through an index, so the planner must not choose
/// scans. It plans each execution, because a plan cached while the tables were nearly empty would read every open row for each
/// claimed one.
const SESSION_SETTINGS: [(&str, &str); 9] = [
    ("statement_timeout", STATEMENT_TIMEOUT_MS),
    ("lock_timeout", LOCK_TIMEOUT_MS),
    ("idle_in_transaction_session_timeout", "30000"),
    ("enable_seqscan", "off"),
    // A bitmap scan has no order, so a claim would sort every open row.
    ("enable_bitmapscan", "off"),
    ("enable_hashjoin", "off"),
    ("enable_mergejoin", "off"),
    ("jit", "off"),
    ("plan_cache_mode", "force_custom_plan"),
];

/// Runs the migrations, each in a transaction. sqlx's advisory lock admits one process at a time; the others then find nothing
/// left to do.
async fn migrate(options: &PgConnectOptions, server: &str) -> Result<(), OpenError> {
    let mut connection = options
        .clone()
        .options([("lock_timeout", MIGRATION_LOCK_TIMEOUT_MS)])
        .connect()
        .await
        .map_err(|error| open_error(server, &error))?;
    let migrated = migrations::migrator(|text| text.postgres).run_direct(None, &mut connection, false).await;
    migrated.map_err(|error| migrations::migration_error(error, |error| open_error(server, &error)))
}

/// Describes the server without the user and the password.
fn server_address(options: &PgConnectOptions) -> String {
    let database = options.get_database().unwrap_or("its default database");
    format!("{}:{}/{database}", options.get_host(), options.get_port())
}

fn open_error(server: &str, error: &sqlx::Error) -> OpenError {
    let why = match error {
        sqlx::Error::Database(error) => error.message().to_owned(),
        other => other.to_string(),
    };
    OpenError::Postgres { server: server.to_owned(), why }
}
