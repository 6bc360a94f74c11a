use super::{
    Fixture,
    fake::{FakeCalcom, KEY},
};
use crate::support::Server;
use crm_server::calcom::settings::CalcomSettings;
use http::{Method, StatusCode};
use serde_json::{Value, json};
use url::Url;

#[tokio::test]
async fn an_api_key_is_verified_stored_used_and_never_returned() {
    let fixture = Fixture::start().await;
    assert_eq!(fixture.connection().await["connected"], false);
    let response = fixture.put(json!({"apiKey": KEY, "webhookSecrets": ["sesame-1", "sesame-2"]})).await;
    assert_eq!(response.status, StatusCode::OK, "{}", response.text());
    let shown = response.json();
    assert_eq!(
        (&shown["connected"], &shown["by"], &shown["webhookSecrets"]),
        (&json!(true), &json!("api_key"), &json!(2))
    );
    let address = format!("http://crm.test/api/webhooks/calcom/{}", fixture.organization);
    assert_eq!(shown["webhookUrl"], address);
    for text in [response.text(), fixture.connection().await.to_string()] {
        assert!(!text.contains("sesame") && !text.contains(KEY), "{text}");
    }
    let requests = fixture.calcom.requests();
    assert_eq!(requests.iter().map(|request| request.operation.as_str()).collect::<Vec<_>>(), ["GET /v2/me"]);
    let client = fixture.server.app.calcom.client(&fixture.organization.as_str().into()).await.unwrap();
    client.me().get().await.unwrap();
    assert_eq!(fixture.calcom.last().authorization, format!("Bearer {KEY}"));
}

#[tokio::test]
async fn a_key_that_calcom_rejects_is_not_stored() {
    let fixture = Fixture::start().await;
    let response = fixture.put(json!({"apiKey": "cal_bad", "webhookSecrets": ["s"]})).await;
    assert_eq!((response.status.as_u16(), response.problem().as_str()), (422, "key_rejected"));
    let shown = fixture.connection().await;
    assert_eq!((&shown["connected"], &shown["webhookSecrets"]), (&json!(false), &json!(0)));
    for wrong in [json!({"apiKey": ""}), json!({"apiKey": "two words"}), json!({"apiKey": 7})] {
        assert_eq!(fixture.put(wrong.clone()).await.problem(), "invalid", "{wrong}");
    }
}

#[tokio::test]
async fn omitted_settings_are_unchanged_and_null_clears() {
    let fixture = Fixture::connected().await;
    let mapping = json!({"7": {"locationId": "l", "calendarId": "c"}});
    let other = json!({"locationId": "l_2", "calendarId": "c_2"});
    let request =
        json!({"mapping": mapping, "defaultMapping": other, "block": {"scheduleId": 3}, "profile": "self_hosted"});
    let shown = fixture.put(request).await.json();
    assert_eq!((&shown["webhookSecrets"], &shown["connected"]), (&json!(1), &json!(true)));
    assert_eq!(fixture.put(json!({})).await.json(), shown);
    let cleared = fixture.put(json!({"defaultMapping": null, "block": null, "profile": null})).await.json();
    assert_eq!(
        (&cleared["mapping"], &cleared["defaultMapping"], &cleared["block"]),
        (&mapping, &Value::Null, &Value::Null)
    );
    assert_eq!(cleared["profile"], Value::Null);
    let stored = fixture.server.app.calcom.settings(&fixture.organization.as_str().into()).await.unwrap();
    assert_eq!(stored.settings.mapping_of(Some(7.into())).unwrap().location_id, "l");
    let cleared = fixture.put(json!({"webhookSecrets": null, "mapping": null})).await.json();
    assert_eq!((&cleared["webhookSecrets"], &cleared["mapping"]), (&json!(0), &json!({})));
    let response = fixture.put(json!({"apiKey": null})).await;
    assert_eq!((response.status.as_u16(), response.problem().as_str()), (422, "invalid"));
    assert!(response.text().contains("DELETE"), "{}", response.text());
}

#[tokio::test]
async fn concurrent_changes_of_different_settings_are_all_stored() {
    let fixture = Fixture::connected().await;
    let (block, profile) = (json!({"block": {"scheduleId": 3}}), json!({"profile": "cloud"}));
    let mapping = json!({"mapping": {"7": {"locationId": "l", "calendarId": "c"}}});
    let responses = tokio::join!(fixture.put(block), fixture.put(profile), fixture.put(mapping));
    assert_eq!([responses.0.status, responses.1.status, responses.2.status], [StatusCode::OK; 3]);
    let shown = fixture.connection().await;
    assert_eq!((&shown["block"]["scheduleId"], &shown["profile"]), (&json!(3), &json!("cloud")));
    assert_eq!((&shown["mapping"]["7"]["locationId"], &shown["webhookSecrets"]), (&json!("l"), &json!(1)));
}

