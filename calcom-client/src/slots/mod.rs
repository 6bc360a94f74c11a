//! Slots: what is free, and reservations that hold a slot while somebody makes up their mind.
//!
//! Invariant: times are asked for in UTC and answered in the time zone asked for; all of it works without credentials.

mod list;
pub(crate) mod operations;
mod reservations;

pub use list::{ListSlots, SlotSelector};
use operations as op;
pub use reservations::ReserveSlot;

use crate::{
    client::{CalcomClient, PlainRequest, RequestBuilder},
    model::{EventTypeId, Reservation, ReservationUid, WireTime},
};

/// The slots family. From [`CalcomClient::slots`].
#[derive(Debug, Clone)]
pub struct Slots(CalcomClient);

impl CalcomClient {
    /// Free slots, and reservations of a slot for some minutes.
    pub fn slots(&self) -> Slots {
        Slots(self.clone())
    }
}

impl Slots {
    /// Lists the free slots; a time span is needed too. Parent event types of managed ones have no slots: ask for a child's.
    pub fn list(&self, whose: impl Into<SlotSelector>) -> ListSlots {
        ListSlots::new(RequestBuilder::new(&self.0, &op::LIST, []), &whose.into())
    }

    /// Holds a slot for some minutes: nobody else is offered it meanwhile.
    pub fn reserve(&self, event_type: impl Into<EventTypeId>, start: impl Into<WireTime>) -> ReserveSlot {
        let builder = RequestBuilder::new(&self.0, &op::RESERVE, []);
        ReserveSlot(builder.set("eventTypeId", event_type.into()).set("slotStart", start.into()))
    }

    /// Reads a reservation; `None` when there is none of that uid (any more).
    pub fn reservation(&self, uid: impl Into<ReservationUid>) -> PlainRequest<Option<Reservation>> {
        PlainRequest::new(RequestBuilder::new(&self.0, &op::GET_RESERVATION, [&uid.into()]))
    }

    /// Moves a reservation to this slot.
    pub fn update_reservation(
        &self,
        uid: impl Into<ReservationUid>,
        event_type: impl Into<EventTypeId>,
        start: impl Into<WireTime>,
    ) -> ReserveSlot {
        let builder = RequestBuilder::new(&self.0, &op::UPDATE_RESERVATION, [&uid.into()]);
        ReserveSlot(builder.set("eventTypeId", event_type.into()).set("slotStart", start.into()))
    }

    /// Lets a slot go before its reservation ends by itself.
    pub fn delete_reservation(&self, uid: impl Into<ReservationUid>) -> PlainRequest<()> {
        PlainRequest::empty(RequestBuilder::new(&self.0, &op::DELETE_RESERVATION, [&uid.into()]))
    }
}
