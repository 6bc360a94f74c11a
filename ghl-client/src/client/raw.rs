use sidecar_core::{Result, client::RawCall, http::Response};

use super::{GhlClient, RequestOptions, Resource, request};
use crate::{
    config::ApiVersion,
    model::{CompanyId, LocationId},
};

/// Requests to any path of the API, and the published operations of the `oauth` family. From [`GhlClient::raw`].
///
/// Use [`GhlOAuth`](crate::GhlOAuth) and [`GhlConnections`](crate::GhlConnections) to connect an app, to refresh its tokens and to
/// mint those of locations.
#[derive(Debug, Clone)]
pub struct Raw(pub(crate) GhlClient);

/// A request to any path. `.await` returns the response; [`RawRequest::json`] reads it.
#[derive(Debug, Clone)]
#[must_use = "a request does nothing until it is awaited"]
pub struct RawRequest {
    client: GhlClient,
    resource: Resource,
    call: RawCall,
    options: RequestOptions,
}

sidecar_core::raw_requests!(GhlClient);
request!(RawRequest => Response);

impl RawRequest {
    fn new(client: GhlClient, call: RawCall) -> Self {
        Self { client, resource: Resource::Token, call, options: RequestOptions::default() }
    }

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

    async fn send(self) -> Result<Response> {
        let call = self.call.into_call()?;
        self.client.send(call, &self.resource, ApiVersion::V2021_07_28, &self.options).await
    }
}
