//! The contacts to sync: about 600 bytes each, as in the search responses of GHL.

use serde_json::{Map, Value, json};
use sidecar_core::Timestamp;

/// Returns the id of a location.
pub(super) fn location(index: usize) -> String {
    format!("benchLocation{index:07}")
}

/// Returns the id of a contact. It ends with the number, from which a listing resumes.
pub(super) fn id(index: usize, number: usize) -> String {
    format!("{index:04}bench{number:011}")
}

/// Returns the number in the id of a contact.
pub(super) fn number(id: &str) -> usize {
    id[9..].parse().unwrap()
}

/// Returns the creation time: one minute after that of the previous contact.
pub(super) fn added(number: usize) -> Timestamp {
    Timestamp::from_secs(1_700_000_000 + 60 * i64::try_from(number).unwrap())
}

/// Returns the time of the last change: one day later in each generation.
pub(super) fn updated(number: usize, generation: usize) -> Timestamp {
    added(number) + std::time::Duration::from_secs(86_400 * generation as u64)
}

/// Returns a contact of a location in a generation.
pub(super) fn contact(index: usize, number: usize, generation: usize) -> Map<String, Value> {
    let contact = json!({
        "id": id(index, number), "locationId": location(index), "firstName": "Ann", "lastName": format!("Example{number}"),
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
