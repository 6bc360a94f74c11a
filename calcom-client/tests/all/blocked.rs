//! Blocking times with every strategy, and unblocking them.

use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use calcom_client::{
    CalcomClient, CalcomErrorExt, CalcomErrorReason,
    blocking::{BlockHandle, BlockStrategy, BlockedSlot},
    bookings::{NewAttendee, REFERENCE},
    model::{Availability, DateOverride, Schedule, Weekday},
};
use proptest::prelude::*;
use serde_json::{Value, json};
use sidecar_core::{
    ErrorKind, SystemClock, Timestamp,
    http::{Body, HttpRequest, HttpResponse, Transport, TransportError},
    lease::LeaseStore,
    test_util::ScriptedTransport,
    token::MemoryStore,
};

use crate::support::{at, client, fixture, request_line};

/// A fake provider with one schedule, which can be read and changed.
#[derive(Debug)]
struct FakeProvider {
    schedule: Mutex<Value>,
    patches: Mutex<u32>,
}

#[async_trait]
impl Transport for FakeProvider {
    async fn send(&self, request: HttpRequest) -> Result<HttpResponse, TransportError> {
        let (head, body) = request.into_parts();
        let body = body.collect(1 << 20).await?;
        // Lets other tasks run in between, so that a read and write without a lock loses an update.
        tokio::task::yield_now().await;
        if head.method == http::Method::PATCH {
            let change: Value = serde_json::from_slice(&body).unwrap();
            self.schedule.lock().unwrap()["overrides"] = change["overrides"].clone();
            *self.patches.lock().unwrap() += 1;
        }
        let response = json!({"status": "success", "data": *self.schedule.lock().unwrap()});
        tokio::task::yield_now().await;
        Ok(http::Response::new(Body::Bytes(response.to_string().into())))
    }
}

struct Harness {
    provider: Arc<FakeProvider>,
    calcom: CalcomClient,
}

impl Harness {
    fn new(time_zone: &str, overrides: Value) -> Self {
        Self::with(time_zone, overrides, None)
    }

    fn with(time_zone: &str, overrides: Value, leases: Option<Arc<dyn LeaseStore>>) -> Self {
        let mut schedule = fixture!("schedule")["data"].take();
        schedule["timeZone"] = json!(time_zone);
        schedule["overrides"] = overrides;
        let provider = Arc::new(FakeProvider { schedule: Mutex::new(schedule), patches: Mutex::default() });
        let calcom = Self::client(&provider, leases);
        Self { provider, calcom }
    }

    fn client(provider: &Arc<FakeProvider>, leases: Option<Arc<dyn LeaseStore>>) -> CalcomClient {
        let builder = CalcomClient::builder()
            .api_key("cal_x".to_owned())
            .transport(provider.clone())
            .clock(SystemClock::shared())
            .rate_limit(calcom_client::RateLimitPolicy::API_KEY.per_minute(600_000).burst(10_000));
        match leases {
            Some(leases) => builder.leases(leases),
            None => builder,
        }
        .build()
        .unwrap()
    }

    fn overrides(&self) -> Value {
        let mut overrides = self.provider.schedule.lock().unwrap()["overrides"].as_array().unwrap().clone();
        overrides.sort_by_key(Value::to_string);
        json!(overrides)
    }

    fn patches(&self) -> u32 {
        *self.provider.patches.lock().unwrap()
    }
}

fn date_override(date: &str, start: &str, end: &str) -> Value {
    json!({"date": date, "startTime": start, "endTime": end})
}

fn slot(start: &str, end: &str) -> BlockedSlot {
    BlockedSlot::new(at(start), at(end))
}

