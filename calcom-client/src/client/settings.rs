use std::time::Duration;

use sidecar_core::{http::Call, rate_limit::Priority};

use crate::config::ApiVersion;

/// What any request may ask for beside its own parameters.
#[derive(Debug, Clone, Default)]
pub(crate) struct Settings {
    pub(crate) lane: Priority,
    pub(crate) deadline: Option<Duration>,
    pub(crate) version: Option<ApiVersion>,
}

impl Settings {
    pub(crate) fn apply(&self, call: Call) -> Call {
        let call = call.priority(self.lane);
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

/// The setters that every request has, over a function that finds its settings.
macro_rules! settings {
    ($name:ty, $self:ident => $settings:expr) => {
        /// Lets people's calls go first when a limit is near: for syncs and jobs.
        pub fn background(mut $self) -> Self {
            $settings.lane = ::sidecar_core::rate_limit::Priority::Background;
            $self
        }

        /// How long it may take in all, waits for limits and repetitions included; 30 s unless set.
        pub fn deadline(mut $self, deadline: ::std::time::Duration) -> Self {
            $settings.deadline = Some(deadline);
            $self
        }

        /// Sends another `cal-api-version` than the group's own.
        pub fn version(mut $self, version: $crate::config::ApiVersion) -> Self {
            $settings.version = Some(version);
            $self
        }
    };
}
pub(crate) use settings;