#[tokio::test]
async fn an_invalid_setting_is_rejected_and_nothing_changes() {
    let fixture = Fixture::connected().await;
    let before = fixture.connection().await;
    for wrong in [
        json!({"baseUrl": "calcom.example.com"}),
        json!({"baseUrl": "ftp://calcom.example.com", "apiKey": KEY}),
        json!({"baseUrl": "https://user:pass@calcom.example.com", "apiKey": KEY}),
        json!({"baseUrl": "https://api.cal.com/v1", "apiKey": KEY}),
        json!({"webhookSecrets": [""]}),
        json!({"webhookSecrets": vec!["s"; 11]}),
        json!({"webhookSecrets": "s"}),
        json!({"mapping": {"seven": {"locationId": "l", "calendarId": "c"}}}),
        json!({"mapping": {"7": {"locationId": "", "calendarId": "c"}}}),
        json!({"defaultMapping": {"locationId": "l"}}),
        json!({"callsPerMinute": 0}),
        json!({"block": {"scheduleId": "x"}}),
        json!({"profile": "hosted"}),
        json!({"apikey": KEY}),
    ] {
        let response = fixture.put(wrong.clone()).await;
        assert_eq!(
            (response.status.as_u16(), response.problem().as_str()),
            (422, "invalid"),
            "{wrong}: {}",
            response.text()
        );
    }
    assert_eq!(fixture.connection().await, before);
}

#[tokio::test]
async fn a_key_is_sent_only_to_the_address_it_was_given_for() {
    let fixture = Fixture::connected().await;
    let other = FakeCalcom::start().await;
    let response = fixture.put(json!({"baseUrl": other.url})).await;
    assert_eq!((response.status.as_u16(), response.problem().as_str()), (422, "invalid"));
    assert!(response.json()["detail"].as_str().unwrap().contains("apiKey"), "{}", response.text());
    assert!(other.requests().is_empty());
    let key = "cal_good_2";
    assert_eq!(fixture.put(json!({"baseUrl": other.url, "apiKey": key})).await.status, StatusCode::OK);
    fixture
        .server
        .another_process()
        .app
        .calcom
        .client(&fixture.organization.as_str().into())
        .await
        .unwrap()
        .me()
        .get()
        .await
        .unwrap();
    assert!(
        other.requests().iter().all(|request| request.authorization == format!("Bearer {key}")),
        "{:?}",
        other.requests()
    );
    assert_eq!(other.requests().len(), 2);
}

#[tokio::test]
async fn an_existing_client_never_sends_the_new_key_to_the_old_address() {
    let fixture = Fixture::connected().await;
    let old_client = fixture.server.app.calcom.client(&fixture.organization.as_str().into()).await.unwrap();
    let other = FakeCalcom::start().await;
    assert_eq!(fixture.put(json!({"baseUrl": other.url, "apiKey": "cal_good_2"})).await.status, StatusCode::OK);
    assert_eq!(old_client.me().get().await.unwrap_err().kind(), sidecar_core::ErrorKind::Auth);
    let requests = fixture.calcom.requests();
    assert!(requests.iter().all(|request| request.authorization == format!("Bearer {KEY}")), "{requests:?}");
}

#[tokio::test]
async fn two_concurrent_addresses_each_receive_only_their_own_key() {
    for _ in 0..20 {
        let (fixture, others) = (Fixture::connected().await, [FakeCalcom::start().await, FakeCalcom::start().await]);
        let keys = ["cal_good_a", "cal_good_b"];
        let put = |index: usize| fixture.put(json!({"baseUrl": others[index].url, "apiKey": keys[index]}));
        let (one, two) = tokio::join!(put(0), put(1));
        assert!([&one, &two].iter().all(|response| [200, 409].contains(&response.status.as_u16())));
        assert!([&one, &two].iter().any(|response| response.status == StatusCode::OK));
        assert_eq!(fixture.connection().await["connected"], true);
        fixture
            .server
            .app
            .calcom
            .client(&fixture.organization.as_str().into())
            .await
            .unwrap()
            .me()
            .get()
            .await
            .unwrap();
        for (other, key) in others.iter().zip(keys) {
            let requests = other.requests();
            assert!(requests.iter().all(|request| request.authorization == format!("Bearer {key}")), "{requests:?}");
        }
    }
}

