use crate::{
    client::request,
    model::{Minutes, Reservation},
};

request! {
    /// Holds a slot, or moves what is held. From [`Slots::reserve`](super::Slots::reserve) and
    /// [`Slots::update_reservation`](super::Slots::update_reservation).
    ReserveSlot => Reservation, via data;
    body {
        /// How long the slot is, where the event type leaves the choice.
        "slotDuration" slot_duration: Minutes,
        /// How long it is held; 5 minutes unless set, and with credentials only.
        "reservationDuration" reservation_duration: Minutes,
    }
}
