//! Webhooks (R1, R17): an acknowledged delivery is stored and has its effect once, however often the server is killed.

use std::{
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use bytes::Bytes;
use http::HeaderMap;
use provider_sandbox::Sandbox;
use serde_json::json;
use sidecar_core::{Clock, SystemClock};
use sidecar_tests::{DatabaseKind, Program, SeededRng, is_full_scale, proof, scaled, test_on_each_database};

use crate::{
    server::{Fixture, WAIT_TIMEOUT},
    webhook_sender::{IN_FLIGHT, RetryingSender, signed},
    workload::{StoredEffects, Workload},
};

/// A server, a workload, and senders that retry until everything is acknowledged.
struct Harness {
    fixture: Fixture,
    workload: Workload,
    sender: Arc<RetryingSender>,
    senders: Vec<tokio::task::JoinHandle<()>>,
}

impl Harness {
    async fn new(
        kind: DatabaseKind,
        count: usize,
        environment: &[(&'static str, String)],
        rng: &mut SeededRng,
    ) -> Self {
        let sandbox = Sandbox::builder().locations(1).contacts(3).start().await.unwrap();
        let fixture = Fixture::new(kind, sandbox, environment).await;
        let workload = Workload::new(&fixture.sandbox, count, rng);
        let sender = RetryingSender::new(workload.queue(rng));
        Self { fixture, workload, sender, senders: Vec::new() }
    }

    fn start_senders(&mut self) {
        let send =
            |_| tokio::spawn(Arc::clone(&self.sender).send_all(self.fixture.http.clone(), self.fixture.webhook_url()));
        self.senders = (0..IN_FLIGHT).map(send).collect();
    }

    /// Waits until everything is processed, stops the server and returns the faults.
    async fn finish(&mut self, mut server: Program) -> Vec<String> {
        for task in self.senders.drain(..) {
            task.await.unwrap();
        }
        self.fixture.wait_for_empty_inbox(WAIT_TIMEOUT).await;
        server.terminate().await;
        server.wait_for_exit(WAIT_TIMEOUT).await;
        let acknowledged = self.sender.acknowledged.lock().unwrap().clone();
        assert_eq!(acknowledged.len(), self.workload.deliveries.len(), "the sender retries until all is acknowledged");
        StoredEffects::read(&self.fixture).await.faults(&self.workload, &acknowledged)
    }
}

/// The result of a run with kills.
struct KillResult {
    /// The differences from the expected effects.
    faults: Vec<String>,
    /// The number of pending requests at each kill.
    at_kills: Vec<usize>,
    /// The number of requests without a response.
    unanswered: usize,
}

impl KillResult {
    fn hits(&self) -> usize {
        self.at_kills.iter().filter(|waiting| **waiting >= 8).count()
    }
}

/// Sends `count` deliveries while the server is killed `kills` times at random.
async fn run_with_kills(
    kind: DatabaseKind,
    (count, kills): (usize, usize),
    environment: &[(&'static str, String)],
    rng: &mut SeededRng,
) -> KillResult {
    let mut harness = Harness::new(kind, count, environment, rng).await;
    let mut server = harness.fixture.serve().await;
    harness.start_senders();
    let mut at_kills = Vec::new();
    for kill in 0..kills {
        // Each kill falls at a random time in its own part of the run.
        let part = count * 9 / 10 / kills;
        let moment = kill * part + rng.index(part);
        while harness.sender.acknowledged() < moment {
            SystemClock::new().sleep(Duration::from_millis(1)).await;
        }
        at_kills.push(harness.sender.in_flight.load(Ordering::SeqCst));
        server.kill().await;
        harness.fixture.database.expire_leases_and_claims().await;
        server = harness.fixture.serve().await;
    }
    let faults = harness.finish(server).await;
    KillResult { faults, at_kills, unanswered: harness.sender.unanswered.load(Ordering::SeqCst) }
}

/// The number of aborts at one failpoint.
const MAX_CRASHES: usize = 4;

/// Sends `count` deliveries to servers that abort at `point`; returns the faults and the number of crashes.
async fn run_with_crashes(kind: DatabaseKind, count: usize, point: &str, rng: &mut SeededRng) -> (Vec<String>, usize) {
    let mut harness = Harness::new(kind, count, &[], rng).await;
    harness.start_senders();
    let mut crashes = 0;
    loop {
        // A delivery that is claimed too often becomes a dead letter, so the number of crashes is limited.
        let failpoints = (crashes < MAX_CRASHES).then(|| ("FAILPOINTS", point.to_owned()));
        let mut server = harness.fixture.command_with(&["serve"], failpoints.as_slice());
        let clock = SystemClock::new();
        while !server.has_ended() {
            if harness.sender.is_done() && harness.fixture.inbox_is_empty().await {
                return (harness.finish(server).await, crashes);
            }
            assert!(clock.monotonic() < WAIT_TIMEOUT, "{point}: neither crashed nor done:\n{}", server.log());
            clock.sleep(Duration::from_millis(5)).await;
        }
        crashes += 1;
        harness.fixture.database.expire_leases_and_claims().await;
    }
}

test_on_each_database!(a_killed_server_loses_and_repeats_no_acknowledged_delivery);

async fn a_killed_server_loses_and_repeats_no_acknowledged_delivery(database: DatabaseKind) {
    let mut rng = SeededRng::new("webhooks killed");
    let (count, kills, runs) = (scaled(10_000, 800), scaled(20, 4), if is_full_scale() { 5 } else { 1 });
    let (mut faults, mut hits, mut unanswered) = (Vec::new(), Vec::new(), 0);
    for run in 1..=runs {
        let mut killed = run_with_kills(database, (count, kills), &[], &mut rng).await;
        println!("run {run}: {} without a response; in flight at the kills: {:?}", killed.unanswered, killed.at_kills);
        assert!(killed.hits() * 2 >= kills, "the kills missed: {:?}", killed.at_kills);
        hits.push(killed.hits());
        unanswered += killed.unanswered;
        faults.append(&mut killed.faults);
    }
    let reached = format!(
        "{runs} × {count} deliveries, {kills} kills ({hits:?} with ≥ 8 unanswered), {unanswered} without a response, \
         faults: {faults:?}"
    );
    proof(
        &format!("R1 {database}"),
        "5 × 10,000 deliveries (quick 1 × 800), 20 kills (4): 0 acknowledged lost, 0 effects doubled",
        reached,
        faults.is_empty(),
    );
    assert!(faults.is_empty(), "{faults:?}");
}

test_on_each_database!(a_crash_before_or_after_a_commit_loses_and_repeats_nothing);

async fn a_crash_before_or_after_a_commit_loses_and_repeats_nothing(database: DatabaseKind) {
    let mut rng = SeededRng::new("webhooks crashing");
    let count = scaled(1_000, 200);
    let mut reached = Vec::new();
    for point in [
        "webhook.after_commit=25*off->return",
        "inbox.put.before_commit=1*off->return",
        "inbox.put.after_commit=1*off->return",
        // One commit may contain everything.
        "store.commit.before=return",
        "store.commit.after=return",
    ] {
        let (faults, crashes) = run_with_crashes(database, count, point, &mut rng).await;
        assert!(crashes > 0, "{point} was never reached");
        assert!(faults.is_empty(), "{point}: {faults:?}");
        reached.push(format!("{} {crashes} crashes", point.split('=').next().unwrap_or_default()));
    }
    let id = format!("R1-crash-points {database}");
    proof(&id, "aborted before and after each commit: 0 lost, 0 doubled", reached.join(", "), true);
}

test_on_each_database!(without_dedup_repeated_effects_are_detected);

/// Shows that the check of the stored effects can fail.
async fn without_dedup_repeated_effects_are_detected(database: DatabaseKind) {
    let mut rng = SeededRng::new("webhooks without dedup");
    let sabotage = [("FAILPOINTS", "inbox.dedup=return".to_owned())];
    // Several kills, so that uninstalls are among the deliveries that are sent again.
    let killed = run_with_kills(database, (600, 8), &sabotage, &mut rng).await;
    let faults = killed.faults;
    println!("detected: {faults:?}");
    let detected =
        ["log entries for", "outbox rows"].iter().all(|what| faults.iter().any(|fault| fault.contains(what)));
    let id = format!("R1-sabotage {database}");
    proof(&id, "with the dedup removed the test fails", format!("{faults:?}"), detected);
    assert!(detected, "repeated effects were not detected: {faults:?}");
}

test_on_each_database!(a_server_stopped_under_load_completes_its_requests_in_time);

async fn a_server_stopped_under_load_completes_its_requests_in_time(database: DatabaseKind) {
    let mut rng = SeededRng::new("webhooks stopped");
    let stops = scaled(20, 3);
    let count = stops * 400;
    let mut harness = Harness::new(database, count, &[], &mut rng).await;
    let (mut slowest, mut in_flight, mut leases) = (Duration::ZERO, Vec::new(), 0);
    let mut server = harness.fixture.serve().await;
    harness.start_senders();
    for stop in 0..stops {
        let moment = 300 * stop + rng.index(300);
        while harness.sender.acknowledged() < moment {
            SystemClock::new().sleep(Duration::from_millis(1)).await;
        }
        in_flight.push(harness.sender.in_flight.load(Ordering::SeqCst));
        let clock = SystemClock::new();
        server.terminate().await;
        let status = server.wait_for_exit(WAIT_TIMEOUT).await;
        assert!(status.success(), "{status}:\n{}", server.log());
        slowest = slowest.max(clock.monotonic());
        leases += harness.fixture.database.leases_and_claims().await;
        server = harness.fixture.serve().await;
    }
    let broken = harness.sender.broken.load(Ordering::SeqCst);
    let faults = harness.finish(server).await;
    let reached = format!(
        "{stops} stops with {in_flight:?} in flight, the slowest {slowest:.1?}; {broken} broken off, {leases} leases and \
         claims held, {faults:?}"
    );
    let ok = slowest <= Duration::from_secs(10) && broken == 0 && leases == 0 && faults.is_empty();
    let id = format!("R17 {database}");
    proof(&id, "SIGTERM under load: ended ≤ 10 s, 0 failed in flight, leases released", reached, ok);
    assert!(in_flight.iter().all(|count| *count >= 8), "the stops missed: {in_flight:?}");
    assert!(slowest <= Duration::from_secs(50), "{slowest:?}");
    assert_eq!((broken, leases, faults), (0, 0, vec![]));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_invalid_signature_is_rejected_and_nothing_is_stored() {
    let sandbox = Sandbox::builder().locations(1).contacts(3).start().await.unwrap();
    let other_key = Sandbox::builder().seed(99).locations(1).contacts(3).start().await.unwrap();
    let fixture = Fixture::new(DatabaseKind::Sqlite, sandbox, &[]).await;
    let _server = fixture.serve().await;
    let body =
        json!({"type": "ContactUpdate", "locationId": fixture.sandbox.ghl().location_ids()[0], "id": "contact1"});
    let genuine = signed(&fixture.sandbox, body.clone(), SystemClock::new().now());
    let stale_key = signed(&other_key, body, SystemClock::new().now());
    let mut changed = genuine.body.to_vec();
    let position = changed.windows(8).position(|text| text == b"contact1").unwrap() + 7;
    changed[position] = b'2';
    let post = async |headers: &HeaderMap, body: Bytes| {
        let request = fixture.http.post(fixture.webhook_url()).headers(headers.clone()).body(body);
        request.send().await.unwrap().status().as_u16()
    };
    let statuses = [
        post(&genuine.headers, changed.into()).await,
        post(&stale_key.headers, stale_key.body.clone()).await,
        post(&HeaderMap::new(), Bytes::new()).await,
        post(&genuine.headers, vec![b' '; 2 << 20].into()).await,
    ];
    let stored = fixture.count("SELECT count(*) FROM inbox").await;
    let ok = statuses == [401, 401, 401, 413] && stored == 0;
    proof(
        "webhooks-rejected",
        "forged, stale key, empty, 2 MiB: 401, 401, 401, 413; nothing stored",
        format!("{statuses:?}, {stored} stored"),
        ok,
    );
    assert_eq!((statuses, stored), ([401, 401, 401, 413], 0));
    assert_eq!(post(&genuine.headers, genuine.body.clone()).await, 200, "the genuine one is accepted");
}
