//! Rate limits over processes (R10, R11): one Redis, two processes, and a sandbox that enforces the limits.

use std::{collections::BTreeMap, time::Duration};

use futures_util::future::join;
use provider_sandbox::{
    Sandbox,
    ghl::{LimitRules, WindowKind},
};
use serde_json::Value;
use sidecar_core::{Clock, SystemClock};
use sidecar_tests::{DatabaseKind, PrivateRedis, Program, SeededRng, is_full_scale, proof, scaled};

use crate::server::WAIT_TIMEOUT;

const LOCATIONS: u32 = 10;
const QUOTA: u64 = 100;
const WINDOW: Duration = Duration::from_secs(10);
/// Recovery times are asserted at this multiple of the requirement.
const RECOVERY_FACTOR: u32 = 5;

/// A sandbox, a Redis and two calling processes.
struct Fixture {
    sandbox: Sandbox,
    redis: PrivateRedis,
    programs: [Program; 2],
    /// A location without calls until a burst.
    idle: String,
}

impl Fixture {
    async fn new(window: WindowKind) -> Self {
        let sandbox = Sandbox::builder().locations(LOCATIONS + 1).contacts(3).start().await.unwrap();
        sandbox.control().set_limits(LimitRules { window, offset_ms: 3_300, ..LimitRules::default() });
        let redis = PrivateRedis::start().await;
        let idle = sandbox.ghl().location_ids().pop().unwrap();
        let programs = [caller(&sandbox, &redis).await, caller(&sandbox, &redis).await];
        Self { sandbox, redis, programs, idle }
    }

    /// Returns the accepted calls by location.
    fn accepted(&self) -> BTreeMap<String, u64> {
        let limits = self.sandbox.ghl().counts().limits;
        let busy = self.sandbox.ghl().location_ids().into_iter().filter(|id| *id != self.idle);
        busy.map(|id| (id.clone(), limits.get(&id).map_or(0, |usage| usage.accepted))).collect()
    }

    fn rejected(&self) -> u64 {
        self.sandbox.ghl().counts().rejected()
    }

    async fn hammer(&mut self, time: Duration) {
        for program in &mut self.programs {
            program.write_line(&format!("hammer {}", time.as_secs())).await;
        }
    }

