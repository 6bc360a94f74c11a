//! The state of the GHL sandbox; each part has its own lock.
//! Invariant: no code holds two of these locks at once, except a location's lock, which is taken before the dispatcher's.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::sync::{Arc, Mutex};

use axum::Extension;
use axum::extract::State;
use serde::{Deserialize, Serialize};

use super::calendars::appointment_store::AppointmentStore;
use super::contacts::contact_store::ContactStore;
use super::contacts::seed_data::ContactSeeder;
use super::identity::Identity;
use super::limits::Limits;
use super::locations::profile::LocationProfile;
use super::opportunities::opportunity_store::OpportunityStore;
use super::response::ApiError;
use super::tokens::{Caller, Resource, Tokens};
use crate::clock::Clock;
use crate::deliveries::Dispatcher;
use crate::lock;
use crate::provider::Shared;
use crate::rng::SeededRng;
use crate::sandbox::SandboxConfig;

/// Default lag of the search index, in milliseconds.
const INDEX_LAG_MS: i64 = 5_000;

/// The extractors of every handler that needs a token.
pub(crate) type RequestContext = (State<Arc<GhlState>>, Extension<Caller>);

/// A location with its data.
#[derive(Debug)]
pub(crate) struct Location {
    pub(crate) profile: Arc<LocationProfile>,
    pub(crate) contact_store: Mutex<ContactStore>,
    pub(crate) appointment_store: Mutex<AppointmentStore>,
    pub(crate) opportunity_store: Mutex<OpportunityStore>,
}

/// Where the app is installed.
#[derive(Debug, Clone, Default, Serialize)]
pub(crate) struct Installation {
    pub(crate) company: bool,
    /// Location id → time of installation, epoch milliseconds.
    pub(crate) locations: BTreeMap<String, i64>,
    /// Locations without the app, whose events are not sent.
    pub(crate) removed: BTreeSet<String>,
}

/// A fault of the token endpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum TokenFault {
    /// Responds `ms` later. The tokens rotate even if the caller disconnects.
    Slow {
        /// Milliseconds.
        ms: u64,
        /// When the tokens rotate.
        rotate: Rotate,
    },
    /// Rotates the tokens, then resets the connection instead of responding.
    ResetAfterRotation,
}

/// When a slow token request rotates the tokens.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Rotate {
    /// Before the delay.
    Before,
    /// After the delay.
    After,
}

#[derive(Debug)]
pub(crate) struct GhlState {
    pub(crate) clock: Clock,
    pub(crate) identity: Arc<Identity>,
    pub(crate) locations: Vec<Location>,
    pub(crate) tokens: Mutex<Tokens>,
    pub(crate) limits: Mutex<Limits>,
    /// The pending faults of the token endpoint, each with the number of requests that it applies to.
    pub(crate) token_faults: Mutex<VecDeque<(TokenFault, u64)>>,
    pub(crate) installation: Mutex<Installation>,
    /// Whether installing the app on the company also installs it on its locations.
    pub(crate) install_to_locations: AtomicBool,
    pub(crate) redirect_uri: Mutex<Option<String>>,
    pub(crate) shared: Shared,
    index_lag_ms: AtomicI64,
}

impl GhlState {
    pub(crate) fn new(
        config: &SandboxConfig,
        clock: &Clock,
        dispatcher: Arc<Dispatcher>,
        identity: Arc<Identity>,
    ) -> Self {
        let start_ms = clock.start_ms();
        let location = |number| seed_location(config, number, &identity.company_id, start_ms);
        Self {
            clock: clock.clone(),
            locations: (0..u64::from(config.locations)).map(location).collect(),
            identity,
            tokens: Mutex::new(Tokens::new(SeededRng::new(config.seed, &[0x70CE]))),
            limits: Mutex::new(Limits::default()),
            token_faults: Mutex::default(),
            installation: Mutex::default(),
            install_to_locations: true.into(),
            redirect_uri: Mutex::new(config.redirect_uri.clone()),
            shared: Shared::new(clock, SeededRng::new(config.seed, &[0xFA]), dispatcher),
            index_lag_ms: AtomicI64::new(INDEX_LAG_MS),
        }
    }

    pub(crate) fn find_location(&self, id: &str) -> Option<&Location> {
        self.locations.iter().find(|location| location.profile.id == id)
    }

