use std::time::Duration;

use axum::body::Body;
use bytes::Bytes;
use http::StatusCode;
use http_body_util::{BodyExt, LengthLimitError, Limited};
use sidecar_core::{Clock, time::timeout};

use crate::http::{ApiResult, Problem};

/// The largest JSON body.
pub(super) const MAX_JSON_BYTES: usize = 256 << 10;
/// The largest body of a webhook.
pub const MAX_WEBHOOK_BYTES: usize = 1 << 20;
/// How long a body may take to arrive: slow senders must not hold connections.
const BODY_TIMEOUT: Duration = Duration::from_secs(10);

/// Reads a whole body of at most `max_bytes`.
///
/// # Errors
/// 413 when it is larger, 408 when it takes too long, 400 when it breaks off.
pub async fn read_body(body: Body, max_bytes: usize, clock: &dyn Clock) -> ApiResult<Bytes> {
    let too_large = || {
        let detail = format!("the body is larger than the {max_bytes} bytes allowed");
        Problem::new(StatusCode::PAYLOAD_TOO_LARGE, "body_too_large", detail)
    };
    // Rejects a body by its declared size before it is sent.
    if axum::body::HttpBody::size_hint(&body).lower() > max_bytes as u64 {
        return Err(too_large());
    }
    match timeout(clock, BODY_TIMEOUT, Limited::new(body, max_bytes).collect()).await {
        Ok(Ok(whole)) => Ok(whole.to_bytes()),
        Ok(Err(error)) if error.is::<LengthLimitError>() => Err(too_large()),
        Ok(Err(_)) => {
            Err(Problem::new(StatusCode::BAD_REQUEST, "body_incomplete", "the body is incomplete: send it again"))
        }
        Err(_) => {
            let detail = format!("the body did not arrive within {BODY_TIMEOUT:?}: send it again");
            Err(Problem::new(StatusCode::REQUEST_TIMEOUT, "body_too_slow", detail))
        }
    }
}
