//! Copies of bookings: what listings, reads and webhooks make of them.

use calcom_client::{
    CalcomEvent,
    sync::{
        ABSENCES_CHANGED, ABSENT_ATTENDEES, BOOKING, BookingsCursor, BookingsSource, MOVED_FROM, READ_BOOKING,
        webhook_changes,
    },
    webhook::{EventKind, fixtures},
};
use serde_json::{Value, json};
use sidecar_core::{
    OrganizationId, Timestamp,
    record::{Change, ChangeOrigin, ChangeOutcome, Mutation, Resolution, resolve},
    sync::{Lookup as _, PageRequest, Source},
    test_util::ScriptedTransport,
};

use crate::support::{at, client, line};

fn org() -> OrganizationId {
    "org_1".into()
}

/// The changes that an event of this kind makes, with these fields in its payload.
fn changes(kind: &EventKind, fields: &[(&str, Value)]) -> Vec<Change> {
    let fixture = fields.iter().fold(fixtures::of(kind), |fixture, (name, value)| fixture.set(name, value.clone()));
    let event = CalcomEvent::parse(fixture.body().to_string().as_bytes()).unwrap();
    webhook_changes(&event, &org(), Timestamp::EPOCH)
}

fn put(change: &Change) -> Value {
    match &change.mutation {
        Mutation::Put(document) | Mutation::Patch(document) => json!(document),
        Mutation::Delete => Value::Null,
    }
}

fn listed(uid: &str, updated: &str) -> Value {
    json!({
        "uid": uid, "id": 100, "status": "accepted", "title": "Intro", "eventTypeId": 7,
        "start": "2026-12-02T10:00:00.000+01:00", "end": "2026-12-02T10:30:00.000+01:00", "updatedAt": updated,
        "attendees": [{"name": "Ann", "email": "ann@example.com", "displayEmail": "ann@example.com", "timeZone": "UTC", "absent": false}],
        "metadata": {"ghlContactId": "c_1"},
    })
}

fn page(bookings: &[Value], more: bool) -> Value {
    json!({"status": "success", "data": bookings, "pagination": {"hasNextPage": more}})
}

#[tokio::test]
async fn a_listing_goes_on_at_its_last_change_and_stops_at_the_end() {
    let script = ScriptedTransport::new()
        .respond(200, page(&[listed("a", "2026-12-01T10:00:00.000Z"), listed("b", "2026-12-01T11:00:00.000Z")], true))
        .respond(200, page(&[listed("b", "2026-12-01T11:00:00.000Z")], true))
        .respond(200, page(&[], false));
    let (calcom, transport) = client(script);
    let source = BookingsSource::new(calcom, org());
    let (mut cursor, mut seen): (Option<BookingsCursor>, Vec<String>) = (None, Vec::new());
    loop {
        let first = PageRequest::changed_since(at("2026-12-01T09:00:00Z"));
        let read = source.page(PageRequest { cursor: cursor.clone(), ..first }).await.unwrap();
        seen.extend(read.page.items.iter().map(|change| change.key.id.to_string()));
        assert!(read.page.next.is_none() || read.page.next != cursor, "a cursor always moves");
        cursor = read.page.next;
        if cursor.is_none() {
            break;
        }
    }
    assert_eq!(seen, ["a", "b", "b"]);
    let asked: Vec<_> = transport.requests().iter().map(line).collect();
    assert!(asked[0].contains("afterUpdatedAt=2026-12-01T09%3A00%3A00Z"), "{asked:?}");
    assert!(
        asked[1].contains("afterUpdatedAt=2026-12-01T10%3A59%3A59.999Z") && asked[1].contains("skip=0"),
        "{asked:?}"
    );
    assert!(
        asked[2].contains("afterUpdatedAt=2026-12-01T10%3A59%3A59.999Z") && asked[2].contains("skip=1"),
        "{asked:?}"
    );
}

#[tokio::test]
async fn a_listed_booking_is_kept_in_utc_under_its_uid() {
    let (calcom, _) =
        client(ScriptedTransport::new().respond(200, page(&[listed("a", "2026-12-01T10:00:00Z")], false)));
    let read = BookingsSource::new(calcom, org()).page(PageRequest::full()).await.unwrap();
    let change = &read.page.items[0];
    assert_eq!((&*change.key.kind, &*change.key.id, change.version), (BOOKING, "a", at("2026-12-01T10:00:00Z")));
    assert_eq!(
        (change.position, change.refetch_task.as_deref()),
        (Some(at("2026-12-02T09:00:00Z")), Some(READ_BOOKING))
    );
    let document = put(change);
    assert_eq!(
        (&document["start"], &document["end"]),
        (&json!("2026-12-02T09:00:00Z"), &json!("2026-12-02T09:30:00Z"))
    );
    assert_eq!(document["attendees"], json!([{"name": "Ann", "email": "ann@example.com", "timeZone": "UTC"}]));
}

