use calcom_client::{
    bookings::{EventTypeSelector, Guest, NewAttendee, Routing, Sort, StatusFilter},
    model::{Integration, Location, NewLocation},
};
use futures_util::TryStreamExt;
use serde_json::{Value, json};
use sidecar_core::{ErrorKind, test_util::ScriptedTransport};

use crate::{
    cases::{Case, case},
    support::{NOW, at, client, client_with, fixture, only_request, request_line},
};

fn ann() -> NewAttendee {
    NewAttendee::new("Ann Example", "ann@example.com", "Europe/Berlin")
}

const START: &str = "2026-12-02T09:00:00Z";

pub(crate) fn cases() -> Vec<Case> {
    let ann_wire = json!({"name": "Ann Example", "email": "ann@example.com", "timeZone": "Europe/Berlin"});
    let none = Value::Null;
    vec![
        case!(
            "bookings.create",
            "POST /v2/bookings",
            json!({"eventTypeId": 7, "start": START, "attendee": ann_wire}),
            fixture!("booking"),
            |calcom| calcom.bookings().create(7, at(START), &ann())
        ),
        case!(
            "bookings.create",
            "POST /v2/bookings",
            json!({
                "eventTypeSlug": "intro", "username": "bo", "organizationSlug": "acme", "start": START,
                "attendee": {
                    "name": "Ann Example", "email": "ann@example.com", "timeZone": "Europe/Berlin",
                    "phoneNumber": "+49151", "language": "de",
                },
                "guests": ["carl@example.com"], "location": {"type": "integration", "integration": "zoom"},
                "lengthInMinutes": 60, "recurrenceCount": 3, "instant": false,
                "routing": {"responseId": 1, "teamMemberIds": [5]}, "emailVerificationCode": "123",
                "allowConflicts": true, "allowBookingOutOfBounds": true, "skipBookingLimits": true,
                "metadata": {"a": "1", "sidecarReference": "job-1"}, "bookingFieldsResponses": {"topic": ["rust"]},
            }),
            fixture!("booking_series"),
            |calcom| calcom
                .bookings()
                .create(
                    EventTypeSelector::OfUser {
                        slug: "intro".into(),
                        username: "bo".into(),
                        organization: Some("acme".into())
                    },
                    at(START),
                    &ann().phone("+49151").language("de"),
                )
                .guests(vec!["carl@example.com".to_owned()])
                .location(Location::Integration(Integration::Zoom))
                .length(60)
                .recurrence_count(3_u32)
                .instant(false)
                .routing(Routing { response_id: Some(1), team_member_ids: vec![5.into()], ..Routing::default() })
                .email_verification_code("123")
                .allow_conflicts(true)
                .allow_out_of_bounds(true)
                .skip_booking_limits(true)
                .metadata("a", "1")
                .reference("job-1")
                .response("topic", json!(["rust"]))
        ),
        case!(
            "bookings.create",
            "POST /v2/bookings",
            json!({
                "eventTypeSlug": "intro", "teamSlug": "sales", "start": START,
                "attendee": {"name": "Ann", "phoneNumber": "+49151", "timeZone": "UTC"},
            }),
            fixture!("booking_seated"),
            |calcom| calcom.bookings().create(
                EventTypeSelector::OfTeam { slug: "intro".into(), team: "sales".into(), organization: None },
                at("2026-12-02T10:00:00+01:00"),
                &NewAttendee::by_phone("Ann", "+49151", "UTC"),
            )
        ),
        case!("bookings.get", "GET /v2/bookings/bk_1", none.clone(), fixture!("booking"), |calcom| calcom
            .bookings()
            .get("bk_1")),
        case!("bookings.get", "GET /v2/bookings/rec_1", none.clone(), fixture!("booking_series"), |calcom| calcom
            .bookings()
            .get("rec_1")),
        case!("bookings.get", "GET /v2/bookings/bk_bare", none.clone(), fixture!("booking_bare"), |calcom| calcom
            .bookings()
            .get("bk_bare")),
        case!(
            "bookings.by_seat",
            "GET /v2/bookings/by-seat/seat_1",
            none.clone(),
            fixture!("booking_seated"),
            |calcom| calcom.bookings().by_seat("seat_1")
        ),
        case!(
            "bookings.list",
            "GET /v2/bookings?take=100&skip=0",
            none.clone(),
            fixture!("bookings_page"),
            |calcom| calcom.bookings().list(),
            page
        ),
        case!(
            "bookings.list",
            "GET /v2/bookings?status=upcoming%2Cpast&attendeeEmail=a%40b.c&attendeeName=Ann&bookingUid=bk_1&eventTypeId=7&\
             eventTypeIds=7%2C8&teamId=4&teamsIds=4%2C5&afterStart=2026-12-01T18%3A05%3A00Z&beforeEnd=2026-12-01T18%3A05%3A00Z&\
             afterCreatedAt=2026-12-01T18%3A05%3A00Z&beforeCreatedAt=2026-12-01T18%3A05%3A00Z&\
             afterUpdatedAt=2026-12-01T18%3A05%3A00Z&beforeUpdatedAt=2026-12-01T18%3A05%3A00Z&sortStart=asc&sortEnd=desc&\
             sortCreated=asc&sortUpdatedAt=asc&take=2&skip=4",
            none.clone(),
            fixture!("bookings_page"),
            |calcom| calcom
                .bookings()
                .list()
                .status(vec![StatusFilter::Upcoming, StatusFilter::Past])
                .attendee_email("a@b.c")
                .attendee_name("Ann")
                .uid("bk_1")
                .event_type(7)
                .event_types(vec![7.into(), 8.into()])
                .team(4)
                .teams(vec![4.into(), 5.into()])
                .start_after(NOW)
                .end_before(NOW)
                .created_after(NOW)
                .created_before(NOW)
                .updated_after(NOW)
                .updated_before(NOW)
                .sort_start(Sort::Asc)
                .sort_end(Sort::Desc)
                .sort_created(Sort::Asc)
                .sort_updated(Sort::Asc)
                .page_size(2_u32)
                .skip(4_u64),
            page
        ),
        case!("bookings.cancel", "POST /v2/bookings/bk_1/cancel", json!({}), fixture!("booking_cancelled"), |calcom| {
            calcom.bookings().cancel("bk_1")
        }),
        case!(
            "bookings.cancel",
            "POST /v2/bookings/bk_1/cancel",
            json!({"cancellationReason": "ill", "cancelSubsequentBookings": true, "seatUid": "seat_1"}),
            fixture!("booking_series"),
            |calcom| calcom.bookings().cancel("bk_1").reason("ill").subsequent(true).seat("seat_1")
        ),
        case!(
            "bookings.reschedule",
            "POST /v2/bookings/bk_1/reschedule",
            json!({"start": "2026-12-03T09:00:00Z"}),
            fixture!("booking_moved"),
            |calcom| calcom.bookings().reschedule("bk_1", at("2026-12-03T09:00:00Z"))
        ),
        case!(
            "bookings.reschedule",
            "POST /v2/bookings/bk_1/reschedule",
            json!({
                "start": START, "rescheduledBy": "bo@example.com", "reschedulingReason": "a clash", "seatUid": "seat_1",
                "emailVerificationCode": "123",
            }),
            fixture!("booking_moved"),
            |calcom| calcom
                .bookings()
                .reschedule("bk_1", at(START))
                .by("bo@example.com")
                .reason("a clash")
                .seat("seat_1")
                .email_verification_code("123")
        ),
        case!("bookings.confirm", "POST /v2/bookings/bk_1/confirm", none.clone(), fixture!("booking"), |calcom| calcom
            .bookings()
            .confirm("bk_1")),
        case!("bookings.decline", "POST /v2/bookings/bk_1/decline", json!({}), fixture!("booking"), |calcom| calcom
            .bookings()
            .decline("bk_1")),
        case!(
            "bookings.decline",
            "POST /v2/bookings/bk_1/decline",
            json!({"reason": "on holiday"}),
            fixture!("booking"),
            |calcom| calcom.bookings().decline("bk_1").reason("on holiday")
        ),
        case!(
            "bookings.mark_absent",
            "POST /v2/bookings/bk_1/mark-absent",
            json!({
                "host": true,
                "attendees": [{"email": "a@b.c", "absent": true}, {"email": "d@e.f", "absent": false}],
            }),
            fixture!("booking"),
            |calcom| calcom.bookings().mark_absent("bk_1").host(true).attendee("a@b.c", true).attendee("d@e.f", false)
        ),
        case!("bookings.reassign", "POST /v2/bookings/bk_1/reassign", none.clone(), fixture!("reassigned"), |calcom| {
            calcom.bookings().reassign("bk_1")
        }),
        case!(
            "bookings.reassign_to",
            "POST /v2/bookings/bk_1/reassign/6",
            json!({"reason": "on holiday"}),
            fixture!("reassigned"),
            |calcom| calcom.bookings().reassign_to("bk_1", 6).reason("on holiday")
        ),
        case!(
            "bookings.set_location",
            "PATCH /v2/bookings/bk_1/location",
            json!({"location": {"type": "attendeeAddress", "address": "Main St 1"}}),
            fixture!("booking"),
            |calcom| calcom.bookings().set_location("bk_1", &NewLocation::AttendeeAddress("Main St 1".into()))
        ),
        case!("bookings.attendees", "GET /v2/bookings/bk_1/attendees", none.clone(), fixture!("attendees"), |calcom| {
            calcom.bookings().attendees("bk_1")
        }),
        case!(
            "bookings.attendee",
            "GET /v2/bookings/bk_1/attendees/300",
            none.clone(),
            fixture!("attendee"),
            |calcom| calcom.bookings().attendee("bk_1", 300)
        ),
        case!(
            "bookings.add_attendee",
            "POST /v2/bookings/bk_1/attendees",
            json!({"name": "Dora", "email": "d@e.f", "timeZone": "UTC", "phoneNumber": "+1", "language": "en"}),
            fixture!("attendee"),
            |calcom| calcom.bookings().add_attendee("bk_1", "Dora", "d@e.f", "UTC").phone("+1").language("en")
        ),
        case!(
            "bookings.add_guests",
            "POST /v2/bookings/bk_1/guests",
            json!({"guests": [{"email": "a@b.c"}, {"email": "d@e.f", "name": "Dora", "timeZone": "UTC"}]}),
            fixture!("booking"),
            |calcom| calcom.bookings().add_guests(
                "bk_1",
                [
                    Guest::new("a@b.c"),
                    Guest { name: Some("Dora".into()), time_zone: Some("UTC".into()), ..Guest::new("d@e.f") },
                ],
            )
        ),
        case!(
            "bookings.references",
            "GET /v2/bookings/bk_1/references?type=google_calendar",
            none.clone(),
            fixture!("booking_references"),
            |calcom| calcom.bookings().references("bk_1").kind("google_calendar")
        ),
        case!(
            "bookings.calendar_links",
            "GET /v2/bookings/bk_1/calendar-links",
            none.clone(),
            fixture!("calendar_links"),
            |calcom| calcom.bookings().calendar_links("bk_1")
        ),
        case!(
            "bookings.recordings",
            "GET /v2/bookings/bk_1/recordings",
            none.clone(),
            fixture!("recordings"),
            |calcom| calcom.bookings().recordings("bk_1")
        ),
        case!(
            "bookings.transcripts",
            "GET /v2/bookings/bk_1/transcripts",
            none.clone(),
            fixture!("transcripts"),
            |calcom| calcom.bookings().transcripts("bk_1")
        ),
        case!(
            "bookings.conferencing_sessions",
            "GET /v2/bookings/bk_1/conferencing-sessions",
            none,
            fixture!("conferencing_sessions"),
            |calcom| calcom.bookings().conferencing_sessions("bk_1")
        ),
    ]
}

