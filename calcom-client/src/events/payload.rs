use serde_json::{Map, Value};

use crate::model::{
    AttendeeId, BookingId, BookingStatus, BookingUid, CalcomOrganizationId, EventTypeId, Minutes, OooId, TeamId,
    UserId, WireTime,
};

sidecar_core::open_enum! {
    /// The status of a booking in webhooks. API responses have it in lower case ([`BookingStatus`]).
    pub enum WebhookStatus {
        /// Confirmed.
        Accepted = "ACCEPTED",
        /// Waiting for the host's confirmation.
        Pending = "PENDING",
        /// Cancelled.
        Cancelled = "CANCELLED",
        /// Rejected by the host.
        Rejected = "REJECTED",
    }
}

impl From<WebhookStatus> for BookingStatus {
    fn from(status: WebhookStatus) -> Self {
        match status {
            WebhookStatus::Accepted => Self::Accepted,
            WebhookStatus::Pending => Self::Pending,
            WebhookStatus::Cancelled => Self::Cancelled,
            WebhookStatus::Rejected => Self::Rejected,
            WebhookStatus::Other(other) => Self::from(other.to_lowercase().as_str()),
        }
    }
}

sidecar_core::model! {
    /// The payload of the `BOOKING_…` events except those of no-shows.
    pub struct BookingPayload {
        /// The booking; for a rescheduled booking the new one.
        "uid" uid: BookingUid,
        /// The booking's numeric id.
        "bookingId" booking_id: Option<BookingId>,
        /// The event type.
        "eventTypeId" event_type_id: Option<EventTypeId>,
        /// The event type's slug.
        "type" event_type_slug: Option<String>,
        /// The event type's title.
        "eventTitle" event_title: Option<String>,
        /// The event type's description.
        "eventDescription" event_description: Option<String>,
        /// The booking's title.
        "title" title: Option<String>,
        /// Description.
        "description" description: Option<String>,
        /// The attendee's notes.
        "additionalNotes" additional_notes: Option<String>,
        /// Start.
        "startTime" start_time: Option<WireTime>,
        /// End.
        "endTime" end_time: Option<WireTime>,
        /// Duration.
        "length" length: Option<Minutes>,
        /// Status.
        "status" status: Option<WebhookStatus>,
        /// The host.
        "organizer" organizer: Option<Person>,
        /// The attendees; for a booking with seats only the attendee concerned.
        "attendees" attendees: Option<Vec<Person>>,
        /// Location.
        "location" location: Option<String>,
        /// The video meeting.
        "videoCallData" video_call: Option<VideoCall>,
        /// The attendee's responses to the booking fields: by slug, each with `label` and `value`.
        "responses" responses: Option<Value>,
        /// The responses to the event type's custom fields.
        "userFieldsResponses" user_fields_responses: Option<Value>,
        /// The caller's own values. Absent for cancelled and rejected bookings; for a paid booking the payment provider's.
        "metadata" metadata: Option<Map<String, Value>>,
        /// Price in the currency's smallest unit.
        "price" price: Option<f64>,
        /// Currency, such as `usd`.
        "currency" currency: Option<String>,
        /// The organization of the host.
        "organizationId" organization_id: Option<CalcomOrganizationId>,
        /// The iCalendar UID.
        "iCalUID" ical_uid: Option<String>,
        /// The iCalendar sequence number.
        "iCalSequence" ical_sequence: Option<i64>,
        /// Whether the host has to confirm it.
        "requiresConfirmation" requires_confirmation: Option<bool>,
        /// For a rescheduled booking: the numeric id of the old one.
        "rescheduleId" reschedule_id: Option<BookingId>,
        /// For a rescheduled booking: the old one.
        "rescheduleUid" reschedule_uid: Option<BookingUid>,
        /// For a rescheduled booking: the start of the old one.
        "rescheduleStartTime" reschedule_start_time: Option<WireTime>,
        /// For a rescheduled booking: the end of the old one.
        "rescheduleEndTime" reschedule_end_time: Option<WireTime>,
        /// The e-mail address of the person who rescheduled it.
        "rescheduledBy" rescheduled_by: Option<String>,
        /// The e-mail address of the person who cancelled it.
        "cancelledBy" cancelled_by: Option<String>,
        /// Why it was cancelled.
        "cancellationReason" cancellation_reason: Option<String>,
        /// Whether the person who cancelled it asked for another time.
        "requestReschedule" request_reschedule: Option<bool>,
        /// Why it was rejected.
        "rejectionReason" rejection_reason: Option<String>,
        /// The payment.
        "paymentId" payment_id: Option<i64>,
        /// Further data of the payment.
        "paymentData" payment_data: Option<Value>,
        /// The location before the change.
        "previousLocation" previous_location: Option<String>,
        /// The added hosts.
        "addedHostUserIds" added_host_user_ids: Option<Vec<UserId>>,
        /// The removed hosts.
        "removedHostUserIds" removed_host_user_ids: Option<Vec<UserId>>,
    }
}

