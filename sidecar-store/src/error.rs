use std::borrow::Cow;

use sidecar_core::StoreError;

pub(crate) type Result<T, E = StoreError> = std::result::Result<T, E>;

/// A store could not be opened. The message says what to do; it never holds a password.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OpenError {
    /// The URL names no database this crate knows.
    #[error("`{0}` is no database this store knows: use sqlite://path/to/file.db or sqlite::memory:")]
    Scheme(String),
    /// PostgreSQL is asked for.
    #[error("this build stores in SQLite only: PostgreSQL comes with a later release; use sqlite://path/to/file.db")]
    NoPostgres,
    /// The URL has the right scheme but cannot be read.
    #[error("the database URL cannot be read: {0}")]
    Url(String),
    /// The file cannot be opened or created.
    #[error("cannot open {path}: {why}. Create its directory, and let this user write there")]
    Unreachable {
        /// The file.
        path: String,
        /// The database's words.
        why: String,
    },
    /// The file is something else, or damaged.
    #[error("{path} is not a SQLite database, or it is damaged: {why}. Give another path, or restore a backup")]
    NotADatabase {
        /// The file.
        path: String,
        /// The database's words.
        why: String,
    },
    /// A newer release has written the database.
    #[error(
        "the database was migrated to version {found} by a newer release; this one knows {known}: run the newer release"
    )]
    Newer {
        /// The database's version.
        found: i64,
        /// The newest this build knows.
        known: i64,
    },
    /// A migration that was applied is not the one this build has.
    #[error("migration {0} of the database differs from this build's: it was made by another build; use that one")]
    Changed(i64),
    /// Another process holds the database.
    #[error("the database is busy: another process keeps writing; try again, or stop it")]
    Busy,
    /// A migration failed; the database is as it was before.
    #[error("the database could not be migrated and is as it was before: {0}")]
    Migration(String),
}

/// The codes of <https://www.sqlite.org/rescode.html> that pass by themselves or by an operator's hand, with what they
/// mean: the data is not at fault.
pub(crate) fn lite_outage(code: &str) -> Option<&'static str> {
    // The low byte is the primary code; the rest details it.
    Some(match code.parse::<i32>().ok()? & 0xff {
        5 | 6 => "the database is busy: another process is writing",
        7 => "the database is out of memory",
        8 => "the database is read-only: let this user write the file and its directory",
        9 => "the statement was interrupted",
        10 => "the disk failed",
        13 => "the disk is full",
        14 => "the database file cannot be opened",
        15 => "the database's locking failed",
        _ => return None,
    })
}

/// What a failed statement means to a caller. No value of a statement is ever part of the message.
pub(crate) fn from_sqlx(error: sqlx::Error) -> StoreError {
    let outage: Option<Cow<'static, str>> = match &error {
        sqlx::Error::Database(database) => database.code().and_then(|code| lite_outage(&code)).map(Cow::from),
        sqlx::Error::PoolTimedOut => Some("no connection to the database became free in time".into()),
        sqlx::Error::PoolClosed => Some("the store was closed".into()),
        sqlx::Error::Io(_) | sqlx::Error::Tls(_) | sqlx::Error::WorkerCrashed => {
            Some("the database cannot be reached".into())
        }
        _ => None,
    };
    match outage {
        Some(message) => StoreError::unavailable(message).with_source(error),
        None => StoreError::broken("the database refused a statement").with_source(error),
    }
}

/// Something stored cannot be read back.
pub(crate) fn unreadable(what: &'static str) -> impl Fn(serde_json::Error) -> StoreError {
    move |error| StoreError::broken(format!("{what} is stored in a form that cannot be read")).with_source(error)
}

/// A value as JSON text. Only a bug could make it fail.
pub(crate) fn json(value: &impl serde::Serialize) -> Result<String> {
    serde_json::to_string(value)
        .map_err(|error| StoreError::broken("a value cannot be written as JSON").with_source(error))
}
