use calcom_client::{CalcomErrorExt, CalcomErrorReason, Error, bookings::NewAttendee};
use serde_json::{Value, json};
use sidecar_core::{ErrorKind, SendState, http::TransportError, retry::RetryPolicy, test_util::ScriptedTransport};

use crate::support::{at, builder, client, fixture};

/// Returns the provider's error envelope.
#[expect(clippy::needless_pass_by_value, reason = "a literal reads better than a reference to one")]
fn envelope(code: &str, message: &str, details: Value) -> Value {
    json!({
        "status": "error", "timestamp": "2026-12-01T18:05:00.000Z", "path": "/v2/me",
        "error": {"code": code, "message": message, "details": details},
    })
}

/// Returns the error of a call with this response.
async fn error_of(status: u16, headers: &[(&str, &str)], body: impl ToString) -> Error {
    let (calcom, _) = client(ScriptedTransport::new().respond_with(status, headers, body.to_string()));
    calcom.me().get().await.unwrap_err()
}

#[tokio::test]
async fn the_message_is_found_in_every_format_of_error_bodies() {
    let nested = json!({"errors": [
        {"property": "attendee", "children": [{"property": "timeZone", "constraints": {"isTimeZone": "timeZone must be a valid IANA time-zone"}}]},
        {"property": "start", "constraints": {"isDateString": "start must be a valid ISO 8601 date string"}},
    ]});
    let validation = envelope("BadRequestException", "Bad Request Exception", nested);
    let missing = "Booking with uid x was not found";
    for (body, message) in [
        (
            validation,
            "attendee.timeZone: timeZone must be a valid IANA time-zone; start must be a valid ISO 8601 date string",
        ),
        (
            envelope(
                "NotFoundException",
                missing,
                json!({"message": missing, "error": "Not Found", "statusCode": 404}),
            ),
            missing,
        ),
        (envelope("NotFoundException", "Not Found", json!({"message": missing})), missing),
        (envelope("NOT_FOUND", missing, Value::Null), missing),
        (envelope("BadRequestException", "", json!("the slot is odd")), "the slot is odd"),
        (
            envelope("BadRequestException", "Bad", json!({"message": ["a is wrong", "b is wrong"]})),
            "a is wrong; b is wrong",
        ),
        (json!({"message": "top level"}), "top level"),
        (json!({"error": "just text"}), "just text"),
        (json!({"statusCode": 400, "message": ["one", "two"], "error": "Bad Request"}), "one; two"),
        (
            envelope(
                "BadRequestException",
                "Bad",
                json!({"errors": [{"path": ["attendee", "email"], "message": "Required"}]}),
            ),
            "attendee.email: Required",
        ),
        (envelope("BadRequestException", "Bad Request Exception", json!("the slot is odd")), "the slot is odd"),
        (envelope("BadRequestException", "Bad Request", json!("the slot is odd")), "the slot is odd"),
        (envelope("BadRequestException", "the slot is odd", json!("more of it")), "the slot is odd"),
        (envelope("BadRequestException", "Bad Request Exception", json!(["one", "two"])), "one; two"),
        (
            envelope("BadRequestException", "Bad Request Exception", json!({"errors": ["one", "one", "two"]})),
            "one; two",
        ),
        (
            envelope("BadRequestException", "it is wrong", json!(["in one way", "in two"])),
            "it is wrong; in one way; in two",
        ),
        (envelope("BadRequestException", "Bad Request Exception", json!({"message": "Bad Request"})), "Bad Request"),
        (json!({"message": "Bad Request", "errors": ["one"]}), "one"),
        (json!("just text"), "just text"),
        (json!(["one", "two"]), "one; two"),
    ] {
        let error = error_of(400, &[], &body).await;
        assert_eq!(error.message(), message, "{body}");
        assert_eq!(error.kind(), ErrorKind::Rejected, "{error}");
    }
}

#[tokio::test]
async fn each_error_response_has_its_reason_and_kind() {
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
        let error = error_of(status, &[], envelope(code, message, Value::Null)).await;
        assert_eq!((error.problem(), error.kind()), (Some(&problem), kind), "{error}");
        assert_eq!(error.code(), Some(code), "{error}");
        assert!(error.message().starts_with(message), "{error}");
        assert_eq!(error.operation(), "me.get");
    }
}

