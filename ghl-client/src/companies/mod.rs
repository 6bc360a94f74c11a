//! Companies (agencies).
//!
//! Its locations and users have their own families ([`locations`](crate::locations), [`users`](crate::users)). Invariant: only
//! the agency's own token reads it.

use http::Method;

use crate::{
    client::{GhlClient, Operation, PlainRequest, RequestBuilder, TokenKinds},
    config::ApiVersion,
    model::{Company, CompanyId},
};

static GET: Operation = Operation::new("companies.get", Method::GET, "/companies/{companyId}", ApiVersion::V2021_07_28)
    .accepting(TokenKinds::AGENCY_ACCESS);

/// The companies family. From [`GhlClient::companies`].
#[derive(Debug, Clone)]
pub struct Companies(pub(crate) GhlClient);

impl GhlClient {
    /// Companies (agencies).
    pub fn companies(&self) -> Companies {
        Companies(self.clone())
    }
}

impl Companies {
    /// Reads a company; needs a token of the agency.
    pub fn get(&self, company: impl Into<CompanyId>) -> PlainRequest<Company> {
        let company = company.into();
        let builder = RequestBuilder::new(&self.0, &GET, company.clone()).argument(company);
        builder.plain(|answer| answer.part(&["company"]))
    }
}
