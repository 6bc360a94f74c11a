//! Broken connections on every hop (R14): no call outlives its deadline, the error says what may have happened, nothing that
//! may have happened is done again, and no task stays behind.

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
use sidecar_tests::{Connected, Fault, FaultProxy, full, proof, scaled};
use tokio::runtime::Handle;

/// How long a task may take to notice that it is not wanted any more.
const PATIENCE: Duration = Duration::from_secs(10);
/// What a busy machine may add to a deadline in the report.
const SLACK: Duration = Duration::from_millis(100);

/// What stands behind the proxy, and what is called over it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Hop {
    /// The API, for a read.
    Read,
    /// The API, for a create that must not happen twice.
    Create,
    /// The token endpoint, for a read whose token has ended.
    Token,
}

/// The quick form does not wait for half a minute.
fn deadline() -> Duration {
    if full() { DEFAULT_DEADLINE } else { Duration::from_millis(1_200) }
}

struct Scene {
    hop: Hop,
    sandbox: Sandbox,
    proxy: FaultProxy,
    location: Connected,
    tokens: TokenManager,
    transport: Arc<ReqwestTransport>,
    clock: Arc<dyn Clock>,
}

/// What calls over a broken connection came to.
struct Outcome {
    errors: Vec<Error>,
    slowest: Duration,
    connections: u64,
    requests: u64,
    created: u64,
}

impl Scene {
    async fn new(hop: Hop) -> Self {
        let sandbox = Sandbox::builder().locations(1).contacts(3).start().await.unwrap();
        sandbox.control().set_limits(LimitRules { enforced: false, ..LimitRules::default() });
        let proxy = FaultProxy::before(&format!("{}/ghl", sandbox.url())).await;
        let (store, clock) = (Arc::new(MemoryStore::new()), SystemClock::shared());
        let transport = Arc::new(ReqwestTransport::new().unwrap());
        let location = Connected::location(&sandbox, &*store).await;
        let ghl = sandbox.ghl();
        let mut oauth = GhlOAuth::builder(ghl.client_id(), ghl.client_secret().to_owned())
            .base_url(proxy.url())
            .transport(transport.clone());
        if !full() {
            oauth = oauth.timeout(deadline() * 2);
        }
        let exchange = Arc::new(GhlExchange::new(oauth.build().unwrap()));
        let tokens = TokenManager::new(store.clone(), store, exchange, Arc::clone(&clock));
        Self { hop, sandbox, proxy, location, tokens, transport, clock }
    }

    /// A client of its own for each call: what one of them does to a circuit or a budget does not touch the others.
    fn client(&self) -> GhlClient {
        let api = match self.hop {
            Hop::Token => format!("{}/ghl", self.sandbox.url()),
            Hop::Read | Hop::Create => self.proxy.url().to_owned(),
        };
        let client = GhlClient::builder()
            .base_url(api)
            .transport(self.transport.clone())
            .credentials(Arc::new(self.tokens.handle(self.location.key.clone())));
        let client = if full() { client } else { client.deadline(deadline()).attempt_timeout(deadline() / 3) };
        client.build().unwrap()
    }

    async fn call(&self, name: usize) -> Result<(), Error> {
        let location = self.location.id.as_str();
        match self.hop {
            Hop::Create => {
                self.client().contacts().create(location).email(format!("{name:020}@outage.test")).await.map(drop)
            }
            Hop::Read | Hop::Token => self.client().locations().get(location).await.map(drop),
        }
    }

    fn expire(&self) {
        let order = TokenCommand { expire_resource: Some(self.location.id.clone()), ..TokenCommand::default() };
        assert!(self.hop != Hop::Token || self.sandbox.control().update_tokens(&order).unwrap() > 0);
    }

    fn created(&self) -> u64 {
        self.sandbox.ghl().counts().calls("POST /contacts/")
    }

