//! The in-process API: tests read the account and change it as the host or an attendee would on Cal.com's web pages.
//! These calls do not count against the rate limits.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use bytes::Bytes;
use http::HeaderMap;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::bookings::changes::{self, AttendeeAbsence, CancelRequest, MarkAbsentRequest, RescheduleRequest};
use super::bookings::create::{self, CreateBookingRequest, NewAttendee};
use super::event_types::EventType;
use super::limits::Usage;
use super::response::ApiError;
use super::state::CalcomState;
use super::webhooks::{self, subscriptions::Subscription};
use crate::clock::rfc3339;
use crate::deliveries::{Delivery, WebhookCounts};
use crate::lock;
use crate::provider::OperationCount;
use crate::sandbox::SandboxError;

/// The attendee of a booking.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Attendee {
    /// The name.
    pub name: String,
    /// The e-mail address; required if there is no phone number.
    pub email: Option<String>,
    /// The phone number in E.164.
    pub phone: Option<String>,
    /// The IANA time zone; `None` for UTC.
    pub time_zone: Option<String>,
}

impl Attendee {
    /// Returns an attendee with name and e-mail address.
    pub fn new(name: impl Into<String>, email: impl Into<String>) -> Self {
        Self { name: name.into(), email: Some(email.into()), phone: None, time_zone: None }
    }

    /// Sets the phone number.
    #[must_use]
    pub fn phone(mut self, phone: impl Into<String>) -> Self {
        self.phone = Some(phone.into());
        self
    }
}

/// OAuth tokens issued without the consent page.
#[derive(Debug, Clone)]
pub struct Token {
    /// The access token.
    pub access: String,
    /// The single-use refresh token.
    pub refresh: String,
    /// Lifetime of the access token in seconds.
    pub expires_in: i64,
}

/// Counts of the Cal.com sandbox.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Counts {
    /// Calls by operation, `METHOD /template`.
    pub operations: BTreeMap<&'static str, OperationCount>,
    /// Accepted and rejected requests of the `key`, of `anonymous` callers and of each `token:…`.
    pub limits: HashMap<String, Usage>,
    /// Authorization codes exchanged.
    pub exchanges: u64,
    /// Refresh tokens rotated.
    pub refreshes: u64,
    /// Events and deliveries; an event counts once per subscription.
    pub webhooks: WebhookCounts,
}

impl Counts {
    /// Returns the number of calls to an operation, e.g. `POST /v2/bookings`.
    #[must_use]
    pub fn calls(&self, operation: &str) -> u64 {
        self.operations.get(operation).map_or(0, |count| count.calls)
    }

    /// Returns the number of requests rejected with 429.
    #[must_use]
    pub fn rejected(&self) -> u64 {
        self.limits.values().map(|usage| usage.rejected).sum()
    }
}

/// The in-process API of the Cal.com sandbox. Clones share the sandbox.
#[derive(Debug, Clone)]
pub struct Calcom {
    pub(crate) state: Arc<CalcomState>,
    base_url: Arc<str>,
}

impl Calcom {
    pub(crate) fn new(state: Arc<CalcomState>, base_url: &str) -> Self {
        Self { state, base_url: base_url.into() }
    }

    /// Returns the base URL of the API, without `/v2`, and of the consent page.
    #[must_use]
    pub fn base_url(&self) -> &str {
        &self.base_url
    }

    /// Returns the account's API key (`cal_live_…`).
    #[must_use]
    pub fn api_key(&self) -> &str {
        &self.state.identity.api_key
    }

    /// Returns a webhook secret derived from the seed. Subscriptions use the secret that they were created with.
    #[must_use]
    pub fn webhook_secret(&self) -> &str {
        &self.state.identity.webhook_secret
    }

    /// Returns the OAuth client id.
    #[must_use]
    pub fn client_id(&self) -> &str {
        &self.state.identity.client_id
    }

    /// Returns the OAuth client secret.
    #[must_use]
    pub fn client_secret(&self) -> &str {
        &self.state.identity.client_secret
    }

