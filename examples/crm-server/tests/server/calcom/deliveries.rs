use calcom_client::events::{
    EventKind, NO_SECRET, SIGNATURE_HEADER,
    fixtures::{self, SignedDelivery},
};
use http::{HeaderMap, HeaderValue, StatusCode};
use serde_json::json;
use sidecar_core::Timestamp;
use sidecar_core::queue::ClaimRequest;

use super::Fixture;

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

impl Fixture {
    fn webhook_path(&self) -> String {
        format!("/api/webhooks/calcom/{}", self.organization)
    }

    async fn pending(&self) -> u64 {
        self.server.app.store.backlog().await.unwrap().pending
    }
}

#[tokio::test]
async fn a_signed_delivery_is_stored_once_for_its_organization() {
    let fixture = Fixture::connected().await;
    let delivery = signed(SECRET);
    for duplicate in [false, true, true] {
        let response = fixture.deliver(&fixture.webhook_path(), &delivery).await;
        assert_eq!(response.status, StatusCode::OK, "{}", response.text());
        assert_eq!(response.json(), json!({"received": true, "duplicate": duplicate}));
    }
    let claims = fixture
        .server
        .app
        .store
        .claim(&ClaimRequest::new(10, std::time::Duration::from_secs(60), Timestamp::from_secs(4_000_000_000)))
        .await
        .unwrap();
    assert_eq!(claims.len(), 1);
    let stored = &claims[0].delivery;
    assert_eq!((&*stored.source, &*stored.kind), ("calcom", "BOOKING_CREATED"));
    assert_eq!(stored.organization.as_ref().unwrap().as_str(), fixture.organization);
    assert!(stored.order_key.contains("booking:bk_1"), "{}", stored.order_key);
    assert_eq!(stored.body, delivery.body, "the raw bytes are stored");
}

#[tokio::test]
async fn the_signature_of_a_known_body_and_secret_is_accepted() {
    let fixture = Fixture::connected().await;
    let body = br#"{"triggerEvent":"BOOKING_CREATED","createdAt":"2026-11-23T18:00:00.000Z","payload":{"uid":"bk_1","bookingId":100,"metadata":{"organizationId":"o1"}}}"#;
    let signature = HeaderValue::from_static("552efcfbd67221140097d63f22e0c8bb8e0fd87618e032fc787eb009c1317359");
    let mut delivery = SignedDelivery { headers: HeaderMap::new(), body: body.to_vec() };
    delivery.headers.insert(SIGNATURE_HEADER, signature);
    assert_eq!(fixture.deliver(&fixture.webhook_path(), &delivery).await.status, StatusCode::OK);
    // The secret determines the organization, not the body.
    let claims = fixture
        .server
        .app
        .store
        .claim(&ClaimRequest::new(10, std::time::Duration::from_secs(60), Timestamp::from_secs(4_000_000_000)))
        .await
        .unwrap();
    assert_eq!(claims[0].delivery.organization.as_ref().unwrap().as_str(), fixture.organization);
}

#[tokio::test]
async fn every_invalid_signature_gets_the_same_response() {
    let fixture = Fixture::connected().await;
    let right = signed(SECRET);
    let mut other_body = right.clone();
    other_body.body[40] ^= 1;
    let hex = right.headers[SIGNATURE_HEADER].to_str().unwrap();
    let one_bit = format!("{}{}", if hex.starts_with('0') { '1' } else { '0' }, &hex[1..]);
    for (case, delivery) in [
        ("one bit of the body", other_body),
        ("one bit of the signature", with_signature(Some(&one_bit))),
        ("missing", with_signature(None)),
        ("empty", with_signature(Some(""))),
        ("not hexadecimal", with_signature(Some("sha256=x"))),
        ("truncated", with_signature(Some(&hex[..32]))),
        ("without a secret", with_signature(Some(NO_SECRET))),
        ("with another secret", signed("another")),
    ] {
        let response = fixture.deliver(&fixture.webhook_path(), &delivery).await;
        assert_eq!((response.status.as_u16(), response.problem().as_str()), (401, "signature_invalid"), "{case}");
    }
    assert_eq!(fixture.pending().await, 0);
}

