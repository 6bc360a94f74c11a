use std::time::Duration;

use futures_util::TryStreamExt;
use ghl_client::{
    GhlClient,
    model::{
        CalendarType, NotificationChannel, NotificationKind, NotificationReceiver, NotificationTime, ResourceType,
        ScheduleRule, Weekday,
    },
};
use serde_json::json;
use sidecar_core::{ErrorKind, Timestamp};

use super::{NOTHING, Room, paged, refuses, rows, wire};
use crate::support::{NOW, answering, fixture, line};

const ROOM: Room = Room("2021-04-15");
const DAY: Duration = Duration::from_secs(86_400);

fn hours(n: u64) -> Timestamp {
    NOW + Duration::from_secs(3600 * n)
}

#[tokio::test]
async fn calendars_and_groups_have_their_lines() {
    wire! { ROOM, ghl;
        ghl.calendars().create("l1", "Trial") => "POST /calendars/", {"locationId": "l1", "name": "Trial"},
            {"calendar": {"id": "k1"}};
        ghl.calendars().create("l1", "Trial").calendar_type(CalendarType::RoundRobin).group("g1").description("d").slug("s")
            .event_title("t").event_color("#fff").is_active(true).auto_confirm(true).allow_reschedule(false)
            .allow_cancellation(false).appointments_per_slot(1).appointments_per_day(8).slot_minutes(30)
            .interval_minutes(15).team(["u1"]).set("notes", "n") => "POST /calendars/",
            {"locationId": "l1", "name": "Trial", "calendarType": "round_robin", "groupId": "g1", "description": "d",
             "slug": "s", "eventTitle": "t", "eventColor": "#fff", "isActive": true, "autoConfirm": true,
             "allowReschedule": false, "allowCancellation": false, "appoinmentPerSlot": 1, "appoinmentPerDay": 8,
             "slotDuration": 30, "slotDurationUnit": "mins", "slotInterval": 15, "slotIntervalUnit": "mins",
             "teamMembers": [{"userId": "u1"}], "notes": "n"},
            {"calendar": {"id": "k1", "calendarType": "round_robin"}};
        ghl.calendars().get("l1", "k1") => "GET /calendars/k1", null, {"calendar": {"id": "k1"}};
        ghl.calendars().update("l1", "k1") => "PUT /calendars/k1", {}, {"calendar": {"id": "k1"}};
        ghl.calendars().update("l1", "k1").name("New") => "PUT /calendars/k1", {"name": "New"}, {"calendar": {"id": "k1"}};
        ghl.calendars().delete("l1", "k1") => "DELETE /calendars/k1", null, {"success": true};
        ghl.calendars().groups("l1").list() => "GET /calendars/groups?locationId=l1", null, {"groups": [{"id": "g1"}]};
        ghl.calendars().groups("l1").create("n", "d", "s") => "POST /calendars/groups",
            {"locationId": "l1", "name": "n", "description": "d", "slug": "s"}, {"group": {"id": "g1"}};
        ghl.calendars().groups("l1").create("n", "d", "s").is_active(false) => "POST /calendars/groups",
            {"locationId": "l1", "name": "n", "description": "d", "slug": "s", "isActive": false}, {"group": {"id": "g1"}};
        ghl.calendars().groups("l1").slug_is_free("s") => "POST /calendars/groups/validate-slug",
            {"locationId": "l1", "slug": "s"}, {"available": true};
        ghl.calendars().groups("l1").update("g1", "n", "d", "s") => "PUT /calendars/groups/g1",
            {"name": "n", "description": "d", "slug": "s"}, {"group": {"id": "g1"}};
        ghl.calendars().groups("l1").set_active("g1", false) => "PUT /calendars/groups/g1/status", {"isActive": false},
            {"success": true};
        ghl.calendars().groups("l1").delete("g1") => "DELETE /calendars/groups/g1", null, {"success": true};
    }
}

#[tokio::test]
async fn blocks_are_a_calendars_or_a_users() {
    wire! { ROOM, ghl;
        ghl.calendars().block_slot("l1", NOW, hours(1)).calendar("k1") => "POST /calendars/events/block-slots",
            {"locationId": "l1", "calendarId": "k1", "startTime": "2026-03-01T10:00:00Z", "endTime": "2026-03-01T11:00:00Z"},
            {"id": "e1", "locationId": "l1", "title": "", "startTime": {}, "endTime": {}};
        ghl.calendars().update_blocked_slot("l1", "e1").user("u1").title("Lunch").start(NOW)
            => "PUT /calendars/events/block-slots/e1",
            {"locationId": "l1", "assignedUserId": "u1", "title": "Lunch", "startTime": "2026-03-01T10:00:00Z"},
            {"id": "e1"};
        ghl.calendars().blocked_slots("l1").user("u1").between(NOW, hours(1))
            => "GET /calendars/blocked-slots?locationId=l1&userId=u1&startTime=1772359200000&endTime=1772362800000",
            null, {"events": [{"id": "e1"}]};
    }
    refuses(|ghl| ghl.calendars().block_slot("l1", NOW, hours(1)), "calendar").await;
    refuses(|ghl| ghl.calendars().block_slot("l1", NOW, hours(1)).calendar("k1").user("u1"), "not both").await;
    refuses(|ghl| ghl.calendars().block_slot("l1", NOW, NOW).user("u1"), "empty").await;
    refuses(|ghl| ghl.calendars().blocked_slots("l1").between(NOW, hours(1)), "calendar").await;
}