    /// One call that works, so that there is a connection to break. How long its answer was.
    async fn answer_length(&self) -> u64 {
        self.expire();
        let before = self.proxy.bytes().1;
        self.call(usize::MAX).await.unwrap();
        self.proxy.bytes().1 - before
    }

    /// Calls that are under way together while this is wrong.
    async fn calls_through(&self, fault: Fault, count: usize) -> Outcome {
        let before = (self.proxy.connections(), self.proxy.requests(), self.created());
        self.expire();
        self.proxy.set(fault).await;
        let ended = join_all((0..count).map(|name| async move {
            let started = self.clock.monotonic();
            (self.call(name).await, self.clock.monotonic() - started)
        }))
        .await;
        let slowest = ended.iter().map(|(_, took)| *took).max().unwrap();
        let (connections, requests) = (self.proxy.connections() - before.0, self.proxy.requests() - before.1);
        let errors = ended.into_iter().filter_map(|(answer, _)| answer.err()).collect();
        Outcome { errors, slowest, connections, requests, created: self.created() - before.2 }
    }

    /// Puts everything away but the stand-in and the proxy, and waits until all else has ended: the tasks that did not.
    async fn tasks_left(self, before: usize) -> usize {
        let Self { proxy, sandbox, clock, tokens, transport, .. } = self;
        tokens.drain_refreshes().await;
        drop((tokens, transport));
        proxy.set(Fault::Pass).await;
        let end = clock.monotonic() + PATIENCE;
        while alive() > before && clock.monotonic() < end {
            clock.sleep(Duration::from_millis(10)).await;
        }
        drop(sandbox);
        alive().saturating_sub(before)
    }
}

fn alive() -> usize {
    Handle::current().metrics().num_alive_tasks()
}

/// All the ways in which nothing good comes back, for answers of about this length.
fn faults(answer: u64) -> Vec<Fault> {
    let long = deadline() * 2;
    vec![
        Fault::Refuse,
        Fault::Reset,
        Fault::ResetAfter(0),
        Fault::ResetAfter(answer - 30),
        Fault::Truncate(0),
        Fault::Truncate(20),
        Fault::Truncate(answer - 30),
        Fault::HalfOpen,
        Fault::Drip { bytes: 1, every: deadline() / 10 },
        Fault::Latency { there: Duration::ZERO, back: long },
        Fault::Latency { there: long, back: Duration::ZERO },
    ]
}

/// Runs every fault on a hop and reports; `judge` looks at what only this hop can say.
async fn prove(id: &str, hop: Hop, judge: impl Fn(Fault, usize, &Outcome)) {
    let count = scaled(100, 5);
    let (mut slowest, mut left, mut calls) = (Duration::ZERO, 0, 0);
    let answer = Scene::new(hop).await.answer_length().await;
    for fault in faults(answer) {
        let scene = Scene::new(hop).await;
        let before = alive();
        scene.answer_length().await;
        let outcome = scene.calls_through(fault, count).await;
        let errors = outcome.errors.iter().map(|error| format!("{:?}/{:?}", error.kind(), error.send_state()));
        let errors: BTreeSet<_> = errors.collect();
        println!(
            "{hop:?} {fault:?}: {count} calls, slowest {:.2?}, {} connections, {} requests, {} created, {errors:?}",
            outcome.slowest, outcome.connections, outcome.requests, outcome.created
        );
        assert_eq!(outcome.errors.len(), count, "{fault:?}: no call can have succeeded");
        judge(fault, count, &outcome);
        calls += count;
        slowest = slowest.max(outcome.slowest);
        left += scene.tasks_left(before).await;
    }
    let reached = format!("{calls} calls, slowest {slowest:.2?}, {left} tasks left");
    let ok = slowest <= deadline() + SLACK && left == 0;
    let asked = format!("every fault: no call over its deadline ({:.1?}), no task left", deadline());
    proof(id, asked, reached, ok);
    assert_eq!(left, 0);
    assert!(slowest <= deadline() * 5, "{slowest:?}");
}

