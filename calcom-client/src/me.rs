//! The user whose credentials the client has.

use http::Method;
use serde_json::{Map, Value};

use crate::{
    client::{CalcomClient, Group, Operation, PlainRequest, RequestBuilder, request},
    model::{ScheduleId, User, Weekday},
};

pub(crate) static GET: Operation =
    Operation::new("me.get", Method::GET, "/v2/me", Group::Unversioned).scope("PROFILE_READ");
pub(crate) static UPDATE: Operation =
    Operation::new("me.update", Method::PATCH, "/v2/me", Group::Unversioned).scope("PROFILE_WRITE").repeatable();

/// The user. From [`CalcomClient::me`].
#[derive(Debug, Clone)]
pub struct Me(CalcomClient);

impl CalcomClient {
    /// The user of the credentials. Read it to check a key, or whether the service responds.
    pub fn me(&self) -> Me {
        Me(self.clone())
    }
}

impl Me {
    /// Reads the user: the cheapest way to check credentials.
    pub fn get(&self) -> PlainRequest<User> {
        PlainRequest::new(RequestBuilder::new(&self.0, &GET, []))
    }

    /// Changes the fields that are set.
    pub fn update(&self) -> UpdateMe {
        UpdateMe(RequestBuilder::new(&self.0, &UPDATE, []).with_body())
    }
}

request! {
    /// Changes the user. From [`Me::update`].
    UpdateMe => User, via data;
    body {
        /// E-mail address.
        "email" email: String,
        /// Name.
        "name" name: String,
        /// About them.
        "bio" bio: String,
        /// Picture.
        "avatarUrl" avatar_url: String,
        /// Hours of the day: 12 or 24.
        "timeFormat" time_format: u32,
        /// IANA time zone.
        "timeZone" time_zone: String,
        /// First day of the week.
        "weekStart" week_start: Weekday,
        /// Language, such as `en`.
        "locale" locale: String,
        /// The schedule that event types use unless they name another.
        "defaultScheduleId" default_schedule: ScheduleId,
        /// Values of one's own.
        "metadata" metadata: Map<String, Value>,
    }
}
