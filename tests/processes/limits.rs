//! Limits over processes (R10, R11): one Redis, two processes, and a provider that counts.

use std::{collections::BTreeMap, time::Duration};

use futures_util::future::join;
use provider_sandbox::{
    Sandbox,
    ghl::{LimitRules, WindowKind},
};
use serde_json::Value;
use sidecar_core::{Clock, SystemClock};
use sidecar_tests::{Chance, Kind, PrivateRedis, Program, full, proof, scaled};

const PATIENCE: Duration = Duration::from_secs(60);
const LOCATIONS: u32 = 10;
const QUOTA: u64 = 100;
const WINDOW: Duration = Duration::from_secs(10);
/// Recovery times are asserted at this many times what is asked.
const SLACK: u32 = 5;

/// A provider, a Redis and two processes on both.
struct Scene {
    sandbox: Sandbox,
    redis: PrivateRedis,
    programs: [Program; 2],
    /// Nobody calls for this one until it is told to.
    idle: String,
}

impl Scene {
    async fn new(window: WindowKind) -> Self {
        let sandbox = Sandbox::builder().locations(LOCATIONS + 1).contacts(3).start().await.unwrap();
        sandbox.control().set_limits(LimitRules { window, offset_ms: 3_300, ..LimitRules::default() });
        let redis = PrivateRedis::start().await;
        let idle = sandbox.ghl().location_ids().pop().unwrap();
        let programs = [caller(&sandbox, &redis).await, caller(&sandbox, &redis).await];
        Self { sandbox, redis, programs, idle }
    }

    /// What each location was let through so far.
    fn accepted(&self) -> BTreeMap<String, u64> {
        let limits = self.sandbox.ghl().counts().limits;
        let busy = self.sandbox.ghl().location_ids().into_iter().filter(|id| *id != self.idle);
        busy.map(|id| (id.clone(), limits.get(&id).map_or(0, |usage| usage.accepted))).collect()
    }

    fn refused(&self) -> u64 {
        self.sandbox.ghl().counts().rejected()
    }

    async fn hammer(&mut self, time: Duration) {
        for program in &mut self.programs {
            program.say(&format!("hammer {}", time.as_secs())).await;
        }
    }

    /// The processes' reports on what they were told.
    async fn reports(&mut self, within: Duration) -> Vec<Value> {
        let mut reports = Vec::new();
        for program in &mut self.programs {
            let line = program.line(within, |line| line.starts_with('{')).await;
            reports.push(serde_json::from_str(&line).unwrap());
        }
        reports
    }
}

async fn caller(sandbox: &Sandbox, redis: &PrivateRedis) -> Program {
    let ghl = sandbox.ghl();
    let (api, redis) = (format!("{}/ghl", sandbox.url()), redis.url());
    let token = |id: &String| format!("{id}={}", ghl.private_integration_token(id).unwrap());
    let locations: Vec<_> = ghl.location_ids().iter().map(token).collect();
    let (idle, busy) = locations.split_last().unwrap();
    let mut arguments = vec!["--api", &api, "--redis", &redis, "--processes", "2", "--idle", idle];
    arguments.extend(busy.iter().flat_map(|location| ["--location", location]));
    let mut program = Program::start("limit-caller", &arguments, [("RUST_LOG", "warn".to_owned())]);
    program.line(PATIENCE, |line| line == "ready").await;
    program
}

/// What twelve windows after the first used of the quota: all locations, and the least.
async fn hammered(window: WindowKind) -> (f64, f64, u64, Scene) {
    let mut scene = Scene::new(window).await;
    let (clock, windows) = (SystemClock::new(), u32::try_from(scaled(12, 1)).unwrap());
    scene.hammer(WINDOW * (windows + 1)).await;
    clock.sleep(WINDOW).await;
    let first = scene.accepted();
    clock.sleep(WINDOW * windows).await;
    let last = scene.accepted();
    for report in scene.reports(PATIENCE).await {
        assert_eq!(report["failed"], 0, "{report}");
        println!("{window:?}: {report}");
    }
    let allowed = (QUOTA * u64::from(windows)) as f64;
    let used: Vec<_> = last.iter().map(|(id, count)| count - first[id]).collect();
    println!("{window:?}: {used:?} of {allowed} each, {} refused", scene.refused());
    let share = used.iter().sum::<u64>() as f64 / (allowed * f64::from(LOCATIONS));
    let least = used.iter().min().copied().unwrap() as f64 / allowed;
    (share, least, scene.refused(), scene)
}

#[tokio::test(flavor = "multi_thread")]
async fn two_processes_on_ten_locations_get_no_429_and_use_the_quota() {
    let windows: &[WindowKind] =
        if full() { &[WindowKind::Fixed, WindowKind::Sliding, WindowKind::Both] } else { &[WindowKind::Both] };
    let (mut share, mut least, mut refused, mut slowest) = (1.0_f64, 1.0_f64, 0, 0);
    for window in windows {
        let (used, worst, _, mut scene) = hammered(*window).await;
        let burst = format!("burst {} {QUOTA}", scene.idle);
        scene.programs[0].say(&burst).await;
        let line = scene.programs[0].line(PATIENCE, |line| line.starts_with('{')).await;
        let report: Value = serde_json::from_str(&line).unwrap();
        assert_eq!((&report["ok"], &report["failed"]), (&QUOTA.into(), &0.into()), "{report}");
        (share, least) = (share.min(used), least.min(worst));
        (refused, slowest) = (refused + scene.refused(), slowest.max(report["ms"].as_u64().unwrap()));
    }
    let reached = format!(
        "{refused} × 429, {:.1} % used, least location {:.1} %, an idle one spends 100 in {slowest} ms",
        share * 100.0,
        least * 100.0
    );
    let ok = refused == 0 && share >= 0.95 && least >= 0.90 && slowest < 1_000 * u64::from(SLACK);
    proof(
        "R10-two-processes",
        "2 processes × 64 tasks × 10 locations, 12 windows (quick 1): 0 × 429, ≥ 95 % used, least ≥ 90 %, 100 at once \
         (within 5 s)",
        reached,
        ok,
    );
    assert!(ok);
}

