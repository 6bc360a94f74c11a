//! Webhooks (R1, R17): what was acknowledged is kept and has its effect once, however often the server is killed.

use std::{
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use bytes::Bytes;
use http::HeaderMap;
use provider_sandbox::Sandbox;
use serde_json::json;
use sidecar_core::{Clock, SystemClock};
use sidecar_tests::{Chance, Kind, Program, full, on_each_database, proof, scaled};

use crate::{
    sender::{IN_FLIGHT, Sender, signed},
    server::{PATIENCE, Scene},
    story::{Ledger, Story},
};

/// A server, a story, and senders that go on until everything is acknowledged.
struct Play {
    scene: Scene,
    story: Story,
    sender: Arc<Sender>,
    senders: Vec<tokio::task::JoinHandle<()>>,
}

impl Play {
    async fn begin(kind: Kind, count: usize, environment: &[(&'static str, String)], chance: &mut Chance) -> Self {
        let sandbox = Sandbox::builder().locations(1).contacts(3).start().await.unwrap();
        let scene = Scene::new(kind, sandbox, environment).await;
        let story = Story::new(&scene.sandbox, count, chance);
        let sender = Sender::new(story.queue(chance));
        Self { scene, story, sender, senders: Vec::new() }
    }

    fn send(&mut self) {
        let send = |_| tokio::spawn(Arc::clone(&self.sender).send_all(self.scene.http.clone(), self.scene.webhooks()));
        self.senders = (0..IN_FLIGHT).map(send).collect();
    }

    /// Lets the server finish its work, stops it, and says what is wrong with what it left.
    async fn end(&mut self, mut server: Program) -> Vec<String> {
        for task in self.senders.drain(..) {
            task.await.unwrap();
        }
        self.scene.inbox_empties(PATIENCE).await;
        server.terminate().await;
        server.ended(PATIENCE).await;
        let acknowledged = self.sender.acknowledged.lock().unwrap().clone();
        assert_eq!(acknowledged.len(), self.story.deliveries.len(), "the sender sends until all is acknowledged");
        Ledger::read(&self.scene).await.faults(&self.story, &acknowledged)
    }
}

/// What a run with kills came to.
struct Killed {
    /// What is wrong in the end.
    faults: Vec<String>,
    /// How many deliveries were without an answer at each kill.
    at_kills: Vec<usize>,
    /// How many requests were never answered.
    unanswered: usize,
}

impl Killed {
    fn hits(&self) -> usize {
        self.at_kills.iter().filter(|waiting| **waiting >= 8).count()
    }
}

/// Sends `count` deliveries while the server is killed `kills` times at random.
async fn killed(
    kind: Kind,
    (count, kills): (usize, usize),
    environment: &[(&'static str, String)],
    chance: &mut Chance,
) -> Killed {
    let mut play = Play::begin(kind, count, environment, chance).await;
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
        play.scene.database.time_passes().await;
        server = play.scene.serve().await;
    }
    let faults = play.end(server).await;
    Killed { faults, at_kills, unanswered: play.sender.unanswered.load(Ordering::SeqCst) }
}

/// How often a server aborts at one point.
const DEATHS: usize = 4;

/// Sends `count` deliveries to servers that abort by themselves at `point`. What is wrong in the end, and how many died.
async fn crashing(kind: Kind, count: usize, point: &str, chance: &mut Chance) -> (Vec<String>, usize) {
    let mut play = Play::begin(kind, count, &[], chance).await;
    play.send();
    let mut deaths = 0;
    loop {
        // What is claimed again and again and never finished would be given up: a handful of deaths is enough.
        let failpoints = (deaths < DEATHS).then(|| ("FAILPOINTS", point.to_owned()));
        let mut server = play.scene.command_with(&["serve"], failpoints.as_slice());
        let clock = SystemClock::new();
        while !server.has_ended() {
            if play.sender.is_done() && play.scene.inbox_is_empty().await {
                return (play.end(server).await, deaths);
            }
            assert!(clock.monotonic() < PATIENCE, "{point}: neither died nor done:\n{}", server.log());
            clock.sleep(Duration::from_millis(5)).await;
        }
        deaths += 1;
        play.scene.database.time_passes().await;
    }
}

on_each_database!(a_server_killed_at_random_loses_nothing_it_acknowledged_and_does_nothing_twice);

async fn a_server_killed_at_random_loses_nothing_it_acknowledged_and_does_nothing_twice(database: Kind) {
    let mut chance = Chance::new("webhooks killed");
    let (count, kills, runs) = (scaled(10_000, 800), scaled(20, 4), if full() { 5 } else { 1 });
    let (mut faults, mut hits, mut unanswered) = (Vec::new(), Vec::new(), 0);
    for run in 1..=runs {
        let mut killed = killed(database, (count, kills), &[], &mut chance).await;
        println!("run {run}: {} never answered; in flight at the kills: {:?}", killed.unanswered, killed.at_kills);
        assert!(killed.hits() * 2 >= kills, "the kills missed: {:?}", killed.at_kills);
        hits.push(killed.hits());
        unanswered += killed.unanswered;
        faults.append(&mut killed.faults);
    }
    let reached = format!(
        "{runs} × {count} deliveries, {kills} kills ({hits:?} with ≥ 8 unanswered), {unanswered} never answered, \
         faults: {faults:?}"
    );
    proof(
        &format!("R1 {database}"),
        "5 × 10,000 deliveries (quick 1 × 800), 20 kills (4): 0 acknowledged lost, 0 effects doubled",
        reached,
        faults.is_empty(),
    );
    assert!(faults.is_empty(), "{faults:?}");
}

on_each_database!(a_server_that_dies_between_a_commit_and_what_follows_it_loses_and_doubles_nothing);

async fn a_server_that_dies_between_a_commit_and_what_follows_it_loses_and_doubles_nothing(database: Kind) {
    let mut chance = Chance::new("webhooks crashing");
    let count = scaled(1_000, 200);
    let mut told = Vec::new();
    for point in [
        "webhook.after_commit=25*off->return",
        "inbox.put.before_commit=1*off->return",
        "inbox.put.after_commit=1*off->return",
        // One commit may hold everything.
        "store.commit.before=return",
        "store.commit.after=return",
    ] {
        let (faults, deaths) = crashing(database, count, point, &mut chance).await;
        assert!(deaths > 0, "{point} was never met");
        assert!(faults.is_empty(), "{point}: {faults:?}");
        told.push(format!("{} {deaths} deaths", point.split('=').next().unwrap_or_default()));
    }
    let id = format!("R1-crash-points {database}");
    proof(&id, "aborted before and after each commit: 0 lost, 0 doubled", told.join(", "), true);
}

on_each_database!(the_same_run_without_dedup_is_caught);

/// The check of the ledger can fail: without the dedup it does.
async fn the_same_run_without_dedup_is_caught(database: Kind) {
    let mut chance = Chance::new("webhooks without dedup");
    let sabotage = [("FAILPOINTS", "inbox.dedup=return".to_owned())];
    // Several kills, so that removals are among what is sent again.
    let killed = killed(database, (600, 8), &sabotage, &mut chance).await;
    let faults = killed.faults;
    println!("caught: {faults:?}");
    let caught =
        ["lines of history for", "outbox rows"].iter().all(|what| faults.iter().any(|fault| fault.contains(what)));
    let id = format!("R1-sabotage {database}");
    proof(&id, "with the dedup removed the test fails", format!("{faults:?}"), caught);
    assert!(caught, "doubled effects were not seen: {faults:?}");
}

on_each_database!(a_server_asked_to_stop_under_load_answers_what_it_took_and_ends_in_time);

async fn a_server_asked_to_stop_under_load_answers_what_it_took_and_ends_in_time(database: Kind) {
    let mut chance = Chance::new("webhooks stopped");
    let stops = scaled(20, 3);
    let count = stops * 400;
    let mut play = Play::begin(database, count, &[], &mut chance).await;
    let (mut slowest, mut in_flight, mut held) = (Duration::ZERO, Vec::new(), 0);
    let mut server = play.scene.serve().await;
    play.send();
    for stop in 0..stops {
        let moment = 300 * stop + chance.index(300);
        while play.sender.acknowledged() < moment {
            SystemClock::new().sleep(Duration::from_millis(1)).await;
        }
        in_flight.push(play.sender.in_flight.load(Ordering::SeqCst));
        let clock = SystemClock::new();
        server.terminate().await;
        let status = server.ended(PATIENCE).await;
        assert!(status.success(), "{status}:\n{}", server.log());
        slowest = slowest.max(clock.monotonic());
        held += play.scene.database.held().await;
        server = play.scene.serve().await;
    }
    let broken = play.sender.broken.load(Ordering::SeqCst);
    let faults = play.end(server).await;
    let reached = format!(
        "{stops} stops with {in_flight:?} in flight, the slowest {slowest:.1?}; {broken} broken off, {held} leases and \
         claims held, {faults:?}"
    );
    let ok = slowest <= Duration::from_secs(10) && broken == 0 && held == 0 && faults.is_empty();
    let id = format!("R17 {database}");
    proof(&id, "SIGTERM under load: ended ≤ 10 s, 0 failed in flight, leases handed back", reached, ok);
    assert!(in_flight.iter().all(|count| *count >= 8), "the stops missed: {in_flight:?}");
    assert!(slowest <= Duration::from_secs(50), "{slowest:?}");
    assert_eq!((broken, held, faults), (0, 0, vec![]));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_genuine_is_refused_and_not_kept() {
    let sandbox = Sandbox::builder().locations(1).contacts(3).start().await.unwrap();
    let former = Sandbox::builder().seed(99).locations(1).contacts(3).start().await.unwrap();
    let scene = Scene::new(Kind::Sqlite, sandbox, &[]).await;
    let _server = scene.serve().await;
    let body = json!({"type": "ContactUpdate", "locationId": scene.sandbox.ghl().location_ids()[0], "id": "contact1"});
    let genuine = signed(&scene.sandbox, body.clone(), SystemClock::new().now());
    let stale_key = signed(&former, body, SystemClock::new().now());
    let mut changed = genuine.body.to_vec();
    let place = changed.windows(8).position(|text| text == b"contact1").unwrap() + 7;
    changed[place] = b'2';
    let post = async |headers: &HeaderMap, body: Bytes| {
        let request = scene.http.post(scene.webhooks()).headers(headers.clone()).body(body);
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
