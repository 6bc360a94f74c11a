use std::{sync::Arc, time::Duration};

use ghl_client::{GhlClient, GhlErrorExt, GhlErrorReason};
use serde_json::json;
use sidecar_core::{
    Error, ErrorKind, Retry, SendState,
    retry::RetryPolicy,
    test_util::{ManualClock, ScriptedTransport},
    token::{AccessToken, Credentials},
};

use crate::support::{LOCATION, NOW, answering, client, fixture};

async fn refusal(script: ScriptedTransport) -> Error {
    let (ghl, _) = client(script);
    ghl.contacts().get(LOCATION, "c1").await.unwrap_err()
}

async fn refused(status: u16, body: serde_json::Value) -> Error {
    refusal(ScriptedTransport::new().respond(status, body)).await
}

#[tokio::test]
async fn a_duplicate_contact_names_the_one_that_is_there() {
    let (ghl, _) = answering(400, fixture!("contacts_duplicate_400"));
    let error = ghl.contacts().create(LOCATION).email("a@example.com").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Conflict);
    let expected =
        GhlErrorReason::DuplicateContact { contact_id: Some("abc".into()), matching_field: Some("email".into()) };
    assert_eq!(error.problem(), Some(&expected));
    assert_eq!(error.request_id(), Some("7f3c"));
    assert_eq!(
        error.to_string(),
        "ghl contacts.create: 400 Bad Request: This location does not allow duplicated contacts. (trace 7f3c)"
    );
}

#[tokio::test]
async fn each_refusal_is_understood() {
    for (status, message, kind, problem) in [
        (401, "The token is not authorized for this scope.", ErrorKind::Forbidden, GhlErrorReason::ScopeMissing),
        (
            401,
            "This authClass type is not allowed to access this scope. Please reach out to the Marketplace team",
            ErrorKind::Forbidden,
            GhlErrorReason::TokenKindRejected,
        ),
        (401, "Token's user type mismatch!", ErrorKind::Forbidden, GhlErrorReason::TokenKindRejected),
        (401, "Invalid Private Integration token", ErrorKind::Auth, GhlErrorReason::TokenInvalid),
        (401, "version header was not found.", ErrorKind::Rejected, GhlErrorReason::VersionRejected),
        (401, "version header is invalid", ErrorKind::Rejected, GhlErrorReason::VersionRejected),
        (
            401,
            "This route is not yet supported by the IAM Service. Please update your IAM config.",
            ErrorKind::Rejected,
            GhlErrorReason::UnknownRoute,
        ),
        (403, "This route is not yet supported by the IAM Service.", ErrorKind::Rejected, GhlErrorReason::UnknownRoute),
        (404, "Cannot GET /contact/abc", ErrorKind::Rejected, GhlErrorReason::UnknownRoute),
        (400, "API endpoint has been removed", ErrorKind::Rejected, GhlErrorReason::OperationRemoved),
        (
            400,
            "Endpoint /oauth/installedLocations not available in API version v3. This endpoint was removed in version v3.",
            ErrorKind::Rejected,
            GhlErrorReason::OperationRemoved,
        ),
        (
            401,
            "You do not have access to this feature! Please contact the admin!",
            ErrorKind::Forbidden,
            GhlErrorReason::FeatureMissing,
        ),
        (403, "This location is suspended", ErrorKind::Forbidden, GhlErrorReason::Suspended),
        (401, "The account has been paused by the agency", ErrorKind::Forbidden, GhlErrorReason::Suspended),
        (400, "Company account deactivated", ErrorKind::Forbidden, GhlErrorReason::Suspended),
        (400, "The slot you have selected is no longer available.", ErrorKind::Conflict, GhlErrorReason::SlotTaken),
        (422, "The slot you have selected is no longer available", ErrorKind::Conflict, GhlErrorReason::SlotTaken),
        (
            400,
            "Can not create duplicate opportunity for the contact.",
            ErrorKind::Conflict,
            GhlErrorReason::DuplicateOpportunity { opportunity_id: None },
        ),
        (400, "The tag name already exists.", ErrorKind::Conflict, GhlErrorReason::AlreadyExists),
        (401, "Invalid token: access token is invalid", ErrorKind::Auth, GhlErrorReason::TokenInvalid),
        (401, "Invalid JWT", ErrorKind::Auth, GhlErrorReason::TokenInvalid),
        (403, "The token does not have access to this location.", ErrorKind::Forbidden, GhlErrorReason::WrongLocation),
        (403, "Forbidden resource", ErrorKind::Forbidden, GhlErrorReason::Forbidden),
        (400, "Contact with id X not found", ErrorKind::NotFound, GhlErrorReason::NotFound),
        (404, "Not Found", ErrorKind::NotFound, GhlErrorReason::NotFound),
        (
            400,
            "Invalid field contact_name",
            ErrorKind::Rejected,
            GhlErrorReason::Validation(vec!["Invalid field contact_name".into()]),
        ),
        (500, "Internal server error", ErrorKind::Server, GhlErrorReason::Other),
    ] {
        let error = refused(status, json!({"statusCode": status, "message": message, "error": "x"})).await;
        assert_eq!((error.kind(), error.problem()), (kind, Some(&problem)), "{message}");
        if problem == GhlErrorReason::TokenInvalid {
            assert!(error.message().contains("replace it"), "a fixed token cannot be renewed: {error}");
        } else {
            assert!(error.send_state() == SendState::Responded && error.message().contains(message), "{error}");
        }
    }
}

