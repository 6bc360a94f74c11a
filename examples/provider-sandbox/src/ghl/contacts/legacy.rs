//! The older reads: `GET /contacts/`, which is deprecated and pages by `startAfter` and `startAfterId`, and
//! `GET /contacts/search/duplicate`.

use axum::Extension;
use axum::extract::{RawQuery, State};
use serde_json::{Value, json};

use super::changes::e164;
use super::filter::Filter;
use super::index::{SortField, SortKey};
use super::record::ContactJson;
use crate::ghl::response::{self, ApiError, ApiResult, trace_id};
use crate::ghl::schema::Params;
use crate::ghl::state::RequestContext;
use crate::lock;

const DEFAULT_LIMIT: i64 = 20;
const MAX_LIMIT: i64 = 100;

/// `GET /contacts/`: newest first, from the search index.
pub(crate) async fn list((State(state), Extension(caller)): RequestContext, RawQuery(query): RawQuery) -> ApiResult {
    let params = Params::parse(
        query.unwrap_or_default().as_bytes(),
        &["locationId*", "query", "limit", "startAfter", "startAfterId"],
    )?;
    let location = state.authorized_location(&caller, params.text("locationId"))?;
    let limit = params.number("limit")?.unwrap_or(DEFAULT_LIMIT);
    if !(1..=MAX_LIMIT).contains(&limit) {
        return Err(ApiError::invalid(format!("limit must be between 1 and {MAX_LIMIT}")));
    }
    let sort = [SortField { field: "dateAdded", descending: true }];
    let cursor = match (params.number("startAfter")?, params.get("startAfterId")) {
        (Some(after), Some(id)) => SortKey::parse(&[json!(after), json!(id)], &sort),
        (None, None) => None,
        _ => {
            return Err(ApiError::invalid("startAfter and startAfterId belong together"));
        }
    };
    let filter = Filter::parse(None, params.get("query"))?;
    let take = usize::try_from(limit).unwrap_or(0);
    let (rows, total) = {
        let mut contact_store = lock(&location.contact_store);
        let index = &mut contact_store.index;
        index.apply_due(state.clock.now_ms());
        (index.page(&sort, cursor, &filter, 0, take), index.total(&filter, &format!("{:?}", params.get("query"))))
    };
    let is_full = rows.len() == take;
    let last = rows.last().filter(|_| is_full);
    let after = last.map(|row| row.date_added);
    let after_id = last.map(|row| row.id.to_string());
    let next = after.zip(after_id.as_deref()).map(|(after, id)| {
        format!("/contacts/?locationId={}&limit={limit}&startAfter={after}&startAfterId={id}", location.profile.id)
    });
    let contacts: Vec<ContactJson<'_>> = rows.iter().map(|row| ContactJson::with_nulls(row.contact())).collect();
    response::ok(&json!({
        "contacts": contacts, "count": total, "traceId": trace_id(),
        "meta": {"total": total, "nextPageUrl": next, "startAfter": after, "startAfterId": after_id, "currentPage": 1, "nextPage": is_full.then_some(2), "prevPage": Value::Null},
    }))
}

/// `GET /contacts/search/duplicate`: the contact with this e-mail or phone number, or `null`.
pub(crate) async fn duplicate(
    (State(state), Extension(caller)): RequestContext,
    RawQuery(query): RawQuery,
) -> ApiResult {
    let params = Params::parse(query.unwrap_or_default().as_bytes(), &["locationId*", "number", "email"])?;
    let location = state.authorized_location(&caller, params.text("locationId"))?;
    let number = params.get("number").and_then(e164);
    let found = {
        let contact_store = lock(&location.contact_store);
        contact_store.duplicate(params.get("email"), number.as_deref(), None).map(|(row, _)| row.clone())
    };
    response::ok(
        &json!({"contact": found.as_ref().map(|row| ContactJson::without_nulls(row.contact())), "traceId": trace_id()}),
    )
}
