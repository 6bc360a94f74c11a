use super::{ScheduleId, UserId};

sidecar_core::open_enum! {
    /// A day of the week.
    pub enum Weekday {
        /// Monday.
        Monday = "Monday",
        /// Tuesday.
        Tuesday = "Tuesday",
        /// Wednesday.
        Wednesday = "Wednesday",
        /// Thursday.
        Thursday = "Thursday",
        /// Friday.
        Friday = "Friday",
        /// Saturday.
        Saturday = "Saturday",
        /// Sunday.
        Sunday = "Sunday",
    }
}

impl Weekday {
    /// All days, from Monday to Sunday.
    pub const ALL: [Self; 7] =
        [Self::Monday, Self::Tuesday, Self::Wednesday, Self::Thursday, Self::Friday, Self::Saturday, Self::Sunday];
}

sidecar_core::model! {
    /// A schedule: the hours in which its owner can be booked.
    pub struct Schedule {
        /// Id.
        "id" id: ScheduleId,
        /// Owner.
        "ownerId" owner_id: Option<UserId>,
        /// Name.
        "name" name: Option<String>,
        /// IANA time zone of its times.
        "timeZone" time_zone: Option<String>,
        /// Whether it is the default of event types without a schedule.
        "isDefault" is_default: Option<bool>,
        /// Weekly hours.
        "availability" availability: Option<Vec<Availability>>,
        /// Dates that differ from the week's hours.
        "overrides" overrides: Option<Vec<DateOverride>>,
    }
}

sidecar_core::model! {
    /// Weekly hours on some days of the week.
    pub struct Availability {
        /// The days.
        "days" days: Vec<Weekday>,
        /// Start, `HH:MM`.
        "startTime" start_time: String,
        /// End, `HH:MM`.
        "endTime" end_time: String,
    }
}

impl Availability {
    /// Returns these hours (`HH:MM`) on these days.
    pub fn new(
        days: impl IntoIterator<Item = Weekday>,
        start_time: impl Into<String>,
        end_time: impl Into<String>,
    ) -> Self {
        let days = days.into_iter().collect();
        Self { days, start_time: start_time.into(), end_time: end_time.into(), extra: serde_json::Map::new() }
    }
}

sidecar_core::model! {
    /// The hours of one date, in place of the weekly hours. A date may have several overrides; one from `00:00` to `00:00` makes it a day
    /// off.
    pub struct DateOverride {
        /// The date, `YYYY-MM-DD`.
        "date" date: String,
        /// Start, `HH:MM`.
        "startTime" start_time: String,
        /// End, `HH:MM`.
        "endTime" end_time: String,
    }
}

impl DateOverride {
    /// Returns an override: available on this date (`YYYY-MM-DD`) in these hours (`HH:MM`) only.
    pub fn new(date: impl Into<String>, start_time: impl Into<String>, end_time: impl Into<String>) -> Self {
        let [date, start_time, end_time] = [date.into(), start_time.into(), end_time.into()];
        Self { date, start_time, end_time, extra: serde_json::Map::new() }
    }

    /// Returns an override: not available on this date (`YYYY-MM-DD`).
    pub fn day_off(date: impl Into<String>) -> Self {
        Self::new(date, "00:00", "00:00")
    }
}
