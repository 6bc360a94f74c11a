//! The one place that knows which databases there are: a pool, a transaction and a connection are enums of them, and
//! two macros run a statement on whichever it is. A further database is a further variant here.

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
    /// SQLite has one writer at a time: one connection writes, others read beside it.
    #[cfg(feature = "sqlite")]
    Lite { write: SqlitePool, read: SqlitePool },
    #[cfg(feature = "postgres")]
    Pg(PgPool),
}

/// A transaction that writes. Dropped without [`Tx::commit`] it leaves nothing.
pub(crate) enum Tx {
    #[cfg(feature = "sqlite")]
    Lite(Transaction<'static, Sqlite>),
    #[cfg(feature = "postgres")]
    Pg(Transaction<'static, Postgres>),
}

/// A connection for single statements, each a transaction of its own.
pub(crate) enum Link {
    #[cfg(feature = "sqlite")]
    Lite(PoolConnection<Sqlite>),
    #[cfg(feature = "postgres")]
    Pg(PoolConnection<Postgres>),
}

/// What a statement runs on.
pub(crate) enum Conn<'a> {
    #[cfg(feature = "sqlite")]
    Lite(&'a mut SqliteConnection),
    #[cfg(feature = "postgres")]
    Pg(&'a mut PgConnection),
}

impl Pool {
    /// What the database is called.
    pub(crate) fn name(&self) -> &'static str {
        match self {
            #[cfg(feature = "sqlite")]
            Self::Lite { .. } => "sqlite",
            #[cfg(feature = "postgres")]
            Self::Pg(_) => "postgres",
        }
    }

    /// Begins a transaction. SQLite takes the right to write at once: taken later it could be refused half way.
    pub(crate) async fn begin(&self) -> Result<Tx> {
        match self {
            #[cfg(feature = "sqlite")]
            Self::Lite { write, .. } => write.begin_with("BEGIN IMMEDIATE").await.map(Tx::Lite).map_err(from_sqlx),
            #[cfg(feature = "postgres")]
            Self::Pg(pool) => in_time(begin_whole(pool.clone())).await.map(Tx::Pg),
        }
    }

    /// Begins a transaction of a kind of which only one runs at a time. SQLite has no other.
    pub(crate) async fn begin_in_turn(&self) -> Result<Tx> {
        let tx = self.begin().await?;
        match tx {
            #[cfg(feature = "sqlite")]
            Tx::Lite(_) => Ok(tx),
            #[cfg(feature = "postgres")]
            Tx::Pg(mut pg) => {
                in_time(sqlx::query("SELECT pg_advisory_xact_lock(hashtext('sidecar.turn'))").execute(&mut *pg))
                    .await?;
                Ok(Tx::Pg(pg))
            }
        }
    }

    /// A connection for one statement that writes.
    pub(crate) async fn write(&self) -> Result<Link> {
        match self {
            #[cfg(feature = "sqlite")]
            Self::Lite { write, .. } => write.acquire().await.map(Link::Lite).map_err(from_sqlx),
            #[cfg(feature = "postgres")]
            Self::Pg(pool) => pool.acquire().await.map(Link::Pg).map_err(from_sqlx),
        }
    }

    /// A connection for statements that only read.
    pub(crate) async fn read(&self) -> Result<Link> {
        match self {
            #[cfg(feature = "sqlite")]
            Self::Lite { read, .. } => read.acquire().await.map(Link::Lite).map_err(from_sqlx),
            #[cfg(feature = "postgres")]
            Self::Pg(pool) => pool.acquire().await.map(Link::Pg).map_err(from_sqlx),
        }
    }

    pub(crate) async fn close(&self) {
        match self {
            #[cfg(feature = "sqlite")]
            Self::Lite { write, read } => {
                read.close().await;
                write.close().await;
            }
            #[cfg(feature = "postgres")]
            Self::Pg(pool) => pool.close().await,
        }
    }
}

impl Tx {
    pub(crate) async fn commit(self) -> Result<()> {
        match self {
            #[cfg(feature = "sqlite")]
            Self::Lite(tx) => tx.commit().await.map_err(from_sqlx),
            #[cfg(feature = "postgres")]
            Self::Pg(tx) => in_time(tx.commit()).await,
        }
    }

    pub(crate) async fn rollback(self) -> Result<()> {
        match self {
            #[cfg(feature = "sqlite")]
            Self::Lite(tx) => tx.rollback().await.map_err(from_sqlx),
            #[cfg(feature = "postgres")]
            Self::Pg(tx) => in_time(tx.rollback()).await,
        }
    }

    pub(crate) fn conn(&mut self) -> Conn<'_> {
        match self {
            #[cfg(feature = "sqlite")]
            Self::Lite(tx) => Conn::Lite(tx),
            #[cfg(feature = "postgres")]
            Self::Pg(tx) => Conn::Pg(tx),
        }
    }
}

impl Link {
    pub(crate) fn conn(&mut self) -> Conn<'_> {
        match self {
            #[cfg(feature = "sqlite")]
            Self::Lite(link) => Conn::Lite(link),
            #[cfg(feature = "postgres")]
            Self::Pg(link) => Conn::Pg(link),
        }
    }
}

