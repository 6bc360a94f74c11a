//! Everything fails, until it works again (R12): what the provider is spared, how soon calls are refused at once, and how
//! soon they go through again.

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
use sidecar_tests::{Fault, FaultProxy, Unlimited, full, proof, scaled};

/// Calls under way together.
const WORKERS: usize = 64;
/// What a caller does between two calls.
const PAUSE: Duration = Duration::from_millis(20);
/// The usual circuit breaker's pause.
const COOL_DOWN: Duration = Duration::from_secs(5);
const SECOND: Duration = Duration::from_secs(1);

/// Which kind of failure callers meet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Outage {
    /// Nobody listens.
    Refused,
    /// Connections are reset.
    Reset,
    /// Requests are carried out, their answers are lost.
    Lost,
    /// The answer is 503.
    Unavailable,
    /// Requests vanish, and no answer comes.
    Silent,
}

/// Counts the attempts that were made.
#[derive(Debug, Default)]
struct Attempts(AtomicU64);

impl Observer for Attempts {
    fn attempt(&self, _: &AttemptReport<'_>) {
        self.0.fetch_add(1, Relaxed);
    }
}

/// What callers saw since the outage began.
#[derive(Debug, Default)]
struct Seen {
    /// Calls that ended before the outage did.
    calls: u64,
    /// Creates that succeeded or may have taken effect, as their callers know it.
    creates: u64,
    /// When the first call was refused by the circuit.
    opened: Option<Duration>,
    /// When the outage was over.
    lifted: Option<Duration>,
    /// When the first call succeeded.
    recovered: Option<Duration>,
}

struct Scene {
    outage: Outage,
    sandbox: Sandbox,
    proxy: FaultProxy,
    location: String,
    client: GhlClient,
    attempts: Arc<Attempts>,
    clock: Arc<dyn Clock>,
    seen: Mutex<Seen>,
}

impl Scene {
    /// Everything works still, and connections are open.
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
        Self { outage, sandbox, proxy, location, client, attempts, clock, seen: Mutex::default() }
    }

    fn seen(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().unwrap()
    }

    /// What has left for the provider so far: requests, or as near to them as a broken connection lets them be counted.
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

    /// The worst moment: half a second after a probe left in vain, and not before so many calls have failed.
    async fn end(&self, calls: u64) {
        let worst = |seen: &Seen| Some(seen.opened? + COOL_DOWN + PAUSE * 25);
        let ready = |seen: &Seen| worst(seen).is_some_and(|at| self.clock.monotonic() >= at) && seen.calls >= calls;
        while !ready(&self.seen()) {
            self.clock.sleep(PAUSE).await;
        }
        self.seen().lifted = Some(self.clock.monotonic());
        self.sandbox.control().clear_faults();
        self.proxy.set(Fault::Pass).await;
    }

    /// One caller; every other one creates, the rest reads.
    async fn work(&self, worker: usize) {
        for call in 0.. {
            if self.seen().recovered.is_some() {
                return;
            }
            let create = worker % 2 == 1;
            let answer = if create {
                let email = format!("{worker}.{call}@outage.test");
                self.client.contacts().create(&*self.location).email(email).await.map(drop)
            } else {
                self.client.locations().get(&*self.location).await.map(drop)
            };
            self.note(create, answer.err().as_ref());
            self.clock.sleep(PAUSE).await;
        }
    }

    fn note(&self, create: bool, failed: Option<&Error>) {
        let (now, mut seen) = (self.clock.monotonic(), self.seen());
        seen.calls += u64::from(seen.lifted.is_none());
        seen.creates += u64::from(create && failed.is_none_or(|error| error.send_state() != SendState::NotSent));
        match failed {
            None => {
                assert!(seen.lifted.is_some(), "a call got through in the outage");
                seen.recovered.get_or_insert(now);
            }
            Some(error) if error.kind() == ErrorKind::Server && error.status().is_none() => {
                seen.opened.get_or_insert(now);
            }
            Some(_) => {}
        }
    }
}

/// Longer than the circuit's pause, as it usually is: a probe may still hang when the next is due.
fn attempt_timeout() -> Duration {
    if full() { DEFAULT_ATTEMPT_TIMEOUT } else { COOL_DOWN + SECOND }
}

async fn prove(id: &str, outage: Outage) {
    let scene = Scene::new(outage).await;
    let (requests, created, began) = (scene.requests(), scene.created(), scene.clock.monotonic());
    scene.begin().await;
    let workers = join_all((0..WORKERS).map(|worker| scene.work(worker)));
    let ended = async {
        scene.end(scaled(10_000, 500) as u64).await;
        scene.requests() - requests
    };
    let (_, requests) = tokio::join!(workers, ended);

    let seen = std::mem::take(&mut *scene.seen());
    let (opened, lifted, recovered) = (seen.opened.unwrap(), seen.lifted.unwrap(), seen.recovered.unwrap());
    // That nothing answers shows itself only when an attempt's time is over.
    let silent = if outage == Outage::Silent { attempt_timeout() } else { Duration::ZERO };
    let (opened, recovered) = ((opened - began).saturating_sub(silent), recovered - lifted);
    let (created, calls) = (scene.created() - created, seen.calls);
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
        assert_eq!(created, seen.creates, "what may have taken effect was");
    }
    assert!(opened <= SECOND * 5, "{opened:?}");
    assert!(recovered <= (COOL_DOWN + SECOND) * 5, "{recovered:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_provider_that_refuses_connections_is_left_alone_and_found_again() {
    prove("R12-refused", Outage::Refused).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_provider_that_resets_connections_is_left_alone_and_found_again() {
    prove("R12-reset", Outage::Reset).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_provider_whose_answers_are_lost_is_left_alone_and_found_again() {
    prove("R12-lost", Outage::Lost).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_provider_that_answers_503_is_left_alone_and_found_again() {
    prove("R12-unavailable", Outage::Unavailable).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_provider_that_falls_silent_is_left_alone_and_found_again() {
    prove("R12-silent", Outage::Silent).await;
}
