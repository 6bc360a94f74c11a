use std::any::TypeId;

use calcom_client::{ApiVersions, CalcomClient, CalcomOAuth, Profile, Result};
use futures_util::future::BoxFuture;
use serde_json::Value;
use sidecar_core::{SecretString, Timestamp, model::Unknown, retry::RetryPolicy};

use crate::outcome::{Outcome, error_text};

/// The URL of the Prism.
pub(crate) struct Server(String);

/// How a response was decoded.
#[derive(Debug)]
pub(crate) struct Decoded {
    /// Whether it has a named type.
    typed: bool,
    /// The paths of unknown fields.
    unknown: Vec<String>,
}

/// A call of one operation.
pub(crate) struct Call {
    pub(crate) operation: &'static str,
    /// Sends it with the required arguments or with all.
    pub(crate) send: fn(&Server, bool) -> BoxFuture<'static, Result<Decoded>>,
}

/// Declares a call: its operation, and the requests with the required arguments and with all.
macro_rules! call {
    ($operation:literal, |$calcom:ident| $request:expr) => {
        $crate::calcom::call::call!($operation, |$calcom| $request, $request)
    };
    ($operation:literal, |$calcom:ident| $required:expr, $all:expr) => {
        $crate::calcom::call::Call {
            operation: $operation,
            send: |server, full| {
                let $calcom = server.client();
                Box::pin(async move {
                    if full { $all.await } else { $required.await }
                        .map(|response| $crate::calcom::call::decoded(&response))
                })
            },
        }
    };
}
pub(crate) use call;

/// Describes how a response was decoded.
pub(crate) fn decoded<T: Unknown + 'static>(response: &T) -> Decoded {
    let untyped = [TypeId::of::<Value>(), TypeId::of::<Vec<Value>>(), TypeId::of::<()>()];
    let mut unknown = Vec::new();
    response.unknown("", &mut unknown);
    Decoded { typed: !untyped.contains(&TypeId::of::<T>()), unknown }
}

impl Server {
    pub(crate) fn new(url: &str) -> Self {
        Self(url.to_owned())
    }

    /// Creates a client with its own limiter and the API versions of the specification.
    pub(crate) fn client(&self) -> CalcomClient {
        let builder = CalcomClient::builder().base_url(&self.0).api_key("cal_contract".to_owned());
        let builder = builder.profile(Profile::Cloud).versions(ApiVersions::of(Profile::SelfHosted));
        builder.retry(RetryPolicy::never()).build().unwrap()
    }

    /// Creates the OAuth client.
    pub(crate) fn app(&self) -> CalcomOAuth {
        let builder =
            CalcomOAuth::builder("client1").client_secret("secret".to_owned()).base_url(&self.0).app_url(&self.0);
        builder.redirect_uri("https://crm.example.com/back").retry(RetryPolicy::never()).build().unwrap()
    }
}

impl Call {
    pub(crate) async fn run(self, server: &Server, full: bool) -> Outcome {
        let operation = self.operation.to_owned();
        match (self.send)(server, full).await {
            Ok(Decoded { typed, unknown }) => {
                let error = (!unknown.is_empty()).then(|| format!("unknown fields {}", unknown.join(", ")));
                Outcome { operation, full, typed, accepted: true, error, unknown }
            }
            Err(error) => Outcome {
                operation,
                full,
                typed: true,
                accepted: error.status().is_some_and(|status| status.is_success()),
                error: Some(error_text(&error)),
                unknown: Vec::new(),
            },
        }
    }
}

/// Parses a time in RFC 3339.
pub(crate) fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

pub(crate) fn secret() -> SecretString {
    "secret".to_owned().into()
}