#[test]
fn a_new_location_is_serialized_with_its_value() {
    for (location, wire) in [
        (NewLocation::Address("x".to_owned()), json!({"type": "address", "address": "x"})),
        (NewLocation::Link("x".to_owned()), json!({"type": "link", "link": "x"})),
        (NewLocation::Phone("x".to_owned()), json!({"type": "phone", "phone": "x"})),
        (NewLocation::AttendeeAddress("x".to_owned()), json!({"type": "attendeeAddress", "address": "x"})),
        (NewLocation::AttendeeDefined("x".to_owned()), json!({"type": "attendeeDefined", "location": "x"})),
        (NewLocation::AttendeePhone("x".to_owned()), json!({"type": "attendeePhone", "phone": "x"})),
        (NewLocation::Integration(Integration::Zoom), json!({"type": "integration", "integration": "zoom"})),
    ] {
        assert_eq!(json!(location), wire);
    }
}

#[tokio::test]
async fn a_create_returns_one_booking_or_a_series() {
    let (calcom, _) =
        client(ScriptedTransport::new().respond(201, fixture!("booking")).respond(201, fixture!("booking_series")));
    let one = calcom.bookings().create(7, at(START), &ann()).await.unwrap();
    assert_eq!((one.as_slice().len(), one.first().unwrap().metadata_text("ghlContactId")), (1, Some("c_1")));
    let series = calcom.bookings().create(7, at(START), &ann()).await.unwrap();
    let uids: Vec<_> = series.into_vec().into_iter().map(|booking| booking.uid.to_string()).collect();
    assert_eq!(uids, ["bk_r0", "bk_r1"]);
}

