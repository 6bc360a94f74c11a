use calcom_client::{
    bookings::{EventTypeSelector, Sort},
    events::EventKind,
    model::{Availability, DateOverride, Weekday},
    slots::SlotSelector,
};
use serde_json::{Value, json};
use sidecar_core::{ErrorKind, SecretString, test_util::ScriptedTransport};

use crate::{
    cases::{Case, case},
    support::{at, client, client_with, fixture},
};

const START: &str = "2026-12-01T09:00:00Z";
const END: &str = "2026-12-05T09:00:00Z";
const NONE: Value = Value::Null;

fn secret() -> SecretString {
    "whsec_test".into()
}

fn done() -> Value {
    json!({"status": "success"})
}

pub(crate) fn cases() -> Vec<Case> {
    [slots(), event_types(), schedules()].into_iter().flatten().collect()
}

fn slots() -> Vec<Case> {
    let reservation = json!({"eventTypeId": 7, "slotStart": START});
    vec![
        case!(
            "slots.list",
            "GET /v2/slots?eventTypeId=7&format=range&start=2026-12-01T09%3A00%3A00Z&end=2026-12-05T09%3A00%3A00Z",
            NONE,
            fixture!("slots"),
            |calcom| calcom.slots().list(7).between(at(START), at(END))
        ),
        case!(
            "slots.list",
            "GET /v2/slots?usernames=ann%2Cbo&organizationSlug=acme&start=2026-12-01&end=2026-12-05&timeZone=Europe%2FBerlin&\
             duration=60&bookingUidToReschedule=bk_1&format=time",
            NONE,
            fixture!("slots"),
            |calcom| calcom
                .slots()
                .list(SlotSelector::Users {
                    usernames: vec!["ann".into(), "bo".into()],
                    organization: Some("acme".into())
                })
                .days("2026-12-01", "2026-12-05")
                .time_zone("Europe/Berlin")
                .duration(60)
                .to_reschedule("bk_1")
                .starts_only()
        ),
        case!(
            "slots.list",
            "GET /v2/slots?eventTypeSlug=intro&teamSlug=sales&format=range&start=2026-12-01T23%3A00%3A00Z&\
             end=2026-12-03T23%3A00%3A00Z&timeZone=Europe%2FBerlin",
            NONE,
            fixture!("slots"),
            |calcom| calcom
                .slots()
                .list(EventTypeSelector::OfTeam { slug: "intro".into(), team: "sales".into(), organization: None })
                .local_days("2026-12-02", "2026-12-03", "Europe/Berlin")
        ),
        case!("slots.reserve", "POST /v2/slots/reservations", reservation.clone(), fixture!("reservation"), |calcom| {
            calcom.slots().reserve(7, at(START))
        }),
        case!(
            "slots.reserve",
            "POST /v2/slots/reservations",
            json!({"eventTypeId": 7, "slotStart": START, "slotDuration": 60, "reservationDuration": 15}),
            fixture!("reservation"),
            |calcom| calcom.slots().reserve(7, at(START)).slot_duration(60).reservation_duration(15)
        ),
        case!("slots.reservation", "GET /v2/slots/reservations/res_1", NONE, fixture!("reservation"), |calcom| calcom
            .slots()
            .reservation("res_1")),
        case!(
            "slots.reservation",
            "GET /v2/slots/reservations/res_1",
            NONE,
            json!({"status": "success", "data": null}),
            |calcom| calcom.slots().reservation("res_1")
        ),
        case!(
            "slots.update_reservation",
            "PATCH /v2/slots/reservations/res_1",
            reservation,
            fixture!("reservation"),
            |calcom| calcom.slots().update_reservation("res_1", 7, at(START))
        ),
        case!("slots.delete_reservation", "DELETE /v2/slots/reservations/res_1", NONE, done(), |calcom| calcom
            .slots()
            .delete_reservation("res_1")),
    ]
}

