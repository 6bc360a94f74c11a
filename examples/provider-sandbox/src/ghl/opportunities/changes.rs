//! Writes opportunities, for API calls and the in-process API.

use serde_json::{Map, Value};

use super::opportunity_store::{Opportunity, STATUSES};
use crate::ghl::response::ApiError;
use crate::ghl::schema::{Field, FieldType, optional, required, text};
use crate::ghl::state::{GhlState, Location};
use crate::ghl::webhooks;
use crate::lock;

use FieldType::{Any, List, OneOf, Text};

pub(crate) const UPDATE: &[Field] = &[
    optional("pipelineId", Text),
    optional("name", Text),
    optional("pipelineStageId", Text),
    optional("status", OneOf(STATUSES)),
    optional("monetaryValue", Any),
    optional("assignedTo", Text),
    optional("customFields", List),
];
pub(crate) const STATUS: &[Field] = &[required("status", OneOf(STATUSES)), optional("lostReasonId", Text)];
const CREATE_EXTRA: &[Field] = &[
    required("pipelineId", Text),
    required("locationId", Text),
    required("name", Text),
    required("status", OneOf(STATUSES)),
    required("contactId", Text),
];

pub(crate) fn create_fields() -> Vec<Field> {
    let others = UPDATE.iter().filter(|field| !CREATE_EXTRA.iter().any(|extra| extra.name == field.name));
    CREATE_EXTRA.iter().chain(others).copied().collect()
}

/// Creates an opportunity for a contact of the location, in the pipeline's first stage unless the body names one.
pub(crate) fn create(
    state: &GhlState,
    location: &Location,
    body: &Map<String, Value>,
) -> Result<Opportunity, ApiError> {
    let contact_id = text(body, "contactId").unwrap_or_default().to_owned();
    if lock(&location.contact_store).get(&contact_id).is_none() {
        return Err(ApiError::bad_request(format!("Contact with id {contact_id} not found")));
    }
    let now_ms = state.clock.now_ms();
    let opportunity = {
        let mut store = lock(&location.opportunity_store);
        let pipeline_id = text(body, "pipelineId").unwrap_or_default().to_owned();
        let stage_id = store.first_stage(&pipeline_id).ok_or_else(|| stage_not_found(&pipeline_id))?;
        let mut opportunity = Opportunity {
            id: store.new_id(),
            name: String::new(),
            value: 0.0,
            pipeline_id,
            stage_id,
            status: "open".to_owned(),
            contact_id,
            assigned_to: None,
            created_at: now_ms,
            updated_at: now_ms,
        };
        apply(&mut opportunity, body);
        if !store.has_stage(&opportunity.pipeline_id, &opportunity.stage_id) {
            return Err(stage_not_found(&opportunity.stage_id));
        }
        store.opportunities.insert(opportunity.id.clone(), opportunity.clone());
        opportunity
    };
    webhooks::opportunity(state, location, "OpportunityCreate", &opportunity);
    Ok(opportunity)
}

/// Updates the fields that the body contains. Status, stage, value and assignee have additional events.
pub(crate) fn update(
    state: &GhlState,
    location: &Location,
    id: &str,
    body: &Map<String, Value>,
) -> Result<Opportunity, ApiError> {
    let (before, after) = {
        let mut store = lock(&location.opportunity_store);
        let before = store.opportunities.get(id).cloned().ok_or_else(|| not_found(id))?;
        let mut opportunity = before.clone();
        apply(&mut opportunity, body);
        if !store.has_stage(&opportunity.pipeline_id, &opportunity.stage_id) {
            return Err(stage_not_found(&opportunity.stage_id));
        }
        opportunity.updated_at = state.clock.now_ms();
        store.opportunities.insert(opportunity.id.clone(), opportunity.clone());
        (before, opportunity)
    };
    webhooks::opportunity(state, location, "OpportunityUpdate", &after);
    for (changed, kind) in [
        (before.status != after.status, "OpportunityStatusUpdate"),
        (before.stage_id != after.stage_id, "OpportunityStageUpdate"),
        ((before.value - after.value).abs() > f64::EPSILON, "OpportunityMonetaryValueUpdate"),
        (before.assigned_to != after.assigned_to, "OpportunityAssignedToUpdate"),
    ] {
        if changed {
            webhooks::opportunity(state, location, kind, &after);
        }
    }
    Ok(after)
}

pub(crate) fn delete(state: &GhlState, location: &Location, id: &str) -> Result<(), ApiError> {
    let opportunity = lock(&location.opportunity_store).opportunities.remove(id).ok_or_else(|| not_found(id))?;
    webhooks::opportunity(state, location, "OpportunityDelete", &opportunity);
    Ok(())
}

fn apply(opportunity: &mut Opportunity, body: &Map<String, Value>) {
    let set = |field: &mut String, name| {
        if let Some(value) = text(body, name) {
            value.clone_into(field);
        }
    };
    set(&mut opportunity.name, "name");
    set(&mut opportunity.status, "status");
    set(&mut opportunity.pipeline_id, "pipelineId");
    set(&mut opportunity.stage_id, "pipelineStageId");
    if let Some(value) = body.get("monetaryValue").and_then(Value::as_f64) {
        opportunity.value = value;
    }
    if let Some(user) = text(body, "assignedTo") {
        opportunity.assigned_to = Some(user.to_owned());
    }
}

/// Returns the 400 for an unknown opportunity id.
pub(crate) fn not_found(id: &str) -> ApiError {
    ApiError::bad_request(format!("Opportunity with id {id} not found"))
}

fn stage_not_found(id: &str) -> ApiError {
    ApiError::bad_request(format!("Pipeline or stage with id {id} not found"))
}
