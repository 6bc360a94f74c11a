//! Connecting: the link, the consent, the way back, each good once and for the one who set out.

use axum::body::Body;
use http::{Method, Request, StatusCode, header};
use provider_sandbox::Sandbox;
use secrecy::ExposeSecret;
use serde_json::json;
use sidecar_core::token::ConnectionState;
use tower::ServiceExt;
use url::Url;

use crate::support::{Answer, Server};

/// A server with GHL on, and the provider's stand-in.
pub(crate) struct Scene {
    pub(crate) server: Server,
    pub(crate) sandbox: Sandbox,
    pub(crate) organization: String,
}

/// Somebody's browser on the way to the consent page.
struct Setting {
    consent: Url,
    cookie: String,
}

impl Scene {
    pub(crate) async fn start() -> Self {
        Self::over("http").await
    }

    async fn over(scheme: &str) -> Self {
        let sandbox = Sandbox::builder().contacts(5).locations(2).start().await.unwrap();
        let mut variables = sandbox.env();
        variables.push(("APP_URL", format!("{scheme}://crm.test")));
        let server = Server::start(&variables).await;
        let organization = server.organization("acme").await;
        Self { server, sandbox, organization }
    }

    async fn set_out(&self) -> Setting {
        let path = format!("/api/integrations/ghl/connect?organizationId={}", self.organization);
        Setting::of(&self.server.call(Method::GET, &path, None).await)
    }

    /// Follows the consent page and answers the path that it leads back to.
    async fn consent(&self, consent: &Url, choice: &str) -> String {
        let uri = format!("{}?{}&sandbox_choose={choice}", consent.path(), consent.query().unwrap());
        let request = Request::builder().uri(uri).body(Body::empty()).unwrap();
        let answer = self.sandbox.router().oneshot(request).await.unwrap();
        assert_eq!(answer.status(), StatusCode::FOUND);
        let back = Url::parse(answer.headers()[header::LOCATION].to_str().unwrap()).unwrap();
        assert_eq!(back.path(), "/api/integrations/ghl/auth");
        format!("{}?{}", back.path(), back.query().unwrap())
    }

    /// As a browser comes back: without the operator's token.
    async fn come_back(&self, path: &str, cookie: &str) -> Answer {
        let request = Request::builder().uri(path).header(header::COOKIE, format!("other=1; {cookie}"));
        self.server.send(request.body(Body::empty()).unwrap()).await
    }

    /// Connects a company or location and answers where it ended.
    pub(crate) async fn connect(&self, choice: &str) -> String {
        let Setting { consent, cookie } = self.set_out().await;
        let back = self.consent(&consent, choice).await;
        let answer = self.come_back(&back, &cookie).await;
        assert_eq!(answer.status, StatusCode::FOUND, "{}", answer.text());
        answer.header("location").to_owned()
    }

    async fn connections(&self, organization: &str) -> Vec<String> {
        let connections = self.server.app.store.connections(&organization.into()).await.unwrap();
        assert!(connections.iter().all(|connection| connection.state == ConnectionState::Active));
        connections.iter().map(|connection| connection.key.resource().to_owned()).collect()
    }
}

impl Setting {
    fn of(answer: &Answer) -> Self {
        assert_eq!(answer.status, StatusCode::FOUND, "{}", answer.text());
        let cookie = answer.header("set-cookie").split(';').next().unwrap().to_owned();
        Self { consent: Url::parse(answer.header("location")).unwrap(), cookie }
    }
}

#[tokio::test]
async fn a_company_is_connected_and_its_sources_are_scheduled() {
    let scene = Scene::start().await;
    let end = scene.connect("company").await;
    assert_eq!(end, "http://crm.test/agency/acme/admin/settings?integration=success");
    assert_eq!(
        scene.connections(&scene.organization).await,
        [format!("ghl:company:{}", scene.sandbox.ghl().company_id())]
    );
    let statuses = scene.server.app.store.statuses(&scene.organization.as_str().into()).await.unwrap();
    assert_eq!(statuses.iter().map(|status| &*status.key.source).collect::<Vec<_>>(), ["GHL_LOCATIONS"]);
}

