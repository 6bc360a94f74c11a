//! The first copy of both locations is exact: every contact, every field that was looked at, every appointment.

use std::collections::BTreeMap;

use serde_json::Value;

use super::Story;
use crate::demo::{
    http::{Wrong, ensure},
    outside::{count, text},
    report::Counts,
};

/// The fields of a contact that are compared.
const FIELDS: &[&str] = &["locationId", "firstName", "lastName", "email", "phone", "city", "tags", "customFields"];

impl Story {
    pub(super) async fn full_sync(&mut self) -> Result<Counts, Wrong> {
        let sources = 1 + 4 * self.locations.len();
        let bar = self.progress.contacts(self.contacts.into());
        self.eventually("a first pass of every source", || async {
            let status = self.server.get(&self.path("sync")).await?;
            let rows = status["sources"].as_array().cloned().unwrap_or_default();
            bar.at(rows.iter().map(|row| count(row, "/seen")).sum());
            let failed = rows.iter().find(|row| row["status"] == "ERROR");
            ensure(failed.is_none(), || {
                format!("a pass failed: {}", failed.map(Value::to_string).unwrap_or_default())
            })?;
            let ended = rows.iter().filter(|row| row["lastSyncAt"].is_string()).count();
            ensure(ended >= sources, || format!("{ended} of {sources} sources were copied"))
        })
        .await?;
        drop(bar);

        let copies = self.server.list(&self.path("contacts")).await?;
        let mut truth = Vec::new();
        for location in &self.locations {
            truth.extend(self.true_contacts(location).await?);
        }
        same_contacts(&truth, &copies)?;
        let locations = self.server.list(&self.path("locations")).await?.len();
        ensure(locations == self.locations.len(), || format!("{locations} locations were copied"))?;
        let state = self.provider.state(false).await?;
        let pages = count(&state, "/counts/operations/POST ~1contacts~1search/calls");
        Ok(Counts::new().with("contacts", copies.len()).with("locations", locations).with("search_pages", pages))
    }
}

/// Compares by id, whatever the order.
fn same_contacts(truth: &[Value], copies: &[Value]) -> Result<(), Wrong> {
    let by_id =
        |rows: &[Value]| rows.iter().map(|row| (text(row, "id").to_owned(), row.clone())).collect::<BTreeMap<_, _>>();
    let (truth, copied) = (by_id(truth), by_id(copies));
    ensure(copied.len() == copies.len(), || format!("{} contacts were listed twice", copies.len() - copied.len()))?;
    for (id, original) in &truth {
        let Some(copy) = copied.get(id) else { return Err(Wrong(format!("contact {id} was not copied"))) };
        let differs = FIELDS.iter().find(|field| !same(&original[**field], &copy[**field]));
        if let Some(field) = differs {
            return Err(Wrong(format!(
                "contact {id}: {field} is {} and was copied as {}",
                original[*field], copy[*field]
            )));
        }
    }
    ensure(copied.len() == truth.len(), || format!("{} contacts were copied, there are {}", copied.len(), truth.len()))
}

/// Nothing, `null` and an empty list say the same.
fn same(original: &Value, copy: &Value) -> bool {
    let is_empty = |value: &Value| value.is_null() || value.as_array().is_some_and(Vec::is_empty);
    original == copy || (is_empty(original) && is_empty(copy))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_changed_field_a_missing_and_a_doubled_contact_are_found() {
        let ann = json!({"id": "a", "firstName": "Ann", "phone": null});
        let bob = json!({"id": "b", "firstName": "Bob"});
        let wrong = |copies: &[Value]| same_contacts(&[ann.clone(), bob.clone()], copies).unwrap_err().0;
        assert!(wrong(std::slice::from_ref(&ann)).contains("b was not copied"));
        assert!(wrong(&[ann.clone(), bob.clone(), bob.clone()]).contains("listed twice"));
        assert!(wrong(&[json!({"id": "a", "firstName": "Anne"}), bob.clone()]).contains("firstName"));
        assert!(wrong(&[ann.clone(), bob.clone(), json!({"id": "c"})]).contains("3 contacts were copied"));
        assert_eq!(same_contacts(std::slice::from_ref(&ann), &[json!({"id": "a", "firstName": "Ann"})]), Ok(()));
    }
}
