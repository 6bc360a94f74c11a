//! Broken connections on every hop (R14): no call exceeds its deadline, the error has the right send state, a request that
//! may have taken effect is not sent again, and no task is left.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use futures_util::future::join_all;
use ghl_client::{GhlClient, GhlExchange, GhlOAuth};
use provider_sandbox::{
    Sandbox,
    control::TokenCommand,
    ghl::{self, FaultRule, LimitRules},
};
use sidecar_core::{
    Clock, Error, ErrorKind, SendState, SystemClock,
    http::{DEFAULT_DEADLINE, ReqwestTransport},
    token::{MemoryStore, TokenManager},
};
use sidecar_tests::{Fault, FaultProxy, TestConnection, is_full_scale, proof, scaled};
use tokio::runtime::Handle;

/// The time for cancelled tasks to end.
const TASK_END_TIMEOUT: Duration = Duration::from_secs(10);
/// The tolerance for a busy machine on top of a deadline.
const DEADLINE_TOLERANCE: Duration = Duration::from_millis(100);

/// The hop that the proxy breaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Hop {
    /// The API, for a read.
    Read,
    /// The API, for a create that must not happen twice.
    Create,
    /// The token endpoint, for a read whose token has expired.
    Token,
}

/// The quick run uses a short deadline.
fn deadline() -> Duration {
    if is_full_scale() { DEFAULT_DEADLINE } else { Duration::from_millis(1_200) }
}

struct Fixture {
    hop: Hop,
    sandbox: Sandbox,
    proxy: FaultProxy,
    location: TestConnection,
    tokens: TokenManager,
    transport: Arc<ReqwestTransport>,
    clock: Arc<dyn Clock>,
}

/// The results of calls over a broken connection.
struct Outcome {
    errors: Vec<Error>,
    slowest: Duration,
    connections: u64,
    requests: u64,
    created: u64,
}

impl Fixture {
    async fn new(hop: Hop) -> Self {
        let sandbox = Sandbox::builder().locations(1).contacts(3).start().await.unwrap();
        sandbox.control().set_limits(LimitRules { enforced: false, ..LimitRules::default() });
        let proxy = FaultProxy::before(&format!("{}/ghl", sandbox.url())).await;
        let (store, clock) = (Arc::new(MemoryStore::new()), SystemClock::shared());
        let transport = Arc::new(ReqwestTransport::new().unwrap());
        let location = TestConnection::location(&sandbox, &*store).await;
        let ghl = sandbox.ghl();
        let mut oauth = GhlOAuth::builder(ghl.client_id(), ghl.client_secret().to_owned())
            .base_url(proxy.url())
            .transport(transport.clone());
        if !is_full_scale() {
            oauth = oauth.timeout(deadline() * 2);
        }
        let exchange = Arc::new(GhlExchange::new(oauth.build().unwrap()));
        let tokens = TokenManager::new(store.clone(), store, exchange, Arc::clone(&clock));
        Self { hop, sandbox, proxy, location, tokens, transport, clock }
    }

    /// Creates a client for each call, so that calls share no circuit breaker or budget.
    fn client(&self) -> GhlClient {
        let api = match self.hop {
            Hop::Token => format!("{}/ghl", self.sandbox.url()),
            Hop::Read | Hop::Create => self.proxy.url().to_owned(),
        };
        let client = GhlClient::builder()
            .base_url(api)
            .transport(self.transport.clone())
            .credentials(Arc::new(self.tokens.handle(self.location.key.clone())));
        let client = if is_full_scale() { client } else { client.deadline(deadline()).attempt_timeout(deadline() / 3) };
        client.build().unwrap()
    }

    async fn call(&self, number: usize) -> Result<(), Error> {
        let location = self.location.id.as_str();
        match self.hop {
            Hop::Create => {
                self.client().contacts().create(location).email(format!("{number:020}@outage.test")).await.map(drop)
            }
            Hop::Read | Hop::Token => self.client().locations().get(location).await.map(drop),
        }
    }

    fn expire(&self) {
        let command = TokenCommand { expire_resource: Some(self.location.id.clone()), ..TokenCommand::default() };
        assert!(self.hop != Hop::Token || self.sandbox.control().update_tokens(&command).unwrap() > 0);
    }

