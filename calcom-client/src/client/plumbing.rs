use std::sync::Arc;

use sidecar_core::{
    Clock, Result, SystemClock,
    http::{Observer, Pipeline, PipelineBuilder, ReqwestTransport, Transport},
    rate_limit::{LocalLimiter, RateLimiter},
    retry::RetryPolicy,
};

use crate::error::Calcom;

/// What a pipeline is made of, as the builders of clients and of OAuth clients take it.
#[derive(Debug, Default)]
pub(crate) struct Plumbing {
    pub(crate) transport: Option<Arc<dyn Transport>>,
    pub(crate) limiter: Option<Arc<dyn RateLimiter>>,
    pub(crate) clock: Option<Arc<dyn Clock>>,
    pub(crate) observer: Option<Arc<dyn Observer>>,
    pub(crate) retry: Option<RetryPolicy>,
}

impl Plumbing {
    /// A pipeline to `base` of what was given, and of the usual where nothing was.
    pub(crate) fn pipeline(self, provider: Calcom, base: &str) -> Result<PipelineBuilder> {
        let clock = self.clock.unwrap_or_else(SystemClock::shared);
        let transport = match self.transport {
            Some(transport) => transport,
            None => Arc::new(ReqwestTransport::new()?),
        };
        let limiter = self.limiter.unwrap_or_else(|| Arc::new(LocalLimiter::new(Arc::clone(&clock))));
        let mut pipeline = Pipeline::builder(Arc::new(provider), base, transport).limiter(limiter).clock(clock);
        if let Some(observer) = self.observer {
            pipeline = pipeline.observer(observer);
        }
        if let Some(policy) = self.retry {
            pipeline = pipeline.retry(policy);
        }
        Ok(pipeline)
    }
}

/// The setters of a builder with a `plumbing` field.
macro_rules! plumbing {
    ($name:ident) => {
        impl $name {
            /// Another transport than reqwest.
            pub fn transport(mut self, transport: ::std::sync::Arc<dyn ::sidecar_core::http::Transport>) -> Self {
                self.plumbing.transport = Some(transport);
                self
            }

            /// A limiter shared with other clients; a [`LocalLimiter`](sidecar_core::rate_limit::LocalLimiter) of its own unless set.
            pub fn limiter(mut self, limiter: ::std::sync::Arc<dyn ::sidecar_core::rate_limit::RateLimiter>) -> Self {
                self.plumbing.limiter = Some(limiter);
                self
            }

            /// Another clock, for tests.
            pub fn clock(mut self, clock: ::std::sync::Arc<dyn ::sidecar_core::Clock>) -> Self {
                self.plumbing.clock = Some(clock);
                self
            }

            /// Reports every attempt, for metrics.
            pub fn observer(mut self, observer: ::std::sync::Arc<dyn ::sidecar_core::http::Observer>) -> Self {
                self.plumbing.observer = Some(observer);
                self
            }

            /// Another retry policy.
            pub fn retry(mut self, policy: ::sidecar_core::retry::RetryPolicy) -> Self {
                self.plumbing.retry = Some(policy);
                self
            }
        }
    };
}
pub(crate) use plumbing;
