use http::Method;
use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;
use sidecar_core::{
    Error, ErrorKind, Result,
    http::{Call, Response},
    retry::Replay,
};

use super::{CalcomClient, Settings, data, settings};

/// Any path of the API. From [`CalcomClient::raw`].
#[derive(Debug, Clone)]
pub struct Raw(CalcomClient);

impl Raw {
    pub(super) fn new(client: CalcomClient) -> Self {
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

    /// PATCH.
    pub fn patch(&self, path: impl Into<String>) -> RawRequest {
        self.request(Method::PATCH, path)
    }

    /// PUT.
    pub fn put(&self, path: impl Into<String>) -> RawRequest {
        self.request(Method::PUT, path)
    }

    /// DELETE.
    pub fn delete(&self, path: impl Into<String>) -> RawRequest {
        self.request(Method::DELETE, path)
    }

    /// Any method. The path starts with a slash and is sent as it stands, `/v2` included: escape what you put into it.
    pub fn request(&self, method: Method, path: impl Into<String>) -> RawRequest {
        RawRequest {
            client: self.0.clone(),
            method,
            path: path.into(),
            query: Vec::new(),
            body: None,
            repeatable: false,
            settings: Settings::default(),
        }
    }
}

/// A request to any path, without a version unless one is set. Awaiting it gives the answer; [`RawRequest::json`] reads it whole,
/// [`RawRequest::data`] what is in its envelope.
#[derive(Debug, Clone)]
#[must_use = "a request does nothing until it is awaited"]
pub struct RawRequest {
    client: CalcomClient,
    method: Method,
    path: String,
    query: Vec<(String, String)>,
    body: Option<Result<Value>>,
    repeatable: bool,
    settings: Settings,
}

impl RawRequest {
    settings!(Self, self => self.settings);

    /// Adds a query parameter.
    #[expect(clippy::needless_pass_by_value, reason = "as in every other request: `.query(\"take\", 20)`")]
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

    /// Sends it and reads the whole answer as JSON.
    ///
    /// # Errors
    /// As awaiting it; [`ErrorKind::Decode`] when the answer is not a `T`.
    pub async fn json<T: DeserializeOwned>(self) -> Result<T> {
        self.await?.json()
    }

    /// Sends it and reads the answer's `data`.
    ///
    /// # Errors
    /// As [`RawRequest::json`].
    pub async fn data<T: DeserializeOwned>(self) -> Result<T> {
        data(&self.await?)
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
        let version = self.settings.version.as_ref().map(ToString::to_string);
        self.client.send(call, version.as_deref(), &self.settings).await
    }
}

impl IntoFuture for RawRequest {
    type Output = Result<Response>;
    type IntoFuture = futures_util::future::BoxFuture<'static, Self::Output>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(self.send())
    }
}
