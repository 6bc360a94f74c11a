use std::time::Duration;

use axum::body::Body;
use bytes::Bytes;
use http::StatusCode;
use http_body_util::{BodyExt, LengthLimitError, Limited};
use sidecar_core::{Clock, time::timeout};

use crate::http::{ApiResult, Problem};

/// The largest body of a JSON request.
pub(super) const MAX_JSON_BYTES: usize = 256 << 10;
/// The largest body of a webhook.
pub const MAX_WEBHOOK_BYTES: usize = 1 << 20;
/// How long a body may take to arrive: slow senders must not hold connections.
const PATIENCE: Duration = Duration::from_secs(10);

/// Reads a body whole, at most `largest` bytes of it.
///
/// # Errors
/// 413 when it is larger, 408 when it takes too long, 400 when it breaks off.
pub async fn read_body(body: Body, largest: usize, clock: &dyn Clock) -> ApiResult<Bytes> {
    let too_large = || {
        let detail = format!("the body is larger than the {largest} bytes allowed");
        Problem::new(StatusCode::PAYLOAD_TOO_LARGE, "body_too_large", detail)
    };
    // A body that announces its size need not be sent to be refused.
    if axum::body::HttpBody::size_hint(&body).lower() > largest as u64 {
        return Err(too_large());
    }
    match timeout(clock, PATIENCE, Limited::new(body, largest).collect()).await {
        Ok(Ok(whole)) => Ok(whole.to_bytes()),
        Ok(Err(error)) if error.is::<LengthLimitError>() => Err(too_large()),
        Ok(Err(_)) => {
            Err(Problem::new(StatusCode::BAD_REQUEST, "body_incomplete", "the body broke off: send it again"))
        }
        Err(_) => {
            let detail = format!("the body did not arrive within {PATIENCE:?}: send it again");
            Err(Problem::new(StatusCode::REQUEST_TIMEOUT, "body_too_slow", detail))
        }
    }
}
