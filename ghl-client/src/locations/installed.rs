use http::Method;
use serde::Deserialize;
use sidecar_core::{Page, Result};

use super::Locations;
use crate::{
    client::{CursorPaging, GhlClient, OffsetPaging, Operation, RequestBuilder, TokenKinds, listing, request, setters},
    config::ApiVersion,
    model::{CompanyId, InstalledLocation, LocationId},
};

static INSTALLED: Operation =
    Operation::new("oauth.installed_locations", Method::GET, "/oauth/installedLocations", ApiVersion::V2021_07_28)
        .accepting(TokenKinds::AGENCY_ACCESS_ONLY)
        .replaced_in_v3("locations().installed_v3(…)");
static INSTALLED_V3: Operation =
    Operation::new("oauth.installed_locations", Method::GET, "/oauth/installed-locations", ApiVersion::V3)
        .accepting(TokenKinds::AGENCY_ACCESS_ONLY);

request! {
    /// Lists where the app is installed; 100 in a page unless set otherwise. From [`Locations::installed`].
    pub struct ListInstalled { paging: OffsetPaging } => Page<InstalledLocation, u64>
}
listing!(ListInstalled => InstalledLocation, skip, |location| Some(location.id.to_string()));

request! {
    /// Lists where the app is installed, by page tokens; 1 to 100 in a page, 100 unless set otherwise. From
    /// [`Locations::installed_v3`].
    pub struct ListInstalledV3 { paging: CursorPaging<String> } => Page<InstalledLocation, String>
}
listing!(ListInstalledV3 => InstalledLocation, after String);

setters! { query of ListInstalled, ListInstalledV3; {
    /// Only locations where it is installed (`true`) or is not.
    "isInstalled" is_installed: bool,
    /// Only this location.
    "locationId" location: into LocationId,
    /// Only locations whose name holds this.
    "query" query: into String,
}}

impl Locations {
    /// Lists the company's locations with what is known of the app's installation there; needs the company's OAuth token
    /// and the app's client id ([`GhlClientBuilder::client_id`](crate::GhlClientBuilder::client_id)).
    pub fn installed(&self, company: impl Into<CompanyId>) -> ListInstalled {
        ListInstalled {
            builder: builder(&self.0, &INSTALLED, company.into()),
            paging: OffsetPaging::new(100, u32::MAX),
        }
    }

    /// The same by v3 of the API, whose pages go by tokens instead of numbers.
    pub fn installed_v3(&self, company: impl Into<CompanyId>) -> ListInstalledV3 {
        let mut builder = builder(&self.0, &INSTALLED_V3, company.into());
        builder.options.version = Some(ApiVersion::V3);
        ListInstalledV3 { builder, paging: CursorPaging::new(100, 100) }
    }
}

fn builder(client: &GhlClient, operation: &'static Operation, company: CompanyId) -> RequestBuilder {
    let builder = RequestBuilder::new(client, operation, company.clone()).query("companyId", company);
    match client.app_id() {
        Some(app) => builder.query("appId", app),
        None => builder.reject(
            "the list of installations needs the app's id: give its client id to the client's builder with `client_id`",
        ),
    }
}

impl ListInstalled {
    async fn send(self) -> Result<Page<InstalledLocation, u64>> {
        #[derive(Deserialize)]
        struct Found {
            locations: Vec<InstalledLocation>,
            #[serde(default)]
            count: Option<u64>,
        }
        let Found { locations, count } = self.paging.query(self.builder, "skip").json().await?;
        Ok(self.paging.page(locations, count))
    }
}

impl ListInstalledV3 {
    async fn send(self) -> Result<Page<InstalledLocation, String>> {
        #[derive(Deserialize)]
        struct Found {
            items: Vec<InstalledLocation>,
            #[serde(default)]
            pagination: Pagination,
        }
        #[derive(Deserialize, Default)]
        #[serde(rename_all = "camelCase", default)]
        struct Pagination {
            has_next_page: Option<bool>,
            next_page_token: Option<String>,
            total_records: Option<u64>,
        }
        let mut builder = self.paging.check(self.builder).query("pageSize", self.paging.limit);
        if let Some(token) = self.paging.after {
            builder = builder.query("pageToken", token);
        }
        let Found { items, pagination } = builder.json().await?;
        let more = pagination.has_next_page != Some(false);
        let next = pagination.next_page_token.filter(|token| more && !token.is_empty());
        Ok(Page { items, next, total: pagination.total_records })
    }
}