#[tokio::test]
async fn web_pages_plain_texts_and_empty_bodies_are_distinguished() {
    let page = error_of(403, &[], "<!DOCTYPE html><title>Attention Required! | Cloudflare</title>").await;
    assert_eq!(page.problem(), Some(&CalcomErrorReason::Blocked));
    assert!(page.message().contains("proxies and firewalls"), "{page}");
    let text = error_of(400, &[], " the booking\nis too early ").await;
    assert_eq!((text.message(), text.kind()), ("the booking is too early", ErrorKind::Rejected));
    for noise in ["<error>no</error>", "{\"broken", "\u{1}\u{2}", &"long ".repeat(200)] {
        assert_eq!(error_of(400, &[], noise).await.message(), "Bad Request", "{noise}");
    }
    let empty = error_of(503, &[], "").await;
    assert_eq!((empty.kind(), empty.message()), (ErrorKind::Server, "Service Unavailable"));
}

#[tokio::test]
async fn the_error_has_the_request_id_if_there_is_one() {
    let body = envelope("NotFoundException", "x", Value::Null);
    assert_eq!(error_of(404, &[("x-request-id", "req-1")], &body).await.request_id(), Some("req-1"));
    assert_eq!(error_of(404, &[("x-request-id", "unknown-request-id")], &body).await.request_id(), None);
}

#[tokio::test]
async fn an_error_envelope_in_a_successful_response_is_an_error() {
    let error = error_of(200, &[], json!({"status": "error", "error": {"message": "the host is gone"}})).await;
    assert_eq!(
        (error.kind(), error.message(), error.send_state()),
        (ErrorKind::Rejected, "the host is gone", SendState::Responded)
    );
    let nested = envelope("BadRequestException", "Bad Request Exception", json!({"message": "the host is gone"}));
    let error = error_of(200, &[], &nested).await;
    assert_eq!((error.message(), error.code()), ("the host is gone", Some("BadRequestException")));
    assert_eq!(error_of(200, &[], json!({"status": "error", "message": "gone"})).await.message(), "gone");
    let script = ScriptedTransport::new()
        .respond(200, nested.clone())
        .respond(200, nested)
        .respond(200, json!({"status": "success"}));
    let (calcom, _) = client(script);
    assert_eq!(calcom.bookings().list().await.unwrap_err().message(), "the host is gone");
    assert_eq!(calcom.slots().delete_reservation("res_1").await.unwrap_err().message(), "the host is gone");
    calcom.slots().delete_reservation("res_1").await.unwrap();
    let odd = error_of(200, &[], json!({"status": "success"})).await;
    assert_eq!(odd.kind(), ErrorKind::Decode);
}

#[tokio::test]
async fn reads_and_full_updates_are_retried_and_creates_are_not() {
    let down = || envelope("InternalServerErrorException", "down", Value::Null);
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
    let immediate = RetryPolicy { base: std::time::Duration::ZERO, ..RetryPolicy::default() };
    calcom.retry(immediate).build().unwrap().schedules().update(3).overrides(Vec::new()).await.unwrap();
    assert_eq!(transport.requests().len(), 2, "an update of the whole state may be sent twice");

    for (script, send_state) in [
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
        assert_eq!((transport.requests().len(), error.send_state()), (1, send_state), "{error}");
        assert!(error.may_have_taken_effect() && error.is_transient());
    }
}

#[tokio::test]
async fn a_create_rejected_as_taken_may_have_taken_effect() {
    let (calcom, _) = client(
        ScriptedTransport::new()
            .respond(400, envelope("BadRequestException", "no_available_users_found_error", Value::Null))
            .respond(400, envelope("BadRequestException", "no_available_users_found_error", Value::Null)),
    );
    let ann = NewAttendee::new("Ann", "a@b.c", "UTC");
    let error = calcom.bookings().create(7, at("2026-12-02T09:00:00Z"), &ann).await.unwrap_err();
    assert!(error.is_slot_taken() && error.may_have_taken_effect(), "{error}");
    let error = calcom.bookings().reschedule("bk_1", at("2026-12-02T09:00:00Z")).await.unwrap_err();
    assert!(error.is_slot_taken() && !error.may_have_taken_effect(), "{error}");
}

#[tokio::test]
async fn a_rejected_api_key_needs_reauthorization() {
    let error = error_of(401, &[], envelope("UnauthorizedException", "Invalid API key", Value::Null)).await;
    assert!(error.needs_reauth() && !error.is_transient(), "{error}");
}
