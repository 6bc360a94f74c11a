//! The deliveries of a run and their expected effects in the database.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

use provider_sandbox::Sandbox;
use serde_json::{Value, json};
use sidecar_core::{Clock, SystemClock};
use sidecar_tests::SeededRng;

use crate::{
    server::Fixture,
    webhook_sender::{Delivery, signed},
};

/// Versions of one contact, one second apart.
const VERSIONS_PER_CONTACT: usize = 10;

/// The deliveries of a run: versions of contacts, and uninstalls of the app from locations, which add outbox rows.
pub(crate) struct Workload {
    pub(crate) deliveries: Vec<Arc<Delivery>>,
    /// The latest version of each contact.
    newest: BTreeMap<String, usize>,
    uninstalls: usize,
}

impl Workload {
    pub(crate) fn new(sandbox: &Sandbox, count: usize, rng: &mut SeededRng) -> Self {
        let ghl = sandbox.ghl();
        let location = ghl.location_ids().remove(0);
        let began = SystemClock::new().now() - Duration::from_secs(1_800);
        let uninstalls = count / 10;
        let contacts = (count - uninstalls) / VERSIONS_PER_CONTACT;
        let (mut deliveries, mut newest) = (Vec::new(), BTreeMap::new());
        for contact in 0..contacts {
            for version in 0..VERSIONS_PER_CONTACT {
                let at = began + Duration::from_secs((contact + version) as u64);
                let body = json!({
                    "type": "ContactUpdate", "locationId": location, "id": format!("contact{contact:05}"),
                    "firstName": format!("v{version}"), "email": format!("c{contact}@example.com"), "tags": ["course: rust"],
                });
                deliveries.push(signed(sandbox, body, at));
            }
            newest.insert(format!("contact{contact:05}"), VERSIONS_PER_CONTACT - 1);
        }
        let rest = count - deliveries.len();
        for n in 0..rest {
            let body = json!({
                "type": "UNINSTALL", "locationId": format!("gone{n}"), "companyId": ghl.company_id(), "appId": ghl.app_id(),
            });
            deliveries.push(signed(sandbox, body, began + Duration::from_secs(n as u64)));
        }
        rng.shuffle(&mut deliveries);
        Self { deliveries, newest, uninstalls: rest }
    }

    /// Returns every delivery, one in ten of them twice, in random order.
    pub(crate) fn queue(&self, rng: &mut SeededRng) -> Vec<Arc<Delivery>> {
        let mut queue = self.deliveries.clone();
        queue.extend(self.deliveries.iter().filter(|_| rng.percent(10)).cloned());
        rng.shuffle(&mut queue);
        queue
    }
}

/// The effects that the database has after a run.
pub(crate) struct StoredEffects {
    /// Entries of the event log for each delivery.
    log_entries: BTreeMap<String, usize>,
    all_log_entries: usize,
    uninstalls: usize,
    dead_letters: i64,
    /// The stored version of each contact.
    versions: BTreeMap<String, usize>,
}

impl StoredEffects {
    pub(crate) async fn read(fixture: &Fixture) -> Self {
        let mut connection = fixture.database.connect().await;
        let rows = connection.rows::<(String,)>("SELECT delivery FROM event_log WHERE source = 'ghl'").await;
        let all_log_entries = rows.len();
        let mut log_entries = BTreeMap::new();
        for (delivery,) in rows {
            *log_entries.entry(delivery).or_insert(0) += 1;
        }
        let uninstalls =
            connection.rows::<(i64,)>("SELECT count(*) FROM outbox WHERE kind = 'ghl.uninstall'").await[0].0;
        let dead_letters = connection.rows::<(i64,)>("SELECT count(*) FROM inbox WHERE state = 2").await[0].0;
        let contacts = "SELECT id, doc FROM records WHERE kind = 'contact' AND id LIKE 'contact%'";
        let version = |(id, doc): (String, String)| {
            let doc: Value = serde_json::from_str(&doc).unwrap();
            (id, doc["firstName"].as_str().unwrap().trim_start_matches('v').parse().unwrap())
        };
        let versions = connection.rows(contacts).await.into_iter().map(version).collect();
        Self { log_entries, all_log_entries, uninstalls: usize::try_from(uninstalls).unwrap(), dead_letters, versions }
    }

    /// Returns the number of acknowledged deliveries without an entry in the event log.
    pub(crate) fn lost<'a>(&self, acknowledged: impl IntoIterator<Item = &'a String>) -> usize {
        acknowledged.into_iter().filter(|id| !self.log_entries.contains_key(*id)).count()
    }

    /// Returns the number of deliveries with several entries in the event log.
    pub(crate) fn doubled(&self) -> usize {
        self.log_entries.values().filter(|count| **count > 1).count()
    }

    /// Returns every difference from the expected effects.
    pub(crate) fn faults(&self, workload: &Workload, acknowledged: &BTreeSet<String>) -> Vec<String> {
        let mut faults = Vec::new();
        let lost = self.lost(acknowledged);
        if lost > 0 {
            faults.push(format!("{lost} acknowledged deliveries lost"));
        }
        if self.dead_letters > 0 {
            faults.push(format!("{} dead letters", self.dead_letters));
        }
        let doubled = self.doubled();
        if doubled > 0 {
            faults.push(format!("{doubled} deliveries with several log entries"));
        }
        if self.all_log_entries != workload.deliveries.len() {
            faults.push(format!("{} log entries for {} deliveries", self.all_log_entries, workload.deliveries.len()));
        }
        if self.uninstalls != workload.uninstalls {
            faults.push(format!("{} outbox rows for {} uninstalls", self.uninstalls, workload.uninstalls));
        }
        let stale = workload.newest.iter().filter(|(id, version)| self.versions.get(*id) != Some(version)).count();
        if stale > 0 {
            faults.push(format!("{stale} contacts do not end in their latest version"));
        }
        faults
    }
}
