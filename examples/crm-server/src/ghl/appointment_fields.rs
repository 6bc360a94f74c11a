//! Reads the fields of a stored appointment that booking synchronization and busy blocks share.

use ghl_client::model::{AppointmentStatus, WireTime};
use serde::Deserialize;
use sidecar_core::{Timestamp, record::Doc};

/// Returns the time in a field, such as `startTime`; `None` if it is missing or unreadable.
pub(crate) fn time(appointment: &Doc, name: &str) -> Option<Timestamp> {
    WireTime::deserialize(appointment.get(name)?).ok()?.timestamp()
}

/// Returns the status, under either spelling that GHL uses.
pub(crate) fn status(appointment: &Doc) -> Option<AppointmentStatus> {
    let status = appointment.get("appointmentStatus").or_else(|| appointment.get("appoinmentStatus"))?;
    status.as_str().map(AppointmentStatus::from)
}
