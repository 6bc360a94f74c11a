use axum::{extract::State, response::IntoResponse};
use http::header;

use crate::{
    app::App,
    http::{ApiResult, extract::Operator},
};

/// Returns the metrics for Prometheus.
#[utoipa::path(
    get,
    path = "/metrics",
    operation_id = "metrics",
    tag = "operations",
    security(("operator" = [])),
    responses((status = 200, description = "Prometheus text", content_type = "text/plain", body = String)),
)]
pub async fn show(_: Operator, State(app): State<App>) -> ApiResult<impl IntoResponse> {
    render(&app).await
}

/// Returns the metrics, on an address that requires no token.
pub async fn show_without_token(State(app): State<App>) -> ApiResult<impl IntoResponse> {
    render(&app).await
}

/// Reads the queue gauges from the store and renders everything.
async fn render(app: &App) -> ApiResult<impl IntoResponse + use<>> {
    let backlog = app.store.backlog().await?;
    let (waiting, dead) = app.store.waiting_tasks().await?;
    let lag = backlog.oldest.map_or(0.0, |oldest| app.now().since(oldest).as_secs_f64());
    #[expect(clippy::cast_precision_loss, reason = "gauges are floating point; counts stay far below 2^52")]
    for (name, value) in [
        ("sidecar_inbox_pending", backlog.pending as f64),
        ("sidecar_inbox_dead", backlog.dead as f64),
        ("sidecar_outbox_waiting", waiting as f64),
        ("sidecar_outbox_dead", dead as f64),
        ("sidecar_inbox_lag_seconds", lag),
    ] {
        app.metrics.gauge(name, value);
    }
    if let Some(limiter) = app.rate_limits.shared() {
        let status = limiter.status();
        app.metrics.total("sidecar_limiter_fallbacks_total", status.fallbacks);
        app.metrics.gauge("sidecar_limiter_degraded", f64::from(u8::from(status.degraded)));
    }
    Ok(([(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], app.metrics.text()))
}
