use calcom_client::blocking::{BlockStrategy, BlockedSlot};
use calcom_client::bookings::{Sort, StatusFilter};
use calcom_client::model::{Booking, BookingStatus};
use calcom_client::{CalcomErrorExt, CalcomErrorReason};
use provider_sandbox::calcom::{Fault, FaultRule};
use sidecar_core::ErrorKind;

use crate::support::{Fixture, ann, at, builder};

const MORNING: &str = "2026-11-24T09:00:00Z";
const LATER: &str = "2026-11-24T10:00:00Z";

async fn create_booking(fixture: &Fixture, start: &str) -> Booking {
    let create = fixture.client.bookings().create(fixture.event_type("intro"), at(start), &ann());
    create.metadata("ghlContactId", "c_1").await.unwrap().into_vec().remove(0)
}

#[tokio::test]
async fn a_booking_is_created_without_credentials_and_read_by_uid() {
    let fixture = Fixture::new().await;
    let anonymous = builder(&fixture.calcom).build().unwrap();
    let created =
        anonymous.bookings().create(fixture.event_type("intro"), at(MORNING), &ann()).metadata("a", "b").await.unwrap();
    let uid = created.first().unwrap().uid.clone();
    let read = anonymous.bookings().get(&uid).await.unwrap().into_vec().remove(0);
    assert_eq!((read.status.clone(), read.metadata_text("a")), (Some(BookingStatus::Accepted), Some("b")));
    assert_eq!(read.start.as_ref().unwrap().timestamp(), Some(at(MORNING)));
    assert_eq!(read.end.as_ref().unwrap().timestamp(), Some(at("2026-11-24T09:30:00Z")));
    let attendee = &read.attendees.as_ref().unwrap()[0];
    assert_eq!(attendee.phone_number.as_deref(), Some("+4915112345678"));
    assert!(read.created_at.is_some() && read.created_at == read.updated_at);
}

#[tokio::test]
async fn unavailable_times_are_rejected_unless_the_host_allows_conflicts() {
    let fixture = Fixture::new().await;
    create_booking(&fixture, MORNING).await;
    let bookings = fixture.client.bookings();
    let id = fixture.event_type("intro");
    for start in [MORNING, "2026-11-24T08:45:00Z", "2026-11-28T09:00:00Z", "2026-11-24T16:45:00Z"] {
        let error = bookings.create(id, at(start), &ann()).await.unwrap_err();
        assert!(error.is_slot_taken(), "{start}: {error}");
    }
    let anonymous = builder(&fixture.calcom).build().unwrap();
    let ignored = anonymous.bookings().create(id, at(MORNING), &ann()).allow_conflicts(true).await;
    assert!(ignored.unwrap_err().is_slot_taken());
    assert!(bookings.create(id, at(MORNING), &ann()).allow_conflicts(true).await.is_ok());
    let past = bookings.create(id, at("2026-11-23T11:00:00Z"), &ann()).await.unwrap_err();
    assert_eq!((past.kind(), past.status().unwrap().as_u16()), (ErrorKind::Rejected, 400));
}

#[tokio::test]
async fn a_rescheduled_booking_and_its_successor_name_each_other() {
    let fixture = Fixture::new().await;
    let old = create_booking(&fixture, MORNING).await;
    fixture.sandbox.control().advance_clock(1_000);
    let new = fixture.client.bookings().reschedule(&old.uid, at(LATER)).reason("a clash").await.unwrap();
    assert_ne!(new.uid, old.uid);
    assert_eq!((new.rescheduled_from_uid.as_ref(), new.metadata_text("ghlContactId")), (Some(&old.uid), Some("c_1")));
    let before = fixture.client.bookings().get(&old.uid).await.unwrap().into_vec().remove(0);
    assert_eq!(
        (before.status.as_ref(), before.rescheduled_to_uid.as_ref()),
        (Some(&BookingStatus::Cancelled), Some(&new.uid))
    );
    assert!(before.updated_at.unwrap().timestamp() > old.updated_at.unwrap().timestamp());
    let again = fixture.client.bookings().reschedule(&old.uid, at("2026-11-24T11:00:00Z")).await.unwrap_err();
    assert_eq!(again.problem(), Some(&CalcomErrorReason::AlreadyDone));
}

