use super::{Sql, now_lite, now_pg, two};

macro_rules! beat {
    ($now:expr) => {
        concat!(
            "INSERT INTO processes (id, alive_until) VALUES ($1, ",
            $now,
            " + $2) ON CONFLICT (id) DO UPDATE SET alive_until = excluded.alive_until"
        )
    };
}
pub(crate) const BEAT: Sql = two(beat!(now_lite!()), beat!(now_pg!()));

/// Those that went without a word.
pub(crate) const BURY: Sql = two(
    concat!("DELETE FROM processes WHERE alive_until <= ", now_lite!()),
    concat!("DELETE FROM processes WHERE alive_until <= ", now_pg!()),
);

pub(crate) const LEAVE: Sql = super::both("DELETE FROM processes WHERE id = $1");

pub(crate) const COUNT: Sql = super::both("SELECT count(*) FROM processes");