fn event_types() -> Vec<Case> {
    let webhook = json!({
        "subscriberUrl": "https://crm.example.com/x", "triggers": ["BOOKING_CREATED"], "active": true,
        "secret": "whsec_test",
    });
    vec![
        case!(
            "event_types.create",
            "POST /v2/event-types",
            json!({"title": "Intro", "slug": "intro", "lengthInMinutes": 30}),
            fixture!("event_type"),
            |calcom| calcom.event_types().create("Intro", "intro", 30)
        ),
        case!(
            "event_types.create",
            "POST /v2/event-types",
            json!({
                "title": "Intro", "slug": "intro", "lengthInMinutes": 30, "description": "A talk",
                "lengthInMinutesOptions": [30, 60], "scheduleId": 3, "slotInterval": 15, "minimumBookingNotice": 120,
                "beforeEventBuffer": 5, "afterEventBuffer": 10, "hidden": true, "disableGuests": true,
                "bookingRequiresAuthentication": true, "metadata": {"a": 1}, "seats": {"disabled": true},
            }),
            fixture!("event_type"),
            |calcom| calcom
                .event_types()
                .create("Intro", "intro", 30)
                .description("A talk")
                .length_options(vec![30.into(), 60.into()])
                .schedule(3)
                .slot_interval(15)
                .minimum_booking_notice(120)
                .before_event_buffer(5)
                .after_event_buffer(10)
                .hidden(true)
                .disable_guests(true)
                .booking_requires_authentication(true)
                .metadata(json!({"a": 1}).as_object().unwrap().clone())
                .set("seats", json!({"disabled": true}))
        ),
        case!("event_types.list", "GET /v2/event-types", NONE, fixture!("event_types"), |calcom| calcom
            .event_types()
            .list()),
        case!(
            "event_types.list",
            "GET /v2/event-types?username=bo&eventSlug=intro&usernames=ann%2Cbo&orgSlug=acme&orgId=2&sortCreatedAt=desc",
            NONE,
            fixture!("event_types"),
            |calcom| calcom
                .event_types()
                .list()
                .username("bo")
                .slug("intro")
                .usernames(vec!["ann".to_owned(), "bo".to_owned()])
                .organization_slug("acme")
                .organization(2)
                .sort_created(Sort::Desc)
        ),
        case!("event_types.get", "GET /v2/event-types/7", NONE, fixture!("event_type"), |calcom| calcom
            .event_types()
            .get(7)),
        case!(
            "event_types.update",
            "PATCH /v2/event-types/7",
            json!({"title": "Talk", "slug": "talk", "lengthInMinutes": 45, "hidden": false}),
            fixture!("event_type"),
            |calcom| calcom.event_types().update(7).title("Talk").slug("talk").length(45).hidden(false)
        ),
        case!("event_types.delete", "DELETE /v2/event-types/7", NONE, fixture!("event_type"), |calcom| calcom
            .event_types()
            .delete(7)),
        case!(
            "event_types.webhooks.create",
            "POST /v2/event-types/7/webhooks",
            webhook,
            fixture!("webhook"),
            |calcom| calcom
                .event_types()
                .webhooks(7)
                .create("https://crm.example.com/x", [EventKind::BookingCreated])
                .secret(&secret())
        ),
        case!(
            "event_types.webhooks.list",
            "GET /v2/event-types/7/webhooks?take=250&skip=0",
            NONE,
            fixture!("webhooks"),
            |calcom| calcom.event_types().webhooks(7).list(),
            page
        ),
        case!("event_types.webhooks.get", "GET /v2/event-types/7/webhooks/w1", NONE, fixture!("webhook"), |calcom| {
            calcom.event_types().webhooks(7).get("w1")
        }),
        case!(
            "event_types.webhooks.update",
            "PATCH /v2/event-types/7/webhooks/w1",
            json!({"active": false}),
            fixture!("webhook"),
            |calcom| calcom.event_types().webhooks(7).update("w1").active(false)
        ),
        case!(
            "event_types.webhooks.delete",
            "DELETE /v2/event-types/7/webhooks/w1",
            NONE,
            fixture!("webhook"),
            |calcom| calcom.event_types().webhooks(7).delete("w1")
        ),
        case!(
            "event_types.webhooks.delete_all",
            "DELETE /v2/event-types/7/webhooks",
            NONE,
            fixture!("webhooks_deleted"),
            |calcom| calcom.event_types().webhooks(7).delete_all()
        ),
    ]
}

