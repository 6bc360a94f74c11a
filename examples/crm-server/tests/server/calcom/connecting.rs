use super::{
    Scene,
    stand_in::{KEY, StandIn},
};
use crate::support::Server;
use crm_server::calcom::settings::CalcomSettings;
use http::{Method, StatusCode};
use serde_json::{Value, json};
use url::Url;

#[tokio::test]
async fn a_key_is_tried_kept_and_used_and_never_answered() {
    let scene = Scene::start().await;
    assert_eq!(scene.connection().await["connected"], false);
    let answer = scene.put(json!({"apiKey": KEY, "webhookSecrets": ["sesame-1", "sesame-2"]})).await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.text());
    let shown = answer.json();
    assert_eq!(
        (&shown["connected"], &shown["by"], &shown["webhookSecrets"]),
        (&json!(true), &json!("api_key"), &json!(2))
    );
    let address = format!("http://crm.test/api/webhooks/calcom/{}", scene.organization);
    assert_eq!(shown["webhookUrl"], address);
    for text in [answer.text(), scene.connection().await.to_string()] {
        assert!(!text.contains("sesame") && !text.contains(KEY), "{text}");
    }
    let seen = scene.calcom.seen();
    assert_eq!(seen.iter().map(|seen| seen.what.as_str()).collect::<Vec<_>>(), ["GET /v2/me"]);
    let client = scene.server.app.calcom.client(&scene.organization.as_str().into()).await.unwrap();
    client.me().get().await.unwrap();
    assert_eq!(scene.calcom.last().authorization, format!("Bearer {KEY}"));
}

#[tokio::test]
async fn a_key_that_calcom_refuses_is_not_kept() {
    let scene = Scene::start().await;
    let answer = scene.put(json!({"apiKey": "cal_bad", "webhookSecrets": ["s"]})).await;
    assert_eq!((answer.status.as_u16(), answer.problem().as_str()), (422, "key_rejected"));
    let shown = scene.connection().await;
    assert_eq!((&shown["connected"], &shown["webhookSecrets"]), (&json!(false), &json!(0)));
    for wrong in [json!({"apiKey": ""}), json!({"apiKey": "two words"}), json!({"apiKey": 7})] {
        assert_eq!(scene.put(wrong.clone()).await.problem(), "invalid", "{wrong}");
    }
}

#[tokio::test]
async fn what_is_left_out_stays_and_null_clears() {
    let scene = Scene::connected().await;
    let mapping = json!({"7": {"locationId": "l", "calendarId": "c"}});
    let other = json!({"locationId": "l_2", "calendarId": "c_2"});
    let wish =
        json!({"mapping": mapping, "defaultMapping": other, "block": {"scheduleId": 3}, "profile": "self_hosted"});
    let shown = scene.put(wish).await.json();
    assert_eq!((&shown["webhookSecrets"], &shown["connected"]), (&json!(1), &json!(true)));
    assert_eq!(scene.put(json!({})).await.json(), shown);
    let cleared = scene.put(json!({"defaultMapping": null, "block": null, "profile": null})).await.json();
    assert_eq!(
        (&cleared["mapping"], &cleared["defaultMapping"], &cleared["block"]),
        (&mapping, &Value::Null, &Value::Null)
    );
    assert_eq!(cleared["profile"], Value::Null);
    let settled = scene.server.app.calcom.settings(&scene.organization.as_str().into()).await.unwrap();
    assert_eq!(settled.settings.mapping_of(Some(7.into())).unwrap().location_id, "l");
    let cleared = scene.put(json!({"webhookSecrets": null, "mapping": null})).await.json();
    assert_eq!((&cleared["webhookSecrets"], &cleared["mapping"]), (&json!(0), &json!({})));
    let answer = scene.put(json!({"apiKey": null})).await;
    assert_eq!((answer.status.as_u16(), answer.problem().as_str()), (422, "invalid"));
    assert!(answer.text().contains("DELETE"), "{}", answer.text());
}