#[tokio::test]
async fn a_time_is_removed_from_the_default_schedule_and_restored() {
    let harness = Harness::new("Europe/Berlin", json!([date_override("2026-12-24", "09:00", "12:00")]));
    // A Wednesday, 10:00 to 11:30 in Berlin.
    let handles =
        harness.calcom.create_blocked_slots([slot("2026-12-02T09:00:00Z", "2026-12-02T10:30:00Z")]).await.unwrap();
    let unrelated = date_override("2026-12-24", "09:00", "12:00");
    assert_eq!(
        harness.overrides(),
        json!([
            date_override("2026-12-02", "09:00", "10:00"),
            date_override("2026-12-02", "11:30", "17:00"),
            unrelated
        ])
    );
    let stored = serde_json::to_string(&handles).unwrap();
    assert_eq!(
        stored,
        r#"[{"kind":"schedule_override","schedule":3,"removed":[{"date":"2026-12-02","hours":["10:00-11:30"],"overridden":false}]}]"#
    );
    let [handle]: [BlockHandle; 1] = serde_json::from_str(&stored).unwrap();
    harness.calcom.unblock(handle.clone()).await.unwrap();
    assert_eq!(harness.overrides(), json!([unrelated]), "the weekly hours apply again");
    harness.calcom.unblock(handle).await.unwrap();
    assert_eq!(harness.patches(), 2, "unblocking a free time changes nothing");
}

#[tokio::test]
async fn whole_days_days_with_overrides_and_days_off_are_restored() {
    let harness = Harness::new(
        "UTC",
        json!([date_override("2026-12-02", "08:00", "10:00"), date_override("2026-12-03", "00:00", "00:00")]),
    );
    let slots = [
        slot("2026-12-01T00:00:00Z", "2026-12-02T09:00:00Z"),
        slot("2026-12-03T00:00:00Z", "2026-12-04T00:00:00Z"),
        slot("2026-12-05T10:00:00Z", "2026-12-05T11:00:00Z"),
    ];
    let handles = harness.calcom.create_blocked_slots(slots).await.unwrap();
    assert_eq!(harness.patches(), 1, "one change for all blocks");
    assert_eq!(
        harness.overrides(),
        json!([
            date_override("2026-12-01", "00:00", "00:00"),
            date_override("2026-12-02", "09:00", "10:00"),
            date_override("2026-12-03", "00:00", "00:00"),
        ])
    );
    for handle in handles {
        harness.calcom.unblock(handle).await.unwrap();
    }
    assert_eq!(
        harness.overrides(),
        json!([date_override("2026-12-02", "08:00", "10:00"), date_override("2026-12-03", "00:00", "00:00")]),
        "the previous overrides are restored"
    );
}

#[tokio::test]
async fn overlapping_blocks_are_unblocked_in_any_order_given_both_handles() {
    let both =
        [slot("2026-12-02T10:00:00Z", "2026-12-02T12:00:00Z"), slot("2026-12-02T11:00:00Z", "2026-12-02T13:00:00Z")];
    for first in [0, 1] {
        let harness = Harness::new("UTC", json!([]));
        let mut handles = harness.calcom.create_blocked_slots(both.clone()).await.unwrap();
        assert_eq!(
            harness.overrides(),
            json!([date_override("2026-12-02", "09:00", "10:00"), date_override("2026-12-02", "13:00", "17:00")])
        );
        let gone = handles.remove(first);
        harness.calcom.unblock(gone).with_existing_blocks(handles.clone()).await.unwrap();
        let left = match first {
            0 => json!([date_override("2026-12-02", "09:00", "11:00"), date_override("2026-12-02", "13:00", "17:00")]),
            _ => json!([date_override("2026-12-02", "09:00", "10:00"), date_override("2026-12-02", "12:00", "17:00")]),
        };
        assert_eq!(harness.overrides(), left);
        harness.calcom.unblock(handles.remove(0)).await.unwrap();
        assert_eq!(harness.overrides(), json!([]));
    }
}

#[tokio::test]
async fn either_of_two_blocks_of_the_same_time_can_be_unblocked_first() {
    let hour = || slot("2026-12-02T10:00:00Z", "2026-12-02T11:00:00Z");
    for first in [0, 1] {
        let harness = Harness::new("UTC", json!([]));
        let mut handles = harness.calcom.create_blocked_slots([hour(), hour()]).await.unwrap();
        assert_eq!(handles[0], handles[1]);
        let blocked = harness.overrides();
        let gone = handles.remove(first);
        harness.calcom.unblock(gone).with_existing_blocks(handles.clone()).await.unwrap();
        assert_eq!(harness.overrides(), blocked, "the other block still applies");
        harness.calcom.unblock(handles.remove(0)).await.unwrap();
        assert_eq!(harness.overrides(), json!([]));
    }
    let harness = Harness::new("UTC", json!([]));
    let both = harness.calcom.create_blocked_slots([hour(), hour()]).await.unwrap();
    harness.calcom.unblock_all(both).await.unwrap();
    assert_eq!(harness.overrides(), json!([]), "both at once");
}

