//! A fake Cal.com with the routes that these tests need.

use std::sync::{Arc, Mutex};

use axum::{
    Json, Router,
    extract::{Request, State},
    response::{IntoResponse, Response},
};
use http::StatusCode;
use http_body_util::BodyExt;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

/// A valid key. Every key that starts with `cal_good` is valid.
pub(super) const KEY: &str = "cal_good_1";

/// A received request.
#[derive(Debug, Clone)]
pub(super) struct ReceivedRequest {
    /// Method and path.
    pub(super) operation: String,
    pub(super) authorization: String,
    pub(super) body: String,
}

/// A running fake Cal.com.
pub(super) struct FakeCalcom {
    pub(super) url: String,
    requests: Arc<Mutex<Vec<ReceivedRequest>>>,
}

impl FakeCalcom {
    pub(super) async fn start() -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let requests = Arc::default();
        let router = Router::new().fallback(respond).with_state(Arc::clone(&requests));
        tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self { url, requests }
    }

    pub(super) fn requests(&self) -> Vec<ReceivedRequest> {
        self.requests.lock().unwrap().clone()
    }

    pub(super) fn last(&self) -> ReceivedRequest {
        self.requests().pop().unwrap()
    }
}

async fn respond(State(received): State<Arc<Mutex<Vec<ReceivedRequest>>>>, request: Request) -> Response {
    let (head, body) = request.into_parts();
    let body = String::from_utf8(body.collect().await.unwrap().to_bytes().to_vec()).unwrap();
    let authorization = head.headers.get("authorization").map_or("", |value| value.to_str().unwrap()).to_owned();
    let operation = format!("{} {}", head.method, head.uri.path());
    received.lock().unwrap().push(ReceivedRequest {
        operation: operation.clone(),
        authorization: authorization.clone(),
        body: body.clone(),
    });
    if operation == "POST /v2/auth/oauth2/token" {
        return token(&body);
    }
    if !authorization.starts_with("Bearer cal_good") && !authorization.starts_with("Bearer access") {
        return error(StatusCode::UNAUTHORIZED, "UnauthorizedException", "Invalid API Key");
    }
    match operation.as_str() {
        "GET /v2/me" => {
            data(StatusCode::OK, json!({"id": 5, "username": "bo", "email": "bo@example.com", "timeZone": "UTC"}))
        }
        "GET /v2/slots" => data(
            StatusCode::OK,
            json!({"2026-12-01": [{"start": "2026-12-01T09:00:00.000+01:00", "end": "2026-12-01T09:30:00.000+01:00"}]}),
        ),
        "POST /v2/bookings" if body.contains("taken@") => error(
            StatusCode::BAD_REQUEST,
            "BadRequestException",
            "User either already has booking at this time or is not available",
        ),
        "POST /v2/bookings" => {
            let request: Value = serde_json::from_str(&body).unwrap();
            data(
                StatusCode::CREATED,
                json!({"id": 1, "uid": "bk_1", "status": "accepted", "start": request["start"], "metadata": request["metadata"]}),
            )
        }
        "POST /v2/bookings/bk_1/reschedule" => {
            data(StatusCode::CREATED, json!({"uid": "bk_2", "rescheduledFromUid": "bk_1", "status": "accepted"}))
        }
        "POST /v2/bookings/bk_2/cancel" => data(StatusCode::OK, json!({"uid": "bk_2", "status": "cancelled"})),
        "GET /v2/schedules/3" | "GET /v2/schedules/default" => data(StatusCode::OK, schedule()),
        "PATCH /v2/schedules/3" => data(StatusCode::OK, schedule()),
        _ => error(StatusCode::NOT_FOUND, "NotFoundException", "Not found"),
    }
}

fn schedule() -> Value {
    json!({"id": 3, "ownerId": 5, "name": "Hours", "timeZone": "UTC", "isDefault": true, "overrides": [],
        "availability": [{"days": ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday"], "startTime": "09:00", "endTime": "17:00"}]})
}

/// Exchanges a code. The valid code is the challenge of the `code_verifier` in the request.
fn token(body: &str) -> Response {
    use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
    let fields: std::collections::HashMap<_, _> = url::form_urlencoded::parse(body.as_bytes()).into_owned().collect();
    let challenge = URL_SAFE_NO_PAD.encode(Sha256::digest(fields.get("code_verifier").map_or("", String::as_str)));
    if fields["grant_type"] == "authorization_code" && fields["code"] == challenge {
        let tokens = json!({"access_token": "access-1", "token_type": "bearer", "refresh_token": "refresh-1", "expires_in": 1800});
        return Json(tokens).into_response();
    }
    (StatusCode::BAD_REQUEST, Json(json!({"error": "invalid_grant", "error_description": "invalid code"})))
        .into_response()
}

fn data(status: StatusCode, data: impl serde::Serialize) -> Response {
    (status, Json(json!({"status": "success", "data": data}))).into_response()
}

fn error(status: StatusCode, code: &str, message: &str) -> Response {
    let details = json!({"message": message, "statusCode": status.as_u16()});
    let body = json!({"code": code, "message": message, "details": details});
    (status, Json(json!({"status": "error", "timestamp": "2026-11-23T10:00:00.000Z", "path": "/", "error": body})))
        .into_response()
}
