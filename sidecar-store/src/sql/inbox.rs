use super::{Sql, both, lite_only};

/// Answers the rows that were new. A body is text where it is UTF-8 and hexadecimal where it is not.
pub(crate) const PUT: Sql = lite_only(
    "INSERT INTO inbox (source, id, organization, order_key, kind, body, at, due_at)
     SELECT r.value->>'source', r.value->>'id', r.value->>'organization', r.value->>'order_key', r.value->>'kind',
            coalesce(unhex(r.value->>'hex'), CAST(r.value->>'text' AS BLOB)), r.value->>'at', r.value->>'at'
     FROM json_each($1) r WHERE true
     ON CONFLICT (source, id) DO NOTHING
     RETURNING source, id",
);

/// A row waits while an earlier open one of its source and order key is not due: held, or put off after a failure. An
/// earlier one that is due comes first in the same answer.
pub(crate) const CLAIM: Sql = lite_only(
    "WITH due AS MATERIALIZED (
         SELECT i.seq FROM inbox i
         WHERE i.state = 0 AND i.due_at <= $1
           AND NOT EXISTS (
               SELECT 1 FROM inbox e
               WHERE e.state = 0 AND e.source = i.source AND e.order_key = i.order_key AND e.due_at > $1 AND e.seq < i.seq)
         ORDER BY i.seq LIMIT $3)
     UPDATE inbox SET due_at = $2, attempts = attempts + 1, fence = fence + 1
     WHERE seq IN (SELECT seq FROM due)
     RETURNING seq, fence, attempts, source, id, organization, order_key, kind, body, at",
);

/// A finished delivery keeps its id and loses its body.
pub(crate) const DONE: Sql = lite_only(
    "UPDATE inbox SET state = 1, body = x'', error = NULL
     WHERE (seq, fence) IN (SELECT r.value->>'seq', r.value->>'fence' FROM json_each($1) r) AND state = 0",
);

/// The claim ends either way: its fence is used up.
pub(crate) const RETRY: Sql =
    both("UPDATE inbox SET due_at = $4, error = $3, fence = fence + 1 WHERE seq = $1 AND fence = $2 AND state = 0");

pub(crate) const GIVE_UP: Sql =
    both("UPDATE inbox SET state = 2, error = $3, fence = fence + 1 WHERE seq = $1 AND fence = $2 AND state = 0");

pub(crate) const REDRIVE: Sql =
    both("UPDATE inbox SET state = 0, due_at = $2, attempts = 0 WHERE seq = $1 AND state = 2");

pub(crate) const BACKLOG: Sql = both(
    "SELECT (SELECT count(*) FROM inbox WHERE state = 0),
            (SELECT at FROM inbox WHERE state = 0 ORDER BY seq LIMIT 1),
            (SELECT count(*) FROM inbox WHERE state = 2)",
);

pub(crate) const DEAD: Sql = both(
    "SELECT seq, source, id, organization, kind, body, attempts, coalesce(error, ''), at FROM inbox
     WHERE state = 2 AND seq > $2 AND ($1 IS NULL OR organization = $1)
     ORDER BY seq LIMIT $3",
);

pub(crate) const SWEEP: Sql =
    both("DELETE FROM inbox WHERE seq IN (SELECT seq FROM inbox WHERE state = 1 AND at < $1 ORDER BY at LIMIT 1000)");
