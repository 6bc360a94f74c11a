//! Every request fails until the outage ends (R12): the number of requests sent, the time until the circuit opens, and the
//! time until calls succeed again.

use std::{
    sync::{
        Arc, Mutex, MutexGuard,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::Duration,
};

use futures_util::future::join_all;
use ghl_client::GhlClient;
use provider_sandbox::{
    Sandbox,
    ghl::{self, FaultRule, LimitRules},
};
use sidecar_core::{
    Clock, Error, ErrorKind, SendState, SystemClock,
    http::{AttemptReport, DEFAULT_ATTEMPT_TIMEOUT, Observer},
};
use sidecar_tests::{Fault, FaultProxy, Unlimited, is_full_scale, proof, scaled};

/// Concurrent callers.
const WORKERS: usize = 64;
/// The pause of a caller between two calls.
const CALLER_PAUSE: Duration = Duration::from_millis(20);
/// The default cool-down of the circuit breaker.
const COOL_DOWN: Duration = Duration::from_secs(5);
const SECOND: Duration = Duration::from_secs(1);

/// The kind of failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Outage {
    /// The port is closed.
    Refused,
    /// Connections are reset.
    Reset,
    /// Requests take effect, their responses are lost.
    Lost,
    /// The response is 503.
    Unavailable,
    /// Requests are lost without a response.
    Silent,
}

/// Counts attempts.
#[derive(Debug, Default)]
struct Attempts(AtomicU64);

impl Observer for Attempts {
    fn attempt(&self, _: &AttemptReport<'_>) {
        self.0.fetch_add(1, Relaxed);
    }
}

/// The observations of callers since the outage began.
#[derive(Debug, Default)]
struct Observations {
    /// Calls that ended during the outage.
    calls: u64,
    /// Creates that succeeded or may have taken effect, according to the send state.
    creates: u64,
    /// The time at which the circuit breaker rejected the first call.
    opened: Option<Duration>,
    /// The time at which the outage ended.
    lifted: Option<Duration>,
    /// The time of the first successful call.
    recovered: Option<Duration>,
}

struct Fixture {
    outage: Outage,
    sandbox: Sandbox,
    proxy: FaultProxy,
    location: String,
    client: GhlClient,
    attempts: Arc<Attempts>,
    clock: Arc<dyn Clock>,
    observations: Mutex<Observations>,
}

impl Fixture {
    /// Creates the fixture without an outage and opens connections.
    async fn new(outage: Outage) -> Self {
        let sandbox = Sandbox::builder().locations(1).contacts(3).start().await.unwrap();
        sandbox.control().set_limits(LimitRules { enforced: false, ..LimitRules::default() });
        let location = sandbox.ghl().location_ids().remove(0);
        let proxy = FaultProxy::before(&format!("{}/ghl", sandbox.url())).await;
        let (attempts, clock) = (Arc::new(Attempts::default()), SystemClock::shared());
        let client = GhlClient::builder()
            .private_integration_token(sandbox.ghl().private_integration_token(&location).unwrap())
            .base_url(proxy.url())
            .limiter(Arc::new(Unlimited))
            .observer(attempts.clone())
            .clock(Arc::clone(&clock))
            .attempt_timeout(attempt_timeout())
            .build()
            .unwrap();
        join_all((0..WORKERS).map(|_| client.locations().get(&*location).into_future())).await;
        Self { outage, sandbox, proxy, location, client, attempts, clock, observations: Mutex::default() }
    }

