use calcom_client::{CalcomErrorExt, CalcomErrorReason, Error, bookings::NewAttendee};
use serde_json::{Value, json};
use sidecar_core::{ErrorKind, SendState, http::TransportError, retry::RetryPolicy, test_util::ScriptedTransport};

use crate::support::{at, builder, client, fixture};

/// What the provider's own error envelope says.
#[expect(clippy::needless_pass_by_value, reason = "a literal reads better than a reference to one")]
fn refusal(code: &str, message: &str, details: Value) -> Value {
    json!({
        "status": "error", "timestamp": "2026-12-01T18:05:00.000Z", "path": "/v2/me",
        "error": {"code": code, "message": message, "details": details},
    })
}

async fn refused(status: u16, headers: &[(&str, &str)], body: impl ToString) -> Error {
    let (calcom, _) = client(ScriptedTransport::new().respond_with(status, headers, body.to_string()));
    calcom.me().get().await.unwrap_err()
}

#[tokio::test]
async fn the_real_reason_is_found_in_every_shape() {
    let nested = json!({"errors": [
        {"property": "attendee", "children": [{"property": "timeZone", "constraints": {"isTimeZone": "timeZone must be a valid IANA time-zone"}}]},
        {"property": "start", "constraints": {"isDateString": "start must be a valid ISO 8601 date string"}},
    ]});
    let validation = refusal("BadRequestException", "Bad Request Exception", nested);
    let missing = "Booking with uid x was not found";
    for (body, message) in [
        (
            validation,
            "attendee.timeZone: timeZone must be a valid IANA time-zone; start must be a valid ISO 8601 date string",
        ),
        (
            refusal("NotFoundException", missing, json!({"message": missing, "error": "Not Found", "statusCode": 404})),
            missing,
        ),
        (refusal("NotFoundException", "Not Found", json!({"message": missing})), missing),
        (refusal("NOT_FOUND", missing, Value::Null), missing),
        (refusal("BadRequestException", "", json!("the slot is odd")), "the slot is odd"),
        (
            refusal("BadRequestException", "Bad", json!({"message": ["a is wrong", "b is wrong"]})),
            "a is wrong; b is wrong",
        ),
        (json!({"message": "top level"}), "top level"),
        (json!({"error": "just text"}), "just text"),
        (json!({"statusCode": 400, "message": ["one", "two"], "error": "Bad Request"}), "one; two"),
        (
            refusal(
                "BadRequestException",
                "Bad",
                json!({"errors": [{"path": ["attendee", "email"], "message": "Required"}]}),
            ),
            "attendee.email: Required",
        ),
        (refusal("BadRequestException", "Bad Request Exception", json!("the slot is odd")), "the slot is odd"),
        (refusal("BadRequestException", "Bad Request", json!("the slot is odd")), "the slot is odd"),
        (refusal("BadRequestException", "the slot is odd", json!("more of it")), "the slot is odd"),
        (refusal("BadRequestException", "Bad Request Exception", json!(["one", "two"])), "one; two"),
        (refusal("BadRequestException", "Bad Request Exception", json!({"errors": ["one", "one", "two"]})), "one; two"),
        (
            refusal("BadRequestException", "it is wrong", json!(["in one way", "in two"])),
            "it is wrong; in one way; in two",
        ),
        (refusal("BadRequestException", "Bad Request Exception", json!({"message": "Bad Request"})), "Bad Request"),
        (json!({"message": "Bad Request", "errors": ["one"]}), "one"),
        (json!("just text"), "just text"),
        (json!(["one", "two"]), "one; two"),
    ] {
        let error = refused(400, &[], &body).await;
        assert_eq!(error.message(), message, "{body}");
        assert_eq!(error.kind(), ErrorKind::Rejected, "{error}");
    }
}

