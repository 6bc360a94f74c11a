//! Records of bookings from listings, reads and webhooks.

use calcom_client::{
    CalcomEvent,
    events::{EventKind, fixtures},
    sync::{
        ABSENCES_CHANGED, ABSENT_ATTENDEES, BOOKING, BookingsCursor, BookingsSource, MOVED_FROM, READ_BOOKING,
        webhook_changes,
    },
};
use serde_json::{Value, json};
use sidecar_core::{
    OrganizationId, Timestamp,
    record::{Change, ChangeOrigin, ChangeOutcome, Mutation, Resolution, resolve},
    sync::{Lookup as _, PageRequest, Source},
    test_util::ScriptedTransport,
};

use crate::support::{at, client, request_line};

fn org() -> OrganizationId {
    "org_1".into()
}

/// Returns the changes of an event of this kind with these fields in its payload.
fn changes(kind: &EventKind, fields: &[(&str, Value)]) -> Vec<Change> {
    let fixture = fields.iter().fold(fixtures::of(kind), |fixture, (name, value)| fixture.set(name, value.clone()));
    let event = CalcomEvent::parse(fixture.body().to_string().as_bytes()).unwrap();
    webhook_changes(&event, &org(), Timestamp::EPOCH)
}

/// Returns the fields that a change writes.
fn fields_of(change: &Change) -> Value {
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
async fn a_listing_continues_at_its_last_change_and_stops_at_the_end() {
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
        assert!(read.page.next.is_none() || read.page.next != cursor, "the cursor always advances");
        cursor = read.page.next;
        if cursor.is_none() {
            break;
        }
    }
    assert_eq!(seen, ["a", "b", "b"]);
    let sent: Vec<_> = transport.requests().iter().map(request_line).collect();
    assert!(sent[0].contains("afterUpdatedAt=2026-12-01T09%3A00%3A00Z"), "{sent:?}");
    assert!(sent[1].contains("afterUpdatedAt=2026-12-01T10%3A59%3A59.999Z") && sent[1].contains("skip=0"), "{sent:?}");
    assert!(sent[2].contains("afterUpdatedAt=2026-12-01T10%3A59%3A59.999Z") && sent[2].contains("skip=1"), "{sent:?}");
}

#[tokio::test]
async fn a_listed_booking_is_stored_in_utc_under_its_uid() {
    let (calcom, _) =
        client(ScriptedTransport::new().respond(200, page(&[listed("a", "2026-12-01T10:00:00Z")], false)));
    let read = BookingsSource::new(calcom, org()).page(PageRequest::full()).await.unwrap();
    let change = &read.page.items[0];
    assert_eq!((&*change.key.kind, &*change.key.id, change.version), (BOOKING, "a", at("2026-12-01T10:00:00Z")));
    assert_eq!(
        (change.position, change.refetch_task.as_deref()),
        (Some(at("2026-12-02T09:00:00Z")), Some(READ_BOOKING))
    );
    let document = fields_of(change);
    assert_eq!(
        (&document["start"], &document["end"]),
        (&json!("2026-12-02T09:00:00Z"), &json!("2026-12-02T09:30:00Z"))
    );
    assert_eq!(document["attendees"], json!([{"name": "Ann", "email": "ann@example.com", "timeZone": "UTC"}]));
}

#[tokio::test]
async fn an_invalid_booking_does_not_stop_a_listing() {
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
        with("f", "attendees", json!("no list")),
        listed("e", "2026-12-01T11:00:00Z"),
    ];
    let script = ScriptedTransport::new().respond(200, page(&rows, true)).respond(200, page(&[json!("?")], true));
    let (calcom, transport) = client(script.respond(200, page(&[], false)));
    let source = BookingsSource::new(calcom, org());
    let read = source.page(PageRequest::full()).await.unwrap();
    let stored: Vec<_> = read.page.items.iter().map(|change| (change.key.id.to_string(), fields_of(change))).collect();
    assert_eq!(stored.iter().map(|(uid, _)| uid.as_str()).collect::<Vec<_>>(), ["a", "b", "d", "f", "e"]);
    assert_eq!(stored[0].1["hosts"], unknown);
    assert_eq!((&stored[1].1["duration"], &stored[1].1["title"]), (&json!("half an hour"), &json!("Intro")));
    assert_eq!(stored[2].1["start"], "2026-12-02T09:00:00Z");
    assert_eq!(stored[2].1[ABSENT_ATTENDEES], json!(["ann@example.com"]));
    assert_eq!((&stored[3].1["attendees"], stored[3].1.get(ABSENT_ATTENDEES)), (&json!("no list"), None));
    let read = source.page(PageRequest { cursor: read.page.next, ..PageRequest::full() }).await.unwrap();
    assert_eq!(read.page.items, [], "no row of this page can be parsed");
    assert_eq!(
        source.page(PageRequest { cursor: read.page.next, ..PageRequest::full() }).await.unwrap().page.next,
        None
    );
    assert!(request_line(&transport.requests()[2]).contains("skip=1"), "the listing continues after it");
}