    fn created(&self) -> u64 {
        self.sandbox.ghl().counts().calls("POST /contacts/")
    }

    /// Makes a successful call, which opens a connection to break, and returns the size of its response.
    async fn response_bytes(&self) -> u64 {
        self.expire();
        let before = self.proxy.bytes().1;
        self.call(usize::MAX).await.unwrap();
        self.proxy.bytes().1 - before
    }

    /// Makes concurrent calls during a fault.
    async fn calls_through(&self, fault: Fault, count: usize) -> Outcome {
        let before = (self.proxy.connections(), self.proxy.requests(), self.created());
        self.expire();
        self.proxy.set(fault).await;
        let ended = join_all((0..count).map(|number| async move {
            let started = self.clock.monotonic();
            (self.call(number).await, self.clock.monotonic() - started)
        }))
        .await;
        let slowest = ended.iter().map(|(_, took)| *took).max().unwrap();
        let (connections, requests) = (self.proxy.connections() - before.0, self.proxy.requests() - before.1);
        let errors = ended.into_iter().filter_map(|(result, _)| result.err()).collect();
        Outcome { errors, slowest, connections, requests, created: self.created() - before.2 }
    }

    /// Drops everything except the sandbox and the proxy, waits until the other tasks have ended and returns the number left.
    async fn tasks_left(self, before: usize) -> usize {
        let Self { proxy, sandbox, clock, tokens, transport, .. } = self;
        tokens.drain_refreshes().await;
        drop((tokens, transport));
        proxy.set(Fault::Pass).await;
        let end = clock.monotonic() + TASK_END_TIMEOUT;
        while alive_tasks() > before && clock.monotonic() < end {
            clock.sleep(Duration::from_millis(10)).await;
        }
        drop(sandbox);
        alive_tasks().saturating_sub(before)
    }
}

fn alive_tasks() -> usize {
    Handle::current().metrics().num_alive_tasks()
}

/// Returns every fault that prevents a complete response of this size.
fn faults(response_bytes: u64) -> Vec<Fault> {
    let long = deadline() * 2;
    vec![
        Fault::Refuse,
        Fault::Reset,
        Fault::ResetAfter(0),
        Fault::ResetAfter(response_bytes - 30),
        Fault::Truncate(0),
        Fault::Truncate(20),
        Fault::Truncate(response_bytes - 30),
        Fault::HalfOpen,
        Fault::Drip { bytes: 1, every: deadline() / 10 },
        Fault::Latency { request: Duration::ZERO, response: long },
        Fault::Latency { request: long, response: Duration::ZERO },
    ]
}

/// Runs every fault on a hop and reports the result; `check` has the assertions for this hop.
async fn run_faults(id: &str, hop: Hop, check: impl Fn(Fault, usize, &Outcome)) {
    let count = scaled(100, 5);
    let (mut slowest, mut left, mut calls) = (Duration::ZERO, 0, 0);
    let response_bytes = Fixture::new(hop).await.response_bytes().await;
    for fault in faults(response_bytes) {
        let fixture = Fixture::new(hop).await;
        let before = alive_tasks();
        fixture.response_bytes().await;
        let outcome = fixture.calls_through(fault, count).await;
        let errors = outcome.errors.iter().map(|error| format!("{:?}/{:?}", error.kind(), error.send_state()));
        let errors: BTreeSet<_> = errors.collect();
        println!(
            "{hop:?} {fault:?}: {count} calls, slowest {:.2?}, {} connections, {} requests, {} created, {errors:?}",
            outcome.slowest, outcome.connections, outcome.requests, outcome.created
        );
        assert_eq!(outcome.errors.len(), count, "{fault:?}: no call can succeed");
        check(fault, count, &outcome);
        calls += count;
        slowest = slowest.max(outcome.slowest);
        left += fixture.tasks_left(before).await;
    }
    let reached = format!("{calls} calls, slowest {slowest:.2?}, {left} tasks left");
    let ok = slowest <= deadline() + DEADLINE_TOLERANCE && left == 0;
    let asked = format!("every fault: no call over its deadline ({:.1?}), no task left", deadline());
    proof(id, asked, reached, ok);
    assert_eq!(left, 0);
    assert!(slowest <= deadline() * 5, "{slowest:?}");
}

