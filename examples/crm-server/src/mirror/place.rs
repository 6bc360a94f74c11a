//! Where a booking's appointment is to be.

use calcom_client::EventTypeId;
use ghl_client::model::LocationId;
use serde_json::{Value, json};
use sidecar_core::{OrganizationId, record::Record};

use super::{chain::Bookings, link::Place};
use crate::{
    app::App,
    calcom::settings::{CalcomSettings, Mapping},
    ghl::{access, installations},
    tasks::TaskError,
};

/// The field of a booking that has its hosts.
const HOSTS: &str = "hosts";

/// Where the bookings of an event type go.
pub(super) enum Mapped {
    To(Place),
    /// Nobody has said where those of this event type go.
    Nowhere(Option<EventTypeId>),
    /// Nobody has said it, and somebody else hosts it: an administrator's credentials show the bookings of the whole team.
    OfOthers,
}

/// Where the booking is to go. What is said of its event type holds whoever hosts it; what is said of all others, only for the
/// bookings of whom the credentials belong to.
pub(super) async fn mapped(
    bookings: &Bookings<'_>,
    settings: &CalcomSettings,
    booking: &Record,
) -> Result<Mapped, TaskError> {
    if let Some(own) = own_mapping(settings, booking) {
        return Ok(Mapped::To(own.into()));
    }
    if !is_own(bookings, booking).await? {
        return Ok(Mapped::OfOthers);
    }
    let nowhere = || Mapped::Nowhere(event_type(booking).map(EventTypeId::from));
    Ok(settings.default_mapping.as_ref().map_or_else(nowhere, |default| Mapped::To(default.into())))
}

/// Whether the booking has to be read before it can be told where it is to go: it depends on the hosts, and events do not tell all.
pub(super) fn depends_on_hosts(settings: &CalcomSettings, booking: &Record) -> bool {
    own_mapping(settings, booking).is_none() && !booking.doc.contains_key(HOSTS)
}

fn own_mapping<'a>(settings: &'a CalcomSettings, booking: &Record) -> Option<&'a Mapping> {
    settings.mapping.get(&event_type(booking)?)
}

fn event_type(booking: &Record) -> Option<i64> {
    booking.doc.get("eventTypeId").and_then(Value::as_i64)
}

/// Whether the user whose credentials they are is a host, or nobody is told to be one.
async fn is_own(bookings: &Bookings<'_>, booking: &Record) -> Result<bool, TaskError> {
    let hosts = booking.doc.get(HOSTS).and_then(Value::as_array);
    let Some(hosts) = hosts.filter(|hosts| !hosts.is_empty()) else { return Ok(true) };
    let user = json!(bookings.app.calcom.user(bookings.organization).await?);
    Ok(hosts.iter().any(|host| host.get("id") == Some(&user)))
}

/// Refuses a location without tokens.
pub(super) async fn check_connected(
    app: &App,
    organization: &OrganizationId,
    location: &LocationId,
) -> Result<(), TaskError> {
    let tokens = app.ghl.tokens(organization).ok_or_else(access::ghl_is_off)?;
    // Only this one: an organization may have hundreds.
    if app.store.load(&tokens.location_key(location)).await?.is_some() {
        return Ok(());
    }
    let why = format!("location {location} is not connected at GHL: connect it, or map the event type to another");
    let is_held = installations::is_claimed(app, organization, None, Some(location)).await?;
    Err(if is_held { TaskError::NotReady(why) } else { TaskError::Permanent(why) })
}
