//! The provider names the wait (R12): nobody comes back sooner, and not much later.

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

/// Refuses the first request with a wait, takes the others, and writes down when each came.
#[derive(Debug)]
struct Door {
    refusal: StatusCode,
    wait: Duration,
    came: Mutex<Vec<Duration>>,
    clock: SystemClock,
}

async fn knock(State(door): State<Arc<Door>>) -> Response {
    let mut came = door.came.lock().unwrap();
    came.push(door.clock.monotonic());
    if came.len() == 1 {
        let wait = [(header::RETRY_AFTER, door.wait.as_secs().to_string())];
        return (door.refusal, wait, Json(json!({"message": "later"}))).into_response();
    }
    Json(json!({"location": {"id": "L1"}, "contact": {"id": "C1", "locationId": "L1"}})).into_response()
}

/// A provider that refuses once, and a client of it.
async fn scene(refusal: StatusCode, wait: Duration) -> (Arc<Door>, GhlClient) {
    let door = Arc::new(Door { refusal, wait, came: Mutex::default(), clock: SystemClock::new() });
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(axum::serve(listener, Router::new().fallback(knock).with_state(Arc::clone(&door))).into_future());
    let client = GhlClient::builder().private_integration_token("pit-1").base_url(url).build().unwrap();
    (door, client)
}

async fn read(client: &GhlClient) -> Result<(), Error> {
    client.locations().get("L1").await.map(drop)
}

async fn create(client: &GhlClient) -> Result<(), Error> {
    client.contacts().create("L1").email("a@outage.test").await.map(drop)
}

/// How much later than asked for the next request came.
fn late(door: &Door) -> Duration {
    let came = door.came.lock().unwrap();
    let kept = came[1] - came[0];
    assert!(kept >= door.wait, "{kept:?} is sooner than {:?}", door.wait);
    kept - door.wait
}

fn wait() -> Duration {
    Duration::from_secs(scaled(5, 1) as u64)
}

fn report(id: &str, late: Duration) {
    let reached = format!("{:?} asked for, {late:.1?} later than that", wait());
    proof(id, "Retry-After kept within ± 1 s", reached, late <= SECOND);
    assert!(late <= SECOND * 5, "{late:?}");
}

#[tokio::test]
async fn a_read_comes_back_when_the_provider_said() {
    for (id, refusal) in [("R12-429-read", StatusCode::TOO_MANY_REQUESTS), ("R12-503", StatusCode::SERVICE_UNAVAILABLE)]
    {
        let (door, client) = scene(refusal, wait()).await;
        read(&client).await.unwrap();
        report(id, late(&door));
    }
}

#[tokio::test]
async fn a_create_that_was_refused_by_limit_comes_back_when_the_provider_said() {
    let (door, client) = scene(StatusCode::TOO_MANY_REQUESTS, wait()).await;
    create(&client).await.unwrap();
    report("R12-429-create", late(&door));
    assert_eq!(door.came.lock().unwrap().len(), 2);
}

#[tokio::test]
async fn a_create_that_the_provider_failed_at_is_left_to_the_caller() {
    let (door, client) = scene(StatusCode::SERVICE_UNAVAILABLE, wait()).await;
    let error = create(&client).await.unwrap_err();
    assert_eq!((error.send_state(), error.retry_after()), (SendState::Responded, Some(wait())));
    assert_eq!(door.came.lock().unwrap().len(), 1);
}

#[tokio::test]
async fn nobody_else_calls_the_location_meanwhile() {
    let (door, client) = scene(StatusCode::TOO_MANY_REQUESTS, wait()).await;
    let others = async {
        while door.came.lock().unwrap().is_empty() {
            door.clock.sleep(Duration::from_millis(5)).await;
        }
        door.clock.sleep(wait() / 4).await;
        join_all((0..10).map(|_| read(&client))).await
    };
    let (first, others) = tokio::join!(read(&client), others);
    others.into_iter().chain([first]).for_each(|answer| answer.unwrap());
    report("R12-429-others", late(&door));
    assert_eq!(door.came.lock().unwrap().len(), 12);
}
