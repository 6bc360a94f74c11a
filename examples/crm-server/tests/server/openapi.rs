//! The OpenAPI document and its reader.

use std::collections::BTreeSet;

use http::{Method, StatusCode};
use serde_json::Value;

use crate::support::Server;

/// A changed snapshot is a changed public API: mention it in the changelog.
#[test]
fn the_openapi_document_matches_its_snapshot() {
    insta::assert_snapshot!("openapi", crm_server::router::openapi());
}

#[tokio::test]
async fn the_served_document_is_the_printed_one() {
    let server = Server::start(&[]).await;
    let served = server.call(Method::GET, "/openapi.json", None).await;
    assert_eq!(served.status, StatusCode::OK);
    assert_eq!(served.text(), crm_server::router::openapi());
}

#[test]
fn every_reference_resolves_and_every_route_documents_its_errors() {
    let api: Value = serde_json::from_str(&crm_server::router::openapi()).unwrap();
    let text = api.to_string();
    let mut ids = BTreeSet::new();
    for reference in text.split("\"#/components/schemas/").skip(1).filter_map(|rest| rest.split('"').next()) {
        assert!(api["components"]["schemas"][reference].is_object(), "{reference} is not defined");
    }
    for (path, item) in api["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            let guarded = operation["security"].as_array().is_some_and(|schemes| !schemes.is_empty());
            assert!(!guarded || operation["responses"]["401"].is_object(), "{method} {path} does not mention 401");
            assert!(operation["summary"].is_string(), "{method} {path} has no summary");
            let id = operation["operationId"].as_str().unwrap();
            assert!(ids.insert(id.to_owned()), "{method} {path} shares its id `{id}`");
            for (status, response) in operation["responses"].as_object().unwrap() {
                assert!(response["description"].is_string(), "{method} {path} {status} has no description");
                let is_problem = response["content"]["application/problem+json"].is_object();
                assert_eq!(is_problem, status.starts_with(['4', '5']), "{method} {path} {status}");
            }
        }
    }
}

#[tokio::test]
async fn the_docs_page_loads_nothing_from_other_hosts() {
    let server = Server::start(&[]).await;
    let page = server.call(Method::GET, "/docs", None).await;
    assert_eq!(page.status, StatusCode::OK);
    assert!(!page.text().contains("http://") && !page.text().contains("https://"));
    assert!(page.header("content-security-policy").starts_with("default-src 'none'"));
}
