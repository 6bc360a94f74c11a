use super::{Sql, per_database, portable};

/// Returns the rows that were new. A body is sent as text if it is UTF-8, otherwise as hex. PostgreSQL assigns `seq` in order
/// of arrival and inserts in key order.
pub(crate) const INSERT: Sql = per_database(
    "INSERT INTO inbox (source, id, organization, order_key, kind, body, at, due_at)
     SELECT r.value->>'source', r.value->>'id', r.value->>'organization', r.value->>'order_key', r.value->>'kind',
            coalesce(unhex(r.value->>'hex'), CAST(r.value->>'text' AS BLOB)), r.value->>'at', r.value->>'at'
     FROM json_each($1) r WHERE true
     ON CONFLICT (source, id) DO NOTHING
     RETURNING source, id",
    "WITH given AS MATERIALIZED (
         SELECT nextval('inbox_seq') AS seq, r.* FROM json_to_recordset($1::json) AS r(
             source text, id text, organization text, order_key text, kind text, text text, hex text, at bigint))
     INSERT INTO inbox (seq, source, id, organization, order_key, kind, body, at, due_at)
     SELECT g.seq, g.source, g.id, g.organization, g.order_key, g.kind,
            coalesce(decode(g.hex, 'hex'), convert_to(g.text, 'UTF8')), g.at, g.at
     FROM given g ORDER BY g.source, g.id
     ON CONFLICT (source, id) DO NOTHING
     RETURNING source, id",
);

/// Inserts and claims until $2, unless an earlier delivery of the same key is open. Also returns `seq` and `attempts`, which is
/// 1 for a claimed row. Not an `EXISTS`: PostgreSQL would read every open row into a hash table.
pub(crate) const INSERT_AND_CLAIM: Sql = per_database(
    "INSERT INTO inbox (source, id, organization, order_key, kind, body, at, due_at, attempts, fence)
     SELECT r.value->>'source', r.value->>'id', r.value->>'organization', r.value->>'order_key', r.value->>'kind',
            coalesce(unhex(r.value->>'hex'), CAST(r.value->>'text' AS BLOB)), r.value->>'at',
            CASE WHEN e.seq IS NULL THEN $2 ELSE r.value->>'at' END, e.seq IS NULL, e.seq IS NULL
     FROM json_each($1) r LEFT JOIN inbox e ON e.seq = (
         SELECT min(seq) FROM inbox
         WHERE state = 0 AND source = r.value->>'source' AND order_key = r.value->>'order_key')
     WHERE true
     ON CONFLICT (source, id) DO NOTHING
     RETURNING source, id, seq, attempts",
    "WITH given AS MATERIALIZED (
         SELECT nextval('inbox_seq') AS seq, r.* FROM json_to_recordset($1::json) AS r(
             source text, id text, organization text, order_key text, kind text, text text, hex text, at bigint)),
     free AS MATERIALIZED (
         SELECT g.*, (
             SELECT true FROM inbox e
             WHERE e.state = 0 AND e.source = g.source AND e.order_key = g.order_key LIMIT 1) IS NULL AS free
         FROM given g)
     INSERT INTO inbox (seq, source, id, organization, order_key, kind, body, at, due_at, attempts, fence)
     SELECT g.seq, g.source, g.id, g.organization, g.order_key, g.kind,
            coalesce(decode(g.hex, 'hex'), convert_to(g.text, 'UTF8')), g.at,
            CASE WHEN g.free THEN $2 ELSE g.at END, g.free::int, g.free::int
     FROM free g ORDER BY g.source, g.id
     ON CONFLICT (source, id) DO NOTHING
     RETURNING source, id, seq, attempts",
);

