//! GHL's webhooks: verified, stored, acknowledged. Their effects are planned later, in `events`.
//!
//! GHL sends again only after 429, so that is the status whenever a valid delivery cannot be stored.

use axum::{Json, body::Body, extract::State};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use bytes::Bytes;
use ghl_client::GhlEvent;
use http::{HeaderMap, StatusCode};
use sha2::{Digest, Sha256};
use sidecar_core::{
    Timestamp,
    queue::inbox::NewDelivery,
    signature::{Delivery, SignatureError, Verified, Verifier},
};

use super::events::{SOURCE, owner_key};
use crate::{
    app::App,
    http::{
        ApiResult, Problem,
        extract::ClientIp,
        webhook::{Received, WebhookSource, accept, truncate_with_hash},
    },
};

/// Receives a webhook of GHL.
#[utoipa::path(
    post,
    path = "/api/webhooks/ghl",
    operation_id = "receive_ghl_webhook",
    tag = "webhooks",
    request_body(content = Object, content_type = "application/json", description = "The event, signed in `x-ghl-signature` over the raw body; at most 1 MiB"),
    responses(
        (status = 200, description = "Accepted and stored", body = Received),
        (status = 401, description = "The signature is missing, malformed, wrong or too old", body = Problem),
        (status = 413, body = Problem),
        (status = 429, description = "Not stored, or over the rate limit: send it again", body = Problem),
    ),
)]
pub async fn receive(
    State(app): State<App>,
    ip: ClientIp,
    headers: HeaderMap,
    body: Body,
) -> ApiResult<Json<Received>> {
    accept(&app, GhlWebhooks, ip, &headers, body).await
}

struct GhlWebhooks;

impl WebhookSource for GhlWebhooks {
    const NAME: &'static str = SOURCE;
    const RETRY_STATUS: StatusCode = StatusCode::TOO_MANY_REQUESTS;
    type Event = Option<GhlEvent>;

    async fn verify(&self, app: &App, delivery: Delivery<'_>) -> ApiResult<Result<Verified, SignatureError>> {
        Ok(app.ghl.verifier().verify(delivery))
    }

    fn parse(&self, body: &Bytes) -> Option<GhlEvent> {
        GhlEvent::parse(body).ok()
    }

    fn tenant(&self, event: &Option<GhlEvent>) -> String {
        let Some(event) = event else { return String::new() };
        let location = event.location_id().map(|id| id.to_string());
        location.or_else(|| event.company_id().map(|id| id.to_string())).unwrap_or_default()
    }

    /// A body that cannot be parsed is stored under its hash.
    async fn describe(
        &self,
        app: &App,
        event: Option<GhlEvent>,
        verified: Verified,
        body: Bytes,
        at: Timestamp,
    ) -> NewDelivery {
        let event = event.as_ref();
        let named = event.and_then(GhlEvent::webhook_id).or(verified.delivery_id.as_deref());
        let id = match named.map(str::trim).filter(|id| !id.is_empty()) {
            Some(id) => truncate_with_hash(id),
            None => format!("sha256:{}", URL_SAFE_NO_PAD.encode(Sha256::digest(&body))),
        };
        let kind = event.map_or_else(|| "unknown".to_owned(), |event| event.kind().as_str().to_owned());
        let order_key = event.map_or_else(|| id.clone(), GhlEvent::order_key);
        let organization = match event {
            Some(event) => app.owners.tenant_hint(&*app.store, &*app.clock, owner_key(event)).await,
            None => None,
        };
        NewDelivery {
            source: SOURCE.into(),
            id: id.into(),
            organization,
            order_key: truncate_with_hash(&order_key).into(),
            kind: truncate_with_hash(&kind).into(),
            body,
            at,
        }
    }
}
