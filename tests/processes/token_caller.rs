//! `token-caller`: makes concurrent calls with one connection of a store, with optional crash points.
//!
//! It prints `ready`, then for each `go N` on standard input it makes N concurrent calls and prints one line of JSON:
//! `{"ok", "failed", "kinds", "errors", "ms"}`. It ends with its input.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use async_trait::async_trait;
use clap::{Parser, ValueEnum};
use futures_util::future::join_all;
use ghl_client::{GhlClient, GhlExchange, GhlOAuth};
use serde_json::json;
use sidecar_core::{
    Clock, Error, ErrorKind, Result, SystemClock,
    token::{TokenConfig, TokenKey, TokenManager, TokenProvider, TokenSet},
};
use sidecar_tests::{ORGANIZATION, Unlimited, open_store};
use tokio::io::{AsyncBufReadExt, BufReader};

#[derive(Debug, Clone, Parser)]
struct Arguments {
    /// The URL of the store.
    #[arg(long)]
    database: String,
    /// The URL of the provider.
    #[arg(long)]
    api: String,
    #[arg(long)]
    client_id: String,
    #[arg(long)]
    client_secret: String,
    /// `company:ID` or `location:ID`.
    #[arg(long)]
    resource: String,
    /// The TTL of a lease.
    #[arg(long, default_value_t = 3_000)]
    lease_ms: u64,
    /// The time that a caller waits for a new token.
    #[arg(long, default_value_t = 20_000)]
    wait_ms: u64,
    /// The offset of its clock from the machine's, in seconds.
    #[arg(long, default_value_t = 0, allow_hyphen_values = true)]
    clock_offset: i64,
    /// The point of the first exchange at which the process aborts.
    #[arg(long)]
    crash: Option<Crash>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Crash {
    /// Before the request is sent.
    BeforeSend,
    /// After the provider's response, before it is stored.
    AfterResponse,
}

/// A token provider with a crash point before and after the exchange.
#[derive(Debug)]
struct CrashingProvider {
    exchange: GhlExchange,
    at: Option<Crash>,
}

#[async_trait]
impl TokenProvider for CrashingProvider {
    async fn refresh(&self, key: &TokenKey, current: &TokenSet) -> Result<TokenSet> {
        if self.at == Some(Crash::BeforeSend) {
            std::process::abort();
        }
        let refreshed = self.exchange.refresh(key, current).await;
        if self.at == Some(Crash::AfterResponse) && refreshed.is_ok() {
            std::process::abort();
        }
        refreshed
    }
}

#[tokio::main]
async fn main() -> Result<()> {
    tracing_subscriber::fmt().with_writer(std::io::stderr).init();
    let arguments = Arguments::parse();
    let client = client(&arguments).await?;
    println!("ready");
    let mut lines = BufReader::new(tokio::io::stdin()).lines();
    while let Ok(Some(line)) = lines.next_line().await {
        let calls = line.strip_prefix("go ").and_then(|count| count.parse().ok());
        let Some(calls) = calls else {
            return Err(Error::new(ErrorKind::InvalidInput, format!("`{line}` is not `go N`")));
        };
        println!("{}", make_calls(&client, &arguments.resource, calls).await);
    }
    Ok(())
}

fn clock(offset: i64) -> Arc<dyn Clock> {
    let (now, by) = (SystemClock::new().now(), Duration::from_secs(offset.unsigned_abs()));
    match offset {
        0 => SystemClock::shared(),
        1.. => Arc::new(SystemClock::starting_at(now + by)),
        _ => Arc::new(SystemClock::starting_at(now - by)),
    }
}

async fn client(arguments: &Arguments) -> Result<GhlClient> {
    let store = open_store(&arguments.database).await;
    let clock = clock(arguments.clock_offset);
    let oauth =
        GhlOAuth::builder(&*arguments.client_id, arguments.client_secret.clone()).base_url(&*arguments.api).build()?;
    let config = TokenConfig {
        lease_ttl: Duration::from_millis(arguments.lease_ms),
        acquire_timeout: Duration::from_millis(arguments.wait_ms),
        ..TokenConfig::default()
    };
    let new_manager = |exchange: GhlExchange, at: Option<Crash>| {
        let exchange = Arc::new(CrashingProvider { exchange, at });
        TokenManager::with_config(store.clone(), store.clone(), exchange, Arc::clone(&clock), config)
    };
    let companies = new_manager(
        GhlExchange::new(oauth.clone()),
        arguments.crash.filter(|_| arguments.resource.starts_with("company:")),
    );
    let locations = new_manager(GhlExchange::new(oauth).minting_from(companies.clone()), arguments.crash);
    let manager = if arguments.resource.starts_with("company:") { companies } else { locations };
    let handle = manager.handle(TokenKey::new(ORGANIZATION, format!("ghl:{}", arguments.resource)));
    let client = GhlClient::builder().credentials(Arc::new(handle)).base_url(&*arguments.api).clock(clock);
    client.limiter(Arc::new(Unlimited)).build()
}

async fn make_calls(client: &GhlClient, resource: &str, calls: usize) -> serde_json::Value {
    let clock = SystemClock::new();
    let began = clock.monotonic();
    let outcomes = join_all((0..calls).map(|_| tokio::spawn(call(client.clone(), resource.to_owned())))).await;
    let mut kinds: BTreeMap<String, usize> = BTreeMap::new();
    let mut errors = Vec::new();
    for outcome in outcomes {
        match outcome {
            Ok(Ok(())) => {}
            Ok(Err(error)) => {
                *kinds.entry(format!("{:?}", error.kind())).or_default() += 1;
                errors.push(error.to_string());
            }
            Err(panic) => errors.push(panic.to_string()),
        }
    }
    errors.sort();
    let failed = errors.len();
    errors.dedup();
    errors.truncate(3);
    let ms = (clock.monotonic() - began).as_millis();
    json!({"ok": calls - failed, "failed": failed, "kinds": kinds, "errors": errors, "ms": u64::try_from(ms).unwrap_or(u64::MAX)})
}

async fn call(client: GhlClient, resource: String) -> Result<()> {
    match resource.split_once(':') {
        Some(("company", id)) => client.locations().search(id).await.map(drop),
        Some(("location", id)) => client.locations().get(id).await.map(drop),
        _ => Err(Error::new(ErrorKind::InvalidInput, format!("`{resource}` is neither company:ID nor location:ID"))),
    }
}
