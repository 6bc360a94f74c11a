//! Every statement, a file per table. What runs them lives in the file of the port.
//!
//! `both` marks a text that every database reads the same; `lite_only` one in SQLite's dialect, whose PostgreSQL twin
//! differs (`json_each` for `jsonb_to_recordset`, the claim's lock, the database's clock). Invariant: a statement takes
//! all its rows as one JSON parameter, so that its number never grows with the batch.

pub(crate) mod inbox;
pub(crate) mod leases;
pub(crate) mod organizations;
pub(crate) mod outbox;
pub(crate) mod records;
pub(crate) mod syncs;
pub(crate) mod tokens;

/// A statement in the dialect of each database.
#[derive(Clone, Copy)]
pub(crate) struct Sql {
    pub(crate) lite: &'static str,
}

const fn both(text: &'static str) -> Sql {
    Sql { lite: text }
}

const fn lite_only(text: &'static str) -> Sql {
    Sql { lite: text }
}

/// The rows that one statement of a sweep removes; the texts of the sweeps say the same number.
pub(crate) const SWEEP_PORTION: u64 = 1000;

pub(crate) const PING: Sql = both("SELECT 1");
