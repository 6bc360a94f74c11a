use std::sync::Arc;

use calcom_client::{ApiVersion, ApiVersions, CalcomClient, CalcomErrorReason, Profile, Region, client::Auth};
use sidecar_core::{ErrorKind, test_util::ScriptedTransport, token::StaticToken};

use crate::support::{builder, client, client_with, fixture, only_request, request_line};

#[test]
fn the_error_of_a_base_url_of_api_v1_explains_itself() {
    for url in ["https://api.cal.com/v1", "https://cal.example.com/api/v1/"] {
        let error = CalcomClient::builder().api_key("cal_x".to_owned()).base_url(url).build().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput);
        assert!(error.message().contains("shut down") && error.message().contains("https://api.cal.com"), "{error}");
    }
}

#[test]
fn invalid_settings_are_rejected() {
    let error_of = |builder: calcom_client::CalcomClientBuilder| builder.build().unwrap_err();
    for (error, word) in [
        (error_of(CalcomClient::builder().api_key(String::new())), "empty"),
        (error_of(CalcomClient::builder().api_key("cal_x\n".to_owned())), "blanks"),
        (error_of(CalcomClient::builder().api_key("cal_x".to_owned()).api_key("cal_y".to_owned())), "several"),
        (error_of(CalcomClient::builder().base_url("api.cal.com")), "absolute URL"),
    ] {
        assert_eq!(error.kind(), ErrorKind::InvalidInput);
        assert!(error.message().contains(word), "{error}");
    }
}

#[tokio::test]
async fn region_and_base_url_determine_url_and_profile() {
    for (build, url, profile) in [
        (CalcomClient::builder(), "https://api.cal.com/v2/me", Profile::Cloud),
        (CalcomClient::builder().region(Region::Eu), "https://api.cal.eu/v2/me", Profile::Cloud),
        (CalcomClient::builder().base_url("https://api.cal.com/v2"), "https://api.cal.com/v2/me", Profile::Cloud),
        (CalcomClient::builder().base_url("https://cal.acme.io/v2/"), "https://cal.acme.io/v2/me", Profile::SelfHosted),
        (
            CalcomClient::builder().base_url("http://127.0.0.1:1/calcom").profile(Profile::Cloud),
            "http://127.0.0.1:1/calcom/v2/me",
            Profile::Cloud,
        ),
    ] {
        let transport = Arc::new(ScriptedTransport::new().respond(200, fixture!("me")));
        let calcom = build.api_key("cal_x".to_owned()).transport(transport.clone()).build().unwrap();
        calcom.me().get().await.unwrap();
        assert_eq!((only_request(&transport).url.as_str(), calcom.profile()), (url, profile));
    }
}

#[tokio::test]
async fn each_group_sends_the_version_of_the_profile() {
    for (profile, bookings) in [(Profile::Cloud, "2026-02-25"), (Profile::SelfHosted, "2024-08-13")] {
        let script = ScriptedTransport::new()
            .respond(200, fixture!("booking"))
            .respond(200, fixture!("attendees"))
            .respond(200, fixture!("event_type"))
            .respond(200, fixture!("schedule"))
            .respond(200, fixture!("reservation"))
            .respond(200, fixture!("me"));
        let transport = Arc::new(script);
        let calcom = builder(&transport).api_key("cal_x".to_owned()).profile(profile).build().unwrap();
        calcom.bookings().get("bk_1").await.unwrap();
        calcom.bookings().attendees("bk_1").await.unwrap();
        calcom.event_types().get(7).await.unwrap();
        calcom.schedules().get(3).await.unwrap();
        calcom.slots().reservation("res_1").await.unwrap();
        calcom.me().get().await.unwrap();
        let sent: Vec<_> = transport.requests().iter().map(|sent| sent.header("cal-api-version").to_owned()).collect();
        assert_eq!(sent, [bookings, "2024-08-13", "2024-06-14", "2024-06-11", "2024-09-04", ""]);
    }
}

#[tokio::test]
async fn versions_can_be_replaced() {
    let transport = Arc::new(ScriptedTransport::new().respond(200, fixture!("booking")));
    let versions = ApiVersions { bookings: ApiVersion::from("2027-01-01"), ..ApiVersions::of(Profile::Cloud) };
    let calcom = builder(&transport).api_key("cal_x".to_owned()).versions(versions).build().unwrap();
    calcom.bookings().get("bk_1").await.unwrap();
    assert_eq!(only_request(&transport).header("cal-api-version"), "2027-01-01");
}

#[tokio::test]
async fn without_credentials_only_public_operations_are_sent() {
    for case in crate::cases::all() {
        let transport = Arc::new(ScriptedTransport::new().respond(200, case.response.clone()));
        let outcome = (case.run)(builder(&transport).build().unwrap()).await;
        match crate::cases::operation(case.operation).auth {
            Auth::Optional => {
                outcome.unwrap();
                assert!(only_request(&transport).headers.get("authorization").is_none(), "{}", case.operation);
            }
            _ => {
                let error = outcome.unwrap_err();
                assert_eq!(error.kind(), ErrorKind::InvalidInput, "{error}");
                assert_eq!(error.detail::<CalcomErrorReason>(), Some(&CalcomErrorReason::CredentialsMissing));
                assert!(transport.requests().is_empty(), "{}", case.operation);
            }
        }
    }
}

#[tokio::test]
async fn any_path_can_be_called() {
    let (calcom, sent) =
        client(ScriptedTransport::new().respond(200, fixture!("team")).respond(200, fixture!("team")).respond(204, ""));
    let data: serde_json::Value = calcom.raw().get("/v2/teams/4/memberships").query("take", 5).data().await.unwrap();
    assert_eq!(data["slug"], "sales");
    let body = serde_json::json!({"userId": 5});
    calcom
        .raw()
        .post("/v2/teams/4/memberships")
        .body(&body)
        .version(ApiVersion::V2024_08_13)
        .json::<serde_json::Value>()
        .await
        .unwrap();
    calcom.raw().delete("/v2/teams/4/memberships/{1}").await.unwrap();
    let requests = sent.requests();
    assert_eq!(request_line(&requests[0]), "GET /v2/teams/4/memberships?take=5");
    assert_eq!((requests[0].header("cal-api-version"), requests[1].header("cal-api-version")), ("", "2024-08-13"));
    assert_eq!(
        (requests[1].json(), request_line(&requests[2])),
        (body, "DELETE /v2/teams/4/memberships/%7B1%7D".to_owned())
    );
}

#[tokio::test]
async fn debug_output_has_the_account_and_not_the_key() {
    let (calcom, _) = client_with(200, fixture!("me"));
    let shown = format!("{calcom:?} {:?}", CalcomClient::builder().api_key("cal_live_secret".to_owned()));
    assert!(!shown.contains("secret"), "{shown}");
    assert!(format!("{calcom:?}").contains("key:"), "{shown}");
    let transport = Arc::new(ScriptedTransport::new());
    let other = builder(&transport).credentials(Arc::new(StaticToken::new("t".to_owned()))).account("acme").build();
    assert!(format!("{:?}", other.unwrap()).contains("acme"));
}
