use http::Method;
use sidecar_core::Result;

use super::Contacts;
use crate::{
    client::{GhlClient, Operation, PlainRequest, RequestBuilder, any_field, ignore_body, request, setters},
    config::ApiVersion,
    model::{ContactId, LocationId, Note, NoteId, UserId},
};

const VERSION: ApiVersion = ApiVersion::V2021_07_28;
static LIST: Operation = Operation::new("contacts.notes.list", Method::GET, "/contacts/{contactId}/notes", VERSION);
static CREATE: Operation =
    Operation::new("contacts.notes.create", Method::POST, "/contacts/{contactId}/notes", VERSION);
static GET: Operation = Operation::new("contacts.notes.get", Method::GET, "/contacts/{contactId}/notes/{id}", VERSION);
static UPDATE: Operation =
    Operation::new("contacts.notes.update", Method::PUT, "/contacts/{contactId}/notes/{id}", VERSION);
static DELETE: Operation =
    Operation::new("contacts.notes.delete", Method::DELETE, "/contacts/{contactId}/notes/{id}", VERSION);

/// A contact's notes. From [`Contacts::notes`].
#[derive(Debug, Clone)]
pub struct Notes {
    client: GhlClient,
    location: LocationId,
    contact: ContactId,
}

request! {
    /// Writes a note. From [`Notes::create`].
    pub struct CreateNote => Note
}
request! {
    /// Changes a note. From [`Notes::update`].
    pub struct UpdateNote => Note
}

setters! { body of CreateNote, UpdateNote; {
    /// The user who writes it.
    "userId" user: into UserId,
    /// Its heading.
    "title" title: into String,
    /// Its colour, such as `#FFAA00`.
    "color" color: into String,
    /// Whether it stays on top.
    "pinned" pinned: bool,
}}
setters! { body of UpdateNote; {
    /// Its text.
    "body" body: into String,
}}
any_field!(CreateNote, UpdateNote);

impl Contacts {
    /// A contact's notes: list, write, read, change, delete.
    pub fn notes(&self, location: impl Into<LocationId>, contact: impl Into<ContactId>) -> Notes {
        Notes { client: self.0.clone(), location: location.into(), contact: contact.into() }
    }
}

impl Notes {
    fn builder(&self, operation: &'static Operation) -> RequestBuilder {
        RequestBuilder::new(&self.client, operation, self.location.clone()).argument(&self.contact)
    }

    /// Lists them all.
    pub fn list(&self) -> PlainRequest<Vec<Note>> {
        self.builder(&LIST).plain(|answer| answer.part(&["notes"]))
    }

    /// Writes a note with this text.
    pub fn create(&self, body: impl Into<String>) -> CreateNote {
        CreateNote { builder: self.builder(&CREATE).set("body", body.into()) }
    }

    /// Reads one.
    pub fn get(&self, note: impl Into<NoteId>) -> PlainRequest<Note> {
        self.builder(&GET).argument(note.into()).plain(|answer| answer.part(&["note"]))
    }

    /// Changes the fields that are set.
    pub fn update(&self, note: impl Into<NoteId>) -> UpdateNote {
        UpdateNote { builder: self.builder(&UPDATE).argument(note.into()).with_body() }
    }

    /// Deletes one.
    pub fn delete(&self, note: impl Into<NoteId>) -> PlainRequest<()> {
        self.builder(&DELETE).argument(note.into()).plain(ignore_body)
    }
}

impl CreateNote {
    async fn send(self) -> Result<Note> {
        self.builder.part(&["note"]).await
    }
}

impl UpdateNote {
    async fn send(self) -> Result<Note> {
        self.builder.part(&["note"]).await
    }
}
