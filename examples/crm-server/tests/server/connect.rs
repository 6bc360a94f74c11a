//! Connecting GHL by OAuth: the link, the consent and the redirect back work once, and only in the browser that started.

use axum::body::Body;
use http::{Method, Request, StatusCode, header};
use provider_sandbox::Sandbox;
use secrecy::ExposeSecret;
use serde_json::json;
use sidecar_core::token::ConnectionState;
use tower::ServiceExt;
use url::Url;

use crate::support::{Response, Server};

/// A server with GHL configured, and the sandbox provider.
pub(crate) struct Fixture {
    pub(crate) server: Server,
    pub(crate) sandbox: Sandbox,
    pub(crate) organization: String,
}

/// The state of a browser that was redirected to the consent page.
struct PendingConsent {
    page: Url,
    cookie: String,
}

impl Fixture {
    pub(crate) async fn start() -> Self {
        Self::with_scheme("http").await
    }

    async fn with_scheme(scheme: &str) -> Self {
        let sandbox = Sandbox::builder().contacts(5).locations(2).start().await.unwrap();
        let mut variables = sandbox.env();
        variables.push(("APP_URL", format!("{scheme}://crm.test")));
        let server = Server::start(&variables).await;
        let organization = server.organization("acme").await;
        Self { server, sandbox, organization }
    }

    async fn start_consent(&self) -> PendingConsent {
        let path = format!("/api/integrations/ghl/connect?organizationId={}", self.organization);
        PendingConsent::of(&self.server.call(Method::GET, &path, None).await)
    }

    /// Gives consent and returns the path of the redirect back.
    async fn consent(&self, page: &Url, choice: &str) -> String {
        let uri = format!("{}?{}&sandbox_choose={choice}", page.path(), page.query().unwrap());
        let request = Request::builder().uri(uri).body(Body::empty()).unwrap();
        let response = self.sandbox.router().oneshot(request).await.unwrap();
        assert_eq!(response.status(), StatusCode::FOUND);
        let back = Url::parse(response.headers()[header::LOCATION].to_str().unwrap()).unwrap();
        assert_eq!(back.path(), "/api/integrations/ghl/auth");
        format!("{}?{}", back.path(), back.query().unwrap())
    }

    /// Sends the redirect back from the consent page, without the operator's token.
    async fn return_from_consent(&self, path: &str, cookie: &str) -> Response {
        let request = Request::builder().uri(path).header(header::COOKIE, format!("other=1; {cookie}"));
        self.server.send(request.body(Body::empty()).unwrap()).await
    }

    /// Connects a company or location and returns the URL of the final redirect.
    pub(crate) async fn connect(&self, choice: &str) -> String {
        let PendingConsent { page, cookie } = self.start_consent().await;
        let back = self.consent(&page, choice).await;
        let response = self.return_from_consent(&back, &cookie).await;
        assert_eq!(response.status, StatusCode::FOUND, "{}", response.text());
        response.header("location").to_owned()
    }

    async fn connections(&self, organization: &str) -> Vec<String> {
        let connections = self.server.app.store.connections(&organization.into()).await.unwrap();
        assert!(connections.iter().all(|connection| connection.state == ConnectionState::Active));
        connections.iter().map(|connection| connection.key.resource().to_owned()).collect()
    }
}

impl PendingConsent {
    fn of(response: &Response) -> Self {
        assert_eq!(response.status, StatusCode::FOUND, "{}", response.text());
        let cookie = response.header("set-cookie").split(';').next().unwrap().to_owned();
        Self { page: Url::parse(response.header("location")).unwrap(), cookie }
    }
}

#[tokio::test]
async fn a_company_is_connected_and_its_sources_are_scheduled() {
    let fixture = Fixture::start().await;
    let redirect = fixture.connect("company").await;
    assert_eq!(redirect, "http://crm.test/agency/acme/admin/settings?integration=success");
    assert_eq!(
        fixture.connections(&fixture.organization).await,
        [format!("ghl:company:{}", fixture.sandbox.ghl().company_id())]
    );
    let statuses = fixture.server.app.store.statuses(&fixture.organization.as_str().into()).await.unwrap();
    assert_eq!(statuses.iter().map(|status| &*status.key.source).collect::<Vec<_>>(), ["GHL_LOCATIONS"]);
}

