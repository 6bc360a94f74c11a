//! Benchmarks of the hot paths, relative to the limits of the machine measured in the same run.
//!
//! `cargo build --release -p crm-server -p sidecar-tests --bins && target/release/bench` measures: a table on standard
//! output, rows in `target/bench/report.json`. `--smoke` only checks that every benchmark runs. PostgreSQL is measured if
//! `SIDECAR_TEST_POSTGRES_URL` is set.
#![allow(clippy::unwrap_used, reason = "a benchmark that cannot go on has failed")]

mod core;
mod ingest;
mod machine;
mod startup;
mod sync;
mod webhooks;

use std::time::Duration;

use clap::{Parser, Subcommand, ValueEnum};
use sidecar_tests::{DatabaseKind, Measurements};
use tokio::runtime::Builder;

#[derive(Debug, Parser)]
#[command(args_conflicts_with_subcommands = true)]
struct BenchArguments {
    /// The benchmarks to run; all by default.
    benchmarks: Vec<Benchmark>,
    /// Runs each for a fraction of a second.
    #[arg(long)]
    smoke: bool,
    /// The databases to measure on.
    #[arg(long, default_value = "both")]
    database: DatabaseSelection,
    #[command(subcommand)]
    process: Option<Process>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Benchmark {
    /// Limiter, tokens, a client's call.
    Core,
    /// Durable deliveries per second, without HTTP.
    Ingest,
    /// Startup time and idle memory of a server.
    Start,
    /// Deliveries to crm-server, relative to the baseline.
    Webhooks,
    /// Contacts synced into the store, beside the database's own bulk writes.
    Sync,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum DatabaseSelection {
    Sqlite,
    Postgres,
    Both,
}

impl DatabaseSelection {
    fn databases(self) -> Vec<DatabaseKind> {
        let selected = match self {
            Self::Sqlite => vec![DatabaseKind::Sqlite],
            Self::Postgres => return vec![DatabaseKind::Postgres],
            Self::Both => vec![DatabaseKind::Sqlite, DatabaseKind::Postgres],
        };
        selected.into_iter().filter(|database| is_available(*database)).collect()
    }
}

/// The separate processes of a benchmark.
#[derive(Debug, Subcommand)]
enum Process {
    /// Sends deliveries.
    #[command(hide = true)]
    Sender(webhooks::sender::Arguments),
    /// Receives deliveries with the minimal implementation.
    #[command(hide = true)]
    Baseline(webhooks::baseline::Arguments),
    /// Serves pages of contacts.
    #[command(hide = true)]
    Pages(sync::pages::Arguments),
    /// Syncs them into a store.
    #[command(hide = true)]
    SyncRuns(sync::engine_runs::Arguments),
}

/// Returns `true` if tests can create such a database.
fn is_available(database: DatabaseKind) -> bool {
    database == DatabaseKind::Sqlite || std::env::var_os("SIDECAR_TEST_POSTGRES_URL").is_some()
}

fn main() {
    let arguments = BenchArguments::parse();
    let (single_thread, multi_thread) = (|| Builder::new_current_thread(), || Builder::new_multi_thread());
    match arguments.process {
        None => multi_thread().enable_all().build().unwrap().block_on(measure(&arguments)),
        Some(Process::Sender(arguments)) => {
            single_thread().enable_all().build().unwrap().block_on(webhooks::sender::run(arguments))
        }
        Some(Process::Pages(arguments)) => {
            single_thread().enable_all().build().unwrap().block_on(sync::pages::run(arguments))
        }
        Some(Process::SyncRuns(arguments)) => {
            multi_thread().enable_all().build().unwrap().block_on(sync::engine_runs::run(arguments))
        }
        Some(Process::Baseline(arguments)) => {
            multi_thread().enable_all().build().unwrap().block_on(webhooks::baseline::run(arguments))
        }
    }
}

async fn measure(arguments: &BenchArguments) {
    let time = if arguments.smoke { Duration::from_millis(150) } else { Duration::from_secs(6) };
    let selected = |benchmark| arguments.benchmarks.is_empty() || arguments.benchmarks.contains(&benchmark);
    let databases = arguments.database.databases();
    let mut measurements = Measurements::default();
    if selected(Benchmark::Core) {
        core::run(&mut measurements, time).await;
    }
    if selected(Benchmark::Ingest) {
        ingest::run(&mut measurements, &databases, time).await;
    }
    if selected(Benchmark::Start) {
        startup::run(&mut measurements, &databases, arguments.smoke).await;
    }
    if selected(Benchmark::Webhooks) {
        webhooks::run(&mut measurements, &databases, arguments.smoke).await;
    }
    if selected(Benchmark::Sync) {
        sync::run(&mut measurements, &databases, arguments.smoke).await;
    }
    if arguments.smoke {
        println!("smoke run: every benchmark runs, the values are not significant");
        measurements.clear_targets();
    }
    measurements.report(if arguments.smoke { "smoke" } else { "report" });
}
