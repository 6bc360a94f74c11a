//! The limiter against the sandbox's enforced limits, in paused time and in process.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use futures_util::future::join_all;
use ghl_client::GhlClient;
use provider_sandbox::{
    Sandbox,
    ghl::{LimitRules, WindowKind},
};
use sidecar_core::{
    Clock, SystemClock,
    http::{Body, HttpRequest, HttpResponse, Transport, TransportError},
    rate_limit::LocalLimiter,
};
use tower::ServiceExt;

/// Hands requests to the sandbox's router, with a travel time that varies from request to request.
struct InProcess {
    router: axum::Router,
    clock: Arc<dyn Clock>,
    sent: AtomicU64,
}

impl std::fmt::Debug for InProcess {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("InProcess")
    }
}

impl InProcess {
    async fn travel(&self) {
        let number = self.sent.fetch_add(1, Ordering::Relaxed);
        self.clock.sleep(Duration::from_millis(10 + number * 7919 % 116)).await;
    }
}

#[async_trait]
impl Transport for InProcess {
    async fn send(&self, request: HttpRequest) -> Result<HttpResponse, TransportError> {
        let (mut head, body) = request.into_parts();
        let path = head.uri.path_and_query().unwrap().as_str().parse().unwrap();
        head.uri = path;
        self.travel().await;
        let body = axum::body::Body::from(body.collect(1 << 20).await?);
        let answer = self.router.clone().oneshot(http::Request::from_parts(head, body)).await.unwrap();
        self.travel().await;
        let (head, body) = answer.into_parts();
        let body = axum::body::to_bytes(body, 1 << 20).await.unwrap();
        Ok(HttpResponse::from_parts(head, Body::Bytes(body)))
    }
}

/// 64 tasks for each of five locations call as fast as they may, for the first window and twelve more.
async fn run(window: WindowKind) {
    let sandbox = Sandbox::builder().contacts(10).locations(5).start().await.unwrap();
    sandbox.control().set_limits(LimitRules { window, offset_ms: 3_700, ..sandbox.control().limits() });
    let clock = SystemClock::shared();
    let transport = Arc::new(InProcess { router: sandbox.router(), clock: clock.clone(), sent: AtomicU64::new(0) });
    let limiter = Arc::new(LocalLimiter::new(clock.clone()));
    let first_window = Duration::from_secs(10);
    let ends = clock.monotonic() + 13 * first_window;
    let locations = sandbox.ghl().location_ids();
    let mut tasks = Vec::new();
    for location in &locations {
        let token = sandbox.ghl().private_integration_token(location).unwrap();
        let ghl = GhlClient::builder()
            .private_integration_token(token)
            .base_url("http://sandbox/ghl")
            .transport(transport.clone())
            .limiter(limiter.clone())
            .clock(clock.clone())
            .deadline(Duration::from_secs(60))
            .build()
            .unwrap();
        for _ in 0..64 {
            let (ghl, location, clock) = (ghl.clone(), location.clone(), clock.clone());
            tasks.push(tokio::spawn(async move {
                while clock.monotonic() < ends {
                    ghl.locations().get(&*location).await.unwrap();
                }
            }));
        }
    }
    // The quota of an idle location may be spent at once.
    clock.sleep(Duration::from_secs(1)).await;
    for location in &locations {
        assert_eq!(sandbox.ghl().counts().limits[location].accepted, 100, "the whole burst goes at once");
    }
    clock.sleep(first_window - Duration::from_secs(1)).await;
    let before: Vec<u64> = locations.iter().map(|id| sandbox.ghl().counts().limits[id].accepted).collect();
    clock.sleep(ends.saturating_sub(clock.monotonic())).await;
    for (location, before) in locations.iter().zip(before) {
        let usage = sandbox.ghl().counts().limits[location].clone();
        let share = usage.accepted - before;
        assert_eq!(usage.rejected, 0, "{window:?}: {location} was refused");
        assert!(share >= 95 * 12, "{window:?}: {location} used {share} of 1,200");
    }
    for outcome in join_all(tasks).await {
        outcome.unwrap();
    }
    assert_eq!(sandbox.ghl().counts().rejected(), 0);
    sandbox.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_fixed_window_is_used_up_and_never_overrun() {
    run(WindowKind::Fixed).await;
}

#[tokio::test(start_paused = true)]
async fn a_sliding_window_is_used_up_and_never_overrun() {
    run(WindowKind::Sliding).await;
}

/// One location under a sync of 64 tasks that call as fast as they may, and a person who calls every half second for a minute:
/// how long the person waited at most, and how many calls the sync got through.
async fn person_beside_a_sync(in_background: bool) -> (Duration, u64) {
    let sandbox = Sandbox::builder().contacts(10).locations(1).start().await.unwrap();
    let clock = SystemClock::shared();
    let transport = Arc::new(InProcess { router: sandbox.router(), clock: clock.clone(), sent: AtomicU64::new(0) });
    let location = sandbox.ghl().location_ids().remove(0);
    let ghl = GhlClient::builder()
        .private_integration_token(sandbox.ghl().private_integration_token(&location).unwrap())
        .base_url("http://sandbox/ghl")
        .transport(transport)
        .clock(clock.clone())
        .deadline(Duration::from_secs(60))
        .build()
        .unwrap();
    let ends = clock.monotonic() + Duration::from_secs(70);
    let synced = Arc::new(AtomicU64::new(0));
    let mut tasks = Vec::new();
    for _ in 0..64 {
        let (ghl, location, clock, synced) = (ghl.clone(), location.clone(), clock.clone(), synced.clone());
        tasks.push(tokio::spawn(async move {
            while clock.monotonic() < ends {
                let call = ghl.locations().get(&*location);
                if in_background { call.background().await } else { call.await }.unwrap();
                synced.fetch_add(1, Ordering::Relaxed);
            }
        }));
    }
    clock.sleep(Duration::from_secs(10)).await;
    let mut longest = Duration::ZERO;
    for _ in 0..120 {
        let began = clock.monotonic();
        ghl.locations().get(&*location).await.unwrap();
        longest = longest.max(clock.monotonic() - began);
        clock.sleep(Duration::from_millis(500)).await;
    }
    for outcome in join_all(tasks).await {
        outcome.unwrap();
    }
    assert_eq!(sandbox.ghl().counts().rejected(), 0);
    sandbox.stop().await;
    (longest, synced.load(Ordering::Relaxed))
}

#[tokio::test(start_paused = true)]
async fn a_background_sync_never_starves_a_person() {
    let (waited, synced) = person_beside_a_sync(true).await;
    assert!(waited < Duration::from_secs(1), "a person waited {waited:?}");
    assert!(synced > 400, "the sync got through {synced} calls in 70 s");
    let (waited, _) = person_beside_a_sync(false).await;
    assert!(
        waited > Duration::from_secs(2),
        "without lanes a person waits too, here {waited:?}: the test would prove nothing"
    );
}
