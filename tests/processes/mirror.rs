//! Bookings of Cal.com and their appointments at GHL (R15): one each, in the end the same, however often an answer is lost or the
//! server is killed.

use std::{collections::BTreeMap, time::Duration};

use futures_util::{StreamExt, stream};
use http::Method;
use provider_sandbox::{
    Sandbox,
    calcom::{Attendee, WebhookCommand},
    ghl::{Fault, FaultRule},
};
use serde_json::{Value, json};
use sidecar_core::{Clock, SystemClock, Timestamp};
use sidecar_tests::{Chance, Kind, ORGANIZATION, on_each_database, proof, scaled};

use crate::server::{PATIENCE, Scene};

/// A quarter of an hour, in milliseconds.
const LENGTH: i64 = 15 * 60_000;
/// Bookings that live at the same time.
const AT_ONCE: usize = 160;
/// How long everything may take to come to rest after the last change.
const REST: Duration = Duration::from_secs(900);
/// Calls a minute that the account at Cal.com may make.
const CALLS: u32 = 60_000;

/// A location, and the event type whose bookings go to its first calendar.
struct Place {
    location: String,
    event_type: i64,
}

/// A booking, and what it was one after another: start and status at GHL.
struct Life {
    place: usize,
    uid: String,
    was: Vec<(i64, &'static str)>,
}

struct Play {
    scene: Scene,
    places: Vec<Place>,
    first_slot: i64,
}

impl Play {
    async fn begin(kind: Kind, locations: u32) -> Self {
        let sandbox = Sandbox::builder().locations(locations).contacts(1).start().await.unwrap();
        let (ghl, calcom) = (sandbox.ghl(), sandbox.calcom());
        calcom.open_all_hours();
        let limits = provider_sandbox::calcom::LimitRules { per_key: CALLS, ..Default::default() };
        sandbox.control().calcom().set_limits(limits);
        let place = |(number, location): (usize, String)| {
            for appointment in ghl.appointments(&location) {
                // Their times would be taken out of Cal.com's schedule.
                ghl.delete_appointment(appointment["id"].as_str().unwrap()).unwrap();
            }
            Place { event_type: calcom.add_event_type(&format!("quarter-{number}"), 15, false), location }
        };
        let places = ghl.location_ids().into_iter().enumerate().map(place).collect();
        let day = 86_400_000;
        let first_slot = (sandbox.control().now_ms() / day + 1) * day;
        let environment =
            [("CALCOM_ORGANIZATION_ID", ORGANIZATION.to_owned()), ("WEBHOOK_LIMIT_PER_SECOND", "0".to_owned())];
        Self { scene: Scene::new(kind, sandbox, &environment).await, places, first_slot }
    }

    /// Maps the event types to their locations' calendars, and waits until every location is connected.
    async fn connect(&self) {
        let sandbox = &self.scene.sandbox;
        let mapping: BTreeMap<String, Value> = self
            .places
            .iter()
            .map(|place| {
                let calendar = sandbox.ghl().calendar_ids(&place.location).remove(0);
                (place.event_type.to_string(), json!({"locationId": place.location, "calendarId": calendar}))
            })
            .collect();
        self.ask(Method::PUT, "integrations/calcom", json!({"mapping": mapping, "callsPerMinute": CALLS})).await;
        self.ask(Method::POST, "sync", json!({})).await;
        let clock = SystemClock::new();
        let connected = "SELECT count(*) FROM tokens WHERE resource LIKE 'ghl:location:%' AND sealed IS NOT NULL";
        while self.scene.count(connected).await < self.places.len() as i64 || !self.is_at_rest().await {
            assert!(clock.monotonic() < PATIENCE, "the locations are not connected");
            clock.sleep(Duration::from_millis(50)).await;
        }
        sandbox.ghl().set_webhook_url(self.scene.webhooks());
        let calcom = sandbox.calcom();
        calcom.subscribe(&format!("{}/api/webhooks/calcom", self.scene.url()), calcom.webhook_secret());
        sandbox
            .control()
            .calcom()
            .update_webhooks(&WebhookCommand { retry_interval_ms: Some(200), ..WebhookCommand::default() });
    }

    async fn ask(&self, method: Method, path: &str, body: Value) {
        let url = format!("{}/api/organizations/{ORGANIZATION}/{path}", self.scene.url());
        let request =
            self.scene.http.request(method, url).bearer_auth("operator").header("content-type", "application/json");
        let answer = request.body(body.to_string()).send().await.unwrap();
        assert!(answer.status().is_success(), "{}", answer.text().await.unwrap());
    }

