use axum::extract::{FromRequest, Request};
use http::{HeaderMap, StatusCode, header};
use serde::de::DeserializeOwned;

use super::{body::MAX_JSON_BYTES, read_body};
use crate::{
    app::App,
    http::{ApiResult, Problem},
};

/// A JSON body.
#[derive(Debug)]
pub struct Json<T>(pub T);

impl<T: DeserializeOwned> FromRequest<App> for Json<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, app: &App) -> ApiResult<Self> {
        require_json(request.headers())?;
        let body = read_body(request.into_body(), MAX_JSON_BYTES, &*app.clock).await?;
        if body.is_empty() {
            return Err(Problem::new(StatusCode::BAD_REQUEST, "body_missing", "the body is empty: send a JSON object"));
        }
        serde_json::from_slice(&body).map(Self).map_err(|error| json_problem(&error))
    }
}

/// 400 for text that is not JSON; 422 for JSON that does not match the schema.
fn json_problem(error: &serde_json::Error) -> Problem {
    if error.is_data() {
        return Problem::invalid(format!("the body does not match the schema: {error}"));
    }
    Problem::new(StatusCode::BAD_REQUEST, "body_not_json", format!("the body is not valid JSON: {error}"))
}

fn require_json(headers: &HeaderMap) -> ApiResult<()> {
    let sent = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let essence = sent.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    if essence == "application/json" || (essence.starts_with("application/") && essence.ends_with("+json")) {
        return Ok(());
    }
    let detail = "the body must be JSON: send it with `Content-Type: application/json`";
    Err(Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "content_type", detail))
}
