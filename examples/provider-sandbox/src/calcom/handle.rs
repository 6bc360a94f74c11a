//! The in-process handle: what a test reads and does "as a person on Cal.com's own pages". It spends nothing of the limits.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use bytes::Bytes;
use http::HeaderMap;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::bookings::changes::{self, Absent, AbsentAttendee, Cancel, Move};
use super::bookings::create::{self, NewAttendee, NewBooking};
use super::error::ApiError;
use super::event_types::EventType;
use super::limits::Usage;
use super::state::World;
use super::webhooks::{self, subscriptions::Subscription};
use crate::clock::rfc3339;
use crate::deliveries::{Delivery, WebhookCounts};
use crate::lock;
use crate::sandbox::SandboxError;
use crate::tally::OperationCount;

/// Who books.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Attendee {
    /// Name.
    pub name: String,
    /// E-mail address; needed unless there is a phone number.
    pub email: Option<String>,
    /// Phone number in E.164.
    pub phone: Option<String>,
    /// IANA time zone; UTC unless set.
    pub time_zone: Option<String>,
}

impl Attendee {
    /// With name and e-mail address.
    pub fn new(name: impl Into<String>, email: impl Into<String>) -> Self {
        Self { name: name.into(), email: Some(email.into()), phone: None, time_zone: None }
    }

    /// With a phone number as well.
    #[must_use]
    pub fn phone(mut self, phone: impl Into<String>) -> Self {
        self.phone = Some(phone.into());
        self
    }
}

/// Tokens issued without the page that asks.
#[derive(Debug, Clone)]
pub struct Token {
    /// The bearer token.
    pub access: String,
    /// The single-use refresh token.
    pub refresh: String,
    /// Lifetime of the access token in seconds.
    pub expires_in: i64,
}

/// What the stand-in counted.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Counts {
    /// By operation, `METHOD /template`.
    pub operations: BTreeMap<&'static str, OperationCount>,
    /// Requests let through and refused: of the `key`, of `anybody` without credentials, of each `token:…`.
    pub limits: HashMap<String, Usage>,
    /// Codes exchanged for tokens.
    pub exchanges: u64,
    /// Refresh tokens rotated.
    pub refreshes: u64,
    /// Events and deliveries, an event once for each subscription.
    pub webhooks: WebhookCounts,
}

impl Counts {
    /// How often an operation was called, e.g. `POST /v2/bookings`.
    #[must_use]
    pub fn calls(&self, operation: &str) -> u64 {
        self.operations.get(operation).map_or(0, |count| count.calls)
    }

    /// Requests answered 429, of all callers.
    #[must_use]
    pub fn refused(&self) -> u64 {
        self.limits.values().map(|usage| usage.refused).sum()
    }
}

/// The Cal.com stand-in, seen from inside the process. Clones share it.
#[derive(Debug, Clone)]
pub struct Calcom {
    pub(crate) world: Arc<World>,
    base_url: Arc<str>,
}

impl Calcom {
    pub(crate) fn new(world: Arc<World>, base_url: &str) -> Self {
        Self { world, base_url: base_url.into() }
    }

    /// Where the API lives, without `/v2`; the page that asks users lives there too.
    #[must_use]
    pub fn base_url(&self) -> &str {
        &self.base_url
    }

    /// The account's API key (`cal_live_…`).
    #[must_use]
    pub fn api_key(&self) -> &str {
        &self.world.identity.api_key
    }

    /// A secret for webhooks, the same for the same seed. A subscription has whatever secret it was made with.
    #[must_use]
    pub fn webhook_secret(&self) -> &str {
        &self.world.identity.webhook_secret
    }

    /// The OAuth client's id.
    #[must_use]
    pub fn client_id(&self) -> &str {
        &self.world.identity.client_id
    }

    /// The OAuth client's secret.
    #[must_use]
    pub fn client_secret(&self) -> &str {
        &self.world.identity.client_secret
    }

    /// Tokens for these scopes (separated by spaces), without the page that asks.
    #[must_use]
    pub fn issue_token(&self, scopes: &str) -> Token {
        let issued = lock(&self.world.tokens).issue(scopes, self.world.clock.now_ms());
        Token { access: issued.access, refresh: issued.refresh, expires_in: issued.expires_in }
    }

    /// The user, as `GET /v2/me` shows it.
    #[must_use]
    pub fn me(&self) -> Value {
        json!(lock(&self.world.account).me)
    }

    /// The id of the event type with this slug. At the start there are `intro` (30 minutes), `block` (hidden; 15, 30 or 60 minutes),
    /// `consultation` (60 minutes, the host has to confirm) and `group-class` (60 minutes, three seats).
    #[must_use]
    pub fn event_type_id(&self, slug: &str) -> Option<i64> {
        lock(&self.world.account).event_types.values().find(|own| own.slug == slug).map(|own| own.id)
    }

    /// The id of the default schedule; at the start Monday to Friday, 9 to 17 in UTC.
    #[must_use]
    pub fn default_schedule_id(&self) -> Option<i64> {
        lock(&self.world.account).me.default_schedule_id
    }

    /// Adds an event type of so many minutes on the default schedule, which may be booked without notice; with `asks`, its bookings
    /// wait until the host has said yes. The answer is its id.
    pub fn add_event_type(&self, slug: &str, minutes: i64, asks: bool) -> i64 {
        let policy = json!({"confirmationPolicy": {"type": "always", "blockUnconfirmedBookingsInBooker": true}});
        let more = if asks { policy.as_object().cloned().unwrap_or_default() } else { Map::new() };
        lock(&self.world.account).add_event_type(EventType::seeded(slug, slug, minutes, &more))
    }

