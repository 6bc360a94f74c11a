use http::Method;
use sidecar_core::{Page, Result};

use super::Locations;
use crate::{
    client::{OffsetPaging, Operation, RequestBuilder, listing, request, setters},
    config::ApiVersion,
    model::{BusinessId, ContactId, LocationId, Task, UserId},
};

static SEARCH: Operation = Operation::new(
    "locations.search_tasks",
    Method::POST,
    "/locations/{locationId}/tasks/search",
    ApiVersion::V2021_07_28,
);

request! {
    /// Searches the tasks of a location's contacts; 100 in a page unless set otherwise. From [`Locations::search_tasks`].
    pub struct SearchTasks { paging: OffsetPaging } => Page<Task, u64>
}
listing!(SearchTasks => Task, skip, |task| Some(task.id.to_string()));
setters! { body of SearchTasks; {
    /// Only those about these contacts.
    "contactId" contacts: each ContactId,
    /// Only those that are done (`true`) or are to be done.
    "completed" completed: bool,
    /// Only those that these users are to do.
    "assignedTo" assigned_to: each UserId,
    /// Only those in which this text is found.
    "query" query: into String,
    /// Only those about this business.
    "businessId" business: into BusinessId,
}}

impl Locations {
    /// Searches the tasks of all contacts of a location.
    pub fn search_tasks(&self, location: impl Into<LocationId>) -> SearchTasks {
        let location = location.into();
        let builder = RequestBuilder::new(&self.0, &SEARCH, location.clone()).argument(location).repeatable();
        SearchTasks { builder, paging: OffsetPaging::new(100, u32::MAX) }
    }
}

impl SearchTasks {
    async fn send(self) -> Result<Page<Task, u64>> {
        let tasks = self.paging.body(self.builder).part(&["tasks"]).await?;
        Ok(self.paging.page(tasks, None))
    }
}