    /// Issues OAuth tokens for these scopes, separated by spaces, without the consent page.
    #[must_use]
    pub fn issue_token(&self, scopes: &str) -> Token {
        let issued = lock(&self.state.tokens).issue(scopes, self.state.clock.now_ms());
        Token { access: issued.access, refresh: issued.refresh, expires_in: issued.expires_in }
    }

    /// Returns the user as `GET /v2/me` does.
    #[must_use]
    pub fn me(&self) -> Value {
        json!(lock(&self.state.account).me)
    }

    /// Returns the id of the event type with this slug. The seed data contains `intro` (30 minutes), `block` (hidden; 15, 30 or 60
    /// minutes), `consultation` (60 minutes, requires confirmation) and `group-class` (60 minutes, three seats).
    #[must_use]
    pub fn event_type_id(&self, slug: &str) -> Option<i64> {
        let account = lock(&self.state.account);
        account.event_types.values().find(|event_type| event_type.slug == slug).map(|event_type| event_type.id)
    }

    /// Returns the id of the default schedule; the seeded one is Monday to Friday, 9 to 17 UTC.
    #[must_use]
    pub fn default_schedule_id(&self) -> Option<i64> {
        lock(&self.state.account).me.default_schedule_id
    }

    /// Adds an event type on the default schedule without minimum notice and returns its id.
    pub fn add_event_type(&self, slug: &str, minutes: i64, requires_confirmation: bool) -> i64 {
        let policy = json!({"confirmationPolicy": {"type": "always", "blockUnconfirmedBookingsInBooker": true}});
        let settings = if requires_confirmation { policy.as_object().cloned().unwrap_or_default() } else { Map::new() };
        lock(&self.state.account).add_event_type(EventType::seeded(slug, slug, minutes, &settings))
    }

    /// Opens the default schedule from 00:00 to 23:45 on every day.
    pub fn open_all_hours(&self) {
        let mut account = lock(&self.state.account);
        if let Some(schedule) = account.me.default_schedule_id.and_then(|id| account.schedules.get_mut(&id)) {
            schedule.open_all_hours();
        }
    }

    /// Books a free time, in epoch milliseconds, as an anonymous attendee. `metadata` is an object of strings. Returns the booking as
    /// the API does.
    pub fn book(
        &self,
        event_type: i64,
        start_ms: i64,
        attendee: &Attendee,
        metadata: &Value,
    ) -> Result<Value, SandboxError> {
        let request = CreateBookingRequest {
            start: rfc3339(start_ms),
            attendee: NewAttendee {
                name: attendee.name.clone(),
                time_zone: attendee.time_zone.clone().unwrap_or_else(|| "UTC".to_owned()),
                email: attendee.email.clone(),
                phone_number: attendee.phone.clone(),
                language: None,
            },
            event_type_id: Some(event_type),
            event_type_slug: None,
            username: None,
            metadata: metadata.as_object().cloned().unwrap_or_default(),
            booking_fields_responses: Map::new(),
            guests: Vec::new(),
            location: None,
            length_in_minutes: None,
            allow_conflicts: false,
            allow_booking_out_of_bounds: false,
        };
        Ok(create::create(&self.state, &request, false)?)
    }

    /// Reschedules a booking as its attendee and returns the successor, which has another uid.
    pub fn reschedule(&self, uid: &str, start_ms: i64) -> Result<Value, SandboxError> {
        let request = RescheduleRequest { start: rfc3339(start_ms), ..RescheduleRequest::default() };
        Ok(changes::reschedule(&self.state, uid, &request)?)
    }

    /// Cancels a booking as its attendee.
    pub fn cancel(&self, uid: &str) -> Result<Value, SandboxError> {
        Ok(changes::cancel(&self.state, uid, &CancelRequest::default())?)
    }

    /// Confirms a pending booking as the host.
    pub fn confirm(&self, uid: &str) -> Result<Value, SandboxError> {
        Ok(changes::confirm(&self.state, uid)?)
    }

    /// Declines a pending booking as the host.
    pub fn decline(&self, uid: &str) -> Result<Value, SandboxError> {
        Ok(changes::decline(&self.state, uid, None)?)
    }