    /// Returns the location if the caller has access to it.
    pub(crate) fn authorized_location(&self, caller: &Caller, id: &str) -> Result<&Location, ApiError> {
        match &caller.resource {
            Resource::Location(own) if own != id => Err(ApiError::location_forbidden()),
            _ => {
                self.find_location(id).ok_or_else(|| ApiError::bad_request(format!("Location with id {id} not found")))
            }
        }
    }

    pub(crate) fn find_contact_location(&self, id: &str) -> Option<&Location> {
        self.locations.iter().find(|location| lock(&location.contact_store).get(id).is_some())
    }

    pub(crate) fn find_event_location(&self, id: &str) -> Option<&Location> {
        self.locations.iter().find(|location| lock(&location.appointment_store).contains_event(id))
    }

    pub(crate) fn find_opportunity_location(&self, id: &str) -> Option<&Location> {
        self.locations.iter().find(|location| lock(&location.opportunity_store).opportunities.contains_key(id))
    }

    /// Returns the contact's location if the caller has access to it.
    pub(crate) fn contact_location(&self, caller: &Caller, id: &str) -> Result<&Location, ApiError> {
        let location = self.find_contact_location(id);
        authorize(caller, location, || format!("Contact with id {id} not found"))
    }

    /// Returns the location of an appointment or blocked slot if the caller has access to it.
    pub(crate) fn event_location(&self, caller: &Caller, id: &str) -> Result<&Location, ApiError> {
        authorize(caller, self.find_event_location(id), || format!("Event with id {id} not found"))
    }

    /// Returns the opportunity's location if the caller has access to it.
    pub(crate) fn opportunity_location(&self, caller: &Caller, id: &str) -> Result<&Location, ApiError> {
        let location = self.find_opportunity_location(id);
        authorize(caller, location, || format!("Opportunity with id {id} not found"))
    }

    /// Returns the calendar's location if the caller has access to it.
    pub(crate) fn calendar_location(&self, caller: &Caller, id: &str) -> Result<&Location, ApiError> {
        let location = self.locations.iter().find(|location| lock(&location.appointment_store).calendar(id).is_some());
        authorize(caller, location, || format!("Calendar with id {id} not found"))
    }

    /// Returns the time at which the search index shows a change that is made now.
    pub(crate) fn index_visible_at_ms(&self) -> i64 {
        self.clock.now_ms() + self.index_lag_ms.load(Ordering::Relaxed)
    }

    /// Sets the index lag, also for pending changes that would become visible later than with the new lag.
    pub(crate) fn set_index_lag(&self, lag_ms: i64) {
        self.index_lag_ms.store(lag_ms, Ordering::Relaxed);
        let latest_ms = self.index_visible_at_ms();
        self.locations.iter().for_each(|location| lock(&location.contact_store).index.limit_delay(latest_ms));
    }

    pub(crate) fn index_lag(&self) -> i64 {
        self.index_lag_ms.load(Ordering::Relaxed)
    }

    /// Takes the fault of the next token request.
    pub(crate) fn take_token_fault(&self) -> Option<TokenFault> {
        let mut faults = lock(&self.token_faults);
        let (fault, remaining) = faults.front_mut()?;
        let fault = *fault;
        *remaining -= 1;
        if *remaining == 0 {
            faults.pop_front();
        }
        Some(fault)
    }

    /// Returns whether the location's events are sent.
    pub(crate) fn receives_events(&self, location_id: &str) -> bool {
        !lock(&self.installation).removed.contains(location_id)
    }
}

fn authorize<'a>(
    caller: &Caller,
    location: Option<&'a Location>,
    not_found: impl Fn() -> String,
) -> Result<&'a Location, ApiError> {
    let location = location.ok_or_else(|| ApiError::bad_request(not_found()))?;
    match &caller.resource {
        Resource::Location(own) if *own != location.profile.id => Err(ApiError::location_forbidden()),
        _ => Ok(location),
    }
}

fn seed_location(config: &SandboxConfig, number: u64, company_id: &str, start_ms: i64) -> Location {
    let profile = Arc::new(LocationProfile::new(config.seed, number, company_id));
    let seeder = ContactSeeder { seed: config.seed, count: config.contacts, start_ms, profile: profile.clone() };
    let contact_store = ContactStore::new(seeder);
    let appointment_store = AppointmentStore::new(config.seed, &profile, &contact_store, start_ms);
    let opportunity_store = OpportunityStore::new(config.seed, &profile, &contact_store, start_ms);
    Location {
        profile,
        contact_store: Mutex::new(contact_store),
        appointment_store: Mutex::new(appointment_store),
        opportunity_store: Mutex::new(opportunity_store),
    }
}
