//! Calendars: which are connected, when they are busy, which of them count, and where bookings are written.
//!
//! Invariant: busy times are only read here; how to make some is in [`compat`](crate::blocking).

mod busy;
mod connect;
pub(crate) mod operations;
mod select;

pub use busy::ListBusyTimes;
pub use connect::{CalendarProvider, ConnectCalendar, SaveCalendar, SubscribeIcsFeed};
use operations as op;
use secrecy::{ExposeSecret, SecretString};
pub use select::{DeselectCalendar, SelectCalendar, SetDestinationCalendar};
use serde_json::Value;
use sidecar_core::Timestamp;

use crate::{
    client::{CalcomClient, PlainRequest, RequestBuilder},
    model::{CalendarCredential, ConnectedCalendars, CredentialId, WireTime},
};

/// The calendars family. From [`CalcomClient::calendars`].
#[derive(Debug, Clone)]
pub struct Calendars(CalcomClient);

impl CalcomClient {
    /// Connected calendars, busy times, and selected calendars.
    pub fn calendars(&self) -> Calendars {
        Calendars(self.clone())
    }
}

impl Calendars {
    /// Lists what is connected, each connection's calendars, and where bookings are written.
    pub fn list(&self) -> PlainRequest<ConnectedCalendars> {
        PlainRequest::new(RequestBuilder::new(&self.0, &op::LIST, []))
    }

    /// Lists when calendars are busy between two times; name at least one calendar. The dates are sent in UTC.
    pub fn busy_times(&self, from: Timestamp, to: Timestamp, time_zone: impl Into<String>) -> ListBusyTimes {
        let builder = RequestBuilder::new(&self.0, &op::BUSY_TIMES, []).require(from < to, "the time span is empty");
        let builder = builder.query("dateFrom", WireTime::from(from)).query("dateTo", WireTime::from(to));
        ListBusyTimes::new(builder.query("timeZone", time_zone.into()))
    }

    /// The page on which the user agrees to connect a calendar: Google's or Microsoft's.
    pub fn connect(&self, calendar: &CalendarProvider) -> ConnectCalendar {
        ConnectCalendar(RequestBuilder::new(&self.0, &op::CONNECT, [calendar]).query("isDryRun", false))
    }

    /// Completes a connection with what the provider sent the user back with.
    pub fn save(&self, calendar: &CalendarProvider, state: impl Into<String>, code: impl Into<String>) -> SaveCalendar {
        let builder = RequestBuilder::new(&self.0, &op::SAVE, [calendar]);
        SaveCalendar(builder.query("state", state.into()).query("code", code.into()))
    }

    /// Connects a calendar by user name and password: Apple's, with a password made for one app.
    pub fn save_credentials(
        &self,
        calendar: &CalendarProvider,
        username: impl Into<String>,
        password: &SecretString,
    ) -> PlainRequest<()> {
        let builder = RequestBuilder::new(&self.0, &op::SAVE_CREDENTIALS, [calendar]).set("username", username.into());
        PlainRequest::empty(builder.set("password", password.expose_secret()))
    }

    /// Whether a connection works; a refusal says why not.
    pub fn check(&self, calendar: &CalendarProvider) -> PlainRequest<Value> {
        PlainRequest::json(RequestBuilder::new(&self.0, &op::CHECK, [calendar]))
    }

    /// Ends a connection.
    pub fn disconnect(
        &self,
        calendar: &CalendarProvider,
        credential: impl Into<CredentialId>,
    ) -> PlainRequest<CalendarCredential> {
        PlainRequest::new(RequestBuilder::new(&self.0, &op::DISCONNECT, [calendar]).set("id", credential.into()))
    }

    /// Has Cal.com read calendar feeds (ICS) and count what stands in them as busy. The URLs are secrets: whoever has one can read
    /// the feed.
    pub fn subscribe_ics_feed<U: Into<String>>(&self, urls: impl IntoIterator<Item = U>) -> SubscribeIcsFeed {
        let urls: Vec<String> = urls.into_iter().map(Into::into).collect();
        SubscribeIcsFeed::new(RequestBuilder::new(&self.0, &op::SAVE_ICS_FEED, []), urls)
    }

    /// Whether the feeds can be read.
    pub fn check_ics_feed(&self) -> PlainRequest<Value> {
        PlainRequest::json(RequestBuilder::new(&self.0, &op::CHECK_ICS_FEED, []))
    }

    /// Says which calendar bookings are written to.
    pub fn set_destination(
        &self,
        integration: impl Into<String>,
        external_id: impl Into<String>,
    ) -> SetDestinationCalendar {
        let builder = RequestBuilder::new(&self.0, &op::SET_DESTINATION, []);
        SetDestinationCalendar(builder.set("integration", integration.into()).set("externalId", external_id.into()))
    }

    /// Counts what stands in a calendar as busy.
    pub fn select(
        &self,
        integration: impl Into<String>,
        external_id: impl Into<String>,
        credential: impl Into<CredentialId>,
    ) -> SelectCalendar {
        let builder = RequestBuilder::new(&self.0, &op::SELECT, []);
        SelectCalendar(
            builder
                .set("integration", integration.into())
                .set("externalId", external_id.into())
                .set("credentialId", credential.into()),
        )
    }

    /// Counts it no longer.
    pub fn deselect(
        &self,
        integration: impl Into<String>,
        external_id: impl Into<String>,
        credential: impl Into<CredentialId>,
    ) -> DeselectCalendar {
        let builder = RequestBuilder::new(&self.0, &op::DESELECT, []);
        DeselectCalendar(
            builder
                .query("integration", integration.into())
                .query("externalId", external_id.into())
                .query("credentialId", credential.into()),
        )
    }
}
