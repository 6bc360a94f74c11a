use std::{borrow::Cow, sync::Arc, time::Duration};

use axum::body::Body;
use http::{Method, Request, StatusCode};
use serde_json::{Value, json};
use sidecar_core::{
    Timestamp,
    commit::Batch,
    record::{Change, ChangeOrigin, Mutation, RecordKey},
};

use super::Fixture;
use crate::support::Response;

impl Fixture {
    async fn post(&self, rest: &str, body: Value) -> Response {
        self.server.call(Method::POST, &self.path(rest), Some(body)).await
    }
}

#[tokio::test]
async fn available_slots_are_listed_by_date() {
    let fixture = Fixture::connected().await;
    let query = "availability?eventTypeId=7&startDate=2026-12-01&endDate=2026-12-05&timeZone=Europe/Berlin";
    let response = fixture.server.call(Method::GET, &fixture.path(query), None).await;
    let slots =
        json!({"2026-12-01": [{"start": "2026-12-01T09:00:00.000+01:00", "end": "2026-12-01T09:30:00.000+01:00"}]});
    assert_eq!(response.json(), json!({"slots": slots}));
    for wrong in ["startDate=x&endDate=2026-12-05", "startDate=2026-12-01&endDate=2026-12-05&timeZone=Mars"] {
        let response =
            fixture.server.call(Method::GET, &fixture.path(&format!("availability?eventTypeId=7&{wrong}")), None).await;
        assert_eq!((response.status.as_u16(), response.problem().as_str()), (422, "invalid"), "{wrong}");
    }
}

#[tokio::test]
async fn a_booking_is_created_rescheduled_and_cancelled() {
    let fixture = Fixture::connected().await;
    let attendee = json!({"name": "Ada", "email": "ada@example.com"});
    let created = fixture
        .post("bookings", json!({"eventTypeId": 7, "start": "2026-12-01T10:00:00+01:00", "attendee": attendee}))
        .await;
    assert_eq!(created.status, StatusCode::CREATED, "{}", created.text());
    let booking = &created.json()["bookings"][0];
    assert_eq!(
        (&booking["uid"], &booking["metadata"]["organizationId"]),
        (&json!("bk_1"), &json!(fixture.organization))
    );
    assert_eq!(booking["start"], "2026-12-01T09:00:00Z", "converted to UTC, as Cal.com requires");
    let moved =
        fixture.post("bookings/bk_1/reschedule", json!({"start": "2026-12-02T09:00:00Z", "reason": "later"})).await;
    assert_eq!(moved.json()["bookings"][0]["rescheduledFromUid"], "bk_1", "{}", moved.text());
    let cancelled = fixture.post("bookings/bk_2/cancel", json!({"reason": "ill"})).await;
    assert_eq!(cancelled.json()["bookings"][0]["status"], "cancelled", "{}", cancelled.text());
    assert!(fixture.calcom.last().body.contains("ill"));
}

#[tokio::test]
async fn a_rejection_by_calcom_is_mapped_to_its_problem_code() {
    let fixture = Fixture::connected().await;
    let taken = json!({"eventTypeId": 7, "start": "2026-12-01T09:00:00Z", "attendee": {"name": "A", "email": "taken@example.com"}});
    let response = fixture.post("bookings", taken).await;
    assert_eq!((response.status.as_u16(), response.problem().as_str()), (409, "slot_taken"));
    let response = fixture.server.call(Method::GET, &fixture.path("bookings/bk_9"), None).await;
    assert_eq!((response.status.as_u16(), response.problem().as_str()), (404, "not_found"));
    assert!(response.text().contains("Cal.com") && !response.text().contains("GHL"), "{}", response.text());
    for wrong in [
        json!({"eventTypeId": 7, "start": "tomorrow", "attendee": {"name": "A", "email": "a@b.c"}}),
        json!({"eventTypeId": 7}),
    ] {
        assert_eq!(fixture.post("bookings", wrong.clone()).await.problem(), "invalid", "{wrong}");
    }
    let request =
        Request::post(fixture.path("bookings")).header("authorization", format!("Bearer {}", crate::support::TOKEN));
    let request = request.header("content-type", "application/json").header("idempotency-key", "k".repeat(256));
    let request_body =
        json!({"eventTypeId": 7, "start": "2026-12-01T09:00:00Z", "attendee": {"name": "A", "email": "a@b.c"}});
    assert_eq!(
        fixture.server.send(request.body(Body::from(request_body.to_string())).unwrap()).await.problem(),
        "invalid"
    );
}

