//! The cost of every call: the limiter, the token, the pipeline with its models.

use std::{hint::black_box, sync::Arc, time::Duration};

use axum::{Router, routing::post};
use ghl_client::GhlClient;
use provider_sandbox::Sandbox;
use serde::Deserialize;
use serde_json::{Value, json};
use sidecar_core::{
    Clock, SystemClock,
    rate_limit::{Decision, LocalLimiter, Priority, RateLimiter, Scope},
    token::{ConnectionState, Credentials, MemoryStore, TokenKey, TokenManager, TokenStore},
};
use sidecar_tests::{Measurements, Target, Unlimited, percentile, token_set};

/// Runs each benchmark for about `time`.
pub(super) async fn run(measurements: &mut Measurements, time: Duration) {
    measurements.add("limiter: two scopes acquired", limiter(time).await, "ns");
    measurements.add("token: a cached one returned", token(time).await, "ns");
    call(measurements, time).await;
}

/// Returns the median nanoseconds of one `step`, measured for about `time`.
async fn time_per_step<F: Future>(time: Duration, mut step: impl FnMut() -> F) -> f64 {
    const BATCH_STEPS: u32 = 1_000;
    let clock = SystemClock::new();
    let mut batches = Vec::new();
    while clock.monotonic() < time || batches.is_empty() {
        let began = clock.monotonic();
        for _ in 0..BATCH_STEPS {
            black_box(step().await);
        }
        batches.push((clock.monotonic() - began).as_secs_f64() * 1e9 / f64::from(BATCH_STEPS));
    }
    batches.sort_by(f64::total_cmp);
    percentile(&batches, 0.5)
}

async fn limiter(time: Duration) -> f64 {
    let limiter = LocalLimiter::new(SystemClock::shared());
    let scopes = [
        Scope::sliding_window("bench:burst", u32::MAX, Duration::from_secs(10)),
        Scope::fixed_window("bench:day", u32::MAX, Duration::from_secs(86_400)),
    ];
    time_per_step(time, async || {
        assert_eq!(limiter.try_acquire(&scopes, Priority::Interactive).await.unwrap(), Decision::Go)
    })
    .await
}

/// A provider that is never called, because the token of the benchmark does not expire.
#[derive(Debug)]
struct UnusedProvider;

#[async_trait::async_trait]
impl sidecar_core::token::TokenProvider for UnusedProvider {
    async fn refresh(
        &self,
        key: &TokenKey,
        _: &sidecar_core::token::TokenSet,
    ) -> sidecar_core::Result<sidecar_core::token::TokenSet> {
        panic!("{key} needs no refresh")
    }
}

async fn token(time: Duration) -> f64 {
    let store = Arc::new(MemoryStore::new());
    let key = TokenKey::new("org", "bench:1");
    let token = provider_sandbox::ghl::Token { access: "access".into(), refresh: None, expires_in: 86_399 };
    drop(store.swap(&key, 0, &token_set(token, &json!({})), &ConnectionState::Active).await.unwrap());
    let handle = TokenManager::new(store.clone(), store, Arc::new(UnusedProvider), SystemClock::shared()).handle(key);
    time_per_step(time, async || handle.access_token(None).await.unwrap()).await
}

/// The model that a caller without this crate would write.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct PlainPage {
    contacts: Vec<PlainContact>,
    #[expect(dead_code, reason = "decoded for the comparison")]
    total: u64,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
#[expect(dead_code, reason = "decoded for the comparison")]
struct PlainContact {
    id: String,
    location_id: String,
    first_name: Option<String>,
    last_name: Option<String>,
    email: Option<String>,
    phone: Option<String>,
    city: Option<String>,
    tags: Vec<String>,
    date_added: Option<String>,
    date_updated: Option<String>,
    search_after: Option<Vec<Value>>,
    #[serde(flatten)]
    extra: serde_json::Map<String, Value>,
}

/// A search of 100 contacts through the client, and through reqwest and serde alone, alternating, against the same server.
async fn call(measurements: &mut Measurements, time: Duration) {
    let sandbox = Sandbox::builder().contacts(300).locations(1).start().await.unwrap();
    let location = sandbox.ghl().location_ids().remove(0);
    let token = sandbox.ghl().private_integration_token(&location).unwrap();
    let bare = reqwest::Client::builder().no_proxy().tcp_nodelay(true).build().unwrap();
    let search = json!({"locationId": location, "pageLimit": 100}).to_string();
    let send = |url: String| {
        let request = bare.post(url).bearer_auth(&token).header("Version", "2021-07-28");
        request.header("Content-Type", "application/json").body(search.clone())
    };
    let page = send(format!("{}/ghl/contacts/search", sandbox.url())).send().await.unwrap().bytes().await.unwrap();
    sandbox.stop().await;
    let url = serve(page).await;
    let client = GhlClient::builder()
        .private_integration_token(token.clone())
        .base_url(&*url)
        .limiter(Arc::new(Unlimited))
        .build()
        .unwrap();
    let clock = SystemClock::new();
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    while clock.monotonic() < time || ours.is_empty() {
        let began = clock.monotonic();
        let page = client.contacts().search(location.as_str()).page_size(100).await.unwrap();
        let between = clock.monotonic();
        let body = send(format!("{url}/contacts/search")).send().await.unwrap().bytes().await.unwrap();
        let plain: PlainPage = serde_json::from_slice(&body).unwrap();
        let ended = clock.monotonic();
        assert_eq!((page.items.len(), plain.contacts.len()), (100, 100));
        ours.push((between - began).as_secs_f64() * 1e6);
        theirs.push((ended - between).as_secs_f64() * 1e6);
    }
    ours.sort_by(f64::total_cmp);
    theirs.sort_by(f64::total_cmp);
    let (ours, theirs) = (percentile(&ours, 0.5), percentile(&theirs, 0.5));
    measurements.add("call: 100 contacts by reqwest and serde alone", theirs, "µs");
    measurements
        .add("call: 100 contacts by the client", ours, "µs")
        .relative_to(theirs)
        .ratio_target(Target::AtMost(1.15));
}

/// Serves one response until the process ends.
async fn serve(page: bytes::Bytes) -> String {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let response = move || async move { ([("content-type", "application/json")], page) };
    tokio::spawn(async move { axum::serve(listener, Router::new().route("/contacts/search", post(response))).await });
    url
}
