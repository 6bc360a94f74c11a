//! Every SQL statement, one file per table. The file of the port runs them.
//!
//! `portable` is one text for every database; `per_database` has one for SQLite and one for PostgreSQL (`json_each` or
//! `json_to_recordset`, row locks, the database clock). Invariants: a statement takes all its rows as one JSON parameter, so
//! the number of statements does not grow with the batch; statements that several processes may run at once write rows in key
//! order, so they cannot deadlock.

pub(crate) mod inbox;
pub(crate) mod leases;
pub(crate) mod organizations;
pub(crate) mod outbox;
pub(crate) mod processes;
pub(crate) mod records;
pub(crate) mod settings;
pub(crate) mod syncs;
pub(crate) mod tokens;

/// A statement in the dialect of each enabled database.
#[derive(Clone, Copy)]
pub(crate) struct Sql {
    #[cfg(feature = "sqlite")]
    pub(crate) sqlite: &'static str,
    #[cfg(feature = "postgres")]
    pub(crate) postgres: &'static str,
}

const fn portable(text: &'static str) -> Sql {
    per_database(text, text)
}

#[cfg_attr(
    not(all(feature = "sqlite", feature = "postgres")),
    expect(unused_variables, reason = "one database is disabled")
)]
pub(crate) const fn per_database(sqlite: &'static str, postgres: &'static str) -> Sql {
    Sql {
        #[cfg(feature = "sqlite")]
        sqlite,
        #[cfg(feature = "postgres")]
        postgres,
    }
}

/// The database clock in microseconds, constant within a statement.
macro_rules! now_sqlite {
    () => {
        "CAST(unixepoch('subsec') * 1000000 AS INTEGER)"
    };
}
macro_rules! now_postgres {
    () => {
        "(extract(epoch FROM statement_timestamp()) * 1000000)::bigint"
    };
}
use {now_postgres, now_sqlite};

/// The maximum number of rows that one `PURGE` statement deletes. The statements repeat this number.
pub(crate) const PURGE_CHUNK_ROWS: u64 = 1000;

pub(crate) const PING: Sql = portable("SELECT CAST(1 AS BIGINT)");
