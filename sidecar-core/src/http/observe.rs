use std::{borrow::Cow, fmt, time::Duration};

use http::StatusCode;

use crate::error::ErrorKind;

/// The outcome of one attempt of a call. Contains no secrets.
#[derive(Debug, Clone)]
pub struct AttemptReport<'a> {
    /// The provider, such as `ghl`.
    pub provider: &'static str,
    /// The operation, such as `contacts.search`.
    pub operation: &'a Cow<'static, str>,
    /// The number of the attempt, from 1.
    pub attempt: u32,
    /// The status, if there was a response.
    pub status: Option<StatusCode>,
    /// The failure, if it failed.
    pub error: Option<ErrorKind>,
    /// How long the provider took.
    pub took: Duration,
    /// How long the call waited for a rate limit before.
    pub waited: Duration,
}

/// Observes every attempt, for metrics. Called during a call, so it must not block.
pub trait Observer: Send + Sync + fmt::Debug {
    /// Called after an attempt.
    fn attempt(&self, report: &AttemptReport<'_>);
}

/// Logs every attempt with `tracing`, at debug level if it succeeded.
#[derive(Debug, Clone, Copy, Default)]
pub struct TracingObserver;

impl Observer for TracingObserver {
    fn attempt(&self, report: &AttemptReport<'_>) {
        let AttemptReport { provider, operation, attempt, .. } = report;
        let status = report.status.map(|status| status.as_u16());
        let took_ms = u64::try_from(report.took.as_millis()).unwrap_or(u64::MAX);
        match report.error {
            None => tracing::debug!(provider, %operation, attempt, status, took_ms, "call answered"),
            Some(error) => {
                tracing::warn!(provider, %operation, attempt, status, took_ms, error = error.as_str(), "call failed")
            }
        }
    }
}
