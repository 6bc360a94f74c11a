use std::{sync::Arc, time::Duration};

use secrecy::{ExposeSecret, SecretString};

use crate::{
    Clock, Error, ErrorKind, Result, SystemClock,
    http::{Observer, Pipeline, PipelineBuilder, Provider, Transport},
    rate_limit::{LocalLimiter, RateLimiter},
    retry::RetryPolicy,
};

/// What a client's builder passes to its [`Pipeline`]; the default of each if `None`.
#[derive(Debug, Default)]
pub struct TransportOptions {
    /// The HTTP transport; reqwest's if `None`.
    pub transport: Option<Arc<dyn Transport>>,
    /// The rate limiter.
    pub limiter: Option<Arc<dyn RateLimiter>>,
    /// The clock; the system's if `None`.
    pub clock: Option<Arc<dyn Clock>>,
    /// Receives a report of every attempt.
    pub observer: Option<Arc<dyn Observer>>,
    /// The retry policy.
    pub retry: Option<RetryPolicy>,
    /// The time limit of a call.
    pub deadline: Option<Duration>,
    /// The time limit of an attempt.
    pub attempt_timeout: Option<Duration>,
}

impl TransportOptions {
    /// Sets a [`LocalLimiter`] unless there is a limiter.
    #[must_use]
    pub fn or_local_limiter(mut self) -> Self {
        let clock = Arc::clone(self.clock.get_or_insert_with(SystemClock::shared));
        self.limiter.get_or_insert_with(|| Arc::new(LocalLimiter::new(clock)));
        self
    }

    /// Builds a pipeline to `base`.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidInput`] for an unusable base URL, without a transport if the feature `reqwest` is off, and when the
    /// machine's TLS roots cannot be read.
    pub fn pipeline(self, provider: impl Provider + 'static, base: &str) -> Result<Pipeline> {
        let transport = match self.transport {
            Some(transport) => transport,
            None => default_transport()?,
        };
        let pipeline = Pipeline::builder(Arc::new(provider), base, transport)
            .clock(self.clock.unwrap_or_else(SystemClock::shared));
        let pipeline = set(pipeline, self.limiter, PipelineBuilder::limiter);
        let pipeline = set(pipeline, self.observer, PipelineBuilder::observer);
        let pipeline = set(pipeline, self.retry, PipelineBuilder::retry);
        let pipeline = set(pipeline, self.deadline, PipelineBuilder::deadline);
        set(pipeline, self.attempt_timeout, PipelineBuilder::attempt_timeout).build()
    }
}

fn set<T>(
    pipeline: PipelineBuilder,
    value: Option<T>,
    setter: fn(PipelineBuilder, T) -> PipelineBuilder,
) -> PipelineBuilder {
    match value {
        Some(value) => setter(pipeline, value),
        None => pipeline,
    }
}

#[cfg(feature = "reqwest")]
fn default_transport() -> Result<Arc<dyn Transport>> {
    Ok(Arc::new(crate::http::ReqwestTransport::new()?))
}

#[cfg(not(feature = "reqwest"))]
fn default_transport() -> Result<Arc<dyn Transport>> {
    Err(Error::new(ErrorKind::InvalidInput, "give the client a `transport`: the feature `reqwest` is off"))
}

/// Checks that a token given to a builder can be one, before it is sent or stored. `what` names it, `example` shows one.
///
/// # Errors
/// [`ErrorKind::InvalidInput`] for an empty token, and for one with other than visible ASCII characters.
pub fn check_token(token: &SecretString, what: &str, example: &str) -> Result<()> {
    let why = match token.expose_secret() {
        "" => format!("the {what} is empty: give the whole `{example}`"),
        text if !text.bytes().all(|byte| byte.is_ascii_graphic()) => format!(
            "the {what} contains blanks or other characters that cannot occur in one: give it without quotes and line ends"
        ),
        _ => return Ok(()),
    };
    Err(Error::new(ErrorKind::InvalidInput, why))
}

/// Gives a builder the setters of the [`TransportOptions`](crate::client::TransportOptions) in its field `transport_options`; with
/// `timeouts` also those of its calls' time limits.
#[macro_export]
macro_rules! transport_setters {
    ($name:ident) => {
        impl $name {
            /// Replaces the transport; reqwest's unless set.
            pub fn transport(mut self, transport: ::std::sync::Arc<dyn $crate::http::Transport>) -> Self {
                self.transport_options.transport = Some(transport);
                self
            }

            /// Shares a limiter with other clients of the same app or account.
            pub fn limiter(mut self, limiter: ::std::sync::Arc<dyn $crate::rate_limit::RateLimiter>) -> Self {
                self.transport_options.limiter = Some(limiter);
                self
            }

            /// Replaces the clock, for tests.
            pub fn clock(mut self, clock: ::std::sync::Arc<dyn $crate::Clock>) -> Self {
                self.transport_options.clock = Some(clock);
                self
            }

            /// Receives a report of every attempt, for metrics.
            pub fn observer(mut self, observer: ::std::sync::Arc<dyn $crate::http::Observer>) -> Self {
                self.transport_options.observer = Some(observer);
                self
            }

            /// Replaces the retry policy.
            pub fn retry(mut self, policy: $crate::retry::RetryPolicy) -> Self {
                self.transport_options.retry = Some(policy);
                self
            }
        }
    };
    ($name:ident, timeouts) => {
        $crate::transport_setters!($name);

        impl $name {
            /// Limits a call, including waits and retries; 30 s unless set.
            pub fn deadline(mut self, deadline: ::std::time::Duration) -> Self {
                self.transport_options.deadline = Some(deadline);
                self
            }

            /// Limits one attempt; 10 s unless set.
            pub fn attempt_timeout(mut self, timeout: ::std::time::Duration) -> Self {
                self.transport_options.attempt_timeout = Some(timeout);
                self
            }
        }
    };
}