#[tokio::test]
async fn the_cookie_is_limited_to_the_flow_and_secure_over_https() {
    for (scheme, secure) in [("http", false), ("https", true)] {
        let fixture = Fixture::with_scheme(scheme).await;
        let path = format!("/api/integrations/ghl/connect?organizationId={}", fixture.organization);
        let response = fixture.server.call(Method::GET, &path, None).await;
        let cookie = response.header("set-cookie");
        for part in ["HttpOnly", "SameSite=Lax", "Path=/api/integrations/ghl", "Max-Age=600"] {
            assert!(cookie.contains(part), "{cookie}");
        }
        assert_eq!(cookie.contains("Secure"), secure, "{cookie}");
        let location = Url::parse(response.header("location")).unwrap();
        let state = location.query_pairs().find(|(name, _)| name == "state").unwrap().1.into_owned();
        assert!(state.len() >= 43 && !cookie.contains(&state), "the cookie must not be the state");
    }
}

#[tokio::test]
async fn a_state_can_be_used_once() {
    let fixture = Fixture::start().await;
    let PendingConsent { page, cookie } = fixture.start_consent().await;
    let back = fixture.consent(&page, "company").await;
    assert_eq!(fixture.return_from_consent(&back, &cookie).await.status, StatusCode::FOUND);
    assert_eq!(fixture.return_from_consent(&back, &cookie).await.problem(), "state_invalid");
}

#[tokio::test]
async fn a_state_of_another_browser_is_rejected_and_consumed() {
    let fixture = Fixture::start().await;
    let (mine, theirs) = (fixture.start_consent().await, fixture.start_consent().await);
    let back = fixture.consent(&mine.page, "company").await;
    for cookie in [theirs.cookie.as_str(), "", &mine.cookie] {
        assert_eq!(fixture.return_from_consent(&back, cookie).await.problem(), "state_invalid");
    }
    assert!(fixture.connections(&fixture.organization).await.is_empty());
}

#[tokio::test]
async fn a_location_of_another_organization_is_rejected() {
    let fixture = Fixture::start().await;
    let location = fixture.sandbox.ghl().location_ids()[0].clone();
    fixture.connect(&format!("location:{location}")).await;
    let other = Fixture { organization: fixture.server.organization("other").await, ..fixture };
    let redirect = other.connect(&format!("location:{location}")).await;
    assert_eq!(redirect, "http://crm.test/agency/other/admin/settings?error=location_taken");
    assert!(other.connections(&other.organization).await.is_empty());
}

#[tokio::test]
async fn a_denied_consent_and_an_invalid_code_redirect_to_the_settings() {
    let fixture = Fixture::start().await;
    for (query, code) in
        [("error=access_denied", "access_denied"), ("code=made-up", "code_rejected"), ("code=", "code_missing")]
    {
        let PendingConsent { page, cookie } = fixture.start_consent().await;
        let state = page.query_pairs().find(|(name, _)| name == "state").unwrap().1.into_owned();
        let redirect =
            fixture.return_from_consent(&format!("/api/integrations/ghl/auth?{query}&state={state}"), &cookie).await;
        assert_eq!(redirect.header("location"), format!("http://crm.test/agency/acme/admin/settings?error={code}"));
    }
}

#[tokio::test]
async fn a_link_starts_the_flow_once_and_only_for_its_organization() {
    let fixture = Fixture::start().await;
    let app = &fixture.server.app;
    let id = fixture.organization.as_str().into();
    let open = async |organization: &str| {
        let token = crm_server::tenancy::oauth_flow::states::create_link(&*app.store, &id, app.now()).await.unwrap();
        let token = token.expose_secret().to_owned();
        let uri = format!("/api/integrations/ghl/connect?organizationId={organization}&link={token}");
        (fixture.server.send(Request::get(&uri).body(Body::empty()).unwrap()).await, uri)
    };
    let (opened, uri) = open(&fixture.organization).await;
    PendingConsent::of(&opened);
    let again = fixture.server.send(Request::get(&uri).body(Body::empty()).unwrap()).await;
    assert_eq!(again.problem(), "unauthorized");
    let other = fixture.server.organization("other").await;
    assert_eq!(open(&other).await.0.problem(), "unauthorized");
}

#[tokio::test]
async fn a_head_request_does_not_consume_a_single_use_url() {
    let fixture = Fixture::start().await;
    let app = &fixture.server.app;
    let head = async |uri: &str, cookie: &str| {
        let request = Request::head(uri).header(header::COOKIE, cookie).body(Body::empty()).unwrap();
        let response = fixture.server.send(request).await;
        assert_eq!((response.status, response.header("allow")), (StatusCode::METHOD_NOT_ALLOWED, "GET"), "{uri}");
    };
    let link = crm_server::tenancy::oauth_flow::states::create_link(
        &*app.store,
        &fixture.organization.as_str().into(),
        app.now(),
    )
    .await
    .unwrap();
    let link = link.expose_secret();
    let uri = format!("/api/integrations/ghl/connect?organizationId={}&link={link}", fixture.organization);
    head(&uri, "").await;
    let PendingConsent { page, cookie } =
        PendingConsent::of(&fixture.server.send(Request::get(&uri).body(Body::empty()).unwrap()).await);
    let back = fixture.consent(&page, "company").await;
    head(&back, &cookie).await;
    assert!(fixture.return_from_consent(&back, &cookie).await.header("location").ends_with("integration=success"));
}

