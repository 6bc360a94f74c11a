use std::sync::Arc;

use axum::extract::State;
use ghl_client::{
    GhlClient,
    model::{Contact, LocationId},
    sync::{READ_CONTACT, written_contact},
};
use http::{HeaderValue, StatusCode, header};
use serde_json::{Map, Value};
use sidecar_core::{
    ErrorKind, OrganizationId, Timestamp,
    commit::Batch,
    record::{Change, ChangeOrigin, Mutation, Record},
};

use super::{
    ContactPath,
    fields::{ContactFields, NewContact},
    read::{key, live},
};
use crate::{
    app::App,
    ghl::access::ghl_is_off,
    http::{
        ApiResult, Problem,
        extract::{Json, Path},
        responses::ProviderProblems,
    },
    records::list::Document,
    tenancy::Tenant,
};

/// Creates a contact at GHL and in the store.
#[utoipa::path(
    post,
    path = "/api/organizations/{org}/contacts",
    operation_id = "create_contact",
    tag = "contacts",
    params(("org" = String, Path, description = "The organization's id")),
    request_body = NewContact,
    security(("operator" = [])),
    responses(
        (status = 201, body = Document),
        (status = 409, description = "`duplicate_contact` with `contactId`, or `reconnect_required`", body = Problem),
        (status = 422, body = Problem), ProviderProblems,
    ),
)]
pub async fn create(
    tenant: Tenant,
    State(app): State<App>,
    Json(new): Json<NewContact>,
) -> ApiResult<(StatusCode, [(header::HeaderName, HeaderValue); 1], axum::Json<Document>)> {
    let location = LocationId::from(new.location_id);
    let wire = new.fields.to_wire();
    let requested_at = app.now();
    let mut request = client(&app, tenant.id(), &location).await?.contacts().create(&location);
    for (name, value) in wire {
        request = request.set(&name, value);
    }
    let contact = request.await?;
    let change = written_contact(tenant.id(), &location, &contact, requested_at, 0);
    let written = apply_response(&app, tenant.id(), change, &contact).await?;
    let location = HeaderValue::try_from(format!("/api/organizations/{}/contacts/{}", tenant.id(), contact.id))
        .map_err(|error| Problem::internal(&error))?;
    Ok((StatusCode::CREATED, [(header::LOCATION, location)], axum::Json(written)))
}

/// Changes the given fields at GHL and in the store. `null` clears a field; tags and custom fields are replaced as GHL does it.
#[utoipa::path(
    method(put, patch),
    path = "/api/organizations/{org}/contacts/{id}",
    operation_id = "change_contact",
    tag = "contacts",
    params(("org" = String, Path, description = "The organization's id"), ("id" = String, Path, description = "The contact's id at GHL")),
    request_body = ContactFields,
    security(("operator" = [])),
    responses(
        (status = 200, body = Document),
        (status = 409, body = Problem), (status = 422, body = Problem), ProviderProblems,
    ),
)]
pub async fn change(
    tenant: Tenant,
    State(app): State<App>,
    Path(path): Path<ContactPath>,
    Json(fields): Json<ContactFields>,
) -> ApiResult<axum::Json<Document>> {
    let stored = live(&app, tenant.id(), &path.id).await?;
    let wire = fields.to_wire();
    if wire.is_empty() {
        return Err(Problem::invalid("the body has no fields: give at least one"));
    }
    let location = location_of(&stored)?;
    let requested_at = app.now();
    let mut request = client(&app, tenant.id(), &location).await?.contacts().update(&location, &*path.id);
    for (name, value) in &wire {
        request = request.set(name, value.clone());
    }
    let contact = match request.await {
        Ok(contact) => contact,
        Err(error) => return Err(apply_remote_delete(&app, &stored, error).await),
    };
    let mut change = written_contact(tenant.id(), &location, &contact, requested_at, stored.revision);
    clear(&mut change, &wire);
    Ok(axum::Json(apply_response(&app, tenant.id(), change, &contact).await?))
}

