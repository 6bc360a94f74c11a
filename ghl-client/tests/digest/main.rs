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
    let digest = Digest::load();
    let known: BTreeMap<String, String> = serde_json::from_str(EXCEPTIONS).unwrap();
    let sent = sent().await;
    let found: BTreeSet<String> = sent.iter().flat_map(|sent| digest.complaints(sent)).collect();
    let new: Vec<_> = found.iter().filter(|complaint| !known.contains_key(*complaint)).collect();
    let healed: Vec<_> = known.keys().filter(|complaint| !found.contains(*complaint)).collect();
    println!("figure: digest ghl, hand-written: {} requests checked, {} exceptions", sent.len(), known.len());
    assert!(new.is_empty(), "{} complaints are not in exceptions.json:\n{new:#?}", new.len());
    assert!(healed.is_empty(), "these are no longer true, take them out of exceptions.json: {healed:#?}");
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
