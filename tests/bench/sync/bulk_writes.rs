//! Bulk writes of the database: the same contacts into the records table of the store, 1,000 rows in each statement. The
//! measured time includes binding the rows, but not building them.

use serde::Serialize;
use sidecar_core::{Clock, SystemClock};
use sidecar_tests::{DatabaseKind, ORGANIZATION, TestDatabase};
use sqlx::{PgPool, QueryBuilder, Sqlite, SqlitePool, postgres::PgPoolOptions, sqlite::SqlitePoolOptions};

use super::contacts;
use crate::machine::sqlite_options;

/// Rows in a statement.
const ROWS_PER_STATEMENT: usize = 1_000;

/// How the rows are bound.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Input {
    /// As one JSON text, as the store does.
    Json,
    /// As an array for each column (PostgreSQL), or as values one by one (SQLite).
    Columns,
}

/// Rows per second.
#[derive(Debug, Clone, Copy)]
pub(super) struct WriteRates {
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
    fn new(index: usize, number: usize, generation: usize) -> Self {
        let doc = contacts::contact(index, number, generation);
        Self {
            organization: ORGANIZATION,
            kind: "contact",
            id: contacts::id(index, number),
            location: contacts::location(index),
            version: contacts::updated(number, generation).as_micros(),
            origin: "fetched",
            position: contacts::added(number).as_micros(),
            search: format!("ann example{number} ann.{number}@example.com +15551230000 example ltd"),
            doc: serde_json::to_string(&doc).unwrap(),
            revision: i64::try_from(generation).unwrap() + 1,
            deleted: 0,
        }
    }
}

/// Inserts and then updates `contacts` rows for each of `locations`.
pub(super) async fn run(database: DatabaseKind, input: Input, locations: usize, contacts: usize) -> WriteRates {
    let test_database = TestDatabase::new(database).await;
    sidecar_store::migrate(&test_database.url()).await.unwrap();
    let pool = Pool::open(&test_database).await;
    let inserted = pool.write(input, locations, contacts, 0).await;
    let updated = pool.write(input, locations, contacts, 1).await;
    pool.close().await;
    WriteRates { inserted, updated }
}

enum Pool {
    Sqlite(SqlitePool),
    Postgres(PgPool),
}

impl Pool {
    async fn open(test_database: &TestDatabase) -> Self {
        match test_database {
            TestDatabase::Sqlite(folder) => {
                let pool = SqlitePoolOptions::new().max_connections(1);
                Self::Sqlite(pool.connect_with(sqlite_options(&folder.file("test.db"))).await.unwrap())
            }
            TestDatabase::Postgres(_) => {
                Self::Postgres(PgPoolOptions::new().max_connections(1).connect(&test_database.url()).await.unwrap())
            }
        }
    }

    /// Writes one generation and returns the rows per second.
    async fn write(&self, input: Input, locations: usize, contacts: usize, generation: usize) -> f64 {
        let numbers: Vec<_> =
            (0..contacts).flat_map(|number| (0..locations).map(move |index| (index, number))).collect();
        let mut took = 0.0;
        for numbers in numbers.chunks(ROWS_PER_STATEMENT) {
            let rows: Vec<Row> = numbers.iter().map(|(index, number)| Row::new(*index, *number, generation)).collect();
            let clock = SystemClock::new();
            self.upsert(input, &rows).await.unwrap();
            took += clock.monotonic().as_secs_f64();
        }
        numbers.len() as f64 / took
    }

    async fn upsert(&self, input: Input, rows: &[Row]) -> sqlx::Result<()> {
        match (self, input) {
            (Self::Sqlite(pool), Input::Json) => {
                let upsert = sqlx::query(include_str!("bulk_writes/sqlite_json.sql"));
                upsert.bind(serde_json::to_string(rows).unwrap()).execute(pool).await.map(drop)
            }
            (Self::Sqlite(pool), Input::Columns) => {
                let mut upsert = QueryBuilder::<Sqlite>::new(include_str!("bulk_writes/sqlite_insert.sql"));
                upsert.push_values(rows, |mut values, row| {
                    values.push_bind(row.organization).push_bind(row.kind).push_bind(&row.id).push_bind(&row.location);
                    values.push_bind(row.version).push_bind(row.origin).push_bind(row.position).push_bind(&row.search);
                    values.push_bind(&row.doc).push_bind(row.revision).push_bind(row.deleted);
                });
                upsert.push(include_str!("bulk_writes/sqlite_conflict.sql")).build().execute(pool).await.map(drop)
            }
            (Self::Postgres(pool), Input::Json) => {
                let upsert = sqlx::query(include_str!("bulk_writes/postgres_json.sql"));
                upsert.bind(serde_json::to_string(rows).unwrap()).execute(pool).await.map(drop)
            }
            (Self::Postgres(pool), Input::Columns) => {
                let upsert = sqlx::query(include_str!("bulk_writes/postgres_arrays.sql"))
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
            Self::Sqlite(pool) => pool.close().await,
            Self::Postgres(pool) => pool.close().await,
        }
    }
}
