use calcom_client::{
    bookings::Sort,
    calendars::CalendarProvider,
    events::EventKind,
    model::{OooReason, TeamMade, TimeUnit, WebhookVersion, Weekday},
};
use futures_util::TryStreamExt;
use serde_json::{Value, json};
use sidecar_core::{ErrorKind, SecretString, model::Unknown, test_util::ScriptedTransport};

use crate::{
    cases::{Case, case},
    support::{at, client, client_with, fixture, only_request, request_line},
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
    [calendars(), webhooks(), users(), teams()].into_iter().flatten().collect()
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

fn users() -> Vec<Case> {
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
        case!("teams.create", "POST /v2/teams", json!({"name": "Sales"}), fixture!("team_pending"), |calcom| calcom
            .teams()
            .create("Sales")),
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
async fn invalid_requests_are_rejected_before_sending() {
    let (calcom, sent) = client(ScriptedTransport::new());
    let (from, to) = (at(START), at(END));
    let errors = [
        calcom.calendars().busy_times(from, to, "UTC").await.unwrap_err(),
        calcom.calendars().subscribe_ics_feed(Vec::<String>::new()).await.unwrap_err(),
        calcom.webhooks().create("https://x", [EventKind::BookingCreated]).await.unwrap_err(),
        calcom.webhooks().create("https://x", []).secret(&secret()).await.unwrap_err(),
        calcom.webhooks().update("w1").secret(&"".into()).await.unwrap_err(),
        calcom.out_of_office().create(from, to).await.unwrap_err(),
        calcom.out_of_office().update(9).between(from, to).await.unwrap_err(),
    ];
    for error in errors {
        assert_eq!(error.kind(), ErrorKind::InvalidInput, "{error}");
        assert_eq!(error.provider(), "calcom", "{error}");
    }
    assert!(sent.requests().is_empty());
}

#[tokio::test]
async fn completing_a_calendar_connection_accepts_a_redirect() {
    let script = ScriptedTransport::new().respond_with(302, &[("location", "https://app.example.com")], "");
    let (calcom, sent) = client(script);
    calcom.calendars().save(&CalendarProvider::Google, "s", "c").await.unwrap();
    assert_eq!(request_line(&only_request(&sent)), "GET /v2/calendars/google/save?state=s&code=c");
}

#[tokio::test]
async fn a_team_with_a_price_is_pending_until_paid() {
    let (calcom, _) =
        client(ScriptedTransport::new().respond(201, fixture!("team")).respond(201, fixture!("team_pending")));
    let created = calcom.teams().create("Sales").await.unwrap();
    assert_eq!(created.team().unwrap().slug.as_deref(), Some("sales"));
    let TeamMade::Pending(pending) = calcom.teams().create("Sales").await.unwrap() else { panic!("not paid yet") };
    assert_eq!(pending.payment_link.as_deref(), Some("https://checkout.example.com/c/1"));
}

#[tokio::test]
async fn unknown_fields_are_reported_with_their_paths() {
    let booking = json!({"uid": "b1", "mood": 1, "attendees": [{"name": "Ann", "hat": "red"}]});
    let slots = json!({"2026-12-01": [{"start": "2026-12-01T09:00:00Z", "chair": 3}]});
    let team = json!({"paymentLink": "x", "pendingTeam": {"id": 4, "motto": "y"}});
    let responses = [booking.clone(), json!([booking]), slots, team];
    let script = responses
        .into_iter()
        .fold(ScriptedTransport::new(), |script, data| script.respond(200, json!({"status": "success", "data": data})));
    let (calcom, _) = client(script);
    let unknown = |response: &dyn Unknown| {
        let mut found = Vec::new();
        response.unknown("", &mut found);
        found
    };
    assert_eq!(unknown(&calcom.bookings().get("b1").await.unwrap()), ["attendees.hat", "mood"]);
    assert_eq!(unknown(&calcom.bookings().get("b1").await.unwrap()), ["attendees.hat", "mood"]);
    assert_eq!(unknown(&calcom.slots().list(7).days("2026-12-01", "2026-12-02").await.unwrap()), ["*.chair"]);
    assert_eq!(unknown(&calcom.teams().create("Sales").await.unwrap()), ["pendingTeam.motto"]);
}

#[tokio::test]
async fn a_webhook_secret_is_parsed_but_hidden_in_debug_output() {
    let (calcom, _) = client_with(200, fixture!("webhook"));
    let webhook = calcom.webhooks().get("w1").await.unwrap();
    assert!(!format!("{webhook:?}").contains("whsec_test"));
    let request = calcom.webhooks().create("https://x", [EventKind::BookingCreated]).secret(&secret());
    assert!(!format!("{request:?}").contains("whsec_test"), "{request:?}");
    let secret = webhook.secret.unwrap().to_secret();
    assert_eq!(secrecy::ExposeSecret::expose_secret(&secret), "whsec_test");
    assert_eq!(webhook.triggers.unwrap()[1], EventKind::Other("BOOKING_OF_TOMORROW".into()));
}

#[tokio::test]
async fn items_start_at_the_requested_offset() {
    let none = || json!({"status": "success", "data": []});
    let script = ScriptedTransport::new().respond(200, none()).respond(200, none()).respond(200, none());
    let (calcom, transport) = client(script);
    let webhooks: Vec<_> = calcom.webhooks().list().skip(250_u64).items().try_collect().await.unwrap();
    let entries: Vec<_> = calcom.out_of_office().list().skip(3_u64).items().try_collect().await.unwrap();
    let all: Vec<_> = calcom.webhooks().list().items().try_collect().await.unwrap();
    assert_eq!((webhooks.len(), entries.len(), all.len()), (0, 0, 0));
    let sent: Vec<_> = transport.requests().iter().map(request_line).collect();
    assert!(sent[0].contains("skip=250") && sent[1].contains("skip=3") && sent[2].contains("skip=0"), "{sent:?}");
}