#[tokio::test]
async fn another_process_uses_a_new_address_and_key_at_once() {
    let fixture = Fixture::connected().await;
    let (process, id) = (fixture.server.another_process(), fixture.organization.as_str().into());
    process.app.calcom.client(&id).await.unwrap().me().get().await.unwrap();
    let other = FakeCalcom::start().await;
    assert_eq!(fixture.put(json!({"baseUrl": other.url, "apiKey": "cal_good_2"})).await.status, StatusCode::OK);
    process.app.calcom.client(&id).await.unwrap().me().get().await.unwrap();
    assert_eq!(other.last().authorization, "Bearer cal_good_2");
}

#[tokio::test]
async fn in_production_private_addresses_are_rejected() {
    let keys = "k1:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";
    let extra = [("SIDECAR_ENV", "production".to_owned()), ("SIDECAR_ENCRYPTION_KEYS", keys.to_owned())];
    let fixture = Fixture::with(&extra).await;
    for (base, code) in [
        ("http://example.com", "invalid"),
        ("https://127.0.0.1", "invalid"),
        ("https://169.254.169.254/latest", "invalid"),
        ("https://10.0.0.1:8443", "invalid"),
        ("https://[::1]", "invalid"),
        ("https://[::ffff:10.0.0.1]", "invalid"),
        ("https://[64:ff9b::a00:1]", "invalid"),
        ("https://0x7f000001", "invalid"),
        ("https://0.0.0.0", "invalid"),
        // A host name is checked by the address that it resolves to.
        ("https://localhost", "unreachable"),
    ] {
        let response = fixture.put(json!({"baseUrl": base, "apiKey": KEY})).await;
        assert_eq!((response.status.as_u16(), response.problem().as_str()), (422, code), "{base}: {}", response.text());
    }
    assert!(fixture.calcom.requests().is_empty());
    assert_eq!(
        fixture.put(json!({"apiKey": KEY})).await.status,
        StatusCode::OK,
        "the operator's own address is not restricted"
    );
}

#[tokio::test]
async fn a_disconnected_organization_has_no_settings_left() {
    let fixture = Fixture::connected().await;
    let path = fixture.path("integrations/calcom");
    assert_eq!(fixture.server.call(Method::DELETE, &path, None).await.status, StatusCode::NO_CONTENT);
    let shown = fixture.connection().await;
    assert_eq!(
        (&shown["connected"], &shown["webhookSecrets"], &shown["feed"]),
        (&json!(false), &json!(0), &json!(false))
    );
    assert_eq!(fixture.server.call(Method::GET, &fixture.path("bookings"), None).await.problem(), "reconnect_required");
    assert_eq!(fixture.server.call(Method::DELETE, &path, None).await.status, StatusCode::NO_CONTENT);
    assert_eq!(fixture.put(json!({"apiKey": KEY})).await.json()["connected"], true);
}

#[tokio::test]
async fn a_disconnect_deletes_the_credentials_of_every_address() {
    let (fixture, other) = (Fixture::connected().await, FakeCalcom::start().await);
    let other_address = CalcomSettings { base_url: Some(Url::parse(&other.url).unwrap()), ..CalcomSettings::default() };
    // The state that a process leaves behind when it crashes during a change.
    let leftover = fixture.server.app.calcom.tokens(&fixture.organization.as_str().into(), &other_address);
    leftover.adopt_api_key(KEY.into()).await.unwrap();
    assert_eq!(fixture.token_resources().await.len(), 2);
    let path = fixture.path("integrations/calcom");
    assert_eq!(fixture.server.call(Method::DELETE, &path, None).await.status, StatusCode::NO_CONTENT);
    assert!(fixture.token_resources().await.is_empty());
    let reconnected = fixture.put(json!({"baseUrl": other.url})).await;
    assert_eq!(reconnected.json()["connected"], false, "{}", reconnected.text());
}

