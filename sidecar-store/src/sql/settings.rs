use super::{Sql, portable};

/// Reuses the row of a deleted setting and continues its revision.
pub(crate) const CREATE: Sql = portable(
    "INSERT INTO settings (organization, name, revision, sealed, sealed_with) VALUES ($1, $2, 1, $3, $4)
     ON CONFLICT (organization, name) DO UPDATE SET revision = settings.revision + 1, sealed = excluded.sealed,
         sealed_with = excluded.sealed_with
     WHERE settings.sealed IS NULL",
);

pub(crate) const REPLACE: Sql = portable(
    "UPDATE settings SET revision = revision + 1, sealed = $3, sealed_with = $4
     WHERE organization = $1 AND name = $2 AND revision = $5 AND sealed IS NOT NULL",
);

pub(crate) const LOAD: Sql =
    portable("SELECT revision, sealed FROM settings WHERE organization = $1 AND name = $2 AND sealed IS NOT NULL");

pub(crate) const DELETE: Sql = portable(
    "UPDATE settings SET revision = revision + 1, sealed = NULL, sealed_with = NULL
     WHERE organization = $1 AND name = $2 AND sealed IS NOT NULL",
);

/// Pages after ($2, $3), so that a row that cannot be opened does not block the rest.
pub(crate) const LIST_SEALED_WITH_OTHER_KEYS: Sql = portable(
    "SELECT organization, name, revision, sealed FROM settings
     WHERE sealed IS NOT NULL AND sealed_with <> $1 AND (organization, name) > ($2, $3)
     ORDER BY organization, name LIMIT $4",
);

pub(crate) const RESEAL: Sql = portable(
    "UPDATE settings SET sealed = $5, sealed_with = $6
     WHERE organization = $1 AND name = $2 AND revision = $3 AND sealed = $4",
);
