//! Webhooks in any order (R4): a contact ends in its latest version, and a deleted one stays deleted.
//!
//! The expected state is the latest event of each contact. If the store cannot order events (a deleted contact may have been
//! restored), it enqueues a refetch task, which the test runs at the end.

use std::{
    borrow::Cow,
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use serde_json::json;
use sidecar_core::{
    Timestamp,
    commit::{Batch, MAX_CHANGES},
    queue::ClaimRequest,
    record::{Change, ChangeOrigin, Mutation, RecordKey},
};
use sidecar_store::Store;
use sidecar_tests::{
    DatabaseKind, ORGANIZATION, SeededRng, TestDatabase, is_full_scale, open_store, proof, scaled,
    test_on_each_database,
};

/// Versions of each contact.
const VERSIONS: u64 = 10;
const REFETCH_TASK: &str = "test.read";
/// Seeds that share a database.
const SEEDS_PER_DATABASE: usize = 25;

/// The state in one event; `None` if the contact is deleted.
type State = Option<u64>;

/// The events of one seed in order of arrival, and the final state of each contact.
struct Scenario {
    arrivals: Vec<Change>,
    ends: BTreeMap<String, (u64, State)>,
}

impl Scenario {
    fn new(seed: usize, contacts: usize, rng: &mut SeededRng) -> Self {
        let (mut arrivals, mut ends) = (Vec::new(), BTreeMap::new());
        for contact in 0..contacts {
            let id = format!("s{seed}c{contact}");
            // One in four is deleted; a quarter of those are restored.
            let deleted_at = rng.percent(25).then(|| rng.within(VERSIONS / 2..VERSIONS));
            let restored = rng.percent(25);
            let last = deleted_at.filter(|_| !restored).unwrap_or(VERSIONS - 1);
            for version in 0..=last {
                let state = (deleted_at != Some(version)).then_some(version);
                for _ in 0..1 + u64::from(rng.percent(20)) {
                    arrivals.push(event(&id, version, state));
                }
                ends.insert(id.clone(), (version, state));
            }
        }
        rng.shuffle(&mut arrivals);
        Self { arrivals, ends }
    }
}

fn key(id: &str) -> RecordKey {
    RecordKey { organization: ORGANIZATION.into(), kind: Cow::Borrowed("contact"), id: id.into() }
}

fn event(id: &str, version: u64, state: State) -> Change {
    let doc = |number: u64| json!({"id": id, "number": number}).as_object().cloned().unwrap();
    Change {
        key: key(id),
        location: Some("loc_1".into()),
        version: Timestamp::from_secs(1_700_000_000) + Duration::from_secs(version),
        origin: ChangeOrigin::Webhook,
        position: None,
        mutation: state.map_or(Mutation::Delete, |number| Mutation::Patch(doc(number).into())),
        searchable: &["name"],
        refetch_task: Some(Cow::Borrowed(REFETCH_TASK)),
        on_change: None,
    }
}

/// The totals of all seeds.
#[derive(Default)]
struct Totals {
    arrivals: usize,
    /// Contacts with a wrong final state.
    wrong: usize,
    /// Deleted contacts that exist after the last arrival or at the end.
    restored: usize,
    deleted: usize,
    reads: usize,
}

impl Totals {
    async fn deliver(&mut self, store: &dyn Store, scenario: &Scenario, rng: &mut SeededRng) {
        let mut arrivals = scenario.arrivals.iter();
        self.arrivals += arrivals.len();
        while arrivals.len() > 0 {
            let size = usize::try_from(rng.within(1..500)).unwrap();
            let changes = arrivals.by_ref().take(size).cloned().collect();
            store.commit(Batch { changes, ..Batch::default() }).await.unwrap();
        }
        self.deleted += scenario.ends.values().filter(|(_, end)| end.is_none()).count();
        // A contact that is wrong before the refetch must at least be queued for it.
        let before = self.wrong_records(store, scenario).await;
        let read = self.refetch(store, scenario).await;
        self.wrong += before.difference(&read).count() + self.wrong_records(store, scenario).await.len();
    }

    /// Returns the contacts with a wrong state.
    async fn wrong_records(&mut self, store: &dyn Store, scenario: &Scenario) -> BTreeSet<String> {
        let mut wrong = BTreeSet::new();
        for (id, (_, end)) in &scenario.ends {
            let record = store.record(&key(id)).await.unwrap().unwrap();
            let found = (!record.deleted).then(|| record.doc["number"].as_u64().unwrap());
            if found != *end {
                wrong.insert(id.clone());
            }
            self.restored += usize::from(end.is_none() && found.is_some());
        }
        wrong
    }

    /// Runs the refetch tasks.
    async fn refetch(&mut self, store: &dyn Store, scenario: &Scenario) -> BTreeSet<String> {
        let now = Timestamp::from_secs(4_000_000_000);
        let tasks = store
            .claim_tasks(&[REFETCH_TASK], &ClaimRequest::new(MAX_CHANGES as u32, Duration::from_secs(3_600), now))
            .await
            .unwrap();
        let (mut batch, mut read) = (Batch::default(), BTreeSet::new());
        for task in tasks {
            let id = task.payload["id"].as_str().unwrap();
            let (version, end) = scenario.ends[id];
            let revision = store.record(&key(id)).await.unwrap().map_or(0, |record| record.revision);
            let put = |mutation| if let Mutation::Patch(doc) = mutation { Mutation::Put(doc) } else { mutation };
            let change = event(id, version, end);
            let (mutation, origin) = (put(change.mutation.clone()), ChangeOrigin::Read { revision });
            batch.changes.push(Change { mutation, origin, ..change });
            batch.outbox_done.push(task.claim);
            read.insert(id.to_owned());
        }
        assert!(store.commit(batch).await.unwrap().committed);
        self.reads += read.len();
        read
    }
}

test_on_each_database!(contacts_end_in_their_latest_version_in_any_order);

async fn contacts_end_in_their_latest_version_in_any_order(database: DatabaseKind) {
    let (seeds, contacts) = (scaled(1_000, 50), if is_full_scale() { 1_000 } else { 50 });
    let first = SeededRng::new("engine newest").next_u64();
    let mut totals = Totals::default();
    for begin in (0..seeds).step_by(SEEDS_PER_DATABASE) {
        let test_database = TestDatabase::new(database).await;
        let store = open_store(&test_database.url()).await;
        for seed in begin..(begin + SEEDS_PER_DATABASE).min(seeds) {
            let mut rng = SeededRng::fixed(first.wrapping_add(seed as u64));
            let scenario = Scenario::new(seed, contacts, &mut rng);
            totals.deliver(&*store, &scenario, &mut rng).await;
        }
    }
    let Totals { arrivals, wrong, restored, deleted, reads } = totals;
    let ok = (wrong, restored) == (0, 0) && deleted > 0;
    let reached = format!(
        "{seeds} seeds × {contacts} contacts, {arrivals} arrivals: {wrong} wrong ends ({reads} resolved by a refetch), \
         {restored} of {deleted} deleted contacts restored"
    );
    let asked =
        "1,000 contacts × 10 updates × 1,000 seeds (quick 50 × 10 × 50): the latest wins, no contact is restored";
    proof(&format!("R4 {database}"), asked, reached, ok);
    assert!(ok);
}
