use crate::{client::request, model::BookingReference};

request! {
    /// Lists a booking's references. From [`Bookings::references`](super::Bookings::references).
    ListReferences => Vec<BookingReference>, via data;
    query {
        /// Of this system only: `google_calendar`, `office365_calendar`, `daily_video`, `google_video`, `office365_video`, `zoom_video`.
        "type" kind: String,
    }
}
