//! Operations under the names that applications planned against Cal.com's older API use.
//!
//! `docs/providers/calcom.md` lists the differences to today's API. Invariant: this module sends no requests of its own; it composes
//! those of the families.

mod new_booking;

pub(crate) use new_booking::REASON;
pub use new_booking::{CreateNewBooking, NewBooking, ORIGIN};

use crate::{client::CalcomClient, model::EventTypeId, slots::ListSlots};

impl CalcomClient {
    /// Books the time from a start to an end.
    ///
    /// ```no_run
    /// # async fn run(calcom: calcom_client::CalcomClient) -> Result<(), Box<dyn std::error::Error>> {
    /// use calcom_client::convenience::NewBooking;
    /// let (start, end) = ("2026-12-01T09:00:00Z".parse()?, "2026-12-01T09:30:00Z".parse()?);
    /// let booking = NewBooking::new(7, start, end, "Ann Example", "ann@example.com")
    ///     .time_zone("Europe/Berlin")
    ///     .metadata("organizationId", "org_1");
    /// let created = calcom
    ///     .create_booking(booking)
    ///     .guests(["carl@example.com"])
    ///     .reference("job-17")
    ///     .create_or_find() // or `.await`, which does not search for the booking after a lost response
    ///     .await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// Cal.com takes the length of a booking from its event type, not from an end, so the event type is read first. That call needs
    /// credentials, which [`Bookings::create`](crate::bookings::Bookings::create) does not. An end that the event type does not allow
    /// is rejected before anything is booked.
    pub fn create_booking(&self, booking: NewBooking) -> CreateNewBooking {
        CreateNewBooking::new(self.clone(), booking)
    }

    /// Lists the free slots of an event type from the first date to the last (`YYYY-MM-DD`). The dates and the times of the result
    /// are in `time_zone`.
    ///
    /// ```no_run
    /// # async fn run(calcom: calcom_client::CalcomClient) -> calcom_client::Result<()> {
    /// let slots = calcom.get_availability(7, "2026-12-01", "2026-12-05", "Europe/Berlin").await?;
    /// for slot in slots.iter() {
    ///     println!("{} to {:?}", slot.start, slot.end);
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub fn get_availability(
        &self,
        event_type: impl Into<EventTypeId>,
        first: &str,
        last: &str,
        time_zone: &str,
    ) -> ListSlots {
        self.slots().list(event_type.into()).local_days(first, last, time_zone)
    }
}
