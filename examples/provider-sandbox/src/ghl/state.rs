//! Everything the GHL stand-in holds, each part behind its own lock. Invariant: nobody holds two of these locks at
//! once, except a site's, taken before the mailer's.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex};

use serde::{Deserialize, Serialize};

use super::calendars::agenda::Agenda;
use super::contacts::directory::Directory;
use super::contacts::people::People;
use super::error::ApiError;
use super::identity::Identity;
use super::limits::Limits;
use super::opportunities::deals::Deals;
use super::place::Place;
use super::tokens::{Caller, Resource, Tokens};
use crate::clock::Clock;
use crate::deliveries::Mailer;
use crate::dice::Dice;
use crate::faults::Faults;
use crate::lock;
use crate::sandbox::Plan;
use crate::tally::Tally;

/// The search index follows a change after this long, in milliseconds.
const INDEX_LAG_MS: i64 = 5_000;

/// One location with what it holds.
#[derive(Debug)]
pub(crate) struct Site {
    pub(crate) place: Arc<Place>,
    pub(crate) directory: Mutex<Directory>,
    pub(crate) agenda: Mutex<Agenda>,
    pub(crate) deals: Mutex<Deals>,
}

/// Where the app is installed.
#[derive(Debug, Clone, Default, Serialize)]
pub(crate) struct Installation {
    pub(crate) company: bool,
    /// Location → when, epoch milliseconds.
    pub(crate) locations: BTreeMap<String, i64>,
    /// Locations that were uninstalled and hear no events.
    pub(crate) removed: BTreeSet<String>,
}

/// What the token endpoint does to one request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum TokenFault {
    /// Answers `ms` later; the tokens change before or after the wait, whether the caller still waits or not.
    Slow {
        /// Milliseconds.
        ms: u64,
        /// When the exchange takes effect.
        rotate: Rotate,
    },
    /// Rotates, then cuts the connection without an answer.
    CutAfterRotation,
}

/// When a slow exchange takes effect.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Rotate {
    /// Before the wait.
    Before,
    /// After the wait.
    After,
}

/// The whole stand-in.
#[derive(Debug)]
pub(crate) struct World {
    pub(crate) clock: Clock,
    pub(crate) identity: Arc<Identity>,
    pub(crate) sites: Vec<Site>,
    pub(crate) tokens: Mutex<Tokens>,
    pub(crate) limits: Mutex<Limits>,
    pub(crate) faults: Mutex<Faults>,
    pub(crate) token_faults: Mutex<VecDeque<(TokenFault, u64)>>,
    pub(crate) installation: Mutex<Installation>,
    /// Whether a company's installation covers its locations at once.
    pub(crate) install_to_locations: std::sync::atomic::AtomicBool,
    pub(crate) redirect_uri: Mutex<Option<String>>,
    pub(crate) mailer: Arc<Mailer>,
    pub(crate) tally: Tally,
    index_lag_ms: AtomicI64,
}

impl World {
    pub(crate) fn new(plan: &Plan, clock: &Clock, mailer: Arc<Mailer>, identity: Arc<Identity>) -> Self {
        let start_ms = clock.start_ms();
        let site = |number| site(plan, number, &identity.company_id, start_ms);
        Self {
            clock: clock.clone(),
            sites: (0..u64::from(plan.locations)).map(site).collect(),
            identity,
            tokens: Mutex::new(Tokens::new(Dice::new(plan.seed, &[0x70CE]))),
            limits: Mutex::new(Limits::default()),
            faults: Mutex::new(Faults::new(Dice::new(plan.seed, &[0xFA]))),
            token_faults: Mutex::default(),
            installation: Mutex::default(),
            install_to_locations: true.into(),
            redirect_uri: Mutex::new(plan.redirect_uri.clone()),
            mailer,
            tally: Tally::default(),
            index_lag_ms: AtomicI64::new(INDEX_LAG_MS),
        }
    }

    /// The location `id`, when `caller` may touch it.
    pub(crate) fn site(&self, caller: &Caller, id: &str) -> Result<&Site, ApiError> {
        match &caller.resource {
            Resource::Location(own) if own != id => Err(ApiError::foreign_location()),
            _ => self.find_site(id).ok_or_else(|| ApiError::bad_request(format!("Location with id {id} not found"))),
        }
    }

    pub(crate) fn find_site(&self, id: &str) -> Option<&Site> {
        self.sites.iter().find(|site| site.place.id == id)
    }

    /// The location a contact lives in, when `caller` may touch it.
    pub(crate) fn site_of_contact(&self, caller: &Caller, contact_id: &str) -> Result<&Site, ApiError> {
        let home = self.sites.iter().find(|site| lock(&site.directory).get(contact_id).is_some());
        self.own(caller, home, || format!("Contact with id {contact_id} not found"))
    }

    /// The location an appointment or a blocked slot lives in, when `caller` may touch it.
    pub(crate) fn site_of_event(&self, caller: &Caller, event_id: &str) -> Result<&Site, ApiError> {
        let home = self.sites.iter().find(|site| lock(&site.agenda).holds(event_id));
        self.own(caller, home, || format!("Event with id {event_id} not found"))
    }

    /// The location an opportunity lives in, when `caller` may touch it.
    pub(crate) fn site_of_deal(&self, caller: &Caller, id: &str) -> Result<&Site, ApiError> {
        let home = self.sites.iter().find(|site| lock(&site.deals).deals.contains_key(id));
        self.own(caller, home, || format!("Opportunity with id {id} not found"))
    }

    fn own<'a>(
        &self,
        caller: &Caller,
        home: Option<&'a Site>,
        missing: impl Fn() -> String,
    ) -> Result<&'a Site, ApiError> {
        let site = home.ok_or_else(|| ApiError::bad_request(missing()))?;
        match &caller.resource {
            Resource::Location(own) if *own != site.place.id => Err(ApiError::foreign_location()),
            _ => Ok(site),
        }
    }

    /// When a change made now reaches the search index.
    pub(crate) fn visible_ms(&self) -> i64 {
        self.clock.now_ms() + self.index_lag_ms.load(Ordering::Relaxed)
    }

    /// Changes the index lag, for what is waiting too.
    pub(crate) fn set_index_lag(&self, lag_ms: i64) {
        self.index_lag_ms.store(lag_ms, Ordering::Relaxed);
        let latest = self.visible_ms();
        self.sites.iter().for_each(|site| lock(&site.directory).index.hurry(latest));
    }

    pub(crate) fn index_lag(&self) -> i64 {
        self.index_lag_ms.load(Ordering::Relaxed)
    }

    /// What the next token request suffers.
    pub(crate) fn next_token_fault(&self) -> Option<TokenFault> {
        let mut faults = lock(&self.token_faults);
        let (fault, left) = faults.front_mut()?;
        let fault = *fault;
        *left -= 1;
        if *left == 0 {
            faults.pop_front();
        }
        Some(fault)
    }

    /// Whether events of this location are still sent.
    pub(crate) fn listens(&self, location: &str) -> bool {
        !lock(&self.installation).removed.contains(location)
    }
}

fn site(plan: &Plan, number: u64, company_id: &str, start_ms: i64) -> Site {
    let place = Arc::new(Place::new(plan.seed, number, company_id));
    let people = People { seed: plan.seed, size: plan.contacts, start_ms };
    let directory = Directory::new(people, place.clone());
    let agenda = Agenda::new(plan.seed, &place, &directory, start_ms);
    let deals = Deals::new(plan.seed, &place, &directory, start_ms);
    Site { place, directory: Mutex::new(directory), agenda: Mutex::new(agenda), deals: Mutex::new(deals) }
}
