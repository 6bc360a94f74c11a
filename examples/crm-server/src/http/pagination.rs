//! Listings of stored records: their query, their cursor, their page.
//!
//! Invariant: a cursor is opaque to callers, and one that was made up is refused, not guessed at.

use std::sync::Arc;

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use http::StatusCode;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use sidecar_core::{
    Timestamp,
    record::{Listing, Record},
};
use utoipa::ToSchema;

use super::{ApiResult, Problem};

/// The most rows of a page.
pub const LARGEST_PAGE: u32 = 100;
const USUAL_PAGE: u32 = 25;

/// A record's document as GHL has it, with every field it sent.
#[derive(Debug, Serialize, ToSchema)]
#[schema(value_type = Object)]
pub struct Document(Value);

impl From<Record> for Document {
    /// `id` and `locationId` are there also where the document lacks them.
    fn from(record: Record) -> Self {
        let mut document = Arc::unwrap_or_clone(record.doc);
        document.insert("id".to_owned(), json!(record.key.id));
        if let Some(location) = record.location {
            document.entry("locationId").or_insert_with(|| json!(location));
        }
        Self(Value::Object(document))
    }
}

/// Some rows of a listing.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Page<T> {
    /// The rows.
    pub items: Vec<T>,
    /// Give it as `cursor` for the rows after these; null after the last.
    pub next_cursor: Option<String>,
}

/// Where a page begins: behind this row.
#[derive(Debug, Serialize, Deserialize)]
struct Place(i64, Arc<str>);

/// Sets how many rows to read (one more than shown, to know whether there are others) and behind which.
///
/// # Errors
/// 400 when the limit or the cursor cannot be right.
pub fn page_of(listing: &mut Listing, limit: Option<u32>, cursor: Option<&str>) -> ApiResult<()> {
    listing.limit = limit_of(limit)? + 1;
    listing.after = cursor.map(after).transpose()?;
    Ok(())
}

/// The limit, or the usual one.
///
/// # Errors
/// 400 when it is 0 or too large.
pub fn limit_of(limit: Option<u32>) -> ApiResult<u32> {
    match limit.unwrap_or(USUAL_PAGE) {
        limit @ 1..=LARGEST_PAGE => Ok(limit),
        other => Err(bad_query(format!("`limit` is {other}: give 1 to {LARGEST_PAGE}"))),
    }
}

/// The rows that [`page_of`] asked for, as a page.
pub fn page(mut records: Vec<Record>, listing: &Listing) -> Page<Document> {
    let shown = listing.limit.saturating_sub(1) as usize;
    let more = records.len() > shown;
    records.truncate(shown);
    let next_cursor = records.last().filter(|_| more).map(|last| cursor(last.position, &last.key.id));
    Page { items: records.into_iter().map(Document::from).collect(), next_cursor }
}

fn cursor(position: Timestamp, id: &Arc<str>) -> String {
    URL_SAFE_NO_PAD.encode(json!([position, id]).to_string())
}

fn after(cursor: &str) -> ApiResult<(Timestamp, Arc<str>)> {
    let place = URL_SAFE_NO_PAD.decode(cursor).ok().and_then(|json| serde_json::from_slice(&json).ok());
    let Some(Place(position, id)) = place else { return Err(bad_cursor()) };
    Ok((Timestamp::from_micros(position), id))
}

/// The cursor is none of ours.
pub fn bad_cursor() -> Problem {
    bad_query("`cursor` is not one that a listing gave: leave it out to begin anew")
}

/// A parameter cannot be right.
pub fn bad_query(detail: impl Into<String>) -> Problem {
    Problem::new(StatusCode::BAD_REQUEST, "query", detail)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_leads_back_to_its_row() {
        let at = (Timestamp::from_micros(-5), Arc::from("a:b,\"c"));
        assert_eq!(after(&cursor(at.0, &at.1)).unwrap(), at);
    }

    #[test]
    fn a_cursor_that_was_made_up_is_refused() {
        for made_up in ["", "x", "!!", "bnVsbA", "W10", "WyJhIiwxXQ"] {
            assert_eq!(after(made_up).unwrap_err().status(), StatusCode::BAD_REQUEST, "{made_up}");
        }
    }
}
