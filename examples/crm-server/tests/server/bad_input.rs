//! Invalid input returns a typed problem that says what to do, never a server error.

use axum::body::Body;
use http::{Method, Request, StatusCode, header};
use serde_json::{Value, json};

use crate::support::{Response, Server, TOKEN};

/// Returns every operation of the OpenAPI document.
fn operations() -> Vec<(Method, String, Value)> {
    let api: Value = serde_json::from_str(&crm_server::router::openapi()).unwrap();
    let mut operations = Vec::new();
    for (path, item) in api["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            let method = Method::from_bytes(method.to_uppercase().as_bytes()).unwrap();
            operations.push((method, path.clone(), operation.clone()));
        }
    }
    assert!(operations.len() >= 20, "only {} operations are described", operations.len());
    operations
}

fn needs_token(operation: &Value) -> bool {
    operation["security"].as_array().is_some_and(|schemes| !schemes.is_empty())
}

/// Fills in the path parameters, and adds the query where one is required.
fn fill(path: &str, organization: &str, id: &str) -> String {
    let filled = path.replace("{org}", organization).replace("{organization}", organization);
    let filled = ["{id}", "{uid}", "{handle}", "{file}"].iter().fold(filled, |filled, part| filled.replace(part, id));
    match path {
        "/api/integrations/ghl/connect" | "/api/integrations/ghl" | "/api/integrations/calcom/connect" => {
            format!("{filled}?organizationId={organization}")
        }
        _ => filled,
    }
}

async fn send(server: &Server, method: &Method, uri: &str, headers: &[(&str, &str)], body: Vec<u8>) -> Response {
    let mut request = Request::builder().method(method).uri(uri);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    server.send(request.body(Body::from(body)).unwrap()).await
}

#[tokio::test]
async fn a_guarded_route_rejects_an_invalid_token_before_other_checks() {
    let server = Server::start(&[]).await;
    let organization = server.organization("acme").await;
    let invalid_tokens = [
        "",
        "Bearer",
        "Bearer ",
        "Bearer wrong",
        "Basic b3BlcmF0b3I=",
        "Bearer operator-of-the-test",
        "Bearer \u{7f}x",
    ];
    let mut tried = 0;
    for (method, path, operation) in operations().into_iter().filter(|(.., operation)| needs_token(operation)) {
        assert!(operation["responses"]["401"].is_object(), "{method} {path}");
        for org in [organization.as_str(), "unknown"] {
            let uri = fill(&path, org, "some-id");
            for token in invalid_tokens.iter().filter(|token| header::HeaderValue::from_str(token).is_ok()) {
                let response = send(&server, &method, &uri, &[("authorization", token)], Vec::new()).await;
                assert_eq!(
                    (response.status, response.problem().as_str()),
                    (StatusCode::UNAUTHORIZED, "unauthorized"),
                    "{method} {uri}"
                );
                assert_eq!(response.header("www-authenticate"), "Bearer");
                tried += 1;
            }
        }
    }
    assert!(tried >= 150, "only {tried} were tried");
}

#[tokio::test]
async fn without_a_configured_token_guarded_routes_name_the_variable() {
    let server = Server::with(&[]).await;
    for (method, path, _) in operations().into_iter().filter(|(.., operation)| needs_token(operation)) {
        let uri = fill(&path, "any", "any");
        let response = send(&server, &method, &uri, &[("authorization", "Bearer ")], Vec::new()).await;
        assert_eq!(response.status, StatusCode::UNAUTHORIZED, "{method} {uri}");
        assert!(response.json()["detail"].as_str().unwrap().contains("SIDECAR_OPERATOR_TOKEN"), "{}", response.text());
        response.problem();
    }
}

#[tokio::test]
async fn an_unknown_organization_gets_the_same_response_on_every_route() {
    let server = Server::start(&[]).await;
    server.organization("acme").await;
    let bearer = format!("Bearer {TOKEN}");
    let mut details = Vec::new();
    for (method, path, _) in
        operations().into_iter().filter(|(_, path, _)| path.contains("{org}") || path.contains("integrations/ghl"))
    {
        if path.ends_with("/auth") {
            continue;
        }
        for org in ["unknown", "org_0", "%00", "a%2Fb", "%F0%9F%A6%80"] {
            let uri = fill(&path, org, "some-id");
            let response = send(&server, &method, &uri, &[("authorization", &bearer)], Vec::new()).await;
            assert_eq!(
                (response.status, response.problem().as_str()),
                (StatusCode::NOT_FOUND, "not_found"),
                "{method} {uri}: {}",
                response.text()
            );
            details.push(response.json()["detail"].clone());
        }
    }
    assert!(details.len() >= 50);
    assert!(details.iter().all(|detail| *detail == details[0]), "{details:?}");
}