/// That the calls failed in one of these ways and say the truth of what may have happened.
fn assert_told(fault: Fault, outcome: &Outcome) {
    for error in &outcome.errors {
        assert!(matches!(error.kind(), ErrorKind::Transport | ErrorKind::Deadline), "{fault:?}: {error:?}");
        match fault {
            Fault::Refuse => assert_eq!(error.send_state(), SendState::NotSent, "{error:?}"),
            // The reset may come while the connection is still being made.
            Fault::Reset => assert_ne!(error.send_state(), SendState::Responded, "{error:?}"),
            _ => assert_eq!(error.send_state(), SendState::Unknown, "{fault:?}: {error:?}"),
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_read_over_a_broken_connection_ends_in_time_and_says_what_may_have_taken_effect() {
    prove("R14-read", Hop::Read, |fault, count, outcome| {
        assert_told(fault, outcome);
        assert!(outcome.requests <= 4 * count as u64, "{fault:?}: {} requests", outcome.requests);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_create_over_a_broken_connection_is_sent_once() {
    prove("R14-create", Hop::Create, |fault, count, outcome| {
        let count = count as u64;
        assert_told(fault, outcome);
        let (requests, created) = match fault {
            Fault::Refuse | Fault::Reset => (0, 0),
            Fault::HalfOpen => (count, 0),
            // It is still on its way when the client gives up.
            Fault::Latency { there, .. } if !there.is_zero() => (count, 0),
            _ => (count, count),
        };
        assert_eq!((outcome.requests, outcome.created), (requests, created), "{fault:?}");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_whose_token_endpoint_is_broken_ends_in_time_and_was_not_sent() {
    prove("R14-token", Hop::Token, |fault, _, outcome| {
        assert!(
            outcome.errors.iter().all(|error| error.send_state() == SendState::NotSent),
            "{fault:?}: {:?}",
            outcome.errors
        );
    })
    .await;
}

#[tokio::test]
async fn a_refusal_says_that_the_request_arrived() {
    let scene = Scene::new(Hop::Create).await;
    let rule = FaultRule { fault: ghl::Fault::Status { status: 503 }, ..FaultRule::default() };
    scene.sandbox.control().add_faults([rule]);
    let error = scene.call(0).await.unwrap_err();
    assert_eq!(
        (error.kind(), error.send_state(), scene.proxy.requests()),
        (ErrorKind::Server, SendState::Responded, 1)
    );
}

#[tokio::test]
async fn latency_that_can_be_borne_fails_nothing() {
    for hop in [Hop::Read, Hop::Create, Hop::Token] {
        let scene = Scene::new(hop).await;
        scene.answer_length().await;
        let (way, before) = (deadline() / 20, scene.proxy.requests());
        scene.proxy.set(Fault::Latency { there: way, back: way }).await;
        scene.expire();
        scene.call(0).await.unwrap();
        assert_eq!(scene.proxy.requests() - before, 1);
    }
}

/// The pool holds connections that have died since; a request that could not be written on one goes over another.
#[tokio::test(flavor = "multi_thread")]
async fn a_create_after_an_outage_happens_once_though_old_connections_are_dead() {
    let scene = Scene::new(Hop::Create).await;
    let count = scaled(200, 20);
    for round in 0..count {
        scene.call(2 * round).await.unwrap();
        scene.proxy.set(Fault::Refuse).await;
        scene.proxy.set(Fault::Pass).await;
        let before = (scene.created(), scene.proxy.requests());
        let answer = scene.call(2 * round + 1).await;
        let (created, requests) = (scene.created() - before.0, scene.proxy.requests() - before.1);
        match answer {
            Ok(()) => assert_eq!((created, requests), (1, 1)),
            Err(error) => {
                assert_eq!(error.send_state(), SendState::Unknown, "{error:?}");
                assert_eq!((created, requests), (0, 0), "it was written on the dead connection, and not again");
            }
        }
    }
}
