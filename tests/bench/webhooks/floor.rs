//! The floor: the least that keeps a webhook's promise, in a process of its own. A genuine delivery is committed before it
//! is answered, many to a commit, and its contact is written later, once. Nothing else: no tenants, order, history, retries.

use std::{sync::Arc, time::Duration};

use axum::{Router, body::Bytes, extract::State, routing::post};
use base64::{Engine, engine::general_purpose::STANDARD};
use clap::Args;
use ed25519_dalek::{Signature, VerifyingKey, pkcs8::DecodePublicKey};
use http::{HeaderMap, StatusCode};
use serde::Deserialize;
use sidecar_core::{Clock, SystemClock, Timestamp};
use sqlx::{PgPool, QueryBuilder, Sqlite, SqlitePool, postgres::PgPoolOptions, sqlite::SqlitePoolOptions};
use tokio::sync::{mpsc, oneshot};

use super::requests::ROUTE;
use crate::machine::lite;

/// Deliveries that share a commit at most, and contacts that are written at once.
const BATCH: usize = 512;
/// Rest between two lots of contacts, so that they are large ones.
const REST: Duration = Duration::from_millis(20);

/// On what.
#[derive(Debug, Args)]
pub(crate) struct Order {
    /// A URL of an empty database; none: it only answers, and verifies and keeps nothing.
    #[arg(long)]
    database: Option<String>,
    /// The sender's public key, PEM.
    #[arg(long)]
    key: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Event<'a> {
    id: &'a str,
    webhook_id: &'a str,
    timestamp: &'a str,
}

struct Row {
    id: String,
    contact: String,
    at: i64,
    body: Bytes,
    kept: oneshot::Sender<()>,
}

/// Serves until it is killed, after a line that tells the address.
pub(crate) async fn run(order: Order) {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let router = match order.database {
        None => Router::new().route(ROUTE, post(async |_: Bytes| KEPT)),
        Some(url) => {
            let (queue, rows) = mpsc::channel(4_096);
            let base = Arc::new(Base::open(&url).await);
            tokio::spawn(keep(base.clone(), rows));
            tokio::spawn(apply(base));
            Router::new()
                .route(ROUTE, post(receive))
                .with_state((VerifyingKey::from_public_key_pem(&order.key).unwrap(), queue))
        }
    };
    println!("{}", listener.local_addr().unwrap());
    axum::serve(listener, router).await.unwrap();
}

const KEPT: &str = r#"{"received":true}"#;

type Desk = (VerifyingKey, mpsc::Sender<Row>);

async fn receive(
    State((key, queue)): State<Desk>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<&'static str, StatusCode> {
    let signature = headers.get("x-ghl-signature").and_then(|value| STANDARD.decode(value).ok());
    let signature = signature.and_then(|bytes| Signature::from_slice(&bytes).ok()).ok_or(StatusCode::UNAUTHORIZED)?;
    key.verify_strict(&body, &signature).map_err(|_| StatusCode::UNAUTHORIZED)?;
    let event: Event<'_> = serde_json::from_slice(&body).map_err(|_| StatusCode::BAD_REQUEST)?;
    let at: Timestamp = event.timestamp.parse().map_err(|_| StatusCode::BAD_REQUEST)?;
    let (id, contact) = (event.webhook_id.to_owned(), event.id.to_owned());
    let (kept, committed) = oneshot::channel();
    let row = Row { id, contact, at: at.as_micros(), body, kept };
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
                let mut insert = QueryBuilder::<Sqlite>::new("INSERT INTO inbox (id, contact, at, body) ");
                insert.push_values(rows, |mut values, row| {
                    values.push_bind(&row.id).push_bind(&row.contact).push_bind(row.at).push_bind(&row.body[..]);
                });
                insert.push(" ON CONFLICT (id) DO NOTHING").build().execute(pool).await.map(drop)
            }
            Self::Pg(pool) => {
                let insert = "INSERT INTO inbox (id, contact, at, body)
                    SELECT * FROM unnest($1::text[], $2::text[], $3::bigint[], $4::bytea[]) ON CONFLICT (id) DO NOTHING";
                let insert = sqlx::query(insert)
                    .bind(rows.iter().map(|row| &*row.id).collect::<Vec<_>>())
                    .bind(rows.iter().map(|row| &*row.contact).collect::<Vec<_>>())
                    .bind(rows.iter().map(|row| row.at).collect::<Vec<_>>())
                    .bind(rows.iter().map(|row| &row.body[..]).collect::<Vec<_>>());
                insert.execute(pool).await.map(drop)
            }
        }
    }

    /// Writes the contacts of what is open and closes it; answers how many deliveries that were.
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
