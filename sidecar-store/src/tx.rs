//! The database abstraction: a pool, a transaction and a connection are enums over the enabled databases, and the macros
//! `exec!`, `fetch!` and `write_returning!` run a statement on any of them. To add a database, add a variant.

use std::borrow::Cow;

#[cfg(feature = "postgres")]
use sqlx::{PgConnection, PgPool, Postgres};
#[cfg(feature = "sqlite")]
use sqlx::{Sqlite, SqliteConnection, SqlitePool};
use sqlx::{Transaction, pool::PoolConnection};

use crate::error::{Result, from_sqlx};

/// The connections of a store.
#[derive(Clone, Debug)]
pub(crate) enum Pool {
    /// SQLite allows one writer at a time, so one connection writes and the others read.
    #[cfg(feature = "sqlite")]
    Sqlite { write: SqlitePool, read: SqlitePool },
    #[cfg(feature = "postgres")]
    Postgres(PgPool),
}

/// A write transaction. Rolls back if it is dropped without [`Tx::commit`].
pub(crate) enum Tx {
    #[cfg(feature = "sqlite")]
    Sqlite(Transaction<'static, Sqlite>),
    #[cfg(feature = "postgres")]
    Postgres(Transaction<'static, Postgres>),
}

/// A pooled connection for single statements in autocommit mode.
pub(crate) enum PooledConn {
    #[cfg(feature = "sqlite")]
    Sqlite(PoolConnection<Sqlite>),
    #[cfg(feature = "postgres")]
    Postgres(PoolConnection<Postgres>),
}

/// The target of a statement.
pub(crate) enum ConnMut<'a> {
    #[cfg(feature = "sqlite")]
    Sqlite(&'a mut SqliteConnection),
    #[cfg(feature = "postgres")]
    Postgres(&'a mut PgConnection),
}

impl Pool {
    /// Returns the name of the database.
    pub(crate) fn name(&self) -> &'static str {
        match self {
            #[cfg(feature = "sqlite")]
            Self::Sqlite { .. } => "sqlite",
            #[cfg(feature = "postgres")]
            Self::Postgres(_) => "postgres",
        }
    }

    /// Begins a transaction. SQLite takes the write lock at once, because it could fail to upgrade a read lock later.
    pub(crate) async fn begin(&self) -> Result<Tx> {
        match self {
            #[cfg(feature = "sqlite")]
            Self::Sqlite { write, .. } => write.begin_with("BEGIN IMMEDIATE").await.map(Tx::Sqlite).map_err(from_sqlx),
            #[cfg(feature = "postgres")]
            Self::Postgres(pool) => with_timeout(begin_detached(pool.clone())).await.map(Tx::Postgres),
        }
    }

    /// Begins a transaction that excludes every other one begun by this method. In SQLite every write transaction does.
    pub(crate) async fn begin_exclusive(&self) -> Result<Tx> {
        let tx = self.begin().await?;
        match tx {
            #[cfg(feature = "sqlite")]
            Tx::Sqlite(_) => Ok(tx),
            #[cfg(feature = "postgres")]
            Tx::Postgres(mut tx) => {
                with_timeout(
                    sqlx::query("SELECT pg_advisory_xact_lock(hashtext('sidecar.exclusive'))").execute(&mut *tx),
                )
                .await?;
                Ok(Tx::Postgres(tx))
            }
        }
    }

    /// Returns a connection for a statement that writes.
    pub(crate) async fn write(&self) -> Result<PooledConn> {
        match self {
            #[cfg(feature = "sqlite")]
            Self::Sqlite { write, .. } => write.acquire().await.map(PooledConn::Sqlite).map_err(from_sqlx),
            #[cfg(feature = "postgres")]
            Self::Postgres(pool) => pool.acquire().await.map(PooledConn::Postgres).map_err(from_sqlx),
        }
    }

    /// Returns a connection for statements that only read.
    pub(crate) async fn read(&self) -> Result<PooledConn> {
        match self {
            #[cfg(feature = "sqlite")]
            Self::Sqlite { read, .. } => read.acquire().await.map(PooledConn::Sqlite).map_err(from_sqlx),
            #[cfg(feature = "postgres")]
            Self::Postgres(pool) => pool.acquire().await.map(PooledConn::Postgres).map_err(from_sqlx),
        }
    }

    pub(crate) async fn close(&self) {
        match self {
            #[cfg(feature = "sqlite")]
            Self::Sqlite { write, read } => {
                read.close().await;
                write.close().await;
            }
            #[cfg(feature = "postgres")]
            Self::Postgres(pool) => pool.close().await,
        }
    }
}

impl Tx {
    pub(crate) async fn commit(self) -> Result<()> {
        match self {
            #[cfg(feature = "sqlite")]
            Self::Sqlite(tx) => tx.commit().await.map_err(from_sqlx),
            #[cfg(feature = "postgres")]
            Self::Postgres(tx) => with_timeout(tx.commit()).await,
        }
    }

    pub(crate) async fn rollback(self) -> Result<()> {
        match self {
            #[cfg(feature = "sqlite")]
            Self::Sqlite(tx) => tx.rollback().await.map_err(from_sqlx),
            #[cfg(feature = "postgres")]
            Self::Postgres(tx) => with_timeout(tx.rollback()).await,
        }
    }

    pub(crate) fn conn(&mut self) -> ConnMut<'_> {
        match self {
            #[cfg(feature = "sqlite")]
            Self::Sqlite(tx) => ConnMut::Sqlite(tx),
            #[cfg(feature = "postgres")]
            Self::Postgres(tx) => ConnMut::Postgres(tx),
        }
    }
}

impl PooledConn {
    pub(crate) fn conn(&mut self) -> ConnMut<'_> {
        match self {
            #[cfg(feature = "sqlite")]
            Self::Sqlite(conn) => ConnMut::Sqlite(conn),
            #[cfg(feature = "postgres")]
            Self::Postgres(conn) => ConnMut::Postgres(conn),
        }
    }
}

