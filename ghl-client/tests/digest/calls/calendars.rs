use ghl_client::model::{
    AppointmentStatus, CalendarType, NotificationChannel, NotificationKind, NotificationReceiver, NotificationTime,
    ResourceType, ScheduleRule, Weekday,
};
use serde_json::json;

use crate::call::{Call, LATER, NOW, call};

pub(super) fn calls() -> Vec<Call> {
    [calendars(), groups(), appointments(), times(), resources(), schedules(), notifications()]
        .into_iter()
        .flatten()
        .collect()
}

/// Fills every field of a calendar.
macro_rules! filled {
    ($request:expr) => {
        $request
            .group("g1")
            .description("d")
            .slug("s")
            .event_title("t")
            .event_color("#fff")
            .is_active(true)
            .auto_confirm(true)
            .allow_reschedule(false)
            .allow_cancellation(false)
            .appointments_per_slot(1)
            .appointments_per_day(8)
            .slot_minutes(30)
            .interval_minutes(15)
            .team(["u1"])
    };
}

fn calendars() -> Vec<Call> {
    vec![
        call!("calendars.list", |ghl| ghl.calendars().list("l1"), ghl.calendars().list("l1").group("g1").drafts(true)),
        call!(
            "calendars.create",
            |ghl| ghl.calendars().create("l1", "Trial"),
            filled!(ghl.calendars().create("l1", "Trial").calendar_type(CalendarType::RoundRobin))
        ),
        call!("calendars.get", |ghl| ghl.calendars().get("l1", "k1")),
        call!(
            "calendars.update",
            |ghl| ghl.calendars().update("l1", "k1"),
            filled!(ghl.calendars().update("l1", "k1").name("Trial"))
        ),
        call!("calendars.delete", |ghl| ghl.calendars().delete("l1", "k1")),
    ]
}

fn groups() -> Vec<Call> {
    vec![
        call!("calendars.groups.list", |ghl| ghl.calendars().groups("l1").list()),
        call!(
            "calendars.groups.create",
            |ghl| ghl.calendars().groups("l1").create("n", "d", "s"),
            ghl.calendars().groups("l1").create("n", "d", "s").is_active(false)
        ),
        call!("calendars.groups.slug_is_free", |ghl| ghl.calendars().groups("l1").slug_is_free("s")),
        call!("calendars.groups.update", |ghl| ghl.calendars().groups("l1").update("g1", "n", "d", "s")),
        call!("calendars.groups.set_active", |ghl| ghl.calendars().groups("l1").set_active("g1", false)),
        call!("calendars.groups.delete", |ghl| ghl.calendars().groups("l1").delete("g1")),
    ]
}

/// Fills every field of an appointment.
macro_rules! arranged {
    ($request:expr) => {
        $request
            .start(NOW)
            .end(LATER)
            .title("Trial")
            .status(AppointmentStatus::Confirmed)
            .assigned_user("u1")
            .description("d")
            .address("a")
            .meeting_location_type("zoom")
            .meeting_location_id("default")
            .override_location(true)
            .rrule("RRULE:FREQ=DAILY;COUNT=5")
            .notify(false)
            .ignore_free_slots()
    };
}

fn appointments() -> Vec<Call> {
    vec![
        call!(
            "appointments.create",
            |ghl| ghl.appointments().create("l1", "k1", "c1").start(NOW),
            arranged!(ghl.appointments().create("l1", "k1", "c1"))
        ),
        call!("appointments.get", |ghl| ghl.appointments().get("l1", "e1")),
        call!(
            "appointments.update",
            |ghl| ghl.appointments().update("l1", "e1"),
            arranged!(ghl.appointments().update("l1", "e1").calendar("k1"))
        ),
        call!("appointments.delete", |ghl| ghl.appointments().delete("l1", "e1")),
        call!(
            "appointments.notes.list",
            |ghl| ghl.appointments().notes("l1", "e1").list(),
            ghl.appointments().notes("l1", "e1").list().skip(20).page_size(20)
        ),
        call!(
            "appointments.notes.create",
            |ghl| ghl.appointments().notes("l1", "e1").create("Came"),
            ghl.appointments().notes("l1", "e1").create("Came").user("u1")
        ),
        call!(
            "appointments.notes.update",
            |ghl| ghl.appointments().notes("l1", "e1").update("n1", "Came"),
            ghl.appointments().notes("l1", "e1").update("n1", "Came").user("u1")
        ),
        call!("appointments.notes.delete", |ghl| ghl.appointments().notes("l1", "e1").delete("n1")),
    ]
}

fn times() -> Vec<Call> {
    vec![
        call!(
            "calendars.events",
            |ghl| ghl.calendars().events("l1").calendar("k1").between(NOW, LATER),
            ghl.calendars().events("l1").calendar("k1").user("u1").group("g1").between(NOW, LATER)
        ),
        call!(
            "calendars.blocked_slots",
            |ghl| ghl.calendars().blocked_slots("l1").user("u1").between(NOW, LATER),
            ghl.calendars().blocked_slots("l1").calendar("k1").user("u1").group("g1").between(NOW, LATER)
        ),
        call!(
            "calendars.free_slots",
            |ghl| ghl.calendars().free_slots("l1", "k1").between(NOW, LATER),
            ghl.calendars()
                .free_slots("l1", "k1")
                .timezone("Europe/Dublin")
                .user("u1")
                .users(["u2", "u3"])
                .between(NOW, LATER)
        ),
        call!(
            "calendars.block_slot",
            |ghl| ghl.calendars().block_slot("l1", NOW, LATER).calendar("k1"),
            ghl.calendars().block_slot("l1", NOW, LATER).user("u1").title("Lunch")
        ),
        call!(
            "calendars.update_blocked_slot",
            |ghl| ghl.calendars().update_blocked_slot("l1", "e1").user("u1"),
            ghl.calendars().update_blocked_slot("l1", "e1").calendar("k1").title("Lunch").start(NOW).end(LATER)
        ),
    ]
}