#[tokio::test]
async fn each_refusal_is_what_it_is() {
    let all = [
        (
            401,
            "UnauthorizedException",
            "ApiAuthStrategy - api key - Your api key is not valid",
            CalcomErrorReason::TokenInvalid,
            ErrorKind::Auth,
        ),
        (
            401,
            "UnauthorizedException",
            "Insufficient scope: BOOKING_READ is required",
            CalcomErrorReason::ScopeMissing { scope: Some("PROFILE_READ") },
            ErrorKind::Forbidden,
        ),
        (
            403,
            "ForbiddenException",
            "insufficient permissions",
            CalcomErrorReason::ScopeMissing { scope: Some("PROFILE_READ") },
            ErrorKind::Forbidden,
        ),
        (403, "ForbiddenException", "user is not the host", CalcomErrorReason::Forbidden, ErrorKind::Forbidden),
        (403, "ForbiddenException", "Your account is locked", CalcomErrorReason::AccountLocked, ErrorKind::Forbidden),
        (
            403,
            "ForbiddenException",
            "Account temporarily locked.",
            CalcomErrorReason::AccountLocked,
            ErrorKind::Forbidden,
        ),
        (
            403,
            "ForbiddenException",
            "This attendee is blocked by the host",
            CalcomErrorReason::Forbidden,
            ErrorKind::Forbidden,
        ),
        (
            401,
            "UnauthorizedException",
            "the key was unlocked and revoked",
            CalcomErrorReason::TokenInvalid,
            ErrorKind::Auth,
        ),
        (404, "NotFoundException", "User not found", CalcomErrorReason::NotFound, ErrorKind::NotFound),
        (404, "NotFoundException", "Cannot GET /v2/me", CalcomErrorReason::UnknownRoute, ErrorKind::Rejected),
        (409, "ConflictException", "Ooo entry already exists.", CalcomErrorReason::AlreadyExists, ErrorKind::Conflict),
        (
            400,
            "BadRequestException",
            "no_available_users_found_error",
            CalcomErrorReason::SlotTaken,
            ErrorKind::Conflict,
        ),
        (
            400,
            "BadRequestException",
            "User either already has booking at this time or is not available",
            CalcomErrorReason::SlotTaken,
            ErrorKind::Conflict,
        ),
        (
            400,
            "BadRequestException",
            "Can't cancel booking because it has been cancelled already",
            CalcomErrorReason::AlreadyDone,
            ErrorKind::Conflict,
        ),
        (500, "InternalServerErrorException", "Internal server error", CalcomErrorReason::Other, ErrorKind::Server),
    ];
    for (status, code, message, problem, kind) in all {
        let error = refused(status, &[], refusal(code, message, Value::Null)).await;
        assert_eq!((error.problem(), error.kind()), (Some(&problem), kind), "{error}");
        assert_eq!(error.code(), Some(code), "{error}");
        assert!(error.message().starts_with(message), "{error}");
        assert_eq!(error.operation(), "me.get");
    }
}

#[tokio::test]
async fn a_page_instead_of_an_answer_and_an_empty_one_are_told_apart() {
    let page = refused(403, &[], "<!DOCTYPE html><title>Attention Required! | Cloudflare</title>").await;
    assert_eq!(page.problem(), Some(&CalcomErrorReason::Blocked));
    assert!(page.message().contains("proxies and firewalls"), "{page}");
    let words = refused(400, &[], " the booking\nis too early ").await;
    assert_eq!((words.message(), words.kind()), ("the booking is too early", ErrorKind::Rejected));
    for noise in ["<error>no</error>", "{\"broken", "\u{1}\u{2}", &"long ".repeat(200)] {
        assert_eq!(refused(400, &[], noise).await.message(), "Bad Request", "{noise}");
    }
    let empty = refused(503, &[], "").await;
    assert_eq!((empty.kind(), empty.message()), (ErrorKind::Server, "Service Unavailable"));
}

#[tokio::test]
async fn the_requests_id_is_kept_where_there_is_one() {
    let body = refusal("NotFoundException", "x", Value::Null);
    assert_eq!(refused(404, &[("x-request-id", "req-1")], &body).await.request_id(), Some("req-1"));
    assert_eq!(refused(404, &[("x-request-id", "unknown-request-id")], &body).await.request_id(), None);
}

