//! The way in for Cal.com's deliveries: verified with the organization's secrets, kept, acknowledged. What they mean is worked out
//! later.
//!
//! Invariant: 200 is answered only after the delivery is committed, and the organization is the one whose secret it was signed with,
//! never one that the body names.

use std::time::Duration;

use axum::{body::Body, extract::State};
use bytes::Bytes;
use calcom_client::{CalcomEvent, webhook};
use http::{HeaderMap, StatusCode};
use serde::Deserialize;
use sidecar_core::{
    OrganizationId, Timestamp,
    queue::inbox::{NewDelivery, Receipt},
    signature::{Delivery, SignatureError, Verifier},
};

use super::SOURCE;
use crate::{
    app::App,
    http::{
        Answer, Problem,
        extract::{LARGEST_WEBHOOK, Path, Peer, read_body},
        webhook_limits::{Received, cut},
    },
};

/// When a delivery that could not be kept should come again.
const AGAIN: Duration = Duration::from_secs(60);

/// The longest organization's id that is looked for.
const LONGEST_ID: usize = 100;

#[derive(Debug, Deserialize)]
pub struct InPath {
    organization: String,
}

/// Takes a delivery of Cal.com for the organization that the server is set up for (CALCOM_ORGANIZATION_ID).
#[utoipa::path(
    post,
    path = "/api/webhooks/calcom",
    operation_id = "receive_calcom_webhook",
    tag = "webhooks",
    request_body(content = Object, content_type = "application/json", description = "The event, signed in `x-cal-signature-256` over the raw body; at most 1 MiB"),
    responses(
        (status = 200, description = "It is kept", body = Received),
        (status = 401, description = "The signature is missing, malformed or wrong", body = Problem),
        (status = 404, description = "`integration_off`: there is no secret to verify with", body = Problem),
        (status = 413, body = Problem),
        (status = 503, description = "It could not be kept, or there are too many: send it again", body = Problem),
    ),
)]
pub async fn receive(
    State(app): State<App>,
    peer: Peer,
    headers: HeaderMap,
    body: Body,
) -> Answer<axum::Json<Received>> {
    let organization = app.calcom.organization().cloned().ok_or_else(off)?;
    take(&app, organization, peer, &headers, body).await
}

/// Takes a delivery of Cal.com for this organization.
#[utoipa::path(
    post,
    path = "/api/webhooks/calcom/{organization}",
    operation_id = "receive_calcom_webhook_of_organization",
    tag = "webhooks",
    params(("organization" = String, Path, description = "The organization's id")),
    request_body(content = Object, content_type = "application/json", description = "The event, signed in `x-cal-signature-256` over the raw body; at most 1 MiB"),
    responses(
        (status = 200, description = "It is kept", body = Received),
        (status = 401, description = "The signature is missing, malformed or wrong", body = Problem),
        (status = 404, description = "`integration_off`: there is no secret to verify with, or no such organization", body = Problem),
        (status = 413, body = Problem),
        (status = 503, description = "It could not be kept, or there are too many: send it again", body = Problem),
    ),
)]
pub async fn receive_for(
    State(app): State<App>,
    Path(InPath { organization }): Path<InPath>,
    peer: Peer,
    headers: HeaderMap,
    body: Body,
) -> Answer<axum::Json<Received>> {
    take(&app, organization.into(), peer, &headers, body).await
}

async fn take(
    app: &App,
    organization: OrganizationId,
    Peer(peer): Peer,
    headers: &HeaderMap,
    body: Body,
) -> Answer<axum::Json<Received>> {
    let limited = |problem: Problem| {
        app.metrics.webhook(SOURCE, "limited");
        problem.answered_as(StatusCode::SERVICE_UNAVAILABLE)
    };
    app.ingress.check_peer(peer).map_err(limited)?;
    let body = read_body(body, LARGEST_WEBHOOK, &*app.clock).await?;
    let at = app.now();
    let delivery = Delivery { headers, body: &body, received_at: at };
    let verified = match organization.as_str().len() {
        0..=LONGEST_ID => verify(app, &organization, delivery).await,
        _ => Err(off()),
    };
    // Whoever asks for organizations that take nothing is stopped like whoever forges.
    let verified = verified.inspect_err(|_| app.ingress.was_forged(peer))?;
    if let Err(error) = verified {
        app.ingress.was_forged(peer);
        app.metrics.webhook(SOURCE, "refused");
        tracing::warn!(%organization, %error, "a delivery was refused");
        return Err(Problem::new(StatusCode::UNAUTHORIZED, "signature_invalid", error.to_string()));
    }
    app.ingress.admit(SOURCE, organization.as_str()).await.map_err(limited)?;
    match app.committer.put(kept(organization, body, at)).await {
        Ok(receipt) => {
            let duplicate = receipt == Receipt::Duplicate;
            app.metrics.webhook(SOURCE, if duplicate { "duplicate" } else { "kept" });
            Ok(axum::Json(Received::new(duplicate)))
        }
        Err(error) => {
            app.metrics.webhook(SOURCE, "not_kept");
            tracing::error!(%error, "a delivery was not kept");
            let detail = format!("{error}: send it again");
            Err(Problem::new(StatusCode::SERVICE_UNAVAILABLE, "not_kept", detail).retry_after(AGAIN))
        }
    }
}

/// Whether it is genuine. A signature that does not fit is tried once more with secrets that were just read.
async fn verify(
    app: &App,
    organization: &OrganizationId,
    delivery: Delivery<'_>,
) -> Answer<Result<(), SignatureError>> {
    let first = match app.calcom.verifier(organization).await? {
        Some(verifier) => verifier.verify(delivery).map(drop),
        None => Err(SignatureError::NoKeys),
    };
    if first.is_ok() {
        return Ok(first);
    }
    let verifier = app.calcom.verifier_anew(organization).await?.ok_or_else(off)?;
    Ok(verifier.verify(delivery).map(drop))
}

fn off() -> Problem {
    let detail = "Cal.com's deliveries are not taken here: there is no secret to verify them with. Each organization's address is /api/webhooks/calcom/{organization}";
    Problem::new(StatusCode::NOT_FOUND, "integration_off", detail)
}

/// As much of the event as keeping it needs. What cannot be understood is kept too: its sender is known.
fn kept(organization: OrganizationId, body: Bytes, at: Timestamp) -> NewDelivery {
    let event = CalcomEvent::parse(&body).ok();
    // Of each organization apart: two that use one account are sent the same bytes.
    let id = format!("{organization}:{}", webhook::delivery_id(&body));
    let kind = event.as_ref().map_or_else(|| "unknown".to_owned(), |event| event.kind().as_str().to_owned());
    let order_key = event.as_ref().map_or_else(|| id.clone(), CalcomEvent::order_key);
    NewDelivery {
        source: SOURCE.into(),
        id: cut(&id).into(),
        order_key: cut(&format!("calcom:{organization}:{order_key}")).into(),
        organization: Some(organization),
        kind: cut(&kind).into(),
        body,
        at,
    }
}
