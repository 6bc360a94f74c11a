use super::{Sql, portable};

macro_rules! columns {
    () => {
        "organization, source, location, progress, watermark, last_full_at, last_sync_at, error_count, last_error, \
         next_run_at, full_requested, full_running"
    };
}

pub(crate) const SCHEDULE: Sql = portable(
    "INSERT INTO syncs (organization, source, location, next_run_at, full_requested) VALUES ($1, $2, $3, $4, $5)
     ON CONFLICT (organization, source, location) DO UPDATE SET next_run_at = excluded.next_run_at,
         full_requested = CASE WHEN excluded.full_requested > syncs.full_requested THEN excluded.full_requested ELSE syncs.full_requested END",
);

/// `full_requested`: 0 incremental, 1 full, 2 full without a deletion limit.
pub(crate) const FORCE: Sql =
    portable("UPDATE syncs SET full_requested = 2 WHERE organization = $1 AND source = $2 AND location = $3");

pub(crate) const DUE: Sql = portable(concat!(
    "SELECT ",
    columns!(),
    " FROM syncs WHERE next_run_at <= $1 ORDER BY next_run_at, organization, source, location LIMIT $2"
));

pub(crate) const GET: Sql =
    portable(concat!("SELECT ", columns!(), " FROM syncs WHERE organization = $1 AND source = $2 AND location = $3"));

pub(crate) const LIST_BY_ORGANIZATION: Sql =
    portable(concat!("SELECT ", columns!(), " FROM syncs WHERE organization = $1 ORDER BY source, location"));

/// A stopped source stays stopped.
pub(crate) const RECORD_FAILURE: Sql = portable(
    "UPDATE syncs SET error_count = error_count + 1, last_error = $4,
         next_run_at = CASE WHEN next_run_at IS NULL THEN NULL ELSE CAST($5 AS BIGINT) END
     WHERE organization = $1 AND source = $2 AND location = $3",
);

/// The run that starts now serves every request for a full run so far.
pub(crate) const RESTART: Sql = portable(
    "UPDATE syncs SET progress = NULL, full_requested = 0,
         full_running = CASE WHEN full_requested > full_running THEN full_requested ELSE full_running END
     WHERE organization = $1 AND source = $2 AND location = $3",
);

pub(crate) const STOP: Sql = portable("UPDATE syncs SET next_run_at = NULL WHERE organization = $1");

pub(crate) const STOP_LOCATION: Sql =
    portable("UPDATE syncs SET next_run_at = NULL WHERE organization = $1 AND location = $2");

pub(crate) const NEXT_DUE: Sql =
    portable("SELECT next_run_at FROM syncs WHERE next_run_at IS NOT NULL ORDER BY next_run_at LIMIT 1");

pub(crate) const SAVE_PROGRESS: Sql = portable(
    "INSERT INTO syncs (organization, source, location, progress, next_run_at) VALUES ($1, $2, $3, $4, $5)
     ON CONFLICT (organization, source, location) DO UPDATE SET progress = excluded.progress",
);

/// A source that was stopped during the run stays stopped. A full run that was requested during the run stays requested and due.
pub(crate) const FINISH: Sql = portable(
    "INSERT INTO syncs (organization, source, location, watermark, last_full_at, last_sync_at, next_run_at)
     VALUES ($1, $2, $3, $4, CASE WHEN $5 THEN CAST($6 AS BIGINT) END, $6, $7)
     ON CONFLICT (organization, source, location) DO UPDATE SET
         progress = NULL, watermark = excluded.watermark, last_sync_at = excluded.last_sync_at,
         last_full_at = coalesce(excluded.last_full_at, syncs.last_full_at), error_count = 0, last_error = NULL,
         next_run_at = CASE
             WHEN syncs.next_run_at IS NULL THEN NULL
             WHEN syncs.full_requested > 0 OR (syncs.full_running > 0 AND NOT $5) THEN syncs.next_run_at
             ELSE excluded.next_run_at END,
         full_running = CASE WHEN $5 THEN 0 ELSE syncs.full_running END",
);

pub(crate) const CLEAR_MISSING: Sql =
    portable("DELETE FROM sync_missing WHERE organization = $1 AND source = $2 AND location = $3");

/// Skips records that were deleted since. `CROSS JOIN` makes the few missing rows the outer loop.
pub(crate) const LIST_MISSING: Sql = portable(
    "SELECT m.kind, m.id, r.revision FROM sync_missing m CROSS JOIN records r
     WHERE r.organization = m.organization AND r.kind = m.kind AND r.id = m.id AND r.deleted = 0
       AND m.organization = $1 AND m.source = $2 AND m.location = $3
     ORDER BY m.kind, m.id LIMIT $4",
);