#[tokio::test]
async fn a_cancelled_booking_frees_its_time_and_cannot_be_cancelled_twice() {
    let fixture = Fixture::new().await;
    let booking = create_booking(&fixture, MORNING).await;
    let bookings = fixture.client.bookings();
    let cancelled = bookings.cancel(&booking.uid).reason("ill").await.unwrap().into_vec().remove(0);
    assert_eq!(
        (cancelled.status, cancelled.cancellation_reason.as_deref()),
        (Some(BookingStatus::Cancelled), Some("ill"))
    );
    assert_eq!(bookings.cancel(&booking.uid).await.unwrap_err().problem(), Some(&CalcomErrorReason::AlreadyDone));
    create_booking(&fixture, MORNING).await;
    assert_eq!(bookings.cancel("nobody").await.unwrap_err().kind(), ErrorKind::NotFound);
}

#[tokio::test]
async fn a_pending_booking_is_confirmed_or_declined_once() {
    let fixture = Fixture::new().await;
    let bookings = fixture.client.bookings();
    let (first, second) = (fixture.book("consultation", MORNING), fixture.book("consultation", LATER));
    assert_eq!(fixture.calcom.booking(&first).unwrap()["status"], "pending");
    let confirmed = bookings.confirm(&*first).await.unwrap().into_vec().remove(0);
    let declined = bookings.decline(&*second).reason("on holiday").await.unwrap().into_vec().remove(0);
    assert_eq!((confirmed.status, declined.status), (Some(BookingStatus::Accepted), Some(BookingStatus::Rejected)));
    assert_eq!(bookings.confirm(&*first).await.unwrap_err().problem(), Some(&CalcomErrorReason::AlreadyDone));
    assert_eq!(bookings.decline(&*second).await.unwrap_err().problem(), Some(&CalcomErrorReason::AlreadyDone));
}

#[tokio::test]
async fn absences_of_attendees_and_the_host_are_stored() {
    let fixture = Fixture::new().await;
    let booking = create_booking(&fixture, MORNING).await;
    let marked =
        fixture.client.bookings().mark_absent(&booking.uid).host(true).attendee("ann@example.com", true).await.unwrap();
    assert_eq!((marked.absent_host, marked.attendees.unwrap()[0].absent), (Some(true), Some(true)));
    let unknown = fixture.client.bookings().mark_absent(&booking.uid).attendee("eve@example.com", true).await;
    assert_eq!(unknown.unwrap_err().kind(), ErrorKind::Rejected);
}

#[tokio::test]
async fn a_listing_filters_sorts_and_pages() {
    let fixture = Fixture::new().await;
    let early = fixture.book("intro", MORNING);
    let cancelled = fixture.book("intro", LATER);
    let waiting = fixture.book("consultation", "2026-11-24T11:00:00Z");
    fixture.sandbox.control().advance_clock(60_000);
    fixture.calcom.cancel(&cancelled).unwrap();
    let bookings = || fixture.client.bookings().list();
    let uids = |page: sidecar_core::Page<Booking, u64>| -> Vec<String> {
        page.items.iter().map(|booking| booking.uid.to_string()).collect()
    };
    assert_eq!(uids(bookings().await.unwrap()), [&*early, &cancelled, &waiting]);
    assert_eq!(uids(bookings().status([StatusFilter::Upcoming]).await.unwrap()), [&*early]);
    assert_eq!(
        uids(bookings().status([StatusFilter::Cancelled, StatusFilter::Unconfirmed]).await.unwrap()),
        [&*cancelled, &waiting]
    );
    assert_eq!(uids(bookings().event_type(fixture.event_type("consultation")).await.unwrap()), [&*waiting]);
    assert_eq!(
        uids(bookings().start_after(at(LATER)).end_before(at("2026-11-24T10:30:00Z")).await.unwrap()),
        [&*cancelled]
    );
    let changed = bookings().updated_after(at("2026-11-23T12:00:30Z")).sort_updated(Sort::Asc).await.unwrap();
    assert_eq!(uids(changed), [&*cancelled]);
    assert!(uids(bookings().attendee_email("eve@example.com").await.unwrap()).is_empty());
    let first = bookings().sort_start(Sort::Desc).page_size(2_u32).await.unwrap();
    assert_eq!((first.next, first.total), (Some(2), Some(3)));
    assert_eq!(uids(first), [&*waiting, &cancelled]);
    let last = bookings().sort_start(Sort::Desc).page_size(2_u32).skip(2_u64).await.unwrap();
    assert_eq!((last.next, uids(last)), (None, vec![early]));
}

