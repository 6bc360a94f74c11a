use super::{Sql, portable};

macro_rules! columns {
    () => {
        "organization, resource, generation, sealed, expires_at, state"
    };
}

/// Reuses the row of a deleted connection and continues its generation.
pub(crate) const CREATE: Sql = portable(
    "INSERT INTO tokens (organization, resource, generation, sealed, sealed_with, expires_at, state)
     VALUES ($1, $2, 1, $3, $4, $5, $6)
     ON CONFLICT (organization, resource) DO UPDATE SET generation = tokens.generation + 1, sealed = excluded.sealed,
         sealed_with = excluded.sealed_with, expires_at = excluded.expires_at, state = excluded.state
     WHERE tokens.sealed IS NULL
     RETURNING generation",
);

pub(crate) const REPLACE: Sql = portable(
    "UPDATE tokens SET generation = generation + 1, sealed = $3, sealed_with = $4, expires_at = $5, state = $6
     WHERE organization = $1 AND resource = $2 AND generation = $7 AND sealed IS NOT NULL
     RETURNING generation",
);

pub(crate) const LOAD: Sql = portable(concat!(
    "SELECT ",
    columns!(),
    " FROM tokens WHERE organization = $1 AND resource = $2 AND sealed IS NOT NULL"
));

pub(crate) const LIST_BY_ORGANIZATION: Sql = portable(concat!(
    "SELECT ",
    columns!(),
    " FROM tokens WHERE organization = $1 AND sealed IS NOT NULL ORDER BY resource"
));

pub(crate) const SET_STATE: Sql = portable(
    "UPDATE tokens SET state = $4
     WHERE organization = $1 AND resource = $2 AND generation = $3 AND sealed IS NOT NULL",
);

pub(crate) const DELETE: Sql = portable(
    "UPDATE tokens SET sealed = NULL, sealed_with = NULL, expires_at = NULL
     WHERE organization = $1 AND resource = $2",
);

/// Pages after ($2, $3), so that a row that cannot be opened does not block the rest.
pub(crate) const LIST_SEALED_WITH_OTHER_KEYS: Sql = portable(
    "SELECT organization, resource, generation, sealed FROM tokens
     WHERE sealed IS NOT NULL AND sealed_with <> $1 AND (organization, resource) > ($2, $3)
     ORDER BY organization, resource LIMIT $4",
);

pub(crate) const RESEAL: Sql = portable(
    "UPDATE tokens SET sealed = $5, sealed_with = $6
     WHERE organization = $1 AND resource = $2 AND generation = $3 AND sealed = $4",
);
