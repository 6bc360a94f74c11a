use super::{Sql, both, now_lite, now_pg, two};

macro_rules! take {
    ($now:expr) => {
        concat!(
            "INSERT INTO leases (key, holder, fence, held_until) VALUES ($1, $2, 1, ",
            $now,
            " + $3)
             ON CONFLICT (key) DO UPDATE SET holder = excluded.holder, fence = leases.fence + 1,
                 held_until = excluded.held_until
             WHERE leases.held_until <= ",
            $now,
            " RETURNING fence"
        )
    };
}
pub(crate) const TAKE: Sql = two(take!(now_lite!()), take!(now_pg!()));

macro_rules! renew {
    ($now:expr) => {
        concat!(
            "UPDATE leases SET held_until = ",
            $now,
            " + $4 WHERE key = $1 AND holder = $2 AND fence = $3 AND held_until > ",
            $now
        )
    };
}
pub(crate) const RENEW: Sql = two(renew!(now_lite!()), renew!(now_pg!()));

pub(crate) const RELEASE: Sql = both("UPDATE leases SET held_until = 0 WHERE key = $1 AND holder = $2 AND fence = $3");
