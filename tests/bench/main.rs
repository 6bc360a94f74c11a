//! Benchmarks: what the hot paths cost on this machine, beside what the machine itself can do in the same run.
//!
//! `cargo run --release -p sidecar-tests --bin bench` measures; `--smoke` only shows that every benchmark runs.
//! A table on standard output, rows in `target/bench/report.json`.
#![allow(clippy::unwrap_used, reason = "a benchmark that cannot go on has failed")]

mod core;
mod disk;
mod ingest;

use std::time::Duration;

use clap::{Parser, ValueEnum};
use sidecar_tests::Figures;

#[derive(Debug, Parser)]
struct Arguments {
    /// Which to run; all when none is named.
    which: Vec<Which>,
    /// A fraction of a second each.
    #[arg(long)]
    smoke: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Which {
    /// Limiter, tokens, a client's call.
    Core,
    /// Durable deliveries per second on SQLite.
    IngestSqlite,
}

#[tokio::main]
async fn main() {
    let arguments = Arguments::parse();
    let time = if arguments.smoke { Duration::from_millis(150) } else { Duration::from_secs(6) };
    let wanted = |which| arguments.which.is_empty() || arguments.which.contains(&which);
    let mut figures = Figures::default();
    if wanted(Which::Core) {
        core::run(&mut figures, time).await;
    }
    if wanted(Which::IngestSqlite) {
        ingest::run(&mut figures, time).await;
    }
    figures.report();
}
