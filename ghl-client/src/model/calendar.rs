use serde_json::Value;

use super::{CalendarGroupId, CalendarId, LocationId};

sidecar_core::open_enum! {
    /// How a calendar gives out its slots.
    pub enum CalendarType {
        /// To its team members in turn.
        RoundRobin = "round_robin",
        /// To several contacts at one time, each with an appointment of their own.
        Event = "event",
        /// To a class: many contacts at one time.
        ClassBooking = "class_booking",
        /// With all team members at once.
        Collective = "collective",
        /// For services.
        ServiceBooking = "service_booking",
        /// One person's.
        Personal = "personal",
    }
}

sidecar_core::model! {
    /// A calendar.
    pub struct Calendar {
        /// Its id.
        "id" id: CalendarId,
        /// Its location.
        "locationId" location_id: Option<LocationId>,
        /// Its group.
        "groupId" group_id: Option<CalendarGroupId>,
        /// Its name.
        "name" name: Option<String>,
        /// The description.
        "description" description: Option<String>,
        /// Its part of a booking link.
        "slug" slug: Option<String>,
        /// Its own part of the booking link, without the group's.
        "widgetSlug" widget_slug: Option<String>,
        /// How it gives out its slots.
        "calendarType" calendar_type: Option<CalendarType>,
        /// Whether it can be booked.
        "isActive" is_active: Option<bool>,
        /// The title of its appointments, which may contain placeholders such as `{{contact.name}}`.
        "eventTitle" event_title: Option<String>,
        /// Its colour.
        "eventColor" event_color: Option<String>,
        /// The users who hold its appointments: `userId`, `priority`, `isPrimary`.
        "teamMembers" team_members: Option<Vec<Value>>,
        /// How long a slot is, in `slotDurationUnit`.
        "slotDuration" slot_duration: Option<f64>,
        /// `mins` or `hours`.
        "slotDurationUnit" slot_duration_unit: Option<String>,
        /// From one slot's begin to the next one's, in `slotIntervalUnit`.
        "slotInterval" slot_interval: Option<f64>,
        /// `mins` or `hours`.
        "slotIntervalUnit" slot_interval_unit: Option<String>,
        /// How many may book one slot. Spelt so on the wire.
        "appoinmentPerSlot" appointments_per_slot: Option<f64>,
        /// How many may book in a day. Spelt so on the wire.
        "appoinmentPerDay" appointments_per_day: Option<f64>,
        /// When it can be booked: days of the week with hours.
        "openHours" open_hours: Option<Vec<Value>>,
        /// Whether a booking is confirmed by itself.
        "autoConfirm" auto_confirm: Option<bool>,
        /// How its booking page looks: `default` or `classic`.
        "widgetType" widget_type: Option<String>,
        /// How a round robin chooses: `RoundRobin_OptimizeForAvailability` or `RoundRobin_OptimizeForEqualDistribution`.
        "eventType" event_type: Option<String>,
        /// Where its appointments take place.
        "meetingLocation" meeting_location: Option<String>,
        /// The ways in which its appointments can take place: `kind`, `location`.
        "locationConfigurations" location_configurations: Option<Vec<Value>>,
        /// The buffer after an appointment, in `slotBufferUnit`.
        "slotBuffer" slot_buffer: Option<f64>,
        /// `mins` or `hours`.
        "slotBufferUnit" slot_buffer_unit: Option<String>,
        /// The buffer before an appointment, in `preBufferUnit`.
        "preBuffer" pre_buffer: Option<f64>,
        /// `mins` or `hours`.
        "preBufferUnit" pre_buffer_unit: Option<String>,
        /// The minimum notice of a booking, in `allowBookingAfterUnit`.
        "allowBookingAfter" allow_booking_after: Option<f64>,
        /// `hours`, `days`, `weeks` or `months`.
        "allowBookingAfterUnit" allow_booking_after_unit: Option<String>,
        /// How far ahead it can be booked, in `allowBookingForUnit`.
        "allowBookingFor" allow_booking_for: Option<f64>,
        /// `days`, `weeks` or `months`.
        "allowBookingForUnit" allow_booking_for_unit: Option<String>,
        /// Whether series can be booked.
        "enableRecurring" enable_recurring: Option<bool>,
        /// How series are made.
        "recurring" recurring: Option<Value>,
        /// The form that is asked for at a booking.
        "formId" form_id: Option<String>,
        /// Whether the form is filled in with what is known.
        "stickyContact" sticky_contact: Option<bool>,
        /// Whether payments are real.
        "isLivePaymentMode" is_live_payment_mode: Option<bool>,
        /// Whether the user who holds an appointment is notified by e-mail.
        "shouldSendAlertEmailsToAssignedMember" should_send_alert_emails_to_assigned_member: Option<bool>,
        /// Further recipients of e-mail notifications.
        "alertEmail" alert_email: Option<String>,
        /// Whether Google sends invitations.
        "googleInvitationEmails" google_invitation_emails: Option<bool>,
        /// Whether contacts may move their appointments.
        "allowReschedule" allow_reschedule: Option<bool>,
        /// Whether contacts may cancel their appointments.
        "allowCancellation" allow_cancellation: Option<bool>,
        /// Whether a contact is assigned to the user who holds its appointment.
        "shouldAssignContactToTeamMember" should_assign_contact_to_team_member: Option<bool>,
        /// Whether contacts that were there before are left as they are.
        "shouldSkipAssigningContactForExisting" should_skip_assigning_contact_for_existing: Option<bool>,
        /// The notes of its appointments.
        "notes" notes: Option<String>,
        /// A tracking pixel.
        "pixelId" pixel_id: Option<String>,
        /// The page after a booking: `RedirectURL` or `ThankYouMessage`.
        "formSubmitType" form_submit_type: Option<String>,
        /// Where a booking leads to.
        "formSubmitRedirectURL" form_submit_redirect_url: Option<String>,
        /// The message after a booking.
        "formSubmitThanksMessage" form_submit_thanks_message: Option<String>,
        /// Whether `availabilities` count (1) or `openHours` (0).
        "availabilityType" availability_type: Option<f64>,
        /// Hours of single days.
        "availabilities" availabilities: Option<Vec<Value>>,
        /// The data of guests: `count_only` or `collect_detail`.
        "guestType" guest_type: Option<String>,
        /// The consent text.
        "consentLabel" consent_label: Option<String>,
        /// Its picture's address.
        "calendarCoverImage" calendar_cover_image: Option<String>,
        /// How much of its free time it hides.
        "lookBusyConfig" look_busy_config: Option<Value>,
        /// The notification rules.
        "notifications" notifications: Option<Vec<Value>>,
    }
}
