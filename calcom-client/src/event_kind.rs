//! The names of events: the provider's (`BOOKING_CREATED`, …), and dotted ones (`booking.created`, …) for applications that were
//! specified with older names.

/// Calls a macro with every event: variant, name on the wire, payload, subject, and the dotted name if it has one.
macro_rules! for_each_event {
    ($then:ident) => {
        $then! {
            BookingCreated "BOOKING_CREATED" BookingPayload Booking ["booking.created"],
            BookingRequested "BOOKING_REQUESTED" BookingPayload Booking ["booking.requested"],
            BookingRescheduled "BOOKING_RESCHEDULED" BookingPayload Booking ["booking.rescheduled"],
            BookingCancelled "BOOKING_CANCELLED" BookingPayload Booking ["booking.cancelled"],
            BookingRejected "BOOKING_REJECTED" BookingPayload Booking ["booking.rejected"],
            BookingPaymentInitiated "BOOKING_PAYMENT_INITIATED" BookingPayload Booking [],
            BookingPaid "BOOKING_PAID" BookingPayload Booking ["booking.paid"],
            BookingLocationUpdated "BOOKING_LOCATION_UPDATED" BookingPayload Booking [],
            BookingReassigned "BOOKING_REASSIGNED" BookingPayload Booking [],
            BookingNoShowUpdated "BOOKING_NO_SHOW_UPDATED" NoShowPayload Booking ["booking.no_show"],
            MeetingStarted "MEETING_STARTED" MeetingPayload Booking [],
            MeetingEnded "MEETING_ENDED" MeetingPayload Booking [],
            RecordingReady "RECORDING_READY" RecordingPayload Booking [],
            RecordingTranscriptionGenerated "RECORDING_TRANSCRIPTION_GENERATED" RecordingPayload Booking [],
            InstantMeeting "INSTANT_MEETING" InstantMeetingPayload Booking [],
            InstantMeetingAccepted "INSTANT_MEETING_ACCEPTED" InstantMeetingPayload Booking [],
            AfterHostsCalVideoNoShow "AFTER_HOSTS_CAL_VIDEO_NO_SHOW" CalVideoNoShowPayload Booking [],
            AfterGuestsCalVideoNoShow "AFTER_GUESTS_CAL_VIDEO_NO_SHOW" CalVideoNoShowPayload Booking [],
            OooCreated "OOO_CREATED" OooPayload OutOfOffice [],
            FormSubmitted "FORM_SUBMITTED" FormPayload Form [],
            FormSubmittedNoEvent "FORM_SUBMITTED_NO_EVENT" FormPayload Form [],
            RoutingFormFallbackHit "ROUTING_FORM_FALLBACK_HIT" FormPayload Form [],
            WrongAssignmentReport "WRONG_ASSIGNMENT_REPORT" ReportPayload Booking [],
            CalendarEntryRejected "CALENDAR_ENTRY_REJECTED" ReportPayload Booking [],
            DelegationCredentialError "DELEGATION_CREDENTIAL_ERROR" ReportPayload Credential [],
            DelegationCredentialSecretRotationFailed "DELEGATION_CREDENTIAL_SECRET_ROTATION_FAILED" ReportPayload Credential [],
            DelegationCredentialRotationRequired "DELEGATION_CREDENTIAL_ROTATION_REQUIRED" ReportPayload Credential [],
            DelegationCredentialSecretRotated "DELEGATION_CREDENTIAL_SECRET_ROTATED" ReportPayload Credential [],
        }
    };
}
pub(crate) use for_each_event;

macro_rules! kinds {
    ($($variant:ident $wire:literal $payload:ident $subject:ident [$($dotted:literal)?],)*) => {
        sidecar_core::open_enum! {
            /// The kind of an event, and a trigger of a webhook, by the provider's name
            /// (<https://cal.com/docs/api-reference/v2/webhooks/create-a-webhook>).
            pub enum EventKind {
                $(#[doc = concat!("`", $wire, "`.")] $variant = $wire,)*
                /// `PING`: a test delivery. It is not a trigger.
                Ping = "PING",
            }
        }

        impl EventKind {
            /// Every trigger that this version of the crate knows.
            pub const KNOWN: &'static [Self] = &[$(Self::$variant,)*];

            /// Returns the kind with this name, the provider's or a dotted one (`booking.created`).
            pub fn from_name(name: &str) -> Self {
                match name {
                    $($($dotted => Self::$variant,)?)*
                    name => Self::from(name),
                }
            }

            /// Returns the dotted name (`booking.created`), if it has one.
            pub fn dotted(&self) -> Option<&'static str> {
                match self {
                    $($(Self::$variant => Some($dotted),)?)*
                    _ => None,
                }
            }

            /// Returns the subject of events of this kind.
            pub fn subject(&self) -> Subject {
                match self {
                    $(Self::$variant => Subject::$subject,)*
                    Self::Ping | Self::Other(_) => Subject::Other,
                }
            }
        }
    };
}
for_each_event!(kinds);

/// The subject of an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Subject {
    /// A booking.
    Booking,
    /// An out-of-office entry.
    OutOfOffice,
    /// A response to a routing form.
    Form,
    /// An organization's access to its members' calendars.
    Credential,
    /// No subject, or one that this version of the crate does not know.
    Other,
}

impl Subject {
    /// Returns the prefix of its ordering keys: `booking`, `out_of_office`, ….
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Booking => "booking",
            Self::OutOfOffice => "out_of_office",
            Self::Form => "form",
            Self::Credential => "credential",
            Self::Other => "other",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_kind_is_parsed_from_either_name() {
        for kind in EventKind::KNOWN {
            assert_eq!(EventKind::from_name(kind.as_str()), *kind);
            if let Some(dotted) = kind.dotted() {
                assert_eq!(EventKind::from_name(dotted), *kind, "{dotted}");
            }
        }
        assert_eq!(EventKind::KNOWN.len(), 28);
    }
}