    fn slot(&self, number: usize) -> i64 {
        // Some of each day is left free, so that no two days touch.
        let (day, quarter) = (number / 90, number % 90);
        self.first_slot + i64::try_from(day * 96 + quarter).unwrap() * LENGTH
    }

    /// Waits a while, most times for the booking's appointment to be there and then some milliseconds.
    async fn wait(&self, place: usize, uid: &str, dice: usize) {
        let clock = SystemClock::new();
        while !dice.is_multiple_of(4) && self.appointments(place, uid).is_empty() && clock.monotonic() < PATIENCE {
            clock.sleep(Duration::from_millis(250)).await;
        }
        clock.sleep(Duration::from_millis(dice as u64)).await;
    }

    /// The appointments at GHL that were made for the booking.
    fn appointments(&self, place: usize, uid: &str) -> Vec<Value> {
        let mark = format!("Cal.com booking {uid}");
        let all = self.scene.sandbox.ghl().appointments(&self.places[place].location);
        all.into_iter().filter(|one| one["notes"].as_str() == Some(&mark)).collect()
    }

    /// Somebody books, perhaps moves it, and perhaps cancels.
    async fn live(&self, number: usize, dice: [usize; 4]) -> Life {
        let calcom = self.scene.sandbox.calcom();
        let place = number % self.places.len();
        let guest = Attendee::new(format!("Guest {number}"), format!("guest-{number}@example.com"));
        let start = self.slot(number * 2);
        let booked = calcom.book(self.places[place].event_type, start, &guest, &json!({})).unwrap();
        let uid = booked["uid"].as_str().unwrap().to_owned();
        let mut life = Life { place, uid: uid.clone(), was: vec![(start, "confirmed")] };
        let mut head = uid;
        if dice[0] < 6 {
            self.wait(place, &life.uid, dice[2]).await;
            let start = self.slot(number * 2 + 1);
            let moved = calcom.reschedule(&head, start).unwrap();
            moved["uid"].as_str().unwrap().clone_into(&mut head);
            life.was.push((start, "confirmed"));
        }
        if dice[1] < 4 {
            self.wait(place, &life.uid, dice[3]).await;
            calcom.cancel(&head).unwrap();
            let (start, _) = *life.was.last().unwrap();
            life.was.push((start, "cancelled"));
        }
        life
    }

    async fn is_at_rest(&self) -> bool {
        let open =
            "SELECT (SELECT count(*) FROM inbox WHERE state = 0) + (SELECT count(*) FROM outbox WHERE state = 0)";
        self.scene.count(open).await == 0
    }

    /// Waits until nothing is under way; what was never delivered is found by copying.
    async fn rest(&self) {
        let clock = SystemClock::new();
        for _ in 0..2 {
            let pending = || {
                let sandbox = &self.scene.sandbox;
                sandbox.ghl().counts().webhooks.pending + sandbox.calcom().counts().webhooks.pending
            };
            while pending() > 0 || !self.is_at_rest().await {
                assert!(clock.monotonic() < REST, "it does not come to rest");
                clock.sleep(Duration::from_millis(100)).await;
            }
            let passes = "SELECT count(*) FROM syncs WHERE source = 'CALCOM_BOOKINGS' AND next_run_at <= ";
            self.ask(Method::POST, "sync", json!({})).await;
            loop {
                let due = format!("{passes}{}", SystemClock::new().now().as_micros());
                if self.scene.count(&due).await == 0 && self.is_at_rest().await {
                    break;
                }
                clock.sleep(Duration::from_millis(100)).await;
            }
        }
    }

    /// What is wrong with the booking's appointments.
    fn fault(&self, life: &Life, written: &BTreeMap<String, Vec<(i64, String)>>) -> Option<String> {
        let found = self.appointments(life.place, &life.uid);
        let [one] = &found[..] else { return Some(format!("{} appointments of {}", found.len(), life.uid)) };
        let is = (ms(&one["startTime"]), one["appointmentStatus"].as_str().unwrap_or_default().to_owned());
        let (start, status) = *life.was.last()?;
        if (is.0, is.1.as_str()) != (start, status) {
            return Some(format!("{}: {is:?} instead of {:?}", life.uid, (start, status)));
        }
        // Each state that it was given is a later one of the booking's than the one before.
        let mut rest = life.was.iter();
        let states = written.get(one["id"].as_str()?)?;
        for state in states {
            let is_next = |was: &&(i64, &str)| (was.0, was.1) == (state.0, state.1.as_str());
            if rest.clone().next().is_none() || !rest.by_ref().any(|was| is_next(&was)) {
                return Some(format!("{}: out of order, {states:?} of {:?}", life.uid, life.was));
            }
        }
        None
    }

