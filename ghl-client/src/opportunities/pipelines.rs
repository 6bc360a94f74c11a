use http::Method;
use serde::Deserialize;
use sidecar_core::{Page, Result};

use super::Opportunities;
use crate::{
    client::{OffsetPaging, Operation, PlainRequest, RequestBuilder, listing, request, setters},
    config::ApiVersion,
    model::{LocationId, LostReason, Pipeline},
};

static PIPELINES: Operation =
    Operation::new("opportunities.pipelines", Method::GET, "/opportunities/pipelines", ApiVersion::V2021_07_28);
static LOST_REASONS: Operation =
    Operation::new("opportunities.lost_reasons", Method::GET, "/opportunities/lost-reason", ApiVersion::V2021_07_28);

request! {
    /// Lists the reasons for which opportunities are lost; 100 in a page unless set otherwise. From
    /// [`Opportunities::lost_reasons`].
    pub struct ListLostReasons { paging: OffsetPaging } => Page<LostReason, u64>
}
listing!(ListLostReasons => LostReason, skip, |reason| Some(reason.id.to_string()));
setters! { query of ListLostReasons; {
    /// Only the reason of this name.
    "name" name: into String,
    /// Only reasons in which this text is found.
    "query" query: into String,
    /// Whether deleted ones are listed, instead of the others.
    "deleted" deleted: bool,
}}

impl Opportunities {
    /// Lists a location's pipelines with their stages.
    pub fn pipelines(&self, location: impl Into<LocationId>) -> PlainRequest<Vec<Pipeline>> {
        let location = location.into();
        let builder = RequestBuilder::new(&self.0, &PIPELINES, location.clone()).query("locationId", location);
        builder.plain(|answer| answer.part(&["pipelines"]))
    }

    /// Lists the reasons that a location's opportunities can be lost for.
    pub fn lost_reasons(&self, location: impl Into<LocationId>) -> ListLostReasons {
        let location = location.into();
        let builder = RequestBuilder::new(&self.0, &LOST_REASONS, location.clone()).query("locationId", location);
        ListLostReasons { builder, paging: OffsetPaging::new(100, u32::MAX) }
    }
}

impl ListLostReasons {
    async fn send(self) -> Result<Page<LostReason, u64>> {
        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct Found {
            lost_reasons: Vec<LostReason>,
            #[serde(default)]
            total: Option<u64>,
        }
        let Found { lost_reasons, total } = self.paging.query(self.builder, "skip").json().await?;
        Ok(self.paging.page(lost_reasons, total))
    }
}
