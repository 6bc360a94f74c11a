//! `limit-caller`: a process that calls as often as its limiter lets it, for several locations at once.
//!
//! It says `ready`, then for each `hammer SECONDS` (many tasks for each location) or `burst LOCATION COUNT` (so many calls
//! at once) on its standard input one line of JSON: `{"ok", "failed", "errors", "ms", "fallbacks", "losses"}`. Whenever
//! its limiter loses Redis it says `lost`, and `back` when it is found again. It ends with its input.

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
    /// The provider's address.
    #[arg(long)]
    api: String,
    /// Where the limits are kept.
    #[arg(long)]
    redis: String,
    /// How many processes share the limits.
    #[arg(long)]
    processes: u32,
    /// Tasks for each location.
    #[arg(long, default_value_t = 64)]
    tasks: usize,
    /// `ID=TOKEN` of a location that is hammered.
    #[arg(long)]
    location: Vec<String>,
    /// `ID=TOKEN` of one that is called in a burst only.
    #[arg(long)]
    idle: Vec<String>,
}

struct Caller {
    clock: Arc<dyn Clock>,
    limiter: Arc<RedisLimiter>,
    clients: Vec<(String, GhlClient)>,
    /// How many of them are hammered.
    busy: usize,
    tasks: usize,
}

#[tokio::main]
async fn main() -> Result<()> {
    tracing_subscriber::fmt().with_writer(std::io::stderr).init();
    let caller = Caller::new(&Arguments::parse())?;
    tokio::spawn(tell(Arc::clone(&caller.limiter), Arc::clone(&caller.clock)));
    println!("ready");
    let mut lines = BufReader::new(tokio::io::stdin()).lines();
    while let Ok(Some(line)) = lines.next_line().await {
        let answer = match line.split(' ').collect::<Vec<_>>()[..] {
            ["hammer", seconds] => caller.hammer(Duration::from_secs(number(seconds)?)).await,
            ["burst", location, count] => caller.burst(location, number(count)?).await?,
            _ => return Err(misunderstood(&line)),
        };
        println!("{answer}");
    }
    Ok(())
}

/// Says when Redis is lost and found.
async fn tell(limiter: Arc<RedisLimiter>, clock: Arc<dyn Clock>) {
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
    text.parse().map_err(|_| misunderstood(text))
}

fn misunderstood(text: &str) -> Error {
    Error::new(ErrorKind::InvalidInput, format!("`{text}` is not understood"))
}

impl Caller {
    fn new(arguments: &Arguments) -> Result<Self> {
        let clock = SystemClock::shared();
        let limiter = RedisLimiter::new(&arguments.redis, Arc::clone(&clock))
            .map_err(|error| Error::new(ErrorKind::InvalidInput, error.to_string()))?;
        limiter.set_processes(arguments.processes);
        let limiter = Arc::new(limiter);
        let client = |location: &String| {
            let (id, token) = location.split_once('=').ok_or_else(|| misunderstood(location))?;
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
        let tasks =
            tasks.map(|(id, client)| tokio::spawn(repeat(Arc::clone(&self.clock), client.clone(), id.clone(), until)));
        self.report(began, join_all(tasks.collect::<Vec<_>>()).await.into_iter().flatten().flatten())
    }

    async fn burst(&self, location: &str, count: u64) -> Result<Value> {
        let found = self.clients.iter().find(|(id, _)| id == location);
        let (_, client) = found.ok_or_else(|| misunderstood(location))?;
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
            "fallbacks": status.fallbacks, "losses": status.losses,
        })
    }
}

/// Calls until the time is over; what still waits then is dropped.
async fn repeat(clock: Arc<dyn Clock>, client: GhlClient, location: String, until: Duration) -> Vec<Result<()>> {
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