    /// Makes every hour of the week but the last quarter of each day one that can be booked, on the default schedule.
    pub fn open_all_hours(&self) {
        let mut account = lock(&self.world.account);
        if let Some(schedule) = account.me.default_schedule_id.and_then(|id| account.schedules.get_mut(&id)) {
            schedule.open_all_hours();
        }
    }

    /// Somebody books on the public page. The time (epoch milliseconds) has to be free; `metadata` is an object of strings. The answer
    /// is the booking as the API shows it.
    pub fn book(
        &self,
        event_type: i64,
        start_ms: i64,
        attendee: &Attendee,
        metadata: &Value,
    ) -> Result<Value, SandboxError> {
        let wish = NewBooking {
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
        Ok(create::create(&self.world, &wish, false)?)
    }

    /// The attendee moves a booking. The answer is its successor, which has another uid.
    pub fn reschedule(&self, uid: &str, start_ms: i64) -> Result<Value, SandboxError> {
        let wish = Move { start: rfc3339(start_ms), ..Move::default() };
        Ok(changes::reschedule(&self.world, uid, &wish)?)
    }

    /// The attendee cancels a booking.
    pub fn cancel(&self, uid: &str) -> Result<Value, SandboxError> {
        Ok(changes::cancel(&self.world, uid, &Cancel::default())?)
    }

    /// The host says yes to a booking that waits.
    pub fn confirm(&self, uid: &str) -> Result<Value, SandboxError> {
        Ok(changes::confirm(&self.world, uid)?)
    }

    /// The host says no to a booking that waits.
    pub fn decline(&self, uid: &str) -> Result<Value, SandboxError> {
        Ok(changes::decline(&self.world, uid, None)?)
    }

    /// The host says that no attendee came.
    pub fn mark_absent(&self, uid: &str) -> Result<Value, SandboxError> {
        self.mark(uid, true)
    }

    /// The host says that all attendees came after all.
    pub fn unmark_absent(&self, uid: &str) -> Result<Value, SandboxError> {
        self.mark(uid, false)
    }

    fn mark(&self, uid: &str, absent: bool) -> Result<Value, SandboxError> {
        let emails: Vec<String> = {
            let account = lock(&self.world.account);
            account.booking(uid)?.attendees.iter().map(|guest| guest.email.clone()).collect()
        };
        let attendees = emails.into_iter().map(|email| AbsentAttendee { email, absent }).collect();
        Ok(changes::mark_absent(&self.world, uid, &Absent { host: None, attendees })?)
    }

    /// The end of a booking's meeting is told (`MEETING_ENDED`), whatever the time is.
    pub fn meeting_ended(&self, uid: &str) -> Result<(), SandboxError> {
        let account = lock(&self.world.account);
        webhooks::meeting(&self.world, &account, "MEETING_ENDED", account.booking(uid)?);
        Ok(())
    }

    /// Somebody tries every webhook out (`PING`).
    pub fn ping(&self) {
        webhooks::ping(&self.world, &lock(&self.world.account));
    }

    /// All bookings as the API shows them (status, start, end, `rescheduledFromUid`, `rescheduledToUid`, …), in the order they were
    /// made.
    #[must_use]
    pub fn bookings(&self) -> Vec<Value> {
        let account = lock(&self.world.account);
        account.bookings.values().map(|booking| booking.read(&account)).collect()
    }

    /// One booking as the API shows it.
    #[must_use]
    pub fn booking(&self, uid: &str) -> Option<Value> {
        let account = lock(&self.world.account);
        account.booking(uid).ok().map(|booking| booking.read(&account))
    }

    /// The schedules as the API shows them.
    #[must_use]
    pub fn schedules(&self) -> Vec<Value> {
        lock(&self.world.account).schedules.values().map(|schedule| json!(schedule)).collect()
    }

    /// The webhooks as the API shows them.
    #[must_use]
    pub fn webhooks(&self) -> Vec<Value> {
        lock(&self.world.account).subscriptions.iter().map(|own| json!(own)).collect()
    }

    /// Subscribes `url` to every event, signed with `secret`; an earlier subscription of that address is replaced.
    pub fn deliver_to(&self, url: &str, secret: &str) {
        let mut account = lock(&self.world.account);
        account.subscriptions.retain(|own| own.subscriber_url != url);
        let (id, user_id) = (account.new_uuid(), account.me.id);
        account.subscriptions.push(Subscription::to_all(id, user_id, url, secret));
    }

    /// Any payload as a delivery signed with `secret`: headers and raw body.
    #[must_use]
    pub fn signed(&self, payload: &Value, secret: &str) -> (HeaderMap, Bytes) {
        let body = Bytes::from(payload.to_string());
        (webhooks::signed(Some(secret), &body), body)
    }

    /// Every event that was sent or tried.
    #[must_use]
    pub fn deliveries(&self) -> Vec<Delivery> {
        self.world.mailer.deliveries()
    }

    /// What was counted so far.
    #[must_use]
    pub fn counts(&self) -> Counts {
        let world = &self.world;
        let (exchanges, refreshes) = {
            let tokens = lock(&world.tokens);
            (tokens.exchanges, tokens.refreshes)
        };
        Counts {
            operations: world.tally.all(),
            limits: lock(&world.limits).usage().clone(),
            exchanges,
            refreshes,
            webhooks: world.mailer.counts(),
        }
    }

    /// Requests that reached an operation so far, refused ones too.
    #[must_use]
    pub fn requests_counted(&self) -> u64 {
        self.world.tally.all().values().map(|count| count.calls).sum()
    }
}

impl From<ApiError> for SandboxError {
    fn from(error: ApiError) -> Self {
        Self::Refused(error.to_string())
    }
}
