use http::Method;
use serde::Deserialize;
use sidecar_core::{Page, Result};

use super::Contacts;
use crate::{
    client::{OffsetPaging, Operation, RequestBuilder, listing, request, setters},
    config::ApiVersion,
    model::{BusinessId, Contact, LocationId},
};

static OF_BUSINESS: Operation =
    Operation::new("contacts.of_business", Method::GET, "/contacts/business/{businessId}", ApiVersion::V2021_07_28);
request! {
    /// Lists a business's contacts; 100 in a page unless set otherwise. From [`Contacts::of_business`].
    pub struct ContactsOfBusiness { paging: OffsetPaging } => Page<Contact, u64>
}
listing!(ContactsOfBusiness => Contact, skip, |contact| Some(contact.id.to_string()));
setters! { query of ContactsOfBusiness; {
    /// Only contacts whose name holds this.
    "query" query: into String,
}}

impl Contacts {
    /// Lists the contacts that belong to a business.
    pub fn of_business(&self, location: impl Into<LocationId>, business: impl Into<BusinessId>) -> ContactsOfBusiness {
        let location = location.into();
        let builder = RequestBuilder::new(&self.0, &OF_BUSINESS, location.clone()).argument(business.into());
        ContactsOfBusiness { builder: builder.query("locationId", location), paging: OffsetPaging::new(100, u32::MAX) }
    }
}

impl ContactsOfBusiness {
    async fn send(self) -> Result<Page<Contact, u64>> {
        #[derive(Deserialize)]
        struct Found {
            contacts: Vec<Contact>,
            #[serde(default)]
            count: Option<u64>,
        }
        let Found { contacts, count } = self.paging.query(self.builder, "skip").json().await?;
        Ok(self.paging.page(contacts, count))
    }
}
