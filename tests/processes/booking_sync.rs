//! Booking sync (R15): each Cal.com booking ends with one GHL appointment in the same state, although responses are lost and the
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
use sidecar_tests::{DatabaseKind, ORGANIZATION, SeededRng, proof, scaled, test_on_each_database};

use crate::server::{Fixture, WAIT_TIMEOUT};

/// The length of a booking, in milliseconds.
const BOOKING_MS: i64 = 15 * 60_000;
/// Bookings that change concurrently.
const CONCURRENT_BOOKINGS: usize = 160;
/// The time for all pending work after the last change.
const IDLE_TIMEOUT: Duration = Duration::from_secs(900);
/// The rate limit of the Cal.com account.
const CALLS_PER_MINUTE: u32 = 60_000;

/// A location and the event type that is mapped to its first calendar.
struct MappedLocation {
    location: String,
    event_type: i64,
}

/// A booking and its successive states: start and status at GHL.
struct BookingHistory {
    target: usize,
    uid: String,
    states: Vec<(i64, &'static str)>,
}

struct Harness {
    fixture: Fixture,
    targets: Vec<MappedLocation>,
    first_slot: i64,
}

impl Harness {
    async fn new(kind: DatabaseKind, locations: u32) -> Self {
        let sandbox = Sandbox::builder().locations(locations).contacts(1).start().await.unwrap();
        let (ghl, calcom) = (sandbox.ghl(), sandbox.calcom());
        calcom.open_all_hours();
        let limits = provider_sandbox::calcom::LimitRules { per_key: CALLS_PER_MINUTE, ..Default::default() };
        sandbox.control().calcom().set_limits(limits);
        let target = |(number, location): (usize, String)| {
            for appointment in ghl.appointments(&location) {
                // They would block times in Cal.com's schedule.
                ghl.delete_appointment(appointment["id"].as_str().unwrap()).unwrap();
            }
            MappedLocation { event_type: calcom.add_event_type(&format!("quarter-{number}"), 15, false), location }
        };
        let targets = ghl.location_ids().into_iter().enumerate().map(target).collect();
        let day = 86_400_000;
        let first_slot = (sandbox.control().now_ms() / day + 1) * day;
        let environment =
            [("CALCOM_ORGANIZATION_ID", ORGANIZATION.to_owned()), ("WEBHOOK_LIMIT_PER_SECOND", "0".to_owned())];
        Self { fixture: Fixture::new(kind, sandbox, &environment).await, targets, first_slot }
    }

    /// Maps the event types to calendars, and waits until every location is connected.
    async fn connect(&self) {
        let sandbox = &self.fixture.sandbox;
        let mapping: BTreeMap<String, Value> = self
            .targets
            .iter()
            .map(|target| {
                let calendar = sandbox.ghl().calendar_ids(&target.location).remove(0);
                (target.event_type.to_string(), json!({"locationId": target.location, "calendarId": calendar}))
            })
            .collect();
        self.call_api(
            Method::PUT,
            "integrations/calcom",
            json!({"mapping": mapping, "callsPerMinute": CALLS_PER_MINUTE}),
        )
        .await;
        self.call_api(Method::POST, "sync", json!({})).await;
        let clock = SystemClock::new();
        let connected = "SELECT count(*) FROM tokens WHERE resource LIKE 'ghl:location:%' AND sealed IS NOT NULL";
        while self.fixture.count(connected).await < self.targets.len() as i64 || !self.is_idle().await {
            assert!(clock.monotonic() < WAIT_TIMEOUT, "the locations are not connected");
            clock.sleep(Duration::from_millis(50)).await;
        }
        sandbox.ghl().set_webhook_url(self.fixture.webhook_url());
        let calcom = sandbox.calcom();
        calcom.subscribe(&format!("{}/api/webhooks/calcom", self.fixture.url()), calcom.webhook_secret());
        sandbox
            .control()
            .calcom()
            .update_webhooks(&WebhookCommand { retry_interval_ms: Some(200), ..WebhookCommand::default() });
    }

    async fn call_api(&self, method: Method, path: &str, body: Value) {
        let url = format!("{}/api/organizations/{ORGANIZATION}/{path}", self.fixture.url());
        let request =
            self.fixture.http.request(method, url).bearer_auth("operator").header("content-type", "application/json");
        let response = request.body(body.to_string()).send().await.unwrap();
        assert!(response.status().is_success(), "{}", response.text().await.unwrap());
    }

    fn slot(&self, number: usize) -> i64 {
        // Part of each day stays free, so that slots of two days do not touch.
        let (day, quarter) = (number / 90, number % 90);
        self.first_slot + i64::try_from(day * 96 + quarter).unwrap() * BOOKING_MS
    }

