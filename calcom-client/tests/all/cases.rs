//! Every operation with its request and its response: requests are compared exactly, responses are parsed and serialized. The cases are
//! in `bookings`, `availability` and `accounts`.

use std::{collections::BTreeSet, sync::Arc};

use calcom_client::{ApiVersions, CalcomClient, OPERATIONS, Operation, Profile, Result};
use futures_util::future::BoxFuture;
use serde_json::Value;
use sidecar_core::{
    http::{AttemptReport, Observer},
    test_util::ScriptedTransport,
};

use crate::{
    accounts, availability, bookings,
    support::{builder, normalized, only_request, request_line},
};

type Run = Box<dyn Fn(CalcomClient) -> BoxFuture<'static, Result<Value>>>;

/// One call of an operation.
pub(crate) struct Case {
    pub(crate) operation: &'static str,
    pub(crate) line: String,
    pub(crate) body: Value,
    pub(crate) response: Value,
    /// Sends the request and returns the parsed response as JSON.
    pub(crate) run: Run,
}

/// A case: operation, request line, body, response, and the request as an expression of the client.
macro_rules! case {
    ($operation:literal, $line:expr, $body:expr, $response:expr, |$client:ident| $request:expr) => {
        $crate::cases::case!(@build $operation, $line, $body, $response, |$client| $request, |read| serde_json::json!(read))
    };
    ($operation:literal, $line:expr, $body:expr, $response:expr, |$client:ident| $request:expr, page) => {
        $crate::cases::case!(@build $operation, $line, $body, $response, |$client| $request, |read| serde_json::json!(read.items))
    };
    (@build $operation:literal, $line:expr, $body:expr, $response:expr, |$client:ident| $request:expr, |$read:ident| $json:expr) => {
        $crate::cases::Case {
            operation: $operation,
            line: $line.to_owned(),
            body: $body,
            response: $response,
            run: Box::new(|$client: calcom_client::CalcomClient| {
                Box::pin(async move {
                    let $read = $request.await?;
                    Ok($json)
                })
            }),
        }
    };
}
pub(crate) use case;

pub(crate) fn all() -> Vec<Case> {
    [bookings::cases(), availability::cases(), accounts::cases()].into_iter().flatten().collect()
}

pub(crate) fn operation(name: &str) -> &'static Operation {
    OPERATIONS.iter().find(|operation| operation.name == name).unwrap_or_else(|| panic!("unknown operation {name}"))
}

/// Records the operations that were sent.
#[derive(Debug, Default)]
struct SentOperations(std::sync::Mutex<Vec<String>>);

impl Observer for SentOperations {
    fn attempt(&self, report: &AttemptReport<'_>) {
        self.0.lock().unwrap().push(report.operation.to_string());
    }
}

#[tokio::test]
async fn every_operation_sends_its_request_and_parses_its_whole_response() {
    for case in all() {
        let name = format!("{} ({})", case.operation, case.line);
        let transport = Arc::new(ScriptedTransport::new().respond(200, case.response.clone()));
        let sent = Arc::new(SentOperations::default());
        let client = builder(&transport).api_key("cal_live_secret".to_owned()).observer(sent.clone()).build().unwrap();
        let read = (case.run)(client).await.unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!(*sent.0.lock().unwrap(), [case.operation], "{name}");

        let request = only_request(&transport);
        assert_eq!(request_line(&request), case.line, "{name}");
        assert_eq!(request.json(), case.body, "{name}");
        assert_eq!(request.header("authorization"), "Bearer cal_live_secret", "{name}");
        let operation = operation(case.operation);
        let version = operation.group.version(&ApiVersions::of(Profile::Cloud)).map(ToString::to_string);
        assert_eq!(request.header("cal-api-version"), version.unwrap_or_default(), "{name}");
        assert!(matches_template(operation.path, &case.line), "{name} is not on {}", operation.path);
        assert!(case.line.starts_with(&format!("{} ", operation.method)), "{name}");

        let data = case.response.get("data").unwrap_or(&Value::Null);
        if !read.is_null() && read.get("status").is_none() {
            assert_eq!(normalized(&read), normalized(data), "{name}");
        }
    }
}

/// Returns whether a request line matches a path template.
fn matches_template(template: &str, line: &str) -> bool {
    let path = line.split_once(' ').unwrap().1.split('?').next().unwrap();
    let (template, path): (Vec<_>, Vec<_>) = (template.split('/').collect(), path.split('/').collect());
    template.len() == path.len() && template.iter().zip(&path).all(|(part, sent)| part == sent || part.starts_with('{'))
}

#[test]
fn every_operation_except_those_of_the_oauth_client_has_a_case() {
    let cases: BTreeSet<_> = all().iter().map(|case| case.operation).collect();
    let listed: BTreeSet<_> = OPERATIONS.iter().map(|operation| operation.name).collect();
    assert_eq!(listed.len(), OPERATIONS.len(), "a name occurs twice");
    let missing: Vec<_> = listed.difference(&cases).copied().collect();
    assert_eq!(missing, ["oauth.client", "oauth.token"]);
    assert_eq!(OPERATIONS.len(), 78);
}