#[tokio::test]
async fn many_blocks_are_unblocked_by_one_change_except_for_overlaps() {
    let harness = Harness::new("UTC", json!([]));
    let slots = [(10, 12), (11, 13), (15, 16)]
        .map(|(from, to)| slot(&format!("2026-12-02T{from}:00:00Z"), &format!("2026-12-02T{to}:00:00Z")));
    let mut handles = harness.calcom.create_blocked_slots(slots).await.unwrap();
    let other = handles.remove(1);
    harness.calcom.unblock_all(handles).with_existing_blocks([other.clone()]).await.unwrap();
    assert_eq!(
        harness.overrides(),
        json!([date_override("2026-12-02", "09:00", "11:00"), date_override("2026-12-02", "13:00", "17:00")])
    );
    assert_eq!(harness.patches(), 2, "one change for blocking, one for unblocking");
    harness.calcom.unblock_all([other]).await.unwrap();
    assert_eq!(harness.overrides(), json!([]));
    harness.calcom.unblock_all([]).await.unwrap();
    assert_eq!(harness.patches(), 3);
}

#[tokio::test]
async fn concurrent_blocks_are_all_applied() {
    let harness = Harness::new("UTC", json!([]));
    let blocks = (1..=20).map(|day| {
        let calcom = harness.calcom.clone();
        let block = slot(&format!("2026-12-{day:02}T10:00:00Z"), &format!("2026-12-{day:02}T11:00:00Z"));
        async move { calcom.create_blocked_slots([block]).await.unwrap() }
    });
    futures_util::future::join_all(blocks).await;
    let weekdays = (1..=20).filter(|day| !matches!(day, 5 | 6 | 12 | 13 | 19 | 20)).count();
    assert_eq!(harness.overrides().as_array().unwrap().len(), weekdays * 2, "{}", harness.overrides());
}

#[tokio::test]
async fn clients_that_share_leases_do_not_lose_each_others_blocks() {
    let leases: Arc<dyn LeaseStore> = Arc::new(MemoryStore::new());
    let harness = Harness::with("UTC", json!([]), Some(leases.clone()));
    let blocks = (0..6).map(|n| {
        // A separate client each, as in separate processes.
        let calcom = Harness::client(&harness.provider, Some(leases.clone()));
        let day = [1, 2, 3, 4, 7, 8][n];
        let block = slot(&format!("2026-12-{day:02}T10:00:00Z"), &format!("2026-12-{day:02}T11:00:00Z"));
        async move { calcom.create_blocked_slots([block]).await.unwrap() }
    });
    futures_util::future::join_all(blocks).await;
    assert_eq!(harness.overrides().as_array().unwrap().len(), 12, "{}", harness.overrides());
}

#[tokio::test(start_paused = true)]
async fn a_schedule_that_another_process_has_leased_is_not_changed() {
    let leases = Arc::new(MemoryStore::new());
    let harness = Harness::with("UTC", json!([]), Some(leases.clone()));
    let key = "calcom:schedule:https://api.cal.com:3";
    let lease = leases.try_acquire(key, "other-process", std::time::Duration::from_secs(600)).await.unwrap();
    assert!(lease.is_some());
    let block = [slot("2026-12-02T10:00:00Z", "2026-12-02T11:00:00Z")];
    let request = harness.calcom.create_blocked_slots(block).deadline(std::time::Duration::from_secs(2));
    let error = request.await.unwrap_err();
    assert_eq!((error.kind(), harness.patches()), (ErrorKind::Store, 0), "{error}");
}

