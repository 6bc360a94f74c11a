use std::borrow::Cow;

use http::Method;
use serde::Serialize;
use serde_json::Value;

use crate::{Error, ErrorKind, Result, http::Call, retry::Replay};

/// A call of any path, as a client's raw request collects it.
#[derive(Debug, Clone)]
pub struct RawCall {
    method: Method,
    path: String,
    query: Vec<(Cow<'static, str>, String)>,
    body: Option<Result<Value>>,
    repeatable: bool,
}

impl RawCall {
    /// The path starts with a slash and is sent as given.
    pub fn new(method: Method, path: impl Into<String>) -> Self {
        Self { method, path: path.into(), query: Vec::new(), body: None, repeatable: false }
    }

    /// Adds a query parameter.
    pub fn add_query(&mut self, name: String, value: String) {
        self.query.push((name.into(), value));
    }

    /// Sets the JSON body.
    pub fn set_body(&mut self, body: &(impl Serialize + ?Sized)) {
        self.body = Some(serde_json::to_value(body).map_err(|error| {
            Error::new(ErrorKind::InvalidInput, format!("the body cannot be written as JSON: {error}"))
        }));
    }

    /// Declares that the call may take effect twice.
    pub fn set_repeatable(&mut self) {
        self.repeatable = true;
    }

    /// Returns the call.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidInput`] when the body cannot be written as JSON.
    pub fn into_call(self) -> Result<Call> {
        let escaped = self.path.replace('{', "%7B").replace('}', "%7D");
        let mut call = Call::new("raw", self.method, &escaped, &[]);
        for (name, value) in self.query {
            call = call.query(name, value);
        }
        if let Some(body) = self.body {
            call = call.json(&body?);
        }
        Ok(if self.repeatable { call.replay(Replay::Safe) } else { call })
    }
}

/// Gives `Raw(client)` its methods, and `RawRequest`, which has a `RawCall` in its field `call`, the setters of it and `json`.
/// `RawRequest::new(client, call)` makes one.
#[macro_export]
macro_rules! raw_requests {
    ($client:ty) => {
        impl Raw {
            pub(super) fn new(client: $client) -> Self {
                Self(client)
            }

            /// GET.
            pub fn get(&self, path: impl Into<String>) -> RawRequest {
                self.request(::http::Method::GET, path)
            }

            /// POST.
            pub fn post(&self, path: impl Into<String>) -> RawRequest {
                self.request(::http::Method::POST, path)
            }

            /// PATCH.
            pub fn patch(&self, path: impl Into<String>) -> RawRequest {
                self.request(::http::Method::PATCH, path)
            }

            /// PUT.
            pub fn put(&self, path: impl Into<String>) -> RawRequest {
                self.request(::http::Method::PUT, path)
            }

            /// DELETE.
            pub fn delete(&self, path: impl Into<String>) -> RawRequest {
                self.request(::http::Method::DELETE, path)
            }

            /// Any method. The path starts with a slash and is sent as given: escape what you put into it.
            pub fn request(&self, method: ::http::Method, path: impl Into<String>) -> RawRequest {
                RawRequest::new(self.0.clone(), $crate::client::RawCall::new(method, path))
            }
        }

        impl RawRequest {
            /// Adds a query parameter.
            #[expect(clippy::needless_pass_by_value, reason = "as in every other request: `.query(\"limit\", 20)`")]
            pub fn query(mut self, name: impl Into<String>, value: impl ToString) -> Self {
                self.call.add_query(name.into(), value.to_string());
                self
            }

            /// Sets a JSON body.
            pub fn body(mut self, body: &(impl ::serde::Serialize + ?Sized)) -> Self {
                self.call.set_body(body);
                self
            }

            /// Declares that the request does no harm if it takes effect twice, so that it is retried after a broken connection.
            /// GET, PUT and DELETE are retried anyway.
            pub fn repeatable(mut self) -> Self {
                self.call.set_repeatable();
                self
            }

            /// Sends it and reads the whole response as JSON.
            ///
            /// # Errors
            /// As awaiting it; [`ErrorKind::Decode`](sidecar_core::ErrorKind::Decode) when the response is not a `T`.
            pub async fn json<T: ::serde::de::DeserializeOwned>(self) -> $crate::Result<T> {
                self.await?.json()
            }
        }
    };
}
