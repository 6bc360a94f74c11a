use super::{ContactId, TaskId, UserId, WireTime};

sidecar_core::model! {
    /// Something that is to be done about a contact.
    pub struct Task {
        /// Its id.
        "id" id: TaskId,
        /// The title.
        "title" title: Option<String>,
        /// The same at length.
        "body" body: Option<String>,
        /// The assigned user.
        "assignedTo" assigned_to: Option<UserId>,
        /// Until when.
        "dueDate" due_date: Option<WireTime>,
        /// Whether it is done.
        "completed" completed: Option<bool>,
        /// Whom it is about.
        "contactId" contact_id: Option<ContactId>,
    }
}
