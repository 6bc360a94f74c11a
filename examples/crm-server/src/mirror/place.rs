//! Where a booking's appointment is to be.

use calcom_client::EventTypeId;
use ghl_client::model::LocationId;
use serde_json::Value;
use sidecar_core::{OrganizationId, record::Record};

use super::link::Place;
use crate::{
    app::App,
    ghl::installations,
    work::{self, trouble::Trouble},
};

/// The calendar that bookings of its event type go to.
pub(super) async fn mapped(app: &App, organization: &OrganizationId, booking: &Record) -> Result<Place, Trouble> {
    let settled = app.calcom.settings(organization).await?;
    let event_type = booking.doc.get("eventTypeId").and_then(Value::as_i64);
    let mapped = settled.settings.mapping_of(event_type.map(EventTypeId::from)).map(Place::from);
    mapped.ok_or_else(|| {
        let of = event_type.map_or_else(|| "without an event type".to_owned(), |id| format!("of event type {id}"));
        Trouble::Never(format!(
            "bookings {of} have no calendar at GHL: set `mapping` or `defaultMapping` by PUT /api/organizations/{organization}/integrations/calcom, then redrive this"
        ))
    })
}

/// Refuses a location without tokens.
pub(super) async fn check_connected(
    app: &App,
    organization: &OrganizationId,
    location: &LocationId,
) -> Result<(), Trouble> {
    let tokens = app.ghl.tokens(organization).ok_or_else(work::ghl_is_off)?;
    // Only this one: an organization may have hundreds.
    if app.store.load(&tokens.location_key(location)).await?.is_some() {
        return Ok(());
    }
    let why = format!("location {location} is not connected at GHL: connect it, or map the event type to another");
    let is_held = installations::still_held(app, organization, None, Some(location)).await?;
    Err(if is_held { Trouble::NotYet(why) } else { Trouble::Never(why) })
}