#[tokio::test]
async fn bookings_absences_and_reservations_block_and_are_undone() {
    let (calcom, sent) = client(
        ScriptedTransport::new()
            .respond(201, fixture!("booking"))
            .respond(200, fixture!("booking_cancelled"))
            .respond(201, fixture!("ooo"))
            .respond(200, fixture!("ooo"))
            .respond(201, fixture!("reservation"))
            .respond(200, json!({"status": "success"})),
    );
    let hour = slot("2026-12-02T09:00:00Z", "2026-12-02T10:00:00Z").because("dentist");
    let hold = BlockStrategy::HoldBooking {
        event_type: 8.into(),
        attendee: NewAttendee::new("Blocked", "block@example.com", "UTC"),
    };
    let [handle] =
        <[_; 1]>::try_from(calcom.create_blocked_slots([hour.clone()]).strategy(hold).await.unwrap()).unwrap();
    calcom.unblock(handle).await.unwrap();

    let away = BlockStrategy::OutOfOffice { widen: true };
    let [handle] =
        <[_; 1]>::try_from(calcom.create_blocked_slots([hour.clone()]).strategy(away).await.unwrap()).unwrap();
    assert_eq!(handle, BlockHandle::OutOfOffice { id: 9.into() });
    calcom.unblock(handle).await.unwrap();

    let reserve = BlockStrategy::Reservation { event_type: 7.into(), hold: Some(15.into()) };
    let [handle] = <[_; 1]>::try_from(calcom.create_blocked_slots([hour]).strategy(reserve).await.unwrap()).unwrap();
    calcom.unblock(handle).await.unwrap();

    let requests = sent.requests();
    let lines: Vec<_> = requests.iter().map(request_line).collect();
    assert_eq!(
        lines,
        [
            "POST /v2/bookings",
            "POST /v2/bookings/bk_1/cancel",
            "POST /v2/me/ooo",
            "DELETE /v2/me/ooo/9",
            "POST /v2/slots/reservations",
            "DELETE /v2/slots/reservations/res_1",
        ]
    );
    let mut booking = requests[0].json();
    let reference = booking["metadata"].as_object_mut().unwrap().remove(REFERENCE).unwrap();
    assert!(reference.as_str().unwrap().starts_with("block-"), "{reference}");
    assert_eq!(
        booking,
        json!({
            "eventTypeId": 8, "start": "2026-12-02T09:00:00Z", "allowConflicts": true, "lengthInMinutes": 60,
            "attendee": {"name": "Blocked", "email": "block@example.com", "timeZone": "UTC"},
            "metadata": {"sidecar_origin": "block", "sidecar_reason": "dentist"},
        })
    );
    assert_eq!(
        requests[2].json(),
        json!({"start": "2026-12-02T00:00:00Z", "end": "2026-12-02T23:59:59Z", "notes": "dentist"})
    );
    assert_eq!(
        requests[4].json(),
        json!({"eventTypeId": 7, "slotStart": "2026-12-02T09:00:00Z", "slotDuration": 60, "reservationDuration": 15})
    );
}

#[tokio::test]
async fn unblocking_a_block_that_no_longer_exists_succeeds() {
    let gone = json!({"status": "error", "error": {"code": "NotFoundException", "message": "not found"}});
    let done = json!({"status": "error", "error": {"code": "BadRequestException", "message": "booking has been cancelled already"}});
    let (calcom, _) = client(ScriptedTransport::new().respond(404, gone).respond(400, done));
    calcom.unblock(BlockHandle::OutOfOffice { id: 9.into() }).await.unwrap();
    calcom.unblock(BlockHandle::Booking { uid: "bk_1".into() }).await.unwrap();
}

#[tokio::test]
async fn if_one_of_several_blocks_fails_the_error_has_the_others() {
    let refused =
        json!({"status": "error", "error": {"code": "ConflictException", "message": "Ooo entry already exists."}});
    let (calcom, _) = client(ScriptedTransport::new().respond(201, fixture!("ooo")).respond(409, refused));
    let days =
        [slot("2026-12-01T00:00:00Z", "2026-12-02T00:00:00Z"), slot("2026-12-03T00:00:00Z", "2026-12-04T00:00:00Z")];
    let away = BlockStrategy::OutOfOffice { widen: false };
    let error = calcom.create_blocked_slots(days).strategy(away).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Conflict);
    let handles = vec![BlockHandle::OutOfOffice { id: 9.into() }];
    assert_eq!(error.problem(), Some(&CalcomErrorReason::PartlyBlocked { handles }));
}

