//! Webhooks (R1, R3): what was acknowledged is kept and has its effect once, however often the server is killed.

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use bytes::Bytes;
use http::HeaderMap;
use provider_sandbox::Sandbox;
use reqwest::StatusCode;
use serde_json::{Value, json};
use sidecar_core::{Clock, SystemClock, Timestamp};
use sidecar_tests::{Chance, Program, proof, scaled};
use sqlx::Row;

use crate::server::{PATIENCE, Scene};

const IN_FLIGHT: usize = 64;
/// Versions of one contact, a second apart by the sender's clock.
const VERSIONS: usize = 10;

/// A signed delivery.
struct Delivery {
    id: String,
    headers: HeaderMap,
    body: Bytes,
}

/// A sender that does not give up: what was not acknowledged is sent again.
struct Sender {
    queue: Mutex<VecDeque<Arc<Delivery>>>,
    acknowledged: Mutex<BTreeSet<String>>,
    in_flight: AtomicUsize,
    /// Requests that got no answer.
    unanswered: AtomicUsize,
    /// Those of them that had found a server.
    broken: AtomicUsize,
}

impl Sender {
    fn new(deliveries: impl IntoIterator<Item = Arc<Delivery>>) -> Arc<Self> {
        Arc::new(Self {
            queue: Mutex::new(deliveries.into_iter().collect()),
            acknowledged: Mutex::default(),
            in_flight: AtomicUsize::new(0),
            unanswered: AtomicUsize::new(0),
            broken: AtomicUsize::new(0),
        })
    }

    fn acknowledged(&self) -> usize {
        self.acknowledged.lock().unwrap().len()
    }

    fn is_done(&self) -> bool {
        self.queue.lock().unwrap().is_empty() && self.in_flight.load(Ordering::SeqCst) == 0
    }

    /// One of the senders that are in flight together.
    async fn send_all(self: Arc<Self>, http: reqwest::Client, url: String) {
        while !self.is_done() {
            let next = {
                let mut queue = self.queue.lock().unwrap();
                let next = queue.pop_front();
                self.in_flight.fetch_add(usize::from(next.is_some()), Ordering::SeqCst);
                next
            };
            let Some(delivery) = next else {
                SystemClock::new().sleep(Duration::from_millis(5)).await;
                continue;
            };
            let request = http.post(&url).headers(delivery.headers.clone()).body(delivery.body.clone());
            match request.send().await.map(|answer| answer.status()) {
                Ok(StatusCode::OK) => drop(self.acknowledged.lock().unwrap().insert(delivery.id.clone())),
                Ok(StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE) => self.again(delivery).await,
                Ok(status) => panic!("{} was answered {status}", delivery.id),
                Err(error) => {
                    self.unanswered.fetch_add(1, Ordering::SeqCst);
                    self.broken.fetch_add(usize::from(!error.is_connect()), Ordering::SeqCst);
                    self.again(delivery).await;
                }
            }
            self.in_flight.fetch_sub(1, Ordering::SeqCst);
        }
    }

    async fn again(&self, delivery: Arc<Delivery>) {
        SystemClock::new().sleep(Duration::from_millis(20)).await;
        self.queue.lock().unwrap().push_back(delivery);
    }
}

/// What a run sends: contacts in several versions, and the app's removal from locations, which leaves outbox rows.
struct Story {
    deliveries: Vec<Arc<Delivery>>,
    /// The newest version of each contact.
    newest: BTreeMap<String, usize>,
    removals: usize,
}