#[tokio::test]
async fn a_duplicate_opportunity_names_the_one_that_is_there() {
    let body = json!({
        "statusCode": 400,
        "message": "Can not create duplicate opportunity for the contact.",
        "meta": {"existingId": "opp1"},
    });
    let error = refused(400, body).await;
    assert_eq!(error.problem(), Some(&GhlErrorReason::DuplicateOpportunity { opportunity_id: Some("opp1".into()) }));
}

#[tokio::test]
async fn a_path_that_is_not_there_does_not_look_like_a_thing_that_is_not_there() {
    let error =
        refused(404, json!({"statusCode": 404, "message": "Cannot GET /contacts/c1", "error": "Not Found"})).await;
    assert_ne!(error.kind(), ErrorKind::NotFound, "a sync would delete what it is told is gone");
}

#[tokio::test]
async fn a_web_page_is_no_word_of_the_provider() {
    for page in ["<html><body>Attention Required! | Cloudflare</body></html>", " \n<!DOCTYPE html><p>403</p>"] {
        for status in [400, 401, 403, 404] {
            let error = refusal(ScriptedTransport::new().respond_with(status, &[], page)).await;
            assert_eq!(
                (error.kind(), error.problem()),
                (ErrorKind::Forbidden, Some(&GhlErrorReason::Blocked)),
                "{status}"
            );
            assert!(error.message().contains("firewall"), "{error}");
        }
    }
}

#[tokio::test]
async fn an_uploads_refusal_is_read_though_it_calls_the_status_by_another_name() {
    for status in [413, 415] {
        let error =
            refused(status, json!({"status": status, "message": "The file is too big", "name": "HttpException"})).await;
        assert_eq!(error.problem(), Some(&GhlErrorReason::Validation(vec!["The file is too big".into()])));
    }
}

/// What the predicates answer, in the order of their names below.
fn answers(error: &Error) -> [bool; 9] {
    [
        error.needs_reauth(),
        error.is_scope_missing(),
        error.is_wrong_token_kind(),
        error.is_suspended(),
        error.is_duplicate(),
        error.is_transient(),
        error.is_burst_limit(),
        error.is_day_limit(),
        error.may_have_taken_effect(),
    ]
}

