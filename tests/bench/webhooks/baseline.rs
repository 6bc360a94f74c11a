//! The baseline process: the minimal webhook receiver with the same guarantee. It verifies a delivery, commits it in a batch,
//! responds, and writes its document later. It has no tenants, order, event log or retries.

mod verifier;

use std::{sync::Arc, time::Duration};

use axum::{Router, body::Bytes, extract::State, routing::post};
use clap::Args;
use http::{HeaderMap, StatusCode};
use sidecar_core::{Clock, SystemClock};
use sqlx::{PgPool, QueryBuilder, Sqlite, SqlitePool, postgres::PgPoolOptions, sqlite::SqlitePoolOptions};
use tokio::sync::{mpsc, oneshot};

use self::verifier::{ParsedEvent, Verifier};
use super::provider::Provider;
use crate::machine::sqlite_options;

/// The maximum of deliveries in a commit and of documents in a write.
const BATCH_SIZE: usize = 512;
/// The pause between two writes of documents, so that they are large.
const WRITE_INTERVAL: Duration = Duration::from_millis(20);

/// The arguments of the process.
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// The URL of an empty database; without it, the process responds without verifying or storing.
    #[arg(long)]
    database: Option<String>,
    /// The provider of the deliveries.
    #[arg(long)]
    provider: Provider,
    /// The public key as PEM, or the secret.
    #[arg(long)]
    key: String,
}

struct Row {
    event: ParsedEvent,
    body: Bytes,
    committed: oneshot::Sender<()>,
}

/// Prints its address and serves until it is killed.
pub(crate) async fn run(arguments: Arguments) {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let route = arguments.provider.route();
    let router = match arguments.database {
        None => Router::new().route(route, post(async |_: Bytes| RECEIVED)),
        Some(url) => {
            let (queue, rows) = mpsc::channel(4_096);
            let pool = Arc::new(Pool::open(&url).await);
            tokio::spawn(commit_batches(pool.clone(), rows));
            tokio::spawn(apply(pool));
            let verifier = Arc::new(Verifier::new(arguments.provider, &arguments.key));
            Router::new().route(route, post(receive)).with_state((verifier, queue))
        }
    };
    println!("{}", listener.local_addr().unwrap());
    axum::serve(listener, router).await.unwrap();
}

const RECEIVED: &str = r#"{"received":true}"#;

type ReceiverState = (Arc<Verifier>, mpsc::Sender<Row>);

async fn receive(
    State((verifier, queue)): State<ReceiverState>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<&'static str, StatusCode> {
    let event = verifier.verify(&headers, &body)?;
    let (sender, committed) = oneshot::channel();
    let row = Row { event, body, committed: sender };
    queue.send(row).await.map_err(|_| StatusCode::SERVICE_UNAVAILABLE)?;
    committed.await.map_or(Err(StatusCode::SERVICE_UNAVAILABLE), |()| Ok(RECEIVED))
}

/// Commits batches; the next one fills during a commit.
async fn commit_batches(pool: Arc<Pool>, mut queue: mpsc::Receiver<Row>) {
    let mut rows = Vec::with_capacity(BATCH_SIZE);
    while queue.recv_many(&mut rows, BATCH_SIZE).await > 0 {
        pool.put(&rows).await.unwrap();
        for row in rows.drain(..) {
            // The receiver is gone if the client disconnected.
            let _ = row.committed.send(());
        }
    }
}

async fn apply(pool: Arc<Pool>) {
    loop {
        if pool.apply().await.unwrap() < BATCH_SIZE as u64 {
            SystemClock::new().sleep(WRITE_INTERVAL).await;
        }
    }
}

enum Pool {
    Sqlite(SqlitePool),
    Postgres(PgPool),
}

impl Pool {
    async fn open(url: &str) -> Self {
        match url.strip_prefix("sqlite://") {
            Some(file) => {
                let pool = SqlitePoolOptions::new().max_connections(1).test_before_acquire(false);
                let pool = pool.connect_with(sqlite_options(file.as_ref())).await.unwrap();
                sqlx::raw_sql(include_str!("baseline/sqlite.sql")).execute(&pool).await.unwrap();
                Self::Sqlite(pool)
            }
            None => {
                let pool =
                    PgPoolOptions::new().max_connections(2).test_before_acquire(false).connect(url).await.unwrap();
                sqlx::raw_sql(include_str!("baseline/postgres.sql")).execute(&pool).await.unwrap();
                Self::Postgres(pool)
            }
        }
    }

    /// One statement, one commit.
    async fn put(&self, rows: &[Row]) -> sqlx::Result<()> {
        match self {
            Self::Sqlite(pool) => {
                let mut insert = QueryBuilder::<Sqlite>::new("INSERT INTO inbox (id, entity, at, body) ");
                insert.push_values(rows, |mut values, row| {
                    values.push_bind(&row.event.id).push_bind(&row.event.entity);
                    values.push_bind(row.event.at).push_bind(&row.body[..]);
                });
                insert.push(" ON CONFLICT (id) DO NOTHING").build().execute(pool).await.map(drop)
            }
            Self::Postgres(pool) => {
                let insert = "INSERT INTO inbox (id, entity, at, body)
                    SELECT * FROM unnest($1::text[], $2::text[], $3::bigint[], $4::bytea[]) ON CONFLICT (id) DO NOTHING";
                let insert = sqlx::query(insert)
                    .bind(rows.iter().map(|row| &*row.event.id).collect::<Vec<_>>())
                    .bind(rows.iter().map(|row| &*row.event.entity).collect::<Vec<_>>())
                    .bind(rows.iter().map(|row| row.event.at).collect::<Vec<_>>())
                    .bind(rows.iter().map(|row| &row.body[..]).collect::<Vec<_>>());
                insert.execute(pool).await.map(drop)
            }
        }
    }

    /// Writes the documents of pending deliveries and returns the number of deliveries.
    async fn apply(&self) -> sqlx::Result<u64> {
        match self {
            Self::Sqlite(pool) => {
                let done = sqlx::raw_sql(include_str!("baseline/apply_sqlite.sql")).execute(pool).await?;
                Ok(done.rows_affected() / 2)
            }
            Self::Postgres(pool) => {
                Ok(sqlx::query(include_str!("baseline/apply_postgres.sql")).execute(pool).await?.rows_affected())
            }
        }
    }
}
