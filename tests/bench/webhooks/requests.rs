//! Signed deliveries as the bytes of HTTP requests, made before any clock runs and handed to the sender in a file.

use std::{
    fs::File,
    io::{BufWriter, Write},
    ops::Range,
    path::Path,
};

use provider_sandbox::Sandbox;
use serde_json::{Value, json};
use sidecar_core::{Clock, SystemClock};

/// Where they go.
pub(super) const ROUTE: &str = "/api/webhooks/ghl";

/// Requests in one piece, each behind its length.
pub(super) struct Requests {
    bytes: Vec<u8>,
    places: Vec<Range<usize>>,
}

impl Requests {
    /// Those that [`write`] wrote.
    pub(super) fn read(file: &Path) -> Self {
        let bytes = std::fs::read(file).unwrap();
        let (mut places, mut at) = (Vec::new(), 0);
        while let Some(length) = bytes.get(at..at + 4) {
            let begin = at + 4;
            at = begin + u32::from_le_bytes(length.try_into().unwrap()) as usize;
            places.push(begin..at);
        }
        Self { bytes, places }
    }

    /// How many.
    pub(super) fn count(&self) -> usize {
        self.places.len()
    }

    /// One of them.
    pub(super) fn get(&self, index: usize) -> &[u8] {
        &self.bytes[self.places[index].clone()]
    }
}

/// Writes `count` deliveries, each of a contact of its own in the first location.
pub(super) fn write(file: &Path, sandbox: &Sandbox, count: usize) {
    let location = sandbox.ghl().location_ids().remove(0);
    let mut file = BufWriter::new(File::create(file).unwrap());
    for number in 0..count {
        let request = request(sandbox, &update(sandbox, &location, number));
        file.write_all(&u32::try_from(request.len()).unwrap().to_le_bytes()).unwrap();
        file.write_all(&request).unwrap();
    }
    file.flush().unwrap();
}

fn request(sandbox: &Sandbox, event: &Value) -> Vec<u8> {
    let (headers, body) = sandbox.ghl().signed(event);
    let mut request =
        format!("POST {ROUTE} HTTP/1.1\r\nhost: bench\r\ncontent-length: {}\r\n", body.len()).into_bytes();
    for (name, value) in &headers {
        request.extend([name.as_str().as_bytes(), b": ", value.as_bytes(), b"\r\n"].concat());
    }
    request.extend(b"\r\n");
    request.extend(body);
    request
}

/// About 600 bytes, as GHL sends for a contact with its usual fields.
fn update(sandbox: &Sandbox, location: &str, number: usize) -> Value {
    json!({
        "type": "ContactUpdate", "locationId": location, "id": format!("bench{number:015}"),
        "address1": "12 Long Street", "city": "Springfield", "state": "IL", "country": "US", "postalCode": "62701",
        "firstName": "Ann", "lastName": format!("Example{number}"), "name": format!("Ann Example{number}"),
        "email": format!("ann.{number}@example.com"), "phone": "+15551230000", "source": "public api",
        "companyName": null, "website": null, "assignedTo": null, "dateOfBirth": null, "dnd": false,
        "tags": ["course: rust"], "customFields": [], "attachments": [], "dateAdded": "2026-01-01T10:00:00.000Z",
        "appId": sandbox.ghl().app_id(), "webhookId": uuid::Uuid::new_v4().to_string(),
        "timestamp": SystemClock::new().now().to_string(),
    })
}
