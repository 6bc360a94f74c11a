use crate::{
    client::request,
    model::{Availability, DateOverride, Schedule},
};

request! {
    /// Makes a schedule. From [`Schedules::create`](super::Schedules::create).
    CreateSchedule => Schedule, via data;
    body {
        /// Whether event types use it unless they name another; no unless set.
        "isDefault" is_default: bool,
        /// The hours of each week.
        "availability" availability: Vec<Availability>,
        /// Dates that differ.
        "overrides" overrides: Vec<DateOverride>,
    }
}

request! {
    /// Changes a schedule. From [`Schedules::update`](super::Schedules::update).
    UpdateSchedule => Schedule, via data;
    body {
        /// Name.
        "name" name: String,
        /// IANA time zone.
        "timeZone" time_zone: String,
        /// Whether event types use it unless they name another.
        "isDefault" is_default: bool,
        /// All hours of each week, in place of those it has.
        "availability" availability: Vec<Availability>,
        /// All dates that differ, in place of those it has.
        "overrides" overrides: Vec<DateOverride>,
    }
}
