use super::{Sql, both, lite_only};

macro_rules! columns {
    () => {
        "r.organization, r.kind, r.id, r.location, r.version, r.origin, r.position, r.search, r.doc, r.revision, r.deleted"
    };
}

pub(crate) const ONE: Sql =
    both(concat!("SELECT ", columns!(), " FROM records r WHERE r.organization = $1 AND r.kind = $2 AND r.id = $3"));

/// The stored records of a batch's changes. `CROSS JOIN` keeps the keys outside: each is one look in the index.
pub(crate) const CURRENT: Sql = lite_only(concat!(
    "SELECT ",
    columns!(),
    " FROM json_each($1) k CROSS JOIN records r
     WHERE r.organization = k.value->>'organization' AND r.kind = k.value->>'kind' AND r.id = k.value->>'id'"
));

pub(crate) const UPSERT: Sql = lite_only(
    "INSERT INTO records (organization, kind, id, location, version, origin, position, search, doc, revision, deleted)
     SELECT r.value->>'organization', r.value->>'kind', r.value->>'id', r.value->>'location', r.value->>'version',
            r.value->>'origin', r.value->>'position', r.value->>'search', r.value->>'doc', r.value->>'revision',
            r.value->>'deleted'
     FROM json_each($1) r WHERE true
     ON CONFLICT (organization, kind, id) DO UPDATE SET location = excluded.location, version = excluded.version,
         origin = excluded.origin, position = excluded.position, search = excluded.search, doc = excluded.doc,
         revision = excluded.revision, deleted = excluded.deleted",
);

pub(crate) const APPLIED: Sql = lite_only(
    "INSERT INTO applied_events (organization, source, delivery, kind, entity, outcome)
     SELECT r.value->>'organization', r.value->>'source', r.value->>'delivery', r.value->>'kind', r.value->>'entity',
            r.value->>'outcome'
     FROM json_each($1) r",
);

pub(crate) const COUNT_APPLIED: Sql =
    both("SELECT count(*), count(DISTINCT delivery) FROM applied_events WHERE source = $1");

pub(crate) const COUNT: Sql =
    both("SELECT count(*) FROM records WHERE organization = $1 AND kind = $2 AND deleted = 0");

pub(crate) const COUNT_IN_LOCATION: Sql =
    both("SELECT count(*) FROM records WHERE organization = $1 AND kind = $2 AND deleted = 0 AND location = $3");

/// $1 organization, $2 kind, $3 location, $4 from, $5 to, $6 search, ($7, $8) after, $9 limit.
macro_rules! listing {
    ($place:literal, $beyond:literal, $order:literal) => {
        lite_only(concat!(
            "SELECT ",
            columns!(),
            " FROM records r WHERE r.organization = $1 AND r.kind = $2 AND r.deleted = 0 AND ",
            $place,
            " AND r.position >= $4 AND r.position < $5 AND ($6 IS NULL OR instr(r.search, $6) > 0)
              AND (r.position, r.id) ",
            $beyond,
            " ($7, $8) ORDER BY r.position ",
            $order,
            ", r.id ",
            $order,
            " LIMIT $9"
        ))
    };
}

pub(crate) const LIST: Sql = listing!("$3 IS NULL", ">", "ASC");
pub(crate) const LIST_NEWEST: Sql = listing!("$3 IS NULL", "<", "DESC");
pub(crate) const LIST_IN_LOCATION: Sql = listing!("r.location = $3", ">", "ASC");
pub(crate) const LIST_NEWEST_IN_LOCATION: Sql = listing!("r.location = $3", "<", "DESC");

/// $1 to $3 the pass, $4 kind, $5 older than, ($6, $7) after, ($8, $9) up to, $10 the ids that are there, $11 location.
/// A record remembered already is counted too: the update changes nothing.
macro_rules! missing {
    ($place:literal) => {
        lite_only(concat!(
            "INSERT INTO sync_missing (organization, source, location, kind, id)
             SELECT $1, $2, $3, r.kind, r.id FROM records r
             WHERE r.organization = $1 AND r.kind = $4 AND r.deleted = 0 AND r.version < $5
               AND (r.position, r.id) > ($6, $7) AND (r.position, r.id) <= ($8, $9)
               AND r.id NOT IN (SELECT value FROM json_each($10)) AND ",
            $place,
            " ON CONFLICT (organization, source, location, kind, id) DO UPDATE SET kind = excluded.kind"
        ))
    };
}

pub(crate) const MISSING: Sql = missing!("$11 IS NULL");
pub(crate) const MISSING_IN_LOCATION: Sql = missing!("r.location = $11");

pub(crate) const FOUND: Sql = lite_only(
    "DELETE FROM sync_missing WHERE (organization, kind, id) IN (
         SELECT k.value->>'organization', k.value->>'kind', k.value->>'id' FROM json_each($1) k)",
);
