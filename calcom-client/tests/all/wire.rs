//! The client over real HTTP, with the reqwest transport.

use std::time::Duration;

use calcom_client::{CalcomClient, CalcomOAuth, Profile, bookings::NewAttendee};
use serde_json::json;
use sidecar_core::{ErrorKind, SendState, retry::RetryPolicy};
use wiremock::{
    Mock, MockServer, ResponseTemplate,
    matchers::{bearer_token, body_partial_json, body_string_contains, header, method, path, query_param},
};

use crate::support::{at, fixture};

fn client(server: &MockServer) -> calcom_client::CalcomClientBuilder {
    CalcomClient::builder()
        .api_key("cal_live_1".to_owned())
        .base_url(format!("{}/v2", server.uri()))
        .profile(Profile::Cloud)
}

#[tokio::test]
async fn a_booking_request_has_all_required_headers_and_fields() {
    let server = MockServer::start().await;
    Mock::given(method("POST"))
        .and(path("/v2/bookings"))
        .and(bearer_token("cal_live_1"))
        .and(header("cal-api-version", "2026-02-25"))
        .and(header("content-type", "application/json"))
        .and(body_partial_json(json!({"eventTypeId": 7, "start": "2026-12-02T09:00:00Z"})))
        .respond_with(ResponseTemplate::new(201).set_body_json(fixture!("booking")))
        .expect(1)
        .mount(&server)
        .await;
    let calcom = client(&server).build().unwrap();
    let ann = NewAttendee::new("Ann Example", "ann@example.com", "Europe/Berlin");
    let booked = calcom.bookings().create(7, at("2026-12-02T09:00:00Z"), &ann).await.unwrap();
    assert_eq!(booked.first().unwrap().uid.as_str(), "bk_1");
}

#[tokio::test]
async fn the_calendars_of_busy_times_are_bracketed_parameters() {
    let server = MockServer::start().await;
    Mock::given(method("GET"))
        .and(path("/v2/calendars/busy-times"))
        .and(query_param("calendarsToLoad[0][credentialId]", "135"))
        .and(query_param("calendarsToLoad[0][externalId]", "me@x.com"))
        .respond_with(ResponseTemplate::new(200).set_body_json(fixture!("busy_times")))
        .expect(1)
        .mount(&server)
        .await;
    let calendars = client(&server).build().unwrap().calendars();
    let (from, to) = (at("2026-12-02T00:00:00Z"), at("2026-12-03T00:00:00Z"));
    let busy = calendars.busy_times(from, to, "UTC").calendar(135, "me@x.com").await.unwrap();
    assert_eq!(busy.len(), 1);
}

#[tokio::test]
async fn a_timed_out_create_may_have_taken_effect() {
    let server = MockServer::start().await;
    let late = ResponseTemplate::new(201).set_delay(Duration::from_secs(30));
    Mock::given(method("POST")).respond_with(late).expect(1).mount(&server).await;
    let calcom = client(&server).attempt_timeout(Duration::from_millis(100)).build().unwrap();
    let ann = NewAttendee::new("Ann", "a@b.c", "UTC");
    let error = calcom.bookings().create(7, at("2026-12-02T09:00:00Z"), &ann).await.unwrap_err();
    assert_eq!((error.kind(), error.send_state()), (ErrorKind::Transport, SendState::Unknown));
    assert!(error.may_have_taken_effect());
}

#[tokio::test]
async fn a_refused_connection_is_reported_as_not_sent() {
    let closed = CalcomClient::builder().api_key("cal_x".to_owned()).base_url("http://127.0.0.1:1");
    let error = closed.retry(RetryPolicy::never()).build().unwrap().me().get().await.unwrap_err();
    assert_eq!((error.kind(), error.send_state(), error.status()), (ErrorKind::Transport, SendState::NotSent, None));
}

#[tokio::test]
async fn a_token_refresh_is_sent_as_a_form() {
    let server = MockServer::start().await;
    Mock::given(method("POST"))
        .and(path("/v2/auth/oauth2/token"))
        .and(header("content-type", "application/x-www-form-urlencoded"))
        .and(body_string_contains("grant_type=refresh_token&refresh_token=r%2F1"))
        .respond_with(ResponseTemplate::new(200).set_body_json(json!({"access_token": "a", "refresh_token": "r2"})))
        .expect(1)
        .mount(&server)
        .await;
    let oauth = CalcomOAuth::builder("c")
        .client_secret("s".to_owned())
        .base_url(server.uri())
        .app_url(server.uri())
        .build()
        .unwrap();
    assert!(oauth.refresh(&"r/1".to_owned().into()).await.unwrap().refresh.is_some());
}
