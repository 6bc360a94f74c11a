//! Response sets of the OpenAPI document.

use std::collections::BTreeMap;

use utoipa::{
    IntoResponses,
    openapi::{Content, Ref, RefOr, Response, ResponseBuilder},
};

/// A problem response. `openapi::complete` sets its description and media type.
pub(crate) fn problem() -> RefOr<Response> {
    let content = Content::new(Some(Ref::from_schema_name("Problem")));
    ResponseBuilder::new().content("application/json", content).build().into()
}

/// The responses of a route that calls a provider, when the provider fails.
pub(crate) struct ProviderProblems;

impl IntoResponses for ProviderProblems {
    fn responses() -> BTreeMap<String, RefOr<Response>> {
        ["502", "503", "504"].map(|status| (status.to_owned(), problem())).into()
    }
}
