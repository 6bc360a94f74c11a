//! The client over real HTTP, with reqwest as it is shipped.

use std::time::Duration;

use ghl_client::{GhlClient, GhlOAuth, oauth::UserType};
use serde_json::json;
use sidecar_core::{ErrorKind, SendState, retry::RetryPolicy};
use wiremock::{
    Mock, MockServer, ResponseTemplate,
    matchers::{bearer_token, body_partial_json, body_string_contains, header, method, path},
};

use crate::support::{LOCATION, fixture};

fn client(server: &MockServer) -> ghl_client::GhlClientBuilder {
    GhlClient::builder().private_integration_token("pit-1").base_url(server.uri())
}

#[tokio::test]
async fn a_search_arrives_with_everything_the_provider_asks_for() {
    let server = MockServer::start().await;
    Mock::given(method("POST"))
        .and(path("/contacts/search"))
        .and(bearer_token("pit-1"))
        .and(header("version", "2021-07-28"))
        .and(header("content-type", "application/json"))
        .and(body_partial_json(json!({"locationId": LOCATION, "pageLimit": 100})))
        .respond_with(ResponseTemplate::new(200).set_body_json(fixture!("contacts_search")))
        .expect(1)
        .mount(&server)
        .await;
    let page = client(&server).build().unwrap().contacts().search(LOCATION).await.unwrap();
    assert_eq!(page.items.len(), 2);
}

#[tokio::test]
async fn a_proxys_error_page_is_tried_again() {
    let server = MockServer::start().await;
    let html = ResponseTemplate::new(502).set_body_string("<html>Bad Gateway</html>");
    Mock::given(method("GET")).respond_with(html).up_to_n_times(1).expect(1).mount(&server).await;
    let found = ResponseTemplate::new(200).set_body_json(fixture!("contacts_get"));
    Mock::given(method("GET")).respond_with(found).expect(1).mount(&server).await;
    client(&server).build().unwrap().contacts().get(LOCATION, "c1").await.unwrap();
}

#[tokio::test]
async fn an_answer_that_comes_too_late_says_that_the_request_may_have_been_carried_out() {
    let server = MockServer::start().await;
    let late = ResponseTemplate::new(201).set_delay(Duration::from_secs(30));
    Mock::given(method("POST")).respond_with(late).expect(1).mount(&server).await;
    let ghl = client(&server).attempt_timeout(Duration::from_millis(100)).build().unwrap();
    let error = ghl.contacts().create(LOCATION).email("a@example.com").await.unwrap_err();
    assert_eq!((error.kind(), error.send_state()), (ErrorKind::Transport, SendState::Unknown));
}

#[tokio::test]
async fn nobody_listening_is_told_from_an_answer() {
    let closed = GhlClient::builder().private_integration_token("pit-1").base_url("http://127.0.0.1:1");
    let error = closed.retry(RetryPolicy::never()).build().unwrap().contacts().get(LOCATION, "c1").await.unwrap_err();
    assert_eq!((error.kind(), error.send_state(), error.status()), (ErrorKind::Transport, SendState::NotSent, None));
}

#[tokio::test]
async fn a_refresh_goes_out_as_a_form() {
    let server = MockServer::start().await;
    Mock::given(method("POST"))
        .and(path("/oauth/token"))
        .and(header("content-type", "application/x-www-form-urlencoded"))
        .and(body_string_contains("grant_type=refresh_token&refresh_token=r%2F1&user_type=Company"))
        .respond_with(ResponseTemplate::new(200).set_body_json(fixture!("oauth_token_company")))
        .expect(1)
        .mount(&server)
        .await;
    let oauth = GhlOAuth::builder("app1-x", "s".to_owned()).base_url(server.uri()).build().unwrap();
    let tokens = oauth.refresh(&"r/1".to_owned().into(), &UserType::Company).await.unwrap();
    assert!(tokens.refresh.is_some());
}