fn resources() -> Vec<Call> {
    vec![
        call!(
            "calendars.resources.list",
            |ghl| ghl.calendars().resources("l1", ResourceType::Rooms).list(),
            ghl.calendars().resources("l1", ResourceType::Equipments).list().skip(1).page_size(1)
        ),
        call!(
            "calendars.resources.create",
            |ghl| ghl.calendars().resources("l1", ResourceType::Rooms).create("Yoga room"),
            ghl.calendars()
                .resources("l1", ResourceType::Equipments)
                .create("Mat")
                .description("d")
                .quantity(9)
                .out_of_service(1)
                .capacity(2)
                .calendars(["k1"])
        ),
        call!("calendars.resources.get", |ghl| ghl.calendars().resources("l1", ResourceType::Rooms).get("r1")),
        call!(
            "calendars.resources.update",
            |ghl| ghl.calendars().resources("l1", ResourceType::Rooms).update("r1"),
            ghl.calendars()
                .resources("l1", ResourceType::Rooms)
                .update("r1")
                .name("Big room")
                .is_active(false)
                .description("d")
                .quantity(9)
                .out_of_service(1)
                .capacity(2)
                .calendars(["k1"])
        ),
        call!("calendars.resources.delete", |ghl| ghl.calendars().resources("l1", ResourceType::Rooms).delete("r1")),
    ]
}

fn rules() -> [ScheduleRule; 2] {
    [ScheduleRule::weekly(Weekday::Monday, [("09:00", "12:00")]), ScheduleRule::on("2026-12-24", [("09:00", "12:00")])]
}

fn schedules() -> Vec<Call> {
    vec![
        call!(
            "calendars.schedules.search",
            |ghl| ghl.calendars().schedules("l1").search("u1"),
            ghl.calendars().schedules("l1").search("u1").calendar("k1").skip(10).page_size(10)
        ),
        call!(
            "calendars.schedules.create",
            |ghl| ghl.calendars().schedules("l1").create("u1", "Summer", "UTC"),
            ghl.calendars().schedules("l1").create("u1", "Summer", "UTC").calendars(["k1"]).rules(rules())
        ),
        call!("calendars.schedules.get", |ghl| ghl.calendars().schedules("l1").get("s1")),
        call!(
            "calendars.schedules.update",
            |ghl| ghl.calendars().schedules("l1").update("s1"),
            ghl.calendars().schedules("l1").update("s1").name("Winter").timezone("UTC").rules(rules())
        ),
        call!("calendars.schedules.delete", |ghl| ghl.calendars().schedules("l1").delete("s1")),
        call!("calendars.schedules.add_calendar", |ghl| ghl.calendars().schedules("l1").add_calendar("s1", "k1")),
        call!("calendars.schedules.remove_calendar", |ghl| ghl.calendars().schedules("l1").remove_calendar("s1", "k1")),
    ]
}

/// Fills every field of a notification.
macro_rules! told {
    ($request:expr) => {
        $request
            .is_active(true)
            .template("t1")
            .body("b")
            .subject("s")
            .emails(["a@example.com"])
            .phone_numbers(["+14155550100"])
            .users(["u1", "sub_account_admin"])
            .from_address("desk@example.com")
            .from_name("Desk")
            .from_number("+14155550101")
            .after([NotificationTime::hours(1)])
            .before([NotificationTime::hours(2)])
    };
}

fn notifications() -> Vec<Call> {
    vec![
        call!(
            "calendars.notifications.list",
            |ghl| ghl.calendars().notifications("l1", "k1").list(),
            ghl.calendars().notifications("l1", "k1").list().is_active(true).deleted(false).skip(1).page_size(1)
        )
        .answered(json!([])),
        call!(
            "calendars.notifications.create",
            |ghl| ghl.calendars().notifications("l1", "k1").create(
                NotificationReceiver::Contact,
                NotificationChannel::Email,
                NotificationKind::Booked
            ),
            told!(ghl.calendars().notifications("l1", "k1").create(
                NotificationReceiver::Emails,
                NotificationChannel::Sms,
                NotificationKind::FollowUp
            ))
        ),
        call!("calendars.notifications.get", |ghl| ghl.calendars().notifications("l1", "k1").get("n1")),
        call!(
            "calendars.notifications.update",
            |ghl| ghl.calendars().notifications("l1", "k1").update("n1"),
            told!(ghl.calendars().notifications("l1", "k1").update("n1"))
                .receiver(NotificationReceiver::Business)
                .channel(NotificationChannel::InApp)
                .kind(NotificationKind::Reminder)
                .deleted(false)
        ),
        call!("calendars.notifications.delete", |ghl| ghl.calendars().notifications("l1", "k1").delete("n1")),
    ]
}