#[tokio::test]
async fn a_block_whose_response_is_lost_can_be_undone() {
    let broken = || TransportError::Broken("reset".into());
    let script = ScriptedTransport::new().respond(200, fixture!("schedule")).fail(broken());
    let (calcom, _) = client(script);
    let block = slot("2026-12-02T09:00:00Z", "2026-12-02T10:00:00Z");
    let strategy = BlockStrategy::ScheduleOverride { schedule: Some(3.into()) };
    let error = calcom.create_blocked_slots([block]).strategy(strategy).await.unwrap_err();
    let Some(CalcomErrorReason::PartlyBlocked { handles }) = error.problem() else { panic!("{error}: no handles") };
    let [BlockHandle::ScheduleOverride { removed, .. }] = handles.as_slice() else { panic!("{handles:?}") };
    assert_eq!(removed[0].date, "2026-12-02");
    assert!(error.may_have_taken_effect());

    let mine = json!({"status": "success", "data": [{"uid": "bk_1", "status": "accepted"}]});
    let (calcom, sent) = client(ScriptedTransport::new().fail(broken()).respond(200, mine));
    let hold = BlockStrategy::HoldBooking { event_type: 8.into(), attendee: NewAttendee::new("B", "b@c.d", "UTC") };
    let block = slot("2026-12-02T09:00:00Z", "2026-12-02T10:00:00Z");
    let error = calcom.create_blocked_slots([block]).strategy(hold).await.unwrap_err();
    assert!(error.may_have_taken_effect(), "a booking without the reference is not accepted: {error}");
    assert_eq!(sent.requests().len(), 2, "the client searched for the booking");
}

#[tokio::test]
async fn invalid_blocks_are_rejected_before_sending() {
    let (calcom, sent) = client(ScriptedTransport::new());
    let hour = slot("2026-12-02T09:00:00Z", "2026-12-02T10:00:00Z");
    let odd = slot("2026-12-02T09:00:00Z", "2026-12-02T09:00:30Z");
    let backwards = slot("2026-12-02T10:00:00Z", "2026-12-02T09:00:00Z");
    let away = BlockStrategy::OutOfOffice { widen: false };
    let reserve = BlockStrategy::Reservation { event_type: 7.into(), hold: None };
    for request in [
        calcom.create_blocked_slots([hour]).strategy(away),
        calcom.create_blocked_slots([odd]).strategy(reserve),
        calcom.create_blocked_slots([backwards]),
    ] {
        let error = request.await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput, "{error}");
    }
    assert!(calcom.create_blocked_slots([]).await.unwrap().is_empty());
    assert!(sent.requests().is_empty());
}

/// Returns whether the schedule is available at this instant, computed independently of the client.
fn is_available(schedule: &Schedule, time: Timestamp) -> bool {
    let zone = jiff::tz::TimeZone::get(schedule.time_zone.as_deref().unwrap()).unwrap();
    let local = zone.to_datetime(jiff::Timestamp::from_microsecond(time.as_micros()).unwrap());
    let clock = format!("{:02}:{:02}", local.hour(), local.minute());
    let date = local.date().to_string();
    let within = |start: &str, end: &str| {
        start <= clock.as_str() && (clock.as_str() < end || end == "00:00" && start != "00:00")
    };
    let overrides: Vec<&DateOverride> = schedule.overrides.iter().flatten().filter(|day| day.date == date).collect();
    if !overrides.is_empty() {
        return overrides.iter().any(|day| within(&day.start_time, &day.end_time));
    }
    let weekday = Weekday::ALL[usize::try_from(local.date().weekday().to_monday_zero_offset()).unwrap()].clone();
    let weekly = schedule.availability.iter().flatten();
    weekly
        .filter(|hours: &&Availability| hours.days.contains(&weekday))
        .any(|hours| within(&hours.start_time, &hours.end_time))
}