/// Requests that the provider answered so far, and those of them with 429.
fn answered(sandbox: &Sandbox) -> (u64, u64) {
    let counts = sandbox.ghl().counts();
    let accepted: u64 = counts.limits.values().map(|usage| usage.accepted).sum();
    (accepted + counts.rejected(), counts.rejected())
}

/// How long after `started` the last of them has Redis back, of which it said that it was lost.
async fn back(programs: &mut [Program], clock: &SystemClock, started: Duration) -> Duration {
    for program in programs {
        program.line(PATIENCE, |line| line == "lost").await;
        program.line(PATIENCE, |line| line == "back").await;
    }
    clock.monotonic() - started
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_redis_costs_hardly_a_429_and_no_call() {
    let mut scene = Scene::new(WindowKind::Both).await;
    let clock = SystemClock::new();
    // Redis is away for longer than a window, so that both processes ask for it meanwhile. Afterwards there is time for the
    // local share to end.
    let [before, dead, after] = if full() { [20, 20, 60] } else { [10, 11, 19] }.map(Duration::from_secs);
    scene.hammer(before + dead + after).await;
    clock.sleep(before).await;
    let Scene { sandbox, redis, programs, .. } = &mut scene;
    // While a window's calls go out: what is left of it, each process has to let go by itself.
    let begun = answered(sandbox).0 + Chance::new("redis killed").within(1..u64::from(LOCATIONS) * QUOTA / 2);
    while answered(sandbox).0 < begun {
        assert!(clock.monotonic() < PATIENCE, "nobody calls any more");
        clock.sleep(Duration::from_millis(5)).await;
    }
    let at_the_loss = answered(sandbox);
    redis.kill();
    let ten_seconds = async {
        clock.sleep(WINDOW).await;
        answered(sandbox)
    };
    let return_of_redis = async {
        clock.sleep(dead).await;
        redis.start_again().await;
        back(programs, &clock, clock.monotonic()).await
    };
    let (then, rejoined) = join(ten_seconds, return_of_redis).await;
    let reports = scene.reports(PATIENCE * 2).await;
    let (calls, refused) = (then.0 - at_the_loss.0, then.1 - at_the_loss.1);
    let later = scene.refused() - then.1;
    let sum = |field: &str| reports.iter().map(|report| report[field].as_u64().unwrap()).sum::<u64>();
    println!("{reports:?}");
    let hit = reports.iter().all(|report| report["losses"] != 0) && sum("fallbacks") > 0 && calls > 0;
    assert!(hit, "the loss missed: {calls} calls after it, {reports:?}");
    let reached = format!(
        "{refused} × 429 of {calls} in the first 10 s, {later} after, {} before, {} failed of {}, {} let go without \
         Redis, back in both after {rejoined:.1?}",
        at_the_loss.1,
        sum("failed"),
        sum("ok"),
        sum("fallbacks"),
    );
    let ok = at_the_loss.1 == 0
        && refused * 100 <= calls
        && later == 0
        && sum("failed") == 0
        && rejoined <= Duration::from_secs(5) * SLACK;
    proof(
        "R11",
        "redis-server killed and started again: no 429 before, ≤ 1 % in the first 10 s, none after, 0 failed, rejoined ≤ 5 s \
         (judged at five times that)",
        reached,
        ok,
    );
    assert!(ok);
}

/// The server's own words on its Redis: its state among the integrations, and a figure among the metrics.
async fn said(server: &crate::server::Scene, figure: &str) -> (Value, Option<f64>) {
    let get = async |path: &str| {
        let request = server.http.get(format!("{}{path}", server.url())).bearer_auth("operator");
        request.send().await.unwrap().text().await.unwrap()
    };
    let health: Value = serde_json::from_str(&get("/api/health/integrations").await).unwrap();
    let metrics = get("/metrics").await;
    let value = metrics.lines().find_map(|line| line.strip_prefix(figure)?.trim().parse().ok());
    (health["integrations"]["redis"].clone(), value)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_says_that_its_redis_is_lost_and_works_on() {
    let sandbox = Sandbox::builder().locations(1).contacts(3).start().await.unwrap();
    let mut redis = PrivateRedis::start().await;
    let server = crate::server::Scene::new(Kind::Sqlite, sandbox, &[("REDIS_URL", redis.url())]).await;
    let _running = server.serve().await;
    assert_eq!(said(&server, "sidecar_limiter_degraded").await, ("up".into(), Some(0.0)));
    redis.kill();
    let sync = format!("{}/api/organizations/{}/sync", server.url(), sidecar_tests::ORGANIZATION);
    let clock = SystemClock::new();
    // The checks' answers are kept for ten seconds.
    loop {
        let answer = server.http.post(&sync).bearer_auth("operator").send().await.unwrap();
        assert!(answer.status().is_success(), "{}", answer.status());
        let (health, fallbacks) = said(&server, "sidecar_limiter_fallbacks_total").await;
        if health == "down" && fallbacks > Some(0.0) {
            break;
        }
        assert!(clock.monotonic() < PATIENCE, "redis {health}, {fallbacks:?} fallbacks");
        clock.sleep(Duration::from_millis(250)).await;
    }
    assert_eq!(said(&server, "sidecar_limiter_degraded").await.1, Some(1.0));
}