#[tokio::test]
async fn changes_at_the_same_time_are_both_kept() {
    let scene = Scene::connected().await;
    let (block, profile) = (json!({"block": {"scheduleId": 3}}), json!({"profile": "cloud"}));
    let mapping = json!({"mapping": {"7": {"locationId": "l", "calendarId": "c"}}});
    let answers = tokio::join!(scene.put(block), scene.put(profile), scene.put(mapping));
    assert_eq!([answers.0.status, answers.1.status, answers.2.status], [StatusCode::OK; 3]);
    let shown = scene.connection().await;
    assert_eq!((&shown["block"]["scheduleId"], &shown["profile"]), (&json!(3), &json!("cloud")));
    assert_eq!((&shown["mapping"]["7"]["locationId"], &shown["webhookSecrets"]), (&json!("l"), &json!(1)));
}

#[tokio::test]
async fn what_cannot_be_right_is_refused_and_nothing_is_changed() {
    let scene = Scene::connected().await;
    let before = scene.connection().await;
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
        let answer = scene.put(wrong.clone()).await;
        assert_eq!((answer.status.as_u16(), answer.problem().as_str()), (422, "invalid"), "{wrong}: {}", answer.text());
    }
    assert_eq!(scene.connection().await, before);
}

#[tokio::test]
async fn a_key_goes_only_to_the_address_that_it_was_given_for() {
    let scene = Scene::connected().await;
    let other = StandIn::start().await;
    let answer = scene.put(json!({"baseUrl": other.url})).await;
    assert_eq!((answer.status.as_u16(), answer.problem().as_str()), (422, "invalid"));
    assert!(answer.json()["detail"].as_str().unwrap().contains("apiKey"), "{}", answer.text());
    assert!(other.seen().is_empty());
    let key = "cal_good_2";
    assert_eq!(scene.put(json!({"baseUrl": other.url, "apiKey": key})).await.status, StatusCode::OK);
    scene.server.twin().app.calcom.client(&scene.organization.as_str().into()).await.unwrap().me().get().await.unwrap();
    assert!(other.seen().iter().all(|seen| seen.authorization == format!("Bearer {key}")), "{:?}", other.seen());
    assert_eq!(other.seen().len(), 2);
}

#[tokio::test]
async fn a_call_under_way_to_the_old_address_never_has_the_new_key() {
    let scene = Scene::connected().await;
    let at_the_old_address = scene.server.app.calcom.client(&scene.organization.as_str().into()).await.unwrap();
    let other = StandIn::start().await;
    assert_eq!(scene.put(json!({"baseUrl": other.url, "apiKey": "cal_good_2"})).await.status, StatusCode::OK);
    assert_eq!(at_the_old_address.me().get().await.unwrap_err().kind(), sidecar_core::ErrorKind::Auth);
    let seen = scene.calcom.seen();
    assert!(seen.iter().all(|seen| seen.authorization == format!("Bearer {KEY}")), "{seen:?}");
}

#[tokio::test]
async fn of_two_addresses_given_at_once_each_gets_its_own_key_only() {
    for _ in 0..20 {
        let (scene, others) = (Scene::connected().await, [StandIn::start().await, StandIn::start().await]);
        let keys = ["cal_good_a", "cal_good_b"];
        let put = |at: usize| scene.put(json!({"baseUrl": others[at].url, "apiKey": keys[at]}));
        let (one, two) = tokio::join!(put(0), put(1));
        assert!([&one, &two].iter().all(|answer| [200, 409].contains(&answer.status.as_u16())));
        assert!([&one, &two].iter().any(|answer| answer.status == StatusCode::OK));
        assert_eq!(scene.connection().await["connected"], true);
        scene.server.app.calcom.client(&scene.organization.as_str().into()).await.unwrap().me().get().await.unwrap();
        for (other, key) in others.iter().zip(keys) {
            let seen = other.seen();
            assert!(seen.iter().all(|seen| seen.authorization == format!("Bearer {key}")), "{seen:?}");
        }
    }
}

