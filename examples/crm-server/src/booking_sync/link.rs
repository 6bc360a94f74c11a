//! The link from a booking to its appointment.

use std::time::Duration;

use ghl_client::model::{AppointmentId, CalendarId, ContactId, LocationId};
use serde::{Deserialize, Serialize};
use sidecar_core::{OrganizationId, StoreError, Timestamp};

use super::resolve::{AppointmentState, LastSynced};
use crate::{app::App, calcom::settings::Mapping, tasks::Versioned};

/// The kind of the link records. Their id is the uid of the original booking, because every reschedule gives the booking a new uid.
const BOOKING_LINK: &str = "booking_link";
/// The position of records that are never listed by time.
pub(super) const UNORDERED: Timestamp = Timestamp::EPOCH;

/// After a lost response GHL may still create the appointment: the create is not repeated within this time.
const CREATE_SETTLE_TIME: Duration = Duration::from_secs(20);

/// A calendar at GHL.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct CalendarRef {
    pub(super) location: LocationId,
    pub(super) calendar: CalendarId,
}

impl From<&Mapping> for CalendarRef {
    fn from(mapping: &Mapping) -> Self {
        Self { location: mapping.location_id.as_str().into(), calendar: mapping.calendar_id.as_str().into() }
    }
}

/// A booking's appointment, created or requested.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Link {
    /// The uid in the appointment's description: of the booking that was the original when the appointment was requested.
    pub(super) tag: String,
    pub(super) target: CalendarRef,
    pub(super) contact: ContactId,
    /// The state with which the appointment was requested.
    pub(super) intent: AppointmentState,
    /// When the create was last sent or its response was lost.
    pub(super) requested_at: Timestamp,
    /// Random for each request: makes the records of two processes differ that request the same appointment at the same time.
    pub(super) nonce: u64,
    /// `None` while it is unknown whether the appointment was created.
    pub(super) linked: Option<LinkedAppointment>,
}

impl Link {
    /// Whether the appointment may still be created although a search does not find it.
    pub(super) fn may_be_in_flight(&self, now: Timestamp) -> bool {
        self.linked.is_none() && now <= self.requested_at + CREATE_SETTLE_TIME
    }
}

/// An appointment that was created.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct LinkedAppointment {
    pub(super) id: AppointmentId,
    /// The base of the three-way merge.
    pub(super) last_synced: LastSynced,
}

/// Loads the link of an original booking.
pub(super) async fn load(
    app: &App,
    organization: &OrganizationId,
    original: &str,
) -> Result<Versioned<Link>, StoreError> {
    Versioned::load(app, organization, BOOKING_LINK, original).await
}
