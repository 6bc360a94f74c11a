//! What a location holds of opportunities.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::clock::{DAY_MS, rfc3339};
use crate::dice::Dice;
use crate::ghl::contacts::directory::Directory;
use crate::ghl::place::Place;

/// Deals that a location starts with, where it has as many contacts: more than the largest page holds.
const SEEDED: usize = 120;
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

/// One opportunity.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Deal {
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

/// The opportunities of one location.
#[derive(Debug)]
pub(crate) struct Deals {
    dice: Dice,
    pub(crate) pipelines: Vec<Pipeline>,
    pub(crate) deals: BTreeMap<String, Deal>,
}

impl Deals {
    pub(crate) fn new(seed: u64, place: &Place, directory: &Directory, start_ms: i64) -> Self {
        let mut dice = Dice::new(seed, &[place.number, 0xDEA1]);
        let pipeline = |(name, stages): &(&'static str, &[&'static str])| Pipeline {
            id: dice.id(),
            name,
            stages: stages.iter().map(|stage| (dice.id(), *stage)).collect(),
        };
        let pipelines: Vec<Pipeline> = PIPELINES.iter().map(pipeline).collect();
        let mut deals = Self { dice, pipelines, deals: BTreeMap::new() };
        for (number, row) in directory.all().take(SEEDED).enumerate() {
            let deal = deals.seeded(number, &row.id, place, start_ms);
            deals.deals.insert(deal.id.clone(), deal);
        }
        deals
    }

    pub(crate) fn new_id(&mut self) -> String {
        self.dice.id()
    }

    /// The pipeline, when the stage is one of its.
    pub(crate) fn holds(&self, pipeline_id: &str, stage_id: &str) -> bool {
        let mut pipelines = self.pipelines.iter().filter(|pipeline| pipeline.id == pipeline_id);
        pipelines.any(|pipeline| pipeline.stages.iter().any(|(id, _)| id == stage_id))
    }

    pub(crate) fn first_stage(&self, pipeline_id: &str) -> Option<String> {
        let pipeline = self.pipelines.iter().find(|pipeline| pipeline.id == pipeline_id)?;
        pipeline.stages.first().map(|(id, _)| id.clone())
    }

    fn seeded(&mut self, number: usize, contact_id: &str, place: &Place, start_ms: i64) -> Deal {
        let pipeline = &self.pipelines[number % self.pipelines.len()];
        let (pipeline_id, stages) = (pipeline.id.clone(), pipeline.stages.clone());
        let created_at =
            start_ms - DAY_MS - i64::try_from(self.dice.below(60 * DAY_MS.unsigned_abs())).unwrap_or_default();
        Deal {
            id: self.dice.id(),
            name: format!("Course {}", number + 1),
            value: f64::from(u32::try_from(self.dice.below(90)).unwrap_or_default()) * 50.0,
            pipeline_id,
            stage_id: self.dice.pick(&stages).0.clone(),
            status: (*self.dice.pick(STATUSES)).to_owned(),
            contact_id: contact_id.to_owned(),
            assigned_to: self.dice.percent(60).then(|| place.users[number % place.users.len()].clone()),
            created_at,
            updated_at: created_at,
        }
    }
}

impl Pipeline {
    pub(crate) fn read(&self, place: &Place) -> Value {
        let stages = self.stages.iter().enumerate();
        let stages: Vec<Value> =
            stages.map(|(position, (id, name))| json!({"id": id, "name": name, "position": position})).collect();
        json!({"id": self.id, "name": self.name, "stages": stages, "showInFunnel": true, "showInPieChart": true, "locationId": place.id})
    }
}

impl Deal {
    pub(crate) fn read(&self, place: &Place) -> Value {
        json!({
            "id": self.id, "name": self.name, "monetaryValue": self.value, "pipelineId": self.pipeline_id, "pipelineStageId": self.stage_id,
            "assignedTo": self.assigned_to, "status": self.status, "source": "sandbox", "contactId": self.contact_id, "locationId": place.id,
            "createdAt": rfc3339(self.created_at), "updatedAt": rfc3339(self.updated_at), "lastStatusChangeAt": rfc3339(self.updated_at),
            "contact": {"id": self.contact_id}, "notes": [], "tasks": [], "calendarEvents": [], "customFields": [], "followers": [],
        })
    }
}
