use calcom_client::{
    bookings::Sort,
    events::EventKind,
    model::{OooReason, TimeUnit, WebhookVersion, Weekday},
    oauth::Pkce,
};
use serde_json::Map;
use sidecar_core::{model::Unknown, token::TokenSet};

use super::call::{Call, at, call, decoded, secret};

const HOOK: &str = "https://crm.example.com/hooks";
const FROM: &str = "2026-12-24T00:00:00Z";
const TO: &str = "2026-12-27T00:00:00Z";

pub(super) fn calls() -> Vec<Call> {
    [webhooks(), event_type_webhooks(), me(), out_of_office(), organization(), teams(), oauth()]
        .into_iter()
        .flatten()
        .collect()
}

fn webhooks() -> Vec<Call> {
    vec![
        call!(
            "webhooks.create",
            |calcom| calcom.webhooks().create(HOOK, [EventKind::BookingCreated]).secret(&secret()),
            calcom
                .webhooks()
                .create(HOOK, [EventKind::BookingCreated, EventKind::BookingCancelled])
                .secret(&secret())
                .active(false)
                .version_of_bodies(WebhookVersion::V2021_10_20)
                .no_show_after(5, &TimeUnit::Minute)
        ),
        call!(
            "webhooks.list",
            |calcom| calcom.webhooks().list(),
            calcom.webhooks().list().skip(20_u64).page_size(10_u32)
        ),
        call!("webhooks.get", |calcom| calcom.webhooks().get("w1")),
        call!(
            "webhooks.update",
            |calcom| calcom.webhooks().update("w1"),
            calcom
                .webhooks()
                .update("w1")
                .subscriber_url(HOOK)
                .triggers(vec![EventKind::OooCreated])
                .active(true)
                .version_of_bodies(WebhookVersion::V2021_10_20)
                .secret(&secret())
                .no_show_after(1, &TimeUnit::Day)
        ),
        call!("webhooks.delete", |calcom| calcom.webhooks().delete("w1")),
    ]
}

fn event_type_webhooks() -> Vec<Call> {
    vec![
        call!(
            "event_types.webhooks.create",
            |calcom| calcom.event_types().webhooks(7).create(HOOK, [EventKind::BookingCreated]).secret(&secret()),
            calcom
                .event_types()
                .webhooks(7)
                .create(HOOK, [EventKind::BookingCreated])
                .secret(&secret())
                .active(false)
                .version_of_bodies(WebhookVersion::V2021_10_20)
                .no_show_after(5, &TimeUnit::Hour)
        ),
        call!(
            "event_types.webhooks.list",
            |calcom| calcom.event_types().webhooks(7).list(),
            calcom.event_types().webhooks(7).list().skip(20_u64).page_size(10_u32)
        ),
        call!("event_types.webhooks.get", |calcom| calcom.event_types().webhooks(7).get("w1")),
        call!(
            "event_types.webhooks.update",
            |calcom| calcom.event_types().webhooks(7).update("w1"),
            calcom
                .event_types()
                .webhooks(7)
                .update("w1")
                .subscriber_url(HOOK)
                .triggers(vec![EventKind::BookingPaid])
                .active(true)
                .version_of_bodies(WebhookVersion::V2021_10_20)
                .secret(&secret())
        ),
        call!("event_types.webhooks.delete", |calcom| calcom.event_types().webhooks(7).delete("w1")),
        call!("event_types.webhooks.delete_all", |calcom| calcom.event_types().webhooks(7).delete_all()),
    ]
}

fn me() -> Vec<Call> {
    vec![
        call!("me.get", |calcom| calcom.me().get()),
        call!(
            "me.update",
            |calcom| calcom.me().update(),
            calcom
                .me()
                .update()
                .email("bo@example.com")
                .name("Bo")
                .bio("Teaches")
                .avatar_url("https://crm.example.com/bo.png")
                .time_format(24_u32)
                .time_zone("Europe/Berlin")
                .week_start(Weekday::Monday)
                .locale("de")
                .default_schedule(3)
                .metadata(Map::new())
        ),
    ]
}

