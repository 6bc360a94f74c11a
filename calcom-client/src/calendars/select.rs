use crate::{
    client::request,
    model::{DestinationCalendar, SelectedCalendar},
};

request! {
    /// Says where bookings are written. From [`Calendars::set_destination`](super::Calendars::set_destination).
    SetDestinationCalendar => DestinationCalendar, via data;
    body {
        /// The connection, when the organization made it.
        "delegationCredentialId" delegation_credential: String,
    }
}

request! {
    /// Counts a calendar as busy. From [`Calendars::select`](super::Calendars::select).
    SelectCalendar => SelectedCalendar, via data;
    body {
        /// The connection, when the organization made it.
        "delegationCredentialId" delegation_credential: String,
    }
}

request! {
    /// Counts a calendar no longer. From [`Calendars::deselect`](super::Calendars::deselect).
    DeselectCalendar => SelectedCalendar, via data;
    query {
        /// The connection, when the organization made it.
        "delegationCredentialId" delegation_credential: String,
    }
}
