use std::borrow::Cow;

use sqlx::{
    SqlStr,
    migrate::{MigrateError, Migration, MigrationType, Migrator},
};

use crate::{OpenError, sql::Sql};

macro_rules! migration {
    ($file:literal) => {
        crate::sql::two(
            include_str!(concat!("../../migrations/sqlite/", $file)),
            include_str!(concat!("../../migrations/postgres/", $file)),
        )
    };
}

/// Version, name and text of every migration, oldest first. A text is never changed once released, and only adds what the
/// release before can do without: its processes go on while the new ones start.
const MIGRATIONS: [(i64, &str, Sql); 4] = [
    (1, "foundation", migration!("0001_foundation.sql")),
    (2, "processes", migration!("0002_processes.sql")),
    (3, "settings", migration!("0003_settings.sql")),
    (4, "begun wishes", migration!("0004_begun_wishes.sql")),
];

/// The version of the newest migration.
pub(super) fn newest() -> i64 {
    MIGRATIONS.iter().map(|(version, ..)| *version).max().unwrap_or(0)
}

/// The migrations of one database, whose texts `dialect` picks.
pub(super) fn of(dialect: impl Fn(Sql) -> &'static str) -> Migrator {
    let migration = |(version, name, text): (i64, &'static str, Sql)| {
        let text = SqlStr::from_static(dialect(text));
        Migration::new(version, Cow::Borrowed(name), MigrationType::Simple, text, false)
    };
    Migrator::with_migrations(MIGRATIONS.map(migration).into())
}

/// What a failed migration means; `refused` tells of the database's own errors.
pub(super) fn failed(error: MigrateError, refused: impl Fn(sqlx::Error) -> OpenError) -> OpenError {
    match error {
        MigrateError::VersionMissing(found) => OpenError::Newer { found, known: newest() },
        MigrateError::VersionMismatch(version) => OpenError::Changed(version),
        MigrateError::Execute(error) => refused(error),
        other => OpenError::Migration(other.to_string()),
    }
}
