use http::Method;
use serde::Deserialize;
use sidecar_core::Result;

use crate::{
    client::{GhlClient, Operation, RequestOptions, Resource, request},
    config::ApiVersion,
    model::{Calendar, CalendarGroupId, LocationId},
};

const LIST: Operation = Operation::new("calendars.list", Method::GET, "/calendars/", ApiVersion::V2021_04_15);

/// Lists calendars. From [`Calendars::list`](super::Calendars::list).
#[derive(Debug, Clone)]
#[must_use = "a request does nothing until it is awaited"]
pub struct ListCalendars {
    client: GhlClient,
    location: LocationId,
    group: Option<CalendarGroupId>,
    drafts: Option<bool>,
    options: RequestOptions,
}

request!(ListCalendars => Vec<Calendar>);

#[derive(Deserialize)]
struct Found {
    calendars: Vec<Calendar>,
}

impl ListCalendars {
    pub(super) fn new(client: GhlClient, location: LocationId) -> Self {
        Self { client, location, group: None, drafts: None, options: RequestOptions::default() }
    }

    /// Only the calendars of this group.
    pub fn group(mut self, group: impl Into<CalendarGroupId>) -> Self {
        self.group = Some(group.into());
        self
    }

    /// Whether drafts are listed too; the provider's own default is yes.
    pub fn drafts(mut self, show: bool) -> Self {
        self.drafts = Some(show);
        self
    }

    async fn send(self) -> Result<Vec<Calendar>> {
        let call = LIST
            .call(&[])
            .query("locationId", &self.location)
            .query_opt("groupId", self.group)
            .query_opt("showDrafted", self.drafts);
        let answer = self.client.send(call, &Resource::Location(self.location), &LIST, &self.options).await?;
        Ok(answer.json::<Found>()?.calendars)
    }
}
