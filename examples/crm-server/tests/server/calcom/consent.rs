use axum::body::Body;
use http::{Method, Request, StatusCode, header};
use serde_json::json;
use url::Url;

use super::Fixture;
use crate::support::Response;

/// The state of a browser that was redirected to the consent page.
struct PendingConsent {
    page: Url,
    cookie: String,
}

impl PendingConsent {
    fn value(&self, name: &str) -> String {
        self.page.query_pairs().find(|(key, _)| key == name).unwrap().1.into_owned()
    }
}

impl Fixture {
    async fn with_oauth_client() -> Self {
        Self::with(&[
            ("CALCOM_CLIENT_ID", "client".to_owned()),
            ("CALCOM_CLIENT_SECRET", "secret".to_owned()),
            ("CALCOM_AUTHORIZE_URL", "https://cal.test/auth/oauth2/authorize".to_owned()),
        ])
        .await
    }

    async fn start_consent(&self) -> PendingConsent {
        let path = format!("/api/integrations/calcom/connect?organizationId={}", self.organization);
        let response = self.server.call(Method::GET, &path, None).await;
        assert_eq!(response.status, StatusCode::FOUND, "{}", response.text());
        let cookie = response.header("set-cookie");
        assert!(cookie.contains("HttpOnly") && cookie.contains("Path=/api/integrations/calcom"), "{cookie}");
        let cookie = cookie.split(';').next().unwrap().to_owned();
        PendingConsent { page: Url::parse(response.header("location")).unwrap(), cookie }
    }

    async fn return_from_consent(&self, query: &str, cookie: &str) -> Response {
        let request = Request::get(format!("/api/integrations/calcom/auth?{query}")).header(header::COOKIE, cookie);
        self.server.send(request.body(Body::empty()).unwrap()).await
    }
}

#[tokio::test]
async fn consent_connects_with_the_code_verifier_of_the_same_flow() {
    let fixture = Fixture::with_oauth_client().await;
    let pending = fixture.start_consent().await;
    assert_eq!(pending.page.path(), "/auth/oauth2/authorize");
    assert_eq!(pending.value("redirect_uri"), "http://crm.test/api/integrations/calcom/auth");
    assert_eq!(pending.value("code_challenge_method"), "S256");
    let query = format!("code={}&state={}", pending.value("code_challenge"), pending.value("state"));
    let response = fixture.return_from_consent(&query, &pending.cookie).await;
    assert_eq!(response.header("location"), "http://crm.test/agency/acme/admin/settings?integration=success");
    assert_eq!(fixture.connection().await["by"], "oauth");
    let client = fixture.server.app.calcom.client(&fixture.organization.as_str().into()).await.unwrap();
    client.me().get().await.unwrap();
    assert_eq!(fixture.calcom.last().authorization, "Bearer access-1");
    assert_eq!(
        fixture.return_from_consent(&query, &pending.cookie).await.problem(),
        "state_invalid",
        "a state can be used once"
    );
}

#[tokio::test]
async fn a_code_of_another_flow_is_rejected() {
    let fixture = Fixture::with_oauth_client().await;
    let (mine, theirs) = (fixture.start_consent().await, fixture.start_consent().await);
    let query = format!("code={}&state={}", theirs.value("code_challenge"), mine.value("state"));
    let response = fixture.return_from_consent(&query, &mine.cookie).await;
    assert_eq!(response.header("location"), "http://crm.test/agency/acme/admin/settings?error=code_rejected");
    let query = format!("code={}&state={}", theirs.value("code_challenge"), theirs.value("state"));
    assert_eq!(
        fixture.return_from_consent(&query, &mine.cookie).await.problem(),
        "state_invalid",
        "the state belongs to another browser"
    );
    assert_eq!(fixture.connection().await["connected"], false);
}

#[tokio::test]
async fn a_state_of_one_provider_is_invalid_for_another() {
    let fixture = Fixture::with_oauth_client().await;
    let pending = fixture.start_consent().await;
    let (_, value) = pending.cookie.split_once('=').unwrap();
    let request = Request::get(format!("/api/integrations/ghl/auth?code=c&state={}", pending.value("state")))
        .header(header::COOKIE, format!("sidecar_ghl_connect={value}"));
    let response = fixture.server.send(request.body(Body::empty()).unwrap()).await;
    assert_eq!(response.problem(), "state_invalid");
}

#[tokio::test]
async fn oauth_tokens_are_never_sent_to_a_custom_address() {
    let fixture = Fixture::with_oauth_client().await;
    let other = super::FakeCalcom::start().await;
    let custom = fixture.put(json!({"baseUrl": other.url, "apiKey": super::KEY})).await;
    assert_eq!(custom.status, StatusCode::OK, "{}", custom.text());
    let pending = fixture.start_consent().await;
    let query = format!("code={}&state={}", pending.value("code_challenge"), pending.value("state"));
    assert!(
        fixture.return_from_consent(&query, &pending.cookie).await.header("location").ends_with("integration=success")
    );
    fixture.server.app.calcom.client(&fixture.organization.as_str().into()).await.unwrap().me().get().await.unwrap();
    assert_eq!(fixture.calcom.last().authorization, "Bearer access-1");
    assert!(other.requests().iter().all(|seen| !seen.authorization.contains("access-1")), "{:?}", other.requests());
    assert_eq!(fixture.token_resources().await, ["calcom:account"], "the key of the previous address is deleted");
}

#[tokio::test]
async fn oauth_tokens_are_stored_before_the_settings_refer_to_them() {
    let fixture = Fixture::with_oauth_client().await;
    // Unreadable settings simulate a process that crashes before it updates them.
    let (store, organization) = (&fixture.server.app.store, fixture.organization.as_str().into());
    assert!(store.put_setting(&organization, "calcom", 0, &"not a document".into()).await.unwrap());
    let pending = fixture.start_consent().await;
    let query = format!("code={}&state={}", pending.value("code_challenge"), pending.value("state"));
    assert!(
        fixture.return_from_consent(&query, &pending.cookie).await.header("location").ends_with("error=unavailable")
    );
    assert_eq!(fixture.token_resources().await, ["calcom:account"]);
}

#[tokio::test]
async fn other_processes_use_a_newly_connected_account_at_once() {
    let fixture = Fixture::with_oauth_client().await;
    assert_eq!(fixture.put(json!({"apiKey": super::KEY})).await.status, StatusCode::OK);
    let other = fixture.server.another_process().app;
    let call = async || {
        other.calcom.client(&fixture.organization.as_str().into()).await.unwrap().me().get().await.unwrap();
        fixture.calcom.last().authorization
    };
    assert_eq!(call().await, format!("Bearer {}", super::KEY));
    let pending = fixture.start_consent().await;
    let query = format!("code={}&state={}", pending.value("code_challenge"), pending.value("state"));
    assert!(
        fixture.return_from_consent(&query, &pending.cookie).await.header("location").ends_with("integration=success")
    );
    assert_eq!(call().await, "Bearer access-1");
}

#[tokio::test]
async fn without_an_oauth_client_the_route_names_the_missing_variable() {
    let fixture = Fixture::start().await;
    let path = format!("/api/integrations/calcom/connect?organizationId={}", fixture.organization);
    let response = fixture.server.call(Method::GET, &path, None).await;
    assert_eq!((response.status.as_u16(), response.problem().as_str()), (409, "integration_off"));
    assert!(response.text().contains("CALCOM_CLIENT_ID"), "{}", response.text());
}