/// Begins a transaction in a separate task, so that a cancelled caller does not interrupt it. sqlx does not track a transaction
/// whose begin is cancelled and reuses its connection: statements of the next user would never be committed.
#[cfg(feature = "postgres")]
async fn begin_detached(pool: PgPool) -> Result<Transaction<'static, Postgres>, sqlx::Error> {
    let task = tokio::spawn(async move { pool.begin().await });
    task.await.unwrap_or_else(|error| Err(sqlx::Error::Io(std::io::Error::other(error))))
}

/// Limits the wait for a server that went silent. Longer than `statement_timeout`, whose error has more detail.
#[cfg(feature = "postgres")]
pub(crate) async fn with_timeout<T>(work: impl Future<Output = Result<T, sqlx::Error>>) -> Result<T> {
    use sidecar_core::{StoreError, SystemClock, time::timeout};
    match timeout(&SystemClock::new(), crate::open::postgres::RESPONSE_TIMEOUT, work).await {
        Ok(done) => done.map_err(from_sqlx),
        Err(_) => Err(StoreError::unavailable("the database does not respond")),
    }
}

/// Runs a statement on a [`Tx`] or [`PooledConn`] and returns the number of rows that it wrote.
macro_rules! exec {
    ($on:expr, $sql:expr $(, $arg:expr)* $(,)?) => {{
        #[cfg(test)]
        $crate::tx::count_statement();
        match $on.conn() {
            #[cfg(feature = "sqlite")]
            $crate::tx::ConnMut::Sqlite(conn) => sqlx::query($sql.sqlite)$(.bind($crate::tx::Bind::into_value($arg)))*
                .execute(conn).await.map(|done| done.rows_affected()).map_err($crate::error::from_sqlx),
            #[cfg(feature = "postgres")]
            $crate::tx::ConnMut::Postgres(conn) => $crate::tx::with_timeout(
                sqlx::query($sql.postgres)$(.bind($crate::tx::Bind::into_value($arg)))*.execute(conn)
            ).await.map(|done| done.rows_affected()),
        }
    }};
}

/// Runs a statement on a [`Tx`] or [`PooledConn`] and returns its rows as tuples. Use `fetch_optional` and `fetch_one` only for
/// statements that do not write.
macro_rules! fetch {
    ($how:ident, $on:expr, $sql:expr $(, $arg:expr)* $(,)?) => {{
        #[cfg(test)]
        $crate::tx::count_statement();
        match $on.conn() {
            #[cfg(feature = "sqlite")]
            $crate::tx::ConnMut::Sqlite(conn) => sqlx::query_as($sql.sqlite)$(.bind($crate::tx::Bind::into_value($arg)))*
                .$how(conn).await.map_err($crate::error::from_sqlx),
            #[cfg(feature = "postgres")]
            $crate::tx::ConnMut::Postgres(conn) => $crate::tx::with_timeout(
                sqlx::query_as($sql.postgres)$(.bind($crate::tx::Bind::into_value($arg)))*.$how(conn)
            ).await,
        }
    }};
}

/// Runs a statement that writes at most one row and returns it. Reads the result to its end, because SQLite reports a failed
/// commit after the row.
macro_rules! write_returning {
    ($on:expr, $sql:expr $(, $arg:expr)* $(,)?) => {
        $crate::tx::fetch!(fetch_all, $on, $sql $(, $arg)*).map(|rows| rows.into_iter().next())
    };
}

pub(crate) use {exec, fetch, write_returning};

/// Converts a parameter to a value that every database accepts. PostgreSQL rejects NUL in texts.
pub(crate) trait Bind {
    type Value;

    fn into_value(self) -> Self::Value;
}

/// Replaces NUL by U+FFFD.
pub(crate) fn replace_nul(text: &str) -> Cow<'_, str> {
    match text.contains('\0') {
        true => text.replace('\0', "\u{FFFD}").into(),
        false => text.into(),
    }
}

impl<'a> Bind for &'a str {
    type Value = Cow<'a, str>;

    fn into_value(self) -> Self::Value {
        replace_nul(self)
    }
}

impl<'a> Bind for &'a String {
    type Value = Cow<'a, str>;

    fn into_value(self) -> Self::Value {
        replace_nul(self)
    }
}

impl<'a> Bind for Option<&'a str> {
    type Value = Option<Cow<'a, str>>;

    fn into_value(self) -> Self::Value {
        self.map(replace_nul)
    }
}

macro_rules! bind_unchanged {
    ($($type:ty),*) => {
        $(impl Bind for $type {
            type Value = Self;

            fn into_value(self) -> Self {
                self
            }
        })*
    };
}

bind_unchanged!(i64, Option<i64>, bool);

impl<'a> Bind for &'a [u8] {
    type Value = &'a [u8];

    fn into_value(self) -> Self {
        self
    }
}

impl<'a> Bind for &'a Vec<u8> {
    type Value = &'a [u8];

    fn into_value(self) -> &'a [u8] {
        self
    }
}

#[cfg(test)]
std::thread_local! {
    static STATEMENTS: std::cell::Cell<u64> = const { std::cell::Cell::new(0) };
}

#[cfg(test)]
pub(crate) fn count_statement() {
    STATEMENTS.set(STATEMENTS.get() + 1);
}

/// Returns the number of statements that this thread has run.
#[cfg(test)]
pub(crate) fn statement_count() -> u64 {
    STATEMENTS.get()
}
