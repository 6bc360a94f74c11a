use futures_core::Stream;
use http::Method;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};
use sidecar_core::{Page, Result, page};

use super::Locations;
use crate::{
    client::{OffsetPaging, Operation, RequestBuilder, TokenKinds, listing, request, setters},
    config::ApiVersion,
    contacts::Direction,
    model::{CompanyId, Location},
};

static SEARCH: Operation =
    Operation::new("locations.search", Method::GET, "/locations/search", ApiVersion::V2021_07_28)
        .accepting(TokenKinds::ANY);

request! {
    /// Searches locations; 100 in a page unless set otherwise. From [`Locations::search`].
    pub struct SearchLocations { paging: OffsetPaging } => Page<Location, u64>
}
listing!(SearchLocations => Location, skip, |location| Some(location.id.to_string()));
setters! { query of SearchLocations; {
    /// Only the location with this e-mail address.
    "email" email: into String,
    /// Which way the names go; ascending unless set.
    "order" order: Direction,
}}

impl Locations {
    /// Searches a company's locations; needs an agency token.
    pub fn search(&self, company: impl Into<CompanyId>) -> SearchLocations {
        let company = company.into();
        SearchLocations {
            builder: RequestBuilder::new(&self.0, &SEARCH, company.clone()).query("companyId", company),
            paging: OffsetPaging::new(100, u32::MAX),
        }
    }
}

impl SearchLocations {
    /// All locations' whole documents, as sent.
    pub(crate) fn documents(self) -> impl Stream<Item = Result<Map<String, Value>>> + Send {
        let (start, max_pages) = (self.paging.skip, self.paging.max_pages);
        let id = |document: &Map<String, Value>| Some(document.get("id")?.to_string());
        page::items(sidecar_core::client::pages_by_offset(
            start,
            max_pages,
            move |skip| self.clone().skip(skip).fetch(),
            id,
        ))
    }

    async fn send(self) -> Result<Page<Location, u64>> {
        self.fetch().await
    }

    async fn fetch<T: DeserializeOwned>(self) -> Result<Page<T, u64>> {
        let rows = self.paging.query(self.builder, "skip").part(&["locations"]).await?;
        Ok(self.paging.page(rows, None))
    }
}
