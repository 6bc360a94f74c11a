//! Every statement, a file per table. What runs them lives in the file of the port.
//!
//! `both` marks a text that every database reads the same; `two` gives SQLite's and PostgreSQL's where they differ
//! (`json_each` for `jsonb_to_recordset`, a claim's lock, the database's clock). Invariants: a statement takes all its rows as
//! one JSON parameter, so that its number never grows with the batch; rows that several processes may write at once are
//! written in the order of their keys, so that two statements on one table never wait for each other.

pub(crate) mod inbox;
pub(crate) mod leases;
pub(crate) mod organizations;
pub(crate) mod outbox;
pub(crate) mod processes;
pub(crate) mod records;
pub(crate) mod settings;
pub(crate) mod syncs;
pub(crate) mod tokens;

/// A statement in the dialect of each database.
#[derive(Clone, Copy)]
pub(crate) struct Sql {
    #[cfg(feature = "sqlite")]
    pub(crate) lite: &'static str,
    #[cfg(feature = "postgres")]
    pub(crate) pg: &'static str,
}

const fn both(text: &'static str) -> Sql {
    two(text, text)
}

#[cfg_attr(
    not(all(feature = "sqlite", feature = "postgres")),
    expect(unused_variables, reason = "the other database's")
)]
pub(crate) const fn two(lite: &'static str, pg: &'static str) -> Sql {
    Sql {
        #[cfg(feature = "sqlite")]
        lite,
        #[cfg(feature = "postgres")]
        pg,
    }
}

/// The database's own clock, in microseconds. Within a statement it stands still.
macro_rules! now_lite {
    () => {
        "CAST(unixepoch('subsec') * 1000000 AS INTEGER)"
    };
}
macro_rules! now_pg {
    () => {
        "(extract(epoch FROM statement_timestamp()) * 1000000)::bigint"
    };
}
use {now_lite, now_pg};

/// The rows that one statement of a sweep removes; the texts of the sweeps say the same number.
pub(crate) const SWEEP_PORTION: u64 = 1000;

pub(crate) const PING: Sql = both("SELECT CAST(1 AS BIGINT)");
