use http::Method;
use serde_json::json;
use sidecar_core::{Page, Result};

use super::Calendars;
use crate::{
    client::{
        GhlClient, OffsetPaging, Operation, PlainRequest, RequestBuilder, ignore_body, listing, request, setters,
    },
    config::ApiVersion,
    model::{CalendarId, LocationId, Schedule, ScheduleId, ScheduleRule, UserId},
};

const VERSION: ApiVersion = ApiVersion::V2021_04_15;
const ONE: &str = "/calendars/schedules/{id}";
const CALENDAR: &str = "/calendars/schedules/{id}/associations/{calendarId}";
static SEARCH: Operation =
    Operation::new("calendars.schedules.search", Method::GET, "/calendars/schedules/search", VERSION);
static CREATE: Operation = Operation::new("calendars.schedules.create", Method::POST, "/calendars/schedules", VERSION);
static GET: Operation = Operation::new("calendars.schedules.get", Method::GET, ONE, VERSION);
static UPDATE: Operation = Operation::new("calendars.schedules.update", Method::PUT, ONE, VERSION);
static DELETE: Operation = Operation::new("calendars.schedules.delete", Method::DELETE, ONE, VERSION);
static ADD: Operation = Operation::new("calendars.schedules.add_calendar", Method::PUT, CALENDAR, VERSION);
static REMOVE: Operation = Operation::new("calendars.schedules.remove_calendar", Method::DELETE, CALENDAR, VERSION);

/// When the users of a location can be booked. From [`Calendars::schedules`].
#[derive(Debug, Clone)]
pub struct Schedules {
    client: GhlClient,
    location: LocationId,
}

request! {
    /// Lists a user's schedules; 1 to 500 in a page, 100 unless set otherwise. From [`Schedules::search`].
    pub struct SearchSchedules { paging: OffsetPaging } => Page<Schedule, u64>
}
listing!(SearchSchedules => Schedule, skip, |schedule| Some(schedule.id.to_string()));
setters! { query of SearchSchedules; {
    /// Only those that this calendar goes by.
    "calendarId" calendar: into CalendarId,
}}
request! {
    /// Creates a schedule. From [`Schedules::create`].
    pub struct CreateSchedule => Schedule
}
setters! { body of CreateSchedule; {
    /// The calendars that go by it.
    "calendarIds" calendars: each CalendarId,
}}
request! {
    /// Changes a schedule. From [`Schedules::update`].
    pub struct UpdateSchedule => Schedule
}
setters! { body of UpdateSchedule; {
    /// Its name.
    "name" name: into String,
    /// The IANA time zone of its hours.
    "timezone" timezone: into String,
}}

impl Calendars {
    /// When the users of a location can be booked: list, create, read, change, delete.
    pub fn schedules(&self, location: impl Into<LocationId>) -> Schedules {
        Schedules { client: self.0.clone(), location: location.into() }
    }
}

impl Schedules {
    fn builder(&self, operation: &'static Operation) -> RequestBuilder {
        RequestBuilder::new(&self.client, operation, self.location.clone())
    }

    fn about(&self, operation: &'static Operation, id: impl Into<ScheduleId>) -> RequestBuilder {
        self.builder(operation).argument(id.into())
    }

    /// Lists a user's schedules, a page when awaited.
    pub fn search(&self, user: impl Into<UserId>) -> SearchSchedules {
        let builder = self.builder(&SEARCH).query("locationId", &self.location).query("userId", user.into());
        SearchSchedules { builder, paging: OffsetPaging::new(100, 500) }
    }

    /// Creates a schedule of a user, in an IANA time zone.
    pub fn create(
        &self,
        user: impl Into<UserId>,
        name: impl Into<String>,
        timezone: impl Into<String>,
    ) -> CreateSchedule {
        let builder = self.builder(&CREATE).set("locationId", json!(self.location)).set("userId", json!(user.into()));
        CreateSchedule { builder: builder.set("name", name.into()).set("timezone", timezone.into()) }
    }

    /// Reads one.
    pub fn get(&self, id: impl Into<ScheduleId>) -> PlainRequest<Schedule> {
        self.about(&GET, id).plain(|answer| answer.part(&["schedule"]))
    }

    /// Changes the fields that are set.
    pub fn update(&self, id: impl Into<ScheduleId>) -> UpdateSchedule {
        UpdateSchedule { builder: self.about(&UPDATE, id).with_body() }
    }

    /// Deletes one.
    pub fn delete(&self, id: impl Into<ScheduleId>) -> PlainRequest<()> {
        self.about(&DELETE, id).plain(ignore_body)
    }

    /// Lets a calendar go by a schedule.
    pub fn add_calendar(&self, id: impl Into<ScheduleId>, calendar: impl Into<CalendarId>) -> PlainRequest<()> {
        self.about(&ADD, id).argument(calendar.into()).plain(ignore_body)
    }

    /// Lets a calendar no longer go by a schedule.
    pub fn remove_calendar(&self, id: impl Into<ScheduleId>, calendar: impl Into<CalendarId>) -> PlainRequest<()> {
        self.about(&REMOVE, id).argument(calendar.into()).plain(ignore_body)
    }
}

/// Gives requests the rules of a schedule.
macro_rules! rules {
    ($($name:ident),+) => {
        $(impl $name {
            /// When the user can be booked. An update replaces the rules that there are.
            pub fn rules(mut self, rules: impl IntoIterator<Item = ScheduleRule>) -> Self {
                self.builder = self.builder.set("rules", json!(rules.into_iter().collect::<Vec<_>>()));
                self
            }

            async fn send(self) -> Result<Schedule> {
                self.builder.part(&["schedule"]).await
            }
        })+
    };
}
rules!(CreateSchedule, UpdateSchedule);

impl SearchSchedules {
    async fn send(self) -> Result<Page<Schedule, u64>> {
        let schedules = self.paging.query(self.builder, "skip").part(&["schedules"]).await?;
        Ok(self.paging.page(schedules, None))
    }
}
