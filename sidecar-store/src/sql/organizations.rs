use super::{Sql, portable};

pub(crate) const CREATE: Sql =
    portable("INSERT INTO organizations (id, slug, name, created_at) VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING");

pub(crate) const BY_ID: Sql = portable("SELECT id, slug, name, created_at FROM organizations WHERE id = $1");

pub(crate) const BY_SLUG: Sql = portable("SELECT id, slug, name, created_at FROM organizations WHERE slug = $1");

pub(crate) const LIST: Sql = portable("SELECT id, slug, name, created_at FROM organizations ORDER BY created_at, id");

/// Writes a row only if the resource has no owner or this organization owns it.
pub(crate) const CLAIM_RESOURCE: Sql = portable(
    "INSERT INTO resource_owners (provider, kind, id, organization) VALUES ($1, $2, $3, $4)
     ON CONFLICT (provider, kind, id) DO UPDATE SET organization = excluded.organization
     WHERE resource_owners.organization = excluded.organization",
);

pub(crate) const RESOURCE_OWNER: Sql =
    portable("SELECT organization FROM resource_owners WHERE provider = $1 AND kind = $2 AND id = $3");

pub(crate) const OWNED_RESOURCES: Sql =
    portable("SELECT id FROM resource_owners WHERE organization = $1 AND provider = $2 AND kind = $3 ORDER BY id");

pub(crate) const RELEASE_RESOURCE: Sql =
    portable("DELETE FROM resource_owners WHERE provider = $1 AND kind = $2 AND id = $3 AND organization = $4");

pub(crate) const INSERT_STATE: Sql =
    portable("INSERT INTO oauth_states (state_hash, organization, binding, expires_at) VALUES ($1, $2, $3, $4)");

/// Deletes the state as it is read, so that it works once.
pub(crate) const TAKE_STATE: Sql =
    portable("DELETE FROM oauth_states WHERE state_hash = $1 RETURNING organization, binding, expires_at");

pub(crate) const PURGE_STATES: Sql = portable(
    "DELETE FROM oauth_states WHERE state_hash IN (SELECT state_hash FROM oauth_states WHERE expires_at < $1 LIMIT 1000)",
);