#[tokio::test]
async fn the_cookie_is_for_this_flow_only_and_travels_by_https_where_there_is_https() {
    for (scheme, secure) in [("http", false), ("https", true)] {
        let scene = Scene::over(scheme).await;
        let path = format!("/api/integrations/ghl/connect?organizationId={}", scene.organization);
        let answer = scene.server.call(Method::GET, &path, None).await;
        let cookie = answer.header("set-cookie");
        for part in ["HttpOnly", "SameSite=Lax", "Path=/api/integrations/ghl", "Max-Age=600"] {
            assert!(cookie.contains(part), "{cookie}");
        }
        assert_eq!(cookie.contains("Secure"), secure, "{cookie}");
        let location = Url::parse(answer.header("location")).unwrap();
        let state = location.query_pairs().find(|(name, _)| name == "state").unwrap().1.into_owned();
        assert!(state.len() >= 43 && !cookie.contains(&state), "the cookie must not be the state");
    }
}

#[tokio::test]
async fn a_state_is_good_once() {
    let scene = Scene::start().await;
    let Setting { consent, cookie } = scene.set_out().await;
    let back = scene.consent(&consent, "company").await;
    assert_eq!(scene.come_back(&back, &cookie).await.status, StatusCode::FOUND);
    assert_eq!(scene.come_back(&back, &cookie).await.problem(), "state_invalid");
}

#[tokio::test]
async fn a_state_of_another_browser_is_refused_and_used_up() {
    let scene = Scene::start().await;
    let (mine, theirs) = (scene.set_out().await, scene.set_out().await);
    let back = scene.consent(&mine.consent, "company").await;
    for cookie in [theirs.cookie.as_str(), "", &mine.cookie] {
        assert_eq!(scene.come_back(&back, cookie).await.problem(), "state_invalid");
    }
    assert!(scene.connections(&scene.organization).await.is_empty());
}

#[tokio::test]
async fn a_location_of_another_organization_is_refused() {
    let scene = Scene::start().await;
    let location = scene.sandbox.ghl().location_ids()[0].clone();
    scene.connect(&format!("location:{location}")).await;
    let other = Scene { organization: scene.server.organization("other").await, ..scene };
    let end = other.connect(&format!("location:{location}")).await;
    assert_eq!(end, "http://crm.test/agency/other/admin/settings?error=location_taken");
    assert!(other.connections(&other.organization).await.is_empty());
}

#[tokio::test]
async fn a_refused_consent_and_a_wrong_code_end_at_the_settings_page() {
    let scene = Scene::start().await;
    for (query, code) in
        [("error=access_denied", "access_denied"), ("code=made-up", "code_rejected"), ("code=", "code_missing")]
    {
        let Setting { consent, cookie } = scene.set_out().await;
        let state = consent.query_pairs().find(|(name, _)| name == "state").unwrap().1.into_owned();
        let end = scene.come_back(&format!("/api/integrations/ghl/auth?{query}&state={state}"), &cookie).await;
        assert_eq!(end.header("location"), format!("http://crm.test/agency/acme/admin/settings?error={code}"));
    }
}

#[tokio::test]
async fn a_link_opens_the_flow_once_for_its_organization() {
    let scene = Scene::start().await;
    let app = &scene.server.app;
    let id = scene.organization.as_str().into();
    let open = async |organization: &str| {
        let token = crm_server::tenancy::oauth_flow::states::create_link(&*app.store, &id, app.now()).await.unwrap();
        let token = token.expose_secret().to_owned();
        let uri = format!("/api/integrations/ghl/connect?organizationId={organization}&link={token}");
        (scene.server.send(Request::get(&uri).body(Body::empty()).unwrap()).await, uri)
    };
    let (opened, uri) = open(&scene.organization).await;
    Setting::of(&opened);
    let again = scene.server.send(Request::get(&uri).body(Body::empty()).unwrap()).await;
    assert_eq!(again.problem(), "unauthorized");
    let other = scene.server.organization("other").await;
    assert_eq!(open(&other).await.0.problem(), "unauthorized");
}

#[tokio::test]
async fn a_look_at_an_address_that_is_good_once_uses_nothing_up() {
    let scene = Scene::start().await;
    let app = &scene.server.app;
    let look = async |uri: &str, cookie: &str| {
        let request = Request::head(uri).header(header::COOKIE, cookie).body(Body::empty()).unwrap();
        let answer = scene.server.send(request).await;
        assert_eq!((answer.status, answer.header("allow")), (StatusCode::METHOD_NOT_ALLOWED, "GET"), "{uri}");
    };
    let link = crm_server::tenancy::oauth_flow::states::create_link(
        &*app.store,
        &scene.organization.as_str().into(),
        app.now(),
    )
    .await
    .unwrap();
    let link = link.expose_secret();
    let uri = format!("/api/integrations/ghl/connect?organizationId={}&link={link}", scene.organization);
    look(&uri, "").await;
    let Setting { consent, cookie } =
        Setting::of(&scene.server.send(Request::get(&uri).body(Body::empty()).unwrap()).await);
    let back = scene.consent(&consent, "company").await;
    look(&back, &cookie).await;
    assert!(scene.come_back(&back, &cookie).await.header("location").ends_with("integration=success"));
}