/// Checks the kind and the send state of the errors.
fn assert_errors(fault: Fault, outcome: &Outcome) {
    for error in &outcome.errors {
        assert!(matches!(error.kind(), ErrorKind::Transport | ErrorKind::Deadline), "{fault:?}: {error:?}");
        match fault {
            Fault::Refuse => assert_eq!(error.send_state(), SendState::NotSent, "{error:?}"),
            // The reset may arrive during the TCP handshake.
            Fault::Reset => assert_ne!(error.send_state(), SendState::Responded, "{error:?}"),
            _ => assert_eq!(error.send_state(), SendState::Unknown, "{fault:?}: {error:?}"),
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_read_over_a_broken_connection_ends_in_time_with_its_send_state() {
    run_faults("R14-read", Hop::Read, |fault, count, outcome| {
        assert_errors(fault, outcome);
        assert!(outcome.requests <= 4 * count as u64, "{fault:?}: {} requests", outcome.requests);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_create_over_a_broken_connection_is_sent_once() {
    run_faults("R14-create", Hop::Create, |fault, count, outcome| {
        let count = count as u64;
        assert_errors(fault, outcome);
        let (requests, created) = match fault {
            Fault::Refuse | Fault::Reset => (0, 0),
            Fault::HalfOpen => (count, 0),
            // The request is still delayed when the client times out.
            Fault::Latency { request, .. } if !request.is_zero() => (count, 0),
            _ => (count, count),
        };
        assert_eq!((outcome.requests, outcome.created), (requests, created), "{fault:?}");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_with_a_broken_token_endpoint_ends_in_time_and_is_not_sent() {
    run_faults("R14-token", Hop::Token, |fault, _, outcome| {
        assert!(
            outcome.errors.iter().all(|error| error.send_state() == SendState::NotSent),
            "{fault:?}: {:?}",
            outcome.errors
        );
    })
    .await;
}

#[tokio::test]
async fn an_error_response_has_the_send_state_responded() {
    let fixture = Fixture::new(Hop::Create).await;
    let rule = FaultRule { fault: ghl::Fault::Status { status: 503 }, ..FaultRule::default() };
    fixture.sandbox.control().add_faults([rule]);
    let error = fixture.call(0).await.unwrap_err();
    assert_eq!(
        (error.kind(), error.send_state(), fixture.proxy.requests()),
        (ErrorKind::Server, SendState::Responded, 1)
    );
}

#[tokio::test]
async fn latency_below_the_deadline_fails_no_call() {
    for hop in [Hop::Read, Hop::Create, Hop::Token] {
        let fixture = Fixture::new(hop).await;
        fixture.response_bytes().await;
        let (latency, before) = (deadline() / 20, fixture.proxy.requests());
        fixture.proxy.set(Fault::Latency { request: latency, response: latency }).await;
        fixture.expire();
        fixture.call(0).await.unwrap();
        assert_eq!(fixture.proxy.requests() - before, 1);
    }
}

/// The pool holds dead connections; a request that could not be written on one is sent on another.
#[tokio::test(flavor = "multi_thread")]
async fn a_create_on_a_dead_pooled_connection_happens_at_most_once() {
    let fixture = Fixture::new(Hop::Create).await;
    let count = scaled(200, 20);
    for round in 0..count {
        fixture.call(2 * round).await.unwrap();
        fixture.proxy.set(Fault::Refuse).await;
        fixture.proxy.set(Fault::Pass).await;
        let before = (fixture.created(), fixture.proxy.requests());
        let result = fixture.call(2 * round + 1).await;
        let (created, requests) = (fixture.created() - before.0, fixture.proxy.requests() - before.1);
        match result {
            Ok(()) => assert_eq!((created, requests), (1, 1)),
            Err(error) => {
                assert_eq!(error.send_state(), SendState::Unknown, "{error:?}");
                assert_eq!((created, requests), (0, 0), "it was written on the dead connection and not sent again");
            }
        }
    }
}
