use super::{Sql, both, two};

macro_rules! columns {
    () => {
        "r.organization, r.kind, r.id, r.location, r.version, r.origin, r.position, r.search, r.doc, r.revision, r.deleted"
    };
}

pub(crate) const ONE: Sql =
    both(concat!("SELECT ", columns!(), " FROM records r WHERE r.organization = $1 AND r.kind = $2 AND r.id = $3"));

/// The stored records of a batch's changes. `CROSS JOIN` and `LATERAL` keep the keys outside: each is one look in the index.
/// A document that the rule does not ask for comes as an empty one.
macro_rules! columns_unless_known {
    ($listed:literal) => {
        concat!(
            "r.organization, r.kind, r.id, r.location, r.version, r.origin, r.position, r.search,
             CASE WHEN r.version = ",
            $listed,
            " AND r.origin = 'fetched' AND r.deleted = 0 THEN '{}' ELSE r.doc END, r.revision, r.deleted"
        )
    };
}
pub(crate) const CURRENT: Sql = two(
    concat!(
        "SELECT ",
        columns_unless_known!("k.value->>'listed'"),
        " FROM json_each($1) k CROSS JOIN records r
         WHERE r.organization = k.value->>'organization' AND r.kind = k.value->>'kind' AND r.id = k.value->>'id'"
    ),
    concat!(
        "SELECT ",
        columns_unless_known!("k.listed"),
        " FROM json_to_recordset($1::json) AS k(organization text, kind text, id text, listed bigint) CROSS JOIN LATERAL (
             SELECT * FROM records WHERE organization = k.organization AND kind = k.kind AND id = k.id LIMIT 1) r"
    ),
);

/// Fewer rows written than given means that another process came first.
pub(crate) const INSERT: Sql = two(
    "INSERT INTO records (organization, kind, id, location, version, origin, position, search, doc, revision, deleted)
     SELECT r.value->>'organization', r.value->>'kind', r.value->>'id', r.value->>'location', r.value->>'version',
            r.value->>'origin', r.value->>'position', r.value->>'search', r.value->>'doc', r.value->>'revision',
            r.value->>'deleted'
     FROM json_each($1) r WHERE true
     ON CONFLICT DO NOTHING",
    "INSERT INTO records (organization, kind, id, location, version, origin, position, search, doc, revision, deleted)
     SELECT * FROM json_to_recordset($1::json) AS r(
         organization text, kind text, id text, location text, version bigint, origin text, position bigint,
         search text, doc text, revision bigint, deleted bigint)
     ON CONFLICT DO NOTHING",
);

/// Each over the revision that it follows, and no other.
pub(crate) const UPDATE: Sql = two(
    "UPDATE records AS r SET location = n.value->>'location', version = n.value->>'version', origin = n.value->>'origin',
         position = n.value->>'position', search = n.value->>'search', doc = n.value->>'doc',
         revision = n.value->>'revision', deleted = n.value->>'deleted'
     FROM json_each($1) n
     WHERE r.organization = n.value->>'organization' AND r.kind = n.value->>'kind' AND r.id = n.value->>'id'
       AND r.revision = n.value->>'former'",
    "UPDATE records AS r SET location = n.location, version = n.version, origin = n.origin, position = n.position,
         search = n.search, doc = n.doc, revision = n.revision, deleted = n.deleted
     FROM json_to_recordset($1::json) AS n(
         organization text, kind text, id text, location text, version bigint, origin text, position bigint,
         search text, doc text, revision bigint, deleted bigint, former bigint)
     WHERE r.organization = n.organization AND r.kind = n.kind AND r.id = n.id AND r.revision = n.former",
);

pub(crate) const APPLIED: Sql = two(
    "INSERT INTO applied_events (organization, source, delivery, kind, entity, outcome)
     SELECT r.value->>'organization', r.value->>'source', r.value->>'delivery', r.value->>'kind', r.value->>'entity',
            r.value->>'outcome'
     FROM json_each($1) r",
    "INSERT INTO applied_events (organization, source, delivery, kind, entity, outcome)
     SELECT * FROM json_to_recordset($1::json) AS r(
         organization text, source text, delivery text, kind text, entity text, outcome text)",
);

