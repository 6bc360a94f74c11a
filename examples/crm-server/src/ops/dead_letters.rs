//! Dead letters: deliveries that could not be processed and tasks that failed permanently. An operator inspects them and, once the
//! cause is fixed, redrives them.
//!
//! Invariant: an organization lists and redrives only its own.

use axum::{Json, extract::State};
use http::StatusCode;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sidecar_core::{
    OrganizationId, StoreError, Timestamp,
    queue::{inbox::DeadLetter, outbox::DeadTask},
};
use sidecar_store::Store;
use utoipa::{IntoParams, ToSchema};

use crate::{
    app::App,
    http::{
        ApiResult, Problem,
        extract::{Path, Query},
        pagination::{self, Page},
    },
    tenancy::Tenant,
};

/// A dead letter: a delivery or a task.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = DeadLetter)]
pub struct DeadLetterView {
    /// Its id: `delivery-…` or `task-…`.
    #[schema(example = "delivery-42")]
    pub id: String,
    /// The provider that sent the delivery; absent for a task.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
    /// The event's or task's kind.
    pub kind: String,
    /// The provider's id of the delivery, or the task's key.
    pub reference: String,
    /// The number of attempts.
    pub attempts: u32,
    /// The last error.
    pub error: String,
    /// When the delivery arrived; absent for a task.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub at: Option<String>,
    /// The delivery's body, or the task's payload.
    pub content: Value,
}

impl From<DeadLetter> for DeadLetterView {
    fn from(letter: DeadLetter) -> Self {
        let content = serde_json::from_slice(&letter.body)
            .unwrap_or_else(|_| Value::String(String::from_utf8_lossy(&letter.body).into_owned()));
        Self {
            id: DeadLetterId::Delivery(letter.seq).to_string(),
            source: Some(letter.source),
            kind: letter.kind,
            reference: letter.id,
            attempts: letter.attempts,
            error: letter.error,
            at: Some(letter.at.to_string()),
            content,
        }
    }
}

impl From<DeadTask> for DeadLetterView {
    fn from(task: DeadTask) -> Self {
        Self {
            id: DeadLetterId::Task(task.seq).to_string(),
            source: None,
            kind: task.kind,
            reference: task.key,
            attempts: task.attempts,
            error: task.error,
            at: None,
            content: task.payload,
        }
    }
}

/// The id of a dead letter: which queue, and the position in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DeadLetterId {
    /// A delivery in the inbox.
    Delivery(i64),
    /// A task in the outbox.
    Task(i64),
}

impl std::fmt::Display for DeadLetterId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Delivery(seq) => write!(f, "delivery-{seq}"),
            Self::Task(seq) => write!(f, "task-{seq}"),
        }
    }
}

impl DeadLetterId {
    /// Parses an id from its text.
    pub fn parse(text: &str) -> Option<Self> {
        let (queue, seq) = text.split_once('-')?;
        let seq = seq.parse().ok().filter(|seq| *seq >= 0)?;
        match queue {
            "delivery" => Some(Self::Delivery(seq)),
            "task" => Some(Self::Task(seq)),
            _ => None,
        }
    }
}

/// The query of a listing of dead letters.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct ListQuery {
    /// The `nextCursor` of the page before.
    cursor: Option<String>,
    /// Rows in the page: 1 to 100; 25 by default.
    limit: Option<u32>,
}

/// Lists dead letters: deliveries, then tasks, oldest first.
#[utoipa::path(
    get,
    path = "/api/organizations/{org}/dead-letters",
    operation_id = "list_dead_letters",
    tag = "operations",
    params(("org" = String, Path, description = "The organization's id"), ListQuery),
    security(("operator" = [])),
    responses((status = 200, body = Page<DeadLetterView>)),
)]
pub async fn list(
    tenant: Tenant,
    State(app): State<App>,
    Query(query): Query<ListQuery>,
) -> ApiResult<Json<Page<DeadLetterView>>> {
    let limit = pagination::page_size(query.limit)?;
    let after = match query.cursor.as_deref() {
        Some(cursor) => Some(DeadLetterId::parse(cursor).ok_or_else(pagination::invalid_cursor)?),
        None => None,
    };
    let mut items = page(&*app.store, Some(tenant.id()), after, limit + 1).await?;
    let has_next = items.len() > limit as usize;
    items.truncate(limit as usize);
    let next_cursor = items.last().filter(|_| has_next).map(|last| last.id.clone());
    Ok(Json(Page { items, next_cursor }))
}

/// Returns at most `limit` dead letters after `after`, of one organization or of all.
///
/// # Errors
/// The store cannot be read.
pub async fn page(
    store: &dyn Store,
    organization: Option<&OrganizationId>,
    after: Option<DeadLetterId>,
    limit: u32,
) -> Result<Vec<DeadLetterView>, StoreError> {
    let (deliveries_after, tasks_after) = match after {
        None => (Some(-1), -1),
        Some(DeadLetterId::Delivery(seq)) => (Some(seq), -1),
        Some(DeadLetterId::Task(seq)) => (None, seq),
    };
    let mut items: Vec<DeadLetterView> = match deliveries_after {
        Some(seq) => store.dead_letters(organization, seq, limit).await?.into_iter().map(Into::into).collect(),
        None => Vec::new(),
    };
    let remaining = limit.saturating_sub(u32::try_from(items.len()).unwrap_or(u32::MAX));
    if remaining > 0 {
        items.extend(
            store.dead_tasks(organization, tasks_after, remaining).await?.into_iter().map(DeadLetterView::from),
        );
    }
    Ok(items)
}

/// The path of one dead letter.
#[derive(Debug, Deserialize)]
pub struct DeadLetterPath {
    id: String,
}

/// Queues a dead letter for retry and resets its attempts.
#[utoipa::path(
    post,
    path = "/api/organizations/{org}/dead-letters/{id}/redrive",
    operation_id = "redrive_dead_letter",
    tag = "operations",
    params(("org" = String, Path, description = "The organization's id"), ("id" = String, Path, description = "`delivery-…` or `task-…`")),
    security(("operator" = [])),
    responses((status = 202, description = "Queued for retry")),
)]
pub async fn redrive(
    tenant: Tenant,
    State(app): State<App>,
    Path(path): Path<DeadLetterPath>,
) -> ApiResult<StatusCode> {
    let unknown = || Problem::not_found("dead letter");
    let id = DeadLetterId::parse(&path.id).ok_or_else(unknown)?;
    if !redrive_one(&*app.store, Some(tenant.id()), id, app.now()).await? {
        return Err(unknown());
    }
    match id {
        DeadLetterId::Delivery(_) => app.inbox_wake.notify_one(),
        DeadLetterId::Task(_) => app.outbox_wake.notify_one(),
    }
    Ok(StatusCode::ACCEPTED)
}

/// Queues one dead letter for retry; `false` if it does not exist (in this organization).
///
/// # Errors
/// The store cannot be written.
pub async fn redrive_one(
    store: &dyn Store,
    organization: Option<&OrganizationId>,
    id: DeadLetterId,
    now: Timestamp,
) -> Result<bool, StoreError> {
    match id {
        DeadLetterId::Delivery(seq) => {
            let found = store.dead_letters(organization, seq - 1, 1).await?;
            Ok(found.first().is_some_and(|letter| letter.seq == seq) && store.redrive(seq, now).await?)
        }
        DeadLetterId::Task(seq) => {
            let found = store.dead_tasks(organization, seq - 1, 1).await?;
            Ok(found.first().is_some_and(|task| task.seq == seq) && store.redrive_task(seq, now).await?)
        }
    }
}
