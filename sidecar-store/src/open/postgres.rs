use std::time::Duration;

use sidecar_core::{SystemClock, time::timeout};
use sqlx::{
    ConnectOptions, Connection, PgConnection,
    postgres::{PgConnectOptions, PgPoolOptions},
};

use super::migrations;
use crate::{OpenError, tx::Pool};

/// Connections of one process: a database of the usual 100 has room for five processes and for people.
const CONNECTIONS: u32 = 16;
/// How long a caller waits for a connection, which is also how long a server that is down is asked.
const ACQUIRE: Duration = Duration::from_secs(3);
/// How long a server may say nothing before its connection is given up.
pub(crate) const SILENCE: Duration = Duration::from_secs(15);
/// How long a server may take to say that a connection is alive when it is given back.
const ANSWER: Duration = Duration::from_secs(5);
/// How long a statement of ours may take, and wait for a lock, in milliseconds.
const STATEMENT_MS: &str = "10000";
const LOCK_MS: &str = "5000";
/// How long a migration waits for locks: whoever queues behind it waits as long.
const MIGRATION_LOCK_MS: &str = "3000";

/// Opens and migrates the database of a `postgres:` URL.
pub(super) async fn connect(url: &str) -> Result<Pool, OpenError> {
    let options: PgConnectOptions = url.parse().map_err(|error: sqlx::Error| OpenError::Url(error.to_string()))?;
    let options = options.application_name("sidecar");
    let server = server(&options);
    migrate(&options, &server).await?;
    let pool = PgPoolOptions::new()
        .max_connections(CONNECTIONS)
        .acquire_timeout(ACQUIRE)
        .test_before_acquire(false)
        .after_release(|connection, _| Box::pin(answers(connection)))
        .connect_with(options.options(SETTINGS))
        .await
        .map_err(|error| refused(&server, &error))?;
    Ok(Pool::Pg(pool))
}

/// Whether a connection may be used again. One to a server that went silent would be waited for without end, and with it the
/// place that a new connection needs.
async fn answers(connection: &mut PgConnection) -> Result<bool, sqlx::Error> {
    match timeout(&SystemClock::new(), ANSWER, connection.ping()).await {
        Ok(answer) => answer.map(|()| true),
        Err(_) => Err(sqlx::Error::Io(std::io::ErrorKind::TimedOut.into())),
    }
}

/// Every statement of this store looks rows up by an index, a few for each key that it is given; the planner is told so, and
/// plans each time anew by how large the tables are then: a plan that it kept from when they were nearly empty would read
/// every open row for each one claimed.
const SETTINGS: [(&str, &str); 9] = [
    ("statement_timeout", STATEMENT_MS),
    ("lock_timeout", LOCK_MS),
    ("idle_in_transaction_session_timeout", "30000"),
    ("enable_seqscan", "off"),
    // A bitmap has no order: a claim would sort everything that is open.
    ("enable_bitmapscan", "off"),
    ("enable_hashjoin", "off"),
    ("enable_mergejoin", "off"),
    ("jit", "off"),
    ("plan_cache_mode", "force_custom_plan"),
];

/// One process at a time, by sqlx's advisory lock; the others then find nothing left to do. Each migration is a transaction.
async fn migrate(options: &PgConnectOptions, server: &str) -> Result<(), OpenError> {
    let mut connection = options
        .clone()
        .options([("lock_timeout", MIGRATION_LOCK_MS)])
        .connect()
        .await
        .map_err(|error| refused(server, &error))?;
    let migrated = migrations::of(|text| text.pg).run_direct(None, &mut connection, false).await;
    migrated.map_err(|error| migrations::failed(error, |error| refused(server, &error)))
}

/// Where it is, without who asks and with what.
fn server(options: &PgConnectOptions) -> String {
    let database = options.get_database().unwrap_or("its default database");
    format!("{}:{}/{database}", options.get_host(), options.get_port())
}

fn refused(server: &str, error: &sqlx::Error) -> OpenError {
    let why = match error {
        sqlx::Error::Database(error) => error.message().to_owned(),
        other => other.to_string(),
    };
    OpenError::Server { server: server.to_owned(), why }
}