pub(crate) const COUNT_APPLIED: Sql =
    both("SELECT count(*), count(DISTINCT delivery) FROM applied_events WHERE source = $1");

pub(crate) const COUNT: Sql =
    both("SELECT count(*) FROM records WHERE organization = $1 AND kind = $2 AND deleted = 0");

pub(crate) const COUNT_IN_LOCATION: Sql =
    both("SELECT count(*) FROM records WHERE organization = $1 AND kind = $2 AND deleted = 0 AND location = $3");

/// $1 organization, $2 kind, $3 location, $4 from, $5 to, $6 search, ($7, $8) after, $9 limit.
macro_rules! listing {
    ($within:literal, $place:literal, $beyond:literal, $order:literal) => {
        concat!(
            "SELECT ",
            columns!(),
            " FROM records r WHERE r.organization = $1 AND r.kind = $2 AND r.deleted = 0 AND ",
            $place,
            " AND r.position >= $4 AND r.position < $5 AND (CAST($6 AS TEXT) IS NULL OR ",
            $within,
            "(r.search, $6) > 0) AND (r.position, r.id) ",
            $beyond,
            " ($7, $8) ORDER BY r.position ",
            $order,
            ", r.id ",
            $order,
            " LIMIT $9"
        )
    };
}
macro_rules! both_listings {
    ($place:literal, $beyond:literal, $order:literal) => {
        two(listing!("instr", $place, $beyond, $order), listing!("strpos", $place, $beyond, $order))
    };
}

pub(crate) const LIST: Sql = both_listings!("CAST($3 AS TEXT) IS NULL", ">", "ASC");
pub(crate) const LIST_NEWEST: Sql = both_listings!("CAST($3 AS TEXT) IS NULL", "<", "DESC");
pub(crate) const LIST_IN_LOCATION: Sql = both_listings!("r.location = $3", ">", "ASC");
pub(crate) const LIST_NEWEST_IN_LOCATION: Sql = both_listings!("r.location = $3", "<", "DESC");

/// $1 to $3 the pass, $4 kind, $5 older than, ($6, $7) after, ($8, $9) up to, $10 the ids that are there, $11 location.
/// A record remembered already is counted too: the update changes nothing.
macro_rules! missing {
    ($ids:literal, $place:literal) => {
        concat!(
            "INSERT INTO sync_missing (organization, source, location, kind, id)
             SELECT $1, $2, $3, r.kind, r.id FROM records r
             WHERE r.organization = $1 AND r.kind = $4 AND r.deleted = 0 AND r.version < $5
               AND (r.position, r.id) > ($6, $7) AND (r.position, r.id) <= ($8, $9)
               AND r.id NOT IN ",
            $ids,
            " AND ",
            $place,
            " ON CONFLICT (organization, source, location, kind, id) DO UPDATE SET kind = excluded.kind"
        )
    };
}
macro_rules! both_missing {
    ($place:literal) => {
        two(
            missing!("(SELECT value FROM json_each($10))", $place),
            missing!("(SELECT json_array_elements_text($10::json))", $place),
        )
    };
}

pub(crate) const MISSING: Sql = both_missing!("CAST($11 AS TEXT) IS NULL");
pub(crate) const MISSING_IN_LOCATION: Sql = both_missing!("r.location = $11");

pub(crate) const FOUND: Sql = two(
    "DELETE FROM sync_missing WHERE (organization, kind, id) IN (
         SELECT k.value->>'organization', k.value->>'kind', k.value->>'id' FROM json_each($1) k)",
    "DELETE FROM sync_missing m USING json_to_recordset($1::json) AS k(organization text, kind text, id text)
     WHERE m.organization = k.organization AND m.kind = k.kind AND m.id = k.id",
);
