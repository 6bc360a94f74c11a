//! Benchmarks: what the hot paths cost on this machine, beside what the machine itself can do in the same run.
//!
//! `cargo build --release -p crm-server -p sidecar-tests --bins && target/release/bench` measures: a table on standard
//! output, rows in `target/bench/report.json`. `--smoke` only shows that every benchmark runs. PostgreSQL is measured where
//! `SIDECAR_TEST_POSTGRES_URL` names one.
#![allow(clippy::unwrap_used, reason = "a benchmark that cannot go on has failed")]

mod core;
mod database;
mod ingest;
mod machine;
mod start;
mod sync;
mod webhooks;

use std::time::Duration;

use clap::{Parser, Subcommand, ValueEnum};
use database::Database;
use sidecar_tests::Figures;
use tokio::runtime::Builder;

#[derive(Debug, Parser)]
#[command(args_conflicts_with_subcommands = true)]
struct Arguments {
    /// Which to run; all when none is named.
    which: Vec<Which>,
    /// A fraction of a second each.
    #[arg(long)]
    smoke: bool,
    /// On which databases.
    #[arg(long, default_value = "both")]
    database: On,
    #[command(subcommand)]
    part: Option<Part>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Which {
    /// Limiter, tokens, a client's call.
    Core,
    /// Durable deliveries per second, without HTTP.
    Ingest,
    /// How soon a server is ready, and what it holds while it is idle.
    Start,
    /// Deliveries to crm-server, beside the floor.
    Webhooks,
    /// Contacts copied into the store, beside the database's own bulk writes.
    Sync,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum On {
    Sqlite,
    Postgres,
    Both,
}

impl On {
    fn databases(self) -> Vec<Database> {
        let wanted = match self {
            Self::Sqlite => vec![Database::Sqlite],
            Self::Postgres => return vec![Database::Postgres],
            Self::Both => vec![Database::Sqlite, Database::Postgres],
        };
        wanted.into_iter().filter(|database| database.is_there()).collect()
    }
}

/// What a benchmark runs in a process of its own.
#[derive(Debug, Subcommand)]
enum Part {
    /// Sends deliveries.
    #[command(hide = true)]
    Sender(webhooks::sender::Order),
    /// Takes deliveries with the least that is possible.
    #[command(hide = true)]
    Floor(webhooks::floor::Order),
    /// Serves pages of contacts.
    #[command(hide = true)]
    Pages(sync::pages::Order),
    /// Copies them.
    #[command(hide = true)]
    Copy(sync::copy::Order),
}

fn main() {
    let arguments = Arguments::parse();
    let (one, many) = (|| Builder::new_current_thread(), || Builder::new_multi_thread());
    match arguments.part {
        None => many().enable_all().build().unwrap().block_on(measure(&arguments)),
        Some(Part::Sender(order)) => one().enable_all().build().unwrap().block_on(webhooks::sender::run(order)),
        Some(Part::Pages(order)) => one().enable_all().build().unwrap().block_on(sync::pages::run(order)),
        Some(Part::Copy(order)) => many().enable_all().build().unwrap().block_on(sync::copy::run(order)),
        Some(Part::Floor(order)) => many().enable_all().build().unwrap().block_on(webhooks::floor::run(order)),
    }
}

async fn measure(arguments: &Arguments) {
    let time = if arguments.smoke { Duration::from_millis(150) } else { Duration::from_secs(6) };
    let wanted = |which| arguments.which.is_empty() || arguments.which.contains(&which);
    let databases = arguments.database.databases();
    let mut figures = Figures::default();
    if wanted(Which::Core) {
        core::run(&mut figures, time).await;
    }
    if wanted(Which::Ingest) {
        ingest::run(&mut figures, &databases, time).await;
    }
    if wanted(Which::Start) {
        start::run(&mut figures, &databases, arguments.smoke).await;
    }
    if wanted(Which::Webhooks) {
        webhooks::run(&mut figures, &databases, arguments.smoke).await;
    }
    if wanted(Which::Sync) {
        sync::run(&mut figures, &databases, arguments.smoke).await;
    }
    if arguments.smoke {
        println!("a smoke run: everything works, its figures say nothing");
        figures.unjudged();
    }
    figures.report(if arguments.smoke { "smoke" } else { "report" });
}
