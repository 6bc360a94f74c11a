//! The requests of the generated calls, without a server: method, path, version and media type match the specification in both
//! generations, with required arguments and with all.

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

/// Sends a call, decodes a response with an unknown field, and returns the request.
async fn sent(call: &Call, generation: Generation, full: bool) -> RecordedRequest {
    let transport = Arc::new(ScriptedTransport::new().respond(200, json!({"thisIsNew": 1})));
    let builder = GhlClient::builder().private_integration_token("pit-1").token_kinds(TokenKinds::ANY);
    let ghl = builder.transport(transport.clone()).build().unwrap();
    let ghl = if generation == Generation::V3 { ghl.v3() } else { ghl };
    let name = call.operation.name;
    let sent = (call.send)(&ghl, &At::new(generation, full));
    let response = sent.response.await.unwrap_or_else(|error| panic!("{name} {generation}: {error}"));
    match (sent.decode)(response) {
        // Some of the oldest responses are plain text, which every body is.
        Ok(unknown) if unknown.is_empty() => assert!(!sent.described || name.starts_with("saas_api."), "{name}"),
        Ok(unknown) => assert_eq!(unknown, ["thisIsNew"], "{name} {generation}"),
        // A response that is a list or a text cannot be decoded from an object.
        Err(error) => assert!(sent.described && error.to_string().contains(name), "{name} {generation}: {error}"),
    }
    transport.requests().remove(0)
}

/// Returns `true` if the path is the template with its placeholders filled.
fn matches(path: &str, template: &str) -> bool {
    let (path, template): (Vec<_>, Vec<_>) = (path.split('/').collect(), template.split('/').collect());
    let fits = |(part, expected): (&&str, &&str)| expected.contains('{') && !part.is_empty() || part == expected;
    path.len() == template.len() && path.iter().zip(&template).all(fits)
}

fn check(name: &str, request: &RecordedRequest, endpoint: &Endpoint) {
    let url = request.url.strip_prefix(ghl_client::config::BASE_URL).unwrap();
    let path = url.split('?').next().unwrap();
    assert_eq!(request.method, endpoint.method, "{name}");
    assert!(matches(path, endpoint.path), "{name}: {path} does not match {}", endpoint.path);
    assert_eq!(request.header("version"), endpoint.version.as_str(), "{name}");
    let media = request.header("content-type").split(';').next().unwrap().to_owned();
    let expected = match endpoint.media {
        None => "",
        Some(Media::Json) => "application/json",
        Some(Media::Form) => "application/x-www-form-urlencoded",
        Some(Media::Multipart) => "multipart/form-data",
    };
    assert_eq!(media, expected, "{name}");
}

#[tokio::test]
async fn every_request_matches_its_specification() {
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
async fn full_arguments_include_optional_ones() {
    let call = calls().find(|call| call.operation.name == "contacts.create_contact").unwrap();
    let (required, all) = (sent(call, Generation::V2, false).await, sent(call, Generation::V2, true).await);
    assert_eq!(required.json(), json!({"locationId": "sample1"}));
    assert_eq!(all.json()["customFields"], json!([{"id": "sample1", "key": "sample1", "field_value": "sample1"}]));
}
