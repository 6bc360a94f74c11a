//! Changing opportunities, the same way for an API call and for somebody in the user interface.

use serde_json::{Map, Value};

use super::deals::{Deal, STATUSES};
use crate::ghl::error::ApiError;
use crate::ghl::shape::{Field, Kind, optional, required};
use crate::ghl::state::{Site, World};
use crate::ghl::webhooks;
use crate::lock;

use Kind::{Any, List, OneOf, Text};

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
const CREATE_TOO: &[Field] = &[
    required("pipelineId", Text),
    required("locationId", Text),
    required("name", Text),
    required("status", OneOf(STATUSES)),
    required("contactId", Text),
];

pub(crate) fn create_fields() -> Vec<Field> {
    let others = UPDATE.iter().filter(|field| !CREATE_TOO.iter().any(|twin| twin.name == field.name));
    CREATE_TOO.iter().chain(others).copied().collect()
}

/// Opens a deal for a contact of the location, in the pipeline's first stage unless one is named.
pub(crate) fn create(world: &World, site: &Site, body: &Map<String, Value>) -> Result<Deal, ApiError> {
    let contact_id = text(body, "contactId").unwrap_or_default().to_owned();
    if lock(&site.directory).get(&contact_id).is_none() {
        return Err(ApiError::bad_request(format!("Contact with id {contact_id} not found")));
    }
    let now_ms = world.clock.now_ms();
    let deal = {
        let mut deals = lock(&site.deals);
        let pipeline_id = text(body, "pipelineId").unwrap_or_default().to_owned();
        let stage_id = deals.first_stage(&pipeline_id).ok_or_else(|| wrong_stage(&pipeline_id))?;
        let mut deal = Deal {
            id: deals.new_id(),
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
        apply(&mut deal, body);
        if !deals.holds(&deal.pipeline_id, &deal.stage_id) {
            return Err(wrong_stage(&deal.stage_id));
        }
        deals.deals.insert(deal.id.clone(), deal.clone());
        deal
    };
    webhooks::opportunity(world, site, "OpportunityCreate", &deal);
    Ok(deal)
}

/// Changes the given fields. A status, a stage and a value have events of their own.
pub(crate) fn update(world: &World, site: &Site, id: &str, body: &Map<String, Value>) -> Result<Deal, ApiError> {
    let (before, after) = {
        let mut deals = lock(&site.deals);
        let before = deals.deals.get(id).cloned().ok_or_else(|| missing(id))?;
        let mut deal = before.clone();
        apply(&mut deal, body);
        if !deals.holds(&deal.pipeline_id, &deal.stage_id) {
            return Err(wrong_stage(&deal.stage_id));
        }
        deal.updated_at = world.clock.now_ms();
        deals.deals.insert(deal.id.clone(), deal.clone());
        (before, deal)
    };
    webhooks::opportunity(world, site, "OpportunityUpdate", &after);
    for (changed, kind) in [
        (before.status != after.status, "OpportunityStatusUpdate"),
        (before.stage_id != after.stage_id, "OpportunityStageUpdate"),
        ((before.value - after.value).abs() > f64::EPSILON, "OpportunityMonetaryValueUpdate"),
        (before.assigned_to != after.assigned_to, "OpportunityAssignedToUpdate"),
    ] {
        if changed {
            webhooks::opportunity(world, site, kind, &after);
        }
    }
    Ok(after)
}

pub(crate) fn delete(world: &World, site: &Site, id: &str) -> Result<(), ApiError> {
    let deal = lock(&site.deals).deals.remove(id).ok_or_else(|| missing(id))?;
    webhooks::opportunity(world, site, "OpportunityDelete", &deal);
    Ok(())
}

fn apply(deal: &mut Deal, body: &Map<String, Value>) {
    let set = |field: &mut String, name| {
        if let Some(value) = text(body, name) {
            value.clone_into(field);
        }
    };
    set(&mut deal.name, "name");
    set(&mut deal.status, "status");
    set(&mut deal.pipeline_id, "pipelineId");
    set(&mut deal.stage_id, "pipelineStageId");
    if let Some(value) = body.get("monetaryValue").and_then(Value::as_f64) {
        deal.value = value;
    }
    if let Some(user) = text(body, "assignedTo") {
        deal.assigned_to = Some(user.to_owned());
    }
}

fn text<'a>(body: &'a Map<String, Value>, name: &str) -> Option<&'a str> {
    body.get(name).and_then(Value::as_str)
}

/// The 400 for an id that is not there.
pub(crate) fn missing(id: &str) -> ApiError {
    ApiError::bad_request(format!("Opportunity with id {id} not found"))
}

fn wrong_stage(id: &str) -> ApiError {
    ApiError::bad_request(format!("Pipeline or stage with id {id} not found"))
}
