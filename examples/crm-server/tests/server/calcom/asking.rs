use std::{borrow::Cow, sync::Arc, time::Duration};

use axum::body::Body;
use http::{Method, Request, StatusCode};
use serde_json::{Value, json};
use sidecar_core::{
    Timestamp,
    commit::Batch,
    record::{Change, ChangeOrigin, Mutation, RecordKey},
};

use super::Scene;
use crate::support::Answer;

impl Scene {
    async fn post(&self, rest: &str, body: Value) -> Answer {
        self.server.call(Method::POST, &self.of(rest), Some(body)).await
    }
}

#[tokio::test]
async fn free_times_are_listed_by_date() {
    let scene = Scene::connected().await;
    let query = "availability?eventTypeId=7&startDate=2026-12-01&endDate=2026-12-05&timeZone=Europe/Berlin";
    let answer = scene.server.call(Method::GET, &scene.of(query), None).await;
    let slots =
        json!({"2026-12-01": [{"start": "2026-12-01T09:00:00.000+01:00", "end": "2026-12-01T09:30:00.000+01:00"}]});
    assert_eq!(answer.json(), json!({"slots": slots}));
    for wrong in ["startDate=x&endDate=2026-12-05", "startDate=2026-12-01&endDate=2026-12-05&timeZone=Mars"] {
        let answer =
            scene.server.call(Method::GET, &scene.of(&format!("availability?eventTypeId=7&{wrong}")), None).await;
        assert_eq!((answer.status.as_u16(), answer.problem().as_str()), (422, "invalid"), "{wrong}");
    }
}

#[tokio::test]
async fn a_booking_is_made_moved_and_cancelled() {
    let scene = Scene::connected().await;
    let attendee = json!({"name": "Ada", "email": "ada@example.com"});
    let made = scene
        .post("bookings", json!({"eventTypeId": 7, "start": "2026-12-01T10:00:00+01:00", "attendee": attendee}))
        .await;
    assert_eq!(made.status, StatusCode::CREATED, "{}", made.text());
    let booking = &made.json()["bookings"][0];
    assert_eq!((&booking["uid"], &booking["metadata"]["organizationId"]), (&json!("bk_1"), &json!(scene.organization)));
    assert_eq!(booking["start"], "2026-12-01T09:00:00Z", "in UTC, as Cal.com wants it");
    let moved =
        scene.post("bookings/bk_1/reschedule", json!({"start": "2026-12-02T09:00:00Z", "reason": "later"})).await;
    assert_eq!(moved.json()["bookings"][0]["rescheduledFromUid"], "bk_1", "{}", moved.text());
    let gone = scene.post("bookings/bk_2/cancel", json!({"reason": "ill"})).await;
    assert_eq!(gone.json()["bookings"][0]["status"], "cancelled", "{}", gone.text());
    assert!(scene.calcom.last().body.contains("ill"));
}

#[tokio::test]
async fn a_refusal_of_calcoms_is_told_as_what_it_is() {
    let scene = Scene::connected().await;
    let taken = json!({"eventTypeId": 7, "start": "2026-12-01T09:00:00Z", "attendee": {"name": "A", "email": "taken@example.com"}});
    let answer = scene.post("bookings", taken).await;
    assert_eq!((answer.status.as_u16(), answer.problem().as_str()), (409, "slot_taken"));
    let answer = scene.server.call(Method::GET, &scene.of("bookings/bk_9"), None).await;
    assert_eq!((answer.status.as_u16(), answer.problem().as_str()), (404, "not_found"));
    assert!(answer.text().contains("Cal.com") && !answer.text().contains("GHL"), "{}", answer.text());
    for wrong in [
        json!({"eventTypeId": 7, "start": "tomorrow", "attendee": {"name": "A", "email": "a@b.c"}}),
        json!({"eventTypeId": 7}),
    ] {
        assert_eq!(scene.post("bookings", wrong.clone()).await.problem(), "invalid", "{wrong}");
    }
    let request =
        Request::post(scene.of("bookings")).header("authorization", format!("Bearer {}", crate::support::TOKEN));
    let request = request.header("content-type", "application/json").header("idempotency-key", "k".repeat(256));
    let wish = json!({"eventTypeId": 7, "start": "2026-12-01T09:00:00Z", "attendee": {"name": "A", "email": "a@b.c"}});
    assert_eq!(scene.server.send(request.body(Body::from(wish.to_string())).unwrap()).await.problem(), "invalid");
}

