use super::{Sql, per_database, portable};

macro_rules! columns {
    () => {
        "r.organization, r.kind, r.id, r.location, r.version, r.origin, r.position, r.search, r.doc, r.revision, r.deleted"
    };
}

pub(crate) const GET: Sql =
    portable(concat!("SELECT ", columns!(), " FROM records r WHERE r.organization = $1 AND r.kind = $2 AND r.id = $3"));

/// Replaces the document by `{}` if the change is a listing of the stored version: `resolve` does not read it then.
macro_rules! columns_without_known_doc {
    ($listed_version:literal) => {
        concat!(
            "r.organization, r.kind, r.id, r.location, r.version, r.origin, r.position, r.search,
             CASE WHEN r.version = ",
            $listed_version,
            " AND r.origin = 'fetched' AND r.deleted = 0 THEN '{}' ELSE r.doc END, r.revision, r.deleted"
        )
    };
}
/// The stored records that a batch changes. `CROSS JOIN` and `LATERAL` make the keys the outer loop: one index lookup per key.
pub(crate) const LOAD_CURRENT: Sql = per_database(
    concat!(
        "SELECT ",
        columns_without_known_doc!("k.value->>'listed_version'"),
        " FROM json_each($1) k CROSS JOIN records r
         WHERE r.organization = k.value->>'organization' AND r.kind = k.value->>'kind' AND r.id = k.value->>'id'"
    ),
    concat!(
        "SELECT ",
        columns_without_known_doc!("k.listed_version"),
        " FROM json_to_recordset($1::json) AS k(organization text, kind text, id text, listed_version bigint) CROSS JOIN LATERAL (
             SELECT * FROM records WHERE organization = k.organization AND kind = k.kind AND id = k.id LIMIT 1) r"
    ),
);

/// Writes fewer rows than given if another process inserted one of them first.
pub(crate) const INSERT: Sql = per_database(
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

/// Replaces a row only if its revision is `previous_revision`.
pub(crate) const UPDATE: Sql = per_database(
    "UPDATE records AS r SET location = n.value->>'location', version = n.value->>'version', origin = n.value->>'origin',
         position = n.value->>'position', search = n.value->>'search', doc = n.value->>'doc',
         revision = n.value->>'revision', deleted = n.value->>'deleted'
     FROM json_each($1) n
     WHERE r.organization = n.value->>'organization' AND r.kind = n.value->>'kind' AND r.id = n.value->>'id'
       AND r.revision = n.value->>'previous_revision'",
    "UPDATE records AS r SET location = n.location, version = n.version, origin = n.origin, position = n.position,
         search = n.search, doc = n.doc, revision = n.revision, deleted = n.deleted
     FROM json_to_recordset($1::json) AS n(
         organization text, kind text, id text, location text, version bigint, origin text, position bigint,
         search text, doc text, revision bigint, deleted bigint, previous_revision bigint)
     WHERE r.organization = n.organization AND r.kind = n.kind AND r.id = n.id AND r.revision = n.previous_revision",
);

pub(crate) const APPEND_EVENT_LOG: Sql = per_database(
    "INSERT INTO event_log (organization, source, delivery, kind, entity, outcome)
     SELECT r.value->>'organization', r.value->>'source', r.value->>'delivery', r.value->>'kind', r.value->>'entity',
            r.value->>'outcome'
     FROM json_each($1) r",
    "INSERT INTO event_log (organization, source, delivery, kind, entity, outcome)
     SELECT * FROM json_to_recordset($1::json) AS r(
         organization text, source text, delivery text, kind text, entity text, outcome text)",
);

pub(crate) const COUNT_EVENT_LOG: Sql =
    portable("SELECT count(*), count(DISTINCT delivery) FROM event_log WHERE source = $1");

pub(crate) const COUNT: Sql =
    portable("SELECT count(*) FROM records WHERE organization = $1 AND kind = $2 AND deleted = 0");

pub(crate) const COUNT_IN_LOCATION: Sql =
    portable("SELECT count(*) FROM records WHERE organization = $1 AND kind = $2 AND deleted = 0 AND location = $3");

/// $1 organization, $2 kind, $3 location, $4 from, $5 to, $6 search, ($7, $8) after, $9 limit.
macro_rules! listing {
    ($find:literal, $in_location:literal, $after:literal, $order:literal) => {
        concat!(
            "SELECT ",
            columns!(),
            " FROM records r WHERE r.organization = $1 AND r.kind = $2 AND r.deleted = 0 AND ",
            $in_location,
            " AND r.position >= $4 AND r.position < $5 AND (CAST($6 AS TEXT) IS NULL OR ",
            $find,
            "(r.search, $6) > 0) AND (r.position, r.id) ",
            $after,
            " ($7, $8) ORDER BY r.position ",
            $order,
            ", r.id ",
            $order,
            " LIMIT $9"
        )
    };
}
macro_rules! listing_per_database {
    ($in_location:literal, $after:literal, $order:literal) => {
        per_database(listing!("instr", $in_location, $after, $order), listing!("strpos", $in_location, $after, $order))
    };
}

pub(crate) const LIST: Sql = listing_per_database!("CAST($3 AS TEXT) IS NULL", ">", "ASC");
pub(crate) const LIST_NEWEST: Sql = listing_per_database!("CAST($3 AS TEXT) IS NULL", "<", "DESC");
pub(crate) const LIST_IN_LOCATION: Sql = listing_per_database!("r.location = $3", ">", "ASC");
pub(crate) const LIST_NEWEST_IN_LOCATION: Sql = listing_per_database!("r.location = $3", "<", "DESC");

/// $1 to $3 the sync key, $4 kind, $5 older than, ($6, $7) after, ($8, $9) up to, $10 the listed ids, $11 location. The no-op
/// update makes the row count include records that are marked as missing already.
macro_rules! insert_missing {
    ($ids:literal, $in_location:literal) => {
        concat!(
            "INSERT INTO sync_missing (organization, source, location, kind, id)
             SELECT $1, $2, $3, r.kind, r.id FROM records r
             WHERE r.organization = $1 AND r.kind = $4 AND r.deleted = 0 AND r.version < $5
               AND (r.position, r.id) > ($6, $7) AND (r.position, r.id) <= ($8, $9)
               AND r.id NOT IN ",
            $ids,
            " AND ",
            $in_location,
            " ON CONFLICT (organization, source, location, kind, id) DO UPDATE SET kind = excluded.kind"
        )
    };
}
macro_rules! insert_missing_per_database {
    ($in_location:literal) => {
        per_database(
            insert_missing!("(SELECT value FROM json_each($10))", $in_location),
            insert_missing!("(SELECT json_array_elements_text($10::json))", $in_location),
        )
    };
}

pub(crate) const INSERT_MISSING: Sql = insert_missing_per_database!("CAST($11 AS TEXT) IS NULL");
pub(crate) const INSERT_MISSING_IN_LOCATION: Sql = insert_missing_per_database!("r.location = $11");

pub(crate) const DELETE_MISSING: Sql = per_database(
    "DELETE FROM sync_missing WHERE (organization, kind, id) IN (
         SELECT k.value->>'organization', k.value->>'kind', k.value->>'id' FROM json_each($1) k)",
    "DELETE FROM sync_missing m USING json_to_recordset($1::json) AS k(organization text, kind text, id text)
     WHERE m.organization = k.organization AND m.kind = k.kind AND m.id = k.id",
);
