//! Who the stand-in is: a user, the credentials to reach the account by, and the secret that signs webhooks. Made from the seed.

use crate::dice::Dice;

/// The user and every credential.
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
        let mut dice = Dice::new(seed, &[0xCA1C]);
        Self {
            user_id: 5_000 + i64::try_from(dice.below(1_000)).unwrap_or(0),
            api_key: format!("cal_live_{:016x}{:016x}", dice.next(), dice.next()),
            webhook_secret: format!("whsec_{}", dice.id()),
            client_id: format!("{:016x}{:016x}", dice.next(), dice.next()),
            client_secret: format!("{}{}", dice.id(), dice.id()),
        }
    }
}