#[tokio::test]
async fn a_listing_ends_at_an_empty_page_even_if_more_are_reported() {
    let (calcom, _) = client(ScriptedTransport::new().respond(200, page(&[], true)));
    assert_eq!(BookingsSource::new(calcom, org()).page(PageRequest::full()).await.unwrap().page.next, None);
}

#[tokio::test]
async fn an_invalid_booking_can_be_read_by_its_uid() {
    let mut odd = listed("a", "2026-12-01T10:00:00Z");
    odd["eventTypeId"] = json!("intro");
    odd["hosts"] = json!([{"id": "unknown", "email": "unknown"}]);
    let (calcom, _) = client(ScriptedTransport::new().respond(200, json!({"status": "success", "data": odd})));
    let change = BookingsSource::new(calcom, org()).lookup("a", 3).await.unwrap();
    assert_eq!(fields_of(&change)["hosts"][0]["email"], "unknown");
    assert_eq!((&fields_of(&change)["eventTypeId"], &fields_of(&change)["title"]), (&json!("intro"), &json!("Intro")));
}

#[tokio::test]
async fn a_lookup_deletes_a_missing_booking_and_selects_one_of_a_series() {
    let gone = json!({"status": "error", "error": {"code": "NotFoundException", "message": "not found"}});
    let series = json!({"status": "success", "data": [listed("a", "2026-12-01T10:00:00Z"), listed("b", "2026-12-01T10:00:00Z")]});
    let (calcom, _) = client(ScriptedTransport::new().respond(404, gone).respond(200, series));
    let source = BookingsSource::new(calcom, org());
    assert_eq!(source.lookup("a", 3).await.unwrap().mutation, Mutation::Delete);
    let change = source.lookup("b", 3).await.unwrap();
    assert_eq!((&*change.key.id, change.origin), ("b", ChangeOrigin::Read { revision: 3 }));
}

#[tokio::test]
async fn a_webhook_and_a_listing_of_the_same_state_need_no_refetch() {
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
    let events = changes(&EventKind::BookingCreated, &fields);
    let Resolution::Write(stored, ChangeOutcome::Inserted) = resolve(None, &events[0]) else { panic!("a new booking") };
    let updated = (events[0].version + std::time::Duration::from_secs(1)).to_string();
    let (calcom, _) = client(ScriptedTransport::new().respond(200, page(&[listed("a", &updated)], false)));
    let read = BookingsSource::new(calcom, org()).page(PageRequest::full()).await.unwrap();
    let resolution = resolve(Some(&stored), &read.page.items[0]);
    assert!(matches!(resolution, Resolution::Write(_, ChangeOutcome::Updated)), "{resolution:?}");
}

#[test]
fn a_rescheduling_changes_the_new_and_the_replaced_booking() {
    let rescheduled =
        changes(&EventKind::BookingRescheduled, &[("uid", json!("new")), ("rescheduleUid", json!("old"))]);
    let [new, old] = &rescheduled[..] else { panic!("{rescheduled:?}") };
    assert_eq!((&*new.key.id, &fields_of(new)["rescheduledFromUid"]), ("new", &json!("old")));
    assert_eq!(&*old.key.id, "old");
    assert_eq!(fields_of(old), json!({"uid": "old", "status": "cancelled", "rescheduledToUid": "new"}));
}

#[test]
fn rescheduled_from_is_set_only_if_the_event_reports_it() {
    let rescheduled_from =
        |kind: &EventKind, fields: &[(&str, Value)]| fields_of(&changes(kind, fields)[0]).get(MOVED_FROM).cloned();
    let accepted = [("status", json!("ACCEPTED")), ("requiresConfirmation", Value::Null)];
    assert_eq!(rescheduled_from(&EventKind::BookingCreated, &accepted), Some(Value::Null));
    let confirmed = [("status", json!("ACCEPTED")), ("requiresConfirmation", json!(true))];
    assert_eq!(rescheduled_from(&EventKind::BookingCreated, &confirmed), None, "possibly a rescheduled request");
    assert_eq!(rescheduled_from(&EventKind::BookingRequested, &[]), None);
    assert_eq!(rescheduled_from(&EventKind::BookingCancelled, &[]), None);
}

#[test]
fn cancellations_and_rejections_set_the_status_and_no_metadata() {
    for (kind, status) in [(EventKind::BookingCancelled, "cancelled"), (EventKind::BookingRejected, "rejected")] {
        let ended = fields_of(&changes(&kind, &[("metadata", json!({"a": "b"})), ("status", Value::Null)])[0]);
        assert_eq!((&ended["status"], ended.get("metadata")), (&json!(status), None));
    }
}

