use http::Method;
use serde_json::json;
use sidecar_core::{Result, Timestamp};

use super::Calendars;
use crate::{
    client::{Operation, RequestBuilder, any_field, request, setters},
    config::ApiVersion,
    model::{Appointment, AppointmentId, CalendarId, LocationId, UserId, rfc3339},
};

static BLOCK: Operation =
    Operation::new("calendars.block_slot", Method::POST, "/calendars/events/block-slots", ApiVersion::V2021_04_15);
static UPDATE: Operation = Operation::new(
    "calendars.update_blocked_slot",
    Method::PUT,
    "/calendars/events/block-slots/{eventId}",
    ApiVersion::V2021_04_15,
);

request! {
    /// Blocks a span of a calendar's or a user's time, or changes such a block. From [`Calendars::block_slot`] and
    /// [`Calendars::update_blocked_slot`].
    pub struct BlockSlot => Appointment
}
setters! { body of BlockSlot; {
    /// Blocks this calendar's time. Either a calendar or a user, not both.
    "calendarId" calendar: into CalendarId,
    /// Blocks this user's time, in all calendars. Either a calendar or a user, not both.
    "assignedUserId" user: into UserId,
    /// The title.
    "title" title: into String,
    /// When it begins; sent as RFC 3339.
    "startTime" start: Timestamp => rfc3339,
    /// When it ends; sent as RFC 3339.
    "endTime" end: Timestamp => rfc3339,
}}
any_field!(BlockSlot);

impl Calendars {
    /// Blocks a time, so that it cannot be booked. It is deleted like an appointment, by
    /// [`Appointments::delete`](super::Appointments::delete).
    pub fn block_slot(&self, location: impl Into<LocationId>, start: Timestamp, end: Timestamp) -> BlockSlot {
        let location = location.into();
        let builder = RequestBuilder::new(&self.0, &BLOCK, location.clone()).set("locationId", json!(location));
        let builder = builder.require(start < end, || "the span is empty: its end must be after its start".to_owned());
        BlockSlot { builder }.start(start).end(end)
    }

    /// Changes the fields of a block that are set. GHL requires its calendar or user again.
    pub fn update_blocked_slot(&self, location: impl Into<LocationId>, id: impl Into<AppointmentId>) -> BlockSlot {
        let location = location.into();
        let builder = RequestBuilder::new(&self.0, &UPDATE, location.clone()).argument(id.into());
        BlockSlot { builder: builder.set("locationId", json!(location)) }
    }
}

impl BlockSlot {
    async fn send(self) -> Result<Appointment> {
        let one = self.builder.has("calendarId") != self.builder.has("assignedUserId");
        let why =
            || "a block is a calendar's or a user's: name one of them with `calendar` or `user`, not both".to_owned();
        self.builder.require(one, why).json().await
    }
}
