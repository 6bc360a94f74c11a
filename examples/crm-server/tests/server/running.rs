//! A whole server on a port: each role, and its shutdown.

use std::time::Duration;

use crm_server::{
    Running,
    config::{Config, Role},
};
use sidecar_core::{
    SystemClock,
    http::{Body, HttpRequest, HttpResponse, ReqwestTransport, Transport, TransportError},
    time::timeout,
};

async fn start(role: Role) -> Running {
    let variables = [
        ("SIDECAR_ENV", "test"),
        ("BIND_ADDR", "127.0.0.1:0"),
        ("METRICS_ADDR", "127.0.0.1:0"),
        ("DATABASE_URL", "sqlite::memory:"),
    ];
    let variables = variables.map(|(name, value)| (name.to_owned(), value.to_owned()));
    let mut config = Config::from_variables(variables).unwrap();
    config.role = role;
    crm_server::serve(config).await.unwrap()
}

async fn get(address: std::net::SocketAddr, path: &str) -> Result<u16, TransportError> {
    Ok(send_get(address, path).await?.status().as_u16())
}

async fn send_get(address: std::net::SocketAddr, path: &str) -> Result<HttpResponse, TransportError> {
    let mut request = HttpRequest::new(Body::EMPTY);
    *request.uri_mut() = format!("http://{address}{path}").parse().unwrap();
    ReqwestTransport::new().unwrap().send(request).await
}

#[tokio::test]
async fn every_role_serves_health_and_only_web_roles_serve_the_api() {
    for (role, routes) in [(Role::All, 401), (Role::Web, 401), (Role::Worker, 404)] {
        let running = start(role).await;
        assert_eq!(get(running.addr, "/health/live").await.unwrap(), 200);
        assert_eq!(get(running.addr, "/health/ready").await.unwrap(), 200);
        assert_eq!(get(running.addr, "/metrics").await.unwrap(), 401, "without a token");
        assert_eq!(get(running.metrics_addr.unwrap(), "/metrics").await.unwrap(), 200, "at its own address");
        assert_eq!(get(running.addr, "/api/organizations").await.unwrap(), routes, "{role:?}");
        running.stop().await;
    }
}

#[tokio::test]
async fn the_metrics_address_rejects_other_paths_with_a_problem() {
    let running = start(Role::Web).await;
    let response = send_get(running.metrics_addr.unwrap(), "/nowhere").await.unwrap();
    assert_eq!(response.status(), 404);
    assert_eq!(response.headers()["content-type"], "application/problem+json");
    assert!(response.headers().contains_key("x-request-id"));
    running.stop().await;
}

#[tokio::test]
async fn a_stopped_server_closes_its_port_within_five_seconds() {
    let running = start(Role::All).await;
    let address = running.addr;
    assert_eq!(get(address, "/health/ready").await.unwrap(), 200);
    timeout(&SystemClock::new(), Duration::from_secs(5), running.stop()).await.unwrap();
    assert!(matches!(get(address, "/health/ready").await, Err(TransportError::Connect(_))));
}

#[tokio::test]
async fn an_address_in_use_is_an_error_that_names_the_variable() {
    let running = start(Role::Web).await;
    let variables = [
        ("SIDECAR_ENV", "test".to_owned()),
        ("BIND_ADDR", running.addr.to_string()),
        ("DATABASE_URL", "sqlite::memory:".to_owned()),
    ];
    let config = Config::from_variables(variables.map(|(name, value)| (name.to_owned(), value))).unwrap();
    let error = crm_server::serve(config).await.unwrap_err();
    assert!(error.to_string().contains("BIND_ADDR"), "{error}");
    running.stop().await;
}
