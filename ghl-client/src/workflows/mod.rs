//! Workflows. Contacts are sent through them by [`Contacts::add_to_workflow`](crate::contacts::Contacts::add_to_workflow).
//!
//! Invariant: the provider lists them, and that is all it lets an app do with them.

use http::Method;

use crate::{
    client::{GhlClient, Operation, PlainRequest, RequestBuilder},
    config::ApiVersion,
    model::{LocationId, Workflow},
};

static LIST: Operation = Operation::new("workflows.list", Method::GET, "/workflows/", ApiVersion::V2021_07_28);

/// The workflows family. From [`GhlClient::workflows`].
#[derive(Debug, Clone)]
pub struct Workflows(pub(crate) GhlClient);

impl GhlClient {
    /// Workflows.
    pub fn workflows(&self) -> Workflows {
        Workflows(self.clone())
    }
}

impl Workflows {
    /// Lists a location's workflows.
    pub fn list(&self, location: impl Into<LocationId>) -> PlainRequest<Vec<Workflow>> {
        let location = location.into();
        let builder = RequestBuilder::new(&self.0, &LIST, location.clone()).query("locationId", location);
        builder.plain(|answer| answer.part(&["workflows"]))
    }
}
