//! Random interleavings of changes on both sides. The shipped worker, inbox, outbox and store do the work; a model of what was asked
//! for is only the judge.

use std::{collections::BTreeSet, time::Duration};

use futures_util::{StreamExt, stream};
use provider_sandbox::calcom::WebhookCommand;
use serde_json::json;
use sidecar_core::{Clock, SystemClock, Timestamp};

use crate::house::{House, LENGTH, Place};

/// Bookings in a world, and locations that share them.
const BOOKINGS: usize = 250;
const LOCATIONS: u32 = 16;
/// Changes of one booking at most, and as many slots that are its own.
const CHANGES: usize = 8;
/// How often somebody looks for an appointment who waits for it, and how many times: its booking's delivery may be lost.
const LOOK: Duration = Duration::from_millis(100);
const LOOKS: u64 = 12;
/// Bookings that live at the same time.
const AT_ONCE: usize = 125;

/// A generator of random numbers that gives the same ones for the same seed (SplitMix64).
struct Dice(u64);

impl Dice {
    fn below(&mut self, end: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        (mixed ^ (mixed >> 31)) % end
    }
}

/// What was asked for of one booking.
#[derive(Debug, Default)]
struct Asked {
    uid: String,
    place: usize,
    /// Starts, in epoch milliseconds.
    starts: BTreeSet<i64>,
    /// Cal.com was told to end it: that is final.
    ended: bool,
    /// Somebody at GHL cancelled or deleted it.
    cancelled_at_ghl: bool,
    deleted: bool,
    changes: usize,
    changes_at_ghl: usize,
}

/// Books, and changes the booking on both sides at random moments.
async fn live(house: &House, seed: u64, number: usize) -> Asked {
    let mut dice = Dice(seed ^ (number as u64) << 20);
    let clock = SystemClock::new();
    let mut slots = (number * (CHANGES + 1)..).take(CHANGES + 1);
    let mut slot = || slots.next().unwrap();
    let at = number % house.places.len();
    let place = house.places[at].clone();
    let first = slot();
    let asks = dice.below(4) == 0;
    let event_type = if asks { place.asking } else { place.event_type };
    let uid = house.book(event_type, first, &format!("guest-{number}"), &json!({}));
    let mut asked = Asked { uid, place: at, starts: [house.slot(first)].into(), ..Asked::default() };
    for _ in 0..dice.below(CHANGES as u64 + 1) {
        clock.sleep(Duration::from_millis(dice.below(4) * dice.below(120))).await;
        // Every other one only when both sides have it: without an appointment GHL can change nothing.
        let looks = if asked.deleted { 0 } else { dice.below(2) * LOOKS };
        for _ in 0..looks {
            if !house.appointments(&place, &asked.uid).is_empty() {
                break;
            }
            clock.sleep(LOOK).await;
        }
        change(house, &place, &mut dice, &mut asked, &mut slot);
    }
    asked
}

/// One change, at Cal.com or at GHL, as far as that side allows it now.
fn change(house: &House, place: &Place, dice: &mut Dice, asked: &mut Asked, slot: &mut impl FnMut() -> usize) {
    let calcom = house.sandbox.calcom();
    let head = house.head(&asked.uid);
    let appointment = house.appointments(place, &asked.uid).first().map(|one| one["id"].as_str().unwrap().to_owned());
    let written = |start: i64| {
        let at = |ms| Timestamp::from_millis(ms).to_string();
        json!({"startTime": at(start), "endTime": at(start + LENGTH), "ignoreFreeSlotValidation": true})
    };
    let which = dice.below(8);
    let done = match (which, appointment) {
        (0..=2, _) => {
            let start = house.slot(slot());
            let moved = calcom.reschedule(&head, start).is_ok();
            asked.starts.extend(moved.then_some(start));
            moved
        }
        (3, _) => {
            let ended = calcom.cancel(&head).is_ok();
            asked.ended |= ended;
            ended
        }
        (4, _) => calcom.confirm(&head).is_ok(),
        (5 | 6, Some(id)) => {
            let start = house.slot(slot());
            let moved = house.sandbox.ghl().update_appointment(&id, &written(start)).is_ok();
            asked.starts.extend(moved.then_some(start));
            moved
        }
        (7, Some(id)) if dice.below(3) == 0 => {
            asked.deleted = house.sandbox.ghl().delete_appointment(&id).is_ok();
            asked.cancelled_at_ghl |= asked.deleted;
            asked.deleted
        }
        (7, Some(id)) => {
            let cancelled = json!({"appointmentStatus": "cancelled"});
            let done = house.sandbox.ghl().update_appointment(&id, &cancelled).is_ok();
            asked.cancelled_at_ghl |= done;
            done
        }
        _ => false,
    };
    asked.changes += usize::from(done);
    asked.changes_at_ghl += usize::from(done && which > 4);
}

