use http::Method;
use serde::Deserialize;
use serde_json::json;
use sidecar_core::{Page, Result};

use super::{EITHER, Users};
use crate::{
    client::{OffsetPaging, Operation, RequestBuilder, TokenKinds, listing, request, setters},
    config::ApiVersion,
    contacts::Direction,
    model::{CompanyId, LocationId, User, UserId, UserKind, UserRole},
};

static SEARCH: Operation =
    Operation::new("users.search", Method::GET, "/users/search", ApiVersion::V2021_07_28).accepting(EITHER);
static BY_EMAIL: Operation =
    Operation::new("users.find_by_email", Method::POST, "/users/search/filter-by-email", ApiVersion::V2021_07_28)
        .accepting(TokenKinds::AGENCY_ACCESS);

request! {
    /// Searches users; 100 in a page unless set otherwise. From [`Users::search`].
    pub struct SearchUsers { paging: OffsetPaging } => Page<User, u64>
}
listing!(SearchUsers => User, skip, |user| Some(user.id.to_string()));
setters! { query of SearchUsers; {
    /// Only users in which this text is found: name, e-mail address or phone number.
    "query" query: into String,
    /// Only users of this location.
    "locationId" location: into LocationId,
    /// Only users of this kind.
    "type" kind: UserKind,
    /// Only users of this role.
    "role" role: UserRole,
    /// Only these users.
    "ids" ids: each UserId,
    /// The sort order, such as `dateAdded`; by default the name.
    "sort" sort_by: into String,
    /// Which way the order goes.
    "sortDirection" sort: Direction,
    /// Only users with, or without, two-way synchronization of their calendars.
    "enabled2waySync" enabled_2way_sync: bool,
}}

request! {
    /// Finds users by their e-mail addresses; 100 in a page unless set otherwise. From [`Users::find_by_email`].
    pub struct FindByEmail { paging: OffsetPaging } => Page<User, u64>
}
listing!(FindByEmail => User, skip, |user| Some(user.id.to_string()));
setters! { body of FindByEmail; {
    /// Whether deleted users are found, instead of the others.
    "deleted" deleted: bool,
    /// Which fields come, separated by commas; `all` for all of them.
    "projection" projection: into String,
}}

#[derive(Deserialize)]
struct Found {
    users: Vec<User>,
    #[serde(default)]
    count: Option<u64>,
}

impl Users {
    /// Searches a company's users, a page when awaited.
    pub fn search(&self, company: impl Into<CompanyId>) -> SearchUsers {
        let company = company.into();
        let builder = RequestBuilder::new(&self.0, &SEARCH, company.clone()).query("companyId", company);
        SearchUsers { builder, paging: OffsetPaging::new(100, u32::MAX) }
    }

    /// Finds a company's users by their e-mail addresses; needs a token of the agency.
    pub fn find_by_email<E: Into<String>>(
        &self,
        company: impl Into<CompanyId>,
        emails: impl IntoIterator<Item = E>,
    ) -> FindByEmail {
        let company = company.into();
        let emails: Vec<String> = emails.into_iter().map(Into::into).collect();
        let builder = RequestBuilder::new(&self.0, &BY_EMAIL, company.clone()).repeatable();
        let builder = builder.require(!emails.is_empty(), || "no e-mail addresses given: name at least one".to_owned());
        let builder = builder.set("companyId", json!(company)).set("emails", emails.join(","));
        FindByEmail { builder, paging: OffsetPaging::new(100, u32::MAX) }
    }
}

impl SearchUsers {
    /// Only users of this location, asked for with its own token.
    pub fn of_location(mut self, location: impl Into<LocationId>) -> Self {
        let location = location.into();
        self.builder = self.builder.with_resource(location.clone());
        self.location(location)
    }

    async fn send(self) -> Result<Page<User, u64>> {
        let Found { users, count } = self.paging.query(self.builder, "skip").json().await?;
        Ok(self.paging.page(users, count))
    }
}

impl FindByEmail {
    async fn send(self) -> Result<Page<User, u64>> {
        // The specification has these two as texts.
        let builder = self.paging.check(self.builder).set("skip", self.paging.skip.to_string());
        let Found { users, count } = builder.set("limit", self.paging.limit.to_string()).json().await?;
        Ok(self.paging.page(users, count))
    }
}
