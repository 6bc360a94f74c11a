use calcom_client::model::{Availability, DateOverride, Weekday};
use calcom_client::{CalcomErrorExt, CalcomErrorReason};
use serde_json::json;
use sidecar_core::ErrorKind;

use crate::support::{Fixture, at};

#[tokio::test]
async fn a_schedule_is_created_updated_and_deleted() {
    let fixture = Fixture::new().await;
    let schedules = fixture.client.schedules();
    let default = schedules.default_schedule().await.unwrap().unwrap();
    assert_eq!(
        (default.id.get(), default.time_zone.as_deref()),
        (fixture.calcom.default_schedule_id().unwrap(), Some("UTC"))
    );
    let created = schedules.create("Evenings", "America/New_York");
    let created = created.availability(vec![Availability::new([Weekday::Tuesday], "18:00", "20:00")]).await.unwrap();
    assert_eq!((created.is_default, schedules.list().await.unwrap().len()), (Some(false), 2));
    let intro = fixture.client.event_types().update(fixture.event_type("intro")).schedule(created.id).await.unwrap();
    assert_eq!(intro.schedule_id, Some(created.id));
    assert_eq!(fixture.starts("intro", "2026-11-24").await, ["23:00", "23:30"]);
    let changed = schedules.update(created.id).name("Late").is_default(true).await.unwrap();
    assert_eq!((changed.name.as_deref(), changed.availability), (Some("Late"), created.availability));
    assert_eq!(schedules.default_schedule().await.unwrap().unwrap().id, created.id);
    schedules.delete(created.id).await.unwrap();
    assert_eq!(schedules.get(created.id).await.unwrap_err().kind(), ErrorKind::NotFound);
    assert_eq!(fixture.starts("intro", "2026-11-24").await.len(), 16);
}

#[tokio::test]
async fn invalid_hours_are_rejected_with_the_reason() {
    let fixture = Fixture::new().await;
    let schedules = fixture.client.schedules();
    let id = fixture.calcom.default_schedule_id().unwrap();
    for (invalid, expected_text) in [
        (DateOverride::new("2026-11-24", "nine", "10:00"), "HH:MM"),
        (DateOverride::new("2026-11-24", "12:00", "10:00"), "must be after startTime"),
        (DateOverride::new("24.11.2026", "09:00", "10:00"), "YYYY-MM-DD"),
    ] {
        let error = schedules.update(id).overrides(vec![invalid]).await.unwrap_err();
        assert!(error.kind() == ErrorKind::Rejected && error.message().contains(expected_text), "{error}");
    }
    assert_eq!(schedules.create("Odd", "Mars/Olympus").await.unwrap_err().kind(), ErrorKind::Rejected);
}

#[tokio::test]
async fn an_event_type_has_a_unique_slug_and_stores_settings() {
    let fixture = Fixture::new().await;
    let event_types = fixture.client.event_types();
    let duplicate = event_types.create("Intro", "intro", 30).await.unwrap_err();
    assert!(duplicate.message().contains("already has an event type"), "{duplicate}");
    let created =
        event_types.create("Call", "call", 20).set("bookingWindow", json!({"type": "calendarDays", "value": 30}));
    let created = created.await.unwrap();
    let read = event_types.get(created.id).await.unwrap();
    assert_eq!(read.booking_window.unwrap()["value"], 30);
    let updated = event_types.update(created.id).set("confirmationPolicy", json!({"type": "always"})).await.unwrap();
    assert!(updated.confirmation_policy.is_some());
    assert_eq!(event_types.list().await.unwrap().len(), 5);
    event_types.delete(created.id).await.unwrap();
    assert_eq!(event_types.get(created.id).await.unwrap_err().kind(), ErrorKind::NotFound);
}

#[tokio::test]
async fn out_of_office_entries_are_whole_days_and_unique() {
    let fixture = Fixture::new().await;
    let ooo = fixture.client.out_of_office();
    let (start, end) = (at("2026-11-24T00:00:00Z"), at("2026-11-26T00:00:00Z"));
    let entry = ooo.create(start, end).notes("away").await.unwrap();
    assert_eq!(entry.end.as_ref().unwrap().as_str(), "2026-11-25T23:59:59.999Z");
    assert!(fixture.starts("intro", "2026-11-25").await.is_empty());
    assert_eq!(ooo.create(start, end).await.unwrap_err().problem(), Some(&CalcomErrorReason::AlreadyExists));
    assert_eq!(ooo.list().await.unwrap().items.len(), 1);
    ooo.delete(entry.id).await.unwrap();
    assert_eq!(fixture.starts("intro", "2026-11-25").await.len(), 16);
}

#[tokio::test]
async fn the_user_is_read_and_updated() {
    let fixture = Fixture::new().await;
    let me = fixture.client.me().update().name("Bo Guest").time_format(24_u32).await.unwrap();
    assert_eq!((me.name.as_deref(), me.time_format), (Some("Bo Guest"), Some(24)));
    assert_eq!(fixture.client.me().get().await.unwrap().email.as_deref(), Some("bo@example.com"));
    assert_eq!(fixture.calcom.me()["name"], "Bo Guest");
}