#[tokio::test]
async fn a_booking_that_is_odd_stops_no_listing() {
    let with = |uid: &str, name: &str, value: Value| {
        let mut booking = listed(uid, "2026-12-01T10:00:00Z");
        booking[name] = value;
        booking
    };
    let unknown =
        json!([{"id": "unknown", "name": "unknown", "email": "unknown", "username": "unknown", "timeZone": "unknown"}]);
    let rows = [
        with("a", "hosts", unknown.clone()),
        with("b", "duration", json!("half an hour")),
        with("c", "uid", Value::Null),
        with("d", "attendees", json!([{"id": "guest", "email": "ann@example.com", "absent": true}])),
        with("f", "attendees", json!("nobody")),
        listed("e", "2026-12-01T11:00:00Z"),
    ];
    let script = ScriptedTransport::new().respond(200, page(&rows, true)).respond(200, page(&[json!("?")], true));
    let (calcom, transport) = client(script.respond(200, page(&[], false)));
    let source = BookingsSource::new(calcom, org());
    let read = source.page(PageRequest::full()).await.unwrap();
    let kept: Vec<_> = read.page.items.iter().map(|change| (change.key.id.to_string(), put(change))).collect();
    assert_eq!(kept.iter().map(|(uid, _)| uid.as_str()).collect::<Vec<_>>(), ["a", "b", "d", "f", "e"]);
    assert_eq!(kept[0].1["hosts"], unknown);
    assert_eq!((&kept[1].1["duration"], &kept[1].1["title"]), (&json!("half an hour"), &json!("Intro")));
    assert_eq!(kept[2].1["start"], "2026-12-02T09:00:00Z");
    assert_eq!(kept[2].1[ABSENT_ATTENDEES], json!(["ann@example.com"]));
    assert_eq!((&kept[3].1["attendees"], kept[3].1.get(ABSENT_ATTENDEES)), (&json!("nobody"), None));
    let read = source.page(PageRequest { cursor: read.page.next, ..PageRequest::full() }).await.unwrap();
    assert_eq!(read.page.items, [], "nothing of this page can be read");
    assert_eq!(
        source.page(PageRequest { cursor: read.page.next, ..PageRequest::full() }).await.unwrap().page.next,
        None
    );
    assert!(line(&transport.requests()[2]).contains("skip=1"), "the listing goes on behind it");
}

#[tokio::test]
async fn a_listing_that_promises_more_and_has_nothing_ends() {
    let (calcom, _) = client(ScriptedTransport::new().respond(200, page(&[], true)));
    assert_eq!(BookingsSource::new(calcom, org()).page(PageRequest::full()).await.unwrap().page.next, None);
}

#[tokio::test]
async fn a_booking_that_is_odd_can_be_read_by_its_uid() {
    let mut odd = listed("a", "2026-12-01T10:00:00Z");
    odd["eventTypeId"] = json!("intro");
    odd["hosts"] = json!([{"id": "unknown", "email": "unknown"}]);
    let (calcom, _) = client(ScriptedTransport::new().respond(200, json!({"status": "success", "data": odd})));
    let change = BookingsSource::new(calcom, org()).lookup("a", 3).await.unwrap();
    assert_eq!(put(&change)["hosts"][0]["email"], "unknown");
    assert_eq!((&put(&change)["eventTypeId"], &put(&change)["title"]), (&json!("intro"), &json!("Intro")));
}

#[tokio::test]
async fn a_booking_that_is_gone_is_deleted_and_a_series_gives_the_one_that_was_asked_for() {
    let gone = json!({"status": "error", "error": {"code": "NotFoundException", "message": "not found"}});
    let series = json!({"status": "success", "data": [listed("a", "2026-12-01T10:00:00Z"), listed("b", "2026-12-01T10:00:00Z")]});
    let (calcom, _) = client(ScriptedTransport::new().respond(404, gone).respond(200, series));
    let source = BookingsSource::new(calcom, org());
    assert_eq!(source.lookup("a", 3).await.unwrap().mutation, Mutation::Delete);
    let change = source.lookup("b", 3).await.unwrap();
    assert_eq!((&*change.key.id, change.origin), ("b", ChangeOrigin::Read { revision: 3 }));
}

