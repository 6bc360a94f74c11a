use std::any::TypeId;

use calcom_client::{ApiVersions, CalcomClient, CalcomOAuth, Profile, Result};
use futures_util::future::BoxFuture;
use serde_json::Value;
use sidecar_core::{SecretString, Timestamp, model::Unknown, retry::RetryPolicy};

use crate::outcome::{Outcome, told};

/// Where calls go.
pub(crate) struct Server(String);

/// What an answer was read as.
#[derive(Debug)]
pub(crate) struct Read {
    /// Whether that is a type of its own.
    typed: bool,
    /// Where it has fields that no field of the type took up.
    unknown: Vec<String>,
}

/// A call of one operation.
pub(crate) struct Call {
    pub(crate) operation: &'static str,
    /// Sends it with few arguments or with all.
    pub(crate) send: fn(&Server, bool) -> BoxFuture<'static, Result<Read>>,
}

/// A call: its operation, and the request with few arguments and with all, as expressions of the client.
macro_rules! call {
    ($operation:literal, |$calcom:ident| $request:expr) => {
        $crate::calcom::call::call!($operation, |$calcom| $request, $request)
    };
    ($operation:literal, |$calcom:ident| $few:expr, $all:expr) => {
        $crate::calcom::call::Call {
            operation: $operation,
            send: |server, full| {
                let $calcom = server.client();
                Box::pin(async move {
                    if full { $all.await } else { $few.await }.map(|answer| $crate::calcom::call::read(&answer))
                })
            },
        }
    };
}
pub(crate) use call;

/// What an answer was read as.
pub(crate) fn read<T: Unknown + 'static>(answer: &T) -> Read {
    let untyped = [TypeId::of::<Value>(), TypeId::of::<Vec<Value>>(), TypeId::of::<()>()];
    let mut unknown = Vec::new();
    answer.unknown("", &mut unknown);
    Read { typed: !untyped.contains(&TypeId::of::<T>()), unknown }
}

impl Server {
    pub(crate) fn new(url: &str) -> Self {
        Self(url.to_owned())
    }

    /// A client with limits of its own, which speaks the versions that the specification is of.
    pub(crate) fn client(&self) -> CalcomClient {
        let builder = CalcomClient::builder().base_url(&self.0).api_key("cal_contract".to_owned());
        let builder = builder.profile(Profile::Cloud).versions(ApiVersions::of(Profile::SelfHosted));
        builder.retry(RetryPolicy::never()).build().unwrap()
    }

    /// The OAuth app.
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
            Ok(Read { typed, unknown }) => {
                let error = (!unknown.is_empty()).then(|| format!("no field takes up {}", unknown.join(", ")));
                Outcome { operation, full, typed, accepted: true, error, unknown }
            }
            Err(error) => Outcome {
                operation,
                full,
                typed: true,
                accepted: error.status().is_some_and(|status| status.is_success()),
                error: Some(told(&error)),
                unknown: Vec::new(),
            },
        }
    }
}

/// A time in RFC 3339.
pub(crate) fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

pub(crate) fn secret() -> SecretString {
    "secret".to_owned().into()
}