#[tokio::test]
async fn a_link_is_not_consumed_while_the_integration_is_off() {
    let (id, secret) = (("GHL_CLIENT_ID", "a-b".to_owned()), ("GHL_CLIENT_SECRET", "c".to_owned()));
    for variables in [vec![], vec![id, secret]] {
        let server = Server::start(&variables).await;
        let organization = server.organization("acme").await;
        let app = &server.app;
        let link =
            crm_server::tenancy::oauth_flow::states::create_link(&*app.store, &organization.as_str().into(), app.now())
                .await
                .unwrap();
        let uri = format!("/api/integrations/ghl/connect?organizationId={organization}&link={}", link.expose_secret());
        for _ in 0..2 {
            let response = server.send(Request::get(&uri).body(Body::empty()).unwrap()).await;
            assert_eq!((response.status, response.problem().as_str()), (StatusCode::CONFLICT, "integration_off"));
        }
    }
}

#[tokio::test]
async fn a_link_is_not_valid_as_a_state_nor_a_state_as_a_link() {
    let fixture = Fixture::start().await;
    let app = &fixture.server.app;
    let link = crm_server::tenancy::oauth_flow::states::create_link(
        &*app.store,
        &fixture.organization.as_str().into(),
        app.now(),
    )
    .await
    .unwrap();
    let uri = format!("/api/integrations/ghl/auth?code=c&state={}", link.expose_secret());
    assert_eq!(fixture.return_from_consent(&uri, "").await.problem(), "state_invalid");
    let PendingConsent { page, .. } = fixture.start_consent().await;
    let state = page.query_pairs().find(|(name, _)| name == "state").unwrap().1.into_owned();
    let uri = format!("/api/integrations/ghl/connect?organizationId={}&link={state}", fixture.organization);
    assert_eq!(fixture.server.send(Request::get(&uri).body(Body::empty()).unwrap()).await.problem(), "unauthorized");
}

#[tokio::test]
async fn disconnecting_deletes_tokens_stops_syncs_and_releases_the_location() {
    let fixture = Fixture::start().await;
    let location = format!("location:{}", fixture.sandbox.ghl().location_ids()[0]);
    fixture.connect(&location).await;
    let path = format!("/api/integrations/ghl?organizationId={}", fixture.organization);
    for _ in 0..2 {
        assert_eq!(fixture.server.call(Method::DELETE, &path, None).await.status, StatusCode::NO_CONTENT);
    }
    assert!(fixture.connections(&fixture.organization).await.is_empty());
    let statuses = fixture.server.app.store.statuses(&fixture.organization.as_str().into()).await.unwrap();
    assert!(!statuses.is_empty() && statuses.iter().all(|status| status.next_run_at.is_none()));

    let other = Fixture { organization: fixture.server.organization("other").await, ..fixture };
    assert!(other.connect(&location).await.ends_with("integration=success"));
}

#[tokio::test]
async fn a_signed_delivery_is_stored_once_and_others_are_rejected() {
    let fixture = Fixture::start().await;
    let event = json!({"type": "ContactCreate", "webhookId": "w-1", "id": "c-1", "locationId": "l-1"});
    let (headers, body) = fixture.sandbox.ghl().sign_delivery(&event);
    let deliver = async |headers: &http::HeaderMap, body: &[u8]| {
        let mut request = Request::post("/api/webhooks/ghl").body(Body::from(body.to_vec())).unwrap();
        request.headers_mut().extend(headers.clone());
        fixture.server.send(request).await
    };
    for duplicate in [false, true] {
        let response = deliver(&headers, &body).await;
        assert_eq!(
            (response.status, response.json()),
            (StatusCode::OK, json!({"received": true, "duplicate": duplicate}))
        );
    }
    assert_eq!(fixture.server.app.store.backlog().await.unwrap().pending, 1);

    let mut changed = body.to_vec();
    let last = changed.len() - 2;
    changed[last] ^= 1;
    assert_eq!(deliver(&headers, &changed).await.problem(), "signature_invalid");
    assert_eq!(deliver(&http::HeaderMap::new(), &body).await.problem(), "signature_invalid");
    assert_eq!(fixture.server.app.store.backlog().await.unwrap().pending, 1);
}