#[tokio::test]
async fn a_listing_continues_while_the_provider_reports_another_page() {
    let mut last = fixture!("bookings_page");
    last["data"] = json!([{"uid": "bk_3"}]);
    last["pagination"]["hasNextPage"] = json!(false);
    let (calcom, sent) = client(ScriptedTransport::new().respond(200, fixture!("bookings_page")).respond(200, last));
    let all: Vec<_> = calcom.bookings().list().page_size(2_u32).items().try_collect().await.unwrap();
    assert_eq!(all.iter().map(|booking| booking.uid.as_str()).collect::<Vec<_>>(), ["bk_1", "bk_2", "bk_3"]);
    let lines: Vec<_> = sent.requests().iter().map(request_line).collect();
    assert_eq!(lines, ["GET /v2/bookings?take=2&skip=0", "GET /v2/bookings?take=2&skip=2"]);
}

#[tokio::test]
async fn a_repeated_page_is_an_error_and_not_an_endless_loop() {
    let script =
        ScriptedTransport::new().respond(200, fixture!("bookings_page")).respond(200, fixture!("bookings_page"));
    let (calcom, _) = client(script);
    let error = calcom.bookings().list().page_size(2_u32).items().try_collect::<Vec<_>>().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Decode);
}

#[tokio::test]
async fn invalid_bookings_are_rejected_before_sending() {
    let (calcom, sent) = client(ScriptedTransport::new());
    let bookings = calcom.bookings();
    let create = |attendee: NewAttendee| bookings.create(7, at(START), &attendee);
    let many = (0..51).fold(create(ann()), |create, number| create.metadata(number.to_string(), "x"));
    for (request, word) in [
        (create(NewAttendee::new(" ", "a@b.c", "UTC")), "name"),
        (create(NewAttendee::new("Ann", "a@b.c", "")), "time zone"),
        (create(NewAttendee::new("Ann", "", "UTC")), "e-mail address or a phone number"),
        (create(ann()).metadata("k".repeat(41), "v"), "40 characters"),
        (create(ann()).metadata("k", "v".repeat(501)), "500 characters"),
        (many, "at most 50"),
    ] {
        let error = request.await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput, "{error}");
        assert!(error.message().contains(word), "{error}");
    }
    for page in [0_u32, 251] {
        assert_eq!(bookings.list().page_size(page).await.unwrap_err().kind(), ErrorKind::InvalidInput);
    }
    let guests = (0..11).map(|number| Guest::new(format!("{number}@b.c")));
    assert_eq!(bookings.add_guests("bk_1", guests).await.unwrap_err().kind(), ErrorKind::InvalidInput);
    assert_eq!(bookings.get("..").await.unwrap_err().kind(), ErrorKind::InvalidInput);
    assert!(sent.requests().is_empty());
}

