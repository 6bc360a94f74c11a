//! Everything the Cal.com stand-in holds. Invariant: nobody holds two of these locks at once, except the account's, taken before
//! the mailer's.

use std::sync::{Arc, Mutex};

use super::account::Account;
use super::identity::Identity;
use super::limits::Limits;
use super::tokens::Tokens;
use crate::clock::Clock;
use crate::deliveries::Mailer;
use crate::dice::Dice;
use crate::faults::Faults;
use crate::tally::Tally;

/// The whole stand-in.
#[derive(Debug)]
pub(crate) struct World {
    pub(crate) clock: Clock,
    pub(crate) identity: Identity,
    pub(crate) account: Mutex<Account>,
    pub(crate) tokens: Mutex<Tokens>,
    pub(crate) limits: Mutex<Limits>,
    pub(crate) faults: Mutex<Faults>,
    pub(crate) mailer: Arc<Mailer>,
    pub(crate) tally: Tally,
}

impl World {
    pub(crate) fn new(seed: u64, clock: &Clock, mailer: Arc<Mailer>) -> Self {
        let identity = Identity::new(seed);
        Self {
            clock: clock.clone(),
            account: Mutex::new(Account::new(seed, &identity)),
            identity,
            tokens: Mutex::new(Tokens::new(Dice::new(seed, &[0x70CF]))),
            limits: Mutex::new(Limits::default()),
            faults: Mutex::new(Faults::new(Dice::new(seed, &[0xFB]))),
            mailer,
            tally: Tally::default(),
        }
    }
}