    /// Returns the reports of the processes.
    async fn reports(&mut self, within: Duration) -> Vec<Value> {
        let mut reports = Vec::new();
        for program in &mut self.programs {
            let line = program.wait_for_line(within, |line| line.starts_with('{')).await;
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
    program.wait_for_line(WAIT_TIMEOUT, |line| line == "ready").await;
    program
}

/// Returns the used share of the quota in the windows after the first, over all locations and for the lowest one.
async fn measure(window: WindowKind) -> (f64, f64, u64, Fixture) {
    let mut fixture = Fixture::new(window).await;
    let (clock, windows) = (SystemClock::new(), u32::try_from(scaled(12, 1)).unwrap());
    fixture.hammer(WINDOW * (windows + 1)).await;
    clock.sleep(WINDOW).await;
    let first = fixture.accepted();
    clock.sleep(WINDOW * windows).await;
    let last = fixture.accepted();
    for report in fixture.reports(WAIT_TIMEOUT).await {
        assert_eq!(report["failed"], 0, "{report}");
        println!("{window:?}: {report}");
    }
    let allowed = (QUOTA * u64::from(windows)) as f64;
    let used: Vec<_> = last.iter().map(|(id, count)| count - first[id]).collect();
    println!("{window:?}: {used:?} of {allowed} each, {} rejected", fixture.rejected());
    let share = used.iter().sum::<u64>() as f64 / (allowed * f64::from(LOCATIONS));
    let least = used.iter().min().copied().unwrap() as f64 / allowed;
    (share, least, fixture.rejected(), fixture)
}

#[tokio::test(flavor = "multi_thread")]
async fn two_processes_on_ten_locations_get_no_429_and_use_the_quota() {
    let windows: &[WindowKind] =
        if is_full_scale() { &[WindowKind::Fixed, WindowKind::Sliding, WindowKind::Both] } else { &[WindowKind::Both] };
    let (mut share, mut least, mut rejected, mut slowest) = (1.0_f64, 1.0_f64, 0, 0);
    for window in windows {
        let (used, worst, _, mut fixture) = measure(*window).await;
        let burst = format!("burst {} {QUOTA}", fixture.idle);
        fixture.programs[0].write_line(&burst).await;
        let line = fixture.programs[0].wait_for_line(WAIT_TIMEOUT, |line| line.starts_with('{')).await;
        let report: Value = serde_json::from_str(&line).unwrap();
        assert_eq!((&report["ok"], &report["failed"]), (&QUOTA.into(), &0.into()), "{report}");
        (share, least) = (share.min(used), least.min(worst));
        (rejected, slowest) = (rejected + fixture.rejected(), slowest.max(report["ms"].as_u64().unwrap()));
    }
    let reached = format!(
        "{rejected} × 429, {:.1} % used, least location {:.1} %, an idle one uses 100 in {slowest} ms",
        share * 100.0,
        least * 100.0
    );
    let ok = rejected == 0 && share >= 0.95 && least >= 0.90 && slowest < 1_000 * u64::from(RECOVERY_FACTOR);
    proof(
        "R10-two-processes",
        "2 processes × 64 tasks × 10 locations, 12 windows (quick 1): 0 × 429, ≥ 95 % used, least ≥ 90 %, 100 at once \
         (within 5 s)",
        reached,
        ok,
    );
    assert!(ok);
}

/// Returns the number of responses and of those with 429.
fn responses(sandbox: &Sandbox) -> (u64, u64) {
    let counts = sandbox.ghl().counts();
    let accepted: u64 = counts.limits.values().map(|usage| usage.accepted).sum();
    (accepted + counts.rejected(), counts.rejected())
}

/// Waits until every process has lost and recovered Redis; returns the time since `started`.
async fn wait_for_recovery(programs: &mut [Program], clock: &SystemClock, started: Duration) -> Duration {
    for program in programs {
        program.wait_for_line(WAIT_TIMEOUT, |line| line == "lost").await;
        program.wait_for_line(WAIT_TIMEOUT, |line| line == "back").await;
    }
    clock.monotonic() - started
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_redis_causes_few_429s_and_no_failed_call() {
    let mut fixture = Fixture::new(WindowKind::Both).await;
    let clock = SystemClock::new();
    // Redis is down for longer than a window, so that both processes detect it, and up for long enough that the local share
    // ends.
    let [before, dead, after] = if is_full_scale() { [20, 20, 60] } else { [10, 11, 19] }.map(Duration::from_secs);
    fixture.hammer(before + dead + after).await;
    clock.sleep(before).await;
    let Fixture { sandbox, redis, programs, .. } = &mut fixture;
    // The kill falls within a window, so that each process admits the rest of its calls locally.
    let kill_at = responses(sandbox).0 + SeededRng::new("redis killed").within(1..u64::from(LOCATIONS) * QUOTA / 2);
    while responses(sandbox).0 < kill_at {
        assert!(clock.monotonic() < WAIT_TIMEOUT, "the processes make no calls");
        clock.sleep(Duration::from_millis(5)).await;
    }
    let at_the_loss = responses(sandbox);
    redis.kill();
    let ten_seconds = async {
        clock.sleep(WINDOW).await;
        responses(sandbox)
    };
    let return_of_redis = async {
        clock.sleep(dead).await;
        redis.restart().await;
        wait_for_recovery(programs, &clock, clock.monotonic()).await
    };
    let (then, recovered) = join(ten_seconds, return_of_redis).await;
    let reports = fixture.reports(WAIT_TIMEOUT * 2).await;
    let (calls, rejected) = (then.0 - at_the_loss.0, then.1 - at_the_loss.1);
    let later = fixture.rejected() - then.1;
    let sum = |field: &str| reports.iter().map(|report| report[field].as_u64().unwrap()).sum::<u64>();
    println!("{reports:?}");
    let hit = reports.iter().all(|report| report["outages"] != 0) && sum("fallbacks") > 0 && calls > 0;
    assert!(hit, "the kill missed: {calls} calls after it, {reports:?}");
    let reached = format!(
        "{rejected} × 429 of {calls} in the first 10 s, {later} after, {} before, {} failed of {}, {} admitted without \
         Redis, back in both after {recovered:.1?}",
        at_the_loss.1,
        sum("failed"),
        sum("ok"),
        sum("fallbacks"),
    );
    let ok = at_the_loss.1 == 0
        && rejected * 100 <= calls
        && later == 0
        && sum("failed") == 0
        && recovered <= Duration::from_secs(5) * RECOVERY_FACTOR;
    proof(
        "R11",
        "redis-server killed and started again: no 429 before, ≤ 1 % in the first 10 s, none after, 0 failed, recovered ≤ 5 s \
         (judged at five times that)",
        reached,
        ok,
    );
    assert!(ok);
}

/// Returns the state of Redis in the health report and the value of a metric.
async fn redis_health(server: &crate::server::Fixture, metric: &str) -> (Value, Option<f64>) {
    let get = async |path: &str| {
        let request = server.http.get(format!("{}{path}", server.url())).bearer_auth("operator");
        request.send().await.unwrap().text().await.unwrap()
    };
    let health: Value = serde_json::from_str(&get("/api/health/integrations").await).unwrap();
    let metrics = get("/metrics").await;
    let value = metrics.lines().find_map(|line| line.strip_prefix(metric)?.trim().parse().ok());
    (health["integrations"]["redis"].clone(), value)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_reports_a_lost_redis_and_continues() {
    let sandbox = Sandbox::builder().locations(1).contacts(3).start().await.unwrap();
    let mut redis = PrivateRedis::start().await;
    let server = crate::server::Fixture::new(DatabaseKind::Sqlite, sandbox, &[("REDIS_URL", redis.url())]).await;
    let _running = server.serve().await;
    assert_eq!(redis_health(&server, "sidecar_limiter_degraded").await, ("up".into(), Some(0.0)));
    redis.kill();
    let sync = format!("{}/api/organizations/{}/sync", server.url(), sidecar_tests::ORGANIZATION);
    let clock = SystemClock::new();
    // Health checks are cached for 10 s.
    loop {
        let response = server.http.post(&sync).bearer_auth("operator").send().await.unwrap();
        assert!(response.status().is_success(), "{}", response.status());
        let (health, fallbacks) = redis_health(&server, "sidecar_limiter_fallbacks_total").await;
        if health == "down" && fallbacks > Some(0.0) {
            break;
        }
        assert!(clock.monotonic() < WAIT_TIMEOUT, "redis {health}, {fallbacks:?} fallbacks");
        clock.sleep(Duration::from_millis(250)).await;
    }
    assert_eq!(redis_health(&server, "sidecar_limiter_degraded").await.1, Some(1.0));
}
