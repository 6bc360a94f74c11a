//! Schedules: weekly hours, and the dates that differ from them.
//!
//! Blocking times in a schedule is in [`compat`](crate::blocking). Invariant: a change replaces the lists that it names as a whole,
//! so whoever adds to one reads it first.

pub(crate) mod operations;
mod write;

use operations as op;
use serde_json::Value;
pub use write::{CreateSchedule, UpdateSchedule};

use crate::{
    client::{CalcomClient, PlainRequest, RequestBuilder},
    model::{Schedule, ScheduleId},
};

/// The schedules family. From [`CalcomClient::schedules`].
#[derive(Debug, Clone)]
pub struct Schedules(CalcomClient);

impl CalcomClient {
    /// Schedules: weekly hours and overrides of dates.
    pub fn schedules(&self) -> Schedules {
        Schedules(self.clone())
    }
}

impl Schedules {
    /// Makes a schedule in an IANA time zone; Monday to Friday, 9 to 17, unless its availability is set.
    pub fn create(&self, name: impl Into<String>, time_zone: impl Into<String>) -> CreateSchedule {
        let builder = RequestBuilder::new(&self.0, &op::CREATE, []);
        CreateSchedule(builder.set("name", name.into()).set("timeZone", time_zone.into()).set("isDefault", false))
    }

    /// Lists the user's schedules.
    pub fn list(&self) -> PlainRequest<Vec<Schedule>> {
        PlainRequest::new(RequestBuilder::new(&self.0, &op::LIST, []))
    }

    /// Reads the schedule that event types use unless they name another; `None` when there is none.
    pub fn default_schedule(&self) -> PlainRequest<Option<Schedule>> {
        PlainRequest::new(RequestBuilder::new(&self.0, &op::DEFAULT, []))
    }

    /// Reads a schedule.
    pub fn get(&self, id: impl Into<ScheduleId>) -> PlainRequest<Schedule> {
        PlainRequest::new(RequestBuilder::new(&self.0, &op::GET, [&id.into()]))
    }

    /// Changes the fields that are set; lists are replaced as a whole.
    pub fn update(&self, id: impl Into<ScheduleId>) -> UpdateSchedule {
        UpdateSchedule(RequestBuilder::new(&self.0, &op::UPDATE, [&id.into()]).with_body())
    }

    /// Deletes a schedule.
    pub fn delete(&self, id: impl Into<ScheduleId>) -> PlainRequest<Value> {
        PlainRequest::json(RequestBuilder::new(&self.0, &op::DELETE, [&id.into()]))
    }
}
