//! Three operations under the names that applications planned against the older API ask for, and the way back from blocked times.
//!
//! Each does what its name says on today's API, where the call behind the name has changed or never was
//! (`docs/providers/calcom.md` lists the differences). The families offer more and say more plainly what they send. Invariant:
//! nothing here sends a request of its own; it only composes the families' requests.

mod block;
mod blocked;
mod booking;
mod change;
mod hours;
mod locks;

pub use block::{CreateBlockedSlots, Unblock};
pub use blocked::{BlockHandle, BlockStrategy, BlockedSlot, RemovedDay};
pub use booking::{CreateNewBooking, NewBooking, ORIGIN};
pub use hours::Hours;
pub(crate) use locks::ScheduleLocks;

use crate::{client::CalcomClient, model::EventTypeId, slots::ListSlots};

impl CalcomClient {
    /// Books a slot from a start to an end.
    ///
    /// ```no_run
    /// # async fn run(calcom: calcom_client::CalcomClient) -> Result<(), Box<dyn std::error::Error>> {
    /// use calcom_client::compat::NewBooking;
    /// let (start, end) = ("2026-12-01T09:00:00Z".parse()?, "2026-12-01T09:30:00Z".parse()?);
    /// let booking = NewBooking::new(7, start, end, "Ann Example", "ann@example.com")
    ///     .time_zone("Europe/Berlin")
    ///     .metadata("organizationId", "org_1");
    /// let made = calcom
    ///     .create_booking(booking)
    ///     .guests(["carl@example.com"])
    ///     .reference("job-17")
    ///     .create_or_find() // or `.await`, without a look after a lost answer
    ///     .await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// Cal.com takes no end: how long a booking is comes from its event type, which is therefore read first. That is one call more,
    /// and one that needs credentials, which [`Bookings::create`](crate::bookings::Bookings::create) does not. An end that the event
    /// type does not allow is refused before anything is booked.
    pub fn create_booking(&self, booking: NewBooking) -> CreateNewBooking {
        CreateNewBooking::new(self.clone(), booking)
    }

    /// Blocks times, so that they cannot be booked. Without a strategy: in the user's default schedule.
    ///
    /// ```no_run
    /// # async fn run(calcom: calcom_client::CalcomClient) -> Result<(), Box<dyn std::error::Error>> {
    /// use calcom_client::compat::BlockedSlot;
    /// let (start, end) = ("2026-12-01T09:00:00Z", "2026-12-01T10:00:00Z");
    /// let slot = BlockedSlot::new(start.parse()?, end.parse()?);
    /// let handles = calcom.create_blocked_slots([slot]).await?;
    /// for handle in handles {
    ///     calcom.unblock(handle).await?; // keep the handles: they are what undoes it
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub fn create_blocked_slots(&self, slots: impl IntoIterator<Item = BlockedSlot>) -> CreateBlockedSlots {
        CreateBlockedSlots::new(self.clone(), slots.into_iter().collect())
    }

    /// Frees a blocked time again. One that is free already is no error.
    pub fn unblock(&self, handle: BlockHandle) -> Unblock {
        self.unblock_all([handle])
    }

    /// Frees blocked times again. Those of one schedule are one change of it: a call to read it, and one to write it.
    pub fn unblock_all(&self, handles: impl IntoIterator<Item = BlockHandle>) -> Unblock {
        Unblock::new(self.clone(), handles.into_iter().collect())
    }

    /// Lists the free slots of an event type from the first date to the last (`YYYY-MM-DD`), both in the time zone. The answer's
    /// dates and times are in it too.
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
