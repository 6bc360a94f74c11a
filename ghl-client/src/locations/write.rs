use http::Method;
use serde_json::json;
use sidecar_core::Result;

use super::Locations;
use crate::{
    client::{Operation, PlainRequest, RequestBuilder, TokenKinds, any_field, ignore_body, request, setters},
    config::ApiVersion,
    model::{CompanyId, Location, LocationId},
};

static CREATE: Operation = Operation::new("locations.create", Method::POST, "/locations/", ApiVersion::V2021_07_28)
    .accepting(TokenKinds::AGENCY_ACCESS);
static UPDATE: Operation =
    Operation::new("locations.update", Method::PUT, "/locations/{locationId}", ApiVersion::V2021_07_28)
        .accepting(TokenKinds::AGENCY_ACCESS);
static DELETE: Operation =
    Operation::new("locations.delete", Method::DELETE, "/locations/{locationId}", ApiVersion::V2021_07_28)
        .accepting(TokenKinds::AGENCY_ACCESS);

request! {
    /// Creates a location. From [`Locations::create`].
    pub struct CreateLocation => Location
}
request! {
    /// Changes a location. From [`Locations::update`].
    pub struct UpdateLocation => Location
}

setters! { body of CreateLocation, UpdateLocation; {
    /// Phone number in E.164.
    "phone" phone: into String,
    /// Street and number.
    "address" address: into String,
    /// City.
    "city" city: into String,
    /// State or region.
    "state" state: into String,
    /// Two-letter country code.
    "country" country: into String,
    /// Postal code.
    "postalCode" postal_code: into String,
    /// Website.
    "website" website: into String,
    /// IANA time zone.
    "timezone" timezone: into String,
}}
setters! { body of CreateLocation; {
    /// The snapshot that it begins with.
    "snapshotId" snapshot: into String,
}}
setters! { body of UpdateLocation; {
    /// Its name.
    "name" name: into String,
}}
any_field!(CreateLocation, UpdateLocation);

impl Locations {
    /// Creates a location of a company; needs a token of the agency, whose plan has to allow it (Agency Pro).
    pub fn create(&self, company: impl Into<CompanyId>, name: impl Into<String>) -> CreateLocation {
        let company = company.into();
        let builder = RequestBuilder::new(&self.0, &CREATE, company.clone()).set("companyId", json!(company));
        CreateLocation { builder: builder.set("name", name.into()) }
    }

    /// Changes the fields that are set; needs a token of the agency.
    pub fn update(&self, company: impl Into<CompanyId>, location: impl Into<LocationId>) -> UpdateLocation {
        let company = company.into();
        let builder = RequestBuilder::new(&self.0, &UPDATE, company.clone()).argument(location.into());
        UpdateLocation { builder: builder.set("companyId", json!(company)) }
    }

    /// Deletes a location with all its data, and its Twilio account if requested. Needs a token of the agency.
    pub fn delete(
        &self,
        company: impl Into<CompanyId>,
        location: impl Into<LocationId>,
        delete_twilio_account: bool,
    ) -> PlainRequest<()> {
        let builder = RequestBuilder::new(&self.0, &DELETE, company.into()).argument(location.into());
        builder.query("deleteTwilioAccount", delete_twilio_account).plain(ignore_body)
    }
}

/// The setters that creates and updates share beyond plain fields.
macro_rules! shared {
    ($($name:ident),+) => {
        $(impl $name {
            /// The person to turn to.
            pub fn prospect(
                mut self,
                first_name: impl Into<String>,
                last_name: impl Into<String>,
                email: impl Into<String>,
            ) -> Self {
                let person = json!({"firstName": first_name.into(), "lastName": last_name.into(), "email": email.into()});
                self.builder = self.builder.set("prospectInfo", person);
                self
            }

            async fn send(self) -> Result<Location> {
                self.builder.json().await
            }
        })+
    };
}
shared!(CreateLocation, UpdateLocation);

impl UpdateLocation {
    /// Loads a snapshot; with `replace`, the assets of the snapshot replace existing ones.
    pub fn snapshot(mut self, id: impl Into<String>, replace: bool) -> Self {
        self.builder = self.builder.set("snapshot", json!({"id": id.into(), "override": replace}));
        self
    }
}