    /// Marks all attendees as absent, as the host.
    pub fn mark_absent(&self, uid: &str) -> Result<Value, SandboxError> {
        self.set_absent(uid, true)
    }

    /// Marks all attendees as present, as the host.
    pub fn unmark_absent(&self, uid: &str) -> Result<Value, SandboxError> {
        self.set_absent(uid, false)
    }

    fn set_absent(&self, uid: &str, absent: bool) -> Result<Value, SandboxError> {
        let emails: Vec<String> = {
            let account = lock(&self.state.account);
            account.booking(uid)?.attendees.iter().map(|attendee| attendee.email.clone()).collect()
        };
        let attendees = emails.into_iter().map(|email| AttendeeAbsence { email, absent }).collect();
        Ok(changes::mark_absent(&self.state, uid, &MarkAbsentRequest { host: None, attendees })?)
    }

    /// Emits `MEETING_ENDED` for a booking, regardless of the time.
    pub fn meeting_ended(&self, uid: &str) -> Result<(), SandboxError> {
        let account = lock(&self.state.account);
        webhooks::meeting(&self.state, &account, "MEETING_ENDED", account.booking(uid)?);
        Ok(())
    }

    /// Sends the test event `PING` to every subscription.
    pub fn ping(&self) {
        webhooks::ping(&self.state, &lock(&self.state.account));
    }

    /// Returns all bookings as the API does, in creation order.
    #[must_use]
    pub fn bookings(&self) -> Vec<Value> {
        let account = lock(&self.state.account);
        account.bookings.values().map(|booking| booking.to_json(&account)).collect()
    }

    /// Returns a booking as the API does.
    #[must_use]
    pub fn booking(&self, uid: &str) -> Option<Value> {
        let account = lock(&self.state.account);
        account.booking(uid).ok().map(|booking| booking.to_json(&account))
    }

    /// Returns the schedules as the API does.
    #[must_use]
    pub fn schedules(&self) -> Vec<Value> {
        lock(&self.state.account).schedules.values().map(|schedule| json!(schedule)).collect()
    }

    /// Returns the webhook subscriptions as the API does.
    #[must_use]
    pub fn webhooks(&self) -> Vec<Value> {
        lock(&self.state.account).subscriptions.iter().map(|subscription| json!(subscription)).collect()
    }

    /// Subscribes `url` to every event, signed with `secret`. Replaces earlier subscriptions of the URL.
    pub fn subscribe(&self, url: &str, secret: &str) {
        let mut account = lock(&self.state.account);
        account.subscriptions.retain(|subscription| subscription.subscriber_url != url);
        let (id, user_id) = (account.new_uuid(), account.me.id);
        account.subscriptions.push(Subscription::for_all_triggers(id, user_id, url, secret));
    }

    /// Returns the headers and the body of a delivery of `payload`, signed with `secret`.
    #[must_use]
    pub fn sign_delivery(&self, payload: &Value, secret: &str) -> (HeaderMap, Bytes) {
        let body = Bytes::from(payload.to_string());
        (webhooks::signed_headers(Some(secret), &body), body)
    }

    /// Returns the delivery of every event that was queued.
    #[must_use]
    pub fn deliveries(&self) -> Vec<Delivery> {
        self.state.shared.dispatcher.deliveries()
    }

    /// Returns the counts so far.
    #[must_use]
    pub fn counts(&self) -> Counts {
        let state = &self.state;
        let (exchanges, refreshes) = {
            let tokens = lock(&state.tokens);
            (tokens.exchanges, tokens.refreshes)
        };
        Counts {
            operations: state.shared.counters.all(),
            limits: lock(&state.limits).usage().clone(),
            exchanges,
            refreshes,
            webhooks: state.shared.dispatcher.counts(),
        }
    }

    /// Returns the number of requests to all operations, including rejected ones.
    #[must_use]
    pub fn request_count(&self) -> u64 {
        self.state.shared.counters.all().values().map(|count| count.calls).sum()
    }
}

impl From<ApiError> for SandboxError {
    fn from(error: ApiError) -> Self {
        Self::Rejected(error.to_string())
    }
}
