//! Random interleavings of changes on both sides. The shipped worker, inbox, outbox and store do the work; a model of the requested
//! changes only checks the outcome.

use std::{collections::BTreeSet, time::Duration};

use futures_util::{StreamExt, stream};
use provider_sandbox::calcom::WebhookCommand;
use serde_json::json;
use sidecar_core::{Clock, SystemClock, Timestamp};

use crate::harness::{SLOT_MS, Target, TestServer};

/// Bookings of one run, and the locations that share them.
const BOOKINGS: usize = 250;
const LOCATIONS: u32 = 16;
/// Changes of one booking, and slots that only it uses.
const MAX_CHANGES: usize = 8;
/// How long a change waits for the appointment: the webhook of its booking may be lost.
const POLL_INTERVAL: Duration = Duration::from_millis(100);
const MAX_POLLS: u64 = 12;
/// Bookings that change at the same time.
const CONCURRENT_BOOKINGS: usize = 125;

/// A reproducible random number generator (SplitMix64).
struct SeededRng(u64);

impl SeededRng {
    fn below(&mut self, end: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        (mixed ^ (mixed >> 31)) % end
    }
}

/// The changes that were requested for one booking.
#[derive(Debug, Default)]
struct Requested {
    uid: String,
    target: usize,
    /// Starts, in epoch milliseconds.
    starts: BTreeSet<i64>,
    /// It was cancelled at Cal.com, which is final.
    ended: bool,
    /// Its appointment was cancelled or deleted at GHL.
    cancelled_at_ghl: bool,
    deleted: bool,
    changes: usize,
    changes_at_ghl: usize,
}

/// Books, and changes the booking on both sides at random moments.
async fn run_booking(server: &TestServer, seed: u64, number: usize) -> Requested {
    let mut rng = SeededRng(seed ^ (number as u64) << 20);
    let clock = SystemClock::new();
    let mut slots = (number * (MAX_CHANGES + 1)..).take(MAX_CHANGES + 1);
    let mut slot = || slots.next().unwrap();
    let at = number % server.targets.len();
    let target = server.targets[at].clone();
    let first = slot();
    let asks = rng.below(4) == 0;
    let event_type = if asks { target.confirmed_by_host } else { target.event_type };
    let uid = server.book(event_type, first, &format!("guest-{number}"), &json!({}));
    let mut requested = Requested { uid, target: at, starts: [server.slot(first)].into(), ..Requested::default() };
    for _ in 0..rng.below(MAX_CHANGES as u64 + 1) {
        clock.sleep(Duration::from_millis(rng.below(4) * rng.below(120))).await;
        // Every other change waits for the appointment: without it GHL can change nothing.
        let looks = if requested.deleted { 0 } else { rng.below(2) * MAX_POLLS };
        for _ in 0..looks {
            if !server.appointments(&target, &requested.uid).is_empty() {
                break;
            }
            clock.sleep(POLL_INTERVAL).await;
        }
        change(server, &target, &mut rng, &mut requested, &mut slot);
    }
    requested
}

/// Requests one change at Cal.com or GHL, as far as that side allows it now.
fn change(
    server: &TestServer,
    target: &Target,
    rng: &mut SeededRng,
    requested: &mut Requested,
    slot: &mut impl FnMut() -> usize,
) {
    let calcom = server.sandbox.calcom();
    let head = server.latest_uid(&requested.uid);
    let appointment =
        server.appointments(target, &requested.uid).first().map(|one| one["id"].as_str().unwrap().to_owned());
    let written = |start: i64| {
        let at = |ms| Timestamp::from_millis(ms).to_string();
        json!({"startTime": at(start), "endTime": at(start + SLOT_MS), "ignoreFreeSlotValidation": true})
    };
    let which = rng.below(8);
    let done = match (which, appointment) {
        (0..=2, _) => {
            let start = server.slot(slot());
            let moved = calcom.reschedule(&head, start).is_ok();
            requested.starts.extend(moved.then_some(start));
            moved
        }
        (3, _) => {
            let ended = calcom.cancel(&head).is_ok();
            requested.ended |= ended;
            ended
        }
        (4, _) => calcom.confirm(&head).is_ok(),
        (5 | 6, Some(id)) => {
            let start = server.slot(slot());
            let moved = server.sandbox.ghl().update_appointment(&id, &written(start)).is_ok();
            requested.starts.extend(moved.then_some(start));
            moved
        }
        (7, Some(id)) if rng.below(3) == 0 => {
            requested.deleted = server.sandbox.ghl().delete_appointment(&id).is_ok();
            requested.cancelled_at_ghl |= requested.deleted;
            requested.deleted
        }
        (7, Some(id)) => {
            let cancelled = json!({"appointmentStatus": "cancelled"});
            let done = server.sandbox.ghl().update_appointment(&id, &cancelled).is_ok();
            requested.cancelled_at_ghl |= done;
            done
        }
        _ => false,
    };
    requested.changes += usize::from(done);
    requested.changes_at_ghl += usize::from(done && which > 4);
}