#[tokio::test]
async fn a_webhook_and_a_listing_of_the_same_state_need_no_read_to_agree() {
    let fields = [
        ("uid", json!("a")),
        ("bookingId", json!(100)),
        ("eventTypeId", json!(7)),
        ("title", json!("Intro")),
        ("startTime", json!("2026-12-02T09:00:00+00:00")),
        ("endTime", json!("2026-12-02T09:30:00Z")),
        ("status", json!("ACCEPTED")),
        ("price", json!(0)),
        (
            "attendees",
            json!([{"name": "Ann", "email": "ann@example.com", "timeZone": "UTC", "phoneNumber": null, "utcOffset": 60}]),
        ),
        ("metadata", json!({"ghlContactId": "c_1"})),
    ];
    let told = changes(&EventKind::BookingCreated, &fields);
    let Resolution::Write(stored, ChangeOutcome::Inserted) = resolve(None, &told[0]) else { panic!("a new booking") };
    let updated = (told[0].version + std::time::Duration::from_secs(1)).to_string();
    let (calcom, _) = client(ScriptedTransport::new().respond(200, page(&[listed("a", &updated)], false)));
    let read = BookingsSource::new(calcom, org()).page(PageRequest::full()).await.unwrap();
    let decided = resolve(Some(&stored), &read.page.items[0]);
    assert!(matches!(decided, Resolution::Write(_, ChangeOutcome::Updated)), "{decided:?}");
}

#[test]
fn a_move_changes_the_new_booking_and_the_one_it_took_the_place_of() {
    let moved = changes(&EventKind::BookingRescheduled, &[("uid", json!("new")), ("rescheduleUid", json!("old"))]);
    let [new, old] = &moved[..] else { panic!("{moved:?}") };
    assert_eq!((&*new.key.id, &put(new)["rescheduledFromUid"]), ("new", &json!("old")));
    assert_eq!(&*old.key.id, "old");
    assert_eq!(put(old), json!({"uid": "old", "status": "cancelled", "rescheduledToUid": "new"}));
}

#[test]
fn a_booking_says_whether_it_took_the_place_of_another_as_far_as_its_event_knows() {
    let told = |kind: &EventKind, fields: &[(&str, Value)]| put(&changes(kind, fields)[0]).get(MOVED_FROM).cloned();
    let accepted = [("status", json!("ACCEPTED")), ("requiresConfirmation", Value::Null)];
    assert_eq!(told(&EventKind::BookingCreated, &accepted), Some(Value::Null));
    let confirmed = [("status", json!("ACCEPTED")), ("requiresConfirmation", json!(true))];
    assert_eq!(told(&EventKind::BookingCreated, &confirmed), None, "a moved request is confirmed as a new booking");
    assert_eq!(told(&EventKind::BookingRequested, &[]), None);
    assert_eq!(told(&EventKind::BookingCancelled, &[]), None);
}

#[test]
fn endings_tell_their_status_and_no_metadata() {
    for (kind, status) in [(EventKind::BookingCancelled, "cancelled"), (EventKind::BookingRejected, "rejected")] {
        let ended = put(&changes(&kind, &[("metadata", json!({"a": "b"})), ("status", Value::Null)])[0]);
        assert_eq!((&ended["status"], ended.get("metadata")), (&json!(status), None));
    }
}

#[test]
fn a_booking_that_has_to_be_paid_waits_until_it_is() {
    let status = |kind: &EventKind| {
        put(&changes(kind, &[("price", json!(5000)), ("status", json!("ACCEPTED"))])[0])["status"].clone()
    };
    assert_eq!(status(&EventKind::BookingCreated), "pending");
    assert_eq!(status(&EventKind::BookingPaymentInitiated), "pending");
    assert_eq!(status(&EventKind::BookingPaid), "accepted");
}

