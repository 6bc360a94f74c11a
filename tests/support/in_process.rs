//! The stand-in without sockets, so that paused time moves the whole.

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

use crate::Chance;

/// A [`Transport`] that calls a router, with a random way there and back.
#[derive(Debug)]
pub struct InProcess {
    router: Router,
    clock: Arc<dyn Clock>,
    way_ms: Range<u64>,
    chance: Mutex<Chance>,
}

impl InProcess {
    /// Each way takes some milliseconds of `way_ms`.
    pub fn new(router: Router, clock: Arc<dyn Clock>, way_ms: Range<u64>, chance: Chance) -> Self {
        Self { router, clock, way_ms, chance: Mutex::new(chance) }
    }

    async fn travel(&self) {
        let way = self.chance.lock().unwrap_or_else(PoisonError::into_inner).within(self.way_ms.clone());
        self.clock.sleep(Duration::from_millis(way)).await;
    }
}

#[async_trait]
impl Transport for InProcess {
    async fn send(&self, request: HttpRequest) -> Result<HttpResponse, TransportError> {
        self.travel().await;
        let (head, body) = request.into_parts();
        let body = body.collect(MAX_RESPONSE_BYTES).await?;
        let request = http::Request::from_parts(head, axum::body::Body::from(body));
        let answer = match self.router.clone().oneshot(request).await {
            Ok(answer) => answer,
            Err(never) => match never {},
        };
        let (head, body) = answer.into_parts();
        let body =
            axum::body::to_bytes(body, MAX_RESPONSE_BYTES).await.map_err(|error| TransportError::Body(error.into()))?;
        self.travel().await;
        Ok(http::Response::from_parts(head, Body::Bytes(body)))
    }
}
