//! Opportunities: search, read, write, followers; and the pipelines they go through.
//!
//! Here live the requests; what an opportunity holds is in [`model`](crate::model). Invariant: a create is never repeated unless
//! nothing was sent, because a duplicate cannot be recognized: a contact may have several opportunities.

mod advanced;
mod followers;
mod pipelines;
mod read;
mod search;
mod write;

pub use advanced::{AdvancedPlace, AdvancedSearch};
pub use followers::RemoveFollowers;
pub use pipelines::ListLostReasons;
pub use search::{SearchOpportunities, StartAfter};
pub use write::{CreateOpportunity, SetStatus, UpdateOpportunity, UpsertOpportunity, UpsertedOpportunity};

use crate::{
    client::{GhlClient, Operation, RequestBuilder},
    model::{LocationId, OpportunityId},
};

/// The opportunities family. From [`GhlClient::opportunities`].
#[derive(Debug, Clone)]
pub struct Opportunities(pub(crate) GhlClient);

impl GhlClient {
    /// Opportunities and their pipelines.
    pub fn opportunities(&self) -> Opportunities {
        Opportunities(self.clone())
    }
}

impl Opportunities {
    /// A call about one opportunity.
    fn about(
        &self,
        operation: &'static Operation,
        location: impl Into<LocationId>,
        id: impl Into<OpportunityId>,
    ) -> RequestBuilder {
        RequestBuilder::new(&self.0, operation, location.into()).argument(id.into())
    }
}
