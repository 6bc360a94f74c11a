use super::{Sql, now_postgres, now_sqlite, per_database, portable};

macro_rules! heartbeat {
    ($now:expr) => {
        concat!(
            "INSERT INTO processes (id, expires_at) VALUES ($1, ",
            $now,
            " + $2) ON CONFLICT (id) DO UPDATE SET expires_at = excluded.expires_at"
        )
    };
}
pub(crate) const HEARTBEAT: Sql = per_database(heartbeat!(now_sqlite!()), heartbeat!(now_postgres!()));

/// Processes that stopped without deregistering.
pub(crate) const DELETE_EXPIRED: Sql = per_database(
    concat!("DELETE FROM processes WHERE expires_at <= ", now_sqlite!()),
    concat!("DELETE FROM processes WHERE expires_at <= ", now_postgres!()),
);

pub(crate) const DEREGISTER: Sql = portable("DELETE FROM processes WHERE id = $1");

pub(crate) const COUNT: Sql = portable("SELECT count(*) FROM processes");