fn schedules() -> Vec<Case> {
    vec![
        case!(
            "schedules.create",
            "POST /v2/schedules",
            json!({"name": "Hours", "timeZone": "Europe/Berlin", "isDefault": false}),
            fixture!("schedule"),
            |calcom| calcom.schedules().create("Hours", "Europe/Berlin")
        ),
        case!(
            "schedules.create",
            "POST /v2/schedules",
            json!({
                "name": "Hours", "timeZone": "UTC", "isDefault": true,
                "availability": [{"days": ["Monday", "Friday"], "startTime": "09:00", "endTime": "17:00"}],
                "overrides": [{"date": "2026-12-24", "startTime": "00:00", "endTime": "00:00"}],
            }),
            fixture!("schedule"),
            |calcom| calcom
                .schedules()
                .create("Hours", "UTC")
                .is_default(true)
                .availability(vec![Availability::new([Weekday::Monday, Weekday::Friday], "09:00", "17:00")])
                .overrides(vec![DateOverride::day_off("2026-12-24")])
        ),
        case!("schedules.list", "GET /v2/schedules", NONE, fixture!("schedules"), |calcom| calcom.schedules().list()),
        case!("schedules.default", "GET /v2/schedules/default", NONE, fixture!("schedule"), |calcom| calcom
            .schedules()
            .default_schedule()),
        case!("schedules.get", "GET /v2/schedules/3", NONE, fixture!("schedule"), |calcom| calcom.schedules().get(3)),
        case!("schedules.update", "PATCH /v2/schedules/3", json!({}), fixture!("schedule"), |calcom| calcom
            .schedules()
            .update(3)),
        case!(
            "schedules.update",
            "PATCH /v2/schedules/3",
            json!({"name": "H", "timeZone": "UTC", "isDefault": true, "availability": [], "overrides": []}),
            fixture!("schedule"),
            |calcom| calcom
                .schedules()
                .update(3)
                .name("H")
                .time_zone("UTC")
                .is_default(true)
                .availability(Vec::new())
                .overrides(Vec::new())
        ),
        case!("schedules.delete", "DELETE /v2/schedules/3", NONE, done(), |calcom| calcom.schedules().delete(3)),
    ]
}

#[tokio::test]
async fn slots_are_grouped_by_date_and_sorted() {
    let (calcom, _) = client_with(200, fixture!("slots"));
    let slots = calcom.slots().list(7).days("2026-12-01", "2026-12-02").await.unwrap();
    assert_eq!((slots.len(), slots.on("2026-12-01").len(), slots.on("2026-12-09").len()), (3, 2, 0));
    let starts: Vec<_> = slots.iter().filter_map(|slot| slot.start.timestamp()).collect();
    assert_eq!(starts[0], at("2026-12-01T08:00:00Z"));
    assert!(starts.is_sorted());
    let (calcom, _) = client_with(200, json!({"status": "success", "data": {}}));
    assert!(calcom.slots().list(7).days("2026-12-01", "2026-12-02").await.unwrap().is_empty());
}

#[tokio::test]
async fn invalid_queries_are_rejected_before_sending() {
    let (calcom, sent) = client(ScriptedTransport::new());
    let slots = calcom.slots();
    let one = SlotSelector::Users { usernames: vec!["bo".into()], organization: None };
    let (from, to) = (at(START), at(END));
    for request in [
        slots.list(7),
        slots.list(7).between(to, from),
        slots.list(7).days("2026-12-5", "2026-12-06"),
        slots.list(7).days("2026-12-06", "2026-12-05"),
        slots.list(one).between(from, to),
        slots.list(7).local_days("2026-02-30", "2026-03-01", "UTC"),
        slots.list(7).local_days("2026-02-01", "2026-03-01", "Mars/Base"),
    ] {
        let error = request.await.unwrap_err();
        assert_eq!((error.kind(), error.provider()), (ErrorKind::InvalidInput, "calcom"), "{error}");
    }
    assert!(sent.requests().is_empty());
}
