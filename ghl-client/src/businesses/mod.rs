//! Businesses: what contacts work for. Contacts are put into one by
//! [`Contacts::set_business`](crate::contacts::Contacts::set_business).
//!
//! Invariant: the answers' envelope is read as it is spelt on the wire, `buiseness`, and as it should be.

use http::Method;
use serde_json::json;
use sidecar_core::{Page, Result};

use crate::{
    client::{
        GhlClient, OffsetPaging, Operation, PlainRequest, RequestBuilder, any_field, ignore_body, listing, request,
        setters,
    },
    config::ApiVersion,
    model::{Business, BusinessId, LocationId},
};

const VERSION: ApiVersion = ApiVersion::V2021_07_28;
static LIST: Operation = Operation::new("businesses.list", Method::GET, "/businesses/", VERSION);
static CREATE: Operation = Operation::new("businesses.create", Method::POST, "/businesses/", VERSION);
static GET: Operation = Operation::new("businesses.get", Method::GET, "/businesses/{businessId}", VERSION);
static UPDATE: Operation = Operation::new("businesses.update", Method::PUT, "/businesses/{businessId}", VERSION);
static DELETE: Operation = Operation::new("businesses.delete", Method::DELETE, "/businesses/{businessId}", VERSION);

const ENVELOPE: &[&str] = &["business", "buiseness"];

/// The businesses family. From [`GhlClient::businesses`].
#[derive(Debug, Clone)]
pub struct Businesses(pub(crate) GhlClient);

request! {
    /// Lists businesses; 100 in a page unless set otherwise. From [`Businesses::list`].
    pub struct ListBusinesses { paging: OffsetPaging } => Page<Business, u64>
}
listing!(ListBusinesses => Business, skip, |business| Some(business.id.to_string()));
request! {
    /// Creates a business. From [`Businesses::create`].
    pub struct CreateBusiness => Business
}
request! {
    /// Changes a business. From [`Businesses::update`].
    pub struct UpdateBusiness => Business
}

setters! { body of CreateBusiness, UpdateBusiness; {
    /// Phone number in E.164.
    "phone" phone: into String,
    /// E-mail address.
    "email" email: into String,
    /// Website.
    "website" website: into String,
    /// Street and number.
    "address" address: into String,
    /// City.
    "city" city: into String,
    /// State or region.
    "state" state: into String,
    /// Postal code.
    "postalCode" postal_code: into String,
    /// Country.
    "country" country: into String,
    /// Its description.
    "description" description: into String,
}}
setters! { body of UpdateBusiness; {
    /// Its name.
    "name" name: into String,
}}
any_field!(CreateBusiness, UpdateBusiness);

impl GhlClient {
    /// Businesses: the employers of contacts.
    pub fn businesses(&self) -> Businesses {
        Businesses(self.clone())
    }
}

impl Businesses {
    /// Lists a location's businesses, a page when awaited.
    pub fn list(&self, location: impl Into<LocationId>) -> ListBusinesses {
        let location = location.into();
        let builder = RequestBuilder::new(&self.0, &LIST, location.clone()).query("locationId", location);
        ListBusinesses { builder, paging: OffsetPaging::new(100, u32::MAX) }
    }

    /// Creates a business.
    pub fn create(&self, location: impl Into<LocationId>, name: impl Into<String>) -> CreateBusiness {
        let location = location.into();
        let builder = RequestBuilder::new(&self.0, &CREATE, location.clone()).set("locationId", json!(location));
        CreateBusiness { builder: builder.set("name", name.into()) }
    }

    /// Reads one business.
    pub fn get(&self, location: impl Into<LocationId>, business: impl Into<BusinessId>) -> PlainRequest<Business> {
        self.about(&GET, location, business).plain(|answer| answer.part(ENVELOPE))
    }

    /// Changes the fields that are set.
    pub fn update(&self, location: impl Into<LocationId>, business: impl Into<BusinessId>) -> UpdateBusiness {
        UpdateBusiness { builder: self.about(&UPDATE, location, business).with_body() }
    }

    /// Deletes a business; its contacts stay.
    pub fn delete(&self, location: impl Into<LocationId>, business: impl Into<BusinessId>) -> PlainRequest<()> {
        self.about(&DELETE, location, business).plain(ignore_body)
    }

    fn about(
        &self,
        operation: &'static Operation,
        location: impl Into<LocationId>,
        business: impl Into<BusinessId>,
    ) -> RequestBuilder {
        RequestBuilder::new(&self.0, operation, location.into()).argument(business.into())
    }
}

impl ListBusinesses {
    async fn send(self) -> Result<Page<Business, u64>> {
        let businesses = self.paging.query(self.builder, "skip").part(&["businesses"]).await?;
        Ok(self.paging.page(businesses, None))
    }
}

impl CreateBusiness {
    async fn send(self) -> Result<Business> {
        self.builder.part(ENVELOPE).await
    }
}

impl UpdateBusiness {
    async fn send(self) -> Result<Business> {
        self.builder.part(ENVELOPE).await
    }
}
