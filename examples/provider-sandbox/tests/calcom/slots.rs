use calcom_client::blocking::BlockedSlot;
use calcom_client::model::DateOverride;
use calcom_client::{CalcomErrorExt, CalcomErrorReason};
use sidecar_core::ErrorKind;

use crate::support::{Fixture, START_MS, ann, at, builder};

const DAY: &str = "2026-11-24";

#[tokio::test]
async fn slots_fill_the_working_hours_without_the_booked_times() {
    let fixture = Fixture::new().await;
    let free = fixture.starts("intro", DAY).await;
    assert_eq!((free.len(), free[0].as_str(), free[15].as_str()), (16, "09:00", "16:30"));
    let uid = fixture.book("intro", "2026-11-24T09:30:00Z");
    let fewer = fixture.starts("intro", DAY).await;
    assert_eq!(fewer, free.iter().filter(|start| *start != "09:30").cloned().collect::<Vec<_>>());
    assert_eq!(
        fixture.starts("group-class", DAY).await[0],
        "10:00",
        "a booking occupies the host for every event type"
    );
    fixture.calcom.cancel(&uid).unwrap();
    assert_eq!(fixture.starts("intro", DAY).await, free);
    assert!(fixture.starts("intro", "2026-11-28").await.is_empty(), "a Saturday");
    assert_eq!(fixture.starts("intro", "2026-11-23").await[0], "12:30", "past slots are not listed");
}

#[tokio::test]
async fn slots_use_the_requested_time_zone_and_have_ends_only_in_ranges() {
    let fixture = Fixture::new().await;
    let list = || fixture.client.slots().list(fixture.event_type("intro")).days(DAY, DAY).time_zone("Europe/Berlin");
    let range = list().await.unwrap();
    assert_eq!(range.on(DAY)[0].start.as_str(), "2026-11-24T10:00:00.000+01:00");
    assert_eq!(range.on(DAY)[0].end.as_ref().unwrap().as_str(), "2026-11-24T10:30:00.000+01:00");
    assert!(list().starts_only().await.unwrap().on(DAY)[0].end.is_none());
}

#[tokio::test]
async fn an_override_blocks_a_day_or_a_part_of_it() {
    let fixture = Fixture::new().await;
    let schedules = fixture.client.schedules();
    let id = fixture.calcom.default_schedule_id().unwrap();
    let overrides = [DateOverride::day_off(DAY), DateOverride::new("2026-11-25", "10:00", "11:00")];
    schedules.update(id).overrides(overrides.to_vec()).await.unwrap();
    assert!(fixture.starts("intro", DAY).await.is_empty());
    assert_eq!(fixture.starts("intro", "2026-11-25").await, ["10:00", "10:30"]);
    schedules.update(id).overrides(Vec::new()).await.unwrap();
    assert_eq!(fixture.starts("intro", DAY).await.len(), 16);
}

#[tokio::test]
async fn blocked_times_are_removed_from_the_schedule_and_restored() {
    let fixture = Fixture::new().await;
    let slot = BlockedSlot::new(at("2026-11-24T09:00:00Z"), at("2026-11-24T16:00:00Z"));
    let handle = fixture.client.create_blocked_slots([slot]).await.unwrap().remove(0);
    assert_eq!(fixture.starts("intro", DAY).await, ["16:00", "16:30"]);
    assert_eq!(fixture.calcom.schedules()[0]["overrides"][0]["startTime"], "16:00");
    fixture.client.unblock(handle).await.unwrap();
    assert_eq!(fixture.starts("intro", DAY).await.len(), 16);
}