#[tokio::test]
async fn a_blocked_time_is_freed_by_its_handle() {
    let scene = Scene::connected().await;
    scene.put(json!({"block": {"scheduleId": 3}})).await;
    let slots = json!([{"start": "2026-12-01T10:00:00Z", "end": "2026-12-01T11:00:00Z", "reason": "GHL"}]);
    let blocked = scene.post("blocked-slots", json!({"slots": slots})).await;
    assert_eq!(blocked.status, StatusCode::CREATED, "{}", blocked.text());
    assert_eq!(scene.calcom.last().what, "PATCH /v2/schedules/3");
    let handle = blocked.json()["handles"][0].as_str().unwrap().to_owned();
    let freed = scene.server.call(Method::DELETE, &scene.of(&format!("blocked-slots/{handle}")), None).await;
    assert_eq!(freed.status, StatusCode::NO_CONTENT, "{}", freed.text());
    let unknown = scene.server.call(Method::DELETE, &scene.of("blocked-slots/made-up"), None).await;
    assert_eq!((unknown.status.as_u16(), unknown.problem().as_str()), (404, "not_found"));
    for wrong in
        [json!({"slots": []}), json!({"slots": [{"start": "2026-12-01T11:00:00Z", "end": "2026-12-01T10:00:00Z"}]})]
    {
        assert_eq!(scene.post("blocked-slots", wrong.clone()).await.problem(), "invalid", "{wrong}");
    }
}

#[tokio::test]
async fn the_calendar_tells_when_the_organization_is_busy_and_nothing_more() {
    let scene = Scene::start().await;
    let now = scene.server.app.now();
    let hour = Duration::from_secs(3_600);
    let place = |id: &str, start: Timestamp, status: &str| {
        let end = start + hour;
        let document = json!({"id": id, "title": "Ann Example: sesame", "startTime": start.to_string(), "endTime": end.to_string(),
            "appointmentStatus": status, "contactId": "contact-sesame"});
        let Value::Object(doc) = document else { panic!("no object") };
        Change {
            key: RecordKey {
                organization: scene.organization.as_str().into(),
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
        place("soon", now + hour, "confirmed"),
        place("cancelled", now + hour * 2, "cancelled"),
        place("old", now - day * 8, "confirmed"),
        place("yesterday", now - day, "showed"),
        place("far", now + day * 401, "confirmed"),
    ];
    assert!(scene.server.app.store.commit(Batch { changes, ..Batch::default() }).await.unwrap().committed);

    let get = async |path: &str| scene.server.send(Request::get(path).body(Body::empty()).unwrap()).await;
    let make = async || {
        let made = scene.post("integrations/calcom/feed", json!({})).await;
        assert_eq!(made.status, StatusCode::CREATED, "{}", made.text());
        made.json()["url"].as_str().unwrap().strip_prefix("http://crm.test").unwrap().to_owned()
    };
    let path = make().await;
    let calendar = get(&path).await;
    assert_eq!((calendar.status, calendar.header("content-type")), (StatusCode::OK, "text/calendar; charset=utf-8"));
    let text = calendar.text();
    assert_eq!(text.matches("BEGIN:VEVENT").count(), 2, "{text}");
    assert!(!text.contains("sesame") && !text.contains("Ann") && !text.contains(&scene.organization), "{text}");
    assert!(
        text.lines().all(|line| line.len() <= 75) && text.split_inclusive('\n').all(|line| line.ends_with("\r\n")),
        "{text}"
    );
    assert!(
        !scene.connection().await.to_string().contains(path.trim_start_matches("/calendar/").trim_end_matches(".ics"))
    );

    let second = make().await;
    assert_eq!(get(&path).await.problem(), "not_found", "the address before has ended");
    assert_eq!(get(&second).await.status, StatusCode::OK);
    assert_eq!(get(second.trim_end_matches(".ics")).await.problem(), "not_found");
    scene.server.call(Method::DELETE, &scene.of("integrations/calcom/feed"), None).await;
    assert_eq!(get(&second).await.problem(), "not_found");
}