#[tokio::test]
async fn version_priority_and_deadline_can_be_set_per_request() {
    let (calcom, sent) = client_with(200, fixture!("booking"));
    let version = calcom_client::ApiVersion::V2024_08_13;
    let request = calcom.bookings().get("bk_1").version(version).background();
    request.deadline(std::time::Duration::from_secs(5)).await.unwrap();
    assert_eq!(only_request(&sent).header("cal-api-version"), "2024-08-13");
}

#[tokio::test]
async fn a_create_with_a_lost_response_finds_its_booking() {
    use calcom_client::bookings::CreatedOrFound;
    use sidecar_core::http::TransportError;
    let mine = json!({"status": "success", "data": [
        {"uid": "bk_0", "status": "cancelled", "metadata": {"sidecarReference": "job-1"}},
        {"uid": "bk_1", "status": "accepted", "metadata": {"sidecarReference": "job-1"}},
    ]});
    let broken = || TransportError::Broken("reset".into());
    let (calcom, sent) = client(ScriptedTransport::new().fail(broken()).respond(200, mine));
    let outcome = calcom.bookings().create(7, at(START), &ann()).reference("job-1").create_or_find().await.unwrap();
    assert!(matches!(&outcome, CreatedOrFound::Found(booking) if booking.uid.as_str() == "bk_1"), "{outcome:?}");
    let lines: Vec<_> = sent.requests().iter().map(request_line).collect();
    assert_eq!(
        lines,
        ["POST /v2/bookings", "GET /v2/bookings?attendeeEmail=ann%40example.com&sortCreated=desc&take=100&skip=0"]
    );

    let empty = json!({"status": "success", "data": []});
    let (calcom, _) = client(ScriptedTransport::new().fail(broken()).respond(200, empty));
    let error = calcom.bookings().create(7, at(START), &ann()).reference("job-1").create_or_find().await.unwrap_err();
    assert!(error.may_have_taken_effect(), "{error}");

    let (calcom, sent) = client_with(400, json!({"message": "eventTypeId is wrong"}));
    let error = calcom.bookings().create(7, at(START), &ann()).reference("job-1").create_or_find().await.unwrap_err();
    assert_eq!(
        (error.kind(), sent.requests().len()),
        (ErrorKind::Rejected, 1),
        "the client does not search after a definite rejection"
    );

    let (calcom, sent) = client(ScriptedTransport::new());
    assert_eq!(
        calcom.bookings().create(7, at(START), &ann()).create_or_find().await.unwrap_err().kind(),
        ErrorKind::InvalidInput
    );
    assert!(sent.requests().is_empty());
}

#[tokio::test]
async fn a_booking_without_a_user_has_a_host_without_an_id() {
    let booking = json!({"uid": "bk_1", "hosts": [{"id": "unknown", "name": "unknown", "email": "unknown"}]});
    let listed = json!({"status": "success", "data": [booking], "pagination": {"hasNextPage": false}});
    let read = json!({"status": "success", "data": booking});
    let script = ScriptedTransport::new().respond(200, listed).respond(200, read.clone()).respond(201, read.clone());
    let (calcom, _) = client(script.respond(200, read));
    let bookings = calcom.bookings();
    let page = bookings.list().await.unwrap();
    let one = bookings.get("bk_1").await.unwrap();
    let rescheduled = bookings.reschedule("bk_1", at("2026-12-02T09:00:00Z")).await.unwrap();
    let absent = bookings.mark_absent("bk_1").host(true).await.unwrap();
    for booking in page.items.iter().chain(one.first()).chain([&rescheduled, &absent]) {
        let host = &booking.hosts.as_ref().unwrap()[0];
        assert_eq!((host.id, host.email.as_deref(), &host.extra["id"]), (None, Some("unknown"), &json!("unknown")));
    }
}
