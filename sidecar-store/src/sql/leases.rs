use super::{Sql, now_postgres, now_sqlite, per_database, portable};

macro_rules! acquire {
    ($now:expr) => {
        concat!(
            "INSERT INTO leases (key, holder, fence, expires_at) VALUES ($1, $2, 1, ",
            $now,
            " + $3)
             ON CONFLICT (key) DO UPDATE SET holder = excluded.holder, fence = leases.fence + 1,
                 expires_at = excluded.expires_at
             WHERE leases.expires_at <= ",
            $now,
            " RETURNING fence"
        )
    };
}
pub(crate) const ACQUIRE: Sql = per_database(acquire!(now_sqlite!()), acquire!(now_postgres!()));

macro_rules! renew {
    ($now:expr) => {
        concat!(
            "UPDATE leases SET expires_at = ",
            $now,
            " + $4 WHERE key = $1 AND holder = $2 AND fence = $3 AND expires_at > ",
            $now
        )
    };
}
pub(crate) const RENEW: Sql = per_database(renew!(now_sqlite!()), renew!(now_postgres!()));

pub(crate) const RELEASE: Sql =
    portable("UPDATE leases SET expires_at = 0 WHERE key = $1 AND holder = $2 AND fence = $3");
