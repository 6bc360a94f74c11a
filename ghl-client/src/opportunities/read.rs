use http::Method;

use super::Opportunities;
use crate::{
    client::{Operation, PlainRequest, ignore_body},
    config::ApiVersion,
    model::{LocationId, Opportunity, OpportunityId},
};

static GET: Operation =
    Operation::new("opportunities.get", Method::GET, "/opportunities/{id}", ApiVersion::V2021_07_28);
static DELETE: Operation =
    Operation::new("opportunities.delete", Method::DELETE, "/opportunities/{id}", ApiVersion::V2021_07_28);

impl Opportunities {
    /// Reads one opportunity.
    pub fn get(&self, location: impl Into<LocationId>, id: impl Into<OpportunityId>) -> PlainRequest<Opportunity> {
        self.about(&GET, location, id).plain(|answer| answer.part(&["opportunity"]))
    }

    /// Deletes an opportunity.
    pub fn delete(&self, location: impl Into<LocationId>, id: impl Into<OpportunityId>) -> PlainRequest<()> {
        self.about(&DELETE, location, id).plain(ignore_body)
    }
}
