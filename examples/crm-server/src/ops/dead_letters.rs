//! What was given up: deliveries that nobody could work on, and tasks that failed for good. To be looked at and, when the cause
//! is gone, tried again.
//!
//! Invariant: an organization sees and redrives its own only.

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

/// Something that was given up.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = DeadLetter)]
pub struct DeadLetterView {
    /// Its id: `delivery-…` or `task-…`.
    #[schema(example = "delivery-42")]
    pub id: String,
    /// The delivery's sender; absent for a task.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
    /// The event's or task's kind.
    pub kind: String,
    /// The sender's id of the delivery, or the task's key.
    pub reference: String,
    /// How often it was tried.
    pub attempts: u32,
    /// The last failure.
    pub error: String,
    /// When the delivery arrived; absent for a task.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub at: Option<String>,
    /// The delivery's body, or what the task needed.
    pub content: Value,
}

impl From<DeadLetter> for DeadLetterView {
    fn from(letter: DeadLetter) -> Self {
        let content = serde_json::from_slice(&letter.body)
            .unwrap_or_else(|_| Value::String(String::from_utf8_lossy(&letter.body).into_owned()));
        Self {
            id: Name::Delivery(letter.seq).to_string(),
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
            id: Name::Task(task.seq).to_string(),
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

/// Which of the two, and where it stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Name {
    /// A delivery in the inbox.
    Delivery(i64),
    /// A task in the outbox.
    Task(i64),
}

impl std::fmt::Display for Name {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Delivery(seq) => write!(f, "delivery-{seq}"),
            Self::Task(seq) => write!(f, "task-{seq}"),
        }
    }
}

impl Name {
    /// From its text.
    pub fn parse(text: &str) -> Option<Self> {
        let (what, seq) = text.split_once('-')?;
        let seq = seq.parse().ok().filter(|seq| *seq >= 0)?;
        match what {
            "delivery" => Some(Self::Delivery(seq)),
            "task" => Some(Self::Task(seq)),
            _ => None,
        }
    }
}

/// Which to list.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct Wanted {
    /// The page before's `nextCursor`.
    cursor: Option<String>,
    /// Rows in the page: 1 to 100, 25 unless set.
    limit: Option<u32>,
}

/// Lists what was given up: deliveries, then tasks, the oldest first.
#[utoipa::path(
    get,
    path = "/api/organizations/{org}/dead-letters",
    operation_id = "list_dead_letters",
    tag = "operations",
    params(("org" = String, Path, description = "The organization's id"), Wanted),
    security(("operator" = [])),
    responses((status = 200, body = Page<DeadLetterView>)),
)]
pub async fn list(
    tenant: Tenant,
    State(app): State<App>,
    Query(wanted): Query<Wanted>,
) -> ApiResult<Json<Page<DeadLetterView>>> {
    let limit = pagination::limit_of(wanted.limit)?;
    let after = match wanted.cursor.as_deref() {
        Some(cursor) => Some(Name::parse(cursor).ok_or_else(pagination::bad_cursor)?),
        None => None,
    };
    let mut items = page(&*app.store, Some(tenant.id()), after, limit + 1).await?;
    let more = items.len() > limit as usize;
    items.truncate(limit as usize);
    let next_cursor = items.last().filter(|_| more).map(|last| last.id.clone());
    Ok(Json(Page { items, next_cursor }))
}

/// At most `limit` of them after `after`: of one organization or of all.
///
/// # Errors
/// The store could not be asked.
pub async fn page(
    store: &dyn Store,
    organization: Option<&OrganizationId>,
    after: Option<Name>,
    limit: u32,
) -> Result<Vec<DeadLetterView>, StoreError> {
    let (deliveries_after, tasks_after) = match after {
        None => (Some(-1), -1),
        Some(Name::Delivery(seq)) => (Some(seq), -1),
        Some(Name::Task(seq)) => (None, seq),
    };
    let mut items: Vec<DeadLetterView> = match deliveries_after {
        Some(seq) => store.dead_letters(organization, seq, limit).await?.into_iter().map(Into::into).collect(),
        None => Vec::new(),
    };
    let left = limit.saturating_sub(u32::try_from(items.len()).unwrap_or(u32::MAX));
    if left > 0 {
        items.extend(store.dead_tasks(organization, tasks_after, left).await?.into_iter().map(DeadLetterView::from));
    }
    Ok(items)
}

/// The path of one dead letter.
#[derive(Debug, Deserialize)]
pub struct InPath {
    id: String,
}

/// Tries one again, with its attempts forgotten.
#[utoipa::path(
    post,
    path = "/api/organizations/{org}/dead-letters/{id}/redrive",
    operation_id = "redrive_dead_letter",
    tag = "operations",
    params(("org" = String, Path, description = "The organization's id"), ("id" = String, Path, description = "`delivery-…` or `task-…`")),
    security(("operator" = [])),
    responses((status = 202, description = "It is due")),
)]
pub async fn redrive(tenant: Tenant, State(app): State<App>, Path(at): Path<InPath>) -> ApiResult<StatusCode> {
    let gone = || Problem::not_found("dead letter");
    let name = Name::parse(&at.id).ok_or_else(gone)?;
    if !redrive_one(&*app.store, Some(tenant.id()), name, app.now()).await? {
        return Err(gone());
    }
    match name {
        Name::Delivery(_) => app.inbox_wake.notify_one(),
        Name::Task(_) => app.outbox_wake.notify_one(),
    }
    Ok(StatusCode::ACCEPTED)
}

/// Makes one due again; `false` when there is none of this name (in this organization).
///
/// # Errors
/// The store could not be asked.
pub async fn redrive_one(
    store: &dyn Store,
    organization: Option<&OrganizationId>,
    name: Name,
    now: Timestamp,
) -> Result<bool, StoreError> {
    match name {
        Name::Delivery(seq) => {
            let found = store.dead_letters(organization, seq - 1, 1).await?;
            Ok(found.first().is_some_and(|letter| letter.seq == seq) && store.redrive(seq, now).await?)
        }
        Name::Task(seq) => {
            let found = store.dead_tasks(organization, seq - 1, 1).await?;
            Ok(found.first().is_some_and(|task| task.seq == seq) && store.redrive_task(seq, now).await?)
        }
    }
}
