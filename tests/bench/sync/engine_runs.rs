//! The sync process: full runs over all locations concurrently, first into an empty store, then after every contact changed,
//! then without changes.

use std::{sync::Arc, time::Duration};

use clap::Args;
use futures_util::future::join_all;
use ghl_client::{GhlClient, sync::ContactsSource};
use serde::{Deserialize, Serialize};
use sidecar_core::{
    Clock, SystemClock,
    sync::{Engine, EngineConfig, SyncKey, SyncReport},
};
use sidecar_store::Store;
use sidecar_tests::{Memory, ORGANIZATION, Unlimited, cpu, open_store};

use super::contacts;

/// The arguments of the process.
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// The URL of the provider.
    #[arg(long)]
    pages: String,
    /// The URL of the store.
    #[arg(long)]
    database: String,
    /// The number of locations.
    #[arg(long)]
    locations: usize,
    /// The number of contacts in each.
    #[arg(long)]
    contacts: usize,
    /// The page size; the default of the source if not set.
    #[arg(long)]
    page_size: Option<u32>,
}

/// The rates of one run over every location.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub(super) struct RunRates {
    /// Contacts per second.
    pub(super) rate: f64,
    /// CPU time for each contact, in microseconds.
    pub(super) cpu: f64,
}

/// The result of the process.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub(super) struct SyncResult {
    pub(super) inserted: RunRates,
    pub(super) updated: RunRates,
    pub(super) unchanged: RunRates,
    /// The peak memory of the process, in MiB.
    pub(super) peak: f64,
}

/// Runs the syncs and prints [`SyncResult`].
pub(crate) async fn run(arguments: Arguments) {
    // Fails if a provider is installed already, which is fine.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let store = open_store(&arguments.database).await;
    let ports = (Arc::clone(&store) as _, Arc::clone(&store) as _, Arc::clone(&store) as _);
    let engine = Engine::new(ports.0, ports.1, ports.2, SystemClock::shared(), EngineConfig::default());
    let inserted = run_all_locations(&arguments, &store, &engine, 0, |report| report.inserted).await;
    let updated = run_all_locations(&arguments, &store, &engine, 1, |report| report.updated).await;
    let unchanged = run_all_locations(&arguments, &store, &engine, 1, |report| report.unchanged).await;
    let peak = Memory::of(std::process::id()).peak;
    println!("{}", serde_json::to_string(&SyncResult { inserted, updated, unchanged, peak }).unwrap());
}

async fn run_all_locations(
    arguments: &Arguments,
    store: &Arc<dyn Store>,
    engine: &Engine,
    generation: usize,
    expected: fn(&SyncReport) -> u64,
) -> RunRates {
    let client = GhlClient::builder()
        .private_integration_token("pit-bench")
        .base_url(format!("{}/{generation}", arguments.pages))
        .limiter(Arc::new(Unlimited))
        .build()
        .unwrap();
    let (clock, used) = (SystemClock::new(), cpu(std::process::id()));
    let runs = (0..arguments.locations).map(|index| {
        let (engine, client, store, size) = (engine.clone(), client.clone(), Arc::clone(store), arguments.page_size);
        tokio::spawn(async move { sync_location(&engine, client, &*store, index, size).await })
    });
    let reports: Vec<SyncReport> = join_all(runs).await.into_iter().map(Result::unwrap).collect();
    let (took, used) = (clock.monotonic(), cpu(std::process::id()) - used);
    let count = arguments.locations * arguments.contacts;
    assert_eq!(reports.iter().map(expected).sum::<u64>(), count as u64, "{reports:?}");
    let each = |time: Duration| time.as_secs_f64() / count as f64;
    RunRates { rate: 1.0 / each(took), cpu: each(used) * 1e6 }
}

async fn sync_location(
    engine: &Engine,
    client: GhlClient,
    store: &dyn Store,
    index: usize,
    size: Option<u32>,
) -> SyncReport {
    let location = contacts::location(index);
    let key = SyncKey::new(ORGANIZATION, "GHL_CONTACTS", &*location);
    store.schedule(&key, SystemClock::new().now(), true).await.unwrap();
    let source = ContactsSource::new(client, ORGANIZATION, &*location);
    let source = match size {
        Some(size) => source.page_size(size),
        None => source,
    };
    engine.run(&key, &source, &()).await.unwrap()
}
