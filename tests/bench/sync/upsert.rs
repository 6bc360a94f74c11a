//! The database alone: the same documents into the store's own table of records, a thousand to a statement, by the
//! statements that move most at once. Putting the rows into the statement counts, what stands in them was made before.

use serde::Serialize;
use sidecar_core::{Clock, SystemClock};
use sidecar_tests::ORGANIZATION;
use sqlx::{PgPool, QueryBuilder, Sqlite, SqlitePool, postgres::PgPoolOptions, sqlite::SqlitePoolOptions};

use super::documents;
use crate::{
    database::{Database, Fresh},
    machine::lite,
};

/// Rows of a statement.
const ROWS: usize = 1_000;

/// How the rows are handed over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum By {
    /// As one JSON text, as the store does.
    Json,
    /// As an array for each column (PostgreSQL), or as values one by one (SQLite).
    Columns,
}

/// Rows per second.
#[derive(Debug, Clone, Copy)]
pub(super) struct Upserted {
    pub(super) inserted: f64,
    pub(super) updated: f64,
}

#[derive(Serialize)]
struct Row {
    organization: &'static str,
    kind: &'static str,
    id: String,
    location: String,
    version: i64,
    origin: &'static str,
    position: i64,
    search: String,
    doc: String,
    revision: i64,
    deleted: i64,
}

impl Row {
    fn new(place: usize, number: usize, generation: usize) -> Self {
        let doc = documents::contact(place, number, generation);
        Self {
            organization: ORGANIZATION,
            kind: "contact",
            id: documents::id(place, number),
            location: documents::location(place),
            version: documents::updated(number, generation).as_micros(),
            origin: "fetched",
            position: documents::added(number).as_micros(),
            search: format!("ann example{number} ann.{number}@example.com +15551230000 example ltd"),
            doc: serde_json::to_string(&doc).unwrap(),
            revision: i64::try_from(generation).unwrap() + 1,
            deleted: 0,
        }
    }
}

/// Inserts and then updates `contacts` of each of `locations`.
pub(super) async fn run(database: Database, by: By, locations: usize, contacts: usize) -> Upserted {
    let fresh = database.fresh().await;
    sidecar_store::migrate(&fresh.url()).await.unwrap();
    let base = Base::open(&fresh).await;
    let inserted = base.write(by, locations, contacts, 0).await;
    let updated = base.write(by, locations, contacts, 1).await;
    base.close().await;
    Upserted { inserted, updated }
}

enum Base {
    Lite(SqlitePool),
    Pg(PgPool),
}

impl Base {
    async fn open(fresh: &Fresh) -> Self {
        match fresh {
            Fresh::Sqlite(folder) => {
                let pool = SqlitePoolOptions::new().max_connections(1);
                Self::Lite(pool.connect_with(lite(&folder.file("bench.db"))).await.unwrap())
            }
            Fresh::Postgres(_) => {
                Self::Pg(PgPoolOptions::new().max_connections(1).connect(&fresh.url()).await.unwrap())
            }
        }
    }

    /// Rows per second.
    async fn write(&self, by: By, locations: usize, contacts: usize, generation: usize) -> f64 {
        let numbers: Vec<_> =
            (0..contacts).flat_map(|number| (0..locations).map(move |place| (place, number))).collect();
        let mut took = 0.0;
        for numbers in numbers.chunks(ROWS) {
            let rows: Vec<Row> = numbers.iter().map(|(place, number)| Row::new(*place, *number, generation)).collect();
            let clock = SystemClock::new();
            self.upsert(by, &rows).await.unwrap();
            took += clock.monotonic().as_secs_f64();
        }
        numbers.len() as f64 / took
    }

    async fn upsert(&self, by: By, rows: &[Row]) -> sqlx::Result<()> {
        match (self, by) {
            (Self::Lite(pool), By::Json) => {
                let upsert = sqlx::query(include_str!("upsert/sqlite_json.sql"));
                upsert.bind(serde_json::to_string(rows).unwrap()).execute(pool).await.map(drop)
            }
            (Self::Lite(pool), By::Columns) => {
                let mut upsert = QueryBuilder::<Sqlite>::new(include_str!("upsert/sqlite_insert.sql"));
                upsert.push_values(rows, |mut values, row| {
                    values.push_bind(row.organization).push_bind(row.kind).push_bind(&row.id).push_bind(&row.location);
                    values.push_bind(row.version).push_bind(row.origin).push_bind(row.position).push_bind(&row.search);
                    values.push_bind(&row.doc).push_bind(row.revision).push_bind(row.deleted);
                });
                upsert.push(include_str!("upsert/sqlite_conflict.sql")).build().execute(pool).await.map(drop)
            }
            (Self::Pg(pool), By::Json) => {
                let upsert = sqlx::query(include_str!("upsert/postgres_json.sql"));
                upsert.bind(serde_json::to_string(rows).unwrap()).execute(pool).await.map(drop)
            }
            (Self::Pg(pool), By::Columns) => {
                let upsert = sqlx::query(include_str!("upsert/postgres_arrays.sql"))
                    .bind(rows.iter().map(|row| row.organization).collect::<Vec<_>>())
                    .bind(rows.iter().map(|row| row.kind).collect::<Vec<_>>())
                    .bind(rows.iter().map(|row| &*row.id).collect::<Vec<_>>())
                    .bind(rows.iter().map(|row| &*row.location).collect::<Vec<_>>())
                    .bind(rows.iter().map(|row| row.version).collect::<Vec<_>>())
                    .bind(rows.iter().map(|row| row.origin).collect::<Vec<_>>())
                    .bind(rows.iter().map(|row| row.position).collect::<Vec<_>>())
                    .bind(rows.iter().map(|row| &*row.search).collect::<Vec<_>>())
                    .bind(rows.iter().map(|row| &*row.doc).collect::<Vec<_>>())
                    .bind(rows.iter().map(|row| row.revision).collect::<Vec<_>>())
                    .bind(rows.iter().map(|row| row.deleted).collect::<Vec<_>>());
                upsert.execute(pool).await.map(drop)
            }
        }
    }

    async fn close(self) {
        match self {
            Self::Lite(pool) => pool.close().await,
            Self::Pg(pool) => pool.close().await,
        }
    }
}
