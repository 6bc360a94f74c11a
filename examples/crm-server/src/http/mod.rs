//! What every HTTP request meets: the listener, the middleware, extractors, pagination and problem responses.
//!
//! Invariant: an error response is `application/problem+json` with a code and the request's id.

pub mod extract;
pub(crate) mod listener;
pub mod middleware;
pub mod pagination;
pub(crate) mod probe;
mod problem;
pub(crate) mod responses;
pub mod webhook;
pub mod webhook_limits;

pub use problem::{ApiResult, Problem};
