//! The client against a provider that counts (R10): nothing is refused, and nothing of the quota is wasted.
//!
//! Client and stand-in run in one process on paused time, so two minutes pass in seconds and the asked counts are always done.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod desk;
mod leases;
mod redis;
mod redis_chance;
mod redis_loss;

use std::{collections::BTreeMap, ops::Range, sync::Arc, time::Duration};

use futures_util::future::join_all;
use ghl_client::GhlClient;
use provider_sandbox::{
    Sandbox,
    ghl::{LimitRules, WindowKind},
};
use sidecar_core::{Clock, SystemClock, rate_limit::LocalLimiter};
use sidecar_tests::{Chance, InProcess, proof};

const LOCATIONS: u32 = 5;
const TASKS: usize = 64;
const QUOTA: u64 = 100;
const WINDOW: Duration = Duration::from_secs(10);
const WINDOWS: u32 = 12;

/// A stand-in that enforces 100 in 10 s, and a client for each of its locations; all clients share one limiter.
struct Bench {
    sandbox: Sandbox,
    clock: Arc<dyn Clock>,
    clients: Vec<(String, GhlClient)>,
}

impl Bench {
    async fn new(window: WindowKind, way_ms: Range<u64>, seed: u64) -> Self {
        let sandbox = Sandbox::builder().locations(LOCATIONS).contacts(3).start().await.unwrap();
        sandbox.control().set_limits(LimitRules { window, offset_ms: 3_300, ..LimitRules::default() });
        let clock = SystemClock::shared();
        let limiter = Arc::new(LocalLimiter::new(Arc::clone(&clock)));
        let transport = Arc::new(InProcess::new(sandbox.router(), Arc::clone(&clock), way_ms, Chance::fixed(seed)));
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

    /// What each location was let through so far.
    fn accepted(&self) -> BTreeMap<String, u64> {
        let limits = self.sandbox.ghl().counts().limits;
        self.clients.iter().map(|(id, _)| (id.clone(), limits.get(id).map_or(0, |usage| usage.accepted))).collect()
    }

    fn refused(&self) -> u64 {
        self.sandbox.ghl().counts().rejected()
    }

    /// 64 tasks for each location call as often as they may, until `until`.
    async fn hammer(&self, until: Duration, background: bool) {
        let tasks = self.clients.iter().flat_map(|client| std::iter::repeat_n(client, TASKS));
        join_all(tasks.map(|(location, client)| async move {
            while self.clock.monotonic() < until {
                let call = client.locations().get(location.as_str());
                let call = if background { call.background() } else { call };
                let left = until.saturating_sub(self.clock.monotonic());
                // The run's end drops the calls that still wait; a call that was answered must have succeeded.
                match sidecar_core::time::timeout(&*self.clock, left, call.into_future()).await {
                    Ok(answer) => drop(answer.unwrap()),
                    Err(_) => return,
                }
            }
        }))
        .await;
    }
}

/// The share of the quota that was used in the twelve windows after the first: of all locations, and the least of one.
async fn run(window: WindowKind, background: bool, seed: u64) -> (f64, f64, u64) {
    let bench = Bench::new(window, 10..125, seed).await;
    let (begin, end) = (bench.clock.monotonic() + WINDOW, bench.clock.monotonic() + WINDOW * (WINDOWS + 1));
    let measure = async {
        bench.clock.sleep(begin.saturating_sub(bench.clock.monotonic())).await;
        bench.accepted()
    };
    let (first, ()) = futures_util::future::join(measure, bench.hammer(end, background)).await;
    let last = bench.accepted();
    let allowed = QUOTA * u64::from(WINDOWS);
    let used: Vec<u64> = last.iter().map(|(id, count)| count - first[id]).collect();
    println!(
        "{window:?}, background {background}, seed {seed}: {used:?} of {allowed} each, {} refused",
        bench.refused()
    );
    let share = |count: u64, of: u64| count as f64 / of as f64;
    let least = used.iter().min().copied().unwrap();
    (share(used.iter().sum(), allowed * u64::from(LOCATIONS)), share(least, allowed), bench.refused())
}

#[tokio::test(start_paused = true)]
async fn sixty_four_tasks_on_five_locations_get_no_429_and_use_the_quota() {
    let (mut worst_share, mut worst_least, mut refusals) = (1.0_f64, 1.0_f64, 0);
    let mut chance = Chance::new("limits");
    for window in [WindowKind::Fixed, WindowKind::Sliding, WindowKind::Both] {
        let (share, least, refused) = run(window, false, chance.number()).await;
        (worst_share, worst_least) = (worst_share.min(share), worst_least.min(least));
        refusals += refused;
    }
    let reached =
        format!("{refusals} × 429, {:.1} % used, least location {:.1} %", worst_share * 100.0, worst_least * 100.0);
    let ok = refusals == 0 && worst_share >= 0.95 && worst_least >= 0.90;
    proof("R10", "0 × 429, ≥ 95 % of the quota used, least location ≥ 90 % (one process)", reached, ok);
    assert!(ok);
}

#[tokio::test(start_paused = true)]
async fn background_work_gets_no_429_either() {
    let (share, _, refused) = run(WindowKind::Both, true, 7).await;
    assert_eq!(refused, 0);
    assert!(share >= 0.9, "{share}");
}

#[tokio::test(start_paused = true)]
async fn an_idle_location_may_spend_its_hundred_at_once() {
    for window in [WindowKind::Fixed, WindowKind::Sliding] {
        let bench = Bench::new(window, 10..125, 7).await;
        bench.clock.sleep(WINDOW * 3).await;
        let began = bench.clock.monotonic();
        let (location, client) = &bench.clients[0];
        let calls = (0..QUOTA).map(|_| client.locations().get(location.as_str()).into_future());
        join_all(calls).await.into_iter().for_each(|answer| drop(answer.unwrap()));
        let took = bench.clock.monotonic() - began;
        assert!(took < Duration::from_secs(1), "the hundred calls took {took:?}");
        assert_eq!((bench.accepted()[location], bench.refused()), (QUOTA, 0));
    }
    proof("R10-idle", "100 calls at once", "100 calls in < 1 s (both windows), 0 × 429", true);
}

/// The test above can fail: a client without limits is refused here.
#[tokio::test(start_paused = true)]
async fn the_stand_in_really_refuses_who_does_not_keep_the_limits() {
    let bench = Bench::new(WindowKind::Sliding, 10..125, 7).await;
    let (location, _) = &bench.clients[0];
    let transport = Arc::new(InProcess::new(bench.sandbox.router(), Arc::clone(&bench.clock), 1..2, Chance::fixed(1)));
    let client = GhlClient::builder()
        .private_integration_token(bench.sandbox.ghl().private_integration_token(location).unwrap())
        .base_url(format!("{}/ghl", bench.sandbox.url()))
        .transport(transport)
        .limiter(Arc::new(sidecar_tests::Unlimited))
        .clock(Arc::clone(&bench.clock))
        .build()
        .unwrap();
    join_all((0..=QUOTA).map(|_| client.locations().get(location.as_str()).into_future())).await;
    assert!(bench.refused() > 0);
}