sidecar_core::model! {
    /// A host or attendee of a booking.
    pub struct Person {
        /// The user id of a host; in meetings the attendee's id.
        "id" id: Option<AttendeeId>,
        /// Name.
        "name" name: Option<String>,
        /// Given name.
        "firstName" first_name: Option<String>,
        /// Family name.
        "lastName" last_name: Option<String>,
        /// E-mail address.
        "email" email: Option<String>,
        /// User name.
        "username" username: Option<String>,
        /// Phone number.
        "phoneNumber" phone_number: Option<String>,
        /// IANA time zone.
        "timeZone" time_zone: Option<String>,
        /// Language: an object with `locale`.
        "language" language: Option<Value>,
        /// Whether the person did not attend.
        "noShow" no_show: Option<bool>,
    }
}

sidecar_core::model! {
    /// A video meeting.
    pub struct VideoCall {
        /// The integration, such as `daily_video`.
        "type" kind: Option<String>,
        /// The meeting's id at the integration.
        "id" id: Option<Value>,
        /// Password.
        "password" password: Option<String>,
        /// URL.
        "url" url: Option<String>,
    }
}

sidecar_core::model! {
    /// The payload of `BOOKING_NO_SHOW_UPDATED`.
    pub struct NoShowPayload {
        /// The booking.
        "bookingUid" booking_uid: BookingUid,
        /// The booking's numeric id.
        "bookingId" booking_id: Option<BookingId>,
        /// A message in words.
        "message" message: Option<String>,
        /// The attendees whose flag changed.
        "attendees" attendees: Option<Vec<NoShowAttendee>>,
    }
}

sidecar_core::model! {
    /// The no-show flag of an attendee.
    pub struct NoShowAttendee {
        /// E-mail address.
        "email" email: Option<String>,
        /// Whether the person did not attend.
        "noShow" no_show: Option<bool>,
    }
}

sidecar_core::model! {
    /// The payload of `MEETING_STARTED` and `MEETING_ENDED`: the booking as it is stored, without an envelope. Sent at the planned
    /// times, whether anyone attended or not.
    pub struct MeetingPayload {
        /// The booking.
        "uid" uid: BookingUid,
        /// The booking's numeric id.
        "id" id: Option<BookingId>,
        /// The host.
        "userId" user_id: Option<UserId>,
        /// The host's main e-mail address.
        "userPrimaryEmail" user_primary_email: Option<String>,
        /// The event type.
        "eventTypeId" event_type_id: Option<EventTypeId>,
        /// The booking's title.
        "title" title: Option<String>,
        /// Description.
        "description" description: Option<String>,
        /// Start.
        "startTime" start_time: Option<WireTime>,
        /// End.
        "endTime" end_time: Option<WireTime>,
        /// Status.
        "status" status: Option<WebhookStatus>,
        /// Whether it is paid.
        "paid" paid: Option<bool>,
        /// The caller's own values.
        "metadata" metadata: Option<Map<String, Value>>,
        /// The attendee's responses to the booking fields.
        "responses" responses: Option<Value>,
        /// Location.
        "location" location: Option<String>,
        /// When the booking was created.
        "createdAt" created_at: Option<WireTime>,
        /// When it last changed.
        "updatedAt" updated_at: Option<WireTime>,
        /// Why it was cancelled.
        "cancellationReason" cancellation_reason: Option<String>,
        /// The iCalendar UID.
        "iCalUID" ical_uid: Option<String>,
        /// The host.
        "user" user: Option<Person>,
        /// The attendees.
        "attendees" attendees: Option<Vec<Person>>,
    }
}

sidecar_core::model! {
    /// The payload of `OOO_CREATED`.
    pub struct OooPayload {
        /// The entry.
        "oooEntry" entry: OooEventEntry,
    }
}

sidecar_core::model! {
    /// An out-of-office entry in an event.
    pub struct OooEventEntry {
        /// Its id.
        "id" id: OooId,
        /// Its uid.
        "uuid" uuid: Option<String>,
        /// Start.
        "start" start: Option<WireTime>,
        /// End.
        "end" end: Option<WireTime>,
        /// When it was created.
        "createdAt" created_at: Option<WireTime>,
        /// When it last changed.
        "updatedAt" updated_at: Option<WireTime>,
        /// Notes.
        "notes" notes: Option<String>,
        /// The reason: an object with `reason` and `emoji`.
        "reason" reason: Option<Value>,
        /// The absent user.
        "user" user: Option<Person>,
        /// The user who is booked instead.
        "toUser" to_user: Option<Person>,
    }
}

