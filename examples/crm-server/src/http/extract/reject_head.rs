use axum::extract::FromRequestParts;
use http::{HeaderName, Method, Uri, header, request::Parts};

use crate::http::{Problem, middleware::method_not_allowed};

/// Rejects HEAD on one-use addresses: link scanners send it before the user opens the link.
#[derive(Debug, Clone, Copy)]
pub struct RejectHead;

impl<S: Sync> FromRequestParts<S> for RejectHead {
    type Rejection = ([(HeaderName, &'static str); 1], Problem);

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Self::Rejection> {
        if parts.method != Method::HEAD {
            return Ok(Self);
        }
        let path: Uri = parts.uri.clone();
        Err(([(header::ALLOW, "GET")], method_not_allowed(Method::HEAD, path).await))
    }
}