fn out_of_office() -> Vec<Call> {
    vec![
        call!(
            "ooo.list",
            |calcom| calcom.out_of_office().list(),
            calcom.out_of_office().list().sort_start(Sort::Asc).sort_end(Sort::Desc).skip(10_u64).page_size(10_u32)
        ),
        call!(
            "ooo.create",
            |calcom| calcom.out_of_office().create(at(FROM), at(TO)),
            calcom.out_of_office().create(at(FROM), at(TO)).notes("away").to_user(6).reason(OooReason::Travel)
        ),
        call!(
            "ooo.update",
            |calcom| calcom.out_of_office().update(9),
            calcom.out_of_office().update(9).between(at(FROM), at(TO)).notes("away").to_user(6).reason(OooReason::Sick)
        ),
        call!("ooo.delete", |calcom| calcom.out_of_office().delete(9)),
    ]
}

fn organization() -> Vec<Call> {
    vec![
        call!(
            "ooo.list_of_organization",
            |calcom| calcom.out_of_office().of_organization(4).list(),
            calcom
                .out_of_office()
                .of_organization(4)
                .list()
                .email("bo@example.com")
                .sort_start(Sort::Asc)
                .sort_end(Sort::Desc)
                .skip(10_u64)
                .page_size(10_u32)
        ),
        call!(
            "ooo.list_of_user",
            |calcom| calcom.out_of_office().of_organization(4).list_of(5),
            calcom.out_of_office().of_organization(4).list_of(5).sort_start(Sort::Asc).sort_end(Sort::Desc)
        ),
        call!(
            "ooo.create_of_user",
            |calcom| calcom.out_of_office().of_organization(4).create(5, at(FROM), at(TO)),
            calcom
                .out_of_office()
                .of_organization(4)
                .create(5, at(FROM), at(TO))
                .notes("away")
                .to_user(6)
                .reason(OooReason::PublicHoliday)
        ),
        call!(
            "ooo.update_of_user",
            |calcom| calcom.out_of_office().of_organization(4).update(5, 9),
            calcom
                .out_of_office()
                .of_organization(4)
                .update(5, 9)
                .between(at(FROM), at(TO))
                .notes("away")
                .to_user(6)
                .reason(OooReason::Vacation)
        ),
        call!("ooo.delete_of_user", |calcom| calcom.out_of_office().of_organization(4).delete(5, 9)),
    ]
}

fn teams() -> Vec<Call> {
    vec![
        call!(
            "teams.create",
            |calcom| calcom.teams().create("Sales"),
            calcom
                .teams()
                .create("Sales")
                .auto_accept_creator(true)
                .slug("sales")
                .logo_url("https://crm.example.com/sales.png")
                .bio("Sells")
                .hide_branding(true)
                .is_private(true)
                .hide_book_a_team_member(true)
                .time_format(24_u32)
                .time_zone("Europe/Berlin")
                .week_start(Weekday::Monday)
                .metadata(Map::new())
        ),
        call!("teams.list", |calcom| calcom.teams().list()),
        call!("teams.get", |calcom| calcom.teams().get(3)),
        call!(
            "teams.update",
            |calcom| calcom.teams().update(3),
            calcom
                .teams()
                .update(3)
                .name("Sales")
                .slug("sales")
                .logo_url("https://crm.example.com/sales.png")
                .bio("Sells")
                .hide_branding(true)
                .is_private(true)
                .hide_book_a_team_member(true)
                .time_format(24_u32)
                .time_zone("Europe/Berlin")
                .week_start(Weekday::Monday)
                .metadata(Map::new())
        ),
        call!("teams.delete", |calcom| calcom.teams().delete(3)),
    ]
}

/// A token set, which has no unknown fields.
struct Tokens(#[expect(dead_code, reason = "only decoded")] TokenSet);

impl Unknown for Tokens {}

fn oauth() -> Vec<Call> {
    vec![
        Call {
            operation: "oauth.token",
            send: |server, full| {
                let app = server.app();
                Box::pin(async move {
                    let pkce = Pkce::from_verifier(secret());
                    let response =
                        if full { app.exchange_code("code", Some(&pkce)).await } else { app.refresh(&secret()).await };
                    response.map(|tokens| decoded(&Tokens(tokens)))
                })
            },
        },
        Call {
            operation: "oauth.client",
            send: |server, _| {
                let app = server.app();
                Box::pin(async move { app.client().await.map(|response| decoded(&response)) })
            },
        },
    ]
}