#[tokio::test]
async fn each_question_has_one_answer_per_refusal() {
    let no = [false; 9];
    let yes = |wanted: &[usize]| {
        let mut answers = no;
        for at in wanted {
            answers[*at] = true;
        }
        answers
    };
    for (status, message, expected) in [
        (401, "Invalid JWT", yes(&[0])),
        (401, "The token is not authorized for this scope.", yes(&[1])),
        (401, "Token's user type mismatch!", yes(&[2])),
        (403, "This location is suspended", yes(&[3])),
        (400, "This location does not allow duplicated contacts.", yes(&[4])),
        (400, "Can not create duplicate opportunity for the contact.", yes(&[4])),
        (502, "Bad Gateway", yes(&[5, 8])),
        (429, "Too Many Requests", yes(&[5, 6])),
        (404, "Not Found", no),
        (400, "Invalid field contact_name", no),
    ] {
        let error = refused(status, json!({"statusCode": status, "message": message})).await;
        assert_eq!(answers(&error), expected, "{message}");
    }
    let day = ScriptedTransport::new().respond_with(429, &[("x-ratelimit-daily-remaining", "0")], "{}");
    assert_eq!(answers(&refusal(day).await), yes(&[7]));
    let lost = ScriptedTransport::new().fail(sidecar_core::http::TransportError::Broken("cut".into()));
    assert_eq!(answers(&refusal(lost).await), yes(&[5, 8]));
    let unheard = ScriptedTransport::new().fail(sidecar_core::http::TransportError::Connect("refused".into()));
    assert_eq!(answers(&refusal(unheard).await), yes(&[5]));
}

#[tokio::test]
async fn a_list_of_complaints_keeps_each() {
    let complaints = ["property additionalEmails should not exist", "locationId can't be undefined"];
    let error = refused(422, json!({"statusCode": 422, "message": complaints, "error": "Unprocessable Entity"})).await;
    assert_eq!(error.problem(), Some(&GhlErrorReason::Validation(complaints.map(String::from).to_vec())));
    assert!(error.to_string().contains("should not exist; locationId"), "{error}");
}

#[tokio::test]
async fn odd_bodies_are_errors_like_any_other() {
    for body in
        ["", "<html>Bad Gateway</html>", "[]", "null", "{\"message\":{\"a\":1}}", "{\"message\":[1,{}]}", "\u{1}\u{2}"]
    {
        for status in [400, 401, 403, 404, 422, 429, 500, 502, 302] {
            let error = refusal(ScriptedTransport::new().respond_with(status, &[], body)).await;
            assert!(!error.message().is_empty());
            if status != 401 {
                assert_eq!(error.status().unwrap().as_u16(), status);
            }
        }
    }
}

#[tokio::test]
async fn the_shapes_of_v3_and_of_the_token_endpoint_are_read() {
    let v3 = json!({"error": {"code": "RESOURCE_NOT_FOUND", "message": "gone", "details": {}, "resolution": "look elsewhere"}});
    let error = refused(404, v3).await;
    assert_eq!(
        (error.kind(), error.code(), error.message()),
        (ErrorKind::NotFound, Some("RESOURCE_NOT_FOUND"), "gone (look elsewhere)")
    );
    let error =
        refused(400, json!({"error": "invalid_grant", "error_description": "This refresh token is invalid"})).await;
    assert_eq!((error.kind(), error.problem()), (ErrorKind::Auth, Some(&GhlErrorReason::GrantInvalid)));
    let error = refused(401, json!({"error": "invalid_client"})).await;
    assert_eq!((error.kind(), error.problem()), (ErrorKind::InvalidInput, Some(&GhlErrorReason::ClientInvalid)));
}

#[tokio::test]
async fn burst_and_day_are_told_apart_and_say_how_long() {
    let too_many = json!({"statusCode": 429, "message": "Too Many Requests"}).to_string();
    let burst = [("x-ratelimit-daily-remaining", "1000"), ("x-ratelimit-interval-milliseconds", "10000")];
    let error = refusal(ScriptedTransport::new().respond_with(429, &burst, too_many.clone())).await;
    assert_eq!((error.kind(), error.problem()), (ErrorKind::RateLimited, Some(&GhlErrorReason::BurstLimit)));
    assert_eq!(error.retry(), Retry::After(Some(Duration::from_secs(10))));

    let day = [("x-ratelimit-daily-remaining", "0"), ("x-ratelimit-daily-reset", "7200000")];
    let error = refusal(ScriptedTransport::new().respond_with(429, &day, too_many.clone())).await;
    assert_eq!(error.problem(), Some(&GhlErrorReason::DayLimit { announced: true }));
    assert_eq!(error.retry_after(), Some(Duration::from_secs(7_200)));

    let silent = [("x-ratelimit-daily-remaining", "0")];
    let error = refusal(ScriptedTransport::new().respond_with(429, &silent, too_many)).await;
    assert_eq!(error.problem(), Some(&GhlErrorReason::DayLimit { announced: false }));
    assert!(error.retry_after().unwrap() > Duration::from_secs(80_000), "{:?}", error.retry_after());
}

