use ghl_client::{
    Error, ErrorKind, GhlClient,
    api::{Generation, Operation},
};

use crate::call::{At, Call, Sent};

/// A call that is ready.
pub(crate) struct Case {
    operation: &'static Operation,
    full: bool,
    sent: Sent,
}

/// What became of a call.
#[derive(Debug)]
pub(crate) struct Outcome {
    pub(crate) operation: &'static Operation,
    /// Whether it had all arguments that there are.
    pub(crate) full: bool,
    /// Whether the answer has a type of its own: the specification describes it.
    pub(crate) typed: bool,
    /// Whether it was answered 2xx.
    pub(crate) accepted: bool,
    /// Why it was not accepted, or not read.
    pub(crate) error: Option<String>,
    /// Where the answer has fields that no field of the type took up.
    pub(crate) unknown: Vec<String>,
}

impl Case {
    pub(crate) fn new(ghl: &GhlClient, call: &Call, generation: Generation, full: bool) -> Self {
        Self { operation: call.operation, full, sent: (call.send)(ghl, &At::new(generation, full)) }
    }

    pub(crate) async fn run(self) -> Outcome {
        let Self { operation, full, sent: Sent { answer, read, described: typed } } = self;
        let answer = answer.await;
        let accepted = answer.is_ok();
        let (error, unknown) = match answer.and_then(read) {
            Ok(unknown) => (None, unknown),
            Err(error) => (Some(told(&error)), Vec::new()),
        };
        Outcome { operation, full, typed, accepted, error, unknown }
    }
}

/// The error with what the server said of it.
fn told(error: &Error) -> String {
    let body = error.body().map(str::to_owned).unwrap_or_default();
    let detail = if error.kind() == ErrorKind::Decode { String::new() } else { body };
    format!("{error} {detail}").chars().take(900).collect()
}
