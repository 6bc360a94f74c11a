use calcom_client::webhook::{
    EventKind, NO_SECRET, SIGNATURE_HEADER,
    fixtures::{self, SignedDelivery},
};
use http::{HeaderMap, HeaderValue, StatusCode};
use serde_json::json;
use sidecar_core::Timestamp;
use sidecar_core::queue::ClaimRequest;

use super::Scene;

const SECRET: &str = "whsec_test";

fn signed(secret: &str) -> SignedDelivery {
    fixtures::of(&EventKind::BookingCreated).signed(secret)
}

fn with_signature(signature: Option<&str>) -> SignedDelivery {
    let mut delivery = signed(SECRET);
    delivery.headers = HeaderMap::new();
    if let Some(signature) = signature {
        delivery.headers.insert(SIGNATURE_HEADER, HeaderValue::from_str(signature).unwrap());
    }
    delivery
}

impl Scene {
    fn way_in(&self) -> String {
        format!("/api/webhooks/calcom/{}", self.organization)
    }

    async fn pending(&self) -> u64 {
        self.server.app.store.backlog().await.unwrap().pending
    }
}

#[tokio::test]
async fn a_genuine_delivery_is_kept_once_for_its_organization() {
    let scene = Scene::connected().await;
    let delivery = signed(SECRET);
    for duplicate in [false, true, true] {
        let answer = scene.deliver(&scene.way_in(), &delivery).await;
        assert_eq!(answer.status, StatusCode::OK, "{}", answer.text());
        assert_eq!(answer.json(), json!({"received": true, "duplicate": duplicate}));
    }
    let claims = scene
        .server
        .app
        .store
        .claim(&ClaimRequest::new(10, std::time::Duration::from_secs(60), Timestamp::from_secs(4_000_000_000)))
        .await
        .unwrap();
    assert_eq!(claims.len(), 1);
    let kept = &claims[0].delivery;
    assert_eq!((&*kept.source, &*kept.kind), ("calcom", "BOOKING_CREATED"));
    assert_eq!(kept.organization.as_ref().unwrap().as_str(), scene.organization);
    assert!(kept.order_key.contains("booking:bk_1"), "{}", kept.order_key);
    assert_eq!(kept.body, delivery.body, "the raw bytes");
}

#[tokio::test]
async fn the_signature_of_a_known_body_and_secret_is_taken() {
    let scene = Scene::connected().await;
    let body = br#"{"triggerEvent":"BOOKING_CREATED","createdAt":"2026-11-23T18:00:00.000Z","payload":{"uid":"bk_1","bookingId":100,"metadata":{"organizationId":"o1"}}}"#;
    let signature = HeaderValue::from_static("552efcfbd67221140097d63f22e0c8bb8e0fd87618e032fc787eb009c1317359");
    let mut delivery = SignedDelivery { headers: HeaderMap::new(), body: body.to_vec() };
    delivery.headers.insert(SIGNATURE_HEADER, signature);
    assert_eq!(scene.deliver(&scene.way_in(), &delivery).await.status, StatusCode::OK);
    // The organization is the one whose secret it is, whatever the body says.
    let claims = scene
        .server
        .app
        .store
        .claim(&ClaimRequest::new(10, std::time::Duration::from_secs(60), Timestamp::from_secs(4_000_000_000)))
        .await
        .unwrap();
    assert_eq!(claims[0].delivery.organization.as_ref().unwrap().as_str(), scene.organization);
}

#[tokio::test]
async fn every_signature_that_is_not_right_is_refused_alike() {
    let scene = Scene::connected().await;
    let right = signed(SECRET);
    let mut other_body = right.clone();
    other_body.body[40] ^= 1;
    let hex = right.headers[SIGNATURE_HEADER].to_str().unwrap();
    let one_bit = format!("{}{}", if hex.starts_with('0') { '1' } else { '0' }, &hex[1..]);
    for (what, delivery) in [
        ("one bit of the body", other_body),
        ("one bit of the signature", with_signature(Some(&one_bit))),
        ("missing", with_signature(None)),
        ("empty", with_signature(Some(""))),
        ("no hex", with_signature(Some("sha256=x"))),
        ("cut off", with_signature(Some(&hex[..32]))),
        ("without a secret", with_signature(Some(NO_SECRET))),
        ("of another secret", signed("another")),
    ] {
        let answer = scene.deliver(&scene.way_in(), &delivery).await;
        assert_eq!((answer.status.as_u16(), answer.problem().as_str()), (401, "signature_invalid"), "{what}");
    }
    assert_eq!(scene.pending().await, 0);
}

