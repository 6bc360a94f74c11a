//! Webhooks: crm-server beside the floor, with the same sender, on the same database, in turns; each provider's on its own.

pub(crate) mod floor;
mod provider;
pub(crate) mod receiver;
mod requests;
pub(crate) mod sender;

use std::{path::Path, time::Duration};

use provider_sandbox::Sandbox;
use sidecar_core::{Clock, SystemClock, Timestamp};
use sidecar_tests::{Asked, Figures, Folder, Memory, Program};

use crate::{
    database::Database,
    machine::{self, Pace},
    webhooks::{
        provider::Provider,
        receiver::{PATIENCE, Receiver},
        sender::Sent,
    },
};

/// How much is sent.
#[derive(Clone, Copy)]
struct Scale {
    /// In a closed loop, without those that warm up.
    closed: usize,
    /// At a fixed rate, likewise.
    paced: usize,
    /// Before the clock starts.
    warm: usize,
    /// A disk and a machine that others use too change by the second, and only ever to the worse.
    rounds: usize,
    /// How long the disk and empty commits are measured in each round.
    machine: Duration,
}

const FULL: Scale = Scale { closed: 25_000, paced: 5_000, warm: 1_000, rounds: 3, machine: Duration::from_secs(1) };
const SMOKE: Scale = Scale { closed: 100, paced: 50, warm: 10, rounds: 1, machine: Duration::from_millis(20) };

/// Deliveries a second, at fixed times, of the latency measurement.
const PACED: u32 = 500;
/// Few connections, and many.
const CONNECTIONS: [usize; 2] = [16, 64];

/// One receiver under one load.
struct Run {
    sent: Sent,
    /// Seconds from the last answer until everything was worked on.
    lag: f64,
    /// Microseconds of the receiver for each delivery, from its first byte to its last effect.
    cpu: f64,
    /// Microseconds of the database's server likewise.
    database_cpu: f64,
    memory: Memory,
}

struct Round {
    disk: Pace,
    commits: Pace,
    floor: [Run; 2],
    server: [Run; 2],
    paced: Run,
}

/// What is sent: the files of the closed loop and of the fixed rate.
struct Mail {
    provider: Provider,
    folder: Folder,
    sandbox: Sandbox,
    scale: Scale,
}

pub(crate) async fn run(figures: &mut Figures, databases: &[Database], smoke: bool) {
    let scale = if smoke { SMOKE } else { FULL };
    for provider in Provider::ALL {
        Mail::write(provider, scale).await.run(figures, databases).await;
    }
}

impl Mail {
    async fn write(provider: Provider, scale: Scale) -> Self {
        let sandbox = Sandbox::builder().locations(1).contacts(3).start().await.unwrap();
        let folder = Folder::new();
        requests::write(&folder.file("closed"), provider, &sandbox, scale.warm + scale.closed);
        requests::write(&folder.file("paced"), provider, &sandbox, scale.warm + scale.paced);
        Self { provider, folder, sandbox, scale }
    }

    async fn run(&self, figures: &mut Figures, databases: &[Database]) {
        let mut bare = Vec::new();
        for _ in 0..self.scale.rounds {
            bare.push(self.closed(Receiver::bare(self.provider, &self.sandbox).await, 64).await);
        }
        let name = format!("{}: bare axum, no check, no database", self.provider.rows());
        let bare = figures.most(name, all(&bare, |run| run.sent.rate), "/s").value;
        for database in databases {
            let mut rounds = Vec::new();
            for _ in 0..self.scale.rounds {
                rounds.push(self.round(*database).await);
            }
            report(figures, self.provider, *database, &rounds, bare);
        }
    }

    async fn round(&self, database: Database) -> Round {
        let disk = machine::flushes(self.folder.path(), self.scale.machine);
        let fresh = database.fresh().await;
        let commits = machine::commits(&fresh, self.scale.machine).await;
        let [few, many] = CONNECTIONS;
        let floor = [self.floor(database, few).await, self.floor(database, many).await];
        let server = [
            self.closed(self.crm_server(database).await, few).await,
            self.closed(self.crm_server(database).await, many).await,
        ];
        let receiver = self.crm_server(database).await;
        let rate = PACED.to_string();
        let load = ["--connections", "64", "--rate", &rate];
        let paced = self.measure(receiver, &self.folder.file("paced"), self.scale.paced, &load).await;
        Round { disk, commits, floor, server, paced }
    }

    async fn floor(&self, database: Database, connections: usize) -> Run {
        self.closed(Receiver::floor(self.provider, &self.sandbox, database).await, connections).await
    }

