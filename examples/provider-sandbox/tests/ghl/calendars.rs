use http::StatusCode;
use serde_json::{Value, json};

use crate::support::{Fixture, START_MS};

const MONTH_MS: i64 = 30 * provider_sandbox::clock::DAY_MS;

fn events_path(fixture: &Fixture, params: &str) -> String {
    format!(
        "/calendars/events?locationId={}&startTime={START_MS}&endTime={}{params}",
        fixture.location,
        START_MS + MONTH_MS
    )
}

fn booking(fixture: &Fixture, start: &str) -> Value {
    let contact = fixture.ghl.contacts(&fixture.location)[0]["id"].clone();
    json!({"calendarId": fixture.ghl.calendar_ids(&fixture.location)[0], "locationId": fixture.location, "contactId": contact, "startTime": start})
}

async fn book(fixture: &Fixture, start: &str) -> crate::support::TestResponse {
    fixture.call("POST", "/calendars/events/appointments", Some(booking(fixture, start))).await
}

#[tokio::test]
async fn events_of_the_next_month_are_found_by_calendar_user_and_group() {
    let fixture = Fixture::new().await;
    let expected = fixture.ghl.appointments(&fixture.location);
    let mut found = 0;
    for calendar in fixture.ghl.calendar_ids(&fixture.location) {
        let response = fixture.get(&events_path(&fixture, &format!("&calendarId={calendar}"))).await;
        found += response.body["events"].as_array().unwrap().len();
    }
    assert_eq!((found, expected.len()), (60, 60));
    for (name, field) in [("userId", "assignedUserId"), ("groupId", "groupId")] {
        let selected = expected[0][field].as_str().unwrap();
        let response = fixture.get(&events_path(&fixture, &format!("&{name}={selected}"))).await;
        let expected = expected.iter().filter(|event| event[field] == selected).count();
        assert_eq!(response.body["events"].as_array().unwrap().len(), expected, "{name}");
    }
}

#[tokio::test]
async fn events_require_milliseconds_and_a_selector() {
    let fixture = Fixture::new().await;
    let calendar = fixture.ghl.calendar_ids(&fixture.location).remove(0);
    let dates = format!(
        "/calendars/events?locationId={}&startDate=2026-11-23&endDate=2026-12-23&calendarId={calendar}",
        fixture.location
    );
    let iso = format!(
        "/calendars/events?locationId={}&startTime=2026-11-23T00:00:00Z&endTime=2026-12-23T00:00:00Z&calendarId={calendar}",
        fixture.location
    );
    for path in [dates, iso, events_path(&fixture, "")] {
        assert_eq!(fixture.get(&path).await.status, StatusCode::UNPROCESSABLE_ENTITY, "{path}");
    }
}

#[tokio::test]
async fn writes_return_a_bare_appointment_and_reads_an_envelope() {
    let fixture = Fixture::new().await;
    let written = book(&fixture, "2026-11-29T10:00:00-07:00").await;
    assert_eq!(written.status, StatusCode::OK);
    assert!(written.body.get("dateAdded").is_none() && written.body.get("event").is_none());
    assert_eq!(
        (written.body["startTime"].as_str(), written.body["endTime"].as_str()),
        (Some("2026-11-29T10:00:00-07:00"), Some("2026-11-29T10:30:00-07:00"))
    );
    let path = format!("/calendars/events/appointments/{}", written.body["id"].as_str().unwrap());
    let read = fixture.get(&path).await;
    assert!(read.body["event"]["dateAdded"].is_string());
    let rescheduled = fixture
        .call("PUT", &path, Some(json!({"startTime": "2026-11-29T12:00:00-07:00", "appointmentStatus": "showed"})))
        .await;
    assert_eq!(
        (rescheduled.status, rescheduled.body["endTime"].as_str()),
        (StatusCode::OK, Some("2026-11-29T12:30:00-07:00"))
    );
    let by_contact =
        fixture.get(&format!("/contacts/{}/appointments", rescheduled.body["contactId"].as_str().unwrap())).await;
    assert!(by_contact.body["events"].as_array().unwrap().iter().any(|event| event["id"] == rescheduled.body["id"]));
}

