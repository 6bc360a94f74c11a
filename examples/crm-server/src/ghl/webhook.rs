//! The way in for GHL's deliveries: verified, kept, acknowledged. What they mean is worked out later (`handler`).
//!
//! Invariant: 200 is answered only after the delivery is committed. GHL sends again only after 429, so that is the answer
//! whenever a genuine delivery could not be kept.

use std::time::Duration;

use axum::{body::Body, extract::State};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use bytes::Bytes;
use ghl_client::GhlEvent;
use http::{HeaderMap, StatusCode};
use sha2::{Digest, Sha256};
use sidecar_core::{
    Timestamp,
    queue::inbox::{NewDelivery, Receipt},
    signature::{Delivery, Verified, Verifier},
};

use super::events::SOURCE;
use crate::{
    app::App,
    http::{
        Answer, Problem,
        extract::{LARGEST_WEBHOOK, Peer, read_body},
        webhook_limits::{Received, cut},
    },
};

/// When a delivery that could not be kept should come again. The provider has a schedule of its own.
const AGAIN: Duration = Duration::from_secs(60);

/// Takes a delivery of GHL.
#[utoipa::path(
    post,
    path = "/api/webhooks/ghl",
    operation_id = "receive_ghl_webhook",
    tag = "webhooks",
    request_body(content = Object, content_type = "application/json", description = "The event, signed in `x-ghl-signature` over the raw body; at most 1 MiB"),
    responses(
        (status = 200, description = "It is kept", body = Received),
        (status = 401, description = "The signature is missing, malformed, wrong or too old", body = Problem),
        (status = 413, body = Problem),
        (status = 429, description = "It could not be kept, or there are too many: send it again", body = Problem),
    ),
)]
pub async fn receive(
    State(app): State<App>,
    peer: Peer,
    headers: HeaderMap,
    body: Body,
) -> Answer<axum::Json<Received>> {
    app.ingress.check_peer(peer.0).inspect_err(|_| app.metrics.webhook(SOURCE, "limited"))?;
    let body = read_body(body, LARGEST_WEBHOOK, &*app.clock).await?;
    let at = app.now();
    let signed = app.ghl.verifier().verify(Delivery { headers: &headers, body: &body, received_at: at });
    let verified = signed.map_err(|error| {
        app.ingress.was_forged(peer.0);
        app.metrics.webhook(SOURCE, "refused");
        tracing::warn!(%error, "a delivery was refused");
        Problem::new(StatusCode::UNAUTHORIZED, "signature_invalid", error.to_string())
    })?;
    let event = GhlEvent::parse(&body).ok();
    let admitted = app.ingress.admit(SOURCE, &tenant(event.as_ref())).await;
    admitted.inspect_err(|_| app.metrics.webhook(SOURCE, "limited"))?;
    match app.committer.put(delivery(&app, event.as_ref(), &verified, body, at).await).await {
        Ok(receipt) => {
            crash_after_commit();
            let duplicate = receipt == Receipt::Duplicate;
            app.metrics.webhook(SOURCE, if duplicate { "duplicate" } else { "kept" });
            Ok(axum::Json(Received::new(duplicate)))
        }
        Err(error) => {
            app.metrics.webhook(SOURCE, "not_kept");
            tracing::error!(%error, "a delivery was not kept");
            let detail = format!("{error}: send it again");
            Err(Problem::new(StatusCode::TOO_MANY_REQUESTS, "not_kept", detail).retry_after(AGAIN))
        }
    }
}

/// Whose allowance it is taken off: the location's, or else the company's.
fn tenant(event: Option<&GhlEvent>) -> String {
    let Some(event) = event else { return String::new() };
    let location = event.location_id().map(|id| id.to_string());
    location.or_else(|| event.company_id().map(|id| id.to_string())).unwrap_or_default()
}

/// As much of the event as keeping it needs. What cannot be understood is kept under its hash.
async fn delivery(app: &App, event: Option<&GhlEvent>, verified: &Verified, body: Bytes, at: Timestamp) -> NewDelivery {
    let named = event.and_then(GhlEvent::webhook_id).or(verified.delivery_id.as_deref());
    let id = match named.map(str::trim).filter(|id| !id.is_empty()) {
        Some(id) => cut(id),
        None => format!("sha256:{}", URL_SAFE_NO_PAD.encode(Sha256::digest(&body))),
    };
    let kind = event.map_or_else(|| "unknown".to_owned(), |event| event.kind().as_str().to_owned());
    let order_key = event.map_or_else(|| id.clone(), GhlEvent::order_key);
    let organization = match event {
        Some(event) => app.owners.label(app, event).await,
        None => None,
    };
    NewDelivery {
        source: SOURCE.into(),
        id: id.into(),
        organization,
        order_key: cut(&order_key).into(),
        kind: cut(&kind).into(),
        body,
        at,
    }
}

#[cfg(feature = "failpoints")]
fn crash_after_commit() {
    super::crash::crash_point("webhook.after_commit");
}

#[cfg(not(feature = "failpoints"))]
fn crash_after_commit() {}