#[tokio::test]
async fn while_a_secret_is_replaced_both_are_good_and_then_only_the_new_one() {
    let scene = Scene::connected().await;
    let other_process = Scene {
        server: scene.server.twin(),
        calcom: super::StandIn::start().await,
        organization: scene.organization.clone(),
    };
    let status =
        async |scene: &Scene, secret: &str| scene.deliver(&scene.way_in(), &signed(secret)).await.status.as_u16();
    assert_eq!(status(&other_process, SECRET).await, 200);
    scene.put(json!({"webhookSecrets": [SECRET, "new"]})).await;
    assert_eq!((status(&scene, SECRET).await, status(&scene, "new").await), (200, 200));
    scene.put(json!({"webhookSecrets": ["new"]})).await;
    assert_eq!((status(&scene, SECRET).await, status(&scene, "new").await), (401, 200));
    scene.put(json!({"webhookSecrets": []})).await;
    let answer = scene.deliver(&scene.way_in(), &signed("new")).await;
    assert_eq!((answer.status.as_u16(), answer.problem().as_str()), (404, "integration_off"));
}

#[tokio::test]
async fn a_delivery_of_one_organization_is_none_of_anothers() {
    let scene = Scene::connected().await;
    let other = scene.server.organization("other").await;
    let path = format!("/api/organizations/{other}/integrations/calcom");
    let put = |secret: &str| scene.server.call(http::Method::PUT, &path, Some(json!({"webhookSecrets": [secret]})));
    put("theirs").await;
    let their_way = format!("/api/webhooks/calcom/{other}");
    assert_eq!(scene.deliver(&their_way, &signed(SECRET)).await.problem(), "signature_invalid");
    assert_eq!(scene.deliver(&scene.way_in(), &signed("theirs")).await.problem(), "signature_invalid");
    // Both use one account at Cal.com: the same event is each one's own.
    assert_eq!(scene.deliver(&their_way, &signed("theirs")).await.json()["duplicate"], false);
    assert_eq!(scene.deliver(&scene.way_in(), &signed(SECRET)).await.json()["duplicate"], false);
    assert_eq!(scene.pending().await, 2);
}

#[tokio::test]
async fn without_a_secret_an_organization_is_answered_as_an_unknown_one() {
    let scene = Scene::start().await;
    let mut details = Vec::new();
    for way in [scene.way_in(), "/api/webhooks/calcom/unknown".to_owned(), "/api/webhooks/calcom".to_owned()] {
        let answer = scene.deliver(&way, &signed(SECRET)).await;
        assert_eq!((answer.status.as_u16(), answer.problem().as_str()), (404, "integration_off"), "{way}");
        details.push(answer.json()["detail"].clone());
    }
    assert!(details.iter().all(|detail| *detail == details[0]), "{details:?}");
}

#[tokio::test]
async fn the_plain_address_is_the_environments_organizations() {
    let set = [
        ("CALCOM_WEBHOOK_SECRET", "one, two".to_owned()),
        ("CALCOM_ORGANIZATION_ID", "org_of_the_environment".to_owned()),
    ];
    let scene = Scene::with(&set).await;
    for secret in ["one", "two"] {
        assert_eq!(scene.deliver("/api/webhooks/calcom", &signed(secret)).await.status, StatusCode::OK);
    }
    assert_eq!(scene.deliver("/api/webhooks/calcom", &signed("three")).await.problem(), "signature_invalid");
    assert_eq!(
        scene.deliver(&scene.way_in(), &signed("one")).await.problem(),
        "integration_off",
        "another organization"
    );
}

#[tokio::test]
async fn what_is_genuine_is_kept_also_when_it_cannot_be_understood_and_never_when_too_large() {
    let scene = Scene::connected().await;
    let sign = |body: &[u8]| SignedDelivery {
        headers: sidecar_core::test_util::hmac_sha256_hex(SIGNATURE_HEADER, SECRET, body),
        body: body.to_vec(),
    };
    for body in [&b"false"[..], b"", b"{\"triggerEvent\":\"NEW_KIND\"}", b"\xff", b"a=b"] {
        assert_eq!(scene.deliver(&scene.way_in(), &sign(body)).await.status, StatusCode::OK, "{body:?}");
    }
    assert_eq!(scene.pending().await, 5);
    let large = scene.deliver(&scene.way_in(), &sign(&vec![b' '; (1 << 20) + 1])).await;
    assert_eq!((large.status.as_u16(), large.problem().as_str()), (413, "body_too_large"));
}