#[tokio::test]
async fn another_process_follows_a_new_address_and_key_at_once() {
    let scene = Scene::connected().await;
    let (twin, id) = (scene.server.twin(), scene.organization.as_str().into());
    twin.app.calcom.client(&id).await.unwrap().me().get().await.unwrap();
    let other = StandIn::start().await;
    assert_eq!(scene.put(json!({"baseUrl": other.url, "apiKey": "cal_good_2"})).await.status, StatusCode::OK);
    twin.app.calcom.client(&id).await.unwrap().me().get().await.unwrap();
    assert_eq!(other.last().authorization, "Bearer cal_good_2");
}

#[tokio::test]
async fn in_production_no_address_leads_into_a_private_network() {
    let keys = "k1:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";
    let more = [("SIDECAR_ENV", "production".to_owned()), ("SIDECAR_ENCRYPTION_KEYS", keys.to_owned())];
    let scene = Scene::with(&more).await;
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
        // A name is judged by where it leads.
        ("https://localhost", "unreachable"),
    ] {
        let answer = scene.put(json!({"baseUrl": base, "apiKey": KEY})).await;
        assert_eq!((answer.status.as_u16(), answer.problem().as_str()), (422, code), "{base}: {}", answer.text());
    }
    assert!(scene.calcom.seen().is_empty());
    assert_eq!(scene.put(json!({"apiKey": KEY})).await.status, StatusCode::OK, "the operator's own address is free");
}

#[tokio::test]
async fn a_disconnected_organization_has_nothing_left() {
    let scene = Scene::connected().await;
    let path = scene.of("integrations/calcom");
    assert_eq!(scene.server.call(Method::DELETE, &path, None).await.status, StatusCode::NO_CONTENT);
    let shown = scene.connection().await;
    assert_eq!(
        (&shown["connected"], &shown["webhookSecrets"], &shown["feed"]),
        (&json!(false), &json!(0), &json!(false))
    );
    assert_eq!(scene.server.call(Method::GET, &scene.of("bookings"), None).await.problem(), "reconnect_required");
    assert_eq!(scene.server.call(Method::DELETE, &path, None).await.status, StatusCode::NO_CONTENT);
    assert_eq!(scene.put(json!({"apiKey": KEY})).await.json()["connected"], true);
}

#[tokio::test]
async fn a_disconnect_erases_credentials_at_whichever_address() {
    let (scene, other) = (Scene::connected().await, StandIn::start().await);
    let elsewhere = CalcomSettings { base_url: Some(Url::parse(&other.url).unwrap()), ..CalcomSettings::default() };
    // As a process leaves it that ends in the middle of a change.
    let left = scene.server.app.calcom.tokens(&scene.organization.as_str().into(), &elsewhere);
    left.adopt_api_key(KEY.into()).await.unwrap();
    assert_eq!(scene.kept().await.len(), 2);
    let path = scene.of("integrations/calcom");
    assert_eq!(scene.server.call(Method::DELETE, &path, None).await.status, StatusCode::NO_CONTENT);
    assert!(scene.kept().await.is_empty());
    let back = scene.put(json!({"baseUrl": other.url})).await;
    assert_eq!(back.json()["connected"], false, "{}", back.text());
}

