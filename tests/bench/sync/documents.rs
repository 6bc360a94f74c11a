//! The contacts that are copied: about 600 bytes each, as the provider's search gives them.

use serde_json::{Map, Value, json};
use sidecar_core::Timestamp;

/// A location's id.
pub(super) fn location(place: usize) -> String {
    format!("benchLocation{place:07}")
}

/// A contact's id. Its number stands at the end, so that a listing finds its place again.
pub(super) fn id(place: usize, number: usize) -> String {
    format!("{place:04}bench{number:011}")
}

/// The number of a contact's id.
pub(super) fn number(id: &str) -> usize {
    id[9..].parse().unwrap()
}

/// When a contact was created: a minute after the one before.
pub(super) fn added(number: usize) -> Timestamp {
    Timestamp::from_secs(1_700_000_000 + 60 * i64::try_from(number).unwrap())
}

/// When it was last changed: a day later in each generation.
pub(super) fn updated(number: usize, generation: usize) -> Timestamp {
    added(number) + std::time::Duration::from_secs(86_400 * generation as u64)
}

/// A contact of a location, in its first or a later generation.
pub(super) fn contact(place: usize, number: usize, generation: usize) -> Map<String, Value> {
    let contact = json!({
        "id": id(place, number), "locationId": location(place), "firstName": "Ann", "lastName": format!("Example{number}"),
        "email": format!("ann.{number}@example.com"), "phone": "+15551230000", "companyName": "Example Ltd", "type": "lead",
        "source": "public api", "address": "12 Long Street", "city": format!("Springfield {generation}"), "state": "IL",
        "country": "US", "postalCode": "62701", "website": null, "assignedTo": null, "dnd": false, "dndSettings": {},
        "tags": ["course: rust", "customer"], "followers": [], "additionalEmails": [], "businessId": null,
        "customFields": [{"id": "MgobCB14YMVKuE4Ka8p1", "value": "gold"}], "validEmail": true,
        "dateAdded": added(number).to_string(), "dateUpdated": updated(number, generation).to_string(),
    });
    match contact {
        Value::Object(contact) => contact,
        _ => Map::new(),
    }
}
