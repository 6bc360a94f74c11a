//! The line of a GHL appointment's description that names the Cal.com booking it was created for.

use sidecar_core::record::Doc;

/// Begins the line.
const PREFIX: &str = "Cal.com booking ";

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
