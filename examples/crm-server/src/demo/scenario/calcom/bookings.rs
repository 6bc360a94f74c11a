//! Creating, moving and cancelling a booking at Cal.com changes its appointment at GHL.

use serde_json::json;
use sidecar_core::Timestamp;

use super::{DAY, Scenario};
use crate::demo::{
    http::{CheckFailed, ensure},
    report::Counts,
};

impl Scenario {
    pub(in crate::demo::scenario) async fn booking_mirrored(&mut self) -> Result<Counts, CheckFailed> {
        let (start, _) = self.two_free_times().await?;
        let made = self.book_and_wait(&format!("grace@{}.example.com", self.slug), start).await?;
        let shown = self.server.get(&self.path(&format!("bookings/{}", made.booking))).await?;
        ensure(shown["bookings"][0]["status"] == "accepted", || format!("the server shows the booking as {shown}"))?;
        self.eventually("the appointment in the server's list", || self.is_listed(&made.appointment, start)).await?;
        let free = self.free_times().await?;
        ensure(!free.contains(&start), || format!("{start} is booked and still free"))?;
        self.calcom.booking = made;
        Ok(Counts::new().with("booked", 1_u64).with("contacts", 1_u64).with("appointments", 1_u64))
    }

    pub(in crate::demo::scenario) async fn booking_changed(&mut self) -> Result<Counts, CheckFailed> {
        let made = self.calcom.booking.clone();
        let (_, moved) = self.two_free_times().await?;
        let change = json!({"action": "reschedule", "uid": made.booking, "start_ms": moved.as_micros() / 1_000});
        let successor = self.change_at_calcom(change).await?;
        ensure(successor != made.booking, || "a moved booking has the same uid".to_owned())?;
        let same = self.appointment_is(&made.email, moved, "confirmed").await?;
        ensure(same == made.appointment, || "the moved booking got another appointment".to_owned())?;
        let was = made.start.unwrap_or(moved);
        let free = self.free_times().await?;
        ensure(free.contains(&was) && !free.contains(&moved), || {
            format!("moved from {was} to {moved}: the free times were not updated")
        })?;

        self.change_at_calcom(json!({"action": "cancel", "uid": successor})).await?;
        let same = self.appointment_is(&made.email, moved, "cancelled").await?;
        ensure(same == made.appointment, || "the cancelled booking got another appointment".to_owned())?;
        Ok(Counts::new().with("moved", 1_u64).with("cancelled", 1_u64))
    }

    async fn is_listed(&self, appointment: &str, start: Timestamp) -> Result<(), CheckFailed> {
        let path = format!("appointments?from={}&to={}", start - DAY / 4, start + DAY / 4);
        let rows = self.server.list(&self.path(&path)).await?;
        ensure(rows.iter().any(|row| row["id"] == appointment), || format!("{appointment} is not listed at {start}"))
    }
}
