use super::{Sql, both, two};

/// A known key is left alone, unless the new task is a standing wish: then its payload is the newest wish's, and
/// - a task that was carried out or given up is due once more;
/// - one that waits stays one, due at the earlier time if it was not begun;
/// - one that is held remembers the wish until its claim ends.
macro_rules! on_known_key {
    () => {
        " ON CONFLICT (organization, key) DO UPDATE SET
             payload = excluded.payload,
             again_at = excluded.again_at,
             attempts = CASE WHEN outbox.state = 0 THEN outbox.attempts ELSE 0 END,
             due_at = CASE
                 WHEN outbox.state <> 0 THEN excluded.due_at
                 WHEN outbox.attempts = 0 AND excluded.due_at < outbox.due_at THEN excluded.due_at
                 ELSE outbox.due_at END,
             state = 0
         WHERE excluded.again_at IS NOT NULL"
    };
}

/// In PostgreSQL the numbers are drawn in the given order and the rows written in the order of their keys.
pub(crate) const PUT: Sql = two(
    concat!(
        "INSERT INTO outbox (organization, key, kind, order_key, payload, due_at, again_at)
         SELECT r.value->>'organization', r.value->>'key', r.value->>'kind', r.value->>'order_key', r.value->>'payload',
                r.value->>'due_at', CASE WHEN r.value->>'coalesce' THEN r.value->>'due_at' END
         FROM json_each($1) r WHERE true",
        on_known_key!()
    ),
    concat!(
        "WITH given AS MATERIALIZED (
             SELECT nextval('outbox_seq') AS seq, r.* FROM json_to_recordset($1::json) AS r(
                 organization text, key text, kind text, order_key text, payload text, due_at bigint, coalesce boolean))
         INSERT INTO outbox (seq, organization, key, kind, order_key, payload, due_at, again_at)
         SELECT g.seq, g.organization, g.key, g.kind, g.order_key, g.payload, g.due_at, CASE WHEN g.coalesce THEN g.due_at END
         FROM given g ORDER BY g.organization, g.key",
        on_known_key!()
    ),
);

/// Per organization and order key: none while one is held; none before an earlier one that was begun; else the oldest
/// due one. The wishes so far are fulfilled by this claim.
macro_rules! claim {
    ($kinds:literal, $lock:literal) => {
        concat!(
            "WITH due AS MATERIALIZED (
                 SELECT t.seq FROM outbox t
                 WHERE t.state = 0 AND t.due_at <= $1 AND t.kind IN ",
            $kinds,
            "      AND NOT EXISTS (
                       SELECT 1 FROM outbox e
                       WHERE e.state = 0 AND e.organization = t.organization AND e.order_key = t.order_key
                         AND e.seq <> t.seq
                         AND ((e.held = 1 AND e.due_at > $1)
                           OR (e.seq < t.seq AND (e.attempts > 0 OR e.error IS NOT NULL))
                           OR (e.seq < t.seq AND e.due_at <= $1 AND e.kind IN ",
            $kinds,
            ")))
                 ORDER BY t.seq LIMIT $3",
            $lock,
            ")
             UPDATE outbox SET due_at = $2, held = 1, attempts = attempts + 1, fence = fence + 1, again_at = NULL
             WHERE seq IN (SELECT seq FROM due)
             RETURNING seq, fence, attempts, organization, kind, key, payload"
        )
    };
}
pub(crate) const CLAIM: Sql = two(
    claim!("(SELECT value FROM json_each($4))", ""),
    claim!("(SELECT json_array_elements_text($4::json))", " FOR UPDATE OF t SKIP LOCKED"),
);

/// A wish that came meanwhile makes the task due again instead of done.
macro_rules! done {
    ($claims:literal) => {
        concat!(
            "UPDATE outbox SET state = CASE WHEN again_at IS NULL THEN 1 ELSE 0 END, held = 0, error = NULL,
                 due_at = coalesce(again_at, due_at), again_at = NULL, fence = fence + 1,
                 attempts = CASE WHEN again_at IS NULL THEN attempts ELSE 0 END
             WHERE (seq, fence) IN ",
            $claims,
            " AND state = 0 AND held = 1"
        )
    };
}
pub(crate) const DONE: Sql = two(
    done!("(SELECT r.value->>'seq', r.value->>'fence' FROM json_each($1) r)"),
    done!("(SELECT r.seq, r.fence FROM json_to_recordset($1::json) AS r(seq bigint, fence bigint))"),
);

/// The next attempt fulfils the wishes so far.
pub(crate) const RETRY: Sql = both(
    "UPDATE outbox SET due_at = $4, held = 0, error = $3, fence = fence + 1, again_at = NULL
     WHERE seq = $1 AND fence = $2 AND state = 0 AND held = 1",
);

/// The same, and the attempt does not count. What was put off has an error, by which it is known to have been begun.
pub(crate) const PUT_OFF: Sql = both(
    "UPDATE outbox SET due_at = $4, held = 0, error = $3, fence = fence + 1, again_at = NULL, attempts = attempts - 1
     WHERE seq = $1 AND fence = $2 AND state = 0 AND held = 1",
);

/// A wish that came meanwhile gets attempts of its own.
pub(crate) const GIVE_UP: Sql = both(
    "UPDATE outbox SET state = CASE WHEN again_at IS NULL THEN 2 ELSE 0 END, held = 0, error = $3, fence = fence + 1,
         due_at = coalesce(again_at, due_at), attempts = CASE WHEN again_at IS NULL THEN attempts ELSE 0 END, again_at = NULL
     WHERE seq = $1 AND fence = $2 AND state = 0 AND held = 1",
);

pub(crate) const REDRIVE: Sql =
    both("UPDATE outbox SET state = 0, due_at = $2, attempts = 0 WHERE seq = $1 AND state = 2");

pub(crate) const WAITING: Sql =
    both("SELECT (SELECT count(*) FROM outbox WHERE state = 0), (SELECT count(*) FROM outbox WHERE state = 2)");

pub(crate) const DEAD: Sql = both(
    "SELECT seq, organization, kind, key, payload, attempts, coalesce(error, '') FROM outbox
     WHERE state = 2 AND seq > $2 AND ($1 IS NULL OR organization = $1)
     ORDER BY seq LIMIT $3",
);

/// Asked twice: a task may become due again between the look and the removal.
pub(crate) const SWEEP: Sql = both(
    "DELETE FROM outbox WHERE state = 1 AND due_at < $1
       AND seq IN (SELECT seq FROM outbox WHERE state = 1 AND due_at < $1 ORDER BY due_at LIMIT 1000)",
);
