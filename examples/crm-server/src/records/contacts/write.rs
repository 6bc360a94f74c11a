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
    InPath,
    fields::{ContactFields, NewContact},
    read::{key, live},
};
use crate::{
    app::App,
    ghl::access::ghl_is_off,
    http::{
        ApiResult, Problem,
        extract::{Json, Path},
        pagination::Document,
        responses::ProviderProblems,
    },
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
    let asked_at = app.now();
    let mut request = client(&app, tenant.id(), &location).await?.contacts().create(&location);
    for (name, value) in wire {
        request = request.set(&name, value);
    }
    let contact = request.await?;
    let change = written_contact(tenant.id(), &location, &contact, asked_at, 0);
    let written = follow(&app, tenant.id(), change, &contact).await?;
    let place = HeaderValue::try_from(format!("/api/organizations/{}/contacts/{}", tenant.id(), contact.id))
        .map_err(|error| Problem::internal(&error))?;
    Ok((StatusCode::CREATED, [(header::LOCATION, place)], axum::Json(written)))
}

/// Changes the fields that are given, at GHL and in the store. `null` clears a field; tags and custom fields are replaced as
/// GHL does it.
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
    Path(at): Path<InPath>,
    Json(fields): Json<ContactFields>,
) -> ApiResult<axum::Json<Document>> {
    let stored = live(&app, tenant.id(), &at.id).await?;
    let wire = fields.to_wire();
    if wire.is_empty() {
        return Err(Problem::invalid("there is nothing to change: give at least one field"));
    }
    let location = location_of(&stored)?;
    let asked_at = app.now();
    let mut request = client(&app, tenant.id(), &location).await?.contacts().update(&location, &*at.id);
    for (name, value) in &wire {
        request = request.set(name, value.clone());
    }
    let contact = match request.await {
        Ok(contact) => contact,
        Err(error) => return Err(gone_too(&app, &stored, error).await),
    };
    let mut change = written_contact(tenant.id(), &location, &contact, asked_at, stored.revision);
    clear(&mut change, &wire);
    Ok(axum::Json(follow(&app, tenant.id(), change, &contact).await?))
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
        (status = 204, description = "It is gone"), (status = 409, body = Problem), ProviderProblems,
    ),
)]
pub async fn delete(tenant: Tenant, State(app): State<App>, Path(at): Path<InPath>) -> ApiResult<StatusCode> {
    let stored = live(&app, tenant.id(), &at.id).await?;
    let location = location_of(&stored)?;
    match client(&app, tenant.id(), &location).await?.contacts().delete(&location, &*at.id).await {
        Ok(()) => {}
        // Somebody else was faster, at GHL; the store follows all the same.
        Err(error) if error.kind() == ErrorKind::NotFound => {}
        Err(error) => return Err(error.into()),
    }
    bury(&app, &stored).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// The organization's client. Another process may have disconnected the location, and the token that this one has in hand
/// would be good for a while.
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

/// Fields that were cleared may be missing in GHL's answer; the store must not keep their old values.
fn clear(change: &mut Change, wire: &Map<String, Value>) {
    if let Mutation::Patch(document) = &mut change.mutation {
        let document = Arc::make_mut(document);
        for (name, _) in wire.iter().filter(|(_, value)| value.is_null()) {
            document.entry(name).or_insert(Value::Null);
        }
    }
}

/// Lets the store follow what GHL answered, and answers the record as it is then.
async fn follow(app: &App, organization: &OrganizationId, change: Change, contact: &Contact) -> ApiResult<Document> {
    commit(app, change).await?;
    let stored = app.store.record(&key(organization, contact.id.as_str())).await?;
    match stored.filter(|record| !record.deleted) {
        Some(record) => Ok(record.into()),
        // Deleted at GHL in this very moment.
        None => Err(Problem::not_found("contact")),
    }
}

/// GHL does not know what the store has: it was deleted there, and nobody told us yet.
async fn gone_too(app: &App, stored: &Record, error: sidecar_core::Error) -> Problem {
    if error.kind() == ErrorKind::NotFound
        && let Err(problem) = bury(app, stored).await
    {
        return problem;
    }
    error.into()
}

async fn bury(app: &App, stored: &Record) -> ApiResult<()> {
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

/// GHL names no time of a deletion. It came after whatever is stored, also where GHL's clock is ahead of ours.
fn deleted_at(now: Timestamp, stored: &Record) -> Timestamp {
    now.max(stored.version)
}

async fn commit(app: &App, change: Change) -> ApiResult<()> {
    app.store.commit(Batch { changes: vec![change], ..Batch::default() }).await?;
    // Where order could not be told, the commit ordered a read by id.
    app.outbox_wake.notify_one();
    Ok(())
}
