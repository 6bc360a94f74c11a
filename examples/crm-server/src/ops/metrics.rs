//! Counters, gauges and histograms for Prometheus.
//!
//! Invariant: labels have few values (templates, operations, kinds), never an id, a path or a secret.

use std::{fmt, sync::Arc, time::Duration};

use http::{Method, StatusCode};
use metrics::{Key, Label, Level, Metadata, Recorder};
use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle, PrometheusRecorder};
use sidecar_core::{
    http::{AttemptReport, Observer},
    sync::SyncKey,
};

/// Histogram bounds in seconds: an indexed read takes less than a millisecond, a call to a provider up to 30 s.
const SECONDS: &[f64] = &[0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0];

static METADATA: Metadata<'static> = Metadata::new("crm_server", Level::INFO, None);

/// The counters of one server. Cheap to clone; several servers in one process do not mix.
#[derive(Clone)]
pub struct Metrics {
    recorder: Arc<PrometheusRecorder>,
    handle: PrometheusHandle,
}

impl fmt::Debug for Metrics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Metrics").finish_non_exhaustive()
    }
}

impl Default for Metrics {
    fn default() -> Self {
        Self::new()
    }
}

impl Metrics {
    /// Returns empty metrics.
    pub fn new() -> Self {
        let builder = PrometheusBuilder::new();
        // Fails only for an empty list of bounds.
        let builder = builder.set_buckets(SECONDS).unwrap_or_else(|_| PrometheusBuilder::new());
        let recorder = builder.build_recorder();
        let handle = recorder.handle();
        let metrics = Self { recorder: Arc::new(recorder), handle };
        metrics.describe();
        metrics
    }

    fn describe(&self) {
        let counter =
            |name: &'static str, text: &'static str| self.recorder.describe_counter(name.into(), None, text.into());
        counter("sidecar_http_requests_total", "HTTP requests, by method, route and status.");
        counter("sidecar_provider_attempts_total", "Attempts of provider calls, by provider, operation and outcome.");
        counter("sidecar_token_refreshes_total", "Token refreshes and mints, by provider and outcome.");
        counter("sidecar_webhooks_total", "Webhook deliveries, by source and outcome.");
        counter("sidecar_sync_runs_total", "Finished sync runs, by source and outcome.");
        counter("sidecar_limiter_fallbacks_total", "Calls that were limited locally while Redis was unreachable.");
        let gauge =
            |name: &'static str, text: &'static str| self.recorder.describe_gauge(name.into(), None, text.into());
        gauge("sidecar_inbox_pending", "Pending deliveries.");
        gauge("sidecar_inbox_lag_seconds", "Age of the oldest pending delivery.");
        gauge("sidecar_inbox_dead", "Dead-lettered deliveries.");
        gauge("sidecar_outbox_waiting", "Pending tasks.");
        gauge("sidecar_outbox_dead", "Dead-lettered tasks.");
        gauge(
            "sidecar_limiter_degraded",
            "1 while Redis is unreachable and each process uses its share of the limits.",
        );
    }

    fn count(&self, name: &'static str, labels: Vec<Label>) {
        self.recorder.register_counter(&Key::from_parts(name, labels), &METADATA).increment(1);
    }

    fn time(&self, name: &'static str, labels: Vec<Label>, took: Duration) {
        self.recorder.register_histogram(&Key::from_parts(name, labels), &METADATA).record(took.as_secs_f64());
    }

    /// Sets a gauge.
    pub(crate) fn gauge(&self, name: &'static str, value: f64) {
        self.recorder.register_gauge(&Key::from_name(name), &METADATA).set(value);
    }

    /// Sets a counter to a total that is counted elsewhere.
    pub(crate) fn total(&self, name: &'static str, value: u64) {
        self.recorder.register_counter(&Key::from_name(name), &METADATA).absolute(value);
    }

    /// Records a request.
    pub(crate) fn request(&self, method: &Method, route: &str, status: StatusCode, took: Duration) {
        let labels = vec![Label::new("method", method_label(method)), Label::new("route", route.to_owned())];
        self.time("sidecar_http_request_seconds", labels.clone(), took);
        let status = Label::new("status", status.as_u16().to_string());
        self.count("sidecar_http_requests_total", labels.into_iter().chain([status]).collect());
    }

    /// Records a webhook delivery.
    pub(crate) fn webhook(&self, source: &'static str, outcome: &'static str) {
        self.count("sidecar_webhooks_total", vec![Label::new("source", source), Label::new("outcome", outcome)]);
    }

    /// Records the end of a sync run.
    pub fn sync_ended(&self, key: &SyncKey, ok: bool) {
        let outcome = if ok { "ok" } else { "failed" };
        self.count(
            "sidecar_sync_runs_total",
            vec![Label::new("source", key.source.to_string()), Label::new("outcome", outcome)],
        );
    }

    /// Renders the metrics for Prometheus.
    pub(crate) fn text(&self) -> String {
        self.handle.render()
    }

    /// Aggregates recorded durations, so that memory stays bounded without scrapes.
    pub(crate) fn upkeep(&self) {
        self.handle.run_upkeep();
    }
}

/// Unknown methods share one label, because callers may send any.
fn method_label(method: &Method) -> &'static str {
    match *method {
        Method::GET => "GET",
        Method::POST => "POST",
        Method::PUT => "PUT",
        Method::PATCH => "PATCH",
        Method::DELETE => "DELETE",
        Method::HEAD => "HEAD",
        Method::OPTIONS => "OPTIONS",
        _ => "other",
    }
}

impl Observer for Metrics {
    fn attempt(&self, report: &AttemptReport<'_>) {
        sidecar_core::http::TracingObserver.attempt(report);
        let outcome = report.error.map_or("ok", |kind| kind.as_str());
        let labels =
            vec![Label::new("provider", report.provider), Label::new("operation", report.operation.to_string())];
        self.time("sidecar_provider_attempt_seconds", labels.clone(), report.took);
        let outcome = Label::new("outcome", outcome);
        if matches!(&**report.operation, "oauth.refresh" | "oauth.location_token") {
            let labels = vec![Label::new("provider", report.provider), outcome.clone()];
            self.count("sidecar_token_refreshes_total", labels);
        }
        self.count("sidecar_provider_attempts_total", labels.into_iter().chain([outcome]).collect());
    }
}
