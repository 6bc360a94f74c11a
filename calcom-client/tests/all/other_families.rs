use calcom_client::{
    bookings::{EventTypeSelector, Sort},
    calendars::CalendarProvider,
    model::{Availability, DateOverride, OooReason, TimeUnit, WebhookVersion, Weekday},
    slots::SlotSelector,
    webhook::EventKind,
};
use serde_json::{Value, json};
use sidecar_core::{ErrorKind, SecretString, test_util::ScriptedTransport};

use crate::{
    cases::{Case, case},
    support::{answering, at, client, fixture, line, only},
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
    let families = [slots(), event_types(), schedules(), calendars(), webhooks(), people(), teams()];
    families.into_iter().flatten().collect()
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

fn calendars() -> Vec<Case> {
    let google = "integration=google_calendar&externalId=bo%40example.com&credentialId=135";
    vec![
        case!("calendars.list", "GET /v2/calendars", NONE, fixture!("calendars"), |calcom| calcom.calendars().list()),
        case!(
            "calendars.busy_times",
            "GET /v2/calendars/busy-times?dateFrom=2026-12-01T09%3A00%3A00Z&dateTo=2026-12-05T09%3A00%3A00Z&timeZone=UTC&\
             calendarsToLoad%5B0%5D%5BcredentialId%5D=135&calendarsToLoad%5B0%5D%5BexternalId%5D=bo%40example.com&\
             calendarsToLoad%5B1%5D%5BcredentialId%5D=136&calendarsToLoad%5B1%5D%5BexternalId%5D=x",
            NONE,
            fixture!("busy_times"),
            |calcom| calcom
                .calendars()
                .busy_times(at(START), at(END), "UTC")
                .calendar(135, "bo@example.com")
                .calendar(136, "x")
        ),
        case!(
            "calendars.connect",
            "GET /v2/calendars/google/connect?isDryRun=false",
            NONE,
            fixture!("connect_link"),
            |calcom| calcom.calendars().connect(&CalendarProvider::Google)
        ),
        case!(
            "calendars.connect",
            "GET /v2/calendars/office365/connect?redir=https%3A%2F%2Fx.example&isDryRun=true",
            NONE,
            fixture!("connect_link"),
            |calcom| calcom
                .calendars()
                .connect(&CalendarProvider::Office365)
                .redirect("https://x.example")
                .dry_run(true)
        ),
        case!("calendars.save", "GET /v2/calendars/google/save?state=s&code=c", NONE, done(), |calcom| calcom
            .calendars()
            .save(&CalendarProvider::Google, "s", "c")),
        case!(
            "calendars.save_credentials",
            "POST /v2/calendars/apple/credentials",
            json!({"username": "bo", "password": "whsec_test"}),
            done(),
            |calcom| calcom.calendars().save_credentials(&CalendarProvider::Apple, "bo", &secret())
        ),
        case!("calendars.check", "GET /v2/calendars/google/check", NONE, done(), |calcom| calcom
            .calendars()
            .check(&CalendarProvider::Google)),
        case!(
            "calendars.disconnect",
            "POST /v2/calendars/google/disconnect",
            json!({"id": 136}),
            fixture!("credential"),
            |calcom| calcom.calendars().disconnect(&CalendarProvider::Google, 136)
        ),
        case!(
            "calendars.subscribe_ics_feed",
            "POST /v2/calendars/ics-feed/save",
            json!({"urls": ["https://crm.example.com/feed.ics"], "readOnly": true}),
            fixture!("credential"),
            |calcom| calcom.calendars().subscribe_ics_feed(["https://crm.example.com/feed.ics"]).read_only(true)
        ),
        case!("calendars.check_ics_feed", "GET /v2/calendars/ics-feed/check", NONE, done(), |calcom| calcom
            .calendars()
            .check_ics_feed()),
        case!(
            "calendars.set_destination",
            "PUT /v2/destination-calendars",
            json!({"integration": "google_calendar", "externalId": "x", "delegationCredentialId": "d"}),
            fixture!("destination_calendar"),
            |calcom| calcom.calendars().set_destination("google_calendar", "x").delegation_credential("d")
        ),
        case!(
            "calendars.select",
            "POST /v2/selected-calendars",
            json!({"integration": "google_calendar", "externalId": "bo@example.com", "credentialId": 135}),
            fixture!("selected_calendar"),
            |calcom| calcom.calendars().select("google_calendar", "bo@example.com", 135)
        ),
        case!(
            "calendars.deselect",
            format!("DELETE /v2/selected-calendars?{google}&delegationCredentialId=d"),
            NONE,
            fixture!("selected_calendar"),
            |calcom| calcom.calendars().deselect("google_calendar", "bo@example.com", 135).delegation_credential("d")
        ),
    ]
}

fn webhooks() -> Vec<Case> {
    vec![
        case!(
            "webhooks.create",
            "POST /v2/webhooks",
            json!({
                "subscriberUrl": "https://crm.example.com/x", "triggers": ["BOOKING_CREATED", "BOOKING_CANCELLED"],
                "active": false, "secret": "whsec_test", "version": "2026-07-27", "time": 5, "timeUnit": "MINUTE",
            }),
            fixture!("webhook"),
            |calcom| calcom
                .webhooks()
                .create("https://crm.example.com/x", [EventKind::BookingCreated, EventKind::BookingCancelled])
                .secret(&secret())
                .active(false)
                .version_of_bodies(WebhookVersion::V2026_07_27)
                .no_show_after(5, &TimeUnit::Minute)
        ),
        case!(
            "webhooks.list",
            "GET /v2/webhooks?take=10&skip=20",
            NONE,
            fixture!("webhooks"),
            |calcom| calcom.webhooks().list().page_size(10_u32).skip(20_u64),
            page
        ),
        case!("webhooks.get", "GET /v2/webhooks/w1", NONE, fixture!("webhook"), |calcom| calcom.webhooks().get("w1")),
        case!(
            "webhooks.update",
            "PATCH /v2/webhooks/w1",
            json!({
                "subscriberUrl": "https://crm.example.com/y", "triggers": ["OOO_CREATED"], "active": true,
                "version": "2021-10-20", "secret": "whsec_test", "time": 1, "timeUnit": "DAY",
            }),
            fixture!("webhook"),
            |calcom| calcom
                .webhooks()
                .update("w1")
                .subscriber_url("https://crm.example.com/y")
                .triggers(vec![EventKind::OooCreated])
                .active(true)
                .version_of_bodies(WebhookVersion::V2021_10_20)
                .secret(&secret())
                .no_show_after(1, &TimeUnit::Day)
        ),
        case!("webhooks.delete", "DELETE /v2/webhooks/w1", NONE, fixture!("webhook"), |calcom| calcom
            .webhooks()
            .delete("w1")),
    ]
}

fn people() -> Vec<Case> {
    let period = json!({"start": "2026-12-24T00:00:00Z", "end": "2026-12-26T23:59:59Z"});
    vec![
        case!("me.get", "GET /v2/me", NONE, fixture!("me"), |calcom| calcom.me().get()),
        case!(
            "me.update",
            "PATCH /v2/me",
            json!({
                "email": "a@b.c", "name": "Bo", "bio": "b", "avatarUrl": "u", "timeFormat": 24, "timeZone": "UTC",
                "weekStart": "Monday", "locale": "en", "defaultScheduleId": 3, "metadata": {},
            }),
            fixture!("me"),
            |calcom| calcom
                .me()
                .update()
                .email("a@b.c")
                .name("Bo")
                .bio("b")
                .avatar_url("u")
                .time_format(24_u32)
                .time_zone("UTC")
                .week_start(Weekday::Monday)
                .locale("en")
                .default_schedule(3)
                .metadata(serde_json::Map::new())
        ),
        case!(
            "ooo.list",
            "GET /v2/me/ooo?sortStart=asc&sortEnd=desc&take=250&skip=0",
            NONE,
            fixture!("ooos"),
            |calcom| calcom.out_of_office().list().sort_start(Sort::Asc).sort_end(Sort::Desc),
            page
        ),
        case!("ooo.create", "POST /v2/me/ooo", period.clone(), fixture!("ooo"), |calcom| calcom
            .out_of_office()
            .create(at("2026-12-24T00:00:00Z"), at("2026-12-27T00:00:00Z"))),
        case!(
            "ooo.update",
            "PATCH /v2/me/ooo/9",
            json!({
                "start": "2026-12-24T00:00:00Z", "end": "2026-12-26T23:59:59Z", "notes": "n", "toUserId": 6,
                "reason": "sick",
            }),
            fixture!("ooo"),
            |calcom| calcom
                .out_of_office()
                .update(9)
                .between(at("2026-12-24T00:00:00Z"), at("2026-12-27T00:00:00Z"))
                .notes("n")
                .to_user(6)
                .reason(OooReason::Sick)
        ),
        case!("ooo.delete", "DELETE /v2/me/ooo/9", NONE, fixture!("ooo"), |calcom| calcom.out_of_office().delete(9)),
        case!(
            "ooo.list_of_organization",
            "GET /v2/organizations/2/ooo?email=bo%40example.com&take=250&skip=0",
            NONE,
            fixture!("ooos"),
            |calcom| calcom.out_of_office().of_organization(2).list().email("bo@example.com"),
            page
        ),
        case!(
            "ooo.list_of_user",
            "GET /v2/organizations/2/users/5/ooo?take=250&skip=0",
            NONE,
            fixture!("ooos"),
            |calcom| calcom.out_of_office().of_organization(2).list_of(5),
            page
        ),
        case!("ooo.create_of_user", "POST /v2/organizations/2/users/5/ooo", period, fixture!("ooo"), |calcom| calcom
            .out_of_office()
            .of_organization(2)
            .create(5, at("2026-12-24T00:00:00Z"), at("2026-12-27T00:00:00Z"))),
        case!(
            "ooo.update_of_user",
            "PATCH /v2/organizations/2/users/5/ooo/9",
            json!({"notes": "n"}),
            fixture!("ooo"),
            |calcom| calcom.out_of_office().of_organization(2).update(5, 9).notes("n")
        ),
        case!("ooo.delete_of_user", "DELETE /v2/organizations/2/users/5/ooo/9", NONE, fixture!("ooo"), |calcom| calcom
            .out_of_office()
            .of_organization(2)
            .delete(5, 9)),
    ]
}

fn teams() -> Vec<Case> {
    vec![
        case!("teams.create", "POST /v2/teams", json!({"name": "Sales"}), fixture!("team"), |calcom| calcom
            .teams()
            .create("Sales")),
        case!(
            "teams.create",
            "POST /v2/teams",
            json!({
                "name": "Sales", "slug": "sales", "logoUrl": "l", "bio": "b", "hideBranding": true, "isPrivate": true,
                "hideBookATeamMember": true, "timeFormat": 12, "timeZone": "UTC", "weekStart": "Sunday", "metadata": {},
                "autoAcceptCreator": false, "brandColor": "#fff",
            }),
            fixture!("team"),
            |calcom| calcom
                .teams()
                .create("Sales")
                .slug("sales")
                .logo_url("l")
                .bio("b")
                .hide_branding(true)
                .is_private(true)
                .hide_book_a_team_member(true)
                .time_format(12_u32)
                .time_zone("UTC")
                .week_start(Weekday::Sunday)
                .metadata(serde_json::Map::new())
                .auto_accept_creator(false)
                .set("brandColor", "#fff")
        ),
        case!("teams.list", "GET /v2/teams", NONE, fixture!("teams"), |calcom| calcom.teams().list()),
        case!("teams.get", "GET /v2/teams/4", NONE, fixture!("team"), |calcom| calcom.teams().get(4)),
        case!("teams.update", "PATCH /v2/teams/4", json!({"name": "Sales"}), fixture!("team"), |calcom| calcom
            .teams()
            .update(4)
            .name("Sales")),
        case!("teams.delete", "DELETE /v2/teams/4", NONE, fixture!("team"), |calcom| calcom.teams().delete(4)),
    ]
}

#[tokio::test]
async fn slots_are_found_by_date_and_in_order() {
    let (calcom, _) = answering(200, fixture!("slots"));
    let slots = calcom.slots().list(7).days("2026-12-01", "2026-12-02").await.unwrap();
    assert_eq!((slots.len(), slots.on("2026-12-01").len(), slots.on("2026-12-09").len()), (3, 2, 0));
    let starts: Vec<_> = slots.iter().filter_map(|slot| slot.start.timestamp()).collect();
    assert_eq!(starts[0], at("2026-12-01T08:00:00Z"));
    assert!(starts.is_sorted());
    let (calcom, _) = answering(200, json!({"status": "success", "data": {}}));
    assert!(calcom.slots().list(7).days("2026-12-01", "2026-12-02").await.unwrap().is_empty());
}

#[tokio::test]
async fn what_cannot_be_right_is_refused_before_it_is_sent() {
    let (calcom, sent) = client(ScriptedTransport::new());
    let slots = calcom.slots();
    let one = SlotSelector::Users { usernames: vec!["bo".into()], organization: None };
    let (from, to) = (at(START), at(END));
    let refused = [
        slots.list(7).await.unwrap_err(),
        slots.list(7).between(to, from).await.unwrap_err(),
        slots.list(7).days("2026-12-5", "2026-12-06").await.unwrap_err(),
        slots.list(7).days("2026-12-06", "2026-12-05").await.unwrap_err(),
        slots.list(one).between(from, to).await.unwrap_err(),
        slots.list(7).local_days("2026-02-30", "2026-03-01", "UTC").await.unwrap_err(),
        slots.list(7).local_days("2026-02-01", "2026-03-01", "Mars/Base").await.unwrap_err(),
        calcom.calendars().busy_times(from, to, "UTC").await.unwrap_err(),
        calcom.calendars().subscribe_ics_feed(Vec::<String>::new()).await.unwrap_err(),
        calcom.webhooks().create("https://x", [EventKind::BookingCreated]).await.unwrap_err(),
        calcom.webhooks().create("https://x", []).secret(&secret()).await.unwrap_err(),
        calcom.webhooks().update("w1").secret(&"".into()).await.unwrap_err(),
        calcom.out_of_office().create(from, to).await.unwrap_err(),
        calcom.out_of_office().update(9).between(from, to).await.unwrap_err(),
    ];
    for error in refused {
        assert_eq!(error.kind(), ErrorKind::Config, "{error}");
        assert_eq!(error.provider(), "calcom", "{error}");
    }
    assert!(sent.requests().is_empty());
}

#[tokio::test]
async fn completing_a_calendars_connection_ends_in_a_redirect() {
    let script = ScriptedTransport::new().answer_with(302, &[("location", "https://app.example.com")], "");
    let (calcom, sent) = client(script);
    calcom.calendars().save(&CalendarProvider::Google, "s", "c").await.unwrap();
    assert_eq!(line(&only(&sent)), "GET /v2/calendars/google/save?state=s&code=c");
}

#[tokio::test]
async fn a_webhooks_secret_is_read_but_not_shown() {
    let (calcom, _) = answering(200, fixture!("webhook"));
    let webhook = calcom.webhooks().get("w1").await.unwrap();
    assert!(!format!("{webhook:?}").contains("whsec_test"));
    let secret = webhook.secret.unwrap().to_secret();
    assert_eq!(secrecy::ExposeSecret::expose_secret(&secret), "whsec_test");
    assert_eq!(webhook.triggers.unwrap()[1], EventKind::Other("BOOKING_OF_TOMORROW".into()));
}
