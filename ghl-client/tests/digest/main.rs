//! What the hand-written requests send, held against the digest of the published specifications: no server, no specification.
//!
//! Every operation is sent with few arguments and with all that its setters know. Method, path, version, names and shapes of the
//! query and of the body must be the published ones. That generated calls fit is the contract lane's to show. Invariant: where a
//! request differs, `exceptions.json` says why, and nothing stands there that fits; and no operation or setter is left out.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on has failed")]

mod call;
mod calls;
mod check;
mod fits;
mod source;

use std::collections::{BTreeMap, BTreeSet};

use call::{Sent, call};
use check::Digest;
use ghl_client::ApiVersion;
use serde_json::json;
use sidecar_core::ErrorKind;

const EXCEPTIONS: &str = include_str!("exceptions.json");

/// Every request, with few arguments and with all.
async fn sent() -> Vec<Sent> {
    let mut sent = Vec::new();
    for call in calls::all() {
        for full in [false, true] {
            sent.extend(call.sent(full).await);
        }
    }
    sent
}

#[tokio::test]
async fn every_hand_written_request_is_as_the_specification_has_it() {
    let sent = sent().await;
    let digest = Digest::load();
    let found = sent.iter().flat_map(|sent| digest.complaints(sent)).collect();
    println!("measurement: digest ghl, hand-written: {} requests checked", sent.len());
    assert_known(&found);
}

/// No complaint but those that `exceptions.json` gives a reason for, and all of those: they are the same in every version.
fn assert_known(found: &BTreeSet<String>) {
    let known: BTreeMap<String, String> = serde_json::from_str(EXCEPTIONS).unwrap();
    let new: Vec<_> = found.iter().filter(|complaint| !known.contains_key(*complaint)).collect();
    let healed: Vec<_> = known.keys().filter(|complaint| !found.contains(*complaint)).collect();
    println!("measurement: digest ghl, hand-written: {} exceptions", known.len());
    assert!(new.is_empty(), "{} complaints are not in exceptions.json:\n{new:#?}", new.len());
    assert!(healed.is_empty(), "these are no longer true, take them out of exceptions.json: {healed:#?}");
}

/// What a client that speaks v3 does not send, because v3 lacks it.
const GONE_IN_V3: [&str; 6] = [
    "conversations.preferences.change",
    "conversations.preferences.create_kind",
    "conversations.preferences.kinds",
    "conversations.preferences.status",
    "conversations.preferences.update_kind",
    "oauth.installed_locations",
];

#[tokio::test]
async fn every_hand_written_request_in_v3_is_as_the_specification_has_it_or_is_not_sent() {
    let (digest, mut found, mut checked, mut gone) = (Digest::load(), BTreeSet::new(), 0, BTreeSet::new());
    for call in calls::all() {
        for full in [false, true] {
            let (sent, outcome) = call.sent_in_v3(full).await;
            if sent.is_empty() {
                let error = outcome.unwrap_err();
                assert_eq!(
                    (error.kind(), error.send_state()),
                    (ErrorKind::InvalidInput, sidecar_core::SendState::NotSent),
                    "{error}"
                );
                assert!(error.message().contains("v3") && error.operation() == call.operation(), "{error}");
                gone.insert(call.operation());
            }
            checked += sent.len();
            found.extend(sent.iter().flat_map(|sent| digest.complaints(sent)));
        }
    }
    println!("measurement: digest ghl, hand-written: {checked} requests checked in v3");
    assert_eq!(gone, GONE_IN_V3.into());
    assert_known(&found);
}

#[tokio::test]
async fn what_is_not_as_published_is_named() {
    let digest = Digest::load();
    for (call, complaints) in [
        (call!("raw", |ghl| ghl.raw().post("/contacts/").body(&json!({"locationId": "l1"}))), &[][..]),
        (
            call!("raw", |ghl| ghl.raw().post("/contacts/").body(&json!({"firstName": 1, "tags": [2], "hat": 3}))),
            &[
                "raw: body.firstName: number instead of string",
                "raw: body.hat: not published",
                "raw: body.locationId: required and absent",
                "raw: body.tags: number instead of string",
            ],
        ),
        (call!("raw", |ghl| ghl.raw().post("/contacts/")), &["raw: body: absent"]),
        (call!("raw", |ghl| ghl.raw().delete("/contacts/c1").body(&json!({}))), &["raw: body: none is published"]),
        (call!("raw", |ghl| ghl.raw().post("/contacts/c1")), &["raw: POST /contacts/c1 is not published"]),
        (call!("raw", |ghl| ghl.raw().get("/contacts/c1/hats")), &["raw: GET /contacts/c1/hats is not published"]),
        (
            call!("raw", |ghl| ghl
                .raw()
                .get("/opportunities/search?location_id=l1&limit=ten&status=on&getNotes=1&hat=x")),
            &[
                "raw: query.getNotes: string instead of boolean",
                "raw: query.hat: not published",
                "raw: query.limit: string instead of number",
                "raw: query.status: \"on\" is none of its values",
            ],
        ),
        (
            call!("raw", |ghl| ghl.raw().get("/businesses/").query("limit", 10)),
            &["raw: query.locationId: required and absent"],
        ),
        (
            call!("raw", |ghl| ghl.raw().get("/contacts/c1").version(ApiVersion::V2021_04_15)),
            &["raw: version: `2021-04-15` is none of [\"2021-07-28\"]"],
        ),
    ] {
        let mut found = digest.complaints(&call.sent(false).await[0]);
        found.sort();
        assert_eq!(found, complaints);
    }
}

/// The families that have hand-written requests.
const FAMILIES: [&str; 11] = [
    "businesses",
    "calendars",
    "companies",
    "contacts",
    "conversations",
    "custom-fields",
    "locations",
    "oauth",
    "opportunities",
    "users",
    "workflows",
];

/// What has none: both are deprecated, and `contacts().search(…)` and `users().search(…)` do the same.
const NOT_WRITTEN: [&str; 2] = ["GET /contacts/", "GET /users/"];

#[tokio::test]
async fn every_operation_of_the_usual_families_has_a_hand_written_request() {
    let (published, mut uncalled) = Digest::load().uncalled(&FAMILIES, false, &sent().await);
    uncalled.sort();
    assert_eq!((published, uncalled), (168, NOT_WRITTEN.map(str::to_owned).into()));
}

#[tokio::test]
async fn every_hand_written_operation_is_sent() {
    let sent: BTreeSet<String> = sent().await.into_iter().map(|sent| sent.operation).collect();
    let declared: BTreeSet<String> = source::files().iter().flat_map(|file| file.operations.clone()).collect();
    assert_eq!(sent, declared, "left: sent, right: declared");
}

#[tokio::test]
async fn every_setter_is_used_by_a_request_of_its_file() {
    let mut names: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for sent in sent().await {
        names.entry(sent.operation.clone()).or_default().extend(sent.names());
    }
    for file in source::files() {
        let used: BTreeSet<&String> = file.operations.iter().filter_map(|name| names.get(name)).flatten().collect();
        let unused: Vec<_> = file.setters.iter().filter(|setter| !used.contains(setter)).collect();
        assert!(unused.is_empty(), "{} has setters that no call of calls/ uses: {unused:?}", file.path);
    }
}
