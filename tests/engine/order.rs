//! Stale polls against fresh webhooks (R5): a record never goes back to an older state.
//!
//! Each record has a history of its own. Webhooks tell of every state, with the clock of the sender's machine and some time
//! late; polls show what the search index held some time ago, and come late too. What cannot be ordered is read by id, and
//! such a read may be overtaken by other changes before it is written. The records go side by side, a step each at a time.

use std::{borrow::Cow, collections::BTreeMap, sync::Arc, time::Duration};

use serde_json::json;
use sidecar_core::{
    Clock, SystemClock, Timestamp,
    commit::Batch,
    queue::outbox::Task,
    record::{Change, ChangeOrigin, Mutation, RecordKey},
};
use sidecar_store::Store;
use sidecar_tests::{Chance, Home, Kind, ORGANIZATION, on_each_database, open_store, proof, scaled};

/// Records that share a commit.
const LOT: usize = 250;
const REREAD: &str = "test.read";
/// A state's number once the record is deleted.
const GONE: u64 = u64::MAX;

/// One record's story.
struct Story {
    id: String,
    /// (when, number); the last may be [`GONE`].
    states: Vec<(Timestamp, u64)>,
    /// What arrives, in the order of arrival.
    arrivals: Vec<(Timestamp, Change)>,
}

impl Story {
    fn new(id: String, begin: Timestamp, chance: &mut Chance) -> Self {
        let ms = |chance: &mut Chance, range: std::ops::Range<u64>| Duration::from_millis(chance.within(range));
        let mut states = vec![(begin, 1)];
        for number in 2..=chance.within(3..7) {
            let gap = [0..900, 500..4_000, 4_000..9_000, 10_000..60_000][chance.index(4)].clone();
            states.push((states[states.len() - 1].0 + ms(chance, gap), number));
        }
        if chance.percent(30) {
            states.push((states[states.len() - 1].0 + ms(chance, 1_000..20_000), GONE));
        }
        let end = states[states.len() - 1].0;
        // The clock of the machine that stamps this record's webhooks is off by a constant.
        let (skew_ms, mut arrivals) = (chance.within(0..4_000), Vec::new());
        for (at, number) in &states {
            let stamp = *at + Duration::from_millis(skew_ms) - Duration::from_secs(2);
            let change = webhook(&id, stamp, *number);
            for _ in 0..1 + u64::from(chance.percent(20)) {
                arrivals.push((*at + ms(chance, 50..25_000), change.clone()));
            }
        }
        let span = u64::try_from(end.since(begin).as_millis()).unwrap() + 30_000;
        for _ in 0..chance.within(1..5) {
            let asked = begin + ms(chance, 0..span);
            let shown = asked - ms(chance, 0..5_000);
            if let Some(state) = state_at(&states, shown).filter(|state| state.1 != GONE) {
                arrivals.push((asked + ms(chance, 20..8_000), listed(&id, state)));
            }
        }
        arrivals.sort_by_key(|(at, _)| *at);
        Self { id, states, arrivals }
    }

    /// What a read by id finds at a time.
    fn read(&self, at: Timestamp, revision: u64) -> Change {
        let state = state_at(&self.states, at).unwrap_or(self.states[0]);
        let change = if state.1 == GONE { webhook(&self.id, at, GONE) } else { listed(&self.id, state) };
        Change { origin: ChangeOrigin::Read { revision }, ..change }
    }

    fn last(&self) -> u64 {
        self.states[self.states.len() - 1].1
    }
}

fn state_at(states: &[(Timestamp, u64)], at: Timestamp) -> Option<(Timestamp, u64)> {
    states.iter().rev().find(|(since, _)| *since <= at).copied()
}

fn change(id: &str, version: Timestamp, origin: ChangeOrigin, effect: Mutation) -> Change {
    Change {
        key: key(id),
        location: Some("loc_1".into()),
        version,
        origin,
        position: None,
        mutation: effect,
        searchable: &["name"],
        refetch_task: Some(Cow::Borrowed(REREAD)),
        on_change: None,
    }
}

fn key(id: &str) -> RecordKey {
    RecordKey { organization: ORGANIZATION.into(), kind: Cow::Borrowed("contact"), id: id.into() }
}

fn webhook(id: &str, stamp: Timestamp, number: u64) -> Change {
    let doc = json!({"id": id, "number": number}).as_object().cloned().unwrap();
    let effect = if number == GONE { Mutation::Delete } else { Mutation::Patch(doc.into()) };
    change(id, stamp, ChangeOrigin::Webhook, effect)
}

fn listed(id: &str, (updated, number): (Timestamp, u64)) -> Change {
    let doc = json!({"id": id, "number": number, "dateUpdated": updated.to_string()});
    change(id, updated, ChangeOrigin::Listed, Mutation::Put(doc.as_object().cloned().unwrap().into()))
}

/// A read by id that is under way: what it found, and the task it answers.
type Reading = (Task, Change);