#[test]
fn what_happens_to_a_booking_with_a_price_does_not_say_whether_it_is_paid() {
    let told = |kind: &EventKind, fields: &[(&str, Value)]| {
        let fields: Vec<_> =
            [("price", json!(5000)), ("status", json!("ACCEPTED"))].iter().chain(fields).cloned().collect();
        put(&changes(kind, &fields)[0]).get("status").cloned()
    };
    for kind in [EventKind::BookingRescheduled, EventKind::BookingLocationUpdated, EventKind::BookingReassigned] {
        assert_eq!(told(&kind, &[]), None, "{kind}");
        assert_eq!(told(&kind, &[("price", json!(0))]), Some(json!("accepted")), "{kind}");
    }
    let confirmed = ("requiresConfirmation", json!(true));
    assert_eq!(told(&EventKind::BookingCreated, &[confirmed]), None, "it was paid before the host saw it");
    assert_eq!(told(&EventKind::BookingRequested, &[("status", json!("PENDING"))]), Some(json!("pending")));
    assert_eq!(told(&EventKind::BookingCancelled, &[]), Some(json!("cancelled")));
}

/// The change of an event that says these of attendees.
fn absences(told: &[(&str, bool)]) -> Change {
    let attendees: Value = told.iter().map(|(email, absent)| json!({"email": email, "noShow": absent})).collect();
    let fields = [("bookingUid", json!("a")), ("attendees", attendees)];
    changes(&EventKind::BookingNoShowUpdated, &fields).remove(0)
}

#[test]
fn who_did_not_come_is_told_at_once_and_read() {
    let told = absences(&[("ann@example.com", true)]);
    let at = told.version.to_string();
    assert_eq!(put(&told), json!({"uid": "a", ABSENT_ATTENDEES: ["ann@example.com"], ABSENCES_CHANGED: at}));
    assert_eq!(told.on_change.as_deref(), Some(READ_BOOKING));
    let others = changes(&EventKind::BookingCreated, &[]).remove(0);
    assert_eq!(others.on_change, None);
}

#[test]
fn who_came_after_all_makes_nobody_else_present() {
    for named in [&[("ann@example.com", false)][..], &[("ann@example.com", true), ("bo@example.com", false)], &[]] {
        let told = absences(named);
        assert_eq!(put(&told), json!({"uid": "a", ABSENCES_CHANGED: told.version.to_string()}));
        assert_eq!(told.on_change.as_deref(), Some(READ_BOOKING));
    }
}

#[tokio::test]
async fn an_absence_that_was_told_near_a_read_is_read_again_and_the_read_settles_it() {
    let mut both = listed("a", "2026-12-01T10:00:00Z");
    both["attendees"] =
        json!([{"email": "ann@example.com", "absent": true}, {"email": "bo@example.com", "absent": true}]);
    let answer = json!({"status": "success", "data": both});
    let (calcom, _) = client(ScriptedTransport::new().respond(200, answer.clone()).respond(200, answer));
    let source = BookingsSource::new(calcom, org());
    let Resolution::Write(stored, _) = resolve(None, &source.lookup("a", 0).await.unwrap()) else {
        panic!("a new booking")
    };
    let told = Change { version: stored.version, ..absences(&[("ann@example.com", true)]) };
    assert_eq!(resolve(Some(&stored), &told), Resolution::Refetch);

    let later = Change { version: stored.version + std::time::Duration::from_secs(60), ..told };
    let Resolution::Write(untold, _) = resolve(Some(&stored), &later) else { panic!("it is newer") };
    assert!(untold.doc.contains_key(ABSENCES_CHANGED));
    let read = source.lookup("a", untold.revision).await.unwrap();
    let Resolution::Write(settled, _) = resolve(Some(&untold), &read) else { panic!("a read settles") };
    assert_eq!(settled.doc[ABSENT_ATTENDEES], json!(["ann@example.com", "bo@example.com"]));
    assert!(!settled.doc.contains_key(ABSENCES_CHANGED));
}

#[test]
fn a_meeting_that_ended_tells_when() {
    let end = json!("2026-12-01T10:00:00Z");
    let told = changes(&EventKind::MeetingEnded, &[("uid", json!("a")), ("endTime", end.clone())]);
    assert_eq!((put(&told[0]), told[0].version), (json!({"uid": "a", "end": end}), at("2026-12-01T10:00:00Z")));
}

#[test]
fn events_of_other_things_change_no_booking() {
    for kind in [EventKind::OooCreated, EventKind::FormSubmitted, EventKind::Ping, EventKind::MeetingStarted] {
        assert_eq!(changes(&kind, &[]), [], "{kind}");
    }
}
