use serde::de::DeserializeOwned;
use sidecar_core::{Result, client::RawCall, http::Response};

use super::{CalcomClient, RequestOptions, data};

/// Requests to any path of the API, `/v2` included. From [`CalcomClient::raw`].
#[derive(Debug, Clone)]
pub struct Raw(CalcomClient);

/// A request to any path, without a version header unless one is set. `.await` returns the response; [`RawRequest::json`] reads the
/// whole body, [`RawRequest::data`] the content of its envelope.
#[derive(Debug, Clone)]
#[must_use = "a request does nothing until it is awaited"]
pub struct RawRequest {
    client: CalcomClient,
    call: RawCall,
    options: RequestOptions,
}

sidecar_core::raw_requests!(CalcomClient);
super::request!(RawRequest => Response, options);

impl RawRequest {
    fn new(client: CalcomClient, call: RawCall) -> Self {
        Self { client, call, options: RequestOptions::default() }
    }

    /// Sends the request and reads `data` of the response.
    ///
    /// # Errors
    /// As [`RawRequest::json`].
    pub async fn data<T: DeserializeOwned>(self) -> Result<T> {
        data(&self.await?)
    }

    async fn send(self) -> Result<Response> {
        let version = self.options.version.as_ref().map(ToString::to_string);
        self.client.send_call(self.call.into_call()?, version.as_deref(), &self.options).await
    }
}
