use http::Method;
use serde::Deserialize;
use sidecar_core::{Page, Result};

use super::Appointments;
use crate::{
    client::{
        GhlClient, OffsetPaging, Operation, PlainRequest, RequestBuilder, ignore_body, listing, request, setters,
    },
    config::ApiVersion,
    model::{AppointmentId, LocationId, Note, NoteId, UserId},
};

const VERSION: ApiVersion = ApiVersion::V2021_04_15;
const ALL: &str = "/calendars/appointments/{appointmentId}/notes";
const ONE: &str = "/calendars/appointments/{appointmentId}/notes/{noteId}";
static LIST: Operation = Operation::new("appointments.notes.list", Method::GET, ALL, VERSION);
static CREATE: Operation = Operation::new("appointments.notes.create", Method::POST, ALL, VERSION);
static UPDATE: Operation = Operation::new("appointments.notes.update", Method::PUT, ONE, VERSION);
static DELETE: Operation = Operation::new("appointments.notes.delete", Method::DELETE, ONE, VERSION);

/// The most notes in a page, and the longest text of one in characters, by the published specification.
const MAX_PAGE_SIZE: u32 = 20;
const MAX_NOTE_CHARS: usize = 5_000;

/// An appointment's notes. From [`Appointments::notes`].
#[derive(Debug, Clone)]
pub struct AppointmentNotes {
    client: GhlClient,
    location: LocationId,
    appointment: AppointmentId,
}

request! {
    /// Lists an appointment's notes; 1 to 20 in a page, 20 unless set otherwise. From [`AppointmentNotes::list`].
    pub struct ListAppointmentNotes { paging: OffsetPaging } => Page<Note, u64>
}
listing!(ListAppointmentNotes => Note, skip, |note| Some(note.id.to_string()));
request! {
    /// Writes or changes a note. From [`AppointmentNotes::create`] and [`AppointmentNotes::update`].
    pub struct WriteAppointmentNote => Note
}
setters! { body of WriteAppointmentNote; {
    /// The user who writes it.
    "userId" user: into UserId,
}}

impl Appointments {
    /// An appointment's notes: list, write, change, delete.
    pub fn notes(&self, location: impl Into<LocationId>, appointment: impl Into<AppointmentId>) -> AppointmentNotes {
        AppointmentNotes { client: self.0.clone(), location: location.into(), appointment: appointment.into() }
    }
}

impl AppointmentNotes {
    fn builder(&self, operation: &'static Operation) -> RequestBuilder {
        RequestBuilder::new(&self.client, operation, self.location.clone()).argument(&self.appointment)
    }

    /// Lists them, a page when awaited.
    pub fn list(&self) -> ListAppointmentNotes {
        ListAppointmentNotes { builder: self.builder(&LIST), paging: OffsetPaging::new(MAX_PAGE_SIZE, MAX_PAGE_SIZE) }
    }

    /// Writes a note with this text, of at most 5,000 characters.
    pub fn create(&self, body: impl Into<String>) -> WriteAppointmentNote {
        write(self.builder(&CREATE), body.into())
    }

    /// Gives a note this text, of at most 5,000 characters.
    pub fn update(&self, note: impl Into<NoteId>, body: impl Into<String>) -> WriteAppointmentNote {
        write(self.builder(&UPDATE).argument(note.into()), body.into())
    }

    /// Deletes one.
    pub fn delete(&self, note: impl Into<NoteId>) -> PlainRequest<()> {
        self.builder(&DELETE).argument(note.into()).plain(ignore_body)
    }
}

fn write(builder: RequestBuilder, body: String) -> WriteAppointmentNote {
    WriteAppointmentNote { builder: builder.max_chars("a note", &body, MAX_NOTE_CHARS).set("body", body) }
}

impl ListAppointmentNotes {
    async fn send(self) -> Result<Page<Note, u64>> {
        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct Found {
            notes: Vec<Note>,
            #[serde(default)]
            has_more: bool,
        }
        let Found { notes, has_more } = self.paging.query(self.builder, "offset").json().await?;
        Ok(Page { next: has_more.then(|| self.paging.offset_after(notes.len())), total: None, items: notes })
    }
}

impl WriteAppointmentNote {
    async fn send(self) -> Result<Note> {
        self.builder.part(&["note"]).await
    }
}
