//! The three operations with the names of the requirements.

use calcom_client::{CalcomClient, CalcomErrorExt, bookings::CreatedOrFound, convenience::NewBooking, model::Location};
use serde_json::json;
use sidecar_core::{ErrorKind, Timestamp, http::TransportError, test_util::ScriptedTransport};

use crate::support::{at, client, client_with, fixture, only_request, request_line};

fn new_booking(end: Timestamp) -> NewBooking {
    NewBooking::new(7, at("2026-12-02T09:00:00Z"), end, "Ann Example", "ann@example.com")
        .time_zone("Europe/Berlin")
        .phone("+49151")
        .metadata("organizationId", "org_1")
        .metadata("seats", 2)
}

/// Returns a client whose event type has these durations.
fn with_lengths(length: i64, options: &[i64]) -> (CalcomClient, std::sync::Arc<ScriptedTransport>) {
    let mut event_type = fixture!("event_type");
    event_type["data"]["lengthInMinutes"] = json!(length);
    event_type["data"]["lengthInMinutesOptions"] = json!(options);
    client(ScriptedTransport::new().respond(200, event_type).respond(201, fixture!("booking")))
}

#[tokio::test]
async fn create_booking_sends_a_duration_only_if_there_are_several() {
    for (options, end, length) in [
        (&[][..], "2026-12-02T09:30:00Z", None),
        (&[30, 60][..], "2026-12-02T10:00:00Z", Some(60)),
        (&[30, 60][..], "2026-12-02T09:30:00Z", Some(30)),
    ] {
        let (calcom, sent) = with_lengths(30, options);
        let booked = calcom.create_booking(new_booking(at(end))).await.unwrap();
        assert_eq!(booked.first().unwrap().uid.as_str(), "bk_1");
        let requests = sent.requests();
        assert_eq!(request_line(&requests[0]), "GET /v2/event-types/7");
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
async fn create_booking_rejects_an_end_that_the_event_type_does_not_allow() {
    let (calcom, sent) = with_lengths(30, &[30, 60]);
    let error = calcom.create_booking(new_booking(at("2026-12-02T09:45:00Z"))).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidInput);
    assert!(error.message().contains("30 or 60 minutes") && error.message().contains("not 45"), "{error}");
    assert_eq!(sent.requests().len(), 1, "nothing was booked");
    for end in ["2026-12-02T09:00:00Z", "2026-12-02T08:00:00Z", "2026-12-02T09:30:10Z"] {
        let (calcom, sent) = with_lengths(30, &[]);
        let error = calcom.create_booking(new_booking(at(end))).await.unwrap_err();
        assert_eq!((error.kind(), sent.requests().len()), (ErrorKind::InvalidInput, 0), "{error}");
    }
}

#[tokio::test]
async fn create_booking_sends_guests_location_and_reference() {
    let (calcom, sent) = with_lengths(30, &[]);
    let create = calcom.create_booking(new_booking(at("2026-12-02T09:30:00Z")));
    create.guests(["carl@example.com"]).location(Location::Address).reference("job-17").await.unwrap();
    let body = sent.requests()[1].json();
    assert_eq!((&body["guests"], &body["location"]), (&json!(["carl@example.com"]), &json!({"type": "address"})));
    assert_eq!(body["metadata"], json!({"organizationId": "org_1", "seats": "2", "sidecarReference": "job-17"}));
}

#[tokio::test]
async fn create_booking_finds_the_booking_after_a_lost_response() {
    let mut booking = fixture!("booking")["data"].take();
    booking["metadata"] = json!({"sidecarReference": "job-17"});
    let listed = json!({"status": "success", "data": [booking], "pagination": {"hasNextPage": false}});
    let script = ScriptedTransport::new()
        .respond(200, fixture!("event_type"))
        .fail(TransportError::Broken("reset".into()))
        .respond(200, listed);
    let (calcom, sent) = client(script);
    let end = at("2026-12-02T09:30:00Z");
    let outcome = calcom.create_booking(new_booking(end)).reference("job-17").create_or_find().await.unwrap();
    assert!(matches!(&outcome, CreatedOrFound::Found(booking) if booking.uid.as_str() == "bk_1"), "{outcome:?}");
    let lines: Vec<_> = sent.requests().iter().map(request_line).collect();
    assert!(
        lines[1].starts_with("POST /v2/bookings") && lines[2].starts_with("GET /v2/bookings?attendeeEmail="),
        "{lines:?}"
    );

    let (calcom, _) = client(ScriptedTransport::new().respond(503, json!({})));
    let error = calcom.create_booking(new_booking(end)).await.unwrap_err();
    assert!(error.is_transient() && !error.may_have_taken_effect(), "only the event type was requested: {error}");

    let (calcom, sent) = with_lengths(30, &[]);
    let error = calcom.create_booking(new_booking(end)).create_or_find().await.unwrap_err();
    assert_eq!((error.kind(), sent.requests().len()), (ErrorKind::InvalidInput, 1), "nothing was booked: {error}");
}

#[tokio::test]
async fn get_availability_requests_days_of_the_time_zone() {
    let (calcom, sent) = client_with(200, fixture!("slots"));
    let slots = calcom.get_availability(7, "2026-12-01", "2026-12-02", "America/New_York").await.unwrap();
    assert_eq!(slots.len(), 3);
    assert_eq!(
        request_line(&only_request(&sent)),
        "GET /v2/slots?eventTypeId=7&format=range&start=2026-12-01T05%3A00%3A00Z&end=2026-12-03T05%3A00%3A00Z&\
         timeZone=America%2FNew_York"
    );
}
