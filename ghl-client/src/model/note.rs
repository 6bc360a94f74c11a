use serde_json::Value;

use super::{ContactId, NoteId, UserId, WireTime};

sidecar_core::model! {
    /// A note on a contact or an appointment.
    pub struct Note {
        /// Its id.
        "id" id: NoteId,
        /// Its text.
        "body" body: Option<String>,
        /// The user who wrote it.
        "userId" user_id: Option<UserId>,
        /// When it was written.
        "dateAdded" date_added: Option<WireTime>,
        /// Whom it is about.
        "contactId" contact_id: Option<ContactId>,
        /// Its heading; contacts' notes only.
        "title" title: Option<String>,
        /// Its colour; contacts' notes only.
        "color" color: Option<String>,
        /// Whether it stays on top; contacts' notes only.
        "pinned" pinned: Option<bool>,
        /// The id and name of the user who wrote it; only in notes of appointments.
        "createdBy" created_by: Option<Value>,
    }
}