    fn observations(&self) -> MutexGuard<'_, Observations> {
        self.observations.lock().unwrap()
    }

    /// Returns the number of requests sent, or the closest count that the outage allows.
    fn requests(&self) -> u64 {
        match self.outage {
            Outage::Refused => self.attempts.0.load(Relaxed),
            Outage::Reset => self.proxy.connections(),
            Outage::Lost | Outage::Unavailable | Outage::Silent => self.proxy.requests(),
        }
    }

    fn created(&self) -> u64 {
        self.sandbox.ghl().counts().calls("POST /contacts/")
    }

    async fn begin(&self) {
        let fault = match self.outage {
            Outage::Refused => Fault::Refuse,
            Outage::Reset => Fault::Reset,
            Outage::Lost => Fault::ResetAfter(0),
            Outage::Silent => Fault::HalfOpen,
            Outage::Unavailable => {
                let rule = FaultRule { fault: ghl::Fault::Status { status: 503 }, ..FaultRule::default() };
                return self.sandbox.control().add_faults([rule]);
            }
        };
        self.proxy.set(fault).await;
    }

    /// Ends the outage at the worst time, half a second after a failed probe, once `calls` calls have failed.
    async fn end(&self, calls: u64) {
        let worst = |seen: &Observations| Some(seen.opened? + COOL_DOWN + CALLER_PAUSE * 25);
        let ready =
            |seen: &Observations| worst(seen).is_some_and(|at| self.clock.monotonic() >= at) && seen.calls >= calls;
        while !ready(&self.observations()) {
            self.clock.sleep(CALLER_PAUSE).await;
        }
        self.observations().lifted = Some(self.clock.monotonic());
        self.sandbox.control().clear_faults();
        self.proxy.set(Fault::Pass).await;
    }

    /// Runs one caller: odd callers create, even ones read.
    async fn work(&self, worker: usize) {
        for call in 0.. {
            if self.observations().recovered.is_some() {
                return;
            }
            let create = worker % 2 == 1;
            let result = if create {
                let email = format!("{worker}.{call}@outage.test");
                self.client.contacts().create(&*self.location).email(email).await.map(drop)
            } else {
                self.client.locations().get(&*self.location).await.map(drop)
            };
            self.record(create, result.err().as_ref());
            self.clock.sleep(CALLER_PAUSE).await;
        }
    }

    fn record(&self, create: bool, failed: Option<&Error>) {
        let (now, mut seen) = (self.clock.monotonic(), self.observations());
        seen.calls += u64::from(seen.lifted.is_none());
        seen.creates += u64::from(create && failed.is_none_or(|error| error.send_state() != SendState::NotSent));
        match failed {
            None => {
                assert!(seen.lifted.is_some(), "a call succeeded during the outage");
                seen.recovered.get_or_insert(now);
            }
            Some(error) if error.kind() == ErrorKind::Server && error.status().is_none() => {
                seen.opened.get_or_insert(now);
            }
            Some(_) => {}
        }
    }
}

/// Longer than the cool-down, as by default: a probe may still hang when the next one is due.
fn attempt_timeout() -> Duration {
    if is_full_scale() { DEFAULT_ATTEMPT_TIMEOUT } else { COOL_DOWN + SECOND }
}

async fn run_outage(id: &str, outage: Outage) {
    let fixture = Fixture::new(outage).await;
    let (requests, created, began) = (fixture.requests(), fixture.created(), fixture.clock.monotonic());
    fixture.begin().await;
    let workers = join_all((0..WORKERS).map(|worker| fixture.work(worker)));
    let ended = async {
        fixture.end(scaled(10_000, 500) as u64).await;
        fixture.requests() - requests
    };
    let (_, requests) = tokio::join!(workers, ended);

    let seen = std::mem::take(&mut *fixture.observations());
    let (opened, lifted, recovered) = (seen.opened.unwrap(), seen.lifted.unwrap(), seen.recovered.unwrap());
    // A silent provider is detected only by the attempt timeout.
    let silent = if outage == Outage::Silent { attempt_timeout() } else { Duration::ZERO };
    let (opened, recovered) = ((opened - began).saturating_sub(silent), recovered - lifted);
    let (created, calls) = (fixture.created() - created, seen.calls);
    let share = requests as f64 / calls as f64;
    let reached = format!(
        "{calls} calls, {requests} requests ({share:.3} a call), open after {opened:.2?}, works again after {recovered:.2?}, \
         {created} creates arrived of {} that may have",
        seen.creates
    );
    let ok = share <= 1.1 && opened <= SECOND && recovered <= COOL_DOWN + SECOND && created <= seen.creates;
    let asked = "≤ 1.1 requests a call, circuit open ≤ 1 s, works again ≤ 6 s after the end, no create sent twice";
    proof(id, asked, reached, ok);
    assert!(share <= 1.1, "{requests} requests for {calls} calls");
    assert!(created <= seen.creates, "{created} creates arrived, {} may have", seen.creates);
    if matches!(outage, Outage::Lost | Outage::Unavailable) {
        assert_eq!(created, seen.creates, "every create that may have taken effect did");
    }
    assert!(opened <= SECOND * 5, "{opened:?}");
    assert!(recovered <= (COOL_DOWN + SECOND) * 5, "{recovered:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_circuit_opens_and_closes_when_connections_are_refused() {
    run_outage("R12-refused", Outage::Refused).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_circuit_opens_and_closes_when_connections_are_reset() {
    run_outage("R12-reset", Outage::Reset).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_circuit_opens_and_closes_when_responses_are_lost() {
    run_outage("R12-lost", Outage::Lost).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_circuit_opens_and_closes_on_503() {
    run_outage("R12-unavailable", Outage::Unavailable).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_circuit_opens_and_closes_when_the_provider_is_silent() {
    run_outage("R12-silent", Outage::Silent).await;
}
