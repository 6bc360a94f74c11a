use http::Method;
use serde_json::json;
use sidecar_core::Result;

use super::Opportunities;
use crate::{
    client::{Operation, PlainRequest, request},
    config::ApiVersion,
    model::{LocationId, OpportunityId, UserId},
};

static ADD: Operation = Operation::new(
    "opportunities.add_followers",
    Method::POST,
    "/opportunities/{id}/followers",
    ApiVersion::V2021_07_28,
);
static REMOVE: Operation = Operation::new(
    "opportunities.remove_followers",
    Method::DELETE,
    "/opportunities/{id}/followers",
    ApiVersion::V2021_07_28,
);

request! {
    /// Takes followers from an opportunity. From [`Opportunities::remove_followers`].
    pub struct RemoveFollowers => Vec<UserId>
}

impl Opportunities {
    /// Adds followers to an opportunity and returns all of its followers.
    pub fn add_followers<U: Into<UserId>>(
        &self,
        location: impl Into<LocationId>,
        id: impl Into<OpportunityId>,
        users: impl IntoIterator<Item = U>,
    ) -> PlainRequest<Vec<UserId>> {
        let users: Vec<UserId> = users.into_iter().map(Into::into).collect();
        let builder = self.about(&ADD, location, id).require(!users.is_empty(), || "no followers given".to_owned());
        builder.set("followers", json!(users)).repeatable().plain(|answer| answer.part(&["followers"]))
    }

    /// Removes followers from an opportunity, those named by [`RemoveFollowers::users`] or [all](RemoveFollowers::all), and
    /// returns the remaining ones.
    pub fn remove_followers(&self, location: impl Into<LocationId>, id: impl Into<OpportunityId>) -> RemoveFollowers {
        RemoveFollowers { builder: self.about(&REMOVE, location, id) }
    }
}

impl RemoveFollowers {
    /// These users.
    pub fn users<U: Into<UserId>>(mut self, users: impl IntoIterator<Item = U>) -> Self {
        for user in users {
            self.builder = self.builder.push("followers", json!(user.into()));
        }
        self
    }

    /// Everybody.
    pub fn all(mut self) -> Self {
        self.builder = self.builder.query("isRemoveAllFollowers", true).set("followers", json!([]));
        self
    }

    async fn send(self) -> Result<Vec<UserId>> {
        let named = self.builder.has("followers");
        let builder =
            self.builder.require(named, || "no followers given: name them with `users`, or say `all`".to_owned());
        builder.part(&["followers"]).await
    }
}
