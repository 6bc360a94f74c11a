use ghl_client::{
    GhlClient,
    api::{Generation, Operation},
};

use crate::{
    call::{At, Call, Sent},
    outcome::{Outcome, error_text},
};

/// A call with its arguments.
pub(crate) struct Case {
    operation: &'static Operation,
    generation: Generation,
    full: bool,
    sent: Sent,
}

impl Case {
    pub(crate) fn new(ghl: &GhlClient, call: &Call, generation: Generation, full: bool) -> Self {
        Self { operation: call.operation, generation, full, sent: (call.send)(ghl, &At::new(generation, full)) }
    }

    pub(crate) async fn run(self) -> Outcome {
        let Self { operation, generation, full, sent: Sent { response, decode, described: typed } } = self;
        let response = response.await;
        let accepted = response.is_ok();
        let (error, unknown) = match response.and_then(decode) {
            Ok(unknown) => (None, unknown),
            Err(error) => (Some(error_text(&error)), Vec::new()),
        };
        Outcome { operation: format!("{} {generation}", operation.name), full, typed, accepted, error, unknown }
    }
}
