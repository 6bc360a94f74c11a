use axum::body::Body;
use http::{Method, Request, StatusCode, header};
use serde_json::json;
use url::Url;

use super::Scene;
use crate::support::Answer;

/// Somebody's browser on the way to the consent page.
struct Setting {
    page: Url,
    cookie: String,
}

impl Setting {
    fn value(&self, name: &str) -> String {
        self.page.query_pairs().find(|(known, _)| known == name).unwrap().1.into_owned()
    }
}

impl Scene {
    async fn by_consent() -> Self {
        Self::with(&[
            ("CALCOM_CLIENT_ID", "client".to_owned()),
            ("CALCOM_CLIENT_SECRET", "secret".to_owned()),
            ("CALCOM_AUTHORIZE_URL", "https://cal.test/auth/oauth2/authorize".to_owned()),
        ])
        .await
    }

    async fn set_out(&self) -> Setting {
        let path = format!("/api/integrations/calcom/connect?organizationId={}", self.organization);
        let answer = self.server.call(Method::GET, &path, None).await;
        assert_eq!(answer.status, StatusCode::FOUND, "{}", answer.text());
        let cookie = answer.header("set-cookie");
        assert!(cookie.contains("HttpOnly") && cookie.contains("Path=/api/integrations/calcom"), "{cookie}");
        let cookie = cookie.split(';').next().unwrap().to_owned();
        Setting { page: Url::parse(answer.header("location")).unwrap(), cookie }
    }

    async fn come_back(&self, query: &str, cookie: &str) -> Answer {
        let request = Request::get(format!("/api/integrations/calcom/auth?{query}")).header(header::COOKIE, cookie);
        self.server.send(request.body(Body::empty()).unwrap()).await
    }
}

#[tokio::test]
async fn whoever_agrees_is_connected_with_the_verifier_of_their_own_way() {
    let scene = Scene::by_consent().await;
    let way = scene.set_out().await;
    assert_eq!(way.page.path(), "/auth/oauth2/authorize");
    assert_eq!(way.value("redirect_uri"), "http://crm.test/api/integrations/calcom/auth");
    assert_eq!(way.value("code_challenge_method"), "S256");
    let query = format!("code={}&state={}", way.value("code_challenge"), way.value("state"));
    let answer = scene.come_back(&query, &way.cookie).await;
    assert_eq!(answer.header("location"), "http://crm.test/agency/acme/admin/settings?integration=success");
    assert_eq!(scene.connection().await["by"], "oauth");
    let client = scene.server.app.calcom.client(&scene.organization.as_str().into()).await.unwrap();
    client.me().get().await.unwrap();
    assert_eq!(scene.calcom.last().authorization, "Bearer access-1");
    assert_eq!(scene.come_back(&query, &way.cookie).await.problem(), "state_invalid", "a state is good once");
}

#[tokio::test]
async fn a_code_of_another_way_is_refused() {
    let scene = Scene::by_consent().await;
    let (mine, theirs) = (scene.set_out().await, scene.set_out().await);
    let query = format!("code={}&state={}", theirs.value("code_challenge"), mine.value("state"));
    let answer = scene.come_back(&query, &mine.cookie).await;
    assert_eq!(answer.header("location"), "http://crm.test/agency/acme/admin/settings?error=code_rejected");
    let query = format!("code={}&state={}", theirs.value("code_challenge"), theirs.value("state"));
    assert_eq!(scene.come_back(&query, &mine.cookie).await.problem(), "state_invalid", "another browser's");
    assert_eq!(scene.connection().await["connected"], false);
}

#[tokio::test]
async fn a_state_of_one_provider_is_none_of_the_others() {
    let scene = Scene::by_consent().await;
    let way = scene.set_out().await;
    let (_, value) = way.cookie.split_once('=').unwrap();
    let request = Request::get(format!("/api/integrations/ghl/auth?code=c&state={}", way.value("state")))
        .header(header::COOKIE, format!("sidecar_ghl_connect={value}"));
    let answer = scene.server.send(request.body(Body::empty()).unwrap()).await;
    assert_eq!(answer.problem(), "state_invalid");
}

#[tokio::test]
async fn tokens_by_consent_do_not_go_to_an_address_that_the_organization_named() {
    let scene = Scene::by_consent().await;
    let other = super::StandIn::start().await;
    let named = scene.put(json!({"baseUrl": other.url, "apiKey": super::KEY})).await;
    assert_eq!(named.status, StatusCode::OK, "{}", named.text());
    let way = scene.set_out().await;
    let query = format!("code={}&state={}", way.value("code_challenge"), way.value("state"));
    assert!(scene.come_back(&query, &way.cookie).await.header("location").ends_with("integration=success"));
    scene.server.app.calcom.client(&scene.organization.as_str().into()).await.unwrap().me().get().await.unwrap();
    assert_eq!(scene.calcom.last().authorization, "Bearer access-1");
    assert!(other.seen().iter().all(|seen| !seen.authorization.contains("access-1")), "{:?}", other.seen());
    assert_eq!(scene.kept().await, ["calcom:account"], "the key for the address before is erased");
}

#[tokio::test]
async fn tokens_by_consent_are_kept_before_the_settings_lead_to_them() {
    let scene = Scene::by_consent().await;
    // Settings that cannot be changed stand for a process that ends before it changes them.
    let (store, organization) = (&scene.server.app.store, scene.organization.as_str().into());
    assert!(store.put_setting(&organization, "calcom", 0, &"no document".into()).await.unwrap());
    let way = scene.set_out().await;
    let query = format!("code={}&state={}", way.value("code_challenge"), way.value("state"));
    assert!(scene.come_back(&query, &way.cookie).await.header("location").ends_with("error=unavailable"));
    assert_eq!(scene.kept().await, ["calcom:account"]);
}

#[tokio::test]
async fn other_processes_notice_at_once_that_somebody_else_was_connected() {
    let scene = Scene::by_consent().await;
    assert_eq!(scene.put(json!({"apiKey": super::KEY})).await.status, StatusCode::OK);
    let other = scene.server.twin().app;
    let call = async || {
        other.calcom.client(&scene.organization.as_str().into()).await.unwrap().me().get().await.unwrap();
        scene.calcom.last().authorization
    };
    assert_eq!(call().await, format!("Bearer {}", super::KEY));
    let way = scene.set_out().await;
    let query = format!("code={}&state={}", way.value("code_challenge"), way.value("state"));
    assert!(scene.come_back(&query, &way.cookie).await.header("location").ends_with("integration=success"));
    assert_eq!(call().await, "Bearer access-1");
}

#[tokio::test]
async fn without_a_client_the_route_says_what_to_set() {
    let scene = Scene::start().await;
    let path = format!("/api/integrations/calcom/connect?organizationId={}", scene.organization);
    let answer = scene.server.call(Method::GET, &path, None).await;
    assert_eq!((answer.status.as_u16(), answer.problem().as_str()), (409, "integration_off"));
    assert!(answer.text().contains("CALCOM_CLIENT_ID"), "{}", answer.text());
}
