use http::Method;
use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;
use sidecar_core::{
    Error, ErrorKind, Result,
    http::{Call, Response},
    retry::Replay,
};

use super::{GhlClient, Resource, Settings, request};
use crate::{
    config::ApiVersion,
    model::{CompanyId, LocationId},
};

/// Any path of the API, and the published operations of the `oauth` family as they are. From [`GhlClient::raw`].
///
/// To connect an app, to renew its tokens and to mint those of locations, use [`GhlOAuth`](crate::GhlOAuth) and
/// [`GhlConnections`](crate::GhlConnections).
#[derive(Debug, Clone)]
pub struct Raw(pub(crate) GhlClient);

impl Raw {
    pub(super) fn new(client: GhlClient) -> Self {
        Self(client)
    }

    /// GET.
    pub fn get(&self, path: impl Into<String>) -> RawRequest {
        self.request(Method::GET, path)
    }

    /// POST.
    pub fn post(&self, path: impl Into<String>) -> RawRequest {
        self.request(Method::POST, path)
    }

    /// PUT.
    pub fn put(&self, path: impl Into<String>) -> RawRequest {
        self.request(Method::PUT, path)
    }

    /// DELETE.
    pub fn delete(&self, path: impl Into<String>) -> RawRequest {
        self.request(Method::DELETE, path)
    }

    /// Any method. The path starts with a slash and is sent as it stands: escape what you put into it.
    pub fn request(&self, method: Method, path: impl Into<String>) -> RawRequest {
        RawRequest {
            client: self.0.clone(),
            resource: Resource::Token,
            method,
            path: path.into(),
            query: Vec::new(),
            body: None,
            repeatable: false,
            settings: Settings::default(),
        }
    }
}

/// A request to any path. Awaiting it gives the answer; [`RawRequest::json`] reads it.
#[derive(Debug, Clone)]
#[must_use = "a request does nothing until it is awaited"]
pub struct RawRequest {
    client: GhlClient,
    resource: Resource,
    method: Method,
    path: String,
    query: Vec<(String, String)>,
    body: Option<Result<Value>>,
    repeatable: bool,
    settings: Settings,
}

request!(RawRequest => Response);

impl RawRequest {
    /// Calls with this location's token and counts against its quota.
    pub fn location(mut self, id: impl Into<LocationId>) -> Self {
        self.resource = Resource::Location(id.into());
        self
    }

    /// Calls with this company's token and counts against its quota.
    pub fn company(mut self, id: impl Into<CompanyId>) -> Self {
        self.resource = Resource::Company(id.into());
        self
    }

    /// Adds a query parameter.
    #[expect(clippy::needless_pass_by_value, reason = "as in every other request: `.query(\"limit\", 20)`")]
    pub fn query(mut self, name: impl Into<String>, value: impl ToString) -> Self {
        self.query.push((name.into(), value.to_string()));
        self
    }

    /// Sets a JSON body.
    pub fn body(mut self, body: &(impl Serialize + ?Sized)) -> Self {
        self.body = Some(serde_json::to_value(body).map_err(|error| {
            Error::new(ErrorKind::InvalidInput, format!("the body cannot be written as JSON: {error}"))
        }));
        self
    }

    /// Says that carrying it out twice does no harm, so that it may be repeated after a broken connection. GET, PUT and
    /// DELETE are repeated anyway.
    pub fn repeatable(mut self) -> Self {
        self.repeatable = true;
        self
    }

    /// Sends it and reads the answer as JSON.
    ///
    /// # Errors
    /// As awaiting it; [`ErrorKind::Decode`] when the answer is not a `T`.
    pub async fn json<T: DeserializeOwned>(self) -> Result<T> {
        self.await?.json()
    }

    async fn send(self) -> Result<Response> {
        let escaped = self.path.replace('{', "%7B").replace('}', "%7D");
        let mut call = Call::new("raw", self.method, &escaped, &[]);
        for (name, value) in self.query {
            call = call.query(name, value);
        }
        if let Some(body) = self.body {
            call = call.json(&body?);
        }
        if self.repeatable {
            call = call.replay(Replay::Safe);
        }
        self.client.answer(call, &self.resource, ApiVersion::V2021_07_28, &self.settings).await
    }
}