#[tokio::test]
async fn a_reschedule_whose_response_is_lost_takes_effect() {
    let fixture = Fixture::new().await;
    let old = create_booking(&fixture, MORNING).await;
    fixture.sandbox.control().calcom().add_faults([FaultRule {
        path: Some(format!("/v2/bookings/{}/reschedule", old.uid)),
        fault: Fault::ResetAfter,
        times: Some(1),
        ..FaultRule::default()
    }]);
    let error = fixture.client.bookings().reschedule(&old.uid, at(LATER)).await.unwrap_err();
    assert!(error.may_have_taken_effect(), "{error}");
    let before = fixture.calcom.booking(old.uid.as_str()).unwrap();
    let after = fixture.calcom.booking(before["rescheduledToUid"].as_str().unwrap()).unwrap();
    assert_eq!((&before["status"], &after["status"]), (&"cancelled".into(), &"accepted".into()));
}

#[tokio::test]
async fn a_create_whose_response_is_lost_is_found_by_its_reference() {
    let fixture = Fixture::new().await;
    let fault =
        FaultRule { method: Some("POST".into()), fault: Fault::ResetAfter, times: Some(1), ..FaultRule::default() };
    fixture.sandbox.control().calcom().add_faults([fault]);
    let create = fixture.client.bookings().create(fixture.event_type("intro"), at(MORNING), &ann()).reference("job-1");
    let found = create.create_or_find().await.unwrap();
    assert_eq!(found.booking().unwrap().uid.as_str(), fixture.calcom.bookings()[0]["uid"]);
    assert_eq!(fixture.calcom.bookings().len(), 1);
}

#[tokio::test]
async fn a_hold_booking_has_a_length_of_its_event_type() {
    let fixture = Fixture::new().await;
    let strategy = BlockStrategy::HoldBooking { event_type: fixture.event_type("block").into(), attendee: ann() };
    let slot = BlockedSlot::new(at("2026-11-24T19:10:00Z"), at("2026-11-24T20:10:00Z"));
    let handles = fixture.client.create_blocked_slots([slot]).strategy(strategy.clone()).await.unwrap();
    assert_eq!(fixture.calcom.bookings()[0]["metadata"]["sidecar_origin"], "block");
    fixture.client.unblock(handles.into_iter().next().unwrap()).await.unwrap();
    assert_eq!(fixture.calcom.bookings()[0]["status"], "cancelled");
    let invalid = BlockedSlot::new(at(MORNING), at("2026-11-24T09:20:00Z"));
    let error = fixture.client.create_blocked_slots([invalid]).strategy(strategy).await.unwrap_err();
    assert!(error.message().contains("lengthInMinutesOptions"), "{error}");
}

#[tokio::test]
async fn seats_can_be_booked_until_none_is_left() {
    let fixture = Fixture::new().await;
    let uids: Vec<String> = (0..3).map(|_| fixture.book("group-class", MORNING)).collect();
    assert!(uids.iter().all(|uid| *uid == uids[0]));
    let full = fixture.client.bookings().create(fixture.event_type("group-class"), at(MORNING), &ann()).await;
    assert!(full.unwrap_err().is_slot_taken());
    let booking = fixture.calcom.booking(&uids[0]).unwrap();
    let seat = booking["attendees"][1]["seatUid"].as_str().unwrap();
    let remaining = fixture.client.bookings().cancel(&*uids[0]).seat(seat).await.unwrap().into_vec().remove(0);
    assert_eq!((remaining.status, remaining.attendees.unwrap().len()), (Some(BookingStatus::Accepted), 2));
}
