use super::{Sql, per_database, portable};

/// Leaves a known key alone, unless the new task coalesces. Then the row takes the new payload, and
/// - a done or dead-lettered task becomes due again;
/// - a pending task stays one task, due at the earlier time if it has not been attempted;
/// - a claimed task runs once more after the claim ends.
macro_rules! on_known_key {
    () => {
        " ON CONFLICT (organization, key) DO UPDATE SET
             payload = excluded.payload,
             rerun_requested_at = excluded.rerun_requested_at,
             attempts = CASE WHEN outbox.state = 0 THEN outbox.attempts ELSE 0 END,
             due_at = CASE
                 WHEN outbox.state <> 0 THEN excluded.due_at
                 WHEN outbox.attempts = 0 AND excluded.due_at < outbox.due_at THEN excluded.due_at
                 ELSE outbox.due_at END,
             state = 0
         WHERE excluded.rerun_requested_at IS NOT NULL"
    };
}

/// PostgreSQL assigns `seq` in the given order and inserts in key order.
pub(crate) const INSERT: Sql = per_database(
    concat!(
        "INSERT INTO outbox (organization, key, kind, order_key, payload, due_at, rerun_requested_at)
         SELECT r.value->>'organization', r.value->>'key', r.value->>'kind', r.value->>'order_key', r.value->>'payload',
                r.value->>'due_at', CASE WHEN r.value->>'coalesce' THEN r.value->>'due_at' END
         FROM json_each($1) r WHERE true",
        on_known_key!()
    ),
    concat!(
        "WITH given AS MATERIALIZED (
             SELECT nextval('outbox_seq') AS seq, r.* FROM json_to_recordset($1::json) AS r(
                 organization text, key text, kind text, order_key text, payload text, due_at bigint, coalesce boolean))
         INSERT INTO outbox (seq, organization, key, kind, order_key, payload, due_at, rerun_requested_at)
         SELECT g.seq, g.organization, g.key, g.kind, g.order_key, g.payload, g.due_at, CASE WHEN g.coalesce THEN g.due_at END
         FROM given g ORDER BY g.organization, g.key",
        on_known_key!()
    ),
);

