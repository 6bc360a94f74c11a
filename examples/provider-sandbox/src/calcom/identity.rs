//! The account's user id, its credentials and the webhook secret, derived from the seed.

use crate::rng::SeededRng;

#[derive(Debug)]
pub(crate) struct Identity {
    pub(crate) user_id: i64,
    pub(crate) api_key: String,
    pub(crate) webhook_secret: String,
    pub(crate) client_id: String,
    pub(crate) client_secret: String,
}

impl Identity {
    pub(crate) fn new(seed: u64) -> Self {
        let mut rng = SeededRng::new(seed, &[0xCA1C]);
        Self {
            user_id: 5_000 + i64::try_from(rng.below(1_000)).unwrap_or(0),
            api_key: format!("cal_live_{:016x}{:016x}", rng.next(), rng.next()),
            webhook_secret: format!("whsec_{}", rng.id()),
            client_id: format!("{:016x}{:016x}", rng.next(), rng.next()),
            client_secret: format!("{}{}", rng.id(), rng.id()),
        }
    }
}
