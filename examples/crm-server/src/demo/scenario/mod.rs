//! The scenario: its steps, one file each, and their order.
//!
//! Invariant: a step uses only the server's routes and the sandbox's control routes, so that it can run against separate processes.

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
    http::CheckFailed,
    probes::{Provider, Server},
    progress::Progress,
    report::{Counts, StepReport},
};

pub(super) use calcom::Account;

/// How long a step may take, apart from its contacts.
const STEP_TIMEOUT: Duration = Duration::from_secs(180);
/// The additional time per contact: the provider allows 9 pages of 100 per second.
const TIMEOUT_PER_CONTACT: Duration = Duration::from_millis(10);
/// How often an expected effect is polled.
const POLL_INTERVAL: Duration = Duration::from_millis(100);
/// How long an effect may take to be visible.
const EFFECT_TIMEOUT: Duration = Duration::from_secs(60);

/// A step of the scenario.
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
    /// Returns the steps. A server that keeps serving stays connected.
    pub(super) fn all(keeps_serving: bool) -> impl Iterator<Item = Self> {
        let steps = [
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
        steps.into_iter().chain((!keeps_serving).then_some(Self::Disconnect))
    }

    /// Returns the name in the JSON report.
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

    /// Returns a short description.
    pub(super) fn title(self) -> &'static str {
        match self {
            Self::Organization => "create an organization",
            Self::Connect => "connect GHL: company and location tokens",
            Self::FullSync => "full sync of two locations",
            Self::Webhooks => "webhook burst: duplicated, out of order, unknown, forged",
            Self::TokenExpiry => "all tokens expire during 64 concurrent calls",
            Self::Contacts => "create, change, find and delete a contact",
            Self::Appointments => "create, move and cancel an appointment",
            Self::Opportunities => "create, move, win and delete an opportunity",
            Self::CalcomConnect => "connect Cal.com: key, webhook, calendar",
            Self::BookingMirrored => "a Cal.com booking creates a GHL appointment",
            Self::BookingChanged => "moving and cancelling the booking changes the appointment",
            Self::AppointmentMovesBooking => "moving and cancelling the appointment changes the booking",
            Self::AppointmentBlocksTime => "a GHL appointment blocks its time at Cal.com",
            Self::Outage => "a provider outage and its recovery",
            Self::Health => "health and metrics, no dead letters",
            Self::Disconnect => "disconnect: erase tokens, stop the sync",
        }
    }
}

/// What the steps share.
#[derive(Debug)]
pub(super) struct Scenario {
    pub(super) server: Server,
    pub(super) provider: Provider,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) progress: Progress,
    /// The number of contacts to sync.
    pub(super) contacts: u32,
    /// The organization's slug.
    pub(super) slug: String,
    /// Set by the first step.
    pub(super) organization: String,
    /// Read from the sandbox.
    pub(super) company: String,
    pub(super) locations: Vec<String>,
    /// Requests that the providers had rejected for their limits before the scenario started.
    pub(super) rejected_before: u64,
    /// Set when Cal.com is connected.
    pub(super) calcom: Account,
}

impl Scenario {
    /// Runs a step and returns its outcome.
    pub(super) async fn run(&mut self, step: Step) -> StepReport {
        let started = self.clock.monotonic();
        let clock = Arc::clone(&self.clock);
        let limit = STEP_TIMEOUT + TIMEOUT_PER_CONTACT * self.contacts;
        let outcome = match timeout(&*clock, limit, self.step(step)).await {
            Ok(outcome) => outcome.map_err(|CheckFailed(why)| why),
            Err(elapsed) => Err(elapsed.to_string()),
        };
        let took = self.clock.monotonic().saturating_sub(started);
        StepReport { name: step.name(), title: step.title(), outcome, took }
    }

    fn step(&mut self, step: Step) -> BoxFuture<'_, Result<Counts, CheckFailed>> {
        match step {
            Step::Organization => self.create_organization().boxed(),
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

    /// Returns a path below the organization.
    fn path(&self, rest: &str) -> String {
        format!("/api/organizations/{}/{rest}", self.organization)
    }

    /// Polls `check` until it succeeds or the time is over; then returns its last error.
    async fn eventually<T, F>(&self, what: impl Display, mut check: impl FnMut() -> F) -> Result<T, CheckFailed>
    where
        F: Future<Output = Result<T, CheckFailed>>,
    {
        let deadline = self.clock.monotonic() + EFFECT_TIMEOUT + TIMEOUT_PER_CONTACT * self.contacts;
        loop {
            match check().await {
                Ok(found) => return Ok(found),
                Err(CheckFailed(why)) if self.clock.monotonic() > deadline => {
                    return Err(CheckFailed(format!("timed out waiting for {what}: {why}")));
                }
                Err(_) => self.clock.sleep(POLL_INTERVAL).await,
            }
        }
    }

    /// Returns a location's contacts at GHL.
    async fn contacts_at_ghl(&self, location: &str) -> Result<Vec<Value>, CheckFailed> {
        self.rows_at_ghl(location, "contacts").await
    }

    /// Returns a location's rows at GHL: `contacts`, `appointments`, `opportunities` or `pipelines`.
    async fn rows_at_ghl(&self, location: &str, what: &str) -> Result<Vec<Value>, CheckFailed> {
        let state = self.provider.state(true).await?;
        let locations = state["locations"].as_array().cloned().unwrap_or_default();
        let found = locations.into_iter().find(|candidate| candidate["id"] == location);
        match found.map(|mut location| location[what].take()) {
            Some(Value::Array(rows)) => Ok(rows),
            _ => Err(CheckFailed(format!("the provider shows no {what} of {location}"))),
        }
    }
}
