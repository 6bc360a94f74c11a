//! The story: its steps, one file each, and the order in which they are played.
//!
//! Invariant: a step looks at the server through its routes and at the provider through its control routes, never at
//! anything inside either, so that it can be played against processes of their own.

mod appointments;
mod calcom;
mod connect;
mod contacts;
mod disconnect;
mod full_sync;
mod health;
mod opportunities;
mod organization;
mod outage;
mod token_expiry;
mod webhooks;

use std::{fmt::Display, sync::Arc, time::Duration};

use futures_util::future::{BoxFuture, FutureExt};
use serde_json::Value;
use sidecar_core::{Clock, time::timeout};

use super::{
    http::Wrong,
    probes::{Provider, Server},
    progress::Progress,
    report::{Counts, StepReport},
};

pub(super) use calcom::Account;

/// How long a step may take, however few contacts there are.
const STEP_TIME: Duration = Duration::from_secs(180);
/// What a contact adds to that: the provider lets 9 pages of 100 through in a second.
const CONTACT_TIME: Duration = Duration::from_millis(10);
/// How often something that takes its time is looked at.
const LOOK: Duration = Duration::from_millis(100);
/// How long an effect may take to be seen.
const PATIENCE: Duration = Duration::from_secs(60);

/// A step of the story.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Step {
    Organization,
    Connect,
    FullSync,
    Webhooks,
    TokenExpiry,
    Contacts,
    Appointments,
    Opportunities,
    CalcomConnect,
    BookingMirrored,
    BookingChanged,
    AppointmentMovesBooking,
    AppointmentBlocksTime,
    Outage,
    Health,
    Disconnect,
}

impl Step {
    /// The story. What is kept serving afterwards stays connected.
    pub(super) fn all(keeps_serving: bool) -> impl Iterator<Item = Self> {
        let story = [
            Self::Organization,
            Self::Connect,
            Self::FullSync,
            Self::Webhooks,
            Self::TokenExpiry,
            Self::Contacts,
            Self::Appointments,
            Self::Opportunities,
            Self::CalcomConnect,
            Self::BookingMirrored,
            Self::BookingChanged,
            Self::AppointmentMovesBooking,
            Self::AppointmentBlocksTime,
            Self::Outage,
            Self::Health,
        ];
        story.into_iter().chain((!keeps_serving).then_some(Self::Disconnect))
    }

    /// Its name in the JSON report.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Organization => "organization",
            Self::Connect => "ghl_connect",
            Self::FullSync => "full_sync",
            Self::Webhooks => "webhooks",
            Self::TokenExpiry => "token_expiry",
            Self::Contacts => "contacts",
            Self::Appointments => "appointments",
            Self::Opportunities => "opportunities",
            Self::CalcomConnect => "calcom_connect",
            Self::BookingMirrored => "booking_mirrored",
            Self::BookingChanged => "booking_moved_and_cancelled",
            Self::AppointmentMovesBooking => "appointment_moves_booking",
            Self::AppointmentBlocksTime => "appointment_blocks_time",
            Self::Outage => "outage",
            Self::Health => "health",
            Self::Disconnect => "disconnect",
        }
    }

    /// What it shows, in a few words.
    pub(super) fn title(self) -> &'static str {
        match self {
            Self::Organization => "an organization of one's own",
            Self::Connect => "connect GHL: company and location tokens",
            Self::FullSync => "copy two locations",
            Self::Webhooks => "a burst of webhooks: doubled, shuffled, unknown, forged",
            Self::TokenExpiry => "all tokens expire under 64 calls at once",
            Self::Contacts => "a contact created, changed, found, deleted",
            Self::Appointments => "an appointment made, moved, cancelled",
            Self::Opportunities => "an opportunity made, moved on, won, deleted",
            Self::CalcomConnect => "connect Cal.com: key, webhook, calendar",
            Self::BookingMirrored => "a booking at Cal.com is an appointment at GHL",
            Self::BookingChanged => "the booking moved, cancelled: so is the appointment",
            Self::AppointmentMovesBooking => "an appointment moved, cancelled at GHL: so is the booking",
            Self::AppointmentBlocksTime => "an appointment made at GHL takes its time at Cal.com",
            Self::Outage => "the provider fails and comes back",
            Self::Health => "health, metrics, nothing left over",
            Self::Disconnect => "disconnect: tokens erased, sync stopped",
        }
    }
}

