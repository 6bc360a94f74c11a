use std::borrow::Cow;

use sqlx::{
    SqlStr,
    migrate::{MigrateError, Migration, MigrationType, Migrator},
};

use crate::{OpenError, sql::Sql};

macro_rules! migration {
    ($file:literal) => {
        crate::sql::per_database(
            include_str!(concat!("../../migrations/sqlite/", $file)),
            include_str!(concat!("../../migrations/postgres/", $file)),
        )
    };
}

/// Version, name and text of every migration, oldest first. A released text never changes. A migration only adds what the
/// previous release can ignore, because its processes keep running while the new ones start.
const MIGRATIONS: [(i64, &str, Sql); 1] = [(1, "schema", migration!("0001_schema.sql"))];

/// Returns the version of the newest migration.
pub(super) fn latest_version() -> i64 {
    MIGRATIONS.iter().map(|(version, ..)| *version).max().unwrap_or(0)
}

/// Returns the migrations of the database whose text `select` picks.
pub(super) fn migrator(select: impl Fn(Sql) -> &'static str) -> Migrator {
    let migration = |(version, name, text): (i64, &'static str, Sql)| {
        let text = SqlStr::from_static(select(text));
        Migration::new(version, Cow::Borrowed(name), MigrationType::Simple, text, false)
    };
    Migrator::with_migrations(MIGRATIONS.map(migration).into())
}

/// Maps a failed migration; `database_error` maps the errors of the database itself.
pub(super) fn migration_error(error: MigrateError, database_error: impl Fn(sqlx::Error) -> OpenError) -> OpenError {
    match error {
        MigrateError::VersionMissing(found) => OpenError::NewerSchema { found, known: latest_version() },
        MigrateError::VersionMismatch(version) => OpenError::MigrationMismatch(version),
        MigrateError::Execute(error) => database_error(error),
        other => OpenError::MigrationFailed(other.to_string()),
    }
}
