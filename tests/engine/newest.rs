//! Webhooks in any order (R4): however they arrive, a contact ends in its newest version, and a deleted one stays deleted.
//!
//! The reference is the newest event of each contact. Where the store cannot tell (whether a deleted contact came back) it
//! wishes for a read by id, which is made in the end.

use std::{
    borrow::Cow,
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use serde_json::json;
use sidecar_core::{
    Timestamp,
    commit::{Batch, MAX_CHANGES},
    record::{Change, ChangeOrigin, Mutation, RecordKey},
};
use sidecar_store::Store;
use sidecar_tests::{Chance, Home, Kind, ORGANIZATION, full, on_each_database, open_store, proof, scaled};

/// Versions of each contact.
const VERSIONS: u64 = 10;
const REREAD: &str = "test.read";
/// Seeds that share a database.
const TOGETHER: usize = 25;

/// What one event says: a state, or (`None`) that the contact is gone.
type State = Option<u64>;

/// The events of one seed, as they arrive, and how each contact has to end.
struct Story {
    arrivals: Vec<Change>,
    ends: BTreeMap<String, (u64, State)>,
}

impl Story {
    fn new(seed: usize, contacts: usize, chance: &mut Chance) -> Self {
        let (mut arrivals, mut ends) = (Vec::new(), BTreeMap::new());
        for contact in 0..contacts {
            let id = format!("s{seed}c{contact}");
            // One in four is deleted at some time; most of those for good.
            let gone = chance.percent(25).then(|| chance.within(VERSIONS / 2..VERSIONS));
            let back = chance.percent(25);
            let last = gone.filter(|_| !back).unwrap_or(VERSIONS - 1);
            for version in 0..=last {
                let state = (gone != Some(version)).then_some(version);
                for _ in 0..1 + u64::from(chance.percent(20)) {
                    arrivals.push(event(&id, version, state));
                }
                ends.insert(id.clone(), (version, state));
            }
        }
        chance.shuffle(&mut arrivals);
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
        refetch_task: Some(Cow::Borrowed(REREAD)),
        on_change: None,
    }
}

/// What a run came to.
#[derive(Default)]
struct Found {
    arrivals: usize,
    /// Contacts that ended otherwise.
    wrong: usize,
    /// Deleted contacts that lived after all had arrived, or in the end.
    risen: usize,
    deleted: usize,
    reads: usize,
}

impl Found {
    async fn play(&mut self, store: &dyn Store, story: &Story, chance: &mut Chance) {
        let mut arrivals = story.arrivals.iter();
        self.arrivals += arrivals.len();
        while arrivals.len() > 0 {
            let size = usize::try_from(chance.within(1..500)).unwrap();
            let changes = arrivals.by_ref().take(size).cloned().collect();
            store.commit(Batch { changes, ..Batch::default() }).await.unwrap();
        }
        self.deleted += story.ends.values().filter(|(_, end)| end.is_none()).count();
        // Who is not what they have to be yet is at least in doubt.
        let before = self.look(store, story).await;
        let read = self.read(store, story).await;
        self.wrong += before.difference(&read).count() + self.look(store, story).await.len();
    }

    /// The contacts that are not what they have to be in the end.
    async fn look(&mut self, store: &dyn Store, story: &Story) -> BTreeSet<String> {
        let mut wrong = BTreeSet::new();
        for (id, (_, end)) in &story.ends {
            let record = store.record(&key(id)).await.unwrap().unwrap();
            let found = (!record.deleted).then(|| record.doc["number"].as_u64().unwrap());
            if found != *end {
                wrong.insert(id.clone());
            }
            self.risen += usize::from(end.is_none() && found.is_some());
        }
        wrong
    }

    /// Reads by id what was wished for.
    async fn read(&mut self, store: &dyn Store, story: &Story) -> BTreeSet<String> {
        let now = Timestamp::from_secs(4_000_000_000);
        let tasks = store.claim_tasks(&[REREAD], MAX_CHANGES as u32, Duration::from_secs(3_600), now).await.unwrap();
        let (mut batch, mut read) = (Batch::default(), BTreeSet::new());
        for task in tasks {
            let id = task.payload["id"].as_str().unwrap();
            let (version, end) = story.ends[id];
            let revision = store.record(&key(id)).await.unwrap().map_or(0, |record| record.revision);
            let put = |effect| if let Mutation::Patch(doc) = effect { Mutation::Put(doc) } else { effect };
            let change = event(id, version, end);
            let (effect, origin) = (put(change.mutation.clone()), ChangeOrigin::Read { revision });
            batch.changes.push(Change { mutation: effect, origin, ..change });
            batch.outbox_done.push(task.claim);
            read.insert(id.to_owned());
        }
        assert!(store.commit(batch).await.unwrap().committed);
        self.reads += read.len();
        read
    }
}

on_each_database!(a_thousand_contacts_end_in_their_newest_version_whatever_the_order);

async fn a_thousand_contacts_end_in_their_newest_version_whatever_the_order(database: Kind) {
    let (seeds, contacts) = (scaled(1_000, 50), if full() { 1_000 } else { 50 });
    let first = Chance::new("engine newest").number();
    let mut found = Found::default();
    for begin in (0..seeds).step_by(TOGETHER) {
        let home = Home::new(database).await;
        let store = open_store(&home.url()).await;
        for seed in begin..(begin + TOGETHER).min(seeds) {
            let mut chance = Chance::fixed(first.wrapping_add(seed as u64));
            let story = Story::new(seed, contacts, &mut chance);
            found.play(&*store, &story, &mut chance).await;
        }
    }
    let Found { arrivals, wrong, risen, deleted, reads } = found;
    let ok = (wrong, risen) == (0, 0) && deleted > 0;
    let reached = format!(
        "{seeds} seeds × {contacts} contacts, {arrivals} arrivals: {wrong} wrong ends ({reads} settled by a read), \
         {risen} of {deleted} deleted contacts came back"
    );
    let asked =
        "1,000 contacts × 10 updates × 1,000 seeds (quick 50 × 10 × 50): the newest wins, no contact comes back";
    proof(&format!("R4 {database}"), asked, reached, ok);
    assert!(ok);
}