/// Claims in two steps: `tenants` finds the organizations with open rows one by one, by an index, and each of them gives at most $4
/// rows. Rows without an organization belong to the organization ''.
///
/// A row waits while an earlier open row of its source and order key is not due, because it is claimed or backs off after a
/// failure, or belongs to another organization. An earlier row that is due comes first in the same result.
///
/// PostgreSQL processes claim concurrently: the one that locks the first open row of a key also claims the rows behind it, and
/// the others skip the key.
pub(crate) const CLAIM: Sql = per_database(
    "WITH RECURSIVE tenants(organization) AS (
         SELECT min(coalesce(organization, '')) FROM inbox WHERE state = 0 AND coalesce(organization, '') >= $5
         UNION ALL
         SELECT (SELECT min(coalesce(o.organization, '')) FROM inbox o
                 WHERE o.state = 0 AND coalesce(o.organization, '') > tenants.organization)
         FROM tenants WHERE tenants.organization IS NOT NULL),
     due AS MATERIALIZED (
         SELECT t.seq FROM tenants CROSS JOIN inbox t
         WHERE tenants.organization IS NOT NULL AND t.seq IN (
             SELECT i.seq FROM inbox i
             WHERE i.state = 0 AND coalesce(i.organization, '') = tenants.organization AND i.due_at <= $1
               AND NOT EXISTS (
                   SELECT 1 FROM inbox e
                   WHERE e.state = 0 AND e.source = i.source AND e.order_key = i.order_key AND e.seq < i.seq
                     AND (e.due_at > $1 OR coalesce(e.organization, '') <> tenants.organization))
             ORDER BY i.seq LIMIT $4)
         LIMIT $3)
     UPDATE inbox SET due_at = $2, attempts = attempts + 1, fence = fence + 1
     WHERE seq IN (SELECT seq FROM due)
     RETURNING seq, fence, attempts, source, id, organization, order_key, kind, body, at",
    "WITH RECURSIVE tenants(organization) AS (
         SELECT min(coalesce(organization, '')) FROM inbox WHERE state = 0 AND coalesce(organization, '') >= $5
         UNION ALL
         SELECT (SELECT min(coalesce(o.organization, '')) FROM inbox o
                 WHERE o.state = 0 AND coalesce(o.organization, '') > tenants.organization)
         FROM tenants WHERE tenants.organization IS NOT NULL),
     first_of_key AS MATERIALIZED (
         SELECT f.source, f.order_key, tenants.organization FROM tenants CROSS JOIN LATERAL (
             SELECT i.source, i.order_key FROM inbox i
             WHERE i.state = 0 AND coalesce(i.organization, '') = tenants.organization AND i.due_at <= $1
               AND NOT EXISTS (
                   SELECT 1 FROM inbox e
                   WHERE e.state = 0 AND e.source = i.source AND e.order_key = i.order_key AND e.seq < i.seq)
             ORDER BY i.seq LIMIT $4
             FOR UPDATE OF i SKIP LOCKED) f
         WHERE tenants.organization IS NOT NULL LIMIT $3),
     ranked AS MATERIALIZED (
         SELECT i.seq, row_number() OVER (PARTITION BY f.organization ORDER BY i.seq) AS rank
         FROM first_of_key f JOIN inbox i ON i.source = f.source AND i.order_key = f.order_key
         WHERE i.state = 0 AND i.due_at <= $1
           AND NOT EXISTS (
               SELECT 1 FROM inbox e
               WHERE e.state = 0 AND e.source = i.source AND e.order_key = i.order_key AND e.seq < i.seq
                 AND (e.due_at > $1 OR coalesce(e.organization, '') <> f.organization))
           AND coalesce(i.organization, '') = f.organization),
     due AS MATERIALIZED (SELECT seq FROM ranked WHERE rank <= $4 ORDER BY rank, seq LIMIT $3)
     UPDATE inbox i SET due_at = $2, attempts = attempts + 1, fence = fence + 1
     FROM due WHERE i.seq = due.seq AND i.state = 0
     RETURNING i.seq, i.fence, i.attempts, i.source, i.id, i.organization, i.order_key, i.kind, i.body, i.at",
);

/// Clears the body and keeps the id for deduplication. In SQLite, `+state` prevents a scan of the index of open rows.
pub(crate) const FINISH: Sql = per_database(
    "UPDATE inbox SET state = 1, body = x'', error = NULL
     WHERE (seq, fence) IN (SELECT r.value->>'seq', r.value->>'fence' FROM json_each($1) r) AND +state = 0",
    "UPDATE inbox i SET state = 1, body = '', error = NULL
     FROM json_to_recordset($1::json) AS r(seq bigint, fence bigint)
     WHERE i.seq = r.seq AND i.fence = r.fence AND i.state = 0",
);

pub(crate) const RELEASE: Sql = per_database(
    "UPDATE inbox SET due_at = $2, attempts = attempts - 1, fence = fence + 1
     WHERE (seq, fence) IN (SELECT r.value->>'seq', r.value->>'fence' FROM json_each($1) r) AND +state = 0",
    "UPDATE inbox i SET due_at = $2, attempts = i.attempts - 1, fence = i.fence + 1
     FROM json_to_recordset($1::json) AS r(seq bigint, fence bigint)
     WHERE i.seq = r.seq AND i.fence = r.fence AND i.state = 0",
);

/// Increments the fence, which ends the claim.
pub(crate) const RETRY: Sql =
    portable("UPDATE inbox SET due_at = $4, error = $3, fence = fence + 1 WHERE seq = $1 AND fence = $2 AND state = 0");

pub(crate) const DEAD_LETTER: Sql =
    portable("UPDATE inbox SET state = 2, error = $3, fence = fence + 1 WHERE seq = $1 AND fence = $2 AND state = 0");

pub(crate) const REDRIVE: Sql =
    portable("UPDATE inbox SET state = 0, due_at = $2, attempts = 0 WHERE seq = $1 AND state = 2");

pub(crate) const BACKLOG: Sql = portable(
    "SELECT (SELECT count(*) FROM inbox WHERE state = 0),
            (SELECT min(at) FROM inbox WHERE state = 0),
            (SELECT count(*) FROM inbox WHERE state = 2)",
);

pub(crate) const LIST_DEAD: Sql = portable(
    "SELECT seq, source, id, organization, kind, body, attempts, coalesce(error, ''), at FROM inbox
     WHERE state = 2 AND seq > $2 AND ($1 IS NULL OR organization = $1)
     ORDER BY seq LIMIT $3",
);

pub(crate) const PURGE: Sql = per_database(
    "DELETE FROM inbox WHERE seq IN (SELECT seq FROM inbox WHERE state = 1 AND at < $1 ORDER BY at LIMIT 1000)",
    "DELETE FROM inbox WHERE ctid = ANY (ARRAY(
         SELECT ctid FROM inbox WHERE state = 1 AND at < $1 LIMIT 1000 FOR UPDATE SKIP LOCKED))",
);
