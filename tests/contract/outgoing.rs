//! What the generated calls send, without a server: each goes where the specification has its operation, in both generations,
//! with few arguments and with many.

use std::sync::Arc;

use ghl_client::{
    GhlClient, TokenKinds,
    api::{Endpoint, Generation, Media},
};
use serde_json::json;
use sidecar_core::test_util::{RecordedRequest, ScriptedTransport};

use crate::{
    call::{At, Call},
    calls::CALLS,
};

fn calls() -> impl Iterator<Item = &'static Call> {
    CALLS.iter().flat_map(|(_, calls)| *calls)
}

/// Sends a call and reads an answer that has a field which nobody knows.
async fn sent(call: &Call, generation: Generation, full: bool) -> RecordedRequest {
    let transport = Arc::new(ScriptedTransport::new().respond(200, json!({"thisIsNew": 1})));
    let builder = GhlClient::builder().private_integration_token("pit-1").token_kinds(TokenKinds::ANY);
    let ghl = builder.transport(transport.clone()).build().unwrap();
    let ghl = if generation == Generation::V3 { ghl.v3() } else { ghl };
    let name = call.operation.name;
    let sent = (call.send)(&ghl, &At::new(generation, full));
    let answer = sent.answer.await.unwrap_or_else(|error| panic!("{name} {generation}: {error}"));
    match (sent.read)(answer) {
        // Some of the oldest answers are texts, and any body is one.
        Ok(unknown) if unknown.is_empty() => assert!(!sent.described || name.starts_with("saas_api."), "{name}"),
        Ok(unknown) => assert_eq!(unknown, ["thisIsNew"], "{name} {generation}"),
        // Lists and texts are no objects.
        Err(error) => assert!(sent.described && error.to_string().contains(name), "{name} {generation}: {error}"),
    }
    transport.requests().remove(0)
}

/// Whether a path is a template with its placeholders filled.
fn matches(path: &str, template: &str) -> bool {
    let (path, template): (Vec<_>, Vec<_>) = (path.split('/').collect(), template.split('/').collect());
    let fits = |(part, wanted): (&&str, &&str)| wanted.contains('{') && !part.is_empty() || part == wanted;
    path.len() == template.len() && path.iter().zip(&template).all(fits)
}

fn check(name: &str, request: &RecordedRequest, endpoint: &Endpoint) {
    let url = request.url.strip_prefix(ghl_client::config::BASE_URL).unwrap();
    let path = url.split('?').next().unwrap();
    assert_eq!(request.method, endpoint.method, "{name}");
    assert!(matches(path, endpoint.path), "{name}: {path} is no {}", endpoint.path);
    assert_eq!(request.header("version"), endpoint.version.as_str(), "{name}");
    let media = request.header("content-type").split(';').next().unwrap().to_owned();
    let wanted = match endpoint.media {
        None => "",
        Some(Media::Json) => "application/json",
        Some(Media::Form) => "application/x-www-form-urlencoded",
        Some(Media::Multipart) => "multipart/form-data",
    };
    assert_eq!(media, wanted, "{name}");
}

#[tokio::test]
async fn every_call_goes_where_the_specification_has_it() {
    let mut counts = [0, 0];
    for call in calls() {
        for (place, generation) in [Generation::V2, Generation::V3].into_iter().enumerate() {
            let Some(endpoint) = call.operation.endpoint(generation) else { continue };
            counts[place] += 1;
            for full in [false, true] {
                check(call.operation.name, &sent(call, generation, full).await, endpoint);
            }
        }
    }
    assert_eq!(counts, [576, 627]);
}

#[tokio::test]
async fn full_arguments_are_more_than_minimal_ones() {
    let call = calls().find(|call| call.operation.name == "contacts.create_contact").unwrap();
    let (few, many) = (sent(call, Generation::V2, false).await, sent(call, Generation::V2, true).await);
    assert_eq!(few.json(), json!({"locationId": "sample1"}));
    assert_eq!(many.json()["customFields"], json!([{"id": "sample1", "key": "sample1", "field_value": "sample1"}]));
}
