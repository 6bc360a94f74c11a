//! The floor: the least that keeps a webhook's promise, in a process of its own. A genuine delivery is committed before it
//! is answered, many to a commit, and what it is about is written later, once. Nothing else: no tenants, order, history,
//! retries.

mod gate;

use std::{sync::Arc, time::Duration};

use axum::{Router, body::Bytes, extract::State, routing::post};
use clap::Args;
use http::{HeaderMap, StatusCode};
use sidecar_core::{Clock, SystemClock};
use sqlx::{PgPool, QueryBuilder, Sqlite, SqlitePool, postgres::PgPoolOptions, sqlite::SqlitePoolOptions};
use tokio::sync::{mpsc, oneshot};

use self::gate::{Gate, Told};
use super::provider::Provider;
use crate::machine::lite;

/// Deliveries that share a commit at most, and documents that are written at once.
const BATCH: usize = 512;
/// Rest between two lots of documents, so that they are large ones.
const REST: Duration = Duration::from_millis(20);

/// On what.
#[derive(Debug, Args)]
pub(crate) struct Order {
    /// A URL of an empty database; none: it only answers, and verifies and keeps nothing.
    #[arg(long)]
    database: Option<String>,
    /// Whose deliveries.
    #[arg(long)]
    provider: Provider,
    /// What they are checked with: the sender's public key as PEM, or the secret.
    #[arg(long)]
    key: String,
}

struct Row {
    told: Told,
    body: Bytes,
    kept: oneshot::Sender<()>,
}

/// Serves until it is killed, after a line that tells the address.
pub(crate) async fn run(order: Order) {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let route = order.provider.route();
    let router = match order.database {
        None => Router::new().route(route, post(async |_: Bytes| KEPT)),
        Some(url) => {
            let (queue, rows) = mpsc::channel(4_096);
            let base = Arc::new(Base::open(&url).await);
            tokio::spawn(keep(base.clone(), rows));
            tokio::spawn(apply(base));
            let gate = Arc::new(Gate::new(order.provider, &order.key));
            Router::new().route(route, post(receive)).with_state((gate, queue))
        }
    };
    println!("{}", listener.local_addr().unwrap());
    axum::serve(listener, router).await.unwrap();
}

const KEPT: &str = r#"{"received":true}"#;

type Desk = (Arc<Gate>, mpsc::Sender<Row>);

async fn receive(
    State((gate, queue)): State<Desk>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<&'static str, StatusCode> {
    let told = gate.told(&headers, &body)?;
    let (kept, committed) = oneshot::channel();
    let row = Row { told, body, kept };
    queue.send(row).await.map_err(|_| StatusCode::SERVICE_UNAVAILABLE)?;
    committed.await.map_or(Err(StatusCode::SERVICE_UNAVAILABLE), |()| Ok(KEPT))
}

/// While one batch is committed the next one fills.
async fn keep(base: Arc<Base>, mut queue: mpsc::Receiver<Row>) {
    let mut rows = Vec::with_capacity(BATCH);
    while queue.recv_many(&mut rows, BATCH).await > 0 {
        base.put(&rows).await.unwrap();
        for row in rows.drain(..) {
            // A sender that went away is not told.
            let _ = row.kept.send(());
        }
    }
}

async fn apply(base: Arc<Base>) {
    loop {
        if base.apply().await.unwrap() < BATCH as u64 {
            SystemClock::new().sleep(REST).await;
        }
    }
}

enum Base {
    Lite(SqlitePool),
    Pg(PgPool),
}

impl Base {
    async fn open(url: &str) -> Self {
        match url.strip_prefix("sqlite://") {
            Some(file) => {
                let pool = SqlitePoolOptions::new().max_connections(1).test_before_acquire(false);
                let pool = pool.connect_with(lite(file.as_ref())).await.unwrap();
                sqlx::raw_sql(include_str!("floor/sqlite.sql")).execute(&pool).await.unwrap();
                Self::Lite(pool)
            }
            None => {
                let pool =
                    PgPoolOptions::new().max_connections(2).test_before_acquire(false).connect(url).await.unwrap();
                sqlx::raw_sql(include_str!("floor/postgres.sql")).execute(&pool).await.unwrap();
                Self::Pg(pool)
            }
        }
    }

    /// One statement, one commit.
    async fn put(&self, rows: &[Row]) -> sqlx::Result<()> {
        match self {
            Self::Lite(pool) => {
                let mut insert = QueryBuilder::<Sqlite>::new("INSERT INTO inbox (id, entity, at, body) ");
                insert.push_values(rows, |mut values, row| {
                    values.push_bind(&row.told.id).push_bind(&row.told.entity);
                    values.push_bind(row.told.at).push_bind(&row.body[..]);
                });
                insert.push(" ON CONFLICT (id) DO NOTHING").build().execute(pool).await.map(drop)
            }
            Self::Pg(pool) => {
                let insert = "INSERT INTO inbox (id, entity, at, body)
                    SELECT * FROM unnest($1::text[], $2::text[], $3::bigint[], $4::bytea[]) ON CONFLICT (id) DO NOTHING";
                let insert = sqlx::query(insert)
                    .bind(rows.iter().map(|row| &*row.told.id).collect::<Vec<_>>())
                    .bind(rows.iter().map(|row| &*row.told.entity).collect::<Vec<_>>())
                    .bind(rows.iter().map(|row| row.told.at).collect::<Vec<_>>())
                    .bind(rows.iter().map(|row| &row.body[..]).collect::<Vec<_>>());
                insert.execute(pool).await.map(drop)
            }
        }
    }

    /// Writes the documents of what is open and closes it; answers how many deliveries that were.
    async fn apply(&self) -> sqlx::Result<u64> {
        match self {
            Self::Lite(pool) => {
                let done = sqlx::raw_sql(include_str!("floor/apply_sqlite.sql")).execute(pool).await?;
                Ok(done.rows_affected() / 2)
            }
            Self::Pg(pool) => {
                Ok(sqlx::query(include_str!("floor/apply_postgres.sql")).execute(pool).await?.rows_affected())
            }
        }
    }
}
