use http::Method;
use sidecar_core::{Result, Timestamp};

use super::Contacts;
use crate::{
    client::{GhlClient, Operation, PlainRequest, RequestBuilder, any_field, ignore_body, request, setters},
    config::ApiVersion,
    model::{ContactId, LocationId, Task, TaskId, UserId, rfc3339},
};

const VERSION: ApiVersion = ApiVersion::V2021_07_28;
static LIST: Operation = Operation::new("contacts.tasks.list", Method::GET, "/contacts/{contactId}/tasks", VERSION);
static CREATE: Operation =
    Operation::new("contacts.tasks.create", Method::POST, "/contacts/{contactId}/tasks", VERSION);
static GET: Operation =
    Operation::new("contacts.tasks.get", Method::GET, "/contacts/{contactId}/tasks/{taskId}", VERSION);
static UPDATE: Operation =
    Operation::new("contacts.tasks.update", Method::PUT, "/contacts/{contactId}/tasks/{taskId}", VERSION);
static COMPLETE: Operation =
    Operation::new("contacts.tasks.complete", Method::PUT, "/contacts/{contactId}/tasks/{taskId}/completed", VERSION);
static DELETE: Operation =
    Operation::new("contacts.tasks.delete", Method::DELETE, "/contacts/{contactId}/tasks/{taskId}", VERSION);

/// A contact's tasks. From [`Contacts::tasks`].
#[derive(Debug, Clone)]
pub struct Tasks {
    client: GhlClient,
    location: LocationId,
    contact: ContactId,
}

request! {
    /// Creates a task. From [`Tasks::create`].
    pub struct CreateTask => Task
}
request! {
    /// Changes a task. From [`Tasks::update`].
    pub struct UpdateTask => Task
}

setters! { body of CreateTask, UpdateTask; {
    /// The description.
    "body" body: into String,
    /// The assigned user.
    "assignedTo" assigned_to: into UserId,
    /// Whether it is done.
    "completed" completed: bool,
}}
setters! { body of UpdateTask; {
    /// The title.
    "title" title: into String,
    /// Until when; sent as RFC 3339.
    "dueDate" due: Timestamp => rfc3339,
}}
any_field!(CreateTask, UpdateTask);

impl Contacts {
    /// A contact's tasks: list, create, read, change, complete, delete.
    pub fn tasks(&self, location: impl Into<LocationId>, contact: impl Into<ContactId>) -> Tasks {
        Tasks { client: self.0.clone(), location: location.into(), contact: contact.into() }
    }
}

impl Tasks {
    fn builder(&self, operation: &'static Operation) -> RequestBuilder {
        RequestBuilder::new(&self.client, operation, self.location.clone()).argument(&self.contact)
    }

    /// Lists them all.
    pub fn list(&self) -> PlainRequest<Vec<Task>> {
        self.builder(&LIST).plain(|answer| answer.part(&["tasks"]))
    }

    /// Creates a task that is to be done by `due`.
    pub fn create(&self, title: impl Into<String>, due: Timestamp) -> CreateTask {
        let builder = self.builder(&CREATE).set("title", title.into()).set("dueDate", due.to_string());
        CreateTask { builder: builder.set("completed", false) }
    }

    /// Reads one.
    pub fn get(&self, task: impl Into<TaskId>) -> PlainRequest<Task> {
        self.builder(&GET).argument(task.into()).plain(|answer| answer.part(&["task"]))
    }

    /// Changes the fields that are set.
    pub fn update(&self, task: impl Into<TaskId>) -> UpdateTask {
        UpdateTask { builder: self.builder(&UPDATE).argument(task.into()).with_body() }
    }

    /// Marks one as done, or as to be done again.
    pub fn complete(&self, task: impl Into<TaskId>, completed: bool) -> PlainRequest<Task> {
        let builder = self.builder(&COMPLETE).argument(task.into()).set("completed", completed);
        builder.plain(|answer| answer.part(&["task"]))
    }

    /// Deletes one.
    pub fn delete(&self, task: impl Into<TaskId>) -> PlainRequest<()> {
        self.builder(&DELETE).argument(task.into()).plain(ignore_body)
    }
}

impl CreateTask {
    async fn send(self) -> Result<Task> {
        self.builder.part(&["task"]).await
    }
}

impl UpdateTask {
    async fn send(self) -> Result<Task> {
        self.builder.part(&["task"]).await
    }
}
