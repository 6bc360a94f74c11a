use std::sync::Arc;

use calcom_client::{CalcomClient, CalcomClientBuilder};
use serde_json::{Map, Value, json};
use sidecar_core::{
    Timestamp,
    retry::RetryPolicy,
    test_util::{ManualClock, RecordedRequest, ScriptedTransport},
};

/// 2026-12-01T18:05:00Z.
pub(crate) const NOW: Timestamp = Timestamp::from_secs(1_796_148_300);

macro_rules! fixture {
    ($name:literal) => {
        $crate::support::body(include_str!(concat!("../../../tests/fixtures/calcom/", $name, ".json")))
    };
}
pub(crate) use fixture;

/// Returns the wire body of a fixture file.
pub(crate) fn body(file: &str) -> Value {
    let mut file: Value = serde_json::from_str(file).unwrap();
    assert!(file["source"].is_string(), "a fixture names its source");
    file["body"].take()
}

pub(crate) fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

/// Returns the builder of a client that makes one attempt per call with this transport.
pub(crate) fn builder(transport: &Arc<ScriptedTransport>) -> CalcomClientBuilder {
    CalcomClient::builder()
        .transport(transport.clone())
        .clock(Arc::new(ManualClock::new(NOW)))
        .retry(RetryPolicy::never())
}

/// Returns a client that receives these responses.
pub(crate) fn client(script: ScriptedTransport) -> (CalcomClient, Arc<ScriptedTransport>) {
    let transport = Arc::new(script);
    (builder(&transport).api_key("cal_live_secret".to_owned()).build().unwrap(), transport)
}

/// Returns a client that receives a single response.
pub(crate) fn client_with(status: u16, body: Value) -> (CalcomClient, Arc<ScriptedTransport>) {
    client(ScriptedTransport::new().respond(status, body))
}

/// Returns the only request that was sent.
pub(crate) fn only_request(transport: &ScriptedTransport) -> RecordedRequest {
    let mut requests = transport.requests();
    assert_eq!(requests.len(), 1, "{requests:?}");
    requests.remove(0)
}

/// Returns method and path with query, as in a request line.
pub(crate) fn request_line(request: &RecordedRequest) -> String {
    let url = request.url.strip_prefix("https://api.cal.com").unwrap_or(&request.url);
    format!("{} {url}", request.method)
}

/// Returns the value without nulls, which parse like absent fields, and with every number as a float.
pub(crate) fn normalized(value: &Value) -> Value {
    match value {
        Value::Object(fields) => {
            let fields = fields.iter().filter(|(_, value)| !value.is_null());
            Value::Object(fields.map(|(name, value)| (name.clone(), normalized(value))).collect::<Map<_, _>>())
        }
        Value::Array(items) => items.iter().map(normalized).collect(),
        Value::Number(number) => json!(number.as_f64()),
        other => other.clone(),
    }
}

/// Returns one value of every JSON type, and extreme ones, to put into fields.
pub(crate) fn mutants() -> Vec<Value> {
    vec![
        Value::Null,
        json!(true),
        json!(-1),
        json!(1.5e300),
        json!(u64::MAX),
        json!(""),
        json!("x".repeat(300)),
        json!([]),
        json!([null, {"a": [1]}, "x"]),
        json!({}),
        json!({"id": 7, "deep": {"deeper": [[[[{}]]]]}}),
    ]
}

/// Returns the JSON pointers of all fields, including those of nested objects and lists.
pub(crate) fn paths(value: &Value) -> Vec<String> {
    fn walk(value: &Value, at: &str, found: &mut Vec<String>) {
        let mut visit = |name: String, value: &Value| {
            let path = format!("{at}/{name}");
            found.push(path.clone());
            walk(value, &path, found);
        };
        match value {
            Value::Object(fields) => {
                fields.iter().for_each(|(name, value)| visit(name.replace('~', "~0").replace('/', "~1"), value));
            }
            Value::Array(items) => items.iter().enumerate().for_each(|(i, value)| visit(i.to_string(), value)),
            _ => {}
        }
    }
    let mut found = Vec::new();
    walk(value, "", &mut found);
    found
}