#[tokio::test]
async fn an_error_under_a_good_status_is_one() {
    let error = refused(200, &[], json!({"status": "error", "error": {"message": "the host is gone"}})).await;
    assert_eq!(
        (error.kind(), error.message(), error.send_state()),
        (ErrorKind::Rejected, "the host is gone", SendState::Responded)
    );
    let hidden = refusal("BadRequestException", "Bad Request Exception", json!({"message": "the host is gone"}));
    let error = refused(200, &[], &hidden).await;
    assert_eq!((error.message(), error.code()), ("the host is gone", Some("BadRequestException")));
    assert_eq!(refused(200, &[], json!({"status": "error", "message": "gone"})).await.message(), "gone");
    let script = ScriptedTransport::new()
        .respond(200, hidden.clone())
        .respond(200, hidden)
        .respond(200, json!({"status": "success"}));
    let (calcom, _) = client(script);
    assert_eq!(calcom.bookings().list().await.unwrap_err().message(), "the host is gone");
    assert_eq!(calcom.slots().delete_reservation("res_1").await.unwrap_err().message(), "the host is gone");
    calcom.slots().delete_reservation("res_1").await.unwrap();
    let odd = refused(200, &[], json!({"status": "success"})).await;
    assert_eq!(odd.kind(), ErrorKind::Decode);
}

#[tokio::test]
async fn a_read_is_tried_again_and_a_booking_never() {
    let down = || refusal("InternalServerErrorException", "down", Value::Null);
    let script = ScriptedTransport::new().respond(502, down()).respond(200, fixture!("me"));
    let transport = std::sync::Arc::new(script);
    let calcom = builder(&transport)
        .api_key("cal_x".to_owned())
        .retry(RetryPolicy { base: std::time::Duration::ZERO, ..RetryPolicy::default() })
        .clock(sidecar_core::SystemClock::shared())
        .build()
        .unwrap();
    calcom.me().get().await.unwrap();
    assert_eq!(transport.requests().len(), 2);

    let script =
        ScriptedTransport::new().fail(TransportError::Broken("reset".into())).respond(200, fixture!("schedule"));
    let transport = std::sync::Arc::new(script);
    let calcom = builder(&transport).api_key("cal_x".to_owned()).clock(sidecar_core::SystemClock::shared());
    let soon = RetryPolicy { base: std::time::Duration::ZERO, ..RetryPolicy::default() };
    calcom.retry(soon).build().unwrap().schedules().update(3).overrides(Vec::new()).await.unwrap();
    assert_eq!(transport.requests().len(), 2, "a whole state may be written twice");

    for (script, sent) in [
        (ScriptedTransport::new().respond(502, down()).respond(201, fixture!("booking")), SendState::Responded),
        (
            ScriptedTransport::new().fail(TransportError::Broken("reset".into())).respond(201, fixture!("booking")),
            SendState::Unknown,
        ),
    ] {
        let transport = std::sync::Arc::new(script);
        let calcom = builder(&transport).api_key("cal_x".to_owned()).retry(RetryPolicy::default()).build().unwrap();
        let ann = NewAttendee::new("Ann", "a@b.c", "UTC");
        let error = calcom.bookings().create(7, at("2026-12-02T09:00:00Z"), &ann).await.unwrap_err();
        assert_eq!((transport.requests().len(), error.send_state()), (1, sent), "{error}");
        assert!(error.may_have_taken_effect() && error.is_transient());
    }
}

#[tokio::test]
async fn a_booking_that_was_refused_as_taken_may_be_there() {
    let (calcom, _) = client(
        ScriptedTransport::new()
            .respond(400, refusal("BadRequestException", "no_available_users_found_error", Value::Null))
            .respond(400, refusal("BadRequestException", "no_available_users_found_error", Value::Null)),
    );
    let ann = NewAttendee::new("Ann", "a@b.c", "UTC");
    let error = calcom.bookings().create(7, at("2026-12-02T09:00:00Z"), &ann).await.unwrap_err();
    assert!(error.is_slot_taken() && error.may_have_taken_effect(), "{error}");
    let error = calcom.bookings().reschedule("bk_1", at("2026-12-02T09:00:00Z")).await.unwrap_err();
    assert!(error.is_slot_taken() && !error.may_have_taken_effect(), "{error}");
}

#[tokio::test]
async fn a_fixed_key_that_is_refused_needs_another() {
    let error = refused(401, &[], refusal("UnauthorizedException", "Invalid API key", Value::Null)).await;
    assert!(error.needs_reauth() && !error.is_transient(), "{error}");
}
