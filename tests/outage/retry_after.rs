//! `Retry-After` (R12): the client sends the next request no sooner and not much later.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use axum::{
    Json, Router,
    extract::State,
    response::{IntoResponse, Response},
};
use futures_util::future::join_all;
use ghl_client::GhlClient;
use http::{StatusCode, header};
use serde_json::json;
use sidecar_core::{Clock, Error, SendState, SystemClock};
use sidecar_tests::{proof, scaled};
use tokio::net::TcpListener;

const SECOND: Duration = Duration::from_secs(1);

/// A server that rejects the first request with `Retry-After` and records the time of each request.
#[derive(Debug)]
struct RejectingServer {
    rejection: StatusCode,
    wait: Duration,
    received: Mutex<Vec<Duration>>,
    clock: SystemClock,
}

async fn handle(State(server): State<Arc<RejectingServer>>) -> Response {
    let mut received = server.received.lock().unwrap();
    received.push(server.clock.monotonic());
    if received.len() == 1 {
        let wait = [(header::RETRY_AFTER, server.wait.as_secs().to_string())];
        return (server.rejection, wait, Json(json!({"message": "later"}))).into_response();
    }
    Json(json!({"location": {"id": "L1"}, "contact": {"id": "C1", "locationId": "L1"}})).into_response()
}

/// Starts a server that rejects one request, and a client for it.
async fn start(rejection: StatusCode, wait: Duration) -> (Arc<RejectingServer>, GhlClient) {
    let server = Arc::new(RejectingServer { rejection, wait, received: Mutex::default(), clock: SystemClock::new() });
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(axum::serve(listener, Router::new().fallback(handle).with_state(Arc::clone(&server))).into_future());
    let client = GhlClient::builder().private_integration_token("pit-1").base_url(url).build().unwrap();
    (server, client)
}

async fn read(client: &GhlClient) -> Result<(), Error> {
    client.locations().get("L1").await.map(drop)
}

async fn create(client: &GhlClient) -> Result<(), Error> {
    client.contacts().create("L1").email("a@outage.test").await.map(drop)
}

/// Returns how long after `Retry-After` the second request arrived.
fn delay_after_retry_after(server: &RejectingServer) -> Duration {
    let received = server.received.lock().unwrap();
    let waited = received[1] - received[0];
    assert!(waited >= server.wait, "{waited:?} is sooner than {:?}", server.wait);
    waited - server.wait
}

fn wait() -> Duration {
    Duration::from_secs(scaled(5, 1) as u64)
}

fn report(id: &str, late: Duration) {
    let reached = format!("Retry-After {:?}, request {late:.1?} later", wait());
    proof(id, "Retry-After observed within ± 1 s", reached, late <= SECOND);
    assert!(late <= SECOND * 5, "{late:?}");
}

#[tokio::test]
async fn a_rejected_read_is_retried_after_retry_after() {
    for (id, rejection) in
        [("R12-429-read", StatusCode::TOO_MANY_REQUESTS), ("R12-503", StatusCode::SERVICE_UNAVAILABLE)]
    {
        let (server, client) = start(rejection, wait()).await;
        read(&client).await.unwrap();
        report(id, delay_after_retry_after(&server));
    }
}

#[tokio::test]
async fn a_rate_limited_create_is_retried_after_retry_after() {
    let (server, client) = start(StatusCode::TOO_MANY_REQUESTS, wait()).await;
    create(&client).await.unwrap();
    report("R12-429-create", delay_after_retry_after(&server));
    assert_eq!(server.received.lock().unwrap().len(), 2);
}

#[tokio::test]
async fn a_create_that_failed_with_503_is_not_retried() {
    let (server, client) = start(StatusCode::SERVICE_UNAVAILABLE, wait()).await;
    let error = create(&client).await.unwrap_err();
    assert_eq!((error.send_state(), error.retry_after()), (SendState::Responded, Some(wait())));
    assert_eq!(server.received.lock().unwrap().len(), 1);
}

#[tokio::test]
async fn other_calls_to_the_location_wait_too() {
    let (server, client) = start(StatusCode::TOO_MANY_REQUESTS, wait()).await;
    let others = async {
        while server.received.lock().unwrap().is_empty() {
            server.clock.sleep(Duration::from_millis(5)).await;
        }
        server.clock.sleep(wait() / 4).await;
        join_all((0..10).map(|_| read(&client))).await
    };
    let (first, others) = tokio::join!(read(&client), others);
    others.into_iter().chain([first]).for_each(|result| result.unwrap());
    report("R12-429-others", delay_after_retry_after(&server));
    assert_eq!(server.received.lock().unwrap().len(), 12);
}
