use super::{Sql, both, lite_only};

/// The database's own clock, in microseconds. Within a statement it stands still.
macro_rules! now {
    () => {
        "CAST(unixepoch('subsec') * 1000000 AS INTEGER)"
    };
}

pub(crate) const TAKE: Sql = lite_only(concat!(
    "INSERT INTO leases (key, holder, fence, held_until) VALUES ($1, $2, 1, ",
    now!(),
    " + $3)
     ON CONFLICT (key) DO UPDATE SET holder = excluded.holder, fence = leases.fence + 1, held_until = excluded.held_until
     WHERE leases.held_until <= ",
    now!(),
    " RETURNING fence"
));

pub(crate) const RENEW: Sql = lite_only(concat!(
    "UPDATE leases SET held_until = ",
    now!(),
    " + $4 WHERE key = $1 AND holder = $2 AND fence = $3 AND held_until > ",
    now!()
));

pub(crate) const RELEASE: Sql = both("UPDATE leases SET held_until = 0 WHERE key = $1 AND holder = $2 AND fence = $3");