/// Claims in two steps: `tenants` finds the organizations with open tasks one by one, by an index, and each of them gives as many
/// due tasks as it may have claimed ($5) beyond those that are claimed already.
///
/// A task is claimed if it is the oldest due one of its order key, no other one of it is claimed, and no earlier one has been
/// attempted. The claim serves every rerun that was requested before it.
macro_rules! claim {
    ($kinds:literal, $lock:literal, $from_each:literal, $end:literal) => {
        concat!(
            "WITH RECURSIVE tenants(organization) AS (
                 SELECT min(organization) FROM outbox WHERE state = 0 AND organization >= $6
                 UNION ALL
                 SELECT (SELECT min(o.organization) FROM outbox o WHERE o.state = 0 AND o.organization > tenants.organization)
                 FROM tenants WHERE tenants.organization IS NOT NULL),
             due AS MATERIALIZED (
                 SELECT c.seq FROM tenants ",
            $from_each,
            "(SELECT r.seq FROM (
                     SELECT d.seq, row_number() OVER (ORDER BY d.due_at, d.seq) AS rank FROM (
                         SELECT t.seq, t.due_at FROM outbox t
                         WHERE t.state = 0 AND t.organization = tenants.organization AND t.due_at <= $1 AND t.kind IN ",
            $kinds,
            "              AND NOT EXISTS (
                               SELECT 1 FROM outbox e
                               WHERE e.state = 0 AND e.organization = t.organization AND e.order_key = t.order_key
                                 AND e.seq <> t.seq
                                 AND ((e.claimed = 1 AND e.due_at > $1)
                                   OR (e.seq < t.seq AND (e.attempts > 0 OR e.error IS NOT NULL))
                                   OR (e.seq < t.seq AND e.due_at <= $1 AND e.kind IN ",
            $kinds,
            ")))
                         ORDER BY t.due_at, t.seq LIMIT $5",
            $lock,
            ") d) r
                 WHERE r.rank <= $5 - (
                     SELECT count(*) FROM outbox b
                     WHERE b.state = 0 AND b.claimed = 1 AND b.organization = tenants.organization AND b.due_at > $1 AND b.kind IN ",
            $kinds,
            "))",
            $end,
            " LIMIT $3)
             UPDATE outbox SET due_at = $2, claimed = 1, attempts = attempts + 1, fence = fence + 1, rerun_requested_at = NULL
             WHERE seq IN (SELECT seq FROM due)
             RETURNING seq, fence, attempts, organization, kind, key, payload"
        )
    };
}
pub(crate) const CLAIM: Sql = per_database(
    claim!(
        "(SELECT value FROM json_each($4))",
        "",
        "CROSS JOIN outbox c WHERE tenants.organization IS NOT NULL AND c.seq IN ",
        ""
    ),
    claim!(
        "(SELECT json_array_elements_text($4::json))",
        " FOR UPDATE OF t SKIP LOCKED",
        "CROSS JOIN LATERAL ",
        " c WHERE tenants.organization IS NOT NULL"
    ),
);

/// Makes the task due again instead of done if a rerun was requested during the claim. In SQLite, `+state` prevents a scan of the
/// index of open tasks.
macro_rules! finish {
    ($claims:literal) => {
        concat!(
            "UPDATE outbox SET state = CASE WHEN rerun_requested_at IS NULL THEN 1 ELSE 0 END, claimed = 0, error = NULL,
                 due_at = coalesce(rerun_requested_at, due_at), rerun_requested_at = NULL, fence = fence + 1,
                 attempts = CASE WHEN rerun_requested_at IS NULL THEN attempts ELSE 0 END
             WHERE (seq, fence) IN ",
            $claims,
            " AND +state = 0 AND claimed = 1"
        )
    };
}
pub(crate) const FINISH: Sql = per_database(
    finish!("(SELECT r.value->>'seq', r.value->>'fence' FROM json_each($1) r)"),
    finish!("(SELECT r.seq, r.fence FROM json_to_recordset($1::json) AS r(seq bigint, fence bigint))"),
);

/// The next attempt serves the requested reruns.
pub(crate) const RETRY: Sql = portable(
    "UPDATE outbox SET due_at = $4, claimed = 0, error = $3, fence = fence + 1, rerun_requested_at = NULL
     WHERE seq = $1 AND fence = $2 AND state = 0 AND claimed = 1",
);

/// Like `RETRY`, but the attempt does not count. The error marks the task as attempted, which `CLAIM` checks.
pub(crate) const SNOOZE: Sql = portable(
    "UPDATE outbox SET due_at = $4, claimed = 0, error = $3, fence = fence + 1, rerun_requested_at = NULL, attempts = attempts - 1
     WHERE seq = $1 AND fence = $2 AND state = 0 AND claimed = 1",
);

/// Makes the task due again with fresh attempts if a rerun was requested during the claim.
pub(crate) const DEAD_LETTER: Sql = portable(
    "UPDATE outbox SET state = CASE WHEN rerun_requested_at IS NULL THEN 2 ELSE 0 END, claimed = 0, error = $3, fence = fence + 1,
         due_at = coalesce(rerun_requested_at, due_at), attempts = CASE WHEN rerun_requested_at IS NULL THEN attempts ELSE 0 END, rerun_requested_at = NULL
     WHERE seq = $1 AND fence = $2 AND state = 0 AND claimed = 1",
);

pub(crate) const REDRIVE: Sql =
    portable("UPDATE outbox SET state = 0, due_at = $2, attempts = 0 WHERE seq = $1 AND state = 2");

pub(crate) const COUNT_OPEN_AND_DEAD: Sql =
    portable("SELECT (SELECT count(*) FROM outbox WHERE state = 0), (SELECT count(*) FROM outbox WHERE state = 2)");

pub(crate) const LIST_DEAD: Sql = portable(
    "SELECT seq, organization, kind, key, payload, attempts, coalesce(error, '') FROM outbox
     WHERE state = 2 AND seq > $2 AND ($1 IS NULL OR organization = $1)
     ORDER BY seq LIMIT $3",
);

/// Checks the condition twice, because a task may become due again between the SELECT and the DELETE.
pub(crate) const PURGE: Sql = portable(
    "DELETE FROM outbox WHERE state = 1 AND due_at < $1
       AND seq IN (SELECT seq FROM outbox WHERE state = 1 AND due_at < $1 ORDER BY due_at LIMIT 1000)",
);