#[tokio::test]
async fn free_slots_come_by_day_in_order() {
    let days = ROOM
        .sends(
            |ghl| {
                let slots = ghl.calendars().free_slots("l1", "k1").timezone("America/Chicago").user("u1");
                slots.users(["u2", "u3"]).between(NOW, hours(1))
            },
            "GET /calendars/k1/free-slots?timezone=America%2FChicago&userId=u1&userIds=u2&userIds=u3\
             &startDate=1772359200000&endDate=1772362800000",
            NOTHING,
            fixture!("calendars_free_slots"),
        )
        .await;
    let dates: Vec<_> = days.iter().map(|day| (day.date.as_str(), day.slots.len())).collect();
    assert_eq!(dates, [("2026-03-02", 2), ("2026-03-03", 1)], "the trace id is no day");
    let first = &days[0].slots[0];
    assert_eq!(first.to_string(), "2026-03-02T10:00:00-06:00");
    assert_eq!(first.timestamp().unwrap().to_string(), "2026-03-02T16:00:00Z");
}

#[tokio::test]
async fn free_slots_are_asked_for_in_pieces_of_31_days() {
    let day = |date: &str, slots: &[&str]| json!({date: {"slots": slots}});
    let (ghl, sent) = paged([
        day("2026-04-01", &["2026-04-01T09:00:00Z", "2026-04-01T10:00:00Z"]),
        day("2026-04-01", &["2026-04-01T10:00:00Z", "2026-04-01T11:00:00Z"]),
        json!({}),
    ]);
    let slots = ghl.calendars().free_slots("l1", "k1").between(NOW, NOW + DAY * 70).await.unwrap();
    assert_eq!((slots.len(), slots[0].slots.len()), (1, 3), "one day, each slot once");
    let spans: Vec<_> =
        sent.requests().iter().map(|request| line(request).split_off("GET /calendars/k1/free-slots?".len())).collect();
    assert_eq!(spans[0], "startDate=1772359200000&endDate=1775037600000");
    assert_eq!(spans[1], "startDate=1775037600000&endDate=1777716000000");
    assert_eq!(spans[2], "startDate=1777716000000&endDate=1778407200000");
    refuses(|ghl| ghl.calendars().free_slots("l1", "k1"), "between").await;
    refuses(|ghl| ghl.calendars().free_slots("l1", "k1").between(NOW, NOW), "empty").await;
}

#[tokio::test]
async fn a_day_whose_slots_have_changed_their_shape_is_an_error() {
    let (ghl, _) = answering(200, json!({"2026-03-02": {"slots": "none"}}));
    let error = ghl.calendars().free_slots("l1", "k1").between(NOW, hours(1)).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Decode);
    assert!(error.message().contains("slots"), "{error}");
}

