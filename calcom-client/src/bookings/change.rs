use serde_json::{Value, json};
use sidecar_core::Result;

use crate::{
    client::request,
    model::{Booked, Booking, SeatUid, Single},
};

request! {
    /// Cancels a booking. From [`Bookings::cancel`](super::Bookings::cancel).
    CancelBooking => Booked, via data;
    body {
        /// Why; the attendees read it.
        "cancellationReason" reason: String,
        /// Cancels the later ones of the series too.
        "cancelSubsequentBookings" subsequent: bool,
        /// Cancels this seat only. Without it all seats are cancelled, which needs the host's credentials.
        "seatUid" seat: SeatUid,
    }
}

request! {
    /// Moves a booking. From [`Bookings::reschedule`](super::Bookings::reschedule).
    RescheduleBooking => Booking, via send;
    body {
        /// The e-mail address of whoever moves it. Moved by the host, a booking that needs confirmation is confirmed at once.
        "rescheduledBy" by: String,
        /// Why; the attendees read it.
        "reschedulingReason" reason: String,
        /// The seat that moves, in a booking with seats.
        "seatUid" seat: SeatUid,
        /// The code that the attendee got by mail, where the event type asks for one.
        "emailVerificationCode" email_verification_code: String,
    }
}

request! {
    /// Says no to a booking. From [`Bookings::decline`](super::Bookings::decline).
    DeclineBooking => Booked, via data;
    body {
        /// Why; the attendees read it.
        "reason" reason: String,
    }
}

request! {
    /// Gives a round-robin booking to a host. From [`Bookings::reassign_to`](super::Bookings::reassign_to).
    ReassignBooking => Value, via json;
    body {
        /// Why.
        "reason" reason: String,
    }
}

request! {
    /// Says who did not come. From [`Bookings::mark_absent`](super::Bookings::mark_absent).
    MarkAbsent => Booking, via send;
    body {
        /// Whether the host did not come.
        "host" host: bool,
    }
}

impl RescheduleBooking {
    async fn send(self) -> Result<Booking> {
        self.0.data().await.map(|Single(booking)| booking)
    }
}

impl MarkAbsent {
    /// Whether the attendee with this e-mail address did not come. May be called for several.
    pub fn attendee(self, email: impl Into<String>, absent: bool) -> Self {
        let mut attendees = self.0.field("attendees").and_then(Value::as_array).cloned().unwrap_or_default();
        attendees.push(json!({"email": email.into(), "absent": absent}));
        Self(self.0.set("attendees", attendees))
    }

    async fn send(self) -> Result<Booking> {
        self.0.data().await.map(|Single(booking)| booking)
    }
}
