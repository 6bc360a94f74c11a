use std::time::Duration;

use sidecar_core::{http::Call, limit::Lane};

use crate::config::ApiVersion;

/// What any request may ask for beside its own parameters.
#[derive(Debug, Clone, Default)]
pub(crate) struct Settings {
    pub(crate) lane: Lane,
    pub(crate) deadline: Option<Duration>,
    pub(crate) version: Option<ApiVersion>,
}

impl Settings {
    /// For syncs and jobs.
    pub(crate) fn background() -> Self {
        Self { lane: Lane::Background, ..Self::default() }
    }

    pub(crate) fn apply(&self, call: Call) -> Call {
        let call = call.lane(self.lane);
        match self.deadline {
            Some(deadline) => call.deadline(deadline),
            None => call,
        }
    }
}

/// A request that can take over another one's settings, to be a step of it.
pub(crate) trait WithSettings {
    /// The same with these.
    fn with(self, settings: Settings) -> Self;
}

/// Gives a request (a struct with a `settings` field and an `async fn send(self)`) the setters of every request and `.await`.
macro_rules! request {
    ($name:ident => $output:ty) => {
        impl $name {
            /// Lets people's calls go first when a limit is near: for syncs and jobs.
            pub fn background(mut self) -> Self {
                self.settings.lane = ::sidecar_core::limit::Lane::Background;
                self
            }

            /// How long it may take in all, waits for limits and repetitions included; 30 s unless set.
            pub fn deadline(mut self, deadline: ::std::time::Duration) -> Self {
                self.settings.deadline = Some(deadline);
                self
            }

            /// Sends another `Version` header than the family's own.
            pub fn version(mut self, version: $crate::ApiVersion) -> Self {
                self.settings.version = Some(version);
                self
            }
        }

        impl $crate::client::WithSettings for $name {
            fn with(mut self, settings: $crate::client::Settings) -> Self {
                self.settings = settings;
                self
            }
        }

        impl IntoFuture for $name {
            type Output = ::sidecar_core::Result<$output>;
            type IntoFuture = ::futures_util::future::BoxFuture<'static, Self::Output>;

            fn into_future(self) -> Self::IntoFuture {
                Box::pin(self.send())
            }
        }
    };
}
pub(crate) use request;
