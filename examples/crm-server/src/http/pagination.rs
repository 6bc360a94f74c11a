//! Pages of a listing: their limit and their cursor.

use http::StatusCode;
use serde::Serialize;
use utoipa::ToSchema;

use super::{ApiResult, Problem};

/// The most rows of a page.
const MAX_PAGE_SIZE: u32 = 100;
const DEFAULT_PAGE_SIZE: u32 = 25;

/// A page of a listing.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Page<T> {
    /// The rows.
    pub items: Vec<T>,
    /// The `cursor` of the next page; null on the last page.
    pub next_cursor: Option<String>,
}

/// Returns the page size, or the default.
///
/// # Errors
/// 400 when it is 0 or too large.
pub fn page_size(limit: Option<u32>) -> ApiResult<u32> {
    match limit.unwrap_or(DEFAULT_PAGE_SIZE) {
        limit @ 1..=MAX_PAGE_SIZE => Ok(limit),
        other => Err(invalid_query(format!("`limit` is {other}: give 1 to {MAX_PAGE_SIZE}"))),
    }
}

/// The problem of a cursor that no listing returned.
pub fn invalid_cursor() -> Problem {
    invalid_query("`cursor` was not returned by this listing: leave it out to start from the first page")
}

/// The problem of an invalid query parameter.
pub fn invalid_query(detail: impl Into<String>) -> Problem {
    Problem::new(StatusCode::BAD_REQUEST, "query", detail)
}
