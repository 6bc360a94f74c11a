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
    /// Nothing counted yet.
    pub fn new() -> Self {
        let builder = PrometheusBuilder::new();
        // Only an empty list of bounds is refused; summaries would do then.
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
        counter("sidecar_http_requests_total", "Requests answered, by method, route and status.");
        counter("sidecar_provider_attempts_total", "Attempts at providers, by provider, operation and outcome.");
        counter("sidecar_token_renewals_total", "Tokens renewed or minted, by provider and outcome.");
        counter("sidecar_webhooks_total", "Deliveries, by source and what became of them.");
        counter("sidecar_sync_runs_total", "Sync passes that ended, by source and outcome.");
        counter("sidecar_limiter_fallbacks_total", "Calls that were let go while Redis was lost.");
        let gauge =
            |name: &'static str, text: &'static str| self.recorder.describe_gauge(name.into(), None, text.into());
        gauge("sidecar_inbox_pending", "Deliveries that wait to be worked on.");
        gauge("sidecar_inbox_lag_seconds", "Age of the oldest delivery that waits.");
        gauge("sidecar_inbox_dead", "Deliveries that were given up.");
        gauge("sidecar_outbox_waiting", "Tasks that wait to be carried out.");
        gauge("sidecar_outbox_dead", "Tasks that were given up.");
        gauge("sidecar_limiter_degraded", "1 while Redis is lost and each process keeps to its share of the limits.");
    }

    fn count(&self, name: &'static str, labels: Vec<Label>) {
        self.recorder.register_counter(&Key::from_parts(name, labels), &METADATA).increment(1);
    }

    fn time(&self, name: &'static str, labels: Vec<Label>, took: Duration) {
        self.recorder.register_histogram(&Key::from_parts(name, labels), &METADATA).record(took.as_secs_f64());
    }

    /// Says how much of something there is now.
    pub(crate) fn gauge(&self, name: &'static str, value: f64) {
        self.recorder.register_gauge(&Key::from_name(name), &METADATA).set(value);
    }

    /// Says how much of something there was so far, as counted elsewhere.
    pub(crate) fn total(&self, name: &'static str, value: u64) {
        self.recorder.register_counter(&Key::from_name(name), &METADATA).absolute(value);
    }

    /// A request was answered.
    pub(crate) fn request(&self, method: &Method, route: &str, status: StatusCode, took: Duration) {
        let labels = vec![Label::new("method", known(method)), Label::new("route", route.to_owned())];
        self.time("sidecar_http_request_seconds", labels.clone(), took);
        let status = Label::new("status", status.as_u16().to_string());
        self.count("sidecar_http_requests_total", labels.into_iter().chain([status]).collect());
    }

    /// A delivery came in.
    pub(crate) fn webhook(&self, source: &'static str, outcome: &'static str) {
        self.count("sidecar_webhooks_total", vec![Label::new("source", source), Label::new("outcome", outcome)]);
    }

    /// A sync pass ended.
    pub fn sync_ended(&self, key: &SyncKey, ok: bool) {
        let outcome = if ok { "ok" } else { "failed" };
        self.count(
            "sidecar_sync_runs_total",
            vec![Label::new("source", key.source.to_string()), Label::new("outcome", outcome)],
        );
    }

    /// As Prometheus reads it.
    pub(crate) fn text(&self) -> String {
        self.handle.render()
    }

    /// Folds what was recorded since, so that memory stays bounded when nobody scrapes.
    pub(crate) fn upkeep(&self) {
        self.handle.run_upkeep();
    }
}

/// Methods that nobody serves are one value: callers may invent as many as they like.
fn known(method: &Method) -> &'static str {
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
            self.count("sidecar_token_renewals_total", labels);
        }
        self.count("sidecar_provider_attempts_total", labels.into_iter().chain([outcome]).collect());
    }
}
