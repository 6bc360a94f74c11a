use sidecar_core::Timestamp;

use super::{ContactId, LocationId, RecurringTaskId, UserId, WireTime};

sidecar_core::open_enum! {
    /// By what a task recurs.
    pub enum RecurrenceUnit {
        /// By years.
        Yearly = "yearly",
        /// By months.
        Monthly = "monthly",
        /// By weeks.
        Weekly = "weekly",
        /// By days.
        Daily = "daily",
        /// By hours.
        Hourly = "hourly",
    }
}

sidecar_core::open_enum! {
    /// The day of the week on which a task recurs.
    pub enum RecurrenceDay {
        /// Monday.
        Monday = "MO",
        /// Tuesday.
        Tuesday = "TU",
        /// Wednesday.
        Wednesday = "WE",
        /// Thursday.
        Thursday = "TH",
        /// Friday.
        Friday = "FR",
        /// Saturday.
        Saturday = "SA",
        /// Sunday.
        Sunday = "SU",
    }
}

sidecar_core::model! {
    /// When a task is to be done again. Begin with [`Recurrence::every`] and set further fields as they are needed.
    pub struct Recurrence {
        /// By what it recurs.
        "intervalType" unit: Option<RecurrenceUnit>,
        /// Every so many of them.
        "interval" interval: Option<f64>,
        /// From when on.
        "startDate" start: Option<WireTime>,
        /// Until when.
        "endDate" end: Option<WireTime>,
        /// On which day of the month, from 1 to 31.
        "dayOfMonth" day_of_month: Option<f64>,
        /// On which day of the week.
        "dayOfWeek" day_of_week: Option<RecurrenceDay>,
        /// In which month, from 1 to 12.
        "monthOfYear" month_of_year: Option<f64>,
        /// How often at most.
        "count" count: Option<f64>,
        /// Whether the next one is made while the one before is overdue.
        "createTaskIfOverDue" create_if_overdue: Option<bool>,
        /// How long after it was made a task is due, in seconds.
        "dueAfterSeconds" due_after_seconds: Option<f64>,
    }
}

impl Recurrence {
    /// Every so many units from `start` on; each task is due so many seconds after it was made.
    pub fn every(interval: u32, unit: RecurrenceUnit, start: Timestamp, due_after_seconds: u32) -> Self {
        Self {
            unit: Some(unit),
            interval: Some(interval.into()),
            start: Some(start.into()),
            end: None,
            day_of_month: None,
            day_of_week: None,
            month_of_year: None,
            count: None,
            create_if_overdue: None,
            due_after_seconds: Some(due_after_seconds.into()),
            extra: Default::default(),
        }
    }
}

sidecar_core::model! {
    /// A task that is made again and again.
    pub struct RecurringTask {
        /// Its id.
        "id" id: RecurringTaskId,
        /// The title.
        "title" title: Option<String>,
        /// The same at length.
        "description" description: Option<String>,
        /// Its location.
        "locationId" location_id: Option<LocationId>,
        /// Whom it is about.
        "contactId" contact_id: Option<ContactId>,
        /// The assigned user.
        "assignedTo" assigned_to: Option<UserId>,
        /// When it is to be done again.
        "rruleOptions" recurrence: Option<Recurrence>,
        /// How often it was made.
        "totalOccurrence" occurrences: Option<f64>,
        /// Whether it is deleted.
        "deleted" deleted: Option<bool>,
        /// When it was created.
        "createdAt" created_at: Option<WireTime>,
        /// When it last changed.
        "updatedAt" updated_at: Option<WireTime>,
    }
}