#[tokio::test]
async fn deleting_an_event_returns_201() {
    let fixture = Fixture::new().await;
    let id = book(&fixture, "2026-11-29T10:00:00-07:00").await.body["id"].as_str().unwrap().to_owned();
    let response = fixture.call("DELETE", &format!("/calendars/events/{id}"), Some(json!({}))).await;
    assert_eq!((response.status, &response.body["succeeded"]), (StatusCode::CREATED, &json!(true)));
    assert_eq!(fixture.get(&format!("/calendars/events/appointments/{id}")).await.status, StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn a_taken_slot_is_rejected_unless_the_check_is_disabled() {
    let fixture = Fixture::new().await;
    assert_eq!(book(&fixture, "2026-11-29T10:00:00-07:00").await.status, StatusCode::OK);
    assert_eq!(book(&fixture, "2026-11-29T10:15:00-07:00").await.status, StatusCode::BAD_REQUEST);
    let mut forced = booking(&fixture, "2026-11-29T10:15:00-07:00");
    forced["ignoreFreeSlotValidation"] = json!(true);
    assert_eq!(fixture.call("POST", "/calendars/events/appointments", Some(forced)).await.status, StatusCode::OK);
}

#[tokio::test]
async fn invalid_appointments_are_rejected() {
    let fixture = Fixture::new().await;
    let table = [
        ("appointmentStatus", json!("maybe"), 422),
        ("startTime", json!("tomorrow"), 422),
        ("contactId", json!("nobody"), 400),
        ("calendarId", json!("none"), 400),
        ("color", json!("red"), 422),
        ("endTime", json!("2026-11-29T09:00:00-07:00"), 422),
    ];
    for (field, value, status) in table {
        let mut body = booking(&fixture, "2026-11-29T10:00:00-07:00");
        body[field] = value;
        assert_eq!(
            fixture.call("POST", "/calendars/events/appointments", Some(body)).await.status.as_u16(),
            status,
            "{field}"
        );
    }
}

#[tokio::test]
async fn free_slots_exclude_booked_and_blocked_times_and_reach_31_days() {
    let fixture = Fixture::new().await;
    let calendar = fixture.ghl.calendar_ids(&fixture.location).remove(0);
    let path = |days: i64| {
        format!(
            "/calendars/{calendar}/free-slots?startDate={START_MS}&endDate={}",
            START_MS + days * provider_sandbox::clock::DAY_MS
        )
    };
    let free = fixture.get(&path(31)).await;
    let (day, slot) = free
        .body
        .as_object()
        .unwrap()
        .iter()
        .find_map(|(day, slots)| Some((day.clone(), slots["slots"][0].as_str()?.to_owned())))
        .unwrap();
    assert!(slot.starts_with(&day));
    let blocked = json!({"locationId": fixture.location, "calendarId": calendar, "startTime": slot, "endTime": free.body[&day]["slots"][1]});
    assert_eq!(fixture.call("POST", "/calendars/events/block-slots", Some(blocked)).await.status, StatusCode::CREATED);
    let after = fixture.get(&path(31)).await;
    assert!(!after.body[&day]["slots"].as_array().unwrap().contains(&json!(slot)));
    let listed = fixture
        .get(&events_path(&fixture, &format!("&calendarId={calendar}")).replace("/events?", "/blocked-slots?"))
        .await;
    assert_eq!(listed.body["events"].as_array().unwrap().len(), 1);
    assert_eq!(fixture.get(&path(32)).await.status, StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn calendars_have_the_typos_of_the_provider() {
    let fixture = Fixture::new().await;
    let response = fixture.get(&format!("/calendars/?locationId={}", fixture.location)).await;
    let calendars = response.body["calendars"].as_array().unwrap().clone();
    assert_eq!(calendars.len(), 3);
    assert_eq!(calendars[0]["appoinmentPerSlot"], 1);
    let one = fixture.get(&format!("/calendars/{}", calendars[0]["id"].as_str().unwrap())).await;
    assert_eq!(one.body["calendar"], calendars[0]);
}
