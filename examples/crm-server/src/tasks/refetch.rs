use serde::Deserialize;
use sidecar_core::{
    OrganizationId,
    commit::Batch,
    record::{Change, RecordKey},
};

use super::TaskError;
use crate::app::App;

/// The payload of a refetch task. The store writes it when it cannot order two changes of a record.
#[derive(Debug, Deserialize)]
pub(crate) struct RefetchPayload {
    pub(crate) kind: String,
    pub(crate) id: String,
    #[serde(default)]
    pub(crate) location: Option<String>,
}

/// What to fetch, and over which stored revision.
#[derive(Debug)]
pub(crate) struct Refetch {
    pub(crate) key: RecordKey,
    /// The location that the payload or the stored record names.
    pub(crate) location: Option<String>,
    pub(crate) revision: u64,
}

/// Fetches one record by id. The stored revision is read before the request is sent, so that a change that arrives in between is
/// not overwritten.
pub(crate) async fn refetch(
    app: &App,
    organization: &OrganizationId,
    payload: RefetchPayload,
    fetch: impl AsyncFnOnce(Refetch) -> Result<Change, TaskError>,
) -> Result<Batch, TaskError> {
    let key = RecordKey { organization: organization.clone(), kind: payload.kind.into(), id: payload.id.into() };
    let stored = app.store.record(&key).await?;
    let revision = stored.as_ref().map_or(0, |record| record.revision);
    let location = payload.location.or_else(|| stored?.location.map(|location| location.to_string()));
    let change = fetch(Refetch { key, location, revision }).await?;
    Ok(Batch { changes: vec![change], ..Batch::default() })
}
