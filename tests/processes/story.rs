//! What is sent, and what a database must hold of it in the end.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

use provider_sandbox::Sandbox;
use serde_json::{Value, json};
use sidecar_core::{Clock, SystemClock};
use sidecar_tests::Chance;

use crate::{
    sender::{Delivery, signed},
    server::Scene,
};

/// Versions of one contact, a second apart by the sender's clock.
const VERSIONS: usize = 10;

/// What a run sends: contacts in several versions, and the app's removal from locations, which leaves outbox rows.
pub(crate) struct Story {
    pub(crate) deliveries: Vec<Arc<Delivery>>,
    /// The newest version of each contact.
    newest: BTreeMap<String, usize>,
    removals: usize,
}

impl Story {
    pub(crate) fn new(sandbox: &Sandbox, count: usize, chance: &mut Chance) -> Self {
        let ghl = sandbox.ghl();
        let location = ghl.location_ids().remove(0);
        let began = SystemClock::new().now() - Duration::from_secs(1_800);
        let removals = count / 10;
        let contacts = (count - removals) / VERSIONS;
        let (mut deliveries, mut newest) = (Vec::new(), BTreeMap::new());
        for contact in 0..contacts {
            for version in 0..VERSIONS {
                let at = began + Duration::from_secs((contact + version) as u64);
                let body = json!({
                    "type": "ContactUpdate", "locationId": location, "id": format!("contact{contact:05}"),
                    "firstName": format!("v{version}"), "email": format!("c{contact}@example.com"), "tags": ["course: rust"],
                });
                deliveries.push(signed(sandbox, body, at));
            }
            newest.insert(format!("contact{contact:05}"), VERSIONS - 1);
        }
        let rest = count - deliveries.len();
        for n in 0..rest {
            let body = json!({
                "type": "UNINSTALL", "locationId": format!("gone{n}"), "companyId": ghl.company_id(), "appId": ghl.app_id(),
            });
            deliveries.push(signed(sandbox, body, began + Duration::from_secs(n as u64)));
        }
        chance.shuffle(&mut deliveries);
        Self { deliveries, newest, removals: rest }
    }

    /// Every delivery, one in ten twice.
    pub(crate) fn queue(&self, chance: &mut Chance) -> Vec<Arc<Delivery>> {
        let mut queue = self.deliveries.clone();
        queue.extend(self.deliveries.iter().filter(|_| chance.percent(10)).cloned());
        chance.shuffle(&mut queue);
        queue
    }
}

/// What the database says after a run.
pub(crate) struct Ledger {
    /// Lines of the history for each delivery that was sent.
    lines: BTreeMap<String, usize>,
    all_lines: usize,
    removals: usize,
    given_up: i64,
    /// The stored version of each contact.
    versions: BTreeMap<String, usize>,
}

impl Ledger {
    pub(crate) async fn read(scene: &Scene) -> Self {
        let mut look = scene.database.look().await;
        let rows = look.rows::<(String,)>("SELECT delivery FROM event_log WHERE source = 'ghl'").await;
        let all_lines = rows.len();
        let mut lines = BTreeMap::new();
        for (delivery,) in rows {
            *lines.entry(delivery).or_insert(0) += 1;
        }
        let removals = look.rows::<(i64,)>("SELECT count(*) FROM outbox WHERE kind = 'ghl.uninstall'").await[0].0;
        let given_up = look.rows::<(i64,)>("SELECT count(*) FROM inbox WHERE state = 2").await[0].0;
        let contacts = "SELECT id, doc FROM records WHERE kind = 'contact' AND id LIKE 'contact%'";
        let version = |(id, doc): (String, String)| {
            let doc: Value = serde_json::from_str(&doc).unwrap();
            (id, doc["firstName"].as_str().unwrap().trim_start_matches('v').parse().unwrap())
        };
        let versions = look.rows(contacts).await.into_iter().map(version).collect();
        Self { lines, all_lines, removals: usize::try_from(removals).unwrap(), given_up, versions }
    }

    /// How many acknowledged deliveries left no line.
    pub(crate) fn lost<'a>(&self, acknowledged: impl IntoIterator<Item = &'a String>) -> usize {
        acknowledged.into_iter().filter(|id| !self.lines.contains_key(*id)).count()
    }

    /// How many deliveries left several lines.
    pub(crate) fn doubled(&self) -> usize {
        self.lines.values().filter(|count| **count > 1).count()
    }

    /// Everything that is wrong with it.
    pub(crate) fn faults(&self, story: &Story, acknowledged: &BTreeSet<String>) -> Vec<String> {
        let mut faults = Vec::new();
        let lost = self.lost(acknowledged);
        if lost > 0 {
            faults.push(format!("{lost} acknowledged deliveries lost"));
        }
        if self.given_up > 0 {
            faults.push(format!("{} deliveries given up", self.given_up));
        }
        let doubled = self.doubled();
        if doubled > 0 {
            faults.push(format!("{doubled} deliveries with several lines of history"));
        }
        if self.all_lines != story.deliveries.len() {
            faults.push(format!("{} lines of history for {} deliveries", self.all_lines, story.deliveries.len()));
        }
        if self.removals != story.removals {
            faults.push(format!("{} outbox rows for {} removals", self.removals, story.removals));
        }
        let stale = story.newest.iter().filter(|(id, version)| self.versions.get(*id) != Some(version)).count();
        if stale > 0 {
            faults.push(format!("{stale} contacts do not end in their newest version"));
        }
        faults
    }
}
