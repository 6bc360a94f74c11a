use calcom_client::{
    bookings::{EventTypeSelector, Sort},
    calendars::CalendarProvider,
    model::{Availability, DateOverride, Weekday},
};
use serde_json::Map;

use super::call::{Call, at, call, secret};

const FROM: &str = "2026-12-01T00:00:00Z";
const TO: &str = "2026-12-05T00:00:00Z";

pub(super) fn calls() -> Vec<Call> {
    [slots(), event_types(), schedules(), calendars()].into_iter().flatten().collect()
}

fn slots() -> Vec<Call> {
    vec![
        call!(
            "slots.list",
            |calcom| calcom.slots().list(7).between(at(FROM), at(TO)),
            calcom
                .slots()
                .list(EventTypeSelector::OfUser {
                    slug: "intro".to_owned(),
                    username: "bo".to_owned(),
                    organization: Some("acme".to_owned()),
                })
                .days("2026-12-01", "2026-12-05")
                .time_zone("Europe/Berlin")
                .duration(30)
                .to_reschedule("b1")
        ),
        call!(
            "slots.reserve",
            |calcom| calcom.slots().reserve(7, at(FROM)),
            calcom.slots().reserve(7, at(FROM)).slot_duration(30).reservation_duration(10)
        ),
        call!("slots.reservation", |calcom| calcom.slots().reservation("r1")),
        call!(
            "slots.update_reservation",
            |calcom| calcom.slots().update_reservation("r1", 7, at(FROM)),
            calcom.slots().update_reservation("r1", 7, at(FROM)).slot_duration(30).reservation_duration(10)
        ),
        call!("slots.delete_reservation", |calcom| calcom.slots().delete_reservation("r1")),
    ]
}

fn event_types() -> Vec<Call> {
    vec![
        call!(
            "event_types.create",
            |calcom| calcom.event_types().create("Intro", "intro", 30),
            calcom
                .event_types()
                .create("Intro", "intro", 30)
                .description("A first talk")
                .length_options(vec![30.into(), 60.into()])
                .schedule(3)
                .slot_interval(30)
                .minimum_booking_notice(60)
                .before_event_buffer(5)
                .after_event_buffer(5)
                .hidden(true)
                .disable_guests(true)
                .booking_requires_authentication(true)
                .metadata(Map::new())
        ),
        call!(
            "event_types.list",
            |calcom| calcom.event_types().list(),
            calcom
                .event_types()
                .list()
                .username("bo")
                .slug("intro")
                .usernames(vec!["bo".to_owned(), "cy".to_owned()])
                .organization_slug("acme")
                .organization(4)
                .sort_created(Sort::Asc)
        ),
        call!("event_types.get", |calcom| calcom.event_types().get(7)),
        call!(
            "event_types.update",
            |calcom| calcom.event_types().update(7),
            calcom
                .event_types()
                .update(7)
                .title("Intro")
                .slug("intro")
                .length(30)
                .description("A first talk")
                .length_options(vec![30.into(), 60.into()])
                .schedule(3)
                .slot_interval(30)
                .minimum_booking_notice(60)
                .before_event_buffer(5)
                .after_event_buffer(5)
                .hidden(true)
                .disable_guests(true)
                .booking_requires_authentication(true)
                .metadata(Map::new())
        ),
        call!("event_types.delete", |calcom| calcom.event_types().delete(7)),
    ]
}

fn week() -> Vec<Availability> {
    vec![Availability::new([Weekday::Monday, Weekday::Friday], "09:00", "17:00")]
}

fn christmas() -> Vec<DateOverride> {
    vec![DateOverride::new("2026-12-23", "09:00", "12:00"), DateOverride::day_off("2026-12-24")]
}

fn schedules() -> Vec<Call> {
    vec![
        call!(
            "schedules.create",
            |calcom| calcom.schedules().create("Work", "Europe/Berlin"),
            calcom
                .schedules()
                .create("Work", "Europe/Berlin")
                .is_default(true)
                .availability(week())
                .overrides(christmas())
        ),
        call!("schedules.list", |calcom| calcom.schedules().list()),
        call!("schedules.default", |calcom| calcom.schedules().default_schedule()),
        call!("schedules.get", |calcom| calcom.schedules().get(3)),
        call!(
            "schedules.update",
            |calcom| calcom.schedules().update(3),
            calcom
                .schedules()
                .update(3)
                .name("Work")
                .time_zone("Europe/Berlin")
                .is_default(true)
                .availability(week())
                .overrides(christmas())
        ),
        call!("schedules.delete", |calcom| calcom.schedules().delete(3)),
    ]
}

fn calendars() -> Vec<Call> {
    vec![
        call!("calendars.list", |calcom| calcom.calendars().list()),
        call!("calendars.busy_times", |calcom| calcom
            .calendars()
            .busy_times(at(FROM), at(TO), "UTC")
            .calendar(135, "bo@example.com")),
        call!(
            "calendars.connect",
            |calcom| calcom.calendars().connect(&CalendarProvider::Google),
            calcom.calendars().connect(&CalendarProvider::Office365).redirect("https://x.example").dry_run(true)
        ),
        call!("calendars.save", |calcom| calcom.calendars().save(&CalendarProvider::Google, "state", "code")),
        call!("calendars.save_credentials", |calcom| calcom.calendars().save_credentials(
            &CalendarProvider::Apple,
            "bo",
            &secret()
        )),
        call!("calendars.check", |calcom| calcom.calendars().check(&CalendarProvider::Google)),
        call!("calendars.disconnect", |calcom| calcom.calendars().disconnect(&CalendarProvider::Google, 136)),
        call!(
            "calendars.subscribe_ics_feed",
            |calcom| calcom.calendars().subscribe_ics_feed(["https://crm.example.com/feed.ics"]),
            calcom.calendars().subscribe_ics_feed(["https://crm.example.com/feed.ics"]).read_only(true)
        ),
        call!("calendars.check_ics_feed", |calcom| calcom.calendars().check_ics_feed()),
        call!(
            "calendars.set_destination",
            |calcom| calcom.calendars().set_destination("google_calendar", "bo@example.com"),
            calcom.calendars().set_destination("google_calendar", "bo@example.com").delegation_credential("d1")
        ),
        call!(
            "calendars.select",
            |calcom| calcom.calendars().select("google_calendar", "bo@example.com", 135),
            calcom.calendars().select("google_calendar", "bo@example.com", 135).delegation_credential("d1")
        ),
        call!(
            "calendars.deselect",
            |calcom| calcom.calendars().deselect("google_calendar", "bo@example.com", 135),
            calcom.calendars().deselect("google_calendar", "bo@example.com", 135).delegation_credential("d1")
        ),
    ]
}