/// What the steps know and learn.
#[derive(Debug)]
pub(super) struct Story {
    pub(super) server: Server,
    pub(super) provider: Provider,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) progress: Progress,
    /// How many contacts there are to be copied.
    pub(super) contacts: u32,
    /// A name that no earlier story on the same server used.
    pub(super) slug: String,
    /// Learnt by the first step.
    pub(super) organization: String,
    /// Learnt from the provider.
    pub(super) company: String,
    pub(super) locations: Vec<String>,
    /// Requests the providers had refused for their limits before the story began.
    pub(super) refused_before: u64,
    /// Learnt when Cal.com is connected.
    pub(super) calcom: Account,
}

impl Story {
    /// Plays a step and says how it ended.
    pub(super) async fn play(&mut self, step: Step) -> StepReport {
        let started = self.clock.monotonic();
        let clock = Arc::clone(&self.clock);
        let limit = STEP_TIME + CONTACT_TIME * self.contacts;
        let outcome = match timeout(&*clock, limit, self.step(step)).await {
            Ok(outcome) => outcome.map_err(|Wrong(why)| why),
            Err(elapsed) => Err(elapsed.to_string()),
        };
        let took = self.clock.monotonic().saturating_sub(started);
        StepReport { name: step.name(), title: step.title(), outcome, took }
    }

    fn step(&mut self, step: Step) -> BoxFuture<'_, Result<Counts, Wrong>> {
        match step {
            Step::Organization => self.make_organization().boxed(),
            Step::Connect => self.connect().boxed(),
            Step::FullSync => self.full_sync().boxed(),
            Step::Webhooks => self.webhooks().boxed(),
            Step::TokenExpiry => self.token_expiry().boxed(),
            Step::Contacts => self.contacts().boxed(),
            Step::Appointments => self.appointments().boxed(),
            Step::Opportunities => self.opportunities().boxed(),
            Step::CalcomConnect => self.connect_calcom().boxed(),
            Step::BookingMirrored => self.booking_mirrored().boxed(),
            Step::BookingChanged => self.booking_changed().boxed(),
            Step::AppointmentMovesBooking => self.appointment_moves_booking().boxed(),
            Step::AppointmentBlocksTime => self.appointment_blocks_time().boxed(),
            Step::Outage => self.outage().boxed(),
            Step::Health => self.health().boxed(),
            Step::Disconnect => self.disconnect().boxed(),
        }
    }

    /// A path below the organization.
    fn path(&self, rest: &str) -> String {
        format!("/api/organizations/{}/{rest}", self.organization)
    }

    /// Looks until `look` finds nothing wrong any more; then its find, or else what was wrong at last.
    async fn eventually<T, F>(&self, what: impl Display, mut look: impl FnMut() -> F) -> Result<T, Wrong>
    where
        F: Future<Output = Result<T, Wrong>>,
    {
        let gives_up = self.clock.monotonic() + PATIENCE + CONTACT_TIME * self.contacts;
        loop {
            match look().await {
                Ok(found) => return Ok(found),
                Err(Wrong(why)) if self.clock.monotonic() > gives_up => {
                    return Err(Wrong(format!("{what} did not come about: {why}")));
                }
                Err(_) => self.clock.sleep(LOOK).await,
            }
        }
    }

    /// The provider's own list of a location's contacts.
    async fn true_contacts(&self, location: &str) -> Result<Vec<Value>, Wrong> {
        self.truth(location, "contacts").await
    }

    /// The provider's own list of what a location holds: `contacts`, `appointments`, `opportunities` or `pipelines`.
    async fn truth(&self, location: &str, what: &str) -> Result<Vec<Value>, Wrong> {
        let state = self.provider.state(true).await?;
        let locations = state["locations"].as_array().cloned().unwrap_or_default();
        let found = locations.into_iter().find(|candidate| candidate["id"] == location);
        match found.map(|mut location| location[what].take()) {
            Some(Value::Array(rows)) => Ok(rows),
            _ => Err(Wrong(format!("the provider shows no {what} of {location}"))),
        }
    }
}