#[tokio::test]
async fn a_disconnect_and_a_change_at_once_leave_one_of_them_whole() {
    for _ in 0..20 {
        let (scene, other) = (Scene::connected().await, StandIn::start().await);
        let path = scene.of("integrations/calcom");
        let (changed, ended) = tokio::join!(
            scene.put(json!({"baseUrl": other.url, "apiKey": "cal_good_2"})),
            scene.server.call(Method::DELETE, &path, None)
        );
        assert_eq!(ended.status, StatusCode::NO_CONTENT, "{}", ended.text());
        assert!([200, 409].contains(&changed.status.as_u16()), "{}", changed.text());
        let (shown, kept) = (scene.connection().await, scene.kept().await);
        assert_eq!(shown["webhookSecrets"], 0, "erased with the connection before");
        if shown["connected"] == json!(true) {
            assert_eq!((kept.len(), shown["baseUrl"].is_string()), (1, true), "{kept:?}");
        } else {
            assert_eq!((kept.len(), &shown["baseUrl"]), (0, &Value::Null), "{kept:?}");
        }
    }
}

#[tokio::test]
async fn what_the_environment_sets_is_not_changed_from_outside() {
    let calcom = StandIn::start().await;
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
    // Its id is known only once it is there, so another process has it set.
    let first = Server::start(&[]).await;
    let organization = first.organization("acme").await;
    let server = first.on_the_same_store(&variables(&organization));
    let path = format!("/api/organizations/{organization}/integrations/calcom");
    let shown = server.call(Method::GET, &path, None).await.json();
    assert_eq!((&shown["by"], &shown["webhookSecrets"]), (&json!("environment"), &json!(1)));
    for (method, body) in [(Method::PUT, Some(json!({"apiKey": KEY}))), (Method::DELETE, None)] {
        let answer = server.call(method, &path, body).await;
        assert_eq!((answer.status.as_u16(), answer.problem().as_str()), (409, "set_by_environment"));
    }
    let mapped = server.call(Method::PUT, &path, Some(json!({"webhookSecrets": ["more"]}))).await.json();
    assert_eq!((&mapped["by"], &mapped["webhookSecrets"]), (&json!("environment"), &json!(2)));
    let other = server.organization("other").await;
    let shown = server.call(Method::GET, &format!("/api/organizations/{other}/integrations/calcom"), None).await.json();
    assert_eq!((&shown["connected"], &shown["webhookSecrets"]), (&json!(false), &json!(0)));
}

#[tokio::test]
async fn health_tells_off_from_up_from_down() {
    let state = async |server: &Server| {
        let health = server.call(Method::GET, "/api/health/integrations", None).await.json();
        health["integrations"]["calcom"].as_str().unwrap().to_owned()
    };
    let off = Scene::start().await;
    assert_eq!(state(&off.server).await, "off");
    let up = Scene::connected().await;
    assert_eq!(state(&up.server).await, "up");
    let down = Scene::connected().await;
    let id = down.organization.as_str().into();
    let connection = down.server.app.calcom.connection(&id).await.unwrap().unwrap();
    let broken =
        sidecar_core::token::ConnectionState::NeedsReauth { reason: "refused".into(), since: down.server.app.now() };
    down.server.app.store.set_state(&connection.key, connection.tokens.generation, &broken).await.unwrap();
    assert_eq!(state(&down.server).await, "down");
    assert_eq!(down.connection().await["needsReauth"], true);

    let beside = down.server.organization("beside").await.as_str().into();
    assert!(down.server.app.store.put_setting(&beside, "calcom", 0, &"no document".into()).await.unwrap());
    let health = down.server.call(Method::GET, "/api/health/integrations", None).await.json();
    let why = health["details"]["calcom"]["lastError"].as_str().unwrap();
    assert!(why.contains("the log names"), "one that cannot be read hides none of the others: {why}");

    let first = Server::start(&[]).await;
    let organization = first.organization("acme").await;
    for (key, expected) in [(KEY, "up"), ("cal_bad", "down")] {
        let set = [
            ("CALCOM_API_URL", off.calcom.url.clone()),
            ("CALCOM_API_KEY", key.to_owned()),
            ("CALCOM_ORGANIZATION_ID", organization.clone()),
        ];
        assert_eq!(state(&first.on_the_same_store(&set)).await, expected);
        assert_eq!(off.calcom.last().what, "GET /v2/me");
    }
}
