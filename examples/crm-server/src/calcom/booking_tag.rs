//! Leads from a GHL appointment to the Cal.com booking that it was created for: by a line of its description, which GHL stores
//! before our own record of the appointment, and by that record.

use serde::{Deserialize, Serialize};
use sidecar_core::{OrganizationId, StoreError, record::Doc};

use crate::{app::App, tasks::Versioned};

/// Begins the line of the description.
const PREFIX: &str = "Cal.com booking ";
/// The kind of the [`BookingRef`] records. Their id is the appointment's.
const BOOKING_OF_APPOINTMENT: &str = "booking_of_appointment";

/// Names the booking of an appointment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct BookingRef {
    /// The uid of the original booking: of the one that was made before all reschedules.
    pub(crate) booking: String,
}

/// Loads the booking of an appointment.
pub(crate) async fn booking_of(
    app: &App,
    organization: &OrganizationId,
    appointment: &str,
) -> Result<Versioned<BookingRef>, StoreError> {
    Versioned::load(app, organization, BOOKING_OF_APPOINTMENT, appointment).await
}

/// Returns the line for a booking.
pub(crate) fn booking_tag(uid: &str) -> String {
    format!("{PREFIX}{uid}")
}

/// Returns the uid of the booking that the appointment was created for, if its description names one.
pub(crate) fn tagged_booking(appointment: &Doc) -> Option<&str> {
    let texts = ["notes", "description"].into_iter().filter_map(|name| appointment.get(name)?.as_str());
    let tags = texts.flat_map(str::lines).filter_map(|line| line.trim().strip_prefix(PREFIX));
    tags.map(str::trim).find(|uid| !uid.is_empty())
}
