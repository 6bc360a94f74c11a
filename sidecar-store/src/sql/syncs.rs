use super::{Sql, both};

macro_rules! columns {
    () => {
        "organization, source, location, progress, watermark, last_full_at, last_sync_at, error_count, last_error, \
         next_run_at, full_requested, full_begun"
    };
}

pub(crate) const SCHEDULE: Sql = both(
    "INSERT INTO syncs (organization, source, location, next_run_at, full_requested) VALUES ($1, $2, $3, $4, $5)
     ON CONFLICT (organization, source, location) DO UPDATE SET next_run_at = excluded.next_run_at,
         full_requested = CASE WHEN excluded.full_requested > syncs.full_requested THEN excluded.full_requested ELSE syncs.full_requested END",
);

/// 0: what changed; 1: everything; 2: everything, however much would be removed.
pub(crate) const FORCE: Sql =
    both("UPDATE syncs SET full_requested = 2 WHERE organization = $1 AND source = $2 AND location = $3");

pub(crate) const DUE: Sql = both(concat!(
    "SELECT ",
    columns!(),
    " FROM syncs WHERE next_run_at <= $1 ORDER BY next_run_at, organization, source, location LIMIT $2"
));

pub(crate) const ONE: Sql =
    both(concat!("SELECT ", columns!(), " FROM syncs WHERE organization = $1 AND source = $2 AND location = $3"));

pub(crate) const OF_ORGANIZATION: Sql =
    both(concat!("SELECT ", columns!(), " FROM syncs WHERE organization = $1 ORDER BY source, location"));

/// What was stopped stays stopped.
pub(crate) const FAILED: Sql = both(
    "UPDATE syncs SET error_count = error_count + 1, last_error = $4,
         next_run_at = CASE WHEN next_run_at IS NULL THEN NULL ELSE CAST($5 AS BIGINT) END
     WHERE organization = $1 AND source = $2 AND location = $3",
);

/// The pass that begins now answers every wish so far.
pub(crate) const RESTART: Sql = both(
    "UPDATE syncs SET progress = NULL, full_requested = 0,
         full_begun = CASE WHEN full_requested > full_begun THEN full_requested ELSE full_begun END
     WHERE organization = $1 AND source = $2 AND location = $3",
);

pub(crate) const STOP: Sql = both("UPDATE syncs SET next_run_at = NULL WHERE organization = $1");

pub(crate) const STOP_LOCATION: Sql =
    both("UPDATE syncs SET next_run_at = NULL WHERE organization = $1 AND location = $2");

pub(crate) const NEXT_DUE: Sql =
    both("SELECT next_run_at FROM syncs WHERE next_run_at IS NOT NULL ORDER BY next_run_at LIMIT 1");

pub(crate) const PROGRESS: Sql = both(
    "INSERT INTO syncs (organization, source, location, progress, next_run_at) VALUES ($1, $2, $3, $4, $5)
     ON CONFLICT (organization, source, location) DO UPDATE SET progress = excluded.progress",
);

/// What was stopped meanwhile stays stopped, and a full pass that was wished for meanwhile stays wished for and due.
pub(crate) const FINISHED: Sql = both(
    "INSERT INTO syncs (organization, source, location, watermark, last_full_at, last_sync_at, next_run_at)
     VALUES ($1, $2, $3, $4, CASE WHEN $5 THEN CAST($6 AS BIGINT) END, $6, $7)
     ON CONFLICT (organization, source, location) DO UPDATE SET
         progress = NULL, watermark = excluded.watermark, last_sync_at = excluded.last_sync_at,
         last_full_at = coalesce(excluded.last_full_at, syncs.last_full_at), error_count = 0, last_error = NULL,
         next_run_at = CASE
             WHEN syncs.next_run_at IS NULL THEN NULL
             WHEN syncs.full_requested > 0 OR (syncs.full_begun > 0 AND NOT $5) THEN syncs.next_run_at
             ELSE excluded.next_run_at END,
         full_begun = CASE WHEN $5 THEN 0 ELSE syncs.full_begun END",
);

pub(crate) const CLEAR_MISSING: Sql =
    both("DELETE FROM sync_missing WHERE organization = $1 AND source = $2 AND location = $3");

/// Those that were removed meanwhile need no reading. `CROSS JOIN` keeps the few missing ones outside.
pub(crate) const LIST_MISSING: Sql = both(
    "SELECT m.kind, m.id, r.revision FROM sync_missing m CROSS JOIN records r
     WHERE r.organization = m.organization AND r.kind = m.kind AND r.id = m.id AND r.deleted = 0
       AND m.organization = $1 AND m.source = $2 AND m.location = $3
     ORDER BY m.kind, m.id LIMIT $4",
);
