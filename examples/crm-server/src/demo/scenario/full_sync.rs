//! The first sync of both locations is exact: every contact and opportunity, in every compared field.

use std::collections::BTreeMap;

use serde_json::Value;

use super::Scenario;
use crate::demo::{
    http::{CheckFailed, ensure},
    probes::{count, text},
    report::Counts,
};

/// The fields of a contact that are compared.
const FIELDS: &[&str] = &["locationId", "firstName", "lastName", "email", "phone", "city", "tags", "customFields"];
/// The fields of an opportunity that are compared.
const OPPORTUNITY_FIELDS: &[&str] =
    &["locationId", "name", "pipelineId", "pipelineStageId", "status", "monetaryValue", "contactId", "createdAt"];
/// The sources of each location: contacts, events, pipelines, opportunities.
const SOURCES_PER_LOCATION: usize = 4;

impl Scenario {
    pub(super) async fn full_sync(&mut self) -> Result<Counts, CheckFailed> {
        let sources = 1 + SOURCES_PER_LOCATION * self.locations.len();
        let bar = self.progress.contacts(self.contacts.into());
        self.eventually("a first sync of every source", || async {
            let status = self.server.get(&self.path("sync")).await?;
            let rows = status["sources"].as_array().cloned().unwrap_or_default();
            bar.at(rows.iter().map(|row| count(row, "/seen")).sum());
            let failed = rows.iter().find(|row| row["status"] == "ERROR");
            ensure(failed.is_none(), || {
                format!("a sync failed: {}", failed.map(Value::to_string).unwrap_or_default())
            })?;
            let ended = rows.iter().filter(|row| row["lastSyncAt"].is_string()).count();
            ensure(ended >= sources, || format!("{ended} of {sources} sources were synced"))
        })
        .await?;
        drop(bar);

        let stored = self.server.list(&self.path("contacts")).await?;
        let mut truth = Vec::new();
        for location in &self.locations {
            truth.extend(self.contacts_at_ghl(location).await?);
        }
        same_rows("contact", FIELDS, &truth, &stored)?;
        let deals = self.server.list(&self.path("opportunities")).await?;
        let (mut truth, mut pipelines) = (Vec::new(), 0);
        for location in &self.locations {
            truth.extend(self.rows_at_ghl(location, "opportunities").await?);
            pipelines += self.rows_at_ghl(location, "pipelines").await?.len();
        }
        same_rows("opportunity", OPPORTUNITY_FIELDS, &truth, &deals)?;
        let synced = self.server.list(&self.path("pipelines")).await?.len();
        ensure(synced == pipelines, || format!("{synced} pipelines were synced, there are {pipelines}"))?;
        let locations = self.server.list(&self.path("locations")).await?.len();
        ensure(locations == self.locations.len(), || format!("{locations} locations were synced"))?;
        let state = self.provider.state(false).await?;
        let pages = count(&state, "/counts/operations/POST ~1contacts~1search/calls");
        let counts = Counts::new().with("contacts", stored.len()).with("locations", locations);
        Ok(counts.with("opportunities", deals.len()).with("pipelines", synced).with("search_pages", pages))
    }
}

/// Compares rows by id.
fn same_rows(what: &str, fields: &[&str], truth: &[Value], stored: &[Value]) -> Result<(), CheckFailed> {
    let by_id =
        |rows: &[Value]| rows.iter().map(|row| (text(row, "id").to_owned(), row.clone())).collect::<BTreeMap<_, _>>();
    let (truth, synced) = (by_id(truth), by_id(stored));
    ensure(synced.len() == stored.len(), || {
        format!("{} rows of kind {what} were listed twice", stored.len() - synced.len())
    })?;
    for (id, original) in &truth {
        let Some(stored) = synced.get(id) else { return Err(CheckFailed(format!("{what} {id} was not synced"))) };
        let differs = fields.iter().find(|field| !same(&original[**field], &stored[**field]));
        if let Some(field) = differs {
            return Err(CheckFailed(format!(
                "{what} {id}: {field} is {} and was synced as {}",
                original[*field], stored[*field]
            )));
        }
    }
    ensure(synced.len() == truth.len(), || {
        format!("{} rows of kind {what} were synced, there are {}", synced.len(), truth.len())
    })
}

/// Compares values; an absent value, `null` and an empty list are equal.
fn same(original: &Value, stored: &Value) -> bool {
    let is_empty = |value: &Value| value.is_null() || value.as_array().is_some_and(Vec::is_empty);
    original == stored || (is_empty(original) && is_empty(stored))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_changed_field_a_missing_and_a_doubled_contact_are_found() {
        let ann = json!({"id": "a", "firstName": "Ann", "phone": null});
        let bob = json!({"id": "b", "firstName": "Bob"});
        let wrong = |stored: &[Value]| same_rows("contact", FIELDS, &[ann.clone(), bob.clone()], stored).unwrap_err().0;
        assert!(wrong(std::slice::from_ref(&ann)).contains("b was not synced"));
        assert!(wrong(&[ann.clone(), bob.clone(), bob.clone()]).contains("listed twice"));
        assert!(wrong(&[json!({"id": "a", "firstName": "Anne"}), bob.clone()]).contains("firstName"));
        assert!(wrong(&[ann.clone(), bob.clone(), json!({"id": "c"})]).contains("3 rows of kind contact were synced"));
        let stored = json!({"id": "a", "firstName": "Ann"});
        assert_eq!(same_rows("contact", FIELDS, std::slice::from_ref(&ann), &[stored]), Ok(()));
    }
}
