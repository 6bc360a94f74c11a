use std::any::TypeId;

use futures_util::future::BoxFuture;
use ghl_client::{
    Error, ErrorKind,
    api::{Decode, Operation, Request},
};
use serde_json::Value;
use sidecar_core::http::Answer;

/// A call that is ready, without the type of its answer.
pub(crate) struct Case {
    operation: &'static Operation,
    sent: BoxFuture<'static, Result<Answer, Error>>,
    decode: fn(Answer) -> Result<(), Error>,
    typed: bool,
}

/// What became of a call.
#[derive(Debug)]
pub(crate) struct Outcome {
    pub(crate) operation: &'static Operation,
    /// Whether the answer has a type of its own: the specification describes it.
    pub(crate) typed: bool,
    /// Whether it was answered 2xx.
    pub(crate) accepted: bool,
    /// Why it was not accepted, or not read.
    pub(crate) error: Option<String>,
}

impl Case {
    pub(crate) fn new<T: Decode + Send + 'static>(request: Request<T>) -> Self {
        let undescribed = [TypeId::of::<Answer>(), TypeId::of::<Value>()];
        Self {
            operation: request.operation(),
            typed: !undescribed.contains(&TypeId::of::<T>()),
            sent: Box::pin(request.raw()),
            decode: |answer| T::decode(answer).map(drop),
        }
    }

    pub(crate) async fn run(self) -> Outcome {
        let sent = self.sent.await;
        let accepted = sent.is_ok();
        let error = sent.and_then(self.decode).err().map(|error| told(&error));
        Outcome { operation: self.operation, typed: self.typed, accepted, error }
    }
}

/// The error with what the server said of it.
fn told(error: &Error) -> String {
    let body = error.body().map(str::to_owned).unwrap_or_default();
    let detail = if error.kind() == ErrorKind::Decode { String::new() } else { body };
    format!("{error} {detail}").chars().take(400).collect()
}