    async fn crm_server(&self, database: Database) -> Receiver {
        Receiver::crm_server(self.provider, &self.sandbox, database).await
    }

    async fn closed(&self, receiver: Receiver, connections: usize) -> Run {
        let load = ["--connections", &connections.to_string()];
        self.measure(receiver, &self.folder.file("closed"), self.scale.closed, &load).await
    }

    async fn measure(&self, mut receiver: Receiver, requests: &Path, count: usize, load: &[&str]) -> Run {
        let count = count + self.scale.warm;
        let before = receiver.cpu();
        let (to, warm, file) =
            (receiver.address.to_string(), self.scale.warm.to_string(), requests.display().to_string());
        let arguments = [&["sender", "--to", &to, "--requests", &file, "--warm", &warm], load].concat();
        let sent = Program::start("bench", &arguments, []).output(PATIENCE).await;
        let sent: Sent = serde_json::from_str(&sent).unwrap();
        receiver.idle().await;
        let lag = SystemClock::new().now().since(Timestamp::from_micros(sent.ended)).as_secs_f64();
        let after = receiver.cpu();
        let each = |used: Duration| used.as_secs_f64() * 1e6 / count as f64;
        let (cpu, database_cpu) = (each(after.0 - before.0), each(after.1 - before.1));
        let memory = Memory::of(receiver.program.id());
        assert_eq!(sent.refused, 0, "{}", receiver.program.log());
        receiver.check(count).await;
        receiver.end().await;
        Run { sent, lag, cpu, database_cpu, memory }
    }
}

fn all<T>(of: &[T], what: impl Fn(&T) -> f64) -> Vec<f64> {
    of.iter().map(what).collect()
}

fn report(figures: &mut Figures, provider: Provider, database: Database, rounds: &[Round], bare: f64) {
    let name = |what: &str| format!("{} {database}: {what}", provider.rows());
    let disk = figures.most(name("the disk's flushes"), all(rounds, |round| round.disk.rate), "/s").value;
    figures.most(name("empty commits"), all(rounds, |round| round.commits.rate), "/s").beside(disk);
    let commit_p50 = figures.least(name("an empty commit, p50"), all(rounds, |round| round.commits.p50), "ms").value;
    let commit_p99 = figures.least(name("an empty commit, p99"), all(rounds, |round| round.commits.p99), "ms").value;
    for (place, connections) in CONNECTIONS.into_iter().enumerate() {
        let name = |what: &str| name(&format!("{connections} connections, {what}"));
        let floor = figures.most(name("the floor"), all(rounds, |round| round.floor[place].sent.rate), "/s");
        let floor = floor.beside(bare).value;
        let rate = figures.most(name("crm-server"), all(rounds, |round| round.server[place].sent.rate), "/s");
        rate.beside(floor).ratio(Asked::AtLeast(0.85));
        if connections == 64 {
            rate.at_least(provider.asked());
        }
        let server = |what: fn(&Run) -> f64| all(rounds, |round| what(&round.server[place]));
        figures.least(name("p50"), server(|run| run.sent.p50), "ms");
        figures.least(name("p99"), server(|run| run.sent.p99), "ms");
        figures.most(name("all worked on after"), server(|run| run.lag), "s").at_most(1.0);
        let floor = figures.middle(name("CPU of the floor"), all(rounds, |round| round.floor[place].cpu), "µs").value;
        figures.middle(name("CPU of crm-server"), server(|run| run.cpu), "µs").at_most(90.0).beside(floor);
        if database == Database::Postgres {
            let floor = all(rounds, |round| round.floor[place].database_cpu);
            let floor = figures.middle(name("CPU of PostgreSQL for the floor"), floor, "µs").value;
            figures.middle(name("CPU of PostgreSQL"), server(|run| run.database_cpu), "µs").beside(floor);
        }
        figures.middle(name("CPU of the sender"), server(|run| run.sent.cpu), "µs");
        figures.most(name("memory, peak"), server(|run| run.memory.peak), "MiB").at_most(64.0);
    }
    let paced = |what: fn(&Sent) -> f64| all(rounds, |round| what(&round.paced.sent));
    let name = |what: &str| name(&format!("{PACED}/s, {what}"));
    figures.least(name("p50"), paced(|sent| sent.p50), "ms").at_most(10.0).beside(commit_p50);
    figures.least(name("p99"), paced(|sent| sent.p99), "ms").at_most(10.0).beside(commit_p99);
    figures.least(name("most"), paced(|sent| sent.most), "ms");
    figures.least(name("sent late, p99"), paced(|sent| sent.late_p99), "ms");
    figures.middle(name("CPU of crm-server"), all(rounds, |round| round.paced.cpu), "µs");
}
