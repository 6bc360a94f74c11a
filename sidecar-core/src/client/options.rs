use std::time::Duration;

use crate::{http::Call, rate_limit::Priority};

/// The options of every request. `V` is the provider's type of API version.
#[derive(Debug, Clone)]
pub struct RequestOptions<V> {
    /// Who waits for the response.
    pub priority: Priority,
    /// The time limit of the whole request; the client's own if `None`.
    pub deadline: Option<Duration>,
    /// The API version; that of the operation if `None`.
    pub version: Option<V>,
}

impl<V> Default for RequestOptions<V> {
    fn default() -> Self {
        Self { priority: Priority::default(), deadline: None, version: None }
    }
}

impl<V> RequestOptions<V> {
    /// Returns the call with this priority and deadline. The client adds the version's header.
    pub fn apply(&self, call: Call) -> Call {
        let call = call.priority(self.priority);
        match self.deadline {
            Some(deadline) => call.deadline(deadline),
            None => call,
        }
    }
}

/// Gives a request the setters of its [`RequestOptions`](crate::client::RequestOptions) and `.await`.
///
/// The type has an `async fn send(self)` that returns the output. Named are its generics, itself, the output, the path to the
/// options field, the type of the API version and its header.
#[macro_export]
macro_rules! awaitable_request {
    ({$($generics:tt)*} $name:ty => $output:ty, $($field:tt).+: $version:ty = $header:literal) => {
        impl<$($generics)*> $name {
            /// Gives precedence to interactive calls when a limit is near: for syncs and jobs.
            pub fn background(mut self) -> Self {
                self.$($field).+.priority = $crate::rate_limit::Priority::Background;
                self
            }

            /// Limits the whole request, including waits for limits and retries; 30 s unless set.
            pub fn deadline(mut self, deadline: ::std::time::Duration) -> Self {
                self.$($field).+.deadline = Some(deadline);
                self
            }

            #[doc = concat!("Sends this `", $header, "` header instead of the default of the operation.")]
            pub fn version(mut self, version: $version) -> Self {
                self.$($field).+.version = Some(version);
                self
            }

            /// Takes over the options of the request that this one is a step of.
            #[allow(dead_code, reason = "not every request is a step of another")]
            pub(crate) fn with_options(mut self, options: $crate::client::RequestOptions<$version>) -> Self {
                self.$($field).+ = options;
                self
            }
        }

        impl<$($generics)*> ::std::future::IntoFuture for $name {
            type Output = $crate::Result<$output>;
            type IntoFuture = $crate::client::BoxFuture<'static, Self::Output>;

            fn into_future(self) -> Self::IntoFuture {
                Box::pin(self.send())
            }
        }
    };
}
