use serde_json::{Map, Value};

use crate::model::{
    AttendeeId, BookingId, BookingStatus, BookingUid, CalcomOrganizationId, EventTypeId, Minutes, OooId, TeamId,
    UserId, WireTime,
};

sidecar_core::open_enum! {
    /// How a booking stands, as webhooks write it. Answers of the API write it in lower case.
    pub enum WebhookStatus {
        /// It takes place.
        Accepted = "ACCEPTED",
        /// It waits for the host's word.
        Pending = "PENDING",
        /// Called off.
        Cancelled = "CANCELLED",
        /// The host refused it.
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
    /// Of the `BOOKING_…` events, except for no-shows.
    pub struct BookingPayload {
        /// The booking; of a moved one the new booking.
        "uid" uid: BookingUid,
        /// Its number.
        "bookingId" booking_id: Option<BookingId>,
        /// The event type.
        "eventTypeId" event_type_id: Option<EventTypeId>,
        /// The event type's slug.
        "type" event_type_slug: Option<String>,
        /// The event type's title.
        "eventTitle" event_title: Option<String>,
        /// The event type's description.
        "eventDescription" event_description: Option<String>,
        /// What the booking is about.
        "title" title: Option<String>,
        /// Description.
        "description" description: Option<String>,
        /// What the attendee wrote.
        "additionalNotes" additional_notes: Option<String>,
        /// When it begins.
        "startTime" start_time: Option<WireTime>,
        /// When it ends.
        "endTime" end_time: Option<WireTime>,
        /// How long it is.
        "length" length: Option<Minutes>,
        /// How it stands.
        "status" status: Option<WebhookStatus>,
        /// Who holds it.
        "organizer" organizer: Option<Person>,
        /// Who comes; with seats only the attendee concerned.
        "attendees" attendees: Option<Vec<Person>>,
        /// Where.
        "location" location: Option<String>,
        /// The meeting.
        "videoCallData" video_call: Option<VideoCall>,
        /// What the attendee filled in: by slug, each with `label` and `value`.
        "responses" responses: Option<Value>,
        /// The same for the event type's own fields.
        "userFieldsResponses" user_fields_responses: Option<Value>,
        /// The caller's own values. Absent of cancelled and rejected bookings; of a paid one the payment provider's.
        "metadata" metadata: Option<Map<String, Value>>,
        /// Price in the currency's smallest unit.
        "price" price: Option<f64>,
        /// Currency, such as `usd`.
        "currency" currency: Option<String>,
        /// The organization of the host.
        "organizationId" organization_id: Option<CalcomOrganizationId>,
        /// Its uid in calendars.
        "iCalUID" ical_uid: Option<String>,
        /// How often it changed there.
        "iCalSequence" ical_sequence: Option<i64>,
        /// Whether the host has to confirm it.
        "requiresConfirmation" requires_confirmation: Option<bool>,
        /// Of a moved booking: the old booking's number.
        "rescheduleId" reschedule_id: Option<BookingId>,
        /// Of a moved booking: the old booking.
        "rescheduleUid" reschedule_uid: Option<BookingUid>,
        /// Of a moved booking: when the old booking began.
        "rescheduleStartTime" reschedule_start_time: Option<WireTime>,
        /// Of a moved booking: when the old booking ended.
        "rescheduleEndTime" reschedule_end_time: Option<WireTime>,
        /// Who moved it.
        "rescheduledBy" rescheduled_by: Option<String>,
        /// Who cancelled it.
        "cancelledBy" cancelled_by: Option<String>,
        /// Why it was cancelled.
        "cancellationReason" cancellation_reason: Option<String>,
        /// Whether whoever cancelled asked for another time.
        "requestReschedule" request_reschedule: Option<bool>,
        /// Why it was rejected.
        "rejectionReason" rejection_reason: Option<String>,
        /// The payment.
        "paymentId" payment_id: Option<i64>,
        /// More of the payment.
        "paymentData" payment_data: Option<Value>,
        /// Where it was before.
        "previousLocation" previous_location: Option<String>,
        /// Who holds it now as well.
        "addedHostUserIds" added_host_user_ids: Option<Vec<UserId>>,
        /// Who holds it no longer.
        "removedHostUserIds" removed_host_user_ids: Option<Vec<UserId>>,
    }
}

sidecar_core::model! {
    /// Somebody who holds a booking or comes to it.
    pub struct Person {
        /// The user, of hosts; the attendee's number in meetings.
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
        /// Whether they did not come.
        "noShow" no_show: Option<bool>,
    }
}

sidecar_core::model! {
    /// Where a meeting takes place.
    pub struct VideoCall {
        /// The integration, such as `daily_video`.
        "type" kind: Option<String>,
        /// The meeting there.
        "id" id: Option<Value>,
        /// Its password.
        "password" password: Option<String>,
        /// Its link.
        "url" url: Option<String>,
    }
}

sidecar_core::model! {
    /// Of `BOOKING_NO_SHOW_UPDATED`.
    pub struct NoShowPayload {
        /// The booking.
        "bookingUid" booking_uid: BookingUid,
        /// Its number.
        "bookingId" booking_id: Option<BookingId>,
        /// What happened, in words.
        "message" message: Option<String>,
        /// Who came and who did not.
        "attendees" attendees: Option<Vec<NoShowAttendee>>,
    }
}

sidecar_core::model! {
    /// Whether an attendee came.
    pub struct NoShowAttendee {
        /// E-mail address.
        "email" email: Option<String>,
        /// Whether they did not come.
        "noShow" no_show: Option<bool>,
    }
}

sidecar_core::model! {
    /// Of `MEETING_STARTED` and `MEETING_ENDED`: the booking as it is stored, without an envelope. Sent at the times that were
    /// planned, whoever came.
    pub struct MeetingPayload {
        /// The booking.
        "uid" uid: BookingUid,
        /// Its number.
        "id" id: Option<BookingId>,
        /// The host.
        "userId" user_id: Option<UserId>,
        /// The host's main e-mail address.
        "userPrimaryEmail" user_primary_email: Option<String>,
        /// The event type.
        "eventTypeId" event_type_id: Option<EventTypeId>,
        /// What it is about.
        "title" title: Option<String>,
        /// Description.
        "description" description: Option<String>,
        /// When it begins.
        "startTime" start_time: Option<WireTime>,
        /// When it ends.
        "endTime" end_time: Option<WireTime>,
        /// How it stands.
        "status" status: Option<WebhookStatus>,
        /// Whether it is paid.
        "paid" paid: Option<bool>,
        /// The caller's own values.
        "metadata" metadata: Option<Map<String, Value>>,
        /// What the attendee filled in.
        "responses" responses: Option<Value>,
        /// Where.
        "location" location: Option<String>,
        /// When the booking was made.
        "createdAt" created_at: Option<WireTime>,
        /// When it last changed.
        "updatedAt" updated_at: Option<WireTime>,
        /// Why it was cancelled.
        "cancellationReason" cancellation_reason: Option<String>,
        /// Its uid in calendars.
        "iCalUID" ical_uid: Option<String>,
        /// The host.
        "user" user: Option<Person>,
        /// Who comes.
        "attendees" attendees: Option<Vec<Person>>,
    }
}

sidecar_core::model! {
    /// Of `OOO_CREATED`.
    pub struct OooPayload {
        /// The entry.
        "oooEntry" entry: OooEventEntry,
    }
}

sidecar_core::model! {
    /// An out-of-office entry, as its event has it.
    pub struct OooEventEntry {
        /// Its id.
        "id" id: OooId,
        /// Its uid.
        "uuid" uuid: Option<String>,
        /// From.
        "start" start: Option<WireTime>,
        /// To.
        "end" end: Option<WireTime>,
        /// When it was made.
        "createdAt" created_at: Option<WireTime>,
        /// When it last changed.
        "updatedAt" updated_at: Option<WireTime>,
        /// Notes.
        "notes" notes: Option<String>,
        /// Why: an object with `reason` and `emoji`.
        "reason" reason: Option<Value>,
        /// Who is away.
        "user" user: Option<Person>,
        /// Who is booked instead.
        "toUser" to_user: Option<Person>,
    }
}

sidecar_core::model! {
    /// Of `FORM_SUBMITTED`, `FORM_SUBMITTED_NO_EVENT` (nobody booked within a quarter of an hour) and `ROUTING_FORM_FALLBACK_HIT`.
    pub struct FormPayload {
        /// The form.
        "formId" form_id: Option<String>,
        /// Its name.
        "formName" form_name: Option<String>,
        /// Its team.
        "teamId" team_id: Option<TeamId>,
        /// The answers by label, each with `response` (and `value`, which is going away).
        "responses" responses: Option<Value>,
        /// The answer's number.
        "responseId" response_id: Option<i64>,
        /// Where the form led: `type` and `value`.
        "redirect" redirect: Option<Value>,
    }
}

sidecar_core::model! {
    /// Of `RECORDING_READY` and `RECORDING_TRANSCRIPTION_GENERATED`.
    pub struct RecordingPayload {
        /// The booking.
        "uid" uid: BookingUid,
        /// Its number.
        "bookingId" booking_id: Option<BookingId>,
        /// What it is about.
        "title" title: Option<String>,
        /// The event type's slug.
        "type" event_type_slug: Option<String>,
        /// When it began.
        "startTime" start_time: Option<WireTime>,
        /// When it ended.
        "endTime" end_time: Option<WireTime>,
        /// Who held it.
        "organizer" organizer: Option<Person>,
        /// Who came.
        "attendees" attendees: Option<Vec<Person>>,
        /// Where to get the recording.
        "downloadLink" download_link: Option<String>,
        /// Where to get recording and transcripts.
        "downloadLinks" download_links: Option<Value>,
    }
}

sidecar_core::model! {
    /// Of `INSTANT_MEETING` and `INSTANT_MEETING_ACCEPTED`.
    pub struct InstantMeetingPayload {
        /// The booking.
        "uid" uid: Option<BookingUid>,
        /// Its number.
        "bookingId" booking_id: Option<BookingId>,
        /// The event type.
        "eventTypeId" event_type_id: Option<EventTypeId>,
        /// The event type's title.
        "eventTypeTitle" event_type_title: Option<String>,
        /// What the attendee filled in.
        "responses" responses: Option<Value>,
        /// Where a host joins.
        "connectAndJoinUrl" connect_and_join_url: Option<String>,
    }
}

sidecar_core::model! {
    /// Of `AFTER_HOSTS_CAL_VIDEO_NO_SHOW` and `AFTER_GUESTS_CAL_VIDEO_NO_SHOW`.
    pub struct CalVideoNoShowPayload {
        /// The booking.
        "bookingUid" booking_uid: Option<BookingUid>,
        /// Its number.
        "bookingId" booking_id: Option<BookingId>,
        /// What it is about.
        "title" title: Option<String>,
        /// What happened, in words.
        "message" message: Option<String>,
        /// When it began.
        "startTime" start_time: Option<WireTime>,
        /// When it ended.
        "endTime" end_time: Option<WireTime>,
        /// Who was expected.
        "attendees" attendees: Option<Vec<Value>>,
        /// Who was there.
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
    /// Of events whose shape is not documented: reports and credentials. Everything is in `extra`.
    pub struct ReportPayload {
        /// The booking, where one is concerned.
        "bookingUid" booking_uid: Option<BookingUid>,
        /// Its number.
        "bookingId" booking_id: Option<BookingId>,
    }
}

sidecar_core::model! {
    /// What the button that tries a webhook out sends. The names of other events may stand above it.
    pub struct PingPayload {
        /// `Test`.
        "type" kind: Option<String>,
        /// `Test trigger event`.
        "title" title: Option<String>,
        /// When it would begin.
        "startTime" start_time: Option<WireTime>,
        /// When it would end.
        "endTime" end_time: Option<WireTime>,
        /// Who would hold it.
        "organizer" organizer: Option<Person>,
        /// Who would come.
        "attendees" attendees: Option<Vec<Person>>,
    }
}
