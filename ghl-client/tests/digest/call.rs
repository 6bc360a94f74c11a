use std::sync::{Arc, Mutex};

use futures_util::future::BoxFuture;
use ghl_client::{GhlClient, GhlOAuth, TokenKinds};
use serde_json::{Value, json};
use sidecar_core::{
    Result, Timestamp,
    http::{AttemptReport, Observer},
    retry::RetryPolicy,
    test_util::{ManualClock, RecordedRequest, ScriptedTransport},
};

/// 2026-03-01T10:00:00Z.
pub(crate) const NOW: Timestamp = Timestamp::from_secs(1_772_359_200);
/// An hour later.
pub(crate) const LATER: Timestamp = Timestamp::from_secs(1_772_362_800);

/// What requests are made with.
#[derive(Debug, Clone)]
pub(crate) struct Client {
    pub(crate) ghl: GhlClient,
    pub(crate) app: GhlOAuth,
}

/// A call of one operation.
pub(crate) struct Call {
    operation: &'static str,
    answer: Value,
    send: fn(Client, bool) -> BoxFuture<'static, Result<()>>,
}

impl Call {
    /// The operation's name.
    pub(crate) fn operation(&self) -> &'static str {
        self.operation
    }

    pub(crate) fn new(operation: &'static str, send: fn(Client, bool) -> BoxFuture<'static, Result<()>>) -> Self {
        Self { operation, answer: json!({}), send }
    }

    /// The same with this answer, from which the next page is asked for.
    pub(crate) fn answered(mut self, answer: Value) -> Self {
        self.answer = answer;
        self
    }
}

/// A call: its operation, and the request with few arguments and with all.
macro_rules! call {
    ($operation:literal, |$ghl:ident| $request:expr) => {
        $crate::call::call!($operation, |$ghl| $request, $request)
    };
    ($operation:literal, |$ghl:ident| $few:expr, $all:expr) => {
        $crate::call::Call::new($operation, |client, full| {
            let $ghl = client.ghl;
            Box::pin(async move { if full { $all.await.map(drop) } else { $few.await.map(drop) } })
        })
    };
}
pub(crate) use call;

/// A request that was sent.
#[derive(Debug)]
pub(crate) struct Sent {
    pub(crate) operation: String,
    pub(crate) request: RecordedRequest,
}

impl Sent {
    /// The query, in its order.
    pub(crate) fn query(&self) -> Vec<(String, String)> {
        let query = self.request.url.split_once('?').map(|(_, query)| query).unwrap_or_default();
        url::form_urlencoded::parse(query.as_bytes()).into_owned().collect()
    }

    /// The body's fields: JSON or a form; `Null` without a body. Of a form with files they are its texts, those of one name in a
    /// list.
    pub(crate) fn body(&self) -> Value {
        if self.media() == "multipart/form-data" {
            return self.parts();
        }
        if self.media() == "application/x-www-form-urlencoded" {
            let fields = url::form_urlencoded::parse(&self.request.body);
            return fields.map(|(name, value)| (name.into_owned(), Value::from(value.into_owned()))).collect();
        }
        self.request.json()
    }

    fn parts(&self) -> Value {
        let media = self.request.header("content-type");
        let boundary = format!("--{}", media.split_once("boundary=").unwrap().1);
        let content = String::from_utf8_lossy(&self.request.body).into_owned();
        let mut fields = serde_json::Map::new();
        for part in content.split(&boundary).filter(|part| !part.contains("filename=")) {
            let Some((head, text)) = part.split_once("\r\n\r\n") else { continue };
            let (name, text) = (head.split('"').nth(1).unwrap(), Value::from(text.trim_end_matches("\r\n")));
            match fields.get_mut(name) {
                Some(Value::Array(texts)) => texts.push(text),
                Some(one) => *one = json!([one.clone(), text]),
                None => drop(fields.insert(name.to_owned(), text)),
            }
        }
        fields.into()
    }

    /// The body's media type; empty without a body.
    pub(crate) fn media(&self) -> &str {
        self.request.header("content-type").split(';').next().unwrap_or_default()
    }

    /// All names in query and body.
    pub(crate) fn names(&self) -> Vec<String> {
        let body = self.body();
        let objects =
            body.as_object().into_iter().chain(body.as_array().into_iter().flatten().filter_map(Value::as_object));
        let fields = objects.flatten().map(|(name, _)| name.clone());
        self.query().into_iter().map(|(name, _)| name).chain(fields).collect()
    }
}

#[derive(Debug, Default)]
struct Names(Mutex<Vec<String>>);

impl Observer for Names {
    fn attempt(&self, report: &AttemptReport<'_>) {
        self.0.lock().unwrap().push(report.operation.to_string());
    }
}

impl Call {
    /// Sends it; what it makes of the answer does not matter here.
    pub(crate) async fn sent(&self, full: bool) -> Vec<Sent> {
        let (sent, outcome) = self.sent_by(full, false).await;
        assert!(!sent.is_empty(), "{} was not sent: {outcome:?}", self.operation);
        sent
    }

    /// What a client that speaks v3 sends, and what came of it: an operation that v3 lacks is not sent.
    pub(crate) async fn sent_in_v3(&self, full: bool) -> (Vec<Sent>, Result<()>) {
        self.sent_by(full, true).await
    }

    async fn sent_by(&self, full: bool, v3: bool) -> (Vec<Sent>, Result<()>) {
        let transport = Arc::new(ScriptedTransport::new().respond(200, self.answer.clone()));
        let names = Arc::new(Names::default());
        let mut client = client(&transport, &names);
        if v3 {
            client.ghl = client.ghl.v3();
        }
        let outcome = (self.send)(client, full).await;
        let requests = transport.requests();
        let names = names.0.lock().unwrap();
        assert!(names.iter().all(|name| name == self.operation), "{} calls {names:?}", self.operation);
        let sent = requests.into_iter().map(|request| Sent { operation: self.operation.to_owned(), request });
        (sent.collect(), outcome)
    }
}

fn client(transport: &Arc<ScriptedTransport>, names: &Arc<Names>) -> Client {
    let clock = Arc::new(ManualClock::new(NOW));
    let ghl = GhlClient::builder()
        .private_integration_token("pit-1")
        .token_kinds(TokenKinds::ANY)
        .client_id("app1-x")
        .transport(transport.clone())
        .observer(names.clone())
        .clock(clock.clone())
        .retry(RetryPolicy::never());
    let app = GhlOAuth::builder("app1-x", "secret".to_owned())
        .redirect_uri("https://crm.example.com/back")
        .transport(transport.clone())
        .observer(names.clone())
        .clock(clock)
        .retry(RetryPolicy::never());
    Client { ghl: ghl.build().unwrap(), app: app.build().unwrap() }
}