/// Returns blocks in minutes after 2026-10-20, across the ends of daylight saving time: blocks of any length, or whole hours of two
/// days, many of which are equal or nested.
fn arbitrary_blocks() -> impl Strategy<Value = Vec<(i64, i64)>> {
    let hours = (24_i64..72, 1_i64..6).prop_map(|(start, length)| (start * 60, length * 60));
    let any = (0_i64..14 * 1_440, 1_i64..3_000);
    prop_oneof![prop::collection::vec(any, 1..5), prop::collection::vec(hours, 2..9)]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]
    #[test]
    fn blocks_remove_only_their_time_and_unblocking_restores_it(
        zone in prop::sample::select(vec!["UTC", "Europe/Berlin", "America/New_York", "Asia/Kolkata", "Pacific/Auckland"]),
        blocks in arbitrary_blocks(),
        order in prop::collection::vec(any::<prop::sample::Index>(), 8),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        runtime.block_on(async {
            let base = at("2026-10-20T00:00:00Z").as_secs();
            let harness = Harness::new(zone, json!([date_override("2026-10-22", "08:00", "20:00"), date_override("2026-10-23", "00:00", "00:00")]));
            let read = || serde_json::from_value::<Schedule>(harness.provider.schedule.lock().unwrap().clone()).unwrap();
            let (before, first) = (read(), harness.overrides());
            let slots = blocks.iter().map(|(start, length)| {
                let start = base + start * 60;
                BlockedSlot::new(Timestamp::from_secs(start), Timestamp::from_secs(start + length * 60))
            });
            // Exactly the times of the blocks are not available.
            let assert_blocked = |blocks: &[(BlockedSlot, BlockHandle)]| {
                let now = read();
                for minute in (0..17 * 1_440).step_by(13) {
                    let time = Timestamp::from_secs(base + minute * 60);
                    if blocks.iter().any(|(slot, _)| slot.start <= time && time < slot.end) {
                        assert!(!is_available(&now, time), "{time} is blocked in {zone}");
                    } else if zone == "UTC" || zone == "Asia/Kolkata" {
                        // Where clocks are set back, both occurrences of a repeated hour are blocked.
                        assert_eq!(is_available(&now, time), is_available(&before, time), "{time} in {zone}");
                    }
                }
            };
            let handles = |blocks: &[(BlockedSlot, BlockHandle)]| blocks.iter().map(|(_, handle)| handle.clone()).collect::<Vec<_>>();
            let mut blocked = Vec::new();
            for slot in slots {
                let blocking = harness.calcom.create_blocked_slots([slot.clone()]).with_existing_blocks(handles(&blocked));
                blocked.push((slot, blocking.await.unwrap().remove(0)));
            }
            assert_blocked(&blocked);
            for next in order {
                if !blocked.is_empty() {
                    let (_, gone) = blocked.remove(next.index(blocked.len()));
                    harness.calcom.unblock(gone).with_existing_blocks(handles(&blocked)).await.unwrap();
                    assert_blocked(&blocked);
                }
            }
            assert_eq!(harness.overrides(), first, "{zone}");
        });
    }
}

#[tokio::test]
async fn a_preview_changes_nothing_and_repeated_blocking_matches_it() {
    let harness = Harness::new("Europe/Berlin", json!([]));
    let slot = || [BlockedSlot::new(at("2026-12-01T09:00:00Z"), at("2026-12-01T10:00:00Z"))];
    let previewed = harness.calcom.create_blocked_slots(slot()).preview().await.unwrap();
    assert_eq!(*harness.provider.patches.lock().unwrap(), 0);
    for _ in 0..2 {
        let blocked =
            harness.calcom.create_blocked_slots(slot()).with_existing_blocks(previewed.clone()).await.unwrap();
        assert_eq!(blocked, previewed);
    }
    assert_eq!(*harness.provider.patches.lock().unwrap(), 1);
    for handle in previewed {
        harness.calcom.unblock(handle).await.unwrap();
    }
    assert_eq!(harness.provider.schedule.lock().unwrap()["overrides"], json!([]));
}
