//! A burst of signed events, each delivered three times and in disorder, with unknown and forged ones among them: every
//! change arrives, the newest wins, nothing forged is taken.

use http::{Method, StatusCode};
use serde_json::{Value, json};

use super::Scenario;
use crate::demo::{
    http::{CheckFailed, ensure},
    probes::{count, text},
    report::Counts,
};

/// Contacts that are changed three times each, where there are enough.
const CHANGED: usize = 20;
/// One contact is deleted for so many that are changed.
const CHANGED_PER_DELETED: usize = 4;
/// Contacts that are created.
const CREATED: usize = 10;
/// Extra deliveries of each event.
const DUPLICATES: u64 = 2;
/// Events of an undocumented kind, and events signed with a foreign key.
const UNKNOWN: u64 = 3;
const FORGED: u64 = 3;

/// The contacts that the burst changes.
struct BurstContacts {
    changed: Vec<Value>,
    deleted: Vec<Value>,
}

impl BurstContacts {
    fn among(mut contacts: Vec<Value>) -> Result<Self, CheckFailed> {
        let changed = CHANGED.min(contacts.len() / 2);
        ensure(changed >= CHANGED_PER_DELETED, || format!("{} contacts are too few for a burst", contacts.len()))?;
        contacts.truncate(changed + changed / CHANGED_PER_DELETED);
        let deleted = contacts.split_off(changed);
        Ok(Self { changed: contacts, deleted })
    }
}

impl Scenario {
    pub(super) async fn webhooks(&mut self) -> Result<Counts, CheckFailed> {
        let location = self.locations[0].clone();
        self.wait_until_delivered("the deliveries of earlier steps").await?;
        let before = self.provider.state(false).await?;
        let contacts = BurstContacts::among(self.contacts_at_ghl(&location).await?)?;

        self.provider.command("webhooks", &json!({"hold": true, "duplicates": DUPLICATES, "shuffle": true})).await?;
        let created = self.make_changes(&location, &contacts).await?;
        let burst = json!({"hold": false, "unknown": UNKNOWN, "forged": FORGED});
        self.provider.command("webhooks", &burst).await?;
        self.wait_until_delivered("the burst").await?;
        self.provider.command("webhooks", &json!({"duplicates": 0, "shuffle": false})).await?;

        let after = self.provider.state(false).await?;
        let delta = |name: &str| {
            let pointer = format!("/counts/webhooks/{name}");
            count(&after, &pointer) - count(&before, &pointer)
        };
        let (events, attempts, delivered, lost) =
            (delta("events"), delta("attempts"), delta("delivered"), delta("lost"));
        let rejected = FORGED * (DUPLICATES + 1);
        ensure(lost == rejected, || format!("{lost} deliveries were rejected, {rejected} were forged"))?;
        ensure(delivered == attempts - rejected, || {
            format!("of {attempts} deliveries only {delivered} were accepted")
        })?;
        self.only_forged_were_rejected().await?;

        self.eventually("the newest state of every changed contact", || self.burst_arrived(&contacts, &created))
            .await?;
        Ok(Counts::new()
            .with("events", events)
            .with("deliveries", attempts)
            .with("unknown", UNKNOWN)
            .with("forged", FORGED)
            .with("changed", contacts.changed.len())
            .with("created", created.len())
            .with("deleted", contacts.deleted.len()))
    }

    /// Changes, deletes and creates contacts at GHL; returns the ids of new ones.
    async fn make_changes(&self, location: &str, contacts: &BurstContacts) -> Result<Vec<String>, CheckFailed> {
        let mut changes = Vec::new();
        for round in 1..=3 {
            for contact in &contacts.changed {
                let fields = json!({"firstName": format!("Round {round}"), "tags": ["demo", format!("round-{round}")]});
                changes.push(json!({"action": "update_contact", "id": contact["id"], "fields": fields}));
            }
        }
        for contact in &contacts.deleted {
            changes.push(json!({"action": "delete_contact", "id": contact["id"]}));
        }
        self.provider.change(changes).await?;
        let create = |number: usize| {
            let fields = json!({"firstName": "Burst", "lastName": format!("Number {number}"), "email": format!("burst-{number}@{}.example.com", self.slug)});
            json!({"action": "create_contact", "location": location, "fields": fields})
        };
        let created = self.provider.change((0..CREATED).map(create).collect()).await?;
        Ok(created.iter().map(|contact| text(contact, "id").to_owned()).collect())
    }

    /// Waits until no delivery is pending.
    pub(super) async fn wait_until_delivered(&self, what: &str) -> Result<(), CheckFailed> {
        self.eventually(what, || async {
            let state = self.provider.state(false).await?;
            let waiting = count(&state, "/counts/webhooks/pending") + count(&state, "/counts/webhooks/held");
            ensure(waiting == 0, || format!("{waiting} deliveries are pending"))
        })
        .await
    }

    async fn only_forged_were_rejected(&self) -> Result<(), CheckFailed> {
        let state = self.provider.state(true).await?;
        let deliveries = state["deliveries"].as_array().cloned().unwrap_or_default();
        let wrong = deliveries.iter().filter(|delivery| delivery["outcome"] == "lost").find(|delivery| {
            let statuses = delivery["statuses"].as_array().cloned().unwrap_or_default();
            delivery["kind"] != "ContactDelete" || statuses.iter().any(|status| *status != 401)
        });
        ensure(wrong.is_none(), || {
            format!("a valid event was rejected: {}", wrong.map(Value::to_string).unwrap_or_default())
        })
    }

    async fn burst_arrived(&self, contacts: &BurstContacts, created: &[String]) -> Result<(), CheckFailed> {
        for contact in &contacts.changed {
            let stored = self.server.get(&self.path(&format!("contacts/{}", text(contact, "id")))).await?;
            let name = text(&stored, "firstName");
            ensure(name == "Round 3", || format!("contact {} is still called {name}", contact["id"]))?;
            ensure(stored["email"] == contact["email"], || {
                format!("contact {} lost its e-mail address", contact["id"])
            })?;
        }
        for contact in &contacts.deleted {
            let path = self.path(&format!("contacts/{}", text(contact, "id")));
            self.server.call(Method::GET, &path, None).await?.require(StatusCode::NOT_FOUND)?;
        }
        for id in created {
            self.server.get(&self.path(&format!("contacts/{id}"))).await?;
        }
        Ok(())
    }
}
