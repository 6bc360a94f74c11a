use http::Method;

use crate::client::{Group, Operation};

const READ: &str = "SCHEDULE_READ";
const WRITE: &str = "SCHEDULE_WRITE";

const fn schedule(name: &'static str, method: Method, path: &'static str) -> Operation {
    Operation::new(name, method, path, Group::Schedules)
}

pub(crate) static CREATE: Operation = schedule("schedules.create", Method::POST, "/v2/schedules").scope(WRITE);
pub(crate) static LIST: Operation = schedule("schedules.list", Method::GET, "/v2/schedules").scope(READ);
pub(crate) static DEFAULT: Operation = schedule("schedules.default", Method::GET, "/v2/schedules/default").scope(READ);
pub(crate) static GET: Operation = schedule("schedules.get", Method::GET, "/v2/schedules/{scheduleId}").scope(READ);
pub(crate) static UPDATE: Operation =
    schedule("schedules.update", Method::PATCH, "/v2/schedules/{scheduleId}").scope(WRITE).repeatable();
pub(crate) static DELETE: Operation =
    schedule("schedules.delete", Method::DELETE, "/v2/schedules/{scheduleId}").scope(WRITE);
