//! The state of the Cal.com sandbox.
//! Invariant: no code holds two of these locks at once, except the account's lock, which is taken before the dispatcher's.

use std::sync::{Arc, Mutex};

use super::account::Account;
use super::limits::Limits;
use super::tokens::Tokens;
use crate::clock::Clock;
use crate::deliveries::Dispatcher;
use crate::provider::Shared;
use crate::rng::SeededRng;

#[derive(Debug)]
pub(crate) struct CalcomState {
    pub(crate) clock: Clock,
    pub(crate) identity: Identity,
    pub(crate) account: Mutex<Account>,
    pub(crate) tokens: Mutex<Tokens>,
    pub(crate) limits: Mutex<Limits>,
    pub(crate) shared: Shared,
}

impl CalcomState {
    pub(crate) fn new(seed: u64, clock: &Clock, dispatcher: Arc<Dispatcher>) -> Self {
        let identity = Identity::new(seed);
        Self {
            clock: clock.clone(),
            account: Mutex::new(Account::new(seed, &identity)),
            identity,
            tokens: Mutex::new(Tokens::new(SeededRng::new(seed, &[0x70CF]))),
            limits: Mutex::new(Limits::default()),
            shared: Shared::new(clock, SeededRng::new(seed, &[0xFB]), dispatcher),
        }
    }
}

/// The user id, the credentials and the webhook secret, derived from the seed.
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
