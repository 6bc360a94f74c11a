//! Rate limits (R10): the sandbox rejects no call, and the clients use the whole quota.
//!
//! Client and sandbox run in one process on paused time, so two minutes pass in seconds and every run uses the full counts.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod fixture;
mod leases;
mod redis;
mod redis_loss;
mod redis_random_load;

use std::{collections::BTreeMap, ops::Range, sync::Arc, time::Duration};

use futures_util::future::join_all;
use ghl_client::GhlClient;
use provider_sandbox::{
    Sandbox,
    ghl::{LimitRules, WindowKind},
};
use sidecar_core::{Clock, SystemClock, rate_limit::LocalLimiter};
use sidecar_tests::{InProcessTransport, SeededRng, proof};

const LOCATIONS: u32 = 5;
const TASKS: usize = 64;
const QUOTA: u64 = 100;
const WINDOW: Duration = Duration::from_secs(10);
const WINDOWS: u32 = 12;

/// A sandbox that enforces 100 calls in 10 s, and a client for each location; all clients share one limiter.
struct Harness {
    sandbox: Sandbox,
    clock: Arc<dyn Clock>,
    clients: Vec<(String, GhlClient)>,
}

impl Harness {
    async fn new(window: WindowKind, latency_ms: Range<u64>, seed: u64) -> Self {
        let sandbox = Sandbox::builder().locations(LOCATIONS).contacts(3).start().await.unwrap();
        sandbox.control().set_limits(LimitRules { window, offset_ms: 3_300, ..LimitRules::default() });
        let clock = SystemClock::shared();
        let limiter = Arc::new(LocalLimiter::new(Arc::clone(&clock)));
        let transport =
            Arc::new(InProcessTransport::new(sandbox.router(), Arc::clone(&clock), latency_ms, SeededRng::fixed(seed)));
        let client = |location: String| {
            let client = GhlClient::builder()
                .private_integration_token(sandbox.ghl().private_integration_token(&location).unwrap())
                .base_url(format!("{}/ghl", sandbox.url()))
                .transport(transport.clone())
                .limiter(limiter.clone())
                .clock(Arc::clone(&clock))
                .deadline(WINDOW * 60)
                .build();
            (location, client.unwrap())
        };
        let clients = sandbox.ghl().location_ids().into_iter().map(client).collect();
        Self { sandbox, clock, clients }
    }

    /// Returns the accepted calls by location.
    fn accepted(&self) -> BTreeMap<String, u64> {
        let limits = self.sandbox.ghl().counts().limits;
        self.clients.iter().map(|(id, _)| (id.clone(), limits.get(id).map_or(0, |usage| usage.accepted))).collect()
    }

    fn rejected(&self) -> u64 {
        self.sandbox.ghl().counts().rejected()
    }

    /// Calls as often as possible until `until`, with 64 tasks for each location.
    async fn hammer(&self, until: Duration, background: bool) {
        let tasks = self.clients.iter().flat_map(|client| std::iter::repeat_n(client, TASKS));
        join_all(tasks.map(|(location, client)| async move {
            while self.clock.monotonic() < until {
                let call = client.locations().get(location.as_str());
                let call = if background { call.background() } else { call };
                let left = until.saturating_sub(self.clock.monotonic());
                // The end of the run drops waiting calls; every completed call must have succeeded.
                match sidecar_core::time::timeout(&*self.clock, left, call.into_future()).await {
                    Ok(response) => drop(response.unwrap()),
                    Err(_) => return,
                }
            }
        }))
        .await;
    }
}