    /// Waits `random` ms, in three of four cases after the booking's appointment exists.
    async fn wait(&self, target: usize, uid: &str, random: usize) {
        let clock = SystemClock::new();
        while !random.is_multiple_of(4) && self.appointments(target, uid).is_empty() && clock.monotonic() < WAIT_TIMEOUT
        {
            clock.sleep(Duration::from_millis(250)).await;
        }
        clock.sleep(Duration::from_millis(random as u64)).await;
    }

    /// Returns the GHL appointments tagged with the booking.
    fn appointments(&self, target: usize, uid: &str) -> Vec<Value> {
        let tag = format!("Cal.com booking {uid}");
        let all = self.fixture.sandbox.ghl().appointments(&self.targets[target].location);
        all.into_iter().filter(|one| one["notes"].as_str() == Some(&tag)).collect()
    }

    /// Creates a booking and, depending on the random numbers, reschedules and cancels it.
    async fn run_booking(&self, number: usize, random: [usize; 4]) -> BookingHistory {
        let calcom = self.fixture.sandbox.calcom();
        let target = number % self.targets.len();
        let guest = Attendee::new(format!("Guest {number}"), format!("guest-{number}@example.com"));
        let start = self.slot(number * 2);
        let booked = calcom.book(self.targets[target].event_type, start, &guest, &json!({})).unwrap();
        let uid = booked["uid"].as_str().unwrap().to_owned();
        let mut history = BookingHistory { target, uid: uid.clone(), states: vec![(start, "confirmed")] };
        let mut latest = uid;
        if random[0] < 6 {
            self.wait(target, &history.uid, random[2]).await;
            let start = self.slot(number * 2 + 1);
            let moved = calcom.reschedule(&latest, start).unwrap();
            moved["uid"].as_str().unwrap().clone_into(&mut latest);
            history.states.push((start, "confirmed"));
        }
        if random[1] < 4 {
            self.wait(target, &history.uid, random[3]).await;
            calcom.cancel(&latest).unwrap();
            let (start, _) = *history.states.last().unwrap();
            history.states.push((start, "cancelled"));
        }
        history
    }

    async fn is_idle(&self) -> bool {
        let open =
            "SELECT (SELECT count(*) FROM inbox WHERE state = 0) + (SELECT count(*) FROM outbox WHERE state = 0)";
        self.fixture.count(open).await == 0
    }

    /// Waits until no work is pending, and syncs to recover lost webhooks.
    async fn wait_until_idle(&self) {
        let clock = SystemClock::new();
        for _ in 0..2 {
            let pending = || {
                let sandbox = &self.fixture.sandbox;
                sandbox.ghl().counts().webhooks.pending + sandbox.calcom().counts().webhooks.pending
            };
            while pending() > 0 || !self.is_idle().await {
                assert!(clock.monotonic() < IDLE_TIMEOUT, "work is still pending");
                clock.sleep(Duration::from_millis(100)).await;
            }
            let due_syncs = "SELECT count(*) FROM syncs WHERE source = 'CALCOM_BOOKINGS' AND next_run_at <= ";
            self.call_api(Method::POST, "sync", json!({})).await;
            loop {
                let due = format!("{due_syncs}{}", SystemClock::new().now().as_micros());
                if self.fixture.count(&due).await == 0 && self.is_idle().await {
                    break;
                }
                clock.sleep(Duration::from_millis(100)).await;
            }
        }
    }

    /// Returns the fault of the booking's appointments.
    fn fault(&self, history: &BookingHistory, written: &BTreeMap<String, Vec<(i64, String)>>) -> Option<String> {
        let found = self.appointments(history.target, &history.uid);
        let [one] = &found[..] else { return Some(format!("{} appointments of {}", found.len(), history.uid)) };
        let is = (ms(&one["startTime"]), one["appointmentStatus"].as_str().unwrap_or_default().to_owned());
        let (start, status) = *history.states.last()?;
        if (is.0, is.1.as_str()) != (start, status) {
            return Some(format!("{}: {is:?} instead of {:?}", history.uid, (start, status)));
        }
        // The states written must be a subsequence of those of the booking.
        let mut rest = history.states.iter();
        let states = written.get(one["id"].as_str()?)?;
        for state in states {
            let is_next = |was: &&(i64, &str)| (was.0, was.1) == (state.0, state.1.as_str());
            if rest.clone().next().is_none() || !rest.by_ref().any(|was| is_next(&was)) {
                return Some(format!("{}: out of order, {states:?} of {:?}", history.uid, history.states));
            }
        }
        None
    }

