//! Our side, in a process of its own: full passes over every location at once, first into an empty store, then after every
//! contact changed, then when none did.

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

use super::documents;

/// What to copy.
#[derive(Debug, Args)]
pub(crate) struct Order {
    /// Where the pages are.
    #[arg(long)]
    pages: String,
    /// Where they go.
    #[arg(long)]
    database: String,
    /// How many locations.
    #[arg(long)]
    locations: usize,
    /// How many contacts in each.
    #[arg(long)]
    contacts: usize,
    /// Contacts in a page; as the source likes unless given.
    #[arg(long)]
    page_size: Option<u32>,
}

/// One pass over every location.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub(super) struct Passed {
    /// Contacts per second.
    pub(super) rate: f64,
    /// CPU time of each contact, in microseconds.
    pub(super) cpu: f64,
}

/// What became of it.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub(super) struct Copied {
    pub(super) inserted: Passed,
    pub(super) updated: Passed,
    pub(super) unchanged: Passed,
    /// The most memory that this process ever held, in MiB.
    pub(super) peak: f64,
}

/// Copies and prints [`Copied`].
pub(crate) async fn run(order: Order) {
    // Another installation of the same provider is refused, which is what we want.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let store = open_store(&order.database).await;
    let ports = (Arc::clone(&store) as _, Arc::clone(&store) as _, Arc::clone(&store) as _);
    let engine = Engine::new(ports.0, ports.1, ports.2, SystemClock::shared(), EngineConfig::default());
    let inserted = pass(&order, &store, &engine, 0, |report| report.inserted).await;
    let updated = pass(&order, &store, &engine, 1, |report| report.updated).await;
    let unchanged = pass(&order, &store, &engine, 1, |report| report.unchanged).await;
    let peak = Memory::of(std::process::id()).peak;
    println!("{}", serde_json::to_string(&Copied { inserted, updated, unchanged, peak }).unwrap());
}

async fn pass(
    order: &Order,
    store: &Arc<dyn Store>,
    engine: &Engine,
    generation: usize,
    expected: fn(&SyncReport) -> u64,
) -> Passed {
    let client = GhlClient::builder()
        .private_integration_token("pit-bench")
        .base_url(format!("{}/{generation}", order.pages))
        .limiter(Arc::new(Unlimited))
        .build()
        .unwrap();
    let (clock, used) = (SystemClock::new(), cpu(std::process::id()));
    let passes = (0..order.locations).map(|place| {
        let (engine, client, store, size) = (engine.clone(), client.clone(), Arc::clone(store), order.page_size);
        tokio::spawn(async move { copy(&engine, client, &*store, place, size).await })
    });
    let reports: Vec<SyncReport> = join_all(passes).await.into_iter().map(Result::unwrap).collect();
    let (took, used) = (clock.monotonic(), cpu(std::process::id()) - used);
    let count = order.locations * order.contacts;
    assert_eq!(reports.iter().map(expected).sum::<u64>(), count as u64, "{reports:?}");
    let each = |time: Duration| time.as_secs_f64() / count as f64;
    Passed { rate: 1.0 / each(took), cpu: each(used) * 1e6 }
}

async fn copy(engine: &Engine, client: GhlClient, store: &dyn Store, place: usize, size: Option<u32>) -> SyncReport {
    let location = documents::location(place);
    let key = SyncKey::new(ORGANIZATION, "GHL_CONTACTS", &*location);
    store.schedule(&key, SystemClock::new().now(), true).await.unwrap();
    let source = ContactsSource::new(client, ORGANIZATION, &*location);
    let source = match size {
        Some(size) => source.page_size(size),
        None => source,
    };
    engine.run(&key, &source, &()).await.unwrap()
}
