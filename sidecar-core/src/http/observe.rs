use std::{borrow::Cow, fmt, time::Duration};

use http::StatusCode;

use crate::error::ErrorKind;

/// What one attempt of a call came to. Holds nothing secret.
#[derive(Debug, Clone)]
pub struct AttemptReport<'a> {
    /// The provider, such as `ghl`.
    pub provider: &'static str,
    /// The operation, such as `contacts.search`.
    pub operation: &'a Cow<'static, str>,
    /// Which attempt this was, from 1.
    pub attempt: u32,
    /// The status, when there was an answer.
    pub status: Option<StatusCode>,
    /// How it failed, if it did.
    pub error: Option<ErrorKind>,
    /// How long the provider took.
    pub took: Duration,
    /// How long the call waited for a limit before.
    pub waited: Duration,
}

/// Whoever wants to know of every attempt, for metrics. Called in the middle of a call: it must not block.
pub trait Observer: Send + Sync + fmt::Debug {
    /// An attempt ended.
    fn attempt(&self, report: &AttemptReport<'_>);
}

/// Writes a line per attempt to `tracing`, at debug level when it went well.
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