/// Both sides say the same, which is something that was asked for.
fn judge(house: &House, asked: &Asked) -> Result<(), String> {
    let place = &house.places[asked.place];
    let (here, there) = (house.at_calcom(&asked.uid), house.at_ghl(place, &asked.uid));
    let what = format!("{asked:?}: Cal.com says {here:?}, GHL {there:?}");
    match there {
        Some(there) if here != there => return Err(format!("they differ, {what}")),
        // Somebody deleted it, and the booking went with it.
        None if !(asked.deleted && here.2 == "cancelled") => return Err(format!("there is none at GHL, {what}")),
        _ => {}
    }
    if !asked.starts.contains(&here.0) {
        return Err(format!("nobody asked for that time, {what}"));
    }
    let cancelled = here.2 == "cancelled";
    if asked.ended && !cancelled {
        return Err(format!("it was ended, {what}"));
    }
    if cancelled && !asked.ended && !asked.cancelled_at_ghl {
        return Err(format!("nobody cancelled it, {what}"));
    }
    Ok(())
}

async fn world(seed: u64, bookings: usize) -> [usize; 3] {
    let house = House::new(seed, LOCATIONS).await;
    house.rest().await;
    let lossy = seed % 2 == 1;
    house.deliver(&WebhookCommand {
        duplicates: Some(1),
        shuffle: Some(true),
        drop_percent: Some(if lossy { 10 } else { 0 }),
        retry_interval_ms: Some(50),
        ..WebhookCommand::default()
    });
    let lives = stream::iter(0..bookings).map(|number| live(&house, seed, number));
    let asked: Vec<Asked> = lives.buffer_unordered(AT_ONCE).collect().await;
    house.rest().await;
    if lossy {
        // What was never delivered is found by copying.
        house.deliver(&WebhookCommand { drop_percent: Some(0), ..WebhookCommand::default() });
        house.sync().await;
        house.rest().await;
    }
    let wrong: Vec<_> = asked.iter().filter_map(|one| judge(&house, one).err()).collect();
    assert!(wrong.is_empty(), "seed {seed}: {} of {bookings}: {:#?}", wrong.len(), &wrong[..wrong.len().min(5)]);
    assert_eq!(house.sandbox.ghl().counts().rejected(), 0, "no limit of GHL's was broken");
    let writes = house.sandbox.ghl().counts().calls("POST /calendars/events/appointments");
    let again = asked.iter().filter(|one| one.deleted).count();
    assert!(
        writes as usize <= bookings + again,
        "{writes} appointments made for {bookings} bookings, {again} of them again"
    );
    // At rest nothing more is written, however often one looks.
    let before = house.sandbox.calcom().request_count();
    house.rest().await;
    assert_eq!(house.sandbox.calcom().request_count(), before);
    house.stop().await;
    let sum = |of: fn(&Asked) -> usize| asked.iter().map(of).sum();
    [bookings, sum(|one| one.changes), sum(|one| one.changes_at_ghl)]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn both_sides_are_equal_at_rest_whatever_happened_in_whichever_order() {
    let full = std::env::var("SIDECAR_TESTS").is_ok_and(|lane| lane == "full");
    let (worlds, of) = if full { (40, BOOKINGS) } else { (2, BOOKINGS) };
    let mut all = [0; 3];
    for seed in 0..worlds {
        let made = Box::pin(world(seed, of)).await;
        all = std::array::from_fn(|at| all[at] + made[at]);
    }
    let [bookings, changes, at_ghl] = all;
    println!(
        "{bookings} interleavings with {changes} changes beside the bookings themselves, {at_ghl} of them at GHL: 0 differ at rest"
    );
}
