//! Each hand-written request's line, version and body, with the least and with all of its arguments; what it makes of a
//! realistic answer; and what it refuses before anything is sent. One file a family.

mod businesses;
mod calendars;
mod companies;
mod contacts;
mod conversations;
mod custom_fields;
mod locations;
mod opportunities;
mod users;
mod workflows;

use ghl_client::GhlClient;
use serde_json::{Value, json};
use sidecar_core::{ErrorKind, Result, test_util::ScriptedTransport};

use crate::support::{answering, client, line, only};

/// No body is sent.
pub(crate) const NOTHING: Value = Value::Null;

/// What a room's requests have in common: the version they are sent with.
pub(crate) struct Room(pub(crate) &'static str);

impl Room {
    /// The request, answered so, is sent as this line with this body; gives what it made of the answer.
    pub(crate) async fn sends<T, R>(
        &self,
        request: impl FnOnce(GhlClient) -> R,
        expected: &str,
        body: Value,
        answer: Value,
    ) -> T
    where
        R: IntoFuture<Output = Result<T>>,
    {
        let (ghl, sent) = answering(200, answer);
        let output = request(ghl).await;
        let request = only(&sent);
        assert_eq!(line(&request), expected);
        assert_eq!(request.json(), body, "{expected}");
        assert_eq!(request.header("version"), self.0, "{expected}");
        output.unwrap_or_else(|error| panic!("{expected}: {error}"))
    }
}

/// A table of requests, each with its line, its body (`null` for none) and what it is answered.
macro_rules! wire {
    ($room:expr, $ghl:ident; $($request:expr => $line:literal, $body:tt, $answer:tt;)+) => {
        $($room.sends(|$ghl| $request, $line, ::serde_json::json!($body), ::serde_json::json!($answer)).await;)+
    };
}
pub(crate) use wire;

/// The request is refused before it is sent, with a word on what to do.
pub(crate) async fn refuses<T: std::fmt::Debug, R>(request: impl FnOnce(GhlClient) -> R, word: &str)
where
    R: IntoFuture<Output = Result<T>>,
{
    let (ghl, sent) = client(ScriptedTransport::new());
    let error = request(ghl).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidInput, "{error}");
    assert!(error.message().contains(word), "`{error}` should speak of {word}");
    assert!(sent.requests().is_empty());
}

/// A client that is given these pages one after another.
pub(crate) fn paged(pages: impl IntoIterator<Item = Value>) -> (GhlClient, std::sync::Arc<ScriptedTransport>) {
    client(pages.into_iter().fold(ScriptedTransport::new(), |script, page| script.respond(200, page)))
}

/// Rows that have only ids.
pub(crate) fn rows(ids: impl IntoIterator<Item = &'static str>) -> Value {
    ids.into_iter().map(|id| json!({"id": id})).collect()
}
