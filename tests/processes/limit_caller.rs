//! `limit-caller`: calls as often as the shared limiter in Redis admits, for several locations concurrently.
//!
//! It prints `ready`, then one line of JSON for each command on standard input, `hammer SECONDS` (many tasks for each location)
//! or `burst LOCATION COUNT` (this many concurrent calls): `{"ok", "failed", "errors", "ms", "fallbacks", "outages"}`. It prints
//! `lost` when its limiter loses Redis, and `back` when Redis is reachable again. It ends with its input.

use std::{sync::Arc, time::Duration};

use clap::Parser;
use futures_util::future::join_all;
use ghl_client::GhlClient;
use serde_json::{Value, json};
use sidecar_core::{Clock, Error, ErrorKind, Result, SystemClock, time::timeout};
use sidecar_store::redis::RedisLimiter;
use tokio::io::{AsyncBufReadExt, BufReader};

#[derive(Debug, Parser)]
struct Arguments {
    /// The URL of the provider.
    #[arg(long)]
    api: String,
    /// The URL of Redis.
    #[arg(long)]
    redis: String,
    /// The number of processes that share the limits.
    #[arg(long)]
    processes: u32,
    /// Tasks for each location.
    #[arg(long, default_value_t = 64)]
    tasks: usize,
    /// `ID=TOKEN` of a location called by `hammer`.
    #[arg(long)]
    location: Vec<String>,
    /// `ID=TOKEN` of a location called by `burst` only.
    #[arg(long)]
    idle: Vec<String>,
}

struct Caller {
    clock: Arc<dyn Clock>,
    limiter: Arc<RedisLimiter>,
    clients: Vec<(String, GhlClient)>,
    /// The number of clients that `hammer` uses, from the first.
    busy: usize,
    tasks: usize,
}

#[tokio::main]
async fn main() -> Result<()> {
    tracing_subscriber::fmt().with_writer(std::io::stderr).init();
    let caller = Caller::new(&Arguments::parse())?;
    tokio::spawn(print_redis_state(Arc::clone(&caller.limiter), Arc::clone(&caller.clock)));
    println!("ready");
    let mut lines = BufReader::new(tokio::io::stdin()).lines();
    while let Ok(Some(line)) = lines.next_line().await {
        let report = match line.split(' ').collect::<Vec<_>>()[..] {
            ["hammer", seconds] => caller.hammer(Duration::from_secs(number(seconds)?)).await,
            ["burst", location, count] => caller.burst(location, number(count)?).await?,
            _ => return Err(invalid_input(&line)),
        };
        println!("{report}");
    }
    Ok(())
}

/// Prints when Redis is lost and back.
async fn print_redis_state(limiter: Arc<RedisLimiter>, clock: Arc<dyn Clock>) {
    let mut degraded = false;
    loop {
        clock.sleep(Duration::from_millis(10)).await;
        if limiter.status().degraded != degraded {
            degraded = !degraded;
            println!("{}", if degraded { "lost" } else { "back" });
        }
    }
}

fn number(text: &str) -> Result<u64> {
    text.parse().map_err(|_| invalid_input(text))
}

fn invalid_input(text: &str) -> Error {
    Error::new(ErrorKind::InvalidInput, format!("`{text}` is not a valid command or argument"))
}

impl Caller {
    fn new(arguments: &Arguments) -> Result<Self> {
        let clock = SystemClock::shared();
        let limiter = RedisLimiter::new(&arguments.redis, Arc::clone(&clock))
            .map_err(|error| Error::new(ErrorKind::InvalidInput, error.to_string()))?;
        limiter.set_processes(arguments.processes);
        let limiter = Arc::new(limiter);
        let client = |location: &String| {
            let (id, token) = location.split_once('=').ok_or_else(|| invalid_input(location))?;
            let client = GhlClient::builder()
                .private_integration_token(token.to_owned())
                .base_url(&*arguments.api)
                .limiter(Arc::clone(&limiter) as _)
                .deadline(Duration::from_secs(600))
                .build()?;
            Ok((id.to_owned(), client))
        };
        let clients = arguments.location.iter().chain(&arguments.idle).map(client).collect::<Result<_>>()?;
        Ok(Self { clock, limiter, clients, busy: arguments.location.len(), tasks: arguments.tasks })
    }

    async fn hammer(&self, time: Duration) -> Value {
        let began = self.clock.monotonic();
        let until = began + time;
        let tasks = self.clients[..self.busy].iter().flat_map(|client| std::iter::repeat_n(client, self.tasks));
        let tasks = tasks
            .map(|(id, client)| tokio::spawn(call_until(Arc::clone(&self.clock), client.clone(), id.clone(), until)));
        self.report(began, join_all(tasks.collect::<Vec<_>>()).await.into_iter().flatten().flatten())
    }

    async fn burst(&self, location: &str, count: u64) -> Result<Value> {
        let found = self.clients.iter().find(|(id, _)| id == location);
        let (_, client) = found.ok_or_else(|| invalid_input(location))?;
        let began = self.clock.monotonic();
        let calls = (0..count).map(|_| call(client, location));
        Ok(self.report(began, join_all(calls).await.into_iter()))
    }

    fn report(&self, began: Duration, outcomes: impl Iterator<Item = Result<()>>) -> Value {
        let (mut ok, mut errors) = (0, Vec::new());
        for outcome in outcomes {
            match outcome {
                Ok(()) => ok += 1,
                Err(error) => errors.push(error.to_string()),
            }
        }
        let failed = errors.len();
        errors.sort();
        errors.dedup();
        errors.truncate(3);
        let (ms, status) = ((self.clock.monotonic() - began).as_millis(), self.limiter.status());
        let ms = u64::try_from(ms).unwrap_or(u64::MAX);
        json!({
            "ok": ok, "failed": failed, "errors": errors, "ms": ms,
            "fallbacks": status.fallbacks, "outages": status.outages,
        })
    }
}

/// Calls until the time is over and drops the pending call then.
async fn call_until(clock: Arc<dyn Clock>, client: GhlClient, location: String, until: Duration) -> Vec<Result<()>> {
    let mut outcomes = Vec::new();
    loop {
        let left = until.saturating_sub(clock.monotonic());
        match timeout(&*clock, left, call(&client, &location)).await {
            Ok(outcome) => outcomes.push(outcome),
            Err(_) => return outcomes,
        }
    }
}

async fn call(client: &GhlClient, location: &str) -> Result<()> {
    client.locations().get(location).await.map(drop)
}
