use std::borrow::Cow;

use sidecar_core::StoreError;

pub(crate) type Result<T, E = StoreError> = std::result::Result<T, E>;

/// Why a store cannot be opened. The message says what to do and never contains a password.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OpenError {
    /// The scheme of the URL is not supported.
    #[error(
        "`{0}` is not a supported database: use sqlite://path/to/file.db, sqlite::memory: or postgres://user@host/database"
    )]
    UnknownScheme(String),
    /// This build does not include the database.
    #[error("this build does not support `{0}`: enable the feature `{0}` of sidecar-store")]
    FeatureDisabled(&'static str),
    /// PostgreSQL cannot be reached or rejects the connection.
    #[error(
        "cannot use PostgreSQL at {server}: {why}. Check that it runs, and check the user, password and database of the URL"
    )]
    Postgres {
        /// Host, port and database.
        server: String,
        /// The error of the database.
        why: String,
    },
    /// The URL is not valid.
    #[error("the database URL is not valid: {0}")]
    InvalidUrl(String),
    /// The file cannot be opened or created.
    #[error("cannot open {path}: {why}. Create its directory and make it writable for this user")]
    CannotOpen {
        /// The file.
        path: String,
        /// The error of the database.
        why: String,
    },
    /// The file is not a SQLite database, or it is damaged.
    #[error("{path} is not a SQLite database, or it is damaged: {why}. Give another path, or restore a backup")]
    NotADatabase {
        /// The file.
        path: String,
        /// The error of the database.
        why: String,
    },
    /// A newer release has migrated the database.
    #[error(
        "a newer release migrated the database to version {found}, this one supports {known}: run the newer release"
    )]
    NewerSchema {
        /// The version of the database.
        found: i64,
        /// The latest version of this build.
        known: i64,
    },
    /// An applied migration differs from the one of this build.
    #[error(
        "migration {0} of the database differs from the one of this build: use the build that created the database"
    )]
    MigrationMismatch(i64),
    /// Another process holds the write lock.
    #[error("the database is busy: another process holds the write lock; try again, or stop that process")]
    Busy,
    /// A migration failed and was rolled back.
    #[error("the migration failed and was rolled back: {0}")]
    MigrationFailed(String),
}

/// Describes the result codes of <https://www.sqlite.org/rescode.html> that a retry or an operator can resolve. `None` for
/// every other code.
#[cfg(feature = "sqlite")]
pub(crate) fn sqlite_outage(code: &str) -> Option<&'static str> {
    // The low byte is the primary code.
    Some(match code.parse::<i32>().ok()? & 0xff {
        5 | 6 => "the database is busy: another process is writing",
        7 => "the database is out of memory",
        8 => "the database is read-only: make the file and its directory writable for this user",
        9 => "the statement was interrupted",
        10 => "the disk reported an I/O error",
        13 => "the disk is full",
        14 => "the database file cannot be opened",
        15 => "the lock protocol of the database failed",
        _ => return None,
    })
}

/// Like [`sqlite_outage`], for <https://www.postgresql.org/docs/current/errcodes-appendix.html>.
#[cfg(feature = "postgres")]
pub(crate) fn postgres_outage(code: &str) -> Option<&'static str> {
    Some(match code {
        "40001" | "40P01" => "another process wrote the same rows at the same time",
        "53100" => "the database's disk is full",
        "53300" => "the database has no connection free: raise max_connections, or run fewer processes",
        "55P03" => "timed out waiting for a row lock, for example of a migration",
        "57014" => "the statement timed out",
        "57P01" | "57P02" | "57P03" => "the database is starting or stopping",
        "25006" => "the database is read-only",
        "28000" | "28P01" => "the database rejects this user or password",
        _ => match code.get(..2)? {
            "08" => "the connection to the database was lost",
            "53" => "the database is out of a resource",
            "58" => "the database server reported a system error",
            _ => return None,
        },
    })
}

/// Maps a failed statement. The message never contains a parameter of the statement.
pub(crate) fn from_sqlx(error: sqlx::Error) -> StoreError {
    let outage: Option<Cow<'static, str>> = match &error {
        sqlx::Error::Database(database) => outage(&**database).map(Cow::from),
        sqlx::Error::PoolTimedOut => Some("timed out waiting for a free database connection".into()),
        sqlx::Error::PoolClosed => Some("the store is closed".into()),
        sqlx::Error::Io(_) | sqlx::Error::Tls(_) | sqlx::Error::Protocol(_) | sqlx::Error::WorkerCrashed => {
            Some("the database cannot be reached".into())
        }
        _ => None,
    };
    match outage {
        Some(message) => StoreError::unavailable(message).with_source(error),
        None => StoreError::broken("the database rejected a statement").with_source(error),
    }
}

fn outage(error: &dyn sqlx::error::DatabaseError) -> Option<&'static str> {
    let code = error.code()?;
    #[cfg(feature = "postgres")]
    if error.try_downcast_ref::<sqlx::postgres::PgDatabaseError>().is_some() {
        return postgres_outage(&code);
    }
    #[cfg(feature = "sqlite")]
    return sqlite_outage(&code);
    #[cfg(not(feature = "sqlite"))]
    None
}

/// Returns `true` for a serialization failure or a deadlock: an immediate retry can succeed.
pub(crate) fn is_write_conflict(error: &StoreError) -> bool {
    let source = std::error::Error::source(error).and_then(|source| source.downcast_ref::<sqlx::Error>());
    let code = source.and_then(|error| error.as_database_error()?.code());
    matches!(code.as_deref(), Some("40001" | "40P01"))
}
