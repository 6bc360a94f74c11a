//! Webhooks: crm-server relative to the baseline, with the same sender and database, alternating, for each provider.
//!
//! Sender and receiver are separate processes. Invariant: every receiver must have applied each delivery once.

pub(crate) mod baseline;
mod provider;
pub(crate) mod receiver;
mod requests;
pub(crate) mod sender;

use std::{path::Path, time::Duration};

use provider_sandbox::Sandbox;
use sidecar_core::{Clock, SystemClock, Timestamp};
use sidecar_tests::{DatabaseKind, Measurements, Memory, Program, Target, TempFolder, TestDatabase};

use crate::{
    machine::{self, OperationRate},
    webhooks::{
        provider::Provider,
        receiver::{Receiver, WAIT_TIMEOUT},
        sender::SenderResult,
    },
};

/// The number of requests.
#[derive(Clone, Copy)]
struct Scale {
    /// In the closed loop, without the warm-up.
    closed: usize,
    /// At a fixed rate, without the warm-up.
    fixed_rate: usize,
    /// Warm-up requests.
    warm_up: usize,
    /// Several, because a shared machine varies, and the best round is reported.
    rounds: usize,
    /// How long the disk and empty commits are measured in each round.
    machine: Duration,
}

const FULL: Scale =
    Scale { closed: 25_000, fixed_rate: 5_000, warm_up: 1_000, rounds: 3, machine: Duration::from_secs(1) };
const SMOKE: Scale = Scale { closed: 100, fixed_rate: 50, warm_up: 10, rounds: 1, machine: Duration::from_millis(20) };

/// Deliveries per second of the latency measurement.
const FIXED_RATE: u32 = 500;
/// Few connections, and many.
const CONNECTIONS: [usize; 2] = [16, 64];

/// The result of one receiver under one load.
struct LoadResult {
    sender: SenderResult,
    /// Seconds from the last response until everything was processed.
    lag: f64,
    /// CPU microseconds of the receiver for each delivery, including its processing.
    cpu: f64,
    /// CPU microseconds of the database server for each delivery.
    database_cpu: f64,
    memory: Memory,
}

struct Round {
    disk: OperationRate,
    commits: OperationRate,
    baseline: [LoadResult; 2],
    server: [LoadResult; 2],
    fixed_rate: LoadResult,
}

/// The prepared requests of the closed loop and of the fixed rate.
struct Workload {
    provider: Provider,
    folder: TempFolder,
    sandbox: Sandbox,
    scale: Scale,
}

pub(crate) async fn run(measurements: &mut Measurements, databases: &[DatabaseKind], smoke: bool) {
    let scale = if smoke { SMOKE } else { FULL };
    for provider in Provider::ALL {
        Workload::prepare(provider, scale).await.run(measurements, databases).await;
    }
}

impl Workload {
    async fn prepare(provider: Provider, scale: Scale) -> Self {
        let sandbox = Sandbox::builder().locations(1).contacts(3).start().await.unwrap();
        let folder = TempFolder::new();
        requests::write(&folder.file("closed"), provider, &sandbox, scale.warm_up + scale.closed);
        requests::write(&folder.file("fixed-rate"), provider, &sandbox, scale.warm_up + scale.fixed_rate);
        Self { provider, folder, sandbox, scale }
    }

    async fn run(&self, measurements: &mut Measurements, databases: &[DatabaseKind]) {
        let mut bare = Vec::new();
        for _ in 0..self.scale.rounds {
            bare.push(self.run_closed_loop(Receiver::bare(self.provider, &self.sandbox).await, 64).await);
        }
        let name = format!("{}: bare axum, no check, no database", self.provider.row_prefix());
        let bare = measurements.add_max(name, all(&bare, |run| run.sender.rate), "/s").value;
        for database in databases {
            let mut rounds = Vec::new();
            for _ in 0..self.scale.rounds {
                rounds.push(self.round(*database).await);
            }
            report(measurements, self.provider, *database, &rounds, bare);
        }
    }

    async fn round(&self, database: DatabaseKind) -> Round {
        let disk = machine::flushes(self.folder.path(), self.scale.machine);
        let test_database = TestDatabase::new(database).await;
        let commits = machine::commits(&test_database, self.scale.machine).await;
        let [few, many] = CONNECTIONS;
        let baseline = [self.run_baseline(database, few).await, self.run_baseline(database, many).await];
        let server = [
            self.run_closed_loop(self.crm_server(database).await, few).await,
            self.run_closed_loop(self.crm_server(database).await, many).await,
        ];
        let receiver = self.crm_server(database).await;
        let rate = FIXED_RATE.to_string();
        let load = ["--connections", "64", "--rate", &rate];
        let fixed_rate = self.measure(receiver, &self.folder.file("fixed-rate"), self.scale.fixed_rate, &load).await;
        Round { disk, commits, baseline, server, fixed_rate }
    }

    async fn run_baseline(&self, database: DatabaseKind, connections: usize) -> LoadResult {
        self.run_closed_loop(Receiver::baseline(self.provider, &self.sandbox, database).await, connections).await
    }

    async fn crm_server(&self, database: DatabaseKind) -> Receiver {
        Receiver::crm_server(self.provider, &self.sandbox, database).await
    }