#[derive(Debug, Default)]
struct Counting(std::sync::Mutex<Vec<Option<u64>>>);

#[async_trait::async_trait]
impl Credentials for Counting {
    async fn access_token(&self, refused: Option<u64>) -> sidecar_core::Result<AccessToken> {
        self.0.lock().unwrap().push(refused);
        Ok(AccessToken { token: "t".to_owned().into(), generation: refused.map_or(1, |refused| refused + 1) })
    }
}

async fn asked_for_tokens(message: &str) -> Vec<Option<u64>> {
    let body = json!({"statusCode": 401, "message": message});
    let transport = ScriptedTransport::new().respond(401, body.clone()).respond(401, body);
    let credentials = Arc::new(Counting::default());
    let ghl = GhlClient::builder()
        .credentials(credentials.clone())
        .transport(Arc::new(transport))
        .clock(Arc::new(ManualClock::new(NOW)))
        .retry(RetryPolicy::never())
        .build()
        .unwrap();
    ghl.contacts().get(LOCATION, "c1").await.unwrap_err();
    // An attempt asks twice: before it waits for the limits, and after.
    let mut asked = credentials.0.lock().unwrap().clone();
    asked.dedup();
    asked
}

#[tokio::test]
async fn an_expired_token_is_replaced_once_and_a_missing_scope_never_asks_for_another() {
    assert_eq!(asked_for_tokens("Invalid JWT").await, [None, Some(1)]);
    for message in [
        "The token is not authorized for this scope.",
        "The token does not have access to this location.",
        "Token's user type mismatch!",
        "version header was not found.",
        "This route is not yet supported by the IAM Service. Please update your IAM config.",
        "You do not have access to this feature! Please contact the admin!",
        "This location is suspended",
    ] {
        assert_eq!(asked_for_tokens(message).await, [None], "{message}");
    }
}

#[tokio::test]
async fn a_create_whose_answer_is_lost_is_not_repeated_and_says_so() {
    let broken = || sidecar_core::http::TransportError::Broken("cut".into());
    let transport = Arc::new(ScriptedTransport::new().fail(broken()).fail(broken()));
    let clock = Arc::new(sidecar_core::SystemClock::new());
    let ghl = GhlClient::builder()
        .private_integration_token("pit-1")
        .transport(transport.clone())
        .clock(clock)
        .build()
        .unwrap();
    let error = ghl.contacts().create(LOCATION).email("a@example.com").await.unwrap_err();
    assert_eq!((error.kind(), error.send_state()), (ErrorKind::Transport, SendState::Unknown));
    assert_eq!(transport.requests().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn an_upsert_by_email_is_repeated_but_not_one_that_may_create_twice() {
    let broken = || sidecar_core::http::TransportError::Broken("cut".into());
    let script = || Arc::new(ScriptedTransport::new().fail(broken()).respond(200, fixture!("contacts_upsert")));
    let build = |transport: &Arc<ScriptedTransport>| {
        GhlClient::builder().private_integration_token("pit-1").transport(transport.clone()).build().unwrap()
    };
    let transport = script();
    build(&transport).contacts().upsert(LOCATION).email("a@example.com").await.unwrap();
    assert_eq!(transport.requests().len(), 2);
    let transport = script();
    let upsert = build(&transport).contacts().upsert(LOCATION).email("a@example.com").create_new_if_duplicate_allowed();
    upsert.await.unwrap_err();
    assert_eq!(transport.requests().len(), 1);
}
