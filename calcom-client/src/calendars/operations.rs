use http::Method;

use crate::client::{Group, Operation};

const READ: &str = "APPS_READ";
const WRITE: &str = "APPS_WRITE";

const fn calendar(name: &'static str, method: Method, path: &'static str) -> Operation {
    Operation::new(name, method, path, Group::Unversioned)
}

pub(crate) static LIST: Operation = calendar("calendars.list", Method::GET, "/v2/calendars").scope(READ);
pub(crate) static BUSY_TIMES: Operation =
    calendar("calendars.busy_times", Method::GET, "/v2/calendars/busy-times").scope(READ);
pub(crate) static CONNECT: Operation =
    calendar("calendars.connect", Method::GET, "/v2/calendars/{calendar}/connect").scope(WRITE);
pub(crate) static SAVE: Operation = calendar("calendars.save", Method::GET, "/v2/calendars/{calendar}/save").public();
pub(crate) static SAVE_CREDENTIALS: Operation =
    calendar("calendars.save_credentials", Method::POST, "/v2/calendars/{calendar}/credentials").scope(WRITE);
pub(crate) static CHECK: Operation =
    calendar("calendars.check", Method::GET, "/v2/calendars/{calendar}/check").scope(READ);
pub(crate) static DISCONNECT: Operation =
    calendar("calendars.disconnect", Method::POST, "/v2/calendars/{calendar}/disconnect").scope(WRITE);
pub(crate) static SAVE_ICS_FEED: Operation =
    calendar("calendars.subscribe_ics_feed", Method::POST, "/v2/calendars/ics-feed/save").scope(WRITE);
pub(crate) static CHECK_ICS_FEED: Operation =
    calendar("calendars.check_ics_feed", Method::GET, "/v2/calendars/ics-feed/check").scope(READ);
pub(crate) static SET_DESTINATION: Operation =
    calendar("calendars.set_destination", Method::PUT, "/v2/destination-calendars").scope(WRITE);
pub(crate) static SELECT: Operation = calendar("calendars.select", Method::POST, "/v2/selected-calendars").scope(WRITE);
pub(crate) static DESELECT: Operation =
    calendar("calendars.deselect", Method::DELETE, "/v2/selected-calendars").scope(WRITE);