impl Story {
    fn new(sandbox: &Sandbox, count: usize, chance: &mut Chance) -> Self {
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
    fn queue(&self, chance: &mut Chance) -> Vec<Arc<Delivery>> {
        let mut queue = self.deliveries.clone();
        queue.extend(self.deliveries.iter().filter(|_| chance.percent(10)).cloned());
        chance.shuffle(&mut queue);
        queue
    }
}

fn signed(sandbox: &Sandbox, mut body: Value, at: Timestamp) -> Arc<Delivery> {
    let id = uuid::Uuid::new_v4().to_string();
    (body["webhookId"], body["timestamp"]) = (json!(id), json!(at.to_string()));
    let (headers, body) = sandbox.ghl().signed(&body);
    Arc::new(Delivery { id, headers, body })
}

/// What the file says after a run.
struct Ledger {
    /// Lines of the history for each delivery that was sent.
    lines: BTreeMap<String, usize>,
    all_lines: usize,
    removals: usize,
    /// The stored version of each contact.
    versions: BTreeMap<String, usize>,
}

impl Ledger {
    async fn read(scene: &Scene) -> Self {
        let mut database = scene.database().await;
        let rows = sqlx::query("SELECT delivery FROM applied_events WHERE source = 'ghl'");
        let rows = rows.fetch_all(&mut database).await.unwrap();
        let mut lines = BTreeMap::new();
        for row in &rows {
            *lines.entry(row.get::<String, _>("delivery")).or_insert(0) += 1;
        }
        let removals: i64 = sqlx::query_scalar("SELECT count(*) FROM outbox WHERE kind = 'ghl.uninstall'")
            .fetch_one(&mut database)
            .await
            .unwrap();
        let contacts = sqlx::query("SELECT id, doc FROM records WHERE kind = 'contact' AND id LIKE 'contact%'");
        let contacts = contacts.fetch_all(&mut database).await.unwrap();
        let version = |row: &sqlx::sqlite::SqliteRow| {
            let doc: Value = serde_json::from_str(row.get("doc")).unwrap();
            (row.get("id"), doc["firstName"].as_str().unwrap().trim_start_matches('v').parse().unwrap())
        };
        let versions = contacts.iter().map(version).collect();
        Self { all_lines: rows.len(), lines, removals: usize::try_from(removals).unwrap(), versions }
    }