    /// The states that each appointment was given one after another, from GHL's own events.
    fn written(&self) -> BTreeMap<String, Vec<(i64, String)>> {
        let mut written: BTreeMap<String, Vec<(i64, String)>> = BTreeMap::new();
        for delivery in self.scene.sandbox.ghl().deliveries() {
            let body: Value = serde_json::from_slice(delivery.body()).unwrap();
            let Some(id) = body["appointment"]["id"].as_str() else { continue };
            let appointment = &body["appointment"];
            let state = (ms(&appointment["startTime"]), appointment["appointmentStatus"].as_str().unwrap().to_owned());
            let states = written.entry(id.to_owned()).or_default();
            // A write that was repeated because its answer was lost says the same.
            if states.last() != Some(&state) {
                states.push(state);
            }
        }
        written
    }
}

fn ms(time: &Value) -> i64 {
    time.as_str().unwrap().parse::<Timestamp>().unwrap().as_millis()
}

on_each_database!(every_booking_has_one_appointment_in_its_final_state_whoever_dies);

async fn every_booking_has_one_appointment_in_its_final_state_whoever_dies(database: Kind) {
    let mut chance = Chance::new("mirror");
    let (count, kills, locations) = (scaled(5_000, 250), scaled(20, 3), u32::try_from(scaled(50, 16)).unwrap());
    let play = Play::begin(database, locations).await;
    let mut server = play.scene.serve().await;
    play.connect().await;
    let lost = |method: &str| FaultRule {
        method: Some(method.to_owned()),
        path: Some("/calendars/events/appointments".to_owned()),
        fault: Fault::ResetAfter,
        probability: Some(0.1),
        ..FaultRule::default()
    };
    play.scene.sandbox.control().add_faults([lost("POST"), lost("PUT")]);
    let dice: Vec<[usize; 4]> = (0..count).map(|_| [10, 10, 300, 300].map(|end| chance.index(end))).collect();
    let lives = stream::iter(dice.into_iter().enumerate()).map(|(number, dice)| play.live(number, dice));
    let mut lives = std::pin::pin!(lives.buffer_unordered(AT_ONCE));
    let mut lived = Vec::new();
    let mut open_at_kills = Vec::new();
    while let Some(life) = lives.next().await {
        lived.push(life);
        let due = open_at_kills.len() < kills && lived.len() >= (open_at_kills.len() + 1) * count / (kills + 1);
        if due {
            open_at_kills.push(play.scene.count("SELECT count(*) FROM outbox WHERE state = 0").await);
            server.kill().await;
            play.scene.database.time_passes().await;
            server = play.scene.serve().await;
        }
    }
    play.rest().await;
    let ghl = play.scene.sandbox.ghl().counts();
    let calcom = play.scene.sandbox.calcom().counts();
    let written = play.written();
    let mut faults: Vec<String> = lived.iter().filter_map(|life| play.fault(life, &written)).collect();
    let echoes = calcom.calls("POST /v2/bookings/{bookingUid}/reschedule")
        + calcom.calls("POST /v2/bookings/{bookingUid}/cancel")
        + calcom.calls("POST /v2/bookings/{bookingUid}/mark-absent")
        + calcom.calls("PATCH /v2/schedules/{scheduleId}");
    let given_up = play.scene.count("SELECT count(*) FROM outbox WHERE state = 2").await;
    if echoes + u64::try_from(given_up).unwrap() > 0 || ghl.rejected() > 0 {
        faults.push(format!(
            "{echoes} writes at Cal.com, {given_up} tasks given up, {} calls too many at GHL",
            ghl.rejected()
        ));
    }
    let lost = ghl.operations.values().map(|count| count.by_status.get(&0).copied().unwrap_or(0)).sum::<u64>();
    let reached = format!(
        "{count} bookings with {} changes, {kills} kills with {open_at_kills:?} tasks open; {} creates and {} changes sent, {lost} answers lost; {echoes} echoes, faults: {faults:?}",
        lived.iter().map(|life| life.was.len() - 1).sum::<usize>(),
        ghl.calls("POST /calendars/events/appointments"),
        ghl.calls("PUT /calendars/events/appointments/{eventId}"),
    );
    let asked = "5,000 bookings made, moved, cancelled (quick 250), 10 % of GHL's answers lost, 20 kills (3): one appointment each in its final state, 0 echoes, order kept";
    proof(&format!("R15 {database}"), asked, reached, faults.is_empty());
    server.terminate().await;
    assert!(open_at_kills.iter().all(|open| *open > 0), "the kills missed: {open_at_kills:?}");
    assert_eq!(faults, Vec::<String>::new());
}
