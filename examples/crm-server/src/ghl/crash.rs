//! Crash points around the exchange of tokens, for tests that kill the process at the worst moment.

use std::sync::Arc;

use async_trait::async_trait;
use sidecar_core::http::{HttpRequest, HttpResponse, Transport, TransportError};

use crate::failpoints::crash_point;

/// A transport that meets `ghl.exchange.before_send` and `ghl.exchange.after_answer` on the way to the token endpoints.
#[derive(Debug)]
pub(super) struct CrashingTransport(pub(super) Arc<dyn Transport>);

#[async_trait]
impl Transport for CrashingTransport {
    async fn send(&self, request: HttpRequest) -> Result<HttpResponse, TransportError> {
        let path = request.uri().path();
        if !(path.ends_with("/oauth/token") || path.ends_with("/oauth/locationToken")) {
            return self.0.send(request).await;
        }
        crash_point("ghl.exchange.before_send");
        let answer = self.0.send(request).await;
        crash_point("ghl.exchange.after_answer");
        answer
    }
}