#[tokio::test]
async fn a_reservation_hides_its_slot_until_it_expires() {
    let fixture = Fixture::new().await;
    let slots = fixture.client.slots();
    let intro = fixture.event_type("intro");
    let held = slots.reserve(intro, at("2026-11-24T09:00:00Z")).reservation_duration(10).await.unwrap();
    let until = held.reservation_until.unwrap().timestamp().unwrap();
    assert!((0..5_000).contains(&(until.as_millis() - START_MS - 10 * 60_000)));
    assert_eq!(fixture.starts("intro", DAY).await[0], "09:30");
    assert_eq!(fixture.starts("group-class", DAY).await[0], "09:00", "it hides the slot of one event type");
    let duplicate = slots.reserve(intro, at("2026-11-24T09:00:00Z")).await.unwrap_err();
    assert_eq!(duplicate.problem(), Some(&CalcomErrorReason::SlotTaken));
    slots.update_reservation(&held.uid, intro, at("2026-11-24T10:00:00Z")).await.unwrap();
    assert_eq!(fixture.starts("intro", DAY).await[..3], ["09:00", "09:30", "10:30"]);
    fixture.sandbox.control().advance_clock(6 * 60_000);
    assert!(slots.reservation(&held.uid).await.unwrap().is_none());
    assert_eq!(fixture.starts("intro", DAY).await.len(), 16);
    assert_eq!(slots.delete_reservation(&held.uid).await.unwrap_err().kind(), ErrorKind::NotFound);
}

#[tokio::test]
async fn a_deleted_reservation_frees_its_slot_at_once() {
    let fixture = Fixture::new().await;
    let anonymous = builder(&fixture.calcom).build().unwrap();
    let held = anonymous.slots().reserve(fixture.event_type("intro"), at("2026-11-24T09:00:00Z")).await.unwrap();
    anonymous.slots().delete_reservation(&held.uid).await.unwrap();
    assert_eq!(fixture.starts("intro", DAY).await.len(), 16);
    let longer = anonymous
        .slots()
        .reserve(fixture.event_type("intro"), at("2026-11-24T09:00:00Z"))
        .reservation_duration(60)
        .await;
    assert_eq!(longer.unwrap_err().kind(), ErrorKind::Auth, "only the host may set the duration");
}

#[tokio::test]
async fn the_time_of_a_booking_is_free_for_its_reschedule() {
    let fixture = Fixture::new().await;
    let uid = fixture.book("intro", "2026-11-24T09:00:00Z");
    let list = fixture.client.slots().list(fixture.event_type("intro")).days(DAY, DAY);
    assert_eq!(list.to_reschedule(&*uid).await.unwrap().len(), 16);
    let rescheduled = fixture.client.bookings().reschedule(&*uid, at("2026-11-24T09:15:00Z")).await.unwrap();
    assert_eq!(rescheduled.start.unwrap().timestamp(), Some(at("2026-11-24T09:15:00Z")));
}

#[tokio::test]
async fn buffers_notice_and_lengths_of_an_event_type_define_its_slots() {
    let fixture = Fixture::new().await;
    let event_types = fixture.client.event_types();
    let created =
        event_types.create("Deep dive", "deep-dive", 60).before_event_buffer(30).minimum_booking_notice(24 * 60);
    let id = created.slot_interval(30).await.unwrap().id;
    fixture.book("intro", "2026-11-24T14:00:00Z");
    let slots = fixture.client.slots().list(id).days(DAY, DAY).await.unwrap();
    let starts: Vec<&str> = slots.iter().map(|slot| &slot.start.as_str()[11..16]).collect();
    assert_eq!(starts, ["12:30", "13:00", "15:00", "15:30", "16:00"]);
    let block = fixture.client.slots().list(fixture.event_type("block")).days(DAY, DAY);
    assert_eq!(block.duration(60).await.unwrap().iter().count(), 7);
    assert!(
        fixture.client.bookings().create(id, at("2026-11-24T14:30:00Z"), &ann()).await.unwrap_err().is_slot_taken()
    );
}

#[tokio::test]
async fn every_listed_slot_can_be_booked_until_none_is_left() {
    let fixture = Fixture::new().await;
    let id = fixture.calcom.default_schedule_id().unwrap();
    let schedules = fixture.client.schedules();
    // On this date, daylight saving time starts in New York.
    schedules
        .update(id)
        .time_zone("America/New_York")
        .overrides(vec![DateOverride::new("2027-03-14", "00:00", "06:00")])
        .await
        .unwrap();
    fixture.book("consultation", "2027-03-12T15:00:00Z");
    for day in ["2027-03-12", "2027-03-14"] {
        let starts = fixture.starts("intro", day).await;
        assert_eq!(starts.len(), if day == "2027-03-12" { 14 } else { 10 });
        starts.iter().for_each(|start| drop(fixture.book("intro", &format!("{day}T{start}:00Z"))));
        assert!(fixture.starts("intro", day).await.is_empty());
    }
}