#[tokio::test]
async fn both_secrets_are_valid_during_a_rotation() {
    let fixture = Fixture::connected().await;
    let other_process = Fixture {
        server: fixture.server.another_process(),
        calcom: super::FakeCalcom::start().await,
        organization: fixture.organization.clone(),
    };
    let status = async |fixture: &Fixture, secret: &str| {
        fixture.deliver(&fixture.webhook_path(), &signed(secret)).await.status.as_u16()
    };
    assert_eq!(status(&other_process, SECRET).await, 200);
    fixture.put(json!({"webhookSecrets": [SECRET, "new"]})).await;
    assert_eq!((status(&fixture, SECRET).await, status(&fixture, "new").await), (200, 200));
    fixture.put(json!({"webhookSecrets": ["new"]})).await;
    assert_eq!((status(&fixture, SECRET).await, status(&fixture, "new").await), (401, 200));
    fixture.put(json!({"webhookSecrets": []})).await;
    let response = fixture.deliver(&fixture.webhook_path(), &signed("new")).await;
    assert_eq!((response.status.as_u16(), response.problem().as_str()), (404, "integration_off"));
}

#[tokio::test]
async fn a_delivery_is_accepted_only_for_its_own_organization() {
    let fixture = Fixture::connected().await;
    let other = fixture.server.organization("other").await;
    let path = format!("/api/organizations/{other}/integrations/calcom");
    let put = |secret: &str| fixture.server.call(http::Method::PUT, &path, Some(json!({"webhookSecrets": [secret]})));
    put("other secret").await;
    let other_path = format!("/api/webhooks/calcom/{other}");
    assert_eq!(fixture.deliver(&other_path, &signed(SECRET)).await.problem(), "signature_invalid");
    assert_eq!(fixture.deliver(&fixture.webhook_path(), &signed("other secret")).await.problem(), "signature_invalid");
    // Both organizations use one Cal.com account, so each of them receives the same event.
    assert_eq!(fixture.deliver(&other_path, &signed("other secret")).await.json()["duplicate"], false);
    assert_eq!(fixture.deliver(&fixture.webhook_path(), &signed(SECRET)).await.json()["duplicate"], false);
    assert_eq!(fixture.pending().await, 2);
}

#[tokio::test]
async fn without_a_secret_an_organization_responds_like_an_unknown_one() {
    let fixture = Fixture::start().await;
    let mut details = Vec::new();
    for path in [fixture.webhook_path(), "/api/webhooks/calcom/unknown".to_owned(), "/api/webhooks/calcom".to_owned()] {
        let response = fixture.deliver(&path, &signed(SECRET)).await;
        assert_eq!((response.status.as_u16(), response.problem().as_str()), (404, "integration_off"), "{path}");
        details.push(response.json()["detail"].clone());
    }
    assert!(details.iter().all(|detail| *detail == details[0]), "{details:?}");
}

#[tokio::test]
async fn the_path_without_an_organization_is_the_environments_organization() {
    let variables = [
        ("CALCOM_WEBHOOK_SECRET", "one, two".to_owned()),
        ("CALCOM_ORGANIZATION_ID", "org_of_the_environment".to_owned()),
    ];
    let fixture = Fixture::with(&variables).await;
    for secret in ["one", "two"] {
        assert_eq!(fixture.deliver("/api/webhooks/calcom", &signed(secret)).await.status, StatusCode::OK);
    }
    assert_eq!(fixture.deliver("/api/webhooks/calcom", &signed("three")).await.problem(), "signature_invalid");
    assert_eq!(
        fixture.deliver(&fixture.webhook_path(), &signed("one")).await.problem(),
        "integration_off",
        "another organization"
    );
}

#[tokio::test]
async fn signed_bodies_are_stored_even_if_unreadable_but_not_if_too_large() {
    let fixture = Fixture::connected().await;
    let sign = |body: &[u8]| SignedDelivery {
        headers: sidecar_core::test_util::hmac_sha256_hex(SIGNATURE_HEADER, SECRET, body),
        body: body.to_vec(),
    };
    for body in [&b"false"[..], b"", b"{\"triggerEvent\":\"NEW_KIND\"}", b"\xff", b"a=b"] {
        assert_eq!(fixture.deliver(&fixture.webhook_path(), &sign(body)).await.status, StatusCode::OK, "{body:?}");
    }
    assert_eq!(fixture.pending().await, 5);
    let large = fixture.deliver(&fixture.webhook_path(), &sign(&vec![b' '; (1 << 20) + 1])).await;
    assert_eq!((large.status.as_u16(), large.problem().as_str()), (413, "body_too_large"));
}
