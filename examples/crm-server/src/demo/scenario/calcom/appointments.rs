//! Changing an appointment at GHL changes its booking; an appointment without a booking blocks its time at Cal.com.

use serde_json::{Value, json};
use sidecar_core::Timestamp;

use super::{Scenario, time};
use crate::demo::{
    http::{CheckFailed, ensure},
    probes::text,
    report::Counts,
};

impl Scenario {
    pub(in crate::demo::scenario) async fn appointment_moves_booking(&mut self) -> Result<Counts, CheckFailed> {
        let (start, moved) = self.two_free_times().await?;
        let made = self.book_and_wait(&format!("margaret@{}.example.com", self.slug), start).await?;
        let fields = json!({"startTime": moved.to_string(), "ignoreFreeSlotValidation": true, "ignoreDateRange": true});
        self.provider
            .change(vec![json!({"action": "update_appointment", "id": made.appointment, "fields": fields})])
            .await?;
        self.eventually("the booking's move", || async {
            let (before, after) = self.two_bookings(&made.email).await?;
            let leads = before["uid"] == made.booking.as_str() && before["rescheduledToUid"] == after["uid"];
            ensure(leads, || format!("{} does not lead to {}", before["uid"], after["uid"]))?;
            booking_is(&after, moved, "accepted")
        })
        .await?;
        // Both sides send webhooks about the change; these must not change anything again.
        self.wait_until_delivered("GHL's deliveries").await?;
        self.calcom_settled().await?;
        let same = self.appointment_is(&made.email, moved, "confirmed").await?;
        ensure(same == made.appointment, || "the moved appointment is another one".to_owned())?;
        let (_, after) = self.two_bookings(&made.email).await?;
        booking_is(&after, moved, "accepted")?;

        let fields = json!({"appointmentStatus": "cancelled"});
        self.provider
            .change(vec![json!({"action": "update_appointment", "id": made.appointment, "fields": fields})])
            .await?;
        self.eventually("the booking's end", || async {
            let (_, after) = self.two_bookings(&made.email).await?;
            booking_is(&after, moved, "cancelled")
        })
        .await?;
        self.eventually("the free time", || self.is_free(moved, true)).await?;
        Ok(Counts::new().with("moved", 1_u64).with("cancelled", 1_u64))
    }

    pub(in crate::demo::scenario) async fn appointment_blocks_time(&mut self) -> Result<Counts, CheckFailed> {
        let location = self.calcom.location.clone();
        let (start, _) = self.two_free_times().await?;
        let contact = self.contacts_at_ghl(&location).await?.into_iter().next().unwrap_or_default();
        let fields = json!({
            "calendarId": self.calcom.calendar, "contactId": contact["id"], "title": "Not on Cal.com", "startTime": start.to_string(),
            "ignoreFreeSlotValidation": true, "ignoreDateRange": true,
        });
        let change = json!({"action": "create_appointment", "location": location, "fields": fields});
        let made = self.provider.change(vec![change]).await?;
        let id = made.first().map(|made| text(made, "id").to_owned()).unwrap_or_default();
        self.eventually("the block", || self.is_free(start, false)).await?;

        self.provider.change(vec![json!({"action": "delete_appointment", "id": id})]).await?;
        self.eventually("the block's end", || self.is_free(start, true)).await?;
        Ok(Counts::new().with("blocked", 1_u64).with("freed", 1_u64))
    }

    async fn is_free(&self, at: Timestamp, expected: bool) -> Result<(), CheckFailed> {
        let is = self.free_times().await?.contains(&at);
        ensure(is == expected, || format!("{at} is {}", if is { "free" } else { "taken" }))
    }

    /// Returns the booking before and after the change, if the attendee has no others.
    async fn two_bookings(&self, email: &str) -> Result<(Value, Value), CheckFailed> {
        let bookings = self.bookings_at_calcom(email).await?;
        match <[Value; 2]>::try_from(bookings) {
            Ok([before, after]) => Ok((before, after)),
            Err(all) => Err(CheckFailed(format!("Cal.com has {} bookings of {email}", all.len()))),
        }
    }
}

fn booking_is(booking: &Value, start: Timestamp, status: &str) -> Result<(), CheckFailed> {
    let is = (time(booking, "start")?, text(booking, "status"));
    ensure(is == (start, status), || format!("the booking is {} at {}, not {status} at {start}", is.1, is.0))
}
