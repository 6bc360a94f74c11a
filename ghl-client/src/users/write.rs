use http::Method;
use secrecy::{ExposeSecret, SecretString};
use serde_json::json;
use sidecar_core::Result;

use super::{EITHER, Users};
use crate::{
    client::{Operation, RequestBuilder, any_field, request, setters},
    config::ApiVersion,
    model::{CompanyId, LocationId, User, UserId, UserKind, UserRole},
};

static CREATE: Operation =
    Operation::new("users.create", Method::POST, "/users/", ApiVersion::V2021_07_28).accepting(EITHER);
static UPDATE: Operation =
    Operation::new("users.update", Method::PUT, "/users/{userId}", ApiVersion::V2021_07_28).accepting(EITHER);

request! {
    /// Creates a user. From [`Users::create`].
    pub struct CreateUser => User
}
request! {
    /// Changes a user. From [`Users::update`].
    pub struct UpdateUser => User
}

setters! { body of CreateUser, UpdateUser; {
    /// Whether it belongs to the agency or to locations.
    "type" kind: UserKind,
    /// The permissions.
    "role" role: UserRole,
    /// The locations it belongs to.
    "locationIds" locations: each LocationId,
    /// Phone number in E.164.
    "phone" phone: into String,
    /// The scopes it has; those that are left out are taken from it.
    "scopes" scopes: each String,
    /// The scopes it has only for what is assigned to it.
    "scopesAssignedToOnly" scopes_assigned_to_only: each String,
    /// Its picture's address.
    "profilePhoto" profile_photo: into String,
    /// The language it sees, such as `en_US`.
    "platformLanguage" platform_language: into String,
}}
setters! { body of UpdateUser; {
    /// Given name.
    "firstName" first_name: into String,
    /// Family name.
    "lastName" last_name: into String,
}}
any_field!(CreateUser, UpdateUser);

impl Users {
    /// Creates a user of a company: one of its locations with all rights, unless set otherwise. The locations have to be named.
    pub fn create(
        &self,
        company: impl Into<CompanyId>,
        first_name: impl Into<String>,
        last_name: impl Into<String>,
        email: impl Into<String>,
        password: impl Into<SecretString>,
    ) -> CreateUser {
        let company = company.into();
        let builder = RequestBuilder::new(&self.0, &CREATE, company.clone()).set("companyId", json!(company));
        let builder =
            builder.set("firstName", first_name.into()).set("lastName", last_name.into()).set("email", email.into());
        let builder = builder.set("password", password.into().expose_secret());
        CreateUser { builder: builder.set("type", UserKind::Account.as_str()).set("role", UserRole::Admin.as_str()) }
    }

    /// Changes the fields that are set. E-mail addresses cannot be changed this way any more.
    pub fn update(&self, location: impl Into<LocationId>, user: impl Into<UserId>) -> UpdateUser {
        UpdateUser { builder: RequestBuilder::new(&self.0, &UPDATE, location.into()).argument(user.into()).with_body() }
    }
}

impl CreateUser {
    /// With a location's token instead of the company's.
    pub fn as_location(mut self, location: impl Into<LocationId>) -> Self {
        self.builder = self.builder.with_resource(location.into());
        self
    }

    async fn send(self) -> Result<User> {
        let named = self.builder.has("locationIds");
        self.builder
            .require(named, || "a user belongs to locations: name them with `locations`".to_owned())
            .json()
            .await
    }
}

impl UpdateUser {
    /// With the company's token instead of the location's own.
    pub fn as_company(mut self, company: impl Into<CompanyId>) -> Self {
        let company = company.into();
        self.builder = self.builder.with_resource(company.clone()).set("companyId", json!(company));
        self
    }

    /// A new password.
    pub fn password(mut self, password: impl Into<SecretString>) -> Self {
        self.builder = self.builder.set("password", password.into().expose_secret());
        self
    }

    async fn send(self) -> Result<User> {
        self.builder.json().await
    }
}
