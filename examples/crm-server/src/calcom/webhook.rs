//! Cal.com's webhooks: verified with the organization's secrets, stored, acknowledged. Their effects are planned later, in `events`.
//!
//! Invariant: the tenant is the organization of the path, whose secret verified the delivery; never one that the body names.

use axum::{Json, body::Body, extract::State};
use bytes::Bytes;
use calcom_client::{CalcomEvent, events};
use http::{HeaderMap, StatusCode};
use serde::Deserialize;
use sidecar_core::{
    OrganizationId, Timestamp,
    queue::inbox::NewDelivery,
    signature::{Delivery, SignatureError, Verified, Verifier},
};

use super::SOURCE;
use crate::{
    app::App,
    http::{
        ApiResult, Problem,
        extract::{ClientIp, Path},
        webhook::{Received, WebhookSource, accept, truncate_with_hash},
    },
};

/// Longer organization ids are not looked up.
const MAX_ORGANIZATION_ID_BYTES: usize = 100;

#[derive(Debug, Deserialize)]
pub struct InPath {
    organization: String,
}

/// Receives a webhook of Cal.com for the organization in CALCOM_ORGANIZATION_ID.
#[utoipa::path(
    post,
    path = "/api/webhooks/calcom",
    operation_id = "receive_calcom_webhook",
    tag = "webhooks",
    request_body(content = Object, content_type = "application/json", description = "The event, signed in `x-cal-signature-256` over the raw body; at most 1 MiB"),
    responses(
        (status = 200, description = "Accepted and stored", body = Received),
        (status = 401, description = "The signature is missing, malformed or wrong", body = Problem),
        (status = 404, description = "`integration_off`: there is no secret to verify with", body = Problem),
        (status = 413, body = Problem),
        (status = 503, description = "Not stored, or over the rate limit: send it again", body = Problem),
    ),
)]
pub async fn receive(
    State(app): State<App>,
    ip: ClientIp,
    headers: HeaderMap,
    body: Body,
) -> ApiResult<Json<Received>> {
    let organization = app.calcom.organization().cloned().ok_or_else(not_configured)?;
    accept(&app, CalcomWebhooks { organization }, ip, &headers, body).await
}

/// Receives a webhook of Cal.com for an organization.
#[utoipa::path(
    post,
    path = "/api/webhooks/calcom/{organization}",
    operation_id = "receive_calcom_webhook_of_organization",
    tag = "webhooks",
    params(("organization" = String, Path, description = "The organization's id")),
    request_body(content = Object, content_type = "application/json", description = "The event, signed in `x-cal-signature-256` over the raw body; at most 1 MiB"),
    responses(
        (status = 200, description = "Accepted and stored", body = Received),
        (status = 401, description = "The signature is missing, malformed or wrong", body = Problem),
        (status = 404, description = "`integration_off`: there is no secret to verify with, or no such organization", body = Problem),
        (status = 413, body = Problem),
        (status = 503, description = "Not stored, or over the rate limit: send it again", body = Problem),
    ),
)]
pub async fn receive_for(
    State(app): State<App>,
    Path(InPath { organization }): Path<InPath>,
    ip: ClientIp,
    headers: HeaderMap,
    body: Body,
) -> ApiResult<Json<Received>> {
    let organization = organization.into();
    accept(&app, CalcomWebhooks { organization }, ip, &headers, body).await
}

struct CalcomWebhooks {
    organization: OrganizationId,
}

impl WebhookSource for CalcomWebhooks {
    const NAME: &'static str = SOURCE;
    const RETRY_STATUS: StatusCode = StatusCode::SERVICE_UNAVAILABLE;
    type Event = Option<CalcomEvent>;

    /// A signature that does not match is checked again with secrets read from the store: one may have been added just now.
    async fn verify(&self, app: &App, delivery: Delivery<'_>) -> ApiResult<Result<Verified, SignatureError>> {
        if self.organization.as_str().len() > MAX_ORGANIZATION_ID_BYTES {
            return Err(not_configured());
        }
        if let Some(verifier) = app.calcom.cached_verifier(&self.organization).await?
            && let Ok(verified) = verifier.verify(delivery)
        {
            return Ok(Ok(verified));
        }
        let verifier = app.calcom.fresh_verifier(&self.organization).await?.ok_or_else(not_configured)?;
        Ok(verifier.verify(delivery))
    }

    fn parse(&self, body: &Bytes) -> Option<CalcomEvent> {
        CalcomEvent::parse(body).ok()
    }

    fn tenant(&self, _: &Option<CalcomEvent>) -> String {
        self.organization.to_string()
    }

    /// A body that cannot be parsed is stored too: its sender is verified.
    async fn describe(
        &self,
        _: &App,
        event: Option<CalcomEvent>,
        _: Verified,
        body: Bytes,
        at: Timestamp,
    ) -> NewDelivery {
        let organization = &self.organization;
        // The id names the organization: two organizations with one account receive the same bytes.
        let id = format!("{organization}:{}", events::delivery_id(&body));
        let kind = event.as_ref().map_or_else(|| "unknown".to_owned(), |event| event.kind().as_str().to_owned());
        let order_key = event.as_ref().map_or_else(|| id.clone(), CalcomEvent::order_key);
        NewDelivery {
            source: SOURCE.into(),
            id: truncate_with_hash(&id).into(),
            order_key: truncate_with_hash(&format!("calcom:{organization}:{order_key}")).into(),
            organization: Some(organization.clone()),
            kind: truncate_with_hash(&kind).into(),
            body,
            at,
        }
    }
}

fn not_configured() -> Problem {
    let detail = "Cal.com's webhooks are not accepted here: there is no secret to verify them with. The address of an organization's webhook is /api/webhooks/calcom/{organization}";
    Problem::new(StatusCode::NOT_FOUND, "integration_off", detail)
}
