//! The older reads: `GET /contacts/` (deprecated, cursor of `startAfter` and `startAfterId`, no `skip`) and
//! `GET /contacts/search/duplicate`.

use std::sync::Arc;

use axum::Extension;
use axum::extract::{RawQuery, State};
use serde_json::{Value, json};

use super::changes::e164;
use super::filter::Filter;
use super::index::{Key, SortField};
use super::record::View;
use crate::ghl::error::{ApiError, trace_id};
use crate::ghl::reply::{self, Answer};
use crate::ghl::shape::Params;
use crate::ghl::state::World;
use crate::ghl::tokens::Caller;
use crate::lock;

const DEFAULT_LIMIT: i64 = 20;
const MAX_LIMIT: i64 = 100;

/// `GET /contacts/`: newest first, from the same lagging index as the search.
pub(crate) async fn list(
    State(world): State<Arc<World>>,
    Extension(caller): Extension<Caller>,
    RawQuery(query): RawQuery,
) -> Answer {
    let params = Params::parse(
        query.unwrap_or_default().as_bytes(),
        &["locationId*", "query", "limit", "startAfter", "startAfterId"],
    )?;
    let site = world.site(&caller, params.text("locationId"))?;
    let limit = params.number("limit")?.unwrap_or(DEFAULT_LIMIT);
    if !(1..=MAX_LIMIT).contains(&limit) {
        return Err(ApiError::unprocessable(vec![format!("limit must be between 1 and {MAX_LIMIT}")]));
    }
    let sort = [SortField { field: "dateAdded", descending: true }];
    let cursor = match (params.number("startAfter")?, params.get("startAfterId")) {
        (Some(after), Some(id)) => Key::parse(&[json!(after), json!(id)], &sort),
        (None, None) => None,
        _ => {
            return Err(ApiError::unprocessable(vec!["startAfter and startAfterId belong together".into()]));
        }
    };
    let filter = Filter::parse(None, params.get("query"))?;
    let take = usize::try_from(limit).unwrap_or(0);
    let (rows, total) = {
        let mut directory = lock(&site.directory);
        let index = &mut directory.index;
        index.settle(world.clock.now_ms());
        (index.page(&sort, cursor, &filter, 0, take), index.total(&filter, &format!("{:?}", params.get("query"))))
    };
    let full = rows.len() == take;
    let last = rows.last().filter(|_| full);
    let after = last.map(|row| row.date_added);
    let after_id = last.map(|row| row.id.to_string());
    let next = after.zip(after_id.as_deref()).map(|(after, id)| {
        format!("/contacts/?locationId={}&limit={limit}&startAfter={after}&startAfterId={id}", site.place.id)
    });
    let contacts: Vec<View<'_>> = rows.iter().map(|row| View::whole(row.contact())).collect();
    reply::ok(&json!({
        "contacts": contacts, "count": total, "traceId": trace_id(),
        "meta": {"total": total, "nextPageUrl": next, "startAfter": after, "startAfterId": after_id, "currentPage": 1, "nextPage": full.then_some(2), "prevPage": Value::Null},
    }))
}

/// `GET /contacts/search/duplicate`: the contact with this e-mail or number, or null.
pub(crate) async fn duplicate(
    State(world): State<Arc<World>>,
    Extension(caller): Extension<Caller>,
    RawQuery(query): RawQuery,
) -> Answer {
    let params = Params::parse(query.unwrap_or_default().as_bytes(), &["locationId*", "number", "email"])?;
    let site = world.site(&caller, params.text("locationId"))?;
    let number = params.get("number").and_then(e164);
    let found = {
        let directory = lock(&site.directory);
        directory.duplicate(params.get("email"), number.as_deref(), None).map(|(row, _)| row.clone())
    };
    reply::ok(&json!({"contact": found.as_ref().map(|row| View::by_id(row.contact())), "traceId": trace_id()}))
}
