//! Webhooks: what is said about a change (`payload`) and how it is signed (`seal`). Sending is `crate::deliveries`.
//! Invariant: a payload has exactly the documented fields; what GHL leaves out is left out here.

pub(crate) mod payload;
mod seal;

use std::collections::BTreeSet;

pub(crate) use seal::signed;
use serde_json::Value;

use super::calendars::agenda::Appointment;
use super::contacts::record::Contact;
use super::identity::Identity;
use super::opportunities::deals::Deal;
use super::state::{Site, World};
use crate::deliveries::Persistence;

/// GHL sends again after 429 only, at even intervals.
pub(crate) const PERSISTENCE: Persistence = Persistence { again: |status| status == 429, growth_percent: 100 };

/// Tells the app that a contact was created, changed or removed.
pub(crate) fn contact(world: &World, kind: &str, contact: &Contact) {
    say(world, &contact.location_id, payload::contact(kind, contact));
}

/// Tells the app what an update changed: fields, tags, do-not-disturb, each by its own event.
pub(crate) fn contact_changed(world: &World, before: &Contact, after: &Contact) {
    let tags = |contact: &Contact| contact.tags.iter().cloned().collect::<BTreeSet<_>>();
    let tags_changed = tags(before) != tags(after);
    let dnd_changed = (before.dnd, &before.dnd_settings) != (after.dnd, &after.dnd_settings);
    let same_apart = Contact {
        tags: after.tags.clone(),
        dnd: after.dnd,
        dnd_settings: after.dnd_settings.clone(),
        date_updated: after.date_updated,
        ..before.clone()
    };
    if same_apart != *after || !(tags_changed || dnd_changed) {
        contact(world, "ContactUpdate", after);
    }
    if tags_changed {
        contact(world, "ContactTagUpdate", after);
    }
    if dnd_changed {
        contact(world, "ContactDndUpdate", after);
    }
}

/// Tells the app that an appointment was created, changed or removed.
pub(crate) fn appointment(world: &World, site: &Site, kind: &str, appointment: &Appointment) {
    say(world, &site.place.id, payload::appointment(kind, &site.place, appointment));
}

/// Tells the app that an opportunity was created, changed or removed.
pub(crate) fn opportunity(world: &World, site: &Site, kind: &str, deal: &Deal) {
    say(world, &site.place.id, payload::opportunity(kind, &site.place, deal));
}

/// INSTALL, for the company (`None`) or one location.
pub(crate) fn installed(world: &World, location: Option<&str>) {
    post(world, payload::install(world, location));
}

/// UNINSTALL of a company or a location.
pub(crate) fn uninstalled(world: &World, id: &str) {
    post(world, payload::uninstall(world, id));
}

/// An event kind nobody documented.
pub(crate) fn unknown(world: &World) {
    let location = world.sites.first().map(|site| site.place.id.as_str());
    post(
        world,
        serde_json::json!({"type": "ContactTeleport", "locationId": location, "id": "unknown", "distance": 42}),
    );
}

/// An event that looks right, signed with somebody else's key.
pub(crate) fn forged(world: &World) {
    let Some(site) = world.sites.first() else { return };
    let row = crate::lock(&site.directory).all().next().cloned();
    let Some(row) = row else { return };
    let event = payload::contact("ContactDelete", row.contact());
    world.mailer.send(&seal::sealed(event, world, Identity::forge));
}

fn say(world: &World, location: &str, event: Value) {
    if world.listens(location) {
        post(world, event);
    }
}

fn post(world: &World, event: Value) {
    world.mailer.send(&seal::sealed(event, world, Identity::sign));
}
