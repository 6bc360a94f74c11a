//! The calls, a file for each family.

mod calendars;
mod contacts;
mod conversations;
mod locations;
mod oauth;
mod opportunities;
mod others;
mod users;

use crate::call::Call;

pub(crate) fn all() -> Vec<Call> {
    [
        calendars::calls(),
        contacts::calls(),
        conversations::calls(),
        locations::calls(),
        oauth::calls(),
        opportunities::calls(),
        others::calls(),
        users::calls(),
    ]
    .into_iter()
    .flatten()
    .collect()
}
