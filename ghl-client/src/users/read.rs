use http::Method;
use sidecar_core::Result;

use super::{EITHER, Users};
use crate::{
    client::{Operation, RequestBuilder, ignore_body, request},
    config::ApiVersion,
    model::{CompanyId, LocationId, User, UserId},
};

static GET: Operation =
    Operation::new("users.get", Method::GET, "/users/{userId}", ApiVersion::V2021_07_28).accepting(EITHER);
static DELETE: Operation =
    Operation::new("users.delete", Method::DELETE, "/users/{userId}", ApiVersion::V2021_07_28).accepting(EITHER);

request! {
    /// Reads a user. From [`Users::get`].
    pub struct GetUser => User
}
request! {
    /// Deletes a user. From [`Users::delete`].
    pub struct DeleteUser => ()
}

impl Users {
    /// Reads one user.
    pub fn get(&self, location: impl Into<LocationId>, user: impl Into<UserId>) -> GetUser {
        GetUser { builder: RequestBuilder::new(&self.0, &GET, location.into()).argument(user.into()) }
    }

    /// Deletes a user.
    pub fn delete(&self, location: impl Into<LocationId>, user: impl Into<UserId>) -> DeleteUser {
        DeleteUser { builder: RequestBuilder::new(&self.0, &DELETE, location.into()).argument(user.into()) }
    }
}

impl GetUser {
    /// With the company's token instead of the location's own.
    pub fn as_company(mut self, company: impl Into<CompanyId>) -> Self {
        self.builder = self.builder.with_resource(company.into());
        self
    }

    async fn send(self) -> Result<User> {
        self.builder.json().await
    }
}

impl DeleteUser {
    /// With the company's token instead of the location's own.
    pub fn as_company(mut self, company: impl Into<CompanyId>) -> Self {
        self.builder = self.builder.with_resource(company.into());
        self
    }

    async fn send(self) -> Result<()> {
        ignore_body(&self.builder.send().await?)
    }
}