    /// Returns the successive states of each appointment, from GHL's webhooks.
    fn written(&self) -> BTreeMap<String, Vec<(i64, String)>> {
        let mut written: BTreeMap<String, Vec<(i64, String)>> = BTreeMap::new();
        for delivery in self.fixture.sandbox.ghl().deliveries() {
            let body: Value = serde_json::from_slice(delivery.body()).unwrap();
            let Some(id) = body["appointment"]["id"].as_str() else { continue };
            let appointment = &body["appointment"];
            let state = (ms(&appointment["startTime"]), appointment["appointmentStatus"].as_str().unwrap().to_owned());
            let states = written.entry(id.to_owned()).or_default();
            // A write repeated after a lost response has the same state.
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

test_on_each_database!(every_booking_has_one_appointment_in_its_final_state);

async fn every_booking_has_one_appointment_in_its_final_state(database: DatabaseKind) {
    let mut rng = SeededRng::new("booking sync");
    let (count, kills, locations) = (scaled(5_000, 250), scaled(20, 3), u32::try_from(scaled(50, 16)).unwrap());
    let harness = Harness::new(database, locations).await;
    let mut server = harness.fixture.serve().await;
    harness.connect().await;
    let lost = |method: &str| FaultRule {
        method: Some(method.to_owned()),
        path: Some("/calendars/events/appointments".to_owned()),
        fault: Fault::ResetAfter,
        probability: Some(0.1),
        ..FaultRule::default()
    };
    harness.fixture.sandbox.control().add_faults([lost("POST"), lost("PUT")]);
    let random: Vec<[usize; 4]> = (0..count).map(|_| [10, 10, 300, 300].map(|end| rng.index(end))).collect();
    let bookings =
        stream::iter(random.into_iter().enumerate()).map(|(number, random)| harness.run_booking(number, random));
    let mut bookings = std::pin::pin!(bookings.buffer_unordered(CONCURRENT_BOOKINGS));
    let mut histories = Vec::new();
    let mut open_at_kills = Vec::new();
    while let Some(history) = bookings.next().await {
        histories.push(history);
        let due = open_at_kills.len() < kills && histories.len() >= (open_at_kills.len() + 1) * count / (kills + 1);
        if due {
            open_at_kills.push(harness.fixture.count("SELECT count(*) FROM outbox WHERE state = 0").await);
            server.kill().await;
            harness.fixture.database.expire_leases_and_claims().await;
            server = harness.fixture.serve().await;
        }
    }
    harness.wait_until_idle().await;
    let ghl = harness.fixture.sandbox.ghl().counts();
    let calcom = harness.fixture.sandbox.calcom().counts();
    let written = harness.written();
    let mut faults: Vec<String> = histories.iter().filter_map(|history| harness.fault(history, &written)).collect();
    let echoes = calcom.calls("POST /v2/bookings/{bookingUid}/reschedule")
        + calcom.calls("POST /v2/bookings/{bookingUid}/cancel")
        + calcom.calls("POST /v2/bookings/{bookingUid}/mark-absent")
        + calcom.calls("PATCH /v2/schedules/{scheduleId}");
    let dead_letters = harness.fixture.count("SELECT count(*) FROM outbox WHERE state = 2").await;
    if echoes + u64::try_from(dead_letters).unwrap() > 0 || ghl.rejected() > 0 {
        faults.push(format!(
            "{echoes} writes at Cal.com, {dead_letters} dead tasks, {} calls over the limit at GHL",
            ghl.rejected()
        ));
    }
    let lost = ghl.operations.values().map(|count| count.by_status.get(&0).copied().unwrap_or(0)).sum::<u64>();
    let reached = format!(
        "{count} bookings with {} changes, {kills} kills with {open_at_kills:?} tasks open; {} creates and {} changes sent, {lost} responses lost; {echoes} echoes, faults: {faults:?}",
        histories.iter().map(|history| history.states.len() - 1).sum::<usize>(),
        ghl.calls("POST /calendars/events/appointments"),
        ghl.calls("PUT /calendars/events/appointments/{eventId}"),
    );
    let asked = "5,000 bookings created, rescheduled, cancelled (quick 250), 10 % of GHL's responses lost, 20 kills (3): one appointment each in its final state, 0 echoes, states in order";
    proof(&format!("R15 {database}"), asked, reached, faults.is_empty());
    server.terminate().await;
    assert!(open_at_kills.iter().all(|open| *open > 0), "the kills missed: {open_at_kills:?}");
    assert_eq!(faults, Vec::<String>::new());
}