#[tokio::test]
async fn a_link_outlives_a_visit_while_nobody_can_be_sent_on() {
    let (id, secret) = (("GHL_CLIENT_ID", "a-b".to_owned()), ("GHL_CLIENT_SECRET", "c".to_owned()));
    for lacking in [vec![], vec![id, secret]] {
        let server = Server::start(&lacking).await;
        let organization = server.organization("acme").await;
        let app = &server.app;
        let link =
            crm_server::tenancy::oauth_flow::states::create_link(&*app.store, &organization.as_str().into(), app.now())
                .await
                .unwrap();
        let uri = format!("/api/integrations/ghl/connect?organizationId={organization}&link={}", link.expose_secret());
        for _ in 0..2 {
            let answer = server.send(Request::get(&uri).body(Body::empty()).unwrap()).await;
            assert_eq!((answer.status, answer.problem().as_str()), (StatusCode::CONFLICT, "integration_off"));
        }
    }
}

#[tokio::test]
async fn a_link_is_no_state_and_a_state_is_no_link() {
    let scene = Scene::start().await;
    let app = &scene.server.app;
    let link = crm_server::tenancy::oauth_flow::states::create_link(
        &*app.store,
        &scene.organization.as_str().into(),
        app.now(),
    )
    .await
    .unwrap();
    let uri = format!("/api/integrations/ghl/auth?code=c&state={}", link.expose_secret());
    assert_eq!(scene.come_back(&uri, "").await.problem(), "state_invalid");
    let Setting { consent, .. } = scene.set_out().await;
    let state = consent.query_pairs().find(|(name, _)| name == "state").unwrap().1.into_owned();
    let uri = format!("/api/integrations/ghl/connect?organizationId={}&link={state}", scene.organization);
    assert_eq!(scene.server.send(Request::get(&uri).body(Body::empty()).unwrap()).await.problem(), "unauthorized");
}

#[tokio::test]
async fn disconnecting_erases_tokens_stops_syncs_and_frees_the_location() {
    let scene = Scene::start().await;
    let location = format!("location:{}", scene.sandbox.ghl().location_ids()[0]);
    scene.connect(&location).await;
    let path = format!("/api/integrations/ghl?organizationId={}", scene.organization);
    for _ in 0..2 {
        assert_eq!(scene.server.call(Method::DELETE, &path, None).await.status, StatusCode::NO_CONTENT);
    }
    assert!(scene.connections(&scene.organization).await.is_empty());
    let statuses = scene.server.app.store.statuses(&scene.organization.as_str().into()).await.unwrap();
    assert!(!statuses.is_empty() && statuses.iter().all(|status| status.next_run_at.is_none()));

    let other = Scene { organization: scene.server.organization("other").await, ..scene };
    assert!(other.connect(&location).await.ends_with("integration=success"));
}

#[tokio::test]
async fn a_genuine_delivery_is_kept_once_and_everything_else_refused() {
    let scene = Scene::start().await;
    let event = json!({"type": "ContactCreate", "webhookId": "w-1", "id": "c-1", "locationId": "l-1"});
    let (headers, body) = scene.sandbox.ghl().sign_delivery(&event);
    let deliver = async |headers: &http::HeaderMap, body: &[u8]| {
        let mut request = Request::post("/api/webhooks/ghl").body(Body::from(body.to_vec())).unwrap();
        request.headers_mut().extend(headers.clone());
        scene.server.send(request).await
    };
    for duplicate in [false, true] {
        let answer = deliver(&headers, &body).await;
        assert_eq!((answer.status, answer.json()), (StatusCode::OK, json!({"received": true, "duplicate": duplicate})));
    }
    assert_eq!(scene.server.app.store.backlog().await.unwrap().pending, 1);

    let mut changed = body.to_vec();
    let last = changed.len() - 2;
    changed[last] ^= 1;
    assert_eq!(deliver(&headers, &changed).await.problem(), "signature_invalid");
    assert_eq!(deliver(&http::HeaderMap::new(), &body).await.problem(), "signature_invalid");
    assert_eq!(scene.server.app.store.backlog().await.unwrap().pending, 1);
}