    /// Everything that is wrong with it.
    fn faults(&self, story: &Story, acknowledged: &BTreeSet<String>) -> Vec<String> {
        let mut faults = Vec::new();
        let lost = acknowledged.iter().filter(|id| !self.lines.contains_key(*id)).count();
        if lost > 0 {
            faults.push(format!("{lost} acknowledged deliveries lost"));
        }
        let doubled = self.lines.values().filter(|count| **count > 1).count();
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

/// A server, a story, and senders that go on until everything is acknowledged.
struct Play {
    scene: Scene,
    story: Story,
    sender: Arc<Sender>,
    senders: Vec<tokio::task::JoinHandle<()>>,
}

impl Play {
    async fn begin(count: usize, environment: &[(&'static str, String)], chance: &mut Chance) -> Self {
        let sandbox = Sandbox::builder().locations(1).contacts(3).start().await.unwrap();
        let scene = Scene::new(sandbox, environment).await;
        let story = Story::new(&scene.sandbox, count, chance);
        let sender = Sender::new(story.queue(chance));
        Self { scene, story, sender, senders: Vec::new() }
    }

    fn send(&mut self) {
        let url = format!("{}/api/webhooks/ghl", self.scene.url());
        let send = |_| tokio::spawn(Arc::clone(&self.sender).send_all(self.scene.http.clone(), url.clone()));
        self.senders = (0..IN_FLIGHT).map(send).collect();
    }

    async fn inbox_is_empty(&self) -> bool {
        self.scene.count("SELECT count(*) FROM inbox WHERE state = 0").await == 0
    }

    /// Lets the server finish its work, stops it, and says what is wrong with what it left.
    async fn end(&mut self, mut server: Program) -> Vec<String> {
        for task in self.senders.drain(..) {
            task.await.unwrap();
        }
        let clock = SystemClock::new();
        while !self.inbox_is_empty().await {
            assert!(clock.monotonic() < PATIENCE, "the inbox does not empty:\n{}", server.log());
            clock.sleep(Duration::from_millis(20)).await;
        }
        server.terminate().await;
        server.ended(PATIENCE).await;
        let acknowledged = self.sender.acknowledged.lock().unwrap().clone();
        assert_eq!(acknowledged.len(), self.story.deliveries.len(), "the sender sends until all is acknowledged");
        Ledger::read(&self.scene).await.faults(&self.story, &acknowledged)
    }
}

/// Sends `count` deliveries while the server is killed `kills` times at random. What is wrong in the end, how many
/// deliveries were without an answer at each kill, and how many were never answered.
async fn killed(
    count: usize,
    kills: usize,
    environment: &[(&'static str, String)],
    chance: &mut Chance,
) -> (Vec<String>, Vec<usize>, usize) {
    let mut play = Play::begin(count, environment, chance).await;
    let mut server = play.scene.serve().await;
    play.send();
    let mut at_kills = Vec::new();
    for kill in 0..kills {
        // Each kill has its own stretch of the run, short of its end.
        let stretch = count * 9 / 10 / kills;
        let moment = kill * stretch + chance.index(stretch);
        while play.sender.acknowledged() < moment {
            SystemClock::new().sleep(Duration::from_millis(1)).await;
        }
        at_kills.push(play.sender.in_flight.load(Ordering::SeqCst));
        server.kill().await;
        play.scene.time_passes().await;
        server = play.scene.serve().await;
    }
    let faults = play.end(server).await;
    (faults, at_kills, play.sender.unanswered.load(Ordering::SeqCst))
}

/// How often a server aborts at one point.
const DEATHS: usize = 4;

/// Sends `count` deliveries to servers that abort by themselves at `point`. What is wrong in the end, and how many died.
async fn crashing(count: usize, point: &str, chance: &mut Chance) -> (Vec<String>, usize) {
    let mut play = Play::begin(count, &[], chance).await;
    play.send();
    let mut deaths = 0;
    loop {
        // What is claimed again and again and never finished would be given up: a handful of deaths is enough.
        let failpoints = (deaths < DEATHS).then(|| ("FAILPOINTS", point.to_owned()));
        let mut server = play.scene.command_with(&["serve"], failpoints.as_slice());
        let clock = SystemClock::new();
        while !server.has_ended() {
            if play.sender.is_done() && play.inbox_is_empty().await {
                return (play.end(server).await, deaths);
            }
            assert!(clock.monotonic() < PATIENCE, "{point}: neither died nor done:\n{}", server.log());
            clock.sleep(Duration::from_millis(5)).await;
        }
        deaths += 1;
        play.scene.time_passes().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_killed_at_random_loses_nothing_it_acknowledged_and_does_nothing_twice() {
    let mut chance = Chance::new("webhooks killed");
    let (count, kills) = (scaled(2_000, 600), scaled(10, 4));
    let (faults, at_kills, unanswered) = killed(count, kills, &[], &mut chance).await;
    let hit = at_kills.iter().filter(|waiting| **waiting >= 8).count();
    println!("{count} deliveries, {unanswered} attempts without an answer; in flight at the kills: {at_kills:?}");
    assert!(hit * 2 >= kills && unanswered >= 8, "the kills missed: {at_kills:?}");
    let ok = faults.is_empty();
    let reached = format!("{count} deliveries, {kills} kills ({hit} with ≥ 8 unanswered), faults: {faults:?}");
    proof("R1", "2,000 deliveries, 10 kills: 0 acknowledged lost, 0 effects doubled, newest version wins", reached, ok);
    assert!(ok, "{faults:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_dies_between_a_commit_and_what_follows_it_loses_and_doubles_nothing() {
    let mut chance = Chance::new("webhooks crashing");
    let count = scaled(1_000, 300);
    let mut told = Vec::new();
    for point in [
        "webhook.after_commit=25*off->return",
        "inbox.put.before_commit=1*off->return",
        "inbox.put.after_commit=1*off->return",
        "store.commit.before=1*off->return",
        "store.commit.after=1*off->return",
    ] {
        let (faults, deaths) = crashing(count, point, &mut chance).await;
        assert!(deaths > 0, "{point} was never met");
        assert!(faults.is_empty(), "{point}: {faults:?}");
        told.push(format!("{} {deaths} deaths", point.split('=').next().unwrap_or_default()));
    }
    proof("R1-crash-points", "aborted before and after each commit: 0 lost, 0 doubled", told.join(", "), true);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_asked_to_stop_under_load_answers_what_it_took_and_ends_in_time() {
    let mut chance = Chance::new("webhooks stopped");
    let mut play = Play::begin(600, &[], &mut chance).await;
    let mut server = play.scene.serve().await;
    play.send();
    while play.sender.acknowledged() < 150 {
        SystemClock::new().sleep(Duration::from_millis(1)).await;
    }
    let in_flight = play.sender.in_flight.load(Ordering::SeqCst);
    let clock = SystemClock::new();
    server.terminate().await;
    let status = server.ended(PATIENCE).await;
    let (took, broken) = (clock.monotonic(), play.sender.broken.load(Ordering::SeqCst));
    let held = play.scene.count("SELECT count(*) FROM leases WHERE held_until > unixepoch('subsec') * 1000000").await;
    let server = play.scene.serve().await;
    let faults = play.end(server).await;
    let ok = took <= Duration::from_secs(10) && broken == 0 && held == 0 && faults.is_empty();
    let reached = format!("{took:.1?} with {in_flight} in flight, {broken} broken off, {held} leases held, {faults:?}");
    proof("R17", "SIGTERM under load: ended ≤ 10 s, 0 failed in flight, leases handed back", reached, ok);
    assert!(status.success() && took <= Duration::from_secs(50), "{status} after {took:?}");
    assert_eq!((broken, held, faults.len()), (0, 0, 0));
}

/// The check of the ledger can fail: without the dedup it does.
#[tokio::test(flavor = "multi_thread")]
async fn the_same_run_without_dedup_is_caught() {
    let mut chance = Chance::new("webhooks without dedup");
    let sabotage = [("FAILPOINTS", "inbox.dedup=return".to_owned())];
    // Several kills, so that removals are among what is sent again.
    let (faults, ..) = killed(600, 8, &sabotage, &mut chance).await;
    println!("caught: {faults:?}");
    let caught =
        ["lines of history for", "outbox rows"].iter().all(|what| faults.iter().any(|fault| fault.contains(what)));
    proof("R1-sabotage", "with the dedup removed the test fails", format!("{faults:?}"), caught);
    assert!(caught, "doubled effects were not seen: {faults:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_genuine_is_refused_and_not_kept() {
    let sandbox = Sandbox::builder().locations(1).contacts(3).start().await.unwrap();
    let former = Sandbox::builder().seed(99).locations(1).contacts(3).start().await.unwrap();
    let scene = Scene::new(sandbox, &[]).await;
    let _server = scene.serve().await;
    let body = json!({"type": "ContactUpdate", "locationId": scene.sandbox.ghl().location_ids()[0], "id": "contact1"});
    let genuine = signed(&scene.sandbox, body.clone(), SystemClock::new().now());
    let stale_key = signed(&former, body, SystemClock::new().now());
    let mut changed = genuine.body.to_vec();
    let place = changed.windows(8).position(|text| text == b"contact1").unwrap() + 7;
    changed[place] = b'2';
    let post = async |headers: &HeaderMap, body: Bytes| {
        let request = scene.http.post(format!("{}/api/webhooks/ghl", scene.url())).headers(headers.clone()).body(body);
        request.send().await.unwrap().status().as_u16()
    };
    let statuses = [
        post(&genuine.headers, changed.into()).await,
        post(&stale_key.headers, stale_key.body.clone()).await,
        post(&HeaderMap::new(), Bytes::new()).await,
        post(&genuine.headers, vec![b' '; 2 << 20].into()).await,
    ];
    let kept = scene.count("SELECT count(*) FROM inbox").await;
    let ok = statuses == [401, 401, 401, 413] && kept == 0;
    proof(
        "webhooks-refused",
        "forged, stale key, empty, 2 MiB: 401, 401, 401, 413; nothing kept",
        format!("{statuses:?}, {kept} kept"),
        ok,
    );
    assert_eq!((statuses, kept), ([401, 401, 401, 413], 0));
    assert_eq!(post(&genuine.headers, genuine.body.clone()).await, 200, "the genuine one is taken");
}
