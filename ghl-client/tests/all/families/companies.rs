use ghl_client::{GhlClient, GhlErrorExt, GhlErrorReason, TokenKinds};
use sidecar_core::test_util::ScriptedTransport;

use super::{NOTHING, Room};
use crate::support::fixture;

const ROOM: Room = Room("2021-07-28");

#[tokio::test]
async fn a_company_is_read() {
    let get = |ghl: GhlClient| ghl.companies().get("co1");
    let company = ROOM.sends(get, "GET /companies/co1", NOTHING, fixture!("companies_get")).await;
    assert_eq!((company.name.as_deref(), company.location_count), (Some("Example Agency"), Some(10)));
    assert!(company.extra.is_empty(), "{:?}", company.extra);
}

#[tokio::test]
async fn a_locations_token_is_refused_before_it_is_sent() {
    let ghl = GhlClient::builder()
        .private_integration_token("pit-1")
        .token_kinds(TokenKinds::LOCATION_INTEGRATION)
        .transport(std::sync::Arc::new(ScriptedTransport::new()))
        .build()
        .unwrap();
    let error = ghl.companies().get("co1").await.unwrap_err();
    assert!(matches!(error.problem(), Some(GhlErrorReason::TokenKind { .. })), "{error}");
}