struct Lot {
    store: Arc<dyn Store>,
    stories: Vec<Story>,
    /// The newest state each record was ever seen in.
    reached: BTreeMap<String, u64>,
    readings: Vec<Reading>,
    backwards: Vec<String>,
    reads: usize,
}

impl Lot {
    async fn play(&mut self, chance: &mut Chance) {
        let steps = self.stories.iter().map(|story| story.arrivals.len()).max().unwrap();
        for step in 0..steps {
            let arrived = self.stories.iter().filter_map(|story| Some(story.arrivals.get(step)?.1.clone())).collect();
            self.store.commit(Batch { changes: arrived, ..Batch::default() }).await.unwrap();
            self.look(step).await;
            if chance.percent(60) {
                self.finish_reads().await;
                self.look(step).await;
            }
            self.begin_reads(step).await;
        }
        // The worker goes on until nothing is wished for any more.
        loop {
            self.begin_reads(usize::MAX).await;
            if self.readings.is_empty() {
                return;
            }
            self.finish_reads().await;
        }
    }

    /// Reads by id what was wished for; the answers are written later.
    async fn begin_reads(&mut self, step: usize) {
        let now = SystemClock::new().now() + Duration::from_secs(1);
        let tasks = self.store.claim_tasks(&[REREAD], 1_000, Duration::from_secs(3_600), now).await.unwrap();
        for task in tasks {
            let id = task.payload["id"].as_str().unwrap();
            let story = self.stories.iter().find(|story| story.id == id).unwrap();
            let at = story.arrivals.get(step).map_or(Timestamp::from_micros(i64::MAX), |arrival| arrival.0);
            let revision = self.store.record(&key(id)).await.unwrap().map_or(0, |record| record.revision);
            let found = story.read(at, revision);
            self.readings.push((task, found));
        }
    }

    async fn finish_reads(&mut self) {
        let readings = std::mem::take(&mut self.readings);
        self.reads += readings.len();
        for lot in readings.chunks(LOT) {
            let (tasks, changes) = lot.iter().cloned().unzip::<_, _, Vec<_>, Vec<_>>();
            let outbox_done = tasks.into_iter().map(|task| task.claim).collect();
            let outcome = self.store.commit(Batch { changes, outbox_done, ..Batch::default() }).await.unwrap();
            assert!(outcome.committed);
        }
    }

    /// No record may be in an older state than it was.
    async fn look(&mut self, step: usize) {
        for story in &self.stories {
            let Some(record) = self.store.record(&key(&story.id)).await.unwrap() else { continue };
            let now = if record.deleted { GONE } else { record.doc["number"].as_u64().unwrap() };
            let before = self.reached.entry(story.id.clone()).or_insert(0);
            if now < *before {
                self.backwards
                    .push(format!("{} went from {before} to {now} at step {step}: {:?}", story.id, story.arrivals));
            }
            *before = now.max(*before);
        }
    }
}

on_each_database!(an_older_state_never_overwrites_a_newer_one_and_the_end_is_the_truth);

async fn an_older_state_never_overwrites_a_newer_one_and_the_end_is_the_truth(database: Kind) {
    let wanted = scaled(10_000, 500);
    let mut chance = Chance::new("engine order");
    let begin = SystemClock::new().now() - Duration::from_secs(86_400);
    let (mut stories, mut arrivals, mut reads, mut backwards, mut wrong) = (0, 0, 0, Vec::new(), Vec::new());
    while stories < wanted {
        let home = Home::new(database).await;
        let store = open_store(&home.url()).await;
        let lot = (0..LOT).map(|n| Story::new(format!("c{}", stories + n), begin, &mut chance)).collect();
        let mut lot =
            Lot { store, stories: lot, reached: BTreeMap::new(), readings: vec![], backwards: vec![], reads: 0 };
        lot.play(&mut chance).await;
        lot.look(usize::MAX).await;
        for story in &lot.stories {
            let end = lot.reached.get(&story.id).copied();
            let stored = lot.store.record(&key(&story.id)).await.unwrap().unwrap();
            let now = if stored.deleted { GONE } else { stored.doc["number"].as_u64().unwrap() };
            if now != story.last() {
                wrong.push(format!(
                    "{} ended as {now} (reached {end:?}), {:?}\n{:?}",
                    story.id, story.states, story.arrivals
                ));
            }
            arrivals += story.arrivals.len();
        }
        stories += LOT;
        reads += lot.reads;
        backwards.append(&mut lot.backwards);
    }
    println!("{stories} records, {arrivals} arrivals, {reads} reads by id");
    assert!(reads > 0, "no order was ever in doubt: the test proves nothing");
    let reached =
        format!("{stories} interleavings, {} overwrites by older data, {} wrong ends", backwards.len(), wrong.len());
    proof(
        &format!("R5 {database}"),
        "10,000 interleavings (quick 500), 0 overwrites by older data",
        reached,
        backwards.is_empty() && wrong.is_empty(),
    );
    assert!(backwards.is_empty(), "{}", backwards[0]);
    assert!(wrong.is_empty(), "{}", wrong[0]);
}
