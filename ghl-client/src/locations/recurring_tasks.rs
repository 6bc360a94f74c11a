use http::Method;
use serde_json::json;
use sidecar_core::Result;

use super::Locations;
use crate::{
    client::{GhlClient, Operation, PlainRequest, RequestBuilder, ignore_body, request, setters},
    config::ApiVersion,
    model::{ContactId, LocationId, Recurrence, RecurringTask, RecurringTaskId, UserId},
};

const VERSION: ApiVersion = ApiVersion::V2021_07_28;
const ALL: &str = "/locations/{locationId}/recurring-tasks";
const ONE: &str = "/locations/{locationId}/recurring-tasks/{id}";
static CREATE: Operation = Operation::new("locations.recurring_tasks.create", Method::POST, ALL, VERSION);
static GET: Operation = Operation::new("locations.recurring_tasks.get", Method::GET, ONE, VERSION);
static UPDATE: Operation = Operation::new("locations.recurring_tasks.update", Method::PUT, ONE, VERSION);
static DELETE: Operation = Operation::new("locations.recurring_tasks.delete", Method::DELETE, ONE, VERSION);

/// A location's tasks that are made again and again. From [`Locations::recurring_tasks`].
#[derive(Debug, Clone)]
pub struct RecurringTasks {
    client: GhlClient,
    location: LocationId,
}

request! {
    /// Creates or changes a recurring task. From [`RecurringTasks::create`] and [`RecurringTasks::update`].
    pub struct WriteRecurringTask => RecurringTask
}
setters! { body of WriteRecurringTask; {
    /// The title.
    "title" title: into String,
    /// The same at length.
    "description" description: into String,
    /// Whom it is about.
    "contactIds" contacts: each ContactId,
    /// The assigned user.
    "owners" owners: each UserId,
    /// Whether no task is made at once.
    "ignoreTaskCreation" ignore_task_creation: bool,
}}

impl Locations {
    /// A location's tasks that are made again and again: create, read, change, delete.
    pub fn recurring_tasks(&self, location: impl Into<LocationId>) -> RecurringTasks {
        RecurringTasks { client: self.0.clone(), location: location.into() }
    }
}

impl RecurringTasks {
    fn builder(&self, operation: &'static Operation) -> RequestBuilder {
        RequestBuilder::new(&self.client, operation, self.location.clone()).argument(&self.location)
    }

    /// Creates a task that is to be done again and again.
    pub fn create(&self, title: impl Into<String>, recurrence: Recurrence) -> WriteRecurringTask {
        WriteRecurringTask { builder: self.builder(&CREATE) }.title(title).recurrence(recurrence)
    }

    /// Reads one.
    pub fn get(&self, id: impl Into<RecurringTaskId>) -> PlainRequest<RecurringTask> {
        self.builder(&GET).argument(id.into()).plain(|answer| answer.part(&["recurringTask"]))
    }

    /// Changes the fields that are set.
    pub fn update(&self, id: impl Into<RecurringTaskId>) -> WriteRecurringTask {
        WriteRecurringTask { builder: self.builder(&UPDATE).argument(id.into()).with_body() }
    }

    /// Deletes one.
    pub fn delete(&self, id: impl Into<RecurringTaskId>) -> PlainRequest<()> {
        self.builder(&DELETE).argument(id.into()).plain(ignore_body)
    }
}

impl WriteRecurringTask {
    /// When it is to be done again.
    #[expect(clippy::needless_pass_by_value, reason = "as the other setters take theirs")]
    pub fn recurrence(mut self, recurrence: Recurrence) -> Self {
        self.builder = self.builder.set("rruleOptions", json!(recurrence));
        self
    }

    async fn send(self) -> Result<RecurringTask> {
        self.builder.part(&["recurringTask"]).await
    }
}