#[test]
fn a_booking_with_a_price_is_pending_until_paid() {
    let status = |kind: &EventKind| {
        fields_of(&changes(kind, &[("price", json!(5000)), ("status", json!("ACCEPTED"))])[0])["status"].clone()
    };
    assert_eq!(status(&EventKind::BookingCreated), "pending");
    assert_eq!(status(&EventKind::BookingPaymentInitiated), "pending");
    assert_eq!(status(&EventKind::BookingPaid), "accepted");
}

#[test]
fn other_events_of_a_booking_with_a_price_leave_its_status() {
    let status = |kind: &EventKind, fields: &[(&str, Value)]| {
        let fields: Vec<_> =
            [("price", json!(5000)), ("status", json!("ACCEPTED"))].iter().chain(fields).cloned().collect();
        fields_of(&changes(kind, &fields)[0]).get("status").cloned()
    };
    for kind in [EventKind::BookingRescheduled, EventKind::BookingLocationUpdated, EventKind::BookingReassigned] {
        assert_eq!(status(&kind, &[]), None, "{kind}");
        assert_eq!(status(&kind, &[("price", json!(0))]), Some(json!("accepted")), "{kind}");
    }
    let confirmed = ("requiresConfirmation", json!(true));
    assert_eq!(status(&EventKind::BookingCreated, &[confirmed]), None, "paid before the host saw it");
    assert_eq!(status(&EventKind::BookingRequested, &[("status", json!("PENDING"))]), Some(json!("pending")));
    assert_eq!(status(&EventKind::BookingCancelled, &[]), Some(json!("cancelled")));
}

/// Returns the change of a no-show event with these attendees and flags.
fn absences(flags: &[(&str, bool)]) -> Change {
    let attendees: Value = flags.iter().map(|(email, absent)| json!({"email": email, "noShow": absent})).collect();
    let fields = [("bookingUid", json!("a")), ("attendees", attendees)];
    changes(&EventKind::BookingNoShowUpdated, &fields).remove(0)
}

#[test]
fn absent_attendees_are_stored_immediately_and_refetched() {
    let event = absences(&[("ann@example.com", true)]);
    let at = event.version.to_string();
    assert_eq!(fields_of(&event), json!({"uid": "a", ABSENT_ATTENDEES: ["ann@example.com"], ABSENCES_CHANGED: at}));
    assert_eq!(event.on_change.as_deref(), Some(READ_BOOKING));
    let others = changes(&EventKind::BookingCreated, &[]).remove(0);
    assert_eq!(others.on_change, None);
}

#[test]
fn a_cleared_absence_does_not_mark_others_as_present() {
    for flags in [&[("ann@example.com", false)][..], &[("ann@example.com", true), ("bo@example.com", false)], &[]] {
        let event = absences(flags);
        assert_eq!(fields_of(&event), json!({"uid": "a", ABSENCES_CHANGED: event.version.to_string()}));
        assert_eq!(event.on_change.as_deref(), Some(READ_BOOKING));
    }
}

#[tokio::test]
async fn an_absence_event_close_to_a_read_is_resolved_by_a_refetch() {
    let mut both = listed("a", "2026-12-01T10:00:00Z");
    both["attendees"] =
        json!([{"email": "ann@example.com", "absent": true}, {"email": "bo@example.com", "absent": true}]);
    let response = json!({"status": "success", "data": both});
    let (calcom, _) = client(ScriptedTransport::new().respond(200, response.clone()).respond(200, response));
    let source = BookingsSource::new(calcom, org());
    let Resolution::Write(stored, _) = resolve(None, &source.lookup("a", 0).await.unwrap()) else {
        panic!("a new booking")
    };
    let event = Change { version: stored.version, ..absences(&[("ann@example.com", true)]) };
    assert_eq!(resolve(Some(&stored), &event), Resolution::Refetch);

    let later = Change { version: stored.version + std::time::Duration::from_secs(60), ..event };
    let Resolution::Write(incomplete, _) = resolve(Some(&stored), &later) else { panic!("it is newer") };
    assert!(incomplete.doc.contains_key(ABSENCES_CHANGED));
    let read = source.lookup("a", incomplete.revision).await.unwrap();
    let Resolution::Write(refetched, _) = resolve(Some(&incomplete), &read) else { panic!("a refetch is written") };
    assert_eq!(refetched.doc[ABSENT_ATTENDEES], json!(["ann@example.com", "bo@example.com"]));
    assert!(!refetched.doc.contains_key(ABSENCES_CHANGED));
}

#[test]
fn an_ended_meeting_sets_the_end() {
    let end = json!("2026-12-01T10:00:00Z");
    let event = changes(&EventKind::MeetingEnded, &[("uid", json!("a")), ("endTime", end.clone())]);
    assert_eq!((fields_of(&event[0]), event[0].version), (json!({"uid": "a", "end": end}), at("2026-12-01T10:00:00Z")));
}

#[test]
fn other_events_change_no_booking() {
    for kind in [EventKind::OooCreated, EventKind::FormSubmitted, EventKind::Ping, EventKind::MeetingStarted] {
        assert_eq!(changes(&kind, &[]), [], "{kind}");
    }
}