    async fn run_closed_loop(&self, receiver: Receiver, connections: usize) -> LoadResult {
        let load = ["--connections", &connections.to_string()];
        self.measure(receiver, &self.folder.file("closed"), self.scale.closed, &load).await
    }

    async fn measure(&self, mut receiver: Receiver, requests: &Path, count: usize, load: &[&str]) -> LoadResult {
        let count = count + self.scale.warm_up;
        let before = receiver.cpu();
        let (to, warm_up, file) =
            (receiver.address.to_string(), self.scale.warm_up.to_string(), requests.display().to_string());
        let arguments = [&["sender", "--to", &to, "--requests", &file, "--warm-up", &warm_up], load].concat();
        let sent = Program::start("bench", &arguments, []).next_stdout_line(WAIT_TIMEOUT).await;
        let sent: SenderResult = serde_json::from_str(&sent).unwrap();
        receiver.wait_until_idle().await;
        let lag = SystemClock::new().now().since(Timestamp::from_micros(sent.ended)).as_secs_f64();
        let after = receiver.cpu();
        let per_delivery = |used: Duration| used.as_secs_f64() * 1e6 / count as f64;
        let (cpu, database_cpu) = (per_delivery(after.0 - before.0), per_delivery(after.1 - before.1));
        let memory = Memory::of(receiver.program.id());
        assert_eq!(sent.failed, 0, "{}", receiver.program.log());
        receiver.check(count).await;
        receiver.stop().await;
        LoadResult { sender: sent, lag, cpu, database_cpu, memory }
    }
}

fn all<T>(of: &[T], what: impl Fn(&T) -> f64) -> Vec<f64> {
    of.iter().map(what).collect()
}

fn report(measurements: &mut Measurements, provider: Provider, database: DatabaseKind, rounds: &[Round], bare: f64) {
    let name = |what: &str| format!("{} {database}: {what}", provider.row_prefix());
    let disk = measurements.add_max(name("the disk's flushes"), all(rounds, |round| round.disk.rate), "/s").value;
    measurements.add_max(name("empty commits"), all(rounds, |round| round.commits.rate), "/s").relative_to(disk);
    let commit_p50 =
        measurements.add_min(name("an empty commit, p50"), all(rounds, |round| round.commits.p50), "ms").value;
    let commit_p99 =
        measurements.add_min(name("an empty commit, p99"), all(rounds, |round| round.commits.p99), "ms").value;
    for (index, connections) in CONNECTIONS.into_iter().enumerate() {
        let name = |what: &str| name(&format!("{connections} connections, {what}"));
        let baseline =
            measurements.add_max(name("the baseline"), all(rounds, |round| round.baseline[index].sender.rate), "/s");
        let baseline = baseline.relative_to(bare).value;
        let rate = measurements.add_max(name("crm-server"), all(rounds, |round| round.server[index].sender.rate), "/s");
        rate.relative_to(baseline).ratio_target(Target::AtLeast(0.85));
        if connections == 64 {
            rate.at_least(provider.required_rate());
        }
        let server = |what: fn(&LoadResult) -> f64| all(rounds, |round| what(&round.server[index]));
        measurements.add_min(name("p50"), server(|run| run.sender.p50), "ms");
        measurements.add_min(name("p99"), server(|run| run.sender.p99), "ms");
        measurements.add_max(name("all processed after"), server(|run| run.lag), "s").at_most(1.0);
        let baseline = measurements
            .add_median(name("CPU of the baseline"), all(rounds, |round| round.baseline[index].cpu), "µs")
            .value;
        measurements
            .add_median(name("CPU of crm-server"), server(|run| run.cpu), "µs")
            .at_most(90.0)
            .relative_to(baseline);
        if database == DatabaseKind::Postgres {
            let baseline = all(rounds, |round| round.baseline[index].database_cpu);
            let baseline = measurements.add_median(name("CPU of PostgreSQL for the baseline"), baseline, "µs").value;
            measurements
                .add_median(name("CPU of PostgreSQL"), server(|run| run.database_cpu), "µs")
                .relative_to(baseline);
        }
        measurements.add_median(name("CPU of the sender"), server(|run| run.sender.cpu), "µs");
        measurements.add_max(name("memory, peak"), server(|run| run.memory.peak), "MiB").at_most(64.0);
    }
    let fixed_rate = |what: fn(&SenderResult) -> f64| all(rounds, |round| what(&round.fixed_rate.sender));
    let name = |what: &str| name(&format!("{FIXED_RATE}/s, {what}"));
    measurements.add_min(name("p50"), fixed_rate(|sent| sent.p50), "ms").at_most(10.0).relative_to(commit_p50);
    measurements.add_min(name("p99"), fixed_rate(|sent| sent.p99), "ms").at_most(10.0).relative_to(commit_p99);
    measurements.add_min(name("max"), fixed_rate(|sent| sent.max), "ms");
    measurements.add_min(name("sent late, p99"), fixed_rate(|sent| sent.late_p99), "ms");
    measurements.add_median(name("CPU of crm-server"), all(rounds, |round| round.fixed_rate.cpu), "µs");
}
