//! What every call pays: the limiter, the token, the pipeline with its models.

use std::{hint::black_box, sync::Arc, time::Duration};

use axum::{Router, routing::post};
use ghl_client::GhlClient;
use provider_sandbox::Sandbox;
use serde::Deserialize;
use serde_json::{Value, json};
use sidecar_core::{
    Clock, SystemClock,
    rate_limit::{Decision, LocalLimiter, Priority, RateLimiter, Scope},
    token::{Credentials, MemoryStore, ConnectionState, TokenKey, TokenManager, TokenStore},
};
use sidecar_tests::{Asked, Figures, Unlimited, percentile, token_set};

/// Runs all of them, each for about `time`.
pub(super) async fn run(figures: &mut Figures, time: Duration) {
    figures.add("limiter: two scopes taken", limiter(time).await, "ns");
    figures.add("token: a good one handed out", token(time).await, "ns");
    call(figures, time).await;
}

/// Nanoseconds for one `step`, over about `time`.
async fn each<F: Future>(time: Duration, mut step: impl FnMut() -> F) -> f64 {
    const LOT: u32 = 1_000;
    let clock = SystemClock::new();
    let mut lots = Vec::new();
    while clock.monotonic() < time || lots.is_empty() {
        let began = clock.monotonic();
        for _ in 0..LOT {
            black_box(step().await);
        }
        lots.push((clock.monotonic() - began).as_secs_f64() * 1e9 / f64::from(LOT));
    }
    lots.sort_by(f64::total_cmp);
    percentile(&lots, 0.5)
}

async fn limiter(time: Duration) -> f64 {
    let limiter = LocalLimiter::new(SystemClock::shared());
    let scopes = [
        Scope::sliding_window("bench:burst", u32::MAX, Duration::from_secs(10)),
        Scope::fixed_window("bench:day", u32::MAX, Duration::from_secs(86_400)),
    ];
    each(time, async || assert_eq!(limiter.try_acquire(&scopes, Priority::Interactive).await.unwrap(), Decision::Go))
        .await
}

/// Renews nothing: the token of the benchmark is good throughout.
#[derive(Debug)]
struct Never;

#[async_trait::async_trait]
impl sidecar_core::token::TokenProvider for Never {
    async fn refresh(
        &self,
        key: &TokenKey,
        _: &sidecar_core::token::TokenSet,
    ) -> sidecar_core::Result<sidecar_core::token::TokenSet> {
        panic!("{key} needs no renewal")
    }
}

async fn token(time: Duration) -> f64 {
    let store = Arc::new(MemoryStore::new());
    let key = TokenKey::new("org", "bench:1");
    let token = provider_sandbox::ghl::Token { access: "access".into(), refresh: None, expires_in: 86_399 };
    drop(store.swap(&key, 0, &token_set(token, &json!({})), &ConnectionState::Active).await.unwrap());
    let handle = TokenManager::new(store.clone(), store, Arc::new(Never), SystemClock::shared()).handle(key);
    each(time, async || handle.access_token(None).await.unwrap()).await
}

/// What somebody without this crate would write.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Plain {
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

/// A search of 100 contacts through the client, and through reqwest and serde alone, in turns against the same server.
async fn call(figures: &mut Figures, time: Duration) {
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
        let plain: Plain = serde_json::from_slice(&body).unwrap();
        let ended = clock.monotonic();
        assert_eq!((page.items.len(), plain.contacts.len()), (100, 100));
        ours.push((between - began).as_secs_f64() * 1e6);
        theirs.push((ended - between).as_secs_f64() * 1e6);
    }
    ours.sort_by(f64::total_cmp);
    theirs.sort_by(f64::total_cmp);
    let (ours, theirs) = (percentile(&ours, 0.5), percentile(&theirs, 0.5));
    figures.add("call: 100 contacts by reqwest and serde alone", theirs, "µs");
    figures.add("call: 100 contacts by the client", ours, "µs").beside(theirs).ratio(Asked::AtMost(1.15));
}

/// Serves one answer for ever.
async fn serve(page: bytes::Bytes) -> String {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let answer = move || async move { ([("content-type", "application/json")], page) };
    tokio::spawn(async move { axum::serve(listener, Router::new().route("/contacts/search", post(answer))).await });
    url
}
