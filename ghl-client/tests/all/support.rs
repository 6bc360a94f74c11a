use std::sync::Arc;

use ghl_client::{GhlClient, TokenKinds};
use serde_json::Value;
use sidecar_core::{
    Timestamp,
    retry::RetryPolicy,
    test_util::{ManualClock, RecordedRequest, ScriptedTransport},
};

pub(crate) const LOCATION: &str = "ve9EPM428h8vShlRW1KT";

/// 2026-03-01T10:00:00Z.
pub(crate) const NOW: Timestamp = Timestamp::from_secs(1_772_359_200);

macro_rules! fixture {
    ($name:literal) => {
        $crate::support::body(include_str!(concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/../tests/fixtures/ghl/",
            $name,
            ".json"
        )))
    };
}
pub(crate) use fixture;

/// The wire body in a fixture file.
pub(crate) fn body(file: &str) -> Value {
    let mut file: Value = serde_json::from_str(file).unwrap();
    assert!(file["source"].is_string(), "a fixture says where it comes from");
    file["body"].take()
}

/// A client that gets these answers, one attempt each.
pub(crate) fn client(script: ScriptedTransport) -> (GhlClient, Arc<ScriptedTransport>) {
    let transport = Arc::new(script);
    let client = GhlClient::builder()
        .private_integration_token("pit-secret")
        // It stands for the token of whichever kind a test needs.
        .token_kinds(TokenKinds::ANY)
        .client_id("app1-x")
        .transport(transport.clone())
        .clock(Arc::new(ManualClock::new(NOW)))
        .retry(RetryPolicy::never())
        .build()
        .unwrap();
    (client, transport)
}

/// A client with a single answer.
pub(crate) fn answering(status: u16, body: Value) -> (GhlClient, Arc<ScriptedTransport>) {
    client(ScriptedTransport::new().respond(status, body))
}

pub(crate) fn only(transport: &ScriptedTransport) -> RecordedRequest {
    let mut requests = transport.requests();
    assert_eq!(requests.len(), 1, "{requests:?}");
    requests.remove(0)
}

/// Method and path with query, as in a request line.
pub(crate) fn line(request: &RecordedRequest) -> String {
    let url = request.url.strip_prefix("https://services.leadconnectorhq.com").unwrap_or(&request.url);
    format!("{} {url}", request.method)
}
