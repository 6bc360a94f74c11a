use std::collections::BTreeMap;

use axum::{Json, extract::State};
use http::StatusCode;
use serde::Serialize;
use sidecar_core::health::HealthStatus as Standing;
use utoipa::ToSchema;

use crate::{
    app::App,
    http::{ApiResult, Problem},
};

/// The process is running.
#[derive(Debug, Serialize, ToSchema)]
pub struct Alive {
    /// Always `ok`.
    status: &'static str,
}

/// The health of the integrations.
#[derive(Debug, Serialize, ToSchema)]
pub struct Integrations {
    /// `healthy`, or `degraded` when one is down.
    #[schema(example = "healthy")]
    status: &'static str,
    /// `up`, `down` or `off` (not configured, which is no failure).
    #[schema(example = json!({"database": "up", "ghl": "off"}))]
    integrations: BTreeMap<String, &'static str>,
    /// The latency and the last error of each.
    details: BTreeMap<String, Detail>,
    /// The time of the response.
    timestamp: String,
}

/// Details of one integration.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Detail {
    /// The latency in milliseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    latency_ms: Option<u64>,
    /// Why it is down, or what to set when it is off.
    #[serde(skip_serializing_if = "Option::is_none")]
    last_error: Option<String>,
}

/// Reports that the process is running.
#[utoipa::path(get, path = "/health/live", operation_id = "health_live", tag = "health", responses((status = 200, body = Alive)))]
pub async fn live() -> Json<Alive> {
    Json(Alive { status: "ok" })
}

/// Reports whether the server accepts requests: it is not stopping, and its database responds.
#[utoipa::path(
    get,
    path = "/health/ready",
    operation_id = "health_ready",
    tag = "health",
    responses((status = 200, body = Alive), (status = 503, body = Problem)),
)]
pub async fn ready(State(app): State<App>) -> ApiResult<Json<Alive>> {
    let unready = |detail: &str| Problem::new(StatusCode::SERVICE_UNAVAILABLE, "not_ready", detail);
    if app.stopping.is_cancelled() {
        return Err(unready("the server is stopping"));
    }
    app.store.next_due(app.now()).await.map_err(|error| {
        tracing::warn!(%error, "not ready");
        unready("the database does not respond")
    })?;
    Ok(Json(Alive { status: "ok" }))
}

/// Reads the health of the integrations, checked at most every ten seconds.
#[utoipa::path(
    get,
    path = "/api/health/integrations",
    operation_id = "health_integrations",
    tag = "health",
    responses((status = 200, body = Integrations)),
)]
pub async fn integrations(State(app): State<App>) -> Json<Integrations> {
    let findings = app.health.get_or(&*app.clock, super::check(&app)).await;
    let degraded = findings.iter().any(|(_, health)| health.state == Standing::Down);
    let word = |state| match state {
        Standing::Up => "up",
        Standing::Down => "down",
        Standing::Off => "off",
    };
    Json(Integrations {
        status: if degraded { "degraded" } else { "healthy" },
        integrations: findings.iter().map(|(name, health)| (name.to_string(), word(health.state))).collect(),
        details: findings
            .into_iter()
            .map(|(name, health)| {
                (name.into_owned(), Detail { latency_ms: health.latency_ms, last_error: health.error })
            })
            .collect(),
        timestamp: app.now().to_string(),
    })
}
