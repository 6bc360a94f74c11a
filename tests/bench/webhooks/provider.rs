//! The differences between the providers: the body, signature and route of a delivery, and the queries that count its effects.

use clap::ValueEnum;
use http::HeaderMap;
use provider_sandbox::Sandbox;
use serde_json::{Value, json};
use sidecar_core::{Clock, SystemClock};
use sidecar_store::Store;
use sidecar_tests::{ORGANIZATION, TestConnection, create_organization_row};

/// The provider of the deliveries.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Provider {
    /// Signed with Ed25519.
    Ghl,
    /// Signed with HMAC-SHA256.
    Calcom,
}

impl Provider {
    pub(super) const ALL: [Self; 2] = [Self::Ghl, Self::Calcom];

    /// Returns the prefix of its rows in the report.
    pub(super) fn row_prefix(self) -> &'static str {
        match self {
            Self::Ghl => "webhooks",
            Self::Calcom => "calcom webhooks",
        }
    }

    /// Returns the required deliveries per second over many connections.
    pub(super) fn required_rate(self) -> f64 {
        match self {
            Self::Ghl => 8_000.0,
            Self::Calcom => 9_000.0,
        }
    }

    /// Returns the webhook route.
    pub(super) fn route(self) -> &'static str {
        match self {
            Self::Ghl => "/api/webhooks/ghl",
            Self::Calcom => "/api/webhooks/calcom",
        }
    }

    /// Returns the public key or the secret that verifies its deliveries.
    pub(super) fn key(self, sandbox: &Sandbox) -> String {
        match self {
            Self::Ghl => sandbox.ghl().public_key_pem(),
            Self::Calcom => sandbox.calcom().webhook_secret().to_owned(),
        }
    }

    /// Returns the headers and body of a signed delivery about a new entity.
    pub(super) fn delivery(self, sandbox: &Sandbox, number: usize) -> (HeaderMap, bytes::Bytes) {
        match self {
            Self::Ghl => sandbox.ghl().sign_delivery(&contact_update(sandbox, number)),
            Self::Calcom => {
                let calcom = sandbox.calcom();
                calcom.sign_delivery(&booking_created(number), calcom.webhook_secret())
            }
        }
    }

    /// Creates the organization of the deliveries. For Cal.com it has no GHL connection, so that bookings are not synced.
    pub(super) async fn connect(self, sandbox: &Sandbox, store: &dyn Store) {
        match self {
            Self::Ghl => drop(TestConnection::organization(sandbox, store).await),
            Self::Calcom => drop(create_organization_row(store).await),
        }
    }

    /// Returns the environment of a server that receives its deliveries.
    pub(super) fn environment(self, sandbox: &Sandbox) -> Vec<(&'static str, String)> {
        let mut environment = sandbox.env();
        if self == Self::Calcom {
            environment.retain(|(name, _)| *name != "CALCOM_API_KEY");
            environment.push(("CALCOM_ORGANIZATION_ID", ORGANIZATION.to_owned()));
        }
        environment
    }

    /// Returns queries whose result is the number of deliveries if each was applied once.
    pub(super) fn effects(self) -> &'static [&'static str] {
        match self {
            Self::Ghl => &[APPLIED, DISTINCT, "SELECT count(*) FROM records WHERE kind = 'contact'"],
            Self::Calcom => &[APPLIED, DISTINCT, "SELECT count(*) FROM records WHERE kind = 'booking'"],
        }
    }
}

const APPLIED: &str = "SELECT count(*) FROM event_log WHERE outcome = 'applied'";
const DISTINCT: &str = "SELECT count(DISTINCT delivery) FROM event_log";

/// About 600 bytes, as GHL sends for a contact with its usual fields, in the first location.
fn contact_update(sandbox: &Sandbox, number: usize) -> Value {
    json!({
        "type": "ContactUpdate", "locationId": sandbox.ghl().location_ids().remove(0), "id": format!("bench{number:015}"),
        "address1": "12 Long Street", "city": "Springfield", "state": "IL", "country": "US", "postalCode": "62701",
        "firstName": "Ann", "lastName": format!("Example{number}"), "name": format!("Ann Example{number}"),
        "email": format!("ann.{number}@example.com"), "phone": "+15551230000", "source": "public api",
        "companyName": null, "website": null, "assignedTo": null, "dateOfBirth": null, "dnd": false,
        "tags": ["course: rust"], "customFields": [], "attachments": [], "dateAdded": "2026-01-01T10:00:00.000Z",
        "appId": sandbox.ghl().app_id(), "webhookId": uuid::Uuid::new_v4().to_string(),
        "timestamp": SystemClock::new().now().to_string(),
    })
}

/// About 1.2 kB, as Cal.com sends for a booking with its usual fields.
fn booking_created(number: usize) -> Value {
    let (uid, email) = (format!("bench{number:017}"), format!("ann.{number}@example.com"));
    let english = json!({"locale": "en"});
    let payload = json!({
        "uid": uid, "bookingId": number, "eventTypeId": 7, "type": "intro", "title": "Intro between Bo Host and Ann Example",
        "eventTitle": "Intro", "eventDescription": null, "additionalNotes": "", "startTime": "2030-01-07T09:00:00Z",
        "endTime": "2030-01-07T09:30:00Z", "length": 30, "price": 0, "currency": "usd", "status": "ACCEPTED",
        "organizer": {"id": 5, "name": "Bo Host", "email": "bo@example.com", "username": "bo", "timeZone": "UTC", "language": english,
            "timeFormat": "h:mma", "utcOffset": 0},
        "attendees": [{"email": email, "name": "Ann Example", "firstName": "Ann", "lastName": "Example", "timeZone": "Europe/Berlin",
            "phoneNumber": null, "language": english, "utcOffset": 60}],
        "responses": {"name": {"label": "your_name", "value": "Ann Example", "isHidden": false},
            "email": {"label": "email_address", "value": email, "isHidden": false}},
        "location": "integrations:daily", "destinationCalendar": null, "iCalUID": format!("{uid}@Cal.com"), "iCalSequence": 0,
        "requiresConfirmation": false, "metadata": {"videoCallUrl": format!("https://app.cal.com/video/{uid}")},
    });
    json!({"triggerEvent": "BOOKING_CREATED", "createdAt": SystemClock::new().now().to_string(), "payload": payload})
}
