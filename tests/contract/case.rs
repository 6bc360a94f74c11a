use ghl_client::{
    GhlClient,
    api::{Generation, Operation},
};

use crate::{
    call::{At, Call, Sent},
    outcome::{Outcome, told},
};

/// A call that is ready.
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
        let Self { operation, generation, full, sent: Sent { answer, read, described: typed } } = self;
        let answer = answer.await;
        let accepted = answer.is_ok();
        let (error, unknown) = match answer.and_then(read) {
            Ok(unknown) => (None, unknown),
            Err(error) => (Some(told(&error)), Vec::new()),
        };
        Outcome { operation: format!("{} {generation}", operation.name), full, typed, accepted, error, unknown }
    }
}