/// Checks that both sides are equal, and in a state that was requested.
fn check_outcome(server: &TestServer, requested: &Requested) -> Result<(), String> {
    let target = &server.targets[requested.target];
    let (here, there) = (server.calcom_state(&requested.uid), server.ghl_state(target, &requested.uid));
    let context = format!("{requested:?}: Cal.com has {here:?}, GHL has {there:?}");
    match there {
        Some(there) if here != there => return Err(format!("the sides differ, {context}")),
        // The appointment was deleted at GHL, which cancelled the booking.
        None if !(requested.deleted && here.2 == "cancelled") => {
            return Err(format!("the appointment is missing, {context}"));
        }
        _ => {}
    }
    if !requested.starts.contains(&here.0) {
        return Err(format!("the start was never requested, {context}"));
    }
    let cancelled = here.2 == "cancelled";
    if requested.ended && !cancelled {
        return Err(format!("the booking was cancelled at Cal.com but still exists, {context}"));
    }
    if cancelled && !requested.ended && !requested.cancelled_at_ghl {
        return Err(format!("no cancellation of the booking was requested, {context}"));
    }
    Ok(())
}

async fn run_seed(seed: u64, bookings: usize) -> [usize; 3] {
    let server = TestServer::new(seed, LOCATIONS).await;
    server.wait_until_idle().await;
    let lossy = seed % 2 == 1;
    server.deliver(&WebhookCommand {
        duplicates: Some(1),
        shuffle: Some(true),
        drop_percent: Some(if lossy { 10 } else { 0 }),
        retry_interval_ms: Some(50),
        ..WebhookCommand::default()
    });
    let runs = stream::iter(0..bookings).map(|number| run_booking(&server, seed, number));
    let requested: Vec<Requested> = runs.buffer_unordered(CONCURRENT_BOOKINGS).collect().await;
    server.wait_until_idle().await;
    if lossy {
        // A sync finds the changes whose webhooks were lost.
        server.deliver(&WebhookCommand { drop_percent: Some(0), ..WebhookCommand::default() });
        server.sync().await;
        server.wait_until_idle().await;
    }
    let wrong: Vec<_> = requested.iter().filter_map(|one| check_outcome(&server, one).err()).collect();
    assert!(wrong.is_empty(), "seed {seed}: {} of {bookings}: {:#?}", wrong.len(), &wrong[..wrong.len().min(5)]);
    assert_eq!(server.sandbox.ghl().counts().rejected(), 0, "GHL's limits were respected");
    let writes = server.sandbox.ghl().counts().calls("POST /calendars/events/appointments");
    let recreated = requested.iter().filter(|one| one.deleted).count();
    assert!(
        writes as usize <= bookings + recreated,
        "{writes} appointments created for {bookings} bookings, {recreated} of which were deleted"
    );
    // An idle server makes no more requests.
    let before = server.sandbox.calcom().request_count();
    server.wait_until_idle().await;
    assert_eq!(server.sandbox.calcom().request_count(), before);
    server.stop().await;
    let sum = |of: fn(&Requested) -> usize| requested.iter().map(of).sum();
    [bookings, sum(|one| one.changes), sum(|one| one.changes_at_ghl)]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn both_sides_become_equal_after_any_interleaving_of_changes() {
    let full = std::env::var("SIDECAR_TESTS").is_ok_and(|value| value == "full");
    let seeds = if full { 40 } else { 2 };
    let mut all = [0; 3];
    for seed in 0..seeds {
        let totals = Box::pin(run_seed(seed, BOOKINGS)).await;
        all = std::array::from_fn(|at| all[at] + totals[at]);
    }
    let [bookings, changes, ghl_state] = all;
    println!(
        "{bookings} interleavings with {changes} changes after the bookings were created, {ghl_state} of them at GHL: 0 differ when idle"
    );
}