sidecar_core::model! {
    /// The payload of `FORM_SUBMITTED`, `FORM_SUBMITTED_NO_EVENT` (no booking within 15 minutes) and `ROUTING_FORM_FALLBACK_HIT`.
    pub struct FormPayload {
        /// The form.
        "formId" form_id: Option<String>,
        /// Its name.
        "formName" form_name: Option<String>,
        /// Its team.
        "teamId" team_id: Option<TeamId>,
        /// The responses by label, each with `response` (and the deprecated `value`).
        "responses" responses: Option<Value>,
        /// The response's numeric id.
        "responseId" response_id: Option<i64>,
        /// The redirect target: `type` and `value`.
        "redirect" redirect: Option<Value>,
    }
}

sidecar_core::model! {
    /// The payload of `RECORDING_READY` and `RECORDING_TRANSCRIPTION_GENERATED`.
    pub struct RecordingPayload {
        /// The booking.
        "uid" uid: BookingUid,
        /// The booking's numeric id.
        "bookingId" booking_id: Option<BookingId>,
        /// The booking's title.
        "title" title: Option<String>,
        /// The event type's slug.
        "type" event_type_slug: Option<String>,
        /// Start.
        "startTime" start_time: Option<WireTime>,
        /// End.
        "endTime" end_time: Option<WireTime>,
        /// The host.
        "organizer" organizer: Option<Person>,
        /// The attendees.
        "attendees" attendees: Option<Vec<Person>>,
        /// The URL of the recording.
        "downloadLink" download_link: Option<String>,
        /// The URLs of the recording and the transcripts.
        "downloadLinks" download_links: Option<Value>,
    }
}

sidecar_core::model! {
    /// The payload of `INSTANT_MEETING` and `INSTANT_MEETING_ACCEPTED`.
    pub struct InstantMeetingPayload {
        /// The booking.
        "uid" uid: Option<BookingUid>,
        /// The booking's numeric id.
        "bookingId" booking_id: Option<BookingId>,
        /// The event type.
        "eventTypeId" event_type_id: Option<EventTypeId>,
        /// The event type's title.
        "eventTypeTitle" event_type_title: Option<String>,
        /// The attendee's responses to the booking fields.
        "responses" responses: Option<Value>,
        /// The URL where a host joins.
        "connectAndJoinUrl" connect_and_join_url: Option<String>,
    }
}

sidecar_core::model! {
    /// The payload of `AFTER_HOSTS_CAL_VIDEO_NO_SHOW` and `AFTER_GUESTS_CAL_VIDEO_NO_SHOW`.
    pub struct CalVideoNoShowPayload {
        /// The booking.
        "bookingUid" booking_uid: Option<BookingUid>,
        /// The booking's numeric id.
        "bookingId" booking_id: Option<BookingId>,
        /// The booking's title.
        "title" title: Option<String>,
        /// A message in words.
        "message" message: Option<String>,
        /// Start.
        "startTime" start_time: Option<WireTime>,
        /// End.
        "endTime" end_time: Option<WireTime>,
        /// The expected attendees.
        "attendees" attendees: Option<Vec<Value>>,
        /// The participants of the meeting.
        "participants" participants: Option<Vec<Value>>,
        /// The host's e-mail address.
        "hostEmail" host_email: Option<String>,
        /// The guests.
        "guests" guests: Option<Value>,
        /// The event type.
        "eventType" event_type: Option<Value>,
    }
}

sidecar_core::model! {
    /// The payload of events whose schema is not documented: reports and credentials. All other fields are in `extra`.
    pub struct ReportPayload {
        /// The booking, if the event concerns one.
        "bookingUid" booking_uid: Option<BookingUid>,
        /// The booking's numeric id.
        "bookingId" booking_id: Option<BookingId>,
    }
}

sidecar_core::model! {
    /// The payload of a test delivery. Its `triggerEvent` may be the name of any trigger.
    pub struct PingPayload {
        /// `Test`.
        "type" kind: Option<String>,
        /// `Test trigger event`.
        "title" title: Option<String>,
        /// Start.
        "startTime" start_time: Option<WireTime>,
        /// End.
        "endTime" end_time: Option<WireTime>,
        /// The host.
        "organizer" organizer: Option<Person>,
        /// The attendees.
        "attendees" attendees: Option<Vec<Person>>,
    }
}
