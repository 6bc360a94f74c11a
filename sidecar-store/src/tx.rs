//! The one place that knows which databases there are: a pool, a transaction and a connection are enums of them, and
//! two macros run a statement on whichever it is. A further database is a further variant here.

use sqlx::{Sqlite, SqliteConnection, SqlitePool, Transaction, pool::PoolConnection};

use crate::error::{Result, from_sqlx};

/// The connections of a store.
#[derive(Clone, Debug)]
pub(crate) enum Pool {
    /// SQLite has one writer at a time: one connection writes, others read beside it.
    Lite { write: SqlitePool, read: SqlitePool },
}

/// A transaction that writes. Dropped without [`Tx::commit`] it leaves nothing.
pub(crate) enum Tx {
    Lite(Transaction<'static, Sqlite>),
}

/// A connection for single statements, each a transaction of its own.
pub(crate) enum Link {
    Lite(PoolConnection<Sqlite>),
}

/// What a statement runs on.
pub(crate) enum Conn<'a> {
    Lite(&'a mut SqliteConnection),
}

impl Pool {
    /// Begins a transaction. It takes the right to write at once: taken later it could be refused half way.
    pub(crate) async fn begin(&self) -> Result<Tx> {
        match self {
            Self::Lite { write, .. } => write.begin_with("BEGIN IMMEDIATE").await.map(Tx::Lite).map_err(from_sqlx),
        }
    }

    /// A connection for one statement that writes.
    pub(crate) async fn write(&self) -> Result<Link> {
        match self {
            Self::Lite { write, .. } => write.acquire().await.map(Link::Lite).map_err(from_sqlx),
        }
    }

    /// A connection for statements that only read.
    pub(crate) async fn read(&self) -> Result<Link> {
        match self {
            Self::Lite { read, .. } => read.acquire().await.map(Link::Lite).map_err(from_sqlx),
        }
    }

    pub(crate) async fn close(&self) {
        match self {
            Self::Lite { write, read } => {
                read.close().await;
                write.close().await;
            }
        }
    }
}

impl Tx {
    pub(crate) async fn commit(self) -> Result<()> {
        match self {
            Self::Lite(tx) => tx.commit().await.map_err(from_sqlx),
        }
    }

    pub(crate) async fn rollback(self) -> Result<()> {
        match self {
            Self::Lite(tx) => tx.rollback().await.map_err(from_sqlx),
        }
    }

    pub(crate) fn conn(&mut self) -> Conn<'_> {
        match self {
            Self::Lite(tx) => Conn::Lite(tx),
        }
    }
}

impl Link {
    pub(crate) fn conn(&mut self) -> Conn<'_> {
        match self {
            Self::Lite(link) => Conn::Lite(link),
        }
    }
}

/// Runs a statement on a [`Tx`] or [`Link`]; answers how many rows it wrote.
macro_rules! exec {
    ($on:expr, $sql:expr $(, $arg:expr)* $(,)?) => {{
        #[cfg(test)]
        $crate::tx::count_statement();
        match $on.conn() {
            $crate::tx::Conn::Lite(conn) => sqlx::query($sql.lite)$(.bind($arg))*
                .execute(conn).await.map(|done| done.rows_affected()),
        }
        .map_err($crate::error::from_sqlx)
    }};
}

/// Runs a statement on a [`Tx`] or [`Link`] and reads its rows as tuples: `fetch_all`, `fetch_optional`, `fetch_one`.
macro_rules! fetch {
    ($how:ident, $on:expr, $sql:expr $(, $arg:expr)* $(,)?) => {{
        #[cfg(test)]
        $crate::tx::count_statement();
        match $on.conn() {
            $crate::tx::Conn::Lite(conn) => sqlx::query_as($sql.lite)$(.bind($arg))*.$how(conn).await,
        }
        .map_err($crate::error::from_sqlx)
    }};
}

pub(crate) use {exec, fetch};

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