/// Returns invalid bodies with their content types.
fn bodies() -> Vec<(&'static str, Vec<u8>)> {
    vec![
        ("application/json", Vec::new()),
        ("application/json", b"{".to_vec()),
        ("application/json", b"null".to_vec()),
        ("application/json", b"[]".to_vec()),
        ("application/json", b"7".to_vec()),
        ("application/json", b"\"text\"".to_vec()),
        ("application/json", b"\xff\xfe".to_vec()),
        ("application/json", br#"{"nonsense": 1}"#.to_vec()),
        ("application/json", br#"{"name": 7, "slug": [], "locationId": {}, "firstName": 3, "full": "yes"}"#.to_vec()),
        ("application/json", [b"[".repeat(100_000), b"]".repeat(100_000)].concat()),
        ("application/json", vec![b' '; 300 << 10]),
        ("text/plain", b"{}".to_vec()),
        ("application/x-www-form-urlencoded", b"name=x".to_vec()),
        ("", b"{}".to_vec()),
    ]
}

#[tokio::test]
async fn no_body_or_query_causes_a_server_error() {
    let server = Server::start(&[]).await;
    let organization = server.organization("acme").await;
    let bearer = format!("Bearer {TOKEN}");
    let queries = [
        "",
        "?",
        "?limit=0",
        "?limit=101",
        "?limit=-1",
        "?limit=x",
        "?cursor=x",
        "?cursor=",
        "?nonsense=1",
        "?from=x&to=y",
        "?limit=1&limit=2",
        "?%ff=%ff",
    ];
    let mut tried = 0;
    for (method, path, _) in operations() {
        for id in ["some-id", "delivery-1", "task--1", "%00", "..%2F.."] {
            let uri = fill(&path, &organization, id);
            for (kind, body) in bodies() {
                let headers = [("authorization", bearer.as_str()), ("content-type", kind)];
                check_response(&send(&server, &method, &uri, &headers, body).await, &method, &uri);
                tried += 1;
            }
        }
        let plain = path.replace("{org}", &organization).replace("{id}", "some-id");
        for query in queries {
            let uri = format!("{plain}{query}");
            check_response(
                &send(&server, &method, &uri, &[("authorization", &bearer)], Vec::new()).await,
                &method,
                &uri,
            );
            tried += 1;
        }
    }
    assert!(tried >= 1_500, "only {tried} were tried");
    println!("{tried} requests, none failed");
}

/// Checks that the response is a success, a redirect, or a client error with a problem document.
fn check_response(response: &Response, method: &Method, uri: &str) {
    assert!(!response.status.is_server_error(), "{method} {uri}: {} {}", response.status, response.text());
    if response.status.is_client_error() {
        response.problem();
    }
}

/// Method, URL, content type and body, with the expected status and problem code.
type Row<'a> = (&'a Method, String, &'a str, Vec<u8>, u16, &'a str);

#[tokio::test]
async fn each_mistake_has_its_own_problem_code() {
    let server = Server::start(&[]).await;
    let organization = server.organization("acme").await;
    let path = |rest: &str| format!("/api/organizations/{organization}/{rest}");
    let (get, post, put) = (Method::GET, Method::POST, Method::PUT);
    let json = "application/json";
    let large = vec![b' '; 300 << 10];
    let table: Vec<Row<'_>> = vec![
        (&get, "/nowhere".into(), "", vec![], 404, "no_such_route"),
        (&put, "/api/organizations".into(), json, b"{}".to_vec(), 405, "method_not_allowed"),
        (&post, "/api/organizations".into(), json, vec![], 400, "body_missing"),
        (&post, "/api/organizations".into(), json, b"{".to_vec(), 400, "body_not_json"),
        (&post, "/api/organizations".into(), "text/plain", b"{}".to_vec(), 415, "content_type"),
        (&post, "/api/organizations".into(), json, large.clone(), 413, "body_too_large"),
        (&post, "/api/organizations".into(), json, br#"{"name":"A"}"#.to_vec(), 422, "invalid"),
        (&post, "/api/organizations".into(), json, br#"{"name":" ","slug":"a"}"#.to_vec(), 422, "invalid"),
        (&post, "/api/organizations".into(), json, br#"{"name":"A","slug":"A b"}"#.to_vec(), 422, "invalid"),
        (&post, "/api/organizations".into(), json, br#"{"name":"A","slug":"acme"}"#.to_vec(), 409, "slug_taken"),
        (&post, "/api/organizations".into(), json, br#"{"name":"A","slug":"a","x":1}"#.to_vec(), 422, "invalid"),
        (&get, path("contacts?limit=0"), "", vec![], 400, "query"),
        (&get, path("contacts?limit=many"), "", vec![], 400, "query"),
        (&get, path("contacts?cursor=made-up"), "", vec![], 400, "query"),
        (&get, path("contacts?limits=5"), "", vec![], 400, "query"),
        (&get, path("contacts/unknown"), "", vec![], 404, "not_found"),
        (&post, path("contacts"), json, br#"{"firstName":"A"}"#.to_vec(), 422, "invalid"),
        (&post, path("contacts"), json, br#"{"locationId":"l","fristName":"A"}"#.to_vec(), 422, "invalid"),
        (&post, path("contacts"), json, br#"{"locationId":"l","firstName":"A"}"#.to_vec(), 409, "integration_off"),
        (&put, path("contacts/unknown"), json, br#"{"firstName":"A"}"#.to_vec(), 404, "not_found"),
        (&Method::DELETE, path("contacts/unknown"), "", vec![], 404, "not_found"),
        (&get, path("opportunities?limit=0"), "", vec![], 400, "query"),
        (&get, path("opportunities?status=won"), "", vec![], 400, "query"),
        (&get, path("pipelines?cursor=x"), "", vec![], 400, "query"),
        (&get, path("appointments?from=yesterday"), "", vec![], 400, "query"),
        (&get, path("appointments?from=2026-03-02T00:00:00Z&to=2026-03-01T00:00:00Z"), "", vec![], 400, "query"),
        (&post, path("sync"), json, br#"{"full":"yes"}"#.to_vec(), 422, "invalid"),
        (&post, path("sync"), "", vec![], 409, "reconnect_required"),
        (&get, path("dead-letters?cursor=x"), "", vec![], 400, "query"),
        (&post, path("dead-letters/delivery-1/redrive"), "", vec![], 404, "not_found"),
        (&post, path("dead-letters/x/redrive"), "", vec![], 404, "not_found"),
        (&get, "/api/integrations/ghl/connect".into(), "", vec![], 400, "query"),
        (
            &get,
            format!("/api/integrations/ghl/connect?organizationId={organization}"),
            "",
            vec![],
            409,
            "integration_off",
        ),
        (
            &get,
            format!("/api/integrations/ghl/connect?organizationId={organization}&link=x"),
            "",
            vec![],
            409,
            "integration_off",
        ),
        (&get, "/api/integrations/ghl/auth".into(), "", vec![], 400, "state_missing"),
        (&get, "/api/integrations/ghl/auth?code=c&state=made-up".into(), "", vec![], 400, "state_invalid"),
        (&Method::DELETE, "/api/integrations/ghl".into(), "", vec![], 400, "query"),
        (&post, "/api/webhooks/ghl".into(), json, b"{}".to_vec(), 401, "signature_invalid"),
        (&post, "/api/webhooks/ghl".into(), json, vec![], 401, "signature_invalid"),
        (&post, "/api/webhooks/ghl".into(), json, vec![b' '; 2 << 20], 413, "body_too_large"),
    ];
    let bearer = format!("Bearer {TOKEN}");
    for (method, uri, kind, body, status, code) in table {
        let mut headers = vec![("authorization", bearer.as_str())];
        if !kind.is_empty() {
            headers.push(("content-type", kind));
        }
        let response = send(&server, method, &uri, &headers, body).await;
        assert_eq!(
            (response.status.as_u16(), response.problem().as_str()),
            (status, code),
            "{method} {uri}: {}",
            response.text()
        );
    }
}

#[tokio::test]
async fn a_valid_request_id_of_the_caller_is_returned() {
    let server = Server::start(&[]).await;
    for (sent, accepted) in [("abc-123", true), ("", false), ("a b", false), (&"x".repeat(65), false), ("\"<x>", false)]
    {
        let response = send(&server, &Method::GET, "/nowhere", &[("x-request-id", sent)], Vec::new()).await;
        assert_eq!(response.header("x-request-id") == sent, accepted, "{sent:?}");
        assert_eq!(response.json()["requestId"], response.header("x-request-id"));
    }
}

#[tokio::test]
async fn a_wrong_method_returns_the_allowed_ones() {
    let server = Server::start(&[]).await;
    let response = send(&server, &Method::PUT, "/api/organizations", &[], Vec::new()).await;
    assert_eq!((response.status.as_u16(), response.problem().as_str()), (405, "method_not_allowed"));
    assert!(response.header("allow").contains("GET") && response.header("allow").contains("POST"), "{response:?}");
}

#[tokio::test]
async fn an_optional_body_may_be_missing_but_not_invalid() {
    let server = Server::start(&[]).await;
    let organization = server.organization("acme").await;
    let uri = format!("/api/organizations/{organization}/sync");
    let response = server.call(Method::POST, &uri, Some(json!({"full": true, "fast": true}))).await;
    assert_eq!((response.status.as_u16(), response.problem().as_str()), (422, "invalid"));
    assert!(response.json()["detail"].as_str().unwrap().contains("fast"));
    // Valid, but nothing is connected.
    let response = server.call(Method::POST, &uri, Some(json!({"full": true}))).await;
    assert_eq!(response.problem(), "reconnect_required");
}
