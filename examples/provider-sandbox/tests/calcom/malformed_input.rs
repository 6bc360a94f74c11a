use axum::body::Body;
use http::Request;
use serde_json::{Value, json};
use tower::ServiceExt;

use crate::support::Fixture;

const ROUTES: &[(&str, &str, &str)] = &[
    ("POST", "/v2/bookings", "2026-02-25"),
    ("POST", "/v2/bookings/UID/reschedule", "2024-08-13"),
    ("POST", "/v2/bookings/UID/cancel", "2024-08-13"),
    ("POST", "/v2/bookings/UID/mark-absent", "2024-08-13"),
    ("POST", "/v2/slots/reservations", "2024-09-04"),
    ("POST", "/v2/schedules", "2024-06-11"),
    ("PATCH", "/v2/schedules/SCHEDULE", "2024-06-11"),
    ("POST", "/v2/event-types", "2024-06-14"),
    ("PATCH", "/v2/event-types/EVENT", "2024-06-14"),
    ("POST", "/v2/webhooks", ""),
    ("POST", "/v2/me/ooo", ""),
    ("PATCH", "/v2/me", ""),
    ("POST", "/v2/auth/oauth2/token", ""),
];

/// Returns the values that replace one field of a valid body.
fn invalid_values() -> Vec<Value> {
    vec![
        json!(""),
        json!("x"),
        json!("é".repeat(300)),
        json!("9999-12-31T23:59:59Z"),
        json!("-009999-01-01T00:00:00Z"),
        json!("2026-11-24T09:00:00-07:00"),
        json!("24:00"),
        json!(null),
        json!(true),
        json!(-1),
        json!(i64::MAX),
        json!(1.5e300),
        json!([]),
        json!([null]),
        json!({}),
        json!({"a": [1]}),
    ]
}

fn valid_body(event_type: i64) -> Value {
    json!({
        "eventTypeId": event_type, "start": "2026-11-24T09:00:00Z", "attendee": {"name": "A", "email": "a@example.com", "timeZone": "UTC"},
        "metadata": {"a": "b"}, "lengthInMinutes": 30, "slotStart": "2026-11-24T09:00:00Z", "slotDuration": 30, "reservationDuration": 5,
        "name": "N", "timeZone": "UTC", "isDefault": false, "availability": [{"days": ["Monday"], "startTime": "09:00", "endTime": "17:00"}],
        "overrides": [{"date": "2026-11-24", "startTime": "09:00", "endTime": "10:00"}], "title": "T", "slug": "t", "slotInterval": 5,
        "minimumBookingNotice": 0, "beforeEventBuffer": 0, "seats": {"seatsPerTimeSlot": 2}, "lengthInMinutesOptions": [30, 60],
        "subscriberUrl": "http://127.0.0.1:9/", "triggers": ["BOOKING_CREATED"], "active": true, "secret": "s", "end": "2026-11-25T09:00:00Z",
        "reason": "sick", "attendees": [{"email": "a@example.com", "absent": true}], "defaultScheduleId": null, "grant_type": "refresh_token",
        "client_id": "x", "refresh_token": "y",
    })
}

async fn status(fixture: &Fixture, method: &str, path: &str, version: &str, body: String) -> u16 {
    let request = Request::builder().method(method).uri(format!("/calcom{path}")).header("cal-api-version", version);
    let request = request.header("authorization", format!("Bearer {}", fixture.calcom.api_key()));
    fixture.sandbox.router().oneshot(request.body(Body::from(body)).unwrap()).await.unwrap().status().as_u16()
}

#[tokio::test]
async fn malformed_input_never_causes_a_server_error() {
    let fixture = Fixture::new().await;
    let unlimited = provider_sandbox::calcom::LimitRules { enforced: false, ..Default::default() };
    fixture.sandbox.control().calcom().set_limits(unlimited);
    let uid = fixture.book("intro", "2026-11-24T15:00:00Z");
    let event_type = fixture.event_type("block");
    let schedule = fixture.calcom.default_schedule_id().unwrap();
    let valid_body = valid_body(event_type);
    for (method, path, version) in ROUTES {
        let path = path
            .replace("UID", &uid)
            .replace("SCHEDULE", &schedule.to_string())
            .replace("EVENT", &event_type.to_string());
        for field in valid_body.as_object().unwrap().keys() {
            for value in invalid_values() {
                let mut body = valid_body.clone();
                body[field] = value;
                let status = status(&fixture, method, &path, version, body.to_string()).await;
                assert!(status < 500, "{method} {path}: {status} for {body}");
            }
        }
        for invalid in ["[]", "{", "null", "\"x\""] {
            assert!(status(&fixture, method, &path, version, invalid.to_owned()).await < 500);
        }
    }
    assert!(fixture.client.me().get().await.is_ok());
}

#[tokio::test]
async fn an_invalid_query_is_rejected() {
    let fixture = Fixture::new().await;
    let id = fixture.event_type("intro");
    for (path, version) in [
        ("/v2/bookings?take=0".to_owned(), "2024-08-13"),
        ("/v2/bookings?status=accepted".to_owned(), "2024-08-13"),
        ("/v2/bookings?afterStart=soon".to_owned(), "2024-08-13"),
        ("/v2/bookings?eventTypeIds=1,x".to_owned(), "2024-08-13"),
        (format!("/v2/slots?eventTypeId={id}&start=2026-11-24"), "2024-09-04"),
        (format!("/v2/slots?eventTypeId={id}&start=2026-11-24&end=2028-11-24"), "2024-09-04"),
        (format!("/v2/slots?eventTypeId={id}&start=2026-11-24&end=2026-11-24&timeZone=Mars"), "2024-09-04"),
        ("/v2/slots?start=2026-11-24&end=2026-11-24".to_owned(), "2024-09-04"),
    ] {
        assert_eq!(status(&fixture, "GET", &path, version, String::new()).await, 400, "{path}");
    }
}
