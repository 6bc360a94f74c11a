use super::{CalendarId, LocationId, ScheduleId, UserId, WireTime};

sidecar_core::open_enum! {
    /// A day of the week.
    pub enum Weekday {
        /// Sunday.
        Sunday = "sunday",
        /// Monday.
        Monday = "monday",
        /// Tuesday.
        Tuesday = "tuesday",
        /// Wednesday.
        Wednesday = "wednesday",
        /// Thursday.
        Thursday = "thursday",
        /// Friday.
        Friday = "friday",
        /// Saturday.
        Saturday = "saturday",
    }
}

sidecar_core::model! {
    /// When a user can be booked.
    pub struct Schedule {
        /// Its id.
        "id" id: ScheduleId,
        /// Its name.
        "name" name: Option<String>,
        /// Its location.
        "locationId" location_id: Option<LocationId>,
        /// The owner.
        "userId" user_id: Option<UserId>,
        /// When: days of the week and single days, with hours.
        "rules" rules: Option<Vec<ScheduleRule>>,
        /// The IANA time zone of the hours.
        "timezone" timezone: Option<String>,
        /// The calendars that go by it.
        "calendarIds" calendar_ids: Option<Vec<CalendarId>>,
        /// When it was made.
        "dateAdded" date_added: Option<WireTime>,
        /// When it last changed.
        "dateUpdated" date_updated: Option<WireTime>,
        /// Whether it is deleted.
        "deleted" deleted: Option<bool>,
    }
}

sidecar_core::model! {
    /// The hours of a day of the week, or of a single day.
    pub struct ScheduleRule {
        /// `wday` or `date`.
        "type" kind: String,
        /// The day of the week.
        "day" day: Option<Weekday>,
        /// The single day, `YYYY-MM-DD`.
        "date" date: Option<String>,
        /// The hours; none of them means that the day cannot be booked.
        "intervals" intervals: Option<Vec<Interval>>,
    }
}

sidecar_core::model! {
    /// From an hour to an hour, `HH:MM` in the schedule's time zone.
    pub struct Interval {
        /// When it begins.
        "from" from: String,
        /// When it ends.
        "to" to: String,
    }
}

impl ScheduleRule {
    /// These hours on this day of every week.
    pub fn weekly<F: Into<String>, T: Into<String>>(day: Weekday, hours: impl IntoIterator<Item = (F, T)>) -> Self {
        Self { day: Some(day), ..Self::with_hours("wday", hours) }
    }

    /// These hours on this day alone (`YYYY-MM-DD`), instead of the week's.
    pub fn on<F: Into<String>, T: Into<String>>(
        date: impl Into<String>,
        hours: impl IntoIterator<Item = (F, T)>,
    ) -> Self {
        Self { date: Some(date.into()), ..Self::with_hours("date", hours) }
    }

    fn with_hours<F: Into<String>, T: Into<String>>(kind: &str, hours: impl IntoIterator<Item = (F, T)>) -> Self {
        let interval = |(from, to): (F, T)| Interval { from: from.into(), to: to.into(), extra: Default::default() };
        Self {
            kind: kind.to_owned(),
            day: None,
            date: None,
            intervals: Some(hours.into_iter().map(interval).collect()),
            extra: Default::default(),
        }
    }
}