/// Deletes a contact at GHL and in the store.
#[utoipa::path(
    delete,
    path = "/api/organizations/{org}/contacts/{id}",
    operation_id = "delete_contact",
    tag = "contacts",
    params(("org" = String, Path, description = "The organization's id"), ("id" = String, Path, description = "The contact's id at GHL")),
    security(("operator" = [])),
    responses(
        (status = 204, description = "Deleted"), (status = 409, body = Problem), ProviderProblems,
    ),
)]
pub async fn delete(tenant: Tenant, State(app): State<App>, Path(path): Path<ContactPath>) -> ApiResult<StatusCode> {
    let stored = live(&app, tenant.id(), &path.id).await?;
    let location = location_of(&stored)?;
    match client(&app, tenant.id(), &location).await?.contacts().delete(&location, &*path.id).await {
        Ok(()) => {}
        // Deleted at GHL before: the store still needs the tombstone.
        Err(error) if error.kind() == ErrorKind::NotFound => {}
        Err(error) => return Err(error.into()),
    }
    write_tombstone(&app, &stored).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Returns the organization's client. Checks the connection first: another process may have disconnected the location while this
/// one has a cached token.
async fn client(app: &App, organization: &OrganizationId, location: &LocationId) -> ApiResult<GhlClient> {
    let (Some(client), Some(tokens)) = (app.ghl.client(organization), app.ghl.tokens(organization)) else {
        return Err(Problem::new(StatusCode::CONFLICT, "integration_off", ghl_is_off().message().to_owned()));
    };
    tokens.notice_disconnect(location).await?;
    Ok(client)
}

fn location_of(stored: &Record) -> ApiResult<LocationId> {
    let location = stored.location.as_deref().map(LocationId::from);
    location.ok_or_else(|| Problem::internal(&format!("contact {} is stored without a location", stored.key.id)))
}

/// Clears in the store what the request cleared: GHL's response may omit cleared fields.
fn clear(change: &mut Change, wire: &Map<String, Value>) {
    if let Mutation::Patch(document) = &mut change.mutation {
        let document = Arc::make_mut(document);
        for (name, _) in wire.iter().filter(|(_, value)| value.is_null()) {
            document.entry(name).or_insert(Value::Null);
        }
    }
}

/// Applies GHL's response to the store and returns the stored record.
async fn apply_response(
    app: &App,
    organization: &OrganizationId,
    change: Change,
    contact: &Contact,
) -> ApiResult<Document> {
    commit(app, change).await?;
    let stored = app.store.record(&key(organization, contact.id.as_str())).await?;
    match stored.filter(|record| !record.deleted) {
        Some(record) => Ok(record.into()),
        // Deleted at GHL since.
        None => Err(Problem::not_found("contact")),
    }
}

/// Deletes the stored record when GHL responds that the contact does not exist.
async fn apply_remote_delete(app: &App, stored: &Record, error: sidecar_core::Error) -> Problem {
    if error.kind() == ErrorKind::NotFound
        && let Err(problem) = write_tombstone(app, stored).await
    {
        return problem;
    }
    error.into()
}

async fn write_tombstone(app: &App, stored: &Record) -> ApiResult<()> {
    let change = Change {
        key: stored.key.clone(),
        location: stored.location.clone(),
        version: deleted_at(app.now(), stored),
        origin: ChangeOrigin::Read { revision: stored.revision },
        position: None,
        mutation: Mutation::Delete,
        searchable: &[],
        refetch_task: Some(READ_CONTACT.into()),
        on_change: None,
    };
    commit(app, change).await
}

/// Returns the version of a deletion, which GHL does not date: after the stored version, even if GHL's clock is ahead.
fn deleted_at(now: Timestamp, stored: &Record) -> Timestamp {
    now.max(stored.version)
}

async fn commit(app: &App, change: Change) -> ApiResult<()> {
    app.records.commit(Batch { changes: vec![change], ..Batch::default() }).await?;
    // The commit may have enqueued a refetch.
    app.outbox_wake.notify_one();
    Ok(())
}
