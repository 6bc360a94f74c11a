//! Listing stored records over HTTP.
//!
//! Invariant: a cursor is opaque to callers, and a made-up one is rejected.

use std::sync::Arc;

use axum::Json;
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use sidecar_core::{
    Timestamp,
    record::{Listing, Record},
};
use utoipa::ToSchema;

use crate::{
    app::App,
    http::{
        ApiResult,
        pagination::{Page, invalid_cursor, page_size},
    },
    tenancy::Tenant,
};

/// A record's document with every field that the provider sent.
#[derive(Debug, Serialize, ToSchema)]
#[schema(value_type = Object)]
pub struct Document(Value);

impl From<Record> for Document {
    /// Adds `id` and `locationId` where the document lacks them.
    fn from(record: Record) -> Self {
        let mut document = Arc::unwrap_or_clone(record.doc);
        document.insert("id".to_owned(), json!(record.key.id));
        if let Some(location) = record.location {
            document.entry("locationId").or_insert_with(|| json!(location));
        }
        Self(Value::Object(document))
    }
}

/// The row that a page starts after.
#[derive(Debug, Serialize, Deserialize)]
struct Cursor(i64, Arc<str>);

/// Returns a page of the organization's records of `kind` that `filter` selects.
///
/// # Errors
/// 400 when the limit or the cursor is not valid.
pub(super) async fn list_records(
    app: &App,
    tenant: &Tenant,
    kind: &'static str,
    filter: Listing,
    limit: Option<u32>,
    cursor: Option<&str>,
) -> ApiResult<Json<Page<Document>>> {
    let limit = page_size(limit)?;
    // One more than the page has, to know whether there is a next page.
    let listing = Listing { limit: limit + 1, after: cursor.map(decode).transpose()?, ..filter };
    let mut records = app.store.list(tenant.id(), kind, &listing).await?;
    let has_next = records.len() > limit as usize;
    records.truncate(limit as usize);
    let next_cursor = records.last().filter(|_| has_next).map(|last| encode(last.position, &last.key.id));
    Ok(Json(Page { items: records.into_iter().map(Document::from).collect(), next_cursor }))
}

fn encode(position: Timestamp, id: &Arc<str>) -> String {
    URL_SAFE_NO_PAD.encode(json!([position, id]).to_string())
}

fn decode(cursor: &str) -> ApiResult<(Timestamp, Arc<str>)> {
    let row = URL_SAFE_NO_PAD.decode(cursor).ok().and_then(|json| serde_json::from_slice(&json).ok());
    let Some(Cursor(position, id)) = row else { return Err(invalid_cursor()) };
    Ok((Timestamp::from_micros(position), id))
}

#[cfg(test)]
mod tests {
    use http::StatusCode;

    use super::*;

    #[test]
    fn a_cursor_leads_back_to_its_row() {
        let at = (Timestamp::from_micros(-5), Arc::from("a:b,\"c"));
        assert_eq!(decode(&encode(at.0, &at.1)).unwrap(), at);
    }

    #[test]
    fn a_made_up_cursor_is_rejected() {
        for made_up in ["", "x", "!!", "bnVsbA", "W10", "WyJhIiwxXQ"] {
            assert_eq!(decode(made_up).unwrap_err().status(), StatusCode::BAD_REQUEST, "{made_up}");
        }
    }
}