#[tokio::test]
async fn events_of_a_long_span_come_once_each() {
    let page = |ids: [&'static str; 2]| json!({"events": rows(ids)});
    let (ghl, sent) = paged([page(["a", "b"]), page(["b", "c"])]);
    let events = ghl.calendars().events("l1").calendar("k1").between(NOW, NOW + DAY * 32);
    let ids: Vec<_> = events.items().map_ok(|event| event.id.to_string()).try_collect().await.unwrap();
    assert_eq!(ids, ["a", "b", "c"]);
    assert_eq!(sent.requests().len(), 2);
}

#[tokio::test]
async fn a_stream_of_events_asks_no_further_than_it_is_read() {
    let (ghl, sent) = paged([json!({"events": rows(["a"])})]);
    let events = ghl.calendars().events("l1").user("u1").between(NOW, NOW + DAY * 3_650);
    let mut events = std::pin::pin!(events.items());
    assert_eq!(events.try_next().await.unwrap().unwrap().id.as_str(), "a");
    assert_eq!(sent.requests().len(), 1);
    assert!(events.try_next().await.is_err(), "the script has no second piece");
}

#[tokio::test]
async fn an_appointments_notes_have_their_lines_and_pages() {
    wire! { ROOM, ghl;
        ghl.appointments().notes("l1", "e1").create("Came late") => "POST /calendars/appointments/e1/notes",
            {"body": "Came late"}, {"note": {"id": "n1"}};
        ghl.appointments().notes("l1", "e1").update("n1", "Came").user("u1") => "PUT /calendars/appointments/e1/notes/n1",
            {"body": "Came", "userId": "u1"}, {"note": {"id": "n1", "createdBy": {"id": "u1", "name": "Ann"}}};
        ghl.appointments().notes("l1", "e1").delete("n1") => "DELETE /calendars/appointments/e1/notes/n1", null,
            {"success": true};
    }
    let (ghl, sent) =
        paged([json!({"notes": rows(["a"]), "hasMore": true}), json!({"notes": rows(["b"]), "hasMore": false})]);
    let notes: Vec<_> = ghl.appointments().notes("l1", "e1").list().items().try_collect().await.unwrap();
    assert_eq!(notes.len(), 2, "a short page is not the last one while there are more");
    let lines: Vec<_> = sent.requests().iter().map(line).collect();
    assert_eq!(lines[0], "GET /calendars/appointments/e1/notes?offset=0&limit=20");
    assert_eq!(lines[1], "GET /calendars/appointments/e1/notes?offset=1&limit=20");
    refuses(|ghl| ghl.appointments().notes("l1", "e1").list().page_size(21), "1 to 20").await;
    refuses(|ghl| ghl.appointments().notes("l1", "e1").create("x".repeat(5001)), "5000 characters").await;
}

#[tokio::test]
async fn rooms_and_equipments_have_their_lines() {
    wire! { ROOM, ghl;
        ghl.calendars().resources("l1", ResourceType::Rooms).create("Yoga room") => "POST /calendars/resources/rooms",
            {"locationId": "l1", "name": "Yoga room", "description": "", "quantity": 1, "outOfService": 0, "capacity": 1,
             "calendarIds": []},
            {"locationId": "l1", "name": "Yoga room", "resourceType": "rooms", "isActive": true, "calendarIds": []};
        ghl.calendars().resources("l1", ResourceType::Equipments).create("Mat").description("d").quantity(9)
            .out_of_service(1).capacity(2).calendars(["k1"]) => "POST /calendars/resources/equipments",
            {"locationId": "l1", "name": "Mat", "description": "d", "quantity": 9, "outOfService": 1, "capacity": 2,
             "calendarIds": ["k1"]},
            {"name": "Mat"};
        ghl.calendars().resources("l1", ResourceType::Rooms).get("r1") => "GET /calendars/resources/rooms/r1", null,
            {"name": "Yoga room"};
        ghl.calendars().resources("l1", ResourceType::Rooms).update("r1").name("Big room").is_active(false)
            => "PUT /calendars/resources/rooms/r1", {"locationId": "l1", "name": "Big room", "isActive": false},
            {"name": "Big room"};
        ghl.calendars().resources("l1", ResourceType::Rooms).delete("r1") => "DELETE /calendars/resources/rooms/r1", null,
            {"success": true};
    }
    let list = |ghl: GhlClient| ghl.calendars().resources("l1", ResourceType::Rooms).list().skip(1).page_size(1);
    let expected = "GET /calendars/resources/rooms?locationId=l1&skip=1&limit=1";
    let page = ROOM.sends(list, expected, NOTHING, json!([{"_id": "r1", "name": "Yoga room"}])).await;
    assert_eq!((page.items[0].id().unwrap().as_str(), page.next), ("r1", Some(2)));
}

#[tokio::test]
async fn schedules_have_their_lines() {
    wire! { ROOM, ghl;
        ghl.calendars().schedules("l1").search("u1") =>
            "GET /calendars/schedules/search?locationId=l1&userId=u1&skip=0&limit=100", null, {"schedules": []};
        ghl.calendars().schedules("l1").search("u1").calendar("k1").page_size(500) =>
            "GET /calendars/schedules/search?locationId=l1&userId=u1&calendarId=k1&skip=0&limit=500", null,
            {"schedules": [{"id": "s1", "rules": [{"type": "wday", "day": "monday", "intervals": [
                {"from": "09:00", "to": "17:00"}]}]}]};
        ghl.calendars().schedules("l1").create("u1", "Summer", "UTC") => "POST /calendars/schedules",
            {"locationId": "l1", "userId": "u1", "name": "Summer", "timezone": "UTC"}, {"schedule": {"id": "s1"}};
        ghl.calendars().schedules("l1").create("u1", "Summer", "UTC").calendars(["k1"]).rules([
            ScheduleRule::weekly(Weekday::Monday, [("09:00", "12:00"), ("13:00", "17:00")]),
            ScheduleRule::on("2026-12-24", Vec::<(&str, &str)>::new()),
        ]) => "POST /calendars/schedules",
            {"locationId": "l1", "userId": "u1", "name": "Summer", "timezone": "UTC", "calendarIds": ["k1"], "rules": [
                {"type": "wday", "day": "monday", "intervals": [
                    {"from": "09:00", "to": "12:00"}, {"from": "13:00", "to": "17:00"}]},
                {"type": "date", "date": "2026-12-24", "intervals": []}]},
            {"schedule": {"id": "s1"}};
        ghl.calendars().schedules("l1").get("s1") => "GET /calendars/schedules/s1", null, {"schedule": {"id": "s1"}};
        ghl.calendars().schedules("l1").update("s1").name("Winter").timezone("UTC") => "PUT /calendars/schedules/s1",
            {"name": "Winter", "timezone": "UTC"}, {"schedule": {"id": "s1"}};
        ghl.calendars().schedules("l1").delete("s1") => "DELETE /calendars/schedules/s1", null, {"success": true};
        ghl.calendars().schedules("l1").add_calendar("s1", "k1") => "PUT /calendars/schedules/s1/associations/k1", null,
            {"success": true};
        ghl.calendars().schedules("l1").remove_calendar("s1", "k1") => "DELETE /calendars/schedules/s1/associations/k1",
            null, {"success": true};
    }
    refuses(|ghl| ghl.calendars().schedules("l1").search("u1").page_size(501), "1 to 500").await;
}

#[tokio::test]
async fn an_appointment_can_be_one_of_a_series_elsewhere() {
    wire! { ROOM, ghl;
        ghl.appointments().create("l1", "k1", "c1").start(NOW).end(hours(1)).rrule("RRULE:FREQ=DAILY;COUNT=5")
            .meeting_location_type("zoom").meeting_location_id("default").override_location(true).assigned_user("u1")
            .description("d").address("a").notify(false).ignore_free_slots() => "POST /calendars/events/appointments",
            {"calendarId": "k1", "contactId": "c1", "locationId": "l1", "startTime": "2026-03-01T10:00:00Z",
             "endTime": "2026-03-01T11:00:00Z", "rrule": "RRULE:FREQ=DAILY;COUNT=5", "meetingLocationType": "zoom",
             "meetingLocationId": "default", "overrideLocationConfig": true, "assignedUserId": "u1", "description": "d",
             "address": "a", "toNotify": false, "ignoreFreeSlotValidation": true, "ignoreDateRange": true},
            {"id": "e1"};
    }
}

#[tokio::test]
async fn notifications_have_their_lines() {
    use {NotificationChannel::*, NotificationKind::*, NotificationReceiver::*};
    wire! { ROOM, ghl;
        ghl.calendars().notifications("l1", "k1").create(Contact, Email, Booked) => "POST /calendars/k1/notifications",
            [{"receiverType": "contact", "channel": "email", "notificationType": "booked"}], [{"_id": "n1"}];
        ghl.calendars().notifications("l1", "k1").create(AssignedUser, InApp, Reminder).users(["u1"])
            .before([NotificationTime::hours(2)]).is_active(false) => "POST /calendars/k1/notifications",
            [{"receiverType": "assignedUser", "channel": "inApp", "notificationType": "reminder", "selectedUsers": ["u1"],
              "beforeTime": [{"timeOffset": 2.0, "unit": "hours"}], "isActive": false}],
            [{"_id": "n1", "beforeTime": [{"timeOffset": 2, "unit": "hours"}]}];
        ghl.calendars().notifications("l1", "k1").get("n1") => "GET /calendars/k1/notifications/n1", null, {"_id": "n1"};
        ghl.calendars().notifications("l1", "k1").update("n1") => "PUT /calendars/k1/notifications/n1", {},
            {"message": "updated"};
        ghl.calendars().notifications("l1", "k1").update("n1").channel(Sms).after([NotificationTime::hours(1)]).deleted(true)
            => "PUT /calendars/k1/notifications/n1",
            {"channel": "sms", "afterTime": [{"timeOffset": 1.0, "unit": "hours"}], "deleted": true}, {"message": "updated"};
        ghl.calendars().notifications("l1", "k1").delete("n1") => "DELETE /calendars/k1/notifications/n1", null,
            {"message": "deleted"};
    }
    let (ghl, sent) = paged([json!([{"_id": "a"}, {"_id": "b"}]), json!([{"_id": "c"}])]);
    let rules: Vec<_> =
        ghl.calendars().notifications("l1", "k1").list().page_size(2).items().try_collect().await.unwrap();
    assert_eq!(rules.len(), 3);
    assert_eq!(line(&sent.requests()[1]), "GET /calendars/k1/notifications?skip=2&limit=2");
    let (ghl, _) = answering(200, json!([]));
    let error = ghl.calendars().notifications("l1", "k1").create(Contact, Email, Booked).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Decode, "nothing was made: {error}");
}
