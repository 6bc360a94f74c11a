//! The changes that a webhook makes to stored records.

use std::sync::Arc;

use serde_json::{Value, json};
use sidecar_core::{
    OrganizationId, Timestamp,
    record::{Change, ChangeOrigin, Doc, Mutation},
};

use super::change::{APPOINTMENTS, CONTACTS, Kind, LOCATIONS, OPPORTUNITIES};
use crate::events::{EventKind, GhlEvent, Subject};

/// The changes that an event makes to the records of an organization; none for events of other things, and for those that
/// were not understood.
///
/// A change carries only the fields that the event carries. Its version is the event's own time, or `received_at` when it
/// has none.
pub fn webhook_changes(event: &GhlEvent, organization: &OrganizationId, received_at: Timestamp) -> Vec<Change> {
    let (Some((_, document)), Some(id)) = (event.parts(), event.entity_id()) else { return Vec::new() };
    let event_kind = event.kind();
    let Some((kind, patch)) = record(&event_kind, document, id) else { return Vec::new() };
    let effect = if event_kind.is_delete() { Mutation::Delete } else { Mutation::Patch(patch) };
    let location = event.location_id().map(|location| location.as_str().into());
    let version = event.timestamp().unwrap_or(received_at);
    vec![kind.change(kind.key(organization, id), location, version, ChangeOrigin::Webhook, effect)]
}

/// Which record an event is about, and the fields it carries in the shape in which a read gives them.
fn record(event: &EventKind, document: &Arc<Doc>, id: &str) -> Option<(Kind, Arc<Doc>)> {
    match event.subject() {
        Subject::Contact => Some((CONTACTS, Arc::clone(document))),
        Subject::Location => Some((LOCATIONS, Arc::clone(document))),
        Subject::Appointment => {
            let mut patch = document.get("appointment").and_then(Value::as_object).cloned().unwrap_or_default();
            patch.insert("id".to_owned(), json!(id));
            if let Some(location) = document.get("locationId") {
                patch.insert("locationId".to_owned(), location.clone());
            }
            Some((APPOINTMENTS, patch.into()))
        }
        Subject::Opportunity => {
            let mut patch = Doc::clone(document);
            if let Some(added) = patch.remove("dateAdded") {
                patch.insert("createdAt".to_owned(), added);
            }
            Some((OPPORTUNITIES, patch.into()))
        }
        _ => None,
    }
}
