//! `POST /contacts/search`: filters, sort orders, and pages by `page` (up to 10,000 rows) or `searchAfter`.

use axum::Extension;
use axum::extract::State;
use bytes::Bytes;
use serde::Serialize;
use serde_json::{Map, Value};

use super::filter::Filter;
use super::index::{SortField, SortKey};
use super::record::ContactJson;
use crate::ghl::response::{self, ApiError, ApiResult, trace_id};
use crate::ghl::schema::{self, FieldType, optional, required};
use crate::ghl::state::RequestContext;
use crate::lock;

/// Last row that `page` can reach; `searchAfter` has no limit.
const MAX_PAGED_ROWS: u64 = 10_000;
const MAX_PAGE_SIZE: u64 = 500;

const SORTABLE: &[&str] =
    &["dateUpdated", "dateAdded", "id", "firstNameLowerCase", "lastNameLowerCase", "businessName", "email"];

const FIELDS: &[schema::Field] = &[
    required("locationId", FieldType::Text),
    required("pageLimit", FieldType::Any),
    optional("page", FieldType::Any),
    optional("searchAfter", FieldType::List),
    optional("filters", FieldType::List),
    optional("sort", FieldType::List),
    optional("query", FieldType::Text),
];

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct SearchResponse<'a> {
    contacts: Vec<ContactJson<'a>>,
    total: usize,
    trace_id: String,
}

pub(crate) async fn search((State(state), Extension(caller)): RequestContext, body: Bytes) -> ApiResult {
    let body = schema::body(&body, FIELDS)?;
    let location = state.authorized_location(&caller, schema::text(&body, "locationId").unwrap_or_default())?;
    let sort = parse_sort(body.get("sort"))?;
    let filter = Filter::parse(body.get("filters"), body.get("query").and_then(Value::as_str))?;
    let take = positive_number(&body, "pageLimit", MAX_PAGE_SIZE)?
        .ok_or_else(|| ApiError::invalid("pageLimit should not be empty"))?;
    let (skip, cursor) = position(&body, take, &sort)?;
    let filter_key = format!("{:?}{:?}", body.get("filters"), body.get("query"));

    let (rows, total) = {
        let mut contact_store = lock(&location.contact_store);
        contact_store.index.apply_due(state.clock.now_ms());
        let index = &mut contact_store.index;
        (
            index.page(&sort, cursor, &filter, skip, usize::try_from(take).unwrap_or(0)),
            index.total(&filter, &filter_key),
        )
    };
    let contacts = rows
        .iter()
        .map(|row| ContactJson {
            contact: row.contact(),
            nulls: true,
            search_after: Some(SortKey::of(row, &sort).cursor()),
        })
        .collect();
    response::ok(&SearchResponse { contacts, total, trace_id: trace_id() })
}

/// Returns the rows to skip (with `page`) or the row to continue after (with `searchAfter`).
fn position(body: &Map<String, Value>, limit: u64, sort: &[SortField]) -> Result<(usize, Option<SortKey>), ApiError> {
    let page = positive_number(body, "page", u64::MAX)?;
    let Some(cursor) = body.get("searchAfter").and_then(Value::as_array) else {
        let page = page.unwrap_or(1);
        if page.saturating_mul(limit) > MAX_PAGED_ROWS {
            return Err(ApiError::invalid("page * pageLimit must not be greater than 10000, use searchAfter"));
        }
        return Ok((usize::try_from((page - 1) * limit).unwrap_or(usize::MAX), None));
    };
    if page.is_some() {
        return Err(ApiError::invalid("page should not exist together with searchAfter"));
    }
    if cursor.is_empty() {
        return Ok((0, None));
    }
    let key = SortKey::parse(cursor, sort)
        .ok_or_else(|| ApiError::invalid("searchAfter must be the searchAfter of a contact in the same order"))?;
    Ok((0, Some(key)))
}

/// Parses the sort order; the default is newest first.
fn parse_sort(value: Option<&Value>) -> Result<Vec<SortField>, ApiError> {
    let fields = value.and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    if fields.is_empty() {
        return Ok(vec![SortField { field: "dateAdded", descending: true }]);
    }
    fields.iter().map(parse_sort_field).collect()
}

fn parse_sort_field(value: &Value) -> Result<SortField, ApiError> {
    let name = value["field"].as_str().ok_or_else(|| ApiError::invalid("sort.field should not be empty"))?;
    let field = SORTABLE.iter().find(|known| **known == name);
    let field = field.ok_or_else(|| ApiError::bad_request(format!("Invalid field {name}")))?;
    let descending = match value["direction"].as_str() {
        None if value["direction"].is_null() => false,
        Some("asc") => false,
        Some("desc") => true,
        _ => return Err(ApiError::invalid("sort.direction must be one of the following values: asc, desc")),
    };
    Ok(SortField { field, descending })
}

fn positive_number(body: &Map<String, Value>, name: &str, max: u64) -> Result<Option<u64>, ApiError> {
    let Some(value) = body.get(name) else { return Ok(None) };
    let number = value.as_u64().ok_or_else(|| ApiError::invalid(format!("{name} must be a positive number")))?;
    if number == 0 || number > max {
        return Err(ApiError::invalid(format!("{name} must be between 1 and {max}")));
    }
    Ok(Some(number))
}
