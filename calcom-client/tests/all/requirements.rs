//! The three operations under the requirement's names.

use calcom_client::{CalcomClient, compat::NewBooking};
use serde_json::json;
use sidecar_core::{ErrorKind, Timestamp, test_util::ScriptedTransport};

use crate::support::{answering, at, client, fixture, line, only};

fn new_booking(end: Timestamp) -> NewBooking {
    NewBooking {
        event_type: 7.into(),
        start: at("2026-12-02T09:00:00Z"),
        end,
        attendee_name: "Ann Example".into(),
        attendee_email: "ann@example.com".into(),
        attendee_phone: Some("+49151".into()),
        time_zone: "Europe/Berlin".into(),
        metadata: json!({"organizationId": "org_1", "seats": 2}).as_object().unwrap().clone(),
    }
}

/// A client whose event type has these lengths.
fn with_lengths(length: i64, options: &[i64]) -> (CalcomClient, std::sync::Arc<ScriptedTransport>) {
    let mut event_type = fixture!("event_type");
    event_type["data"]["lengthInMinutes"] = json!(length);
    event_type["data"]["lengthInMinutesOptions"] = json!(options);
    client(ScriptedTransport::new().answer(200, event_type).answer(201, fixture!("booking")))
}

#[tokio::test]
async fn create_booking_sends_a_length_only_where_there_is_a_choice() {
    for (options, end, length) in [
        (&[][..], "2026-12-02T09:30:00Z", None),
        (&[30, 60][..], "2026-12-02T10:00:00Z", Some(60)),
        (&[30, 60][..], "2026-12-02T09:30:00Z", Some(30)),
    ] {
        let (calcom, sent) = with_lengths(30, options);
        let booked = calcom.create_booking(new_booking(at(end))).await.unwrap();
        assert_eq!(booked.first().unwrap().uid.as_str(), "bk_1");
        let requests = sent.requests();
        assert_eq!(line(&requests[0]), "GET /v2/event-types/7");
        let mut body = json!({
            "eventTypeId": 7, "start": "2026-12-02T09:00:00Z",
            "attendee": {
                "name": "Ann Example", "email": "ann@example.com", "timeZone": "Europe/Berlin", "phoneNumber": "+49151",
            },
            "metadata": {"organizationId": "org_1", "seats": "2"},
        });
        if let Some(length) = length {
            body["lengthInMinutes"] = json!(length);
        }
        assert_eq!(requests[1].json(), body);
    }
}

#[tokio::test]
async fn create_booking_refuses_an_end_that_the_event_type_does_not_allow() {
    let (calcom, sent) = with_lengths(30, &[30, 60]);
    let error = calcom.create_booking(new_booking(at("2026-12-02T09:45:00Z"))).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Config);
    assert!(error.message().contains("30 or 60 minutes") && error.message().contains("not 45"), "{error}");
    assert_eq!(sent.requests().len(), 1, "nothing was booked");
    for end in ["2026-12-02T09:00:00Z", "2026-12-02T08:00:00Z", "2026-12-02T09:30:10Z"] {
        let (calcom, sent) = with_lengths(30, &[]);
        let error = calcom.create_booking(new_booking(at(end))).await.unwrap_err();
        assert_eq!((error.kind(), sent.requests().len()), (ErrorKind::Config, 0), "{error}");
    }
}

#[tokio::test]
async fn get_availability_asks_for_days_of_the_time_zone() {
    let (calcom, sent) = answering(200, fixture!("slots"));
    let slots = calcom.get_availability(7, "2026-12-01", "2026-12-02", "America/New_York").await.unwrap();
    assert_eq!(slots.len(), 3);
    assert_eq!(
        line(&only(&sent)),
        "GET /v2/slots?eventTypeId=7&format=range&start=2026-12-01T05%3A00%3A00Z&end=2026-12-03T05%3A00%3A00Z&\
         timeZone=America%2FNew_York"
    );
}
