use std::{borrow::Cow, io};

use serde::Serialize;
use serde_json::ser::{CharEscape, CompactFormatter, Formatter};
use sidecar_core::StoreError;

pub(crate) type Result<T, E = StoreError> = std::result::Result<T, E>;

/// A store could not be opened. The message says what to do; it never holds a password.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OpenError {
    /// The URL names no database this crate knows.
    #[error(
        "`{0}` is no database this store knows: use sqlite://path/to/file.db, sqlite::memory: or postgres://user@host/database"
    )]
    Scheme(String),
    /// A database that this build leaves out.
    #[error("this build has no `{0}`: enable the feature of sidecar-store that is named after the database")]
    NotBuiltIn(&'static str),
    /// PostgreSQL cannot be used.
    #[error("cannot use PostgreSQL at {server}: {why}. Check that it runs, and user, password and database of the URL")]
    Server {
        /// Host, port and database.
        server: String,
        /// The database's words.
        why: String,
    },
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
#[cfg(feature = "sqlite")]
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

/// The same of <https://www.postgresql.org/docs/current/errcodes-appendix.html>.
#[cfg(feature = "postgres")]
pub(crate) fn pg_outage(code: &str) -> Option<&'static str> {
    Some(match code {
        "40001" | "40P01" => "another process wrote the same rows at the same time",
        "53100" => "the database's disk is full",
        "53300" => "the database has no connection free: raise max_connections, or run fewer processes",
        "55P03" => "the rows are locked by somebody else, such as a migration",
        "57014" => "the statement took too long and was cancelled",
        "57P01" | "57P02" | "57P03" => "the database is starting or stopping",
        "25006" => "the database is read-only",
        "28000" | "28P01" => "the database refuses this user or password",
        _ => match code.get(..2)? {
            "08" => "the connection to the database broke",
            "53" => "the database is out of a resource",
            "58" => "the database's system failed",
            _ => return None,
        },
    })
}

/// What a failed statement means to a caller. No value of a statement is ever part of the message.
pub(crate) fn from_sqlx(error: sqlx::Error) -> StoreError {
    let outage: Option<Cow<'static, str>> = match &error {
        sqlx::Error::Database(database) => outage(&**database).map(Cow::from),
        sqlx::Error::PoolTimedOut => Some("no connection to the database became free in time".into()),
        sqlx::Error::PoolClosed => Some("the store was closed".into()),
        sqlx::Error::Io(_) | sqlx::Error::Tls(_) | sqlx::Error::Protocol(_) | sqlx::Error::WorkerCrashed => {
            Some("the database cannot be reached".into())
        }
        _ => None,
    };
    match outage {
        Some(message) => StoreError::unavailable(message).with_source(error),
        None => StoreError::broken("the database refused a statement").with_source(error),
    }
}

fn outage(error: &dyn sqlx::error::DatabaseError) -> Option<&'static str> {
    let code = error.code()?;
    #[cfg(feature = "postgres")]
    if error.try_downcast_ref::<sqlx::postgres::PgDatabaseError>().is_some() {
        return pg_outage(&code);
    }
    #[cfg(feature = "sqlite")]
    return lite_outage(&code);
    #[cfg(not(feature = "sqlite"))]
    None
}

/// Whether the database gave way to another process that wrote the same rows: the same again may succeed at once.
pub(crate) fn is_collision(error: &StoreError) -> bool {
    let source = std::error::Error::source(error).and_then(|source| source.downcast_ref::<sqlx::Error>());
    let code = source.and_then(|error| error.as_database_error()?.code());
    matches!(code.as_deref(), Some("40001" | "40P01"))
}

/// Something stored cannot be read back.
pub(crate) fn unreadable(what: &'static str) -> impl Fn(serde_json::Error) -> StoreError {
    move |error| StoreError::broken(format!("{what} is stored in a form that cannot be read")).with_source(error)
}

/// A value as JSON text. Only a bug could make it fail.
pub(crate) fn json(value: &impl Serialize) -> Result<String> {
    serde_json::to_string(value).map_err(unwritable)
}

/// Rows as the one parameter of a statement. What was a NUL in a text is the replacement character: no database's text
/// holds it safely.
pub(crate) fn rows(value: &impl Serialize) -> Result<String> {
    let mut text = Vec::with_capacity(4096);
    value.serialize(&mut serde_json::Serializer::with_formatter(&mut text, NoNul)).map_err(unwritable)?;
    String::from_utf8(text).map_err(|error| StoreError::broken("JSON is not UTF-8").with_source(error))
}

fn unwritable(error: serde_json::Error) -> StoreError {
    StoreError::broken("a value cannot be written as JSON").with_source(error)
}

struct NoNul;

impl Formatter for NoNul {
    fn write_char_escape<W: io::Write + ?Sized>(&mut self, writer: &mut W, escape: CharEscape) -> io::Result<()> {
        match escape {
            CharEscape::AsciiControl(0) => writer.write_all("\u{FFFD}".as_bytes()),
            other => CompactFormatter.write_char_escape(writer, other),
        }
    }
}
