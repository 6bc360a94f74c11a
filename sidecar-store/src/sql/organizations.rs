use super::{Sql, both};

pub(crate) const CREATE: Sql =
    both("INSERT INTO organizations (id, slug, name, created_at) VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING");

pub(crate) const BY_ID: Sql = both("SELECT id, slug, name, created_at FROM organizations WHERE id = $1");

pub(crate) const BY_SLUG: Sql = both("SELECT id, slug, name, created_at FROM organizations WHERE slug = $1");

pub(crate) const ALL: Sql = both("SELECT id, slug, name, created_at FROM organizations ORDER BY created_at, id");

/// Writes a row only where nobody or the same organization holds it.
pub(crate) const HOLD: Sql = both(
    "INSERT INTO holdings (provider, kind, id, organization) VALUES ($1, $2, $3, $4)
     ON CONFLICT (provider, kind, id) DO UPDATE SET organization = excluded.organization
     WHERE holdings.organization = excluded.organization",
);

pub(crate) const HOLDER: Sql = both("SELECT organization FROM holdings WHERE provider = $1 AND kind = $2 AND id = $3");

pub(crate) const HELD: Sql =
    both("SELECT id FROM holdings WHERE organization = $1 AND provider = $2 AND kind = $3 ORDER BY id");

pub(crate) const RELEASE: Sql =
    both("DELETE FROM holdings WHERE provider = $1 AND kind = $2 AND id = $3 AND organization = $4");

pub(crate) const PUT_STATE: Sql =
    both("INSERT INTO oauth_states (state_hash, organization, binding, expires_at) VALUES ($1, $2, $3, $4)");

/// Whoever reads it removes it, so that it is good for one use.
pub(crate) const TAKE_STATE: Sql =
    both("DELETE FROM oauth_states WHERE state_hash = $1 RETURNING organization, binding, expires_at");

pub(crate) const SWEEP_STATES: Sql = both(
    "DELETE FROM oauth_states WHERE state_hash IN (SELECT state_hash FROM oauth_states WHERE expires_at < $1 LIMIT 1000)",
);