/// Begins in a task of its own, which comes to its end whatever becomes of the caller. sqlx forgets a transaction whose begin
/// is dropped half way and hands its connection on: what others then write by single statements would never be committed.
#[cfg(feature = "postgres")]
async fn begin_whole(pool: PgPool) -> Result<Transaction<'static, Postgres>, sqlx::Error> {
    let begun = tokio::spawn(async move { pool.begin().await });
    begun.await.unwrap_or_else(|error| Err(sqlx::Error::Io(std::io::Error::other(error))))
}

/// Bounds what a server across a network may take: one that went silent would hold its caller for ever. Longer than the
/// server's own `statement_timeout`, which tells more when it can still speak.
#[cfg(feature = "postgres")]
pub(crate) async fn in_time<T>(work: impl Future<Output = Result<T, sqlx::Error>>) -> Result<T> {
    use sidecar_core::{StoreError, SystemClock, time::timeout};
    match timeout(&SystemClock::new(), crate::open::postgres::SILENCE, work).await {
        Ok(done) => done.map_err(from_sqlx),
        Err(_) => Err(StoreError::unavailable("the database does not answer")),
    }
}

/// Runs a statement on a [`Tx`] or [`Link`]; answers how many rows it wrote.
macro_rules! exec {
    ($on:expr, $sql:expr $(, $arg:expr)* $(,)?) => {{
        #[cfg(test)]
        $crate::tx::count_statement();
        match $on.conn() {
            #[cfg(feature = "sqlite")]
            $crate::tx::Conn::Lite(conn) => sqlx::query($sql.lite)$(.bind($crate::tx::Bind::bound($arg)))*
                .execute(conn).await.map(|done| done.rows_affected()).map_err($crate::error::from_sqlx),
            #[cfg(feature = "postgres")]
            $crate::tx::Conn::Pg(conn) => $crate::tx::in_time(
                sqlx::query($sql.pg)$(.bind($crate::tx::Bind::bound($arg)))*.execute(conn)
            ).await.map(|done| done.rows_affected()),
        }
    }};
}

/// Runs a statement on a [`Tx`] or [`Link`] and reads its rows as tuples: `fetch_all`, and where nothing is written
/// `fetch_optional` and `fetch_one`.
macro_rules! fetch {
    ($how:ident, $on:expr, $sql:expr $(, $arg:expr)* $(,)?) => {{
        #[cfg(test)]
        $crate::tx::count_statement();
        match $on.conn() {
            #[cfg(feature = "sqlite")]
            $crate::tx::Conn::Lite(conn) => sqlx::query_as($sql.lite)$(.bind($crate::tx::Bind::bound($arg)))*
                .$how(conn).await.map_err($crate::error::from_sqlx),
            #[cfg(feature = "postgres")]
            $crate::tx::Conn::Pg(conn) => $crate::tx::in_time(
                sqlx::query_as($sql.pg)$(.bind($crate::tx::Bind::bound($arg)))*.$how(conn)
            ).await,
        }
    }};
}

/// Runs a statement that writes at most one row and answers it. Read to its end: what SQLite says of a commit that failed comes
/// after the row.
macro_rules! written {
    ($on:expr, $sql:expr $(, $arg:expr)* $(,)?) => {
        $crate::tx::fetch!(fetch_all, $on, $sql $(, $arg)*).map(|rows| rows.into_iter().next())
    };
}

pub(crate) use {exec, fetch, written};

/// A parameter as every database takes it. A NUL is no character of a PostgreSQL text.
pub(crate) trait Bind {
    type As;

    fn bound(self) -> Self::As;
}

/// Without NUL, which becomes the replacement character.
pub(crate) fn text(text: &str) -> Cow<'_, str> {
    match text.contains('\0') {
        true => text.replace('\0', "\u{FFFD}").into(),
        false => text.into(),
    }
}

impl<'a> Bind for &'a str {
    type As = Cow<'a, str>;

    fn bound(self) -> Self::As {
        text(self)
    }
}

impl<'a> Bind for &'a String {
    type As = Cow<'a, str>;

    fn bound(self) -> Self::As {
        text(self)
    }
}

impl<'a> Bind for Option<&'a str> {
    type As = Option<Cow<'a, str>>;

    fn bound(self) -> Self::As {
        self.map(text)
    }
}

macro_rules! as_they_are {
    ($($bound:ty),*) => {
        $(impl Bind for $bound {
            type As = Self;

            fn bound(self) -> Self {
                self
            }
        })*
    };
}

as_they_are!(i64, Option<i64>, bool);

impl<'a> Bind for &'a [u8] {
    type As = &'a [u8];

    fn bound(self) -> Self {
        self
    }
}

impl<'a> Bind for &'a Vec<u8> {
    type As = &'a [u8];

    fn bound(self) -> &'a [u8] {
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

/// Statements run on this thread so far.
#[cfg(test)]
pub(crate) fn statements() -> u64 {
    STATEMENTS.get()
}
