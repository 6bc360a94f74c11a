//! Which appointment belongs to a booking.

use std::time::Duration;

use ghl_client::model::{AppointmentId, CalendarId, ContactId, LocationId};
use serde::{Deserialize, Serialize};
use sidecar_core::{OrganizationId, StoreError, Timestamp};

use super::{
    kept::Kept,
    meeting::{Agreed, Meeting},
};
use crate::{app::App, calcom::settings::Mapping};

/// The kind of the records that hold links. Their id is the uid of the booking's first form: moves give it others.
const LINK: &str = "calcom_link";
/// The kind of the records that lead from an appointment to its link.
const OF_APPOINTMENT: &str = "calcom_link_of_appointment";

/// How long GHL may go on with a request after its answer was given up: what was announced is not announced again before.
const SETTLED: Duration = Duration::from_secs(20);

/// A calendar at GHL.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Place {
    pub(super) location: LocationId,
    pub(super) calendar: CalendarId,
}

impl From<&Mapping> for Place {
    fn from(mapping: &Mapping) -> Self {
        Self { location: mapping.location_id.as_str().into(), calendar: mapping.calendar_id.as_str().into() }
    }
}

/// A booking's appointment.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Link {
    /// The uid that its description names: of what was the booking's first form when it was made.
    pub(super) mark: String,
    /// Where it is.
    pub(super) place: Place,
    /// Whom it is with.
    pub(super) contact: ContactId,
    /// The meeting that the appointment was or is about to be made for.
    pub(super) meant: Meeting,
    /// When it was last known that it may be on its way.
    #[serde(default)]
    pub(super) announced_at: Timestamp,
    /// A random number for each announcement: of two processes that announce the same, one finds that it is not the only one.
    pub(super) turn: u64,
    /// The appointment; none while it is not known whether its creation came to anything.
    pub(super) made: Option<Made>,
}

impl Link {
    /// Whether the appointment may come to be all the same, though it cannot be found yet.
    pub(super) fn is_on_its_way(&self, now: Timestamp) -> bool {
        self.made.is_none() && now <= self.announced_at + SETTLED
    }
}

/// The appointment that was made.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Made {
    pub(super) appointment: AppointmentId,
    /// What both sides said then.
    pub(super) agreed: Agreed,
}

/// The way back from an appointment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct WayBack {
    /// The link's id.
    pub(super) root: String,
}

/// The link of a booking, by the uid of its first form.
pub(super) async fn of_booking(app: &App, organization: &OrganizationId, root: &str) -> Result<Kept<Link>, StoreError> {
    Kept::read(app, organization, LINK, root).await
}

/// The link that an appointment belongs to, if it belongs to one.
pub(super) async fn of_appointment(
    app: &App,
    organization: &OrganizationId,
    appointment: &str,
) -> Result<Kept<WayBack>, StoreError> {
    Kept::read(app, organization, OF_APPOINTMENT, appointment).await
}

/// Where links stand in listings: nobody lists them by time.
pub(super) const NOWHERE: Timestamp = Timestamp::EPOCH;
