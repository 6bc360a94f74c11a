//! The parts that every provider has: clock, injected faults, call counters and the webhook dispatcher.
//!
//! A provider's middleware starts a [`Call`], which selects the faults, runs its own checks and the handler, and finishes the call.
//! Invariant: each call is counted once, with the status that was sent, or with 0 if the connection was reset.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use axum::extract::{ConnectInfo, Request};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use serde::Serialize;

use crate::clock::Clock;
use crate::connection::ResetHandle;
use crate::deliveries::Dispatcher;
use crate::faults::{self, Fault, Faults, InjectedFaults};
use crate::lock;
use crate::rng::SeededRng;

/// State that the providers have in common; each has its own.
#[derive(Debug)]
pub(crate) struct Shared {
    clock: Clock,
    pub(crate) faults: Mutex<Faults>,
    pub(crate) counters: Counters,
    pub(crate) dispatcher: Arc<Dispatcher>,
}

impl Shared {
    pub(crate) fn new(clock: &Clock, fault_rng: SeededRng, dispatcher: Arc<Dispatcher>) -> Self {
        Self {
            clock: clock.clone(),
            faults: Mutex::new(Faults::new(fault_rng)),
            counters: Counters::default(),
            dispatcher,
        }
    }

    /// Removes fault rules and counts, and restores the webhook settings.
    pub(crate) fn reset(&self) {
        lock(&self.faults).clear();
        self.dispatcher.reset();
        self.counters.clear();
    }

    /// Selects the faults of a request. `resource` is the location or company that its token belongs to.
    pub(crate) fn start_call(&self, operation: &'static str, request: &Request, resource: Option<&str>) -> Call<'_> {
        let connection = request.extensions().get::<ConnectInfo<ResetHandle>>().map(|info| info.0.clone());
        let injected = lock(&self.faults).select(request.method(), request.uri().path(), resource);
        Call { shared: self, operation, injected, connection }
    }
}

/// One request to a provider, with the faults that were selected for it.
#[derive(Debug)]
pub(crate) struct Call<'a> {
    shared: &'a Shared,
    operation: &'static str,
    injected: InjectedFaults,
    connection: Option<ResetHandle>,
}

impl Call<'_> {
    /// Waits for the injected latency. Returns a response if the connection is to be reset before the request is handled.
    pub(crate) async fn delay_or_reset(&self) -> Option<Response> {
        if self.injected.latency_ms > 0 {
            self.shared.clock.sleep(self.injected.latency_ms).await;
        }
        if self.injected.fault != Some(Fault::Reset) {
            return None;
        }
        self.shared.counters.count(self.operation, 0);
        Some(faults::reset(self.connection.as_ref()).await)
    }

    /// Returns the status to respond with instead of handling the request.
    pub(crate) fn injected_status(&self) -> Option<StatusCode> {
        match self.injected.fault {
            Some(Fault::Status { status }) => {
                Some(StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR))
            }
            _ => None,
        }
    }

    /// Counts the response and applies the injected fault to it.
    pub(crate) async fn finish(self, response: Response) -> Response {
        let status = if self.injected.fault == Some(Fault::ResetAfter) { 0 } else { response.status().as_u16() };
        self.shared.counters.count(self.operation, status);
        match self.injected.fault {
            Some(fault) => faults::damage(response, fault, self.connection.as_ref(), &self.shared.clock).await,
            None => response,
        }
    }
}

/// Runs the handler with the caller in the request's extensions, or responds with the rejection.
pub(crate) async fn run_as<C, E>(caller: Result<C, E>, mut request: Request, next: Next) -> Response
where
    C: Clone + Send + Sync + 'static,
    E: IntoResponse,
{
    match caller {
        Ok(caller) => {
            request.extensions_mut().insert(caller);
            next.run(request).await
        }
        Err(error) => error.into_response(),
    }
}

/// Calls to one operation and the statuses of their responses.
#[derive(Debug, Clone, Default, Serialize)]
pub struct OperationCount {
    /// Requests that reached the operation.
    pub calls: u64,
    /// Responses by HTTP status; 0 if the connection was reset without a response.
    pub by_status: BTreeMap<u16, u64>,
}

/// The counts of all operations, by `METHOD /template`.
#[derive(Debug, Default)]
pub(crate) struct Counters(Mutex<BTreeMap<&'static str, OperationCount>>);

impl Counters {
    pub(crate) fn count(&self, operation: &'static str, status: u16) {
        let mut operations = lock(&self.0);
        let count = operations.entry(operation).or_default();
        count.calls += 1;
        *count.by_status.entry(status).or_default() += 1;
    }

    pub(crate) fn all(&self) -> BTreeMap<&'static str, OperationCount> {
        lock(&self.0).clone()
    }

    pub(crate) fn clear(&self) {
        lock(&self.0).clear();
    }
}