#[tokio::test]
async fn a_concurrent_disconnect_and_change_are_serialized() {
    for _ in 0..20 {
        let (fixture, other) = (Fixture::connected().await, FakeCalcom::start().await);
        let path = fixture.path("integrations/calcom");
        let (changed, disconnected) = tokio::join!(
            fixture.put(json!({"baseUrl": other.url, "apiKey": "cal_good_2"})),
            fixture.server.call(Method::DELETE, &path, None)
        );
        assert_eq!(disconnected.status, StatusCode::NO_CONTENT, "{}", disconnected.text());
        assert!([200, 409].contains(&changed.status.as_u16()), "{}", changed.text());
        let (shown, resources) = (fixture.connection().await, fixture.token_resources().await);
        assert_eq!(shown["webhookSecrets"], 0, "deleted with the previous connection");
        if shown["connected"] == json!(true) {
            assert_eq!((resources.len(), shown["baseUrl"].is_string()), (1, true), "{resources:?}");
        } else {
            assert_eq!((resources.len(), &shown["baseUrl"]), (0, &Value::Null), "{resources:?}");
        }
    }
}

#[tokio::test]
async fn settings_of_the_environment_cannot_be_changed_by_the_api() {
    let calcom = FakeCalcom::start().await;
    let variables = |organization: &str| {
        let pairs = [
            ("CALCOM_API_KEY", KEY),
            ("CALCOM_WEBHOOK_SECRET", "whsec_test"),
            ("CALCOM_ORGANIZATION_ID", organization),
        ];
        let mut variables: Vec<(&str, String)> = pairs.map(|(name, value)| (name, value.to_owned())).into();
        variables.push(("CALCOM_API_URL", calcom.url.clone()));
        variables
    };
    // The organization's id is known only after its creation, so a second process gets the variables.
    let first = Server::start(&[]).await;
    let organization = first.organization("acme").await;
    let server = first.another_process_with(&variables(&organization));
    let path = format!("/api/organizations/{organization}/integrations/calcom");
    let shown = server.call(Method::GET, &path, None).await.json();
    assert_eq!((&shown["by"], &shown["webhookSecrets"]), (&json!("environment"), &json!(1)));
    for (method, body) in [(Method::PUT, Some(json!({"apiKey": KEY}))), (Method::DELETE, None)] {
        let response = server.call(method, &path, body).await;
        assert_eq!((response.status.as_u16(), response.problem().as_str()), (409, "set_by_environment"));
    }
    let mapped = server.call(Method::PUT, &path, Some(json!({"webhookSecrets": ["more"]}))).await.json();
    assert_eq!((&mapped["by"], &mapped["webhookSecrets"]), (&json!("environment"), &json!(2)));
    let other = server.organization("other").await;
    let shown = server.call(Method::GET, &format!("/api/organizations/{other}/integrations/calcom"), None).await.json();
    assert_eq!((&shown["connected"], &shown["webhookSecrets"]), (&json!(false), &json!(0)));
}

#[tokio::test]
async fn health_distinguishes_off_up_and_down() {
    let state = async |server: &Server| {
        let health = server.call(Method::GET, "/api/health/integrations", None).await.json();
        health["integrations"]["calcom"].as_str().unwrap().to_owned()
    };
    let off = Fixture::start().await;
    assert_eq!(state(&off.server).await, "off");
    let up = Fixture::connected().await;
    assert_eq!(state(&up.server).await, "up");
    let down = Fixture::connected().await;
    let id = down.organization.as_str().into();
    let connection = down.server.app.calcom.connection(&id).await.unwrap().unwrap();
    let broken =
        sidecar_core::token::ConnectionState::NeedsReauth { reason: "rejected".into(), since: down.server.app.now() };
    down.server.app.store.set_state(&connection.key, connection.tokens.generation, &broken).await.unwrap();
    assert_eq!(state(&down.server).await, "down");
    assert_eq!(down.connection().await["needsReauth"], true);

    let unreadable = down.server.organization("unreadable").await.as_str().into();
    assert!(down.server.app.store.put_setting(&unreadable, "calcom", 0, &"not a document".into()).await.unwrap());
    let health = down.server.call(Method::GET, "/api/health/integrations", None).await.json();
    let why = health["details"]["calcom"]["lastError"].as_str().unwrap();
    assert!(why.contains("the log names"), "unreadable settings do not hide the other organizations: {why}");

    let first = Server::start(&[]).await;
    let organization = first.organization("acme").await;
    for (key, expected) in [(KEY, "up"), ("cal_bad", "down")] {
        let set = [
            ("CALCOM_API_URL", off.calcom.url.clone()),
            ("CALCOM_API_KEY", key.to_owned()),
            ("CALCOM_ORGANIZATION_ID", organization.clone()),
        ];
        assert_eq!(state(&first.another_process_with(&set)).await, expected);
        assert_eq!(off.calcom.last().operation, "GET /v2/me");
    }
}
