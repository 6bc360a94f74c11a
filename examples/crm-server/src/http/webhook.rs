//! Accepts webhooks of every provider: limit → verify → limit the tenant → describe → commit → status.
//!
//! Invariant: 200 is sent only after the delivery is committed.

use std::time::Duration;

use axum::{Json, body::Body};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use bytes::Bytes;
use http::{HeaderMap, StatusCode};
use serde::Serialize;
use sha2::{Digest, Sha256};
use sidecar_core::{
    Timestamp,
    queue::inbox::{NewDelivery, Receipt},
    signature::{Delivery, SignatureError, Verified},
};
use tracing::Instrument as _;
use utoipa::ToSchema;

use super::{
    ApiResult, Problem,
    extract::{ClientIp, MAX_WEBHOOK_BYTES, read_body},
};
use crate::{app::App, failpoints::crash_point};

/// When a delivery that could not be stored should come again. Providers have schedules of their own.
const RETRY_AFTER: Duration = Duration::from_secs(60);
/// Longer ids and kinds are truncated: the sender chooses them, and they are stored for long.
const MAX_NAME_BYTES: usize = 200;

/// The response to an accepted delivery.
#[derive(Debug, Serialize, ToSchema)]
pub struct Received {
    /// Always `true`: the delivery is stored.
    received: bool,
    /// Whether it was stored before.
    duplicate: bool,
}

/// How one provider's deliveries are verified and described.
pub(crate) trait WebhookSource: Sync {
    /// The provider, as in the inbox and in the metrics.
    const NAME: &'static str;
    /// The status for a delivery that cannot be accepted now: the one that makes the provider send it again.
    const RETRY_STATUS: StatusCode;
    /// The parsed event.
    type Event: Send;

    /// Checks the signature. A [`Problem`] rejects the delivery with another status than 401.
    fn verify(
        &self,
        app: &App,
        delivery: Delivery<'_>,
    ) -> impl Future<Output = ApiResult<Result<Verified, SignatureError>>> + Send;

    /// Parses the body, as far as it can be parsed.
    fn parse(&self, body: &Bytes) -> Self::Event;

    /// The tenant whose rate limit applies.
    fn tenant(&self, event: &Self::Event) -> String;

    /// Describes the delivery for the inbox.
    fn describe(
        &self,
        app: &App,
        event: Self::Event,
        verified: Verified,
        body: Bytes,
        at: Timestamp,
    ) -> impl Future<Output = NewDelivery> + Send;
}

/// Accepts one delivery.
pub(crate) async fn accept<S: WebhookSource>(
    app: &App,
    source: S,
    ClientIp(ip): ClientIp,
    headers: &HeaderMap,
    body: Body,
) -> ApiResult<Json<Received>> {
    let limited = |problem: Problem| {
        app.metrics.webhook(S::NAME, "rate_limited");
        problem.with_status(S::RETRY_STATUS)
    };
    app.webhook_limits.check_signature_failures(ip).map_err(limited)?;
    let body = read_body(body, MAX_WEBHOOK_BYTES, &*app.clock).await?;
    let at = app.now();
    let verified = source.verify(app, Delivery { headers, body: &body, received_at: at }).await;
    // Requests for organizations without webhooks are limited like invalid signatures.
    let verified = verified.inspect_err(|_| app.webhook_limits.record_failure(ip))?;
    let verified = verified.map_err(|error| {
        app.webhook_limits.record_failure(ip);
        app.metrics.webhook(S::NAME, "invalid_signature");
        tracing::warn!(source = S::NAME, %error, "a delivery was rejected");
        Problem::new(StatusCode::UNAUTHORIZED, "signature_invalid", error.to_string())
    })?;
    let event = source.parse(&body);
    app.webhook_limits.admit(S::NAME, &source.tenant(&event)).await.map_err(limited)?;
    let delivery = source.describe(app, event, verified, body, at).await;
    // Joins the request with the processing of the delivery, which has the same message id.
    let span = tracing::info_span!(
        "publish delivery",
        otel.name = format!("publish {}", S::NAME),
        otel.kind = "producer",
        messaging.system = "sidecar",
        messaging.operation.type = "send",
        messaging.destination.name = S::NAME,
        messaging.message.id = &*delivery.id,
        organization = delivery.organization.as_ref().map(tracing::field::display),
        event.kind = &*delivery.kind,
    );
    match app.committer.put(delivery).instrument(span).await {
        Ok(receipt) => {
            crash_point("webhook.after_commit");
            let duplicate = receipt == Receipt::Duplicate;
            app.metrics.webhook(S::NAME, if duplicate { "duplicate" } else { "stored" });
            Ok(Json(Received { received: true, duplicate }))
        }
        Err(error) => {
            app.metrics.webhook(S::NAME, "not_stored");
            tracing::error!(source = S::NAME, %error, "a delivery was not stored");
            let detail = format!("{error}: send it again");
            Err(Problem::new(S::RETRY_STATUS, "not_stored", detail).retry_after(RETRY_AFTER))
        }
    }
}

/// Truncates a long name. The hash of the whole name keeps two names with the same beginning apart.
pub(crate) fn truncate_with_hash(name: &str) -> String {
    if name.len() <= MAX_NAME_BYTES {
        return name.to_owned();
    }
    let beginning: String = name.chars().take(32).collect();
    format!("{beginning}~{}", URL_SAFE_NO_PAD.encode(Sha256::digest(name)))
}
