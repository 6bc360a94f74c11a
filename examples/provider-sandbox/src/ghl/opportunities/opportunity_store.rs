//! A location's pipelines and opportunities, with seeded opportunities.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::clock::{DAY_MS, rfc3339};
use crate::ghl::contacts::contact_store::ContactStore;
use crate::ghl::locations::profile::LocationProfile;
use crate::rng::SeededRng;

/// Largest number of seeded opportunities of a location, more than the largest page.
const MAX_SEEDED: usize = 120;
const PIPELINES: &[(&str, &[&str])] =
    &[("Sales", &["New lead", "Contacted", "Proposal", "Closed"]), ("Onboarding", &["Signed", "Kick-off", "Live"])];
pub(crate) const STATUSES: &[&str] = &["open", "won", "lost", "abandoned"];

/// A pipeline with its stages.
#[derive(Debug)]
pub(crate) struct Pipeline {
    pub(crate) id: String,
    pub(crate) name: &'static str,
    pub(crate) stages: Vec<(String, &'static str)>,
}

/// An opportunity. Times are epoch milliseconds.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Opportunity {
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) value: f64,
    pub(crate) pipeline_id: String,
    pub(crate) stage_id: String,
    pub(crate) status: String,
    pub(crate) contact_id: String,
    pub(crate) assigned_to: Option<String>,
    pub(crate) created_at: i64,
    pub(crate) updated_at: i64,
}

/// The pipelines and opportunities of one location.
#[derive(Debug)]
pub(crate) struct OpportunityStore {
    rng: SeededRng,
    pub(crate) pipelines: Vec<Pipeline>,
    pub(crate) opportunities: BTreeMap<String, Opportunity>,
}

impl OpportunityStore {
    pub(crate) fn new(seed: u64, profile: &LocationProfile, contact_store: &ContactStore, start_ms: i64) -> Self {
        let mut rng = SeededRng::new(seed, &[profile.number, 0xDEA1]);
        let pipeline = |(name, stages): &(&'static str, &[&'static str])| Pipeline {
            id: rng.id(),
            name,
            stages: stages.iter().map(|stage| (rng.id(), *stage)).collect(),
        };
        let pipelines: Vec<Pipeline> = PIPELINES.iter().map(pipeline).collect();
        let mut store = Self { rng, pipelines, opportunities: BTreeMap::new() };
        for (number, row) in contact_store.all().take(MAX_SEEDED).enumerate() {
            let opportunity = store.seeded(number, &row.id, profile, start_ms);
            store.opportunities.insert(opportunity.id.clone(), opportunity);
        }
        store
    }

    pub(crate) fn new_id(&mut self) -> String {
        self.rng.id()
    }

    /// Returns whether the pipeline has the stage.
    pub(crate) fn has_stage(&self, pipeline_id: &str, stage_id: &str) -> bool {
        let mut pipelines = self.pipelines.iter().filter(|pipeline| pipeline.id == pipeline_id);
        pipelines.any(|pipeline| pipeline.stages.iter().any(|(id, _)| id == stage_id))
    }

    pub(crate) fn first_stage(&self, pipeline_id: &str) -> Option<String> {
        let pipeline = self.pipelines.iter().find(|pipeline| pipeline.id == pipeline_id)?;
        pipeline.stages.first().map(|(id, _)| id.clone())
    }

    fn seeded(&mut self, number: usize, contact_id: &str, profile: &LocationProfile, start_ms: i64) -> Opportunity {
        let pipeline = &self.pipelines[number % self.pipelines.len()];
        let (pipeline_id, stages) = (pipeline.id.clone(), pipeline.stages.clone());
        let created_at =
            start_ms - DAY_MS - i64::try_from(self.rng.below(60 * DAY_MS.unsigned_abs())).unwrap_or_default();
        Opportunity {
            id: self.rng.id(),
            name: format!("Course {}", number + 1),
            value: f64::from(u32::try_from(self.rng.below(90)).unwrap_or_default()) * 50.0,
            pipeline_id,
            stage_id: self.rng.pick(&stages).0.clone(),
            status: (*self.rng.pick(STATUSES)).to_owned(),
            contact_id: contact_id.to_owned(),
            assigned_to: self.rng.percent(60).then(|| profile.users[number % profile.users.len()].clone()),
            created_at,
            updated_at: created_at,
        }
    }
}

impl Pipeline {
    pub(crate) fn to_json(&self, profile: &LocationProfile) -> Value {
        let stages = self.stages.iter().enumerate();
        let stages: Vec<Value> =
            stages.map(|(position, (id, name))| json!({"id": id, "name": name, "position": position})).collect();
        json!({"id": self.id, "name": self.name, "stages": stages, "showInFunnel": true, "showInPieChart": true, "locationId": profile.id})
    }
}

impl Opportunity {
    pub(crate) fn to_json(&self, profile: &LocationProfile) -> Value {
        json!({
            "id": self.id, "name": self.name, "monetaryValue": self.value, "pipelineId": self.pipeline_id, "pipelineStageId": self.stage_id,
            "assignedTo": self.assigned_to, "status": self.status, "source": "sandbox", "contactId": self.contact_id, "locationId": profile.id,
            "createdAt": rfc3339(self.created_at), "updatedAt": rfc3339(self.updated_at), "lastStatusChangeAt": rfc3339(self.updated_at),
            "contact": {"id": self.contact_id}, "notes": [], "tasks": [], "calendarEvents": [], "customFields": [], "followers": [],
        })
    }
}
