use http::Method;
use serde::Deserialize;
use sidecar_core::{Page, Result};

use super::Locations;
use crate::{
    client::{OffsetPaging, Operation, PlainRequest, RequestBuilder, ignore_body, listing, request, setters},
    config::ApiVersion,
    model::{LocationId, Template, TemplateId, TemplateKind},
};

static LIST: Operation =
    Operation::new("locations.templates", Method::GET, "/locations/{locationId}/templates", ApiVersion::V2021_07_28);
static DELETE: Operation = Operation::new(
    "locations.delete_template",
    Method::DELETE,
    "/locations/{locationId}/templates/{id}",
    ApiVersion::V2021_07_28,
);

request! {
    /// Lists message templates; 100 in a page unless set otherwise. From [`Locations::templates`].
    pub struct ListTemplates { paging: OffsetPaging } => Page<Template, u64>
}
listing!(ListTemplates => Template, skip, |template| Some(template.id.to_string()));
setters! { query of ListTemplates; {
    /// Only those of this kind.
    "type" kind: TemplateKind,
    /// Whether deleted ones are listed, instead of the others.
    "deleted" deleted: bool,
    /// Where the templates come from; the location itself unless set.
    "originId" origin: into String,
}}

impl Locations {
    /// Lists a location's message templates.
    pub fn templates(&self, location: impl Into<LocationId>) -> ListTemplates {
        let location = location.into();
        let builder =
            RequestBuilder::new(&self.0, &LIST, location.clone()).argument(&location).query("originId", location);
        ListTemplates { builder, paging: OffsetPaging::new(100, u32::MAX) }
    }

    /// Deletes a message template.
    pub fn delete_template(
        &self,
        location: impl Into<LocationId>,
        template: impl Into<TemplateId>,
    ) -> PlainRequest<()> {
        let location = location.into();
        RequestBuilder::new(&self.0, &DELETE, location.clone())
            .argument(location)
            .argument(template.into())
            .plain(ignore_body)
    }
}

impl ListTemplates {
    async fn send(self) -> Result<Page<Template, u64>> {
        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct Found {
            templates: Vec<Template>,
            #[serde(default)]
            total_count: Option<u64>,
        }
        let Found { templates, total_count } = self.paging.query(self.builder, "skip").json().await?;
        Ok(self.paging.page(templates, total_count))
    }
}