/// Returns the used share of the quota in the twelve windows after the first, over all locations and for the lowest one,
/// and the number of rejected calls.
async fn measure(window: WindowKind, background: bool, seed: u64) -> (f64, f64, u64) {
    let harness = Harness::new(window, 10..125, seed).await;
    let (begin, end) = (harness.clock.monotonic() + WINDOW, harness.clock.monotonic() + WINDOW * (WINDOWS + 1));
    let after_first_window = async {
        harness.clock.sleep(begin.saturating_sub(harness.clock.monotonic())).await;
        harness.accepted()
    };
    let (first, ()) = futures_util::future::join(after_first_window, harness.hammer(end, background)).await;
    let last = harness.accepted();
    let allowed = QUOTA * u64::from(WINDOWS);
    let used: Vec<u64> = last.iter().map(|(id, count)| count - first[id]).collect();
    println!(
        "{window:?}, background {background}, seed {seed}: {used:?} of {allowed} each, {} rejected",
        harness.rejected()
    );
    let share = |count: u64, of: u64| count as f64 / of as f64;
    let least = used.iter().min().copied().unwrap();
    (share(used.iter().sum(), allowed * u64::from(LOCATIONS)), share(least, allowed), harness.rejected())
}

#[tokio::test(start_paused = true)]
async fn sixty_four_tasks_on_five_locations_get_no_429_and_use_the_quota() {
    let (mut worst_share, mut worst_least, mut rejections) = (1.0_f64, 1.0_f64, 0);
    let mut rng = SeededRng::new("limits");
    for window in [WindowKind::Fixed, WindowKind::Sliding, WindowKind::Both] {
        let (share, least, rejected) = measure(window, false, rng.next_u64()).await;
        (worst_share, worst_least) = (worst_share.min(share), worst_least.min(least));
        rejections += rejected;
    }
    let reached =
        format!("{rejections} × 429, {:.1} % used, least location {:.1} %", worst_share * 100.0, worst_least * 100.0);
    let ok = rejections == 0 && worst_share >= 0.95 && worst_least >= 0.90;
    proof("R10", "0 × 429, ≥ 95 % of the quota used, least location ≥ 90 % (one process)", reached, ok);
    assert!(ok);
}

#[tokio::test(start_paused = true)]
async fn background_work_gets_no_429_either() {
    let (share, _, rejected) = measure(WindowKind::Both, true, 7).await;
    assert_eq!(rejected, 0);
    assert!(share >= 0.9, "{share}");
}

#[tokio::test(start_paused = true)]
async fn an_idle_location_can_use_its_hundred_calls_at_once() {
    for window in [WindowKind::Fixed, WindowKind::Sliding] {
        let harness = Harness::new(window, 10..125, 7).await;
        harness.clock.sleep(WINDOW * 3).await;
        let began = harness.clock.monotonic();
        let (location, client) = &harness.clients[0];
        let calls = (0..QUOTA).map(|_| client.locations().get(location.as_str()).into_future());
        join_all(calls).await.into_iter().for_each(|response| drop(response.unwrap()));
        let took = harness.clock.monotonic() - began;
        assert!(took < Duration::from_secs(1), "the hundred calls took {took:?}");
        assert_eq!((harness.accepted()[location], harness.rejected()), (QUOTA, 0));
    }
    proof("R10-idle", "100 calls at once", "100 calls in < 1 s (both windows), 0 × 429", true);
}

/// Shows that the tests above can fail: the sandbox rejects a client without limits.
#[tokio::test(start_paused = true)]
async fn the_sandbox_rejects_a_client_that_exceeds_the_limits() {
    let harness = Harness::new(WindowKind::Sliding, 10..125, 7).await;
    let (location, _) = &harness.clients[0];
    let transport = Arc::new(InProcessTransport::new(
        harness.sandbox.router(),
        Arc::clone(&harness.clock),
        1..2,
        SeededRng::fixed(1),
    ));
    let client = GhlClient::builder()
        .private_integration_token(harness.sandbox.ghl().private_integration_token(location).unwrap())
        .base_url(format!("{}/ghl", harness.sandbox.url()))
        .transport(transport)
        .limiter(Arc::new(sidecar_tests::Unlimited))
        .clock(Arc::clone(&harness.clock))
        .build()
        .unwrap();
    join_all((0..=QUOTA).map(|_| client.locations().get(location.as_str()).into_future())).await;
    assert!(harness.rejected() > 0);
}