#[tokio::test]
async fn a_blocked_slot_is_unblocked_by_its_handle() {
    let fixture = Fixture::connected().await;
    fixture.put(json!({"block": {"scheduleId": 3}})).await;
    let slots = json!([{"start": "2026-12-01T10:00:00Z", "end": "2026-12-01T11:00:00Z", "reason": "GHL"}]);
    let blocked = fixture.post("blocked-slots", json!({"slots": slots})).await;
    assert_eq!(blocked.status, StatusCode::CREATED, "{}", blocked.text());
    assert_eq!(fixture.calcom.last().operation, "PATCH /v2/schedules/3");
    let handle = blocked.json()["handles"][0].as_str().unwrap().to_owned();
    let unblocked = fixture.server.call(Method::DELETE, &fixture.path(&format!("blocked-slots/{handle}")), None).await;
    assert_eq!(unblocked.status, StatusCode::NO_CONTENT, "{}", unblocked.text());
    let unknown = fixture.server.call(Method::DELETE, &fixture.path("blocked-slots/created-up"), None).await;
    assert_eq!((unknown.status.as_u16(), unknown.problem().as_str()), (404, "not_found"));
    for wrong in
        [json!({"slots": []}), json!({"slots": [{"start": "2026-12-01T11:00:00Z", "end": "2026-12-01T10:00:00Z"}]})]
    {
        assert_eq!(fixture.post("blocked-slots", wrong.clone()).await.problem(), "invalid", "{wrong}");
    }
}

#[tokio::test]
async fn the_calendar_feed_shows_only_when_the_organization_is_busy() {
    let fixture = Fixture::start().await;
    let now = fixture.server.app.now();
    let hour = Duration::from_secs(3_600);
    let appointment = |id: &str, start: Timestamp, status: &str| {
        let end = start + hour;
        let document = json!({"id": id, "title": "Ann Example: sesame", "startTime": start.to_string(), "endTime": end.to_string(),
            "appointmentStatus": status, "contactId": "contact-sesame"});
        let Value::Object(doc) = document else { panic!("not an object") };
        Change {
            key: RecordKey {
                organization: fixture.organization.as_str().into(),
                kind: Cow::Borrowed("appointment"),
                id: id.into(),
            },
            location: Some("l".into()),
            version: now,
            origin: ChangeOrigin::Listed,
            position: Some(start),
            mutation: Mutation::Put(Arc::new(doc)),
            searchable: &[],
            refetch_task: None,
            on_change: None,
        }
    };
    let day = hour * 24;
    let changes = vec![
        appointment("soon", now + hour, "confirmed"),
        appointment("cancelled", now + hour * 2, "cancelled"),
        appointment("old", now - day * 8, "confirmed"),
        appointment("yesterday", now - day, "showed"),
        appointment("far", now + day * 401, "confirmed"),
    ];
    assert!(fixture.server.app.store.commit(Batch { changes, ..Batch::default() }).await.unwrap().committed);

    let get = async |path: &str| fixture.server.send(Request::get(path).body(Body::empty()).unwrap()).await;
    let create_feed = async || {
        let created = fixture.post("integrations/calcom/feed", json!({})).await;
        assert_eq!(created.status, StatusCode::CREATED, "{}", created.text());
        created.json()["url"].as_str().unwrap().strip_prefix("http://crm.test").unwrap().to_owned()
    };
    let path = create_feed().await;
    let calendar = get(&path).await;
    assert_eq!((calendar.status, calendar.header("content-type")), (StatusCode::OK, "text/calendar; charset=utf-8"));
    let text = calendar.text();
    assert_eq!(text.matches("BEGIN:VEVENT").count(), 2, "{text}");
    assert!(!text.contains("sesame") && !text.contains("Ann") && !text.contains(&fixture.organization), "{text}");
    assert!(
        text.lines().all(|line| line.len() <= 75) && text.split_inclusive('\n').all(|line| line.ends_with("\r\n")),
        "{text}"
    );
    assert!(
        !fixture
            .connection()
            .await
            .to_string()
            .contains(path.trim_start_matches("/calendar/").trim_end_matches(".ics"))
    );

    let second = create_feed().await;
    assert_eq!(get(&path).await.problem(), "not_found", "the previous address is revoked");
    assert_eq!(get(&second).await.status, StatusCode::OK);
    assert_eq!(get(second.trim_end_matches(".ics")).await.problem(), "not_found");
    fixture.server.call(Method::DELETE, &fixture.path("integrations/calcom/feed"), None).await;
    assert_eq!(get(&second).await.problem(), "not_found");
}
