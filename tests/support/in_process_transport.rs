//! The sandbox without sockets, so that a test can pause time.

use std::{
    ops::Range,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use async_trait::async_trait;
use axum::Router;
use sidecar_core::{
    Clock,
    http::{Body, HttpRequest, HttpResponse, MAX_RESPONSE_BYTES, Transport, TransportError},
};
use tower::ServiceExt;

use crate::SeededRng;

/// A [`Transport`] that calls a router, with a random latency in each direction.
#[derive(Debug)]
pub struct InProcessTransport {
    router: Router,
    clock: Arc<dyn Clock>,
    latency_ms: Range<u64>,
    rng: Mutex<SeededRng>,
}

impl InProcessTransport {
    /// Creates a transport whose latency in each direction is a number of milliseconds in `latency_ms`.
    pub fn new(router: Router, clock: Arc<dyn Clock>, latency_ms: Range<u64>, rng: SeededRng) -> Self {
        Self { router, clock, latency_ms, rng: Mutex::new(rng) }
    }

    async fn delay(&self) {
        let latency = self.rng.lock().unwrap_or_else(PoisonError::into_inner).within(self.latency_ms.clone());
        self.clock.sleep(Duration::from_millis(latency)).await;
    }
}

#[async_trait]
impl Transport for InProcessTransport {
    async fn send(&self, request: HttpRequest) -> Result<HttpResponse, TransportError> {
        self.delay().await;
        let (head, body) = request.into_parts();
        let body = body.collect(MAX_RESPONSE_BYTES).await?;
        let request = http::Request::from_parts(head, axum::body::Body::from(body));
        let response = match self.router.clone().oneshot(request).await {
            Ok(response) => response,
            Err(never) => match never {},
        };
        let (head, body) = response.into_parts();
        let body =
            axum::body::to_bytes(body, MAX_RESPONSE_BYTES).await.map_err(|error| TransportError::Body(error.into()))?;
        self.delay().await;
        Ok(http::Response::from_parts(head, Body::Bytes(body)))
    }
}
