use super::{Sql, both};

macro_rules! columns {
    () => {
        "organization, resource, generation, sealed, expires_at, state"
    };
}

/// A forgotten connection's row is taken over: its generation goes on.
pub(crate) const CREATE: Sql = both(
    "INSERT INTO tokens (organization, resource, generation, sealed, sealed_with, expires_at, state)
     VALUES ($1, $2, 1, $3, $4, $5, $6)
     ON CONFLICT (organization, resource) DO UPDATE SET generation = tokens.generation + 1, sealed = excluded.sealed,
         sealed_with = excluded.sealed_with, expires_at = excluded.expires_at, state = excluded.state
     WHERE tokens.sealed IS NULL
     RETURNING generation",
);

pub(crate) const REPLACE: Sql = both(
    "UPDATE tokens SET generation = generation + 1, sealed = $3, sealed_with = $4, expires_at = $5, state = $6
     WHERE organization = $1 AND resource = $2 AND generation = $7 AND sealed IS NOT NULL
     RETURNING generation",
);

pub(crate) const LOAD: Sql = both(concat!(
    "SELECT ",
    columns!(),
    " FROM tokens WHERE organization = $1 AND resource = $2 AND sealed IS NOT NULL"
));

pub(crate) const OF_ORGANIZATION: Sql = both(concat!(
    "SELECT ",
    columns!(),
    " FROM tokens WHERE organization = $1 AND sealed IS NOT NULL ORDER BY resource"
));

pub(crate) const MARK: Sql = both(
    "UPDATE tokens SET state = $4
     WHERE organization = $1 AND resource = $2 AND generation = $3 AND sealed IS NOT NULL",
);

pub(crate) const FORGET: Sql = both(
    "UPDATE tokens SET sealed = NULL, sealed_with = NULL, expires_at = NULL
     WHERE organization = $1 AND resource = $2",
);

/// After ($2, $3), so that a row that does not open does not hold up the others.
pub(crate) const SEALED_OTHERWISE: Sql = both(
    "SELECT organization, resource, generation, sealed FROM tokens
     WHERE sealed IS NOT NULL AND sealed_with <> $1 AND (organization, resource) > ($2, $3)
     ORDER BY organization, resource LIMIT $4",
);

pub(crate) const RESEAL: Sql = both(
    "UPDATE tokens SET sealed = $5, sealed_with = $6
     WHERE organization = $1 AND resource = $2 AND generation = $3 AND sealed = $4",
);
