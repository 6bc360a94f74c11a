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
    /// From Monday to Sunday.
    pub const ALL: [Self; 7] =
        [Self::Monday, Self::Tuesday, Self::Wednesday, Self::Thursday, Self::Friday, Self::Saturday, Self::Sunday];
}

sidecar_core::model! {
    /// A schedule: when its owner can be booked.
    pub struct Schedule {
        /// Its id.
        "id" id: ScheduleId,
        /// Whose it is.
        "ownerId" owner_id: Option<UserId>,
        /// Name.
        "name" name: Option<String>,
        /// The IANA time zone that its times are in.
        "timeZone" time_zone: Option<String>,
        /// Whether event types use it unless they name another.
        "isDefault" is_default: Option<bool>,
        /// The hours of each week.
        "availability" availability: Option<Vec<Availability>>,
        /// Dates that differ from the week's hours.
        "overrides" overrides: Option<Vec<DateOverride>>,
    }
}

sidecar_core::model! {
    /// Hours of some days of each week.
    pub struct Availability {
        /// The days.
        "days" days: Vec<Weekday>,
        /// From, `HH:MM`.
        "startTime" start_time: String,
        /// To, `HH:MM`.
        "endTime" end_time: String,
    }
}

impl Availability {
    /// These hours (`HH:MM`) on these days.
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
    /// The hours of one date, in place of its weekday's. A date may have several; one from `00:00` to `00:00` makes it a day off.
    pub struct DateOverride {
        /// The date, `YYYY-MM-DD`.
        "date" date: String,
        /// From, `HH:MM`.
        "startTime" start_time: String,
        /// To, `HH:MM`.
        "endTime" end_time: String,
    }
}

impl DateOverride {
    /// Available on this date (`YYYY-MM-DD`) at these hours (`HH:MM`) only.
    pub fn new(date: impl Into<String>, start_time: impl Into<String>, end_time: impl Into<String>) -> Self {
        let [date, start_time, end_time] = [date.into(), start_time.into(), end_time.into()];
        Self { date, start_time, end_time, extra: serde_json::Map::new() }
    }

    /// Not available on this date (`YYYY-MM-DD`).
    pub fn day_off(date: impl Into<String>) -> Self {
        Self::new(date, "00:00", "00:00")
    }
}
