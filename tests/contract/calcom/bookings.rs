use calcom_client::{
    bookings::{EventTypeSelector, Guest, NewAttendee, Routing, Sort, StatusFilter},
    model::{Location, NewLocation},
};

use super::call::{Call, at, call};

const START: &str = "2026-12-02T09:00:00Z";

fn ann() -> NewAttendee {
    NewAttendee::new("Ann Example", "ann@example.com", "Europe/Berlin")
}

fn routing() -> Routing {
    Routing {
        response_id: Some(1),
        queued_response_id: Some("q1".to_owned()),
        team_member_ids: vec![5.into()],
        team_member_email: Some("bo@example.com".to_owned()),
        skip_contact_owner: Some(false),
        crm_app_slug: Some("salesforce".to_owned()),
        crm_owner_record_type: Some("Contact".to_owned()),
    }
}

fn guest() -> Guest {
    Guest {
        name: Some("Cy".to_owned()),
        time_zone: Some("UTC".to_owned()),
        phone_number: Some("+4915112345678".to_owned()),
        language: Some("de".to_owned()),
        ..Guest::new("cy@example.com")
    }
}

pub(super) fn calls() -> Vec<Call> {
    [of_bookings(), of_details()].into_iter().flatten().collect()
}

fn of_bookings() -> Vec<Call> {
    vec![
        call!(
            "bookings.create",
            |calcom| calcom.bookings().create(7, at(START), &ann()),
            calcom
                .bookings()
                .create(
                    EventTypeSelector::OfTeam {
                        slug: "intro".to_owned(),
                        team: "sales".to_owned(),
                        organization: Some("acme".to_owned()),
                    },
                    at(START),
                    &ann().phone("+4915112345678").language("de"),
                )
                .guests(vec!["cy@example.com".to_owned()])
                .location(Location::AttendeeAddress("Main Street 1".to_owned()))
                .length(30)
                .recurrence_count(2_u32)
                .instant(false)
                .routing(routing())
                .email_verification_code("1234")
                .allow_conflicts(true)
                .allow_out_of_bounds(true)
                .skip_booking_limits(true)
                .metadata("organizationId", "org1")
                .response("topic", "Rust")
        ),
        call!("bookings.get", |calcom| calcom.bookings().get("b1")),
        call!("bookings.by_seat", |calcom| calcom.bookings().by_seat("s1")),
        call!(
            "bookings.list",
            |calcom| calcom.bookings().list(),
            calcom
                .bookings()
                .list()
                .status(vec![StatusFilter::Upcoming, StatusFilter::Past])
                .attendee_email("ann@example.com")
                .attendee_name("Ann")
                .uid("b1")
                .event_type(7)
                .event_types(vec![7.into(), 8.into()])
                .team(3)
                .teams(vec![3.into(), 4.into()])
                .start_after(at(START))
                .end_before(at(START))
                .created_after(at(START))
                .created_before(at(START))
                .updated_after(at(START))
                .updated_before(at(START))
                .sort_start(Sort::Asc)
                .sort_end(Sort::Desc)
                .sort_created(Sort::Asc)
                .sort_updated(Sort::Desc)
                .skip(10_u64)
                .page_size(50_u32)
        ),
        call!(
            "bookings.cancel",
            |calcom| calcom.bookings().cancel("b1"),
            calcom.bookings().cancel("b1").reason("ill").subsequent(true).seat("s1")
        ),
        call!(
            "bookings.reschedule",
            |calcom| calcom.bookings().reschedule("b1", at(START)),
            calcom
                .bookings()
                .reschedule("b1", at(START))
                .by("bo@example.com")
                .reason("ill")
                .seat("s1")
                .email_verification_code("1234")
        ),
        call!("bookings.confirm", |calcom| calcom.bookings().confirm("b1")),
        call!(
            "bookings.decline",
            |calcom| calcom.bookings().decline("b1"),
            calcom.bookings().decline("b1").reason("ill")
        ),
        call!(
            "bookings.mark_absent",
            |calcom| calcom.bookings().mark_absent("b1").host(true),
            calcom.bookings().mark_absent("b1").host(false).attendee("ann@example.com", true)
        ),
        call!("bookings.reassign", |calcom| calcom.bookings().reassign("b1")),
        call!(
            "bookings.reassign_to",
            |calcom| calcom.bookings().reassign_to("b1", 5),
            calcom.bookings().reassign_to("b1", 5).reason("ill")
        ),
    ]
}

fn of_details() -> Vec<Call> {
    vec![
        call!(
            "bookings.set_location",
            |calcom| calcom.bookings().set_location("b1", &NewLocation::Link("https://meet.example.com/b1".to_owned())),
            calcom.bookings().set_location("b1", &NewLocation::AttendeePhone("+4915112345678".to_owned()))
        ),
        call!("bookings.attendees", |calcom| calcom.bookings().attendees("b1")),
        call!("bookings.attendee", |calcom| calcom.bookings().attendee("b1", 11)),
        call!(
            "bookings.add_attendee",
            |calcom| calcom.bookings().add_attendee("b1", "Cy", "cy@example.com", "UTC"),
            calcom.bookings().add_attendee("b1", "Cy", "cy@example.com", "UTC").phone("+4915112345678").language("de")
        ),
        call!(
            "bookings.add_guests",
            |calcom| calcom.bookings().add_guests("b1", [Guest::new("cy@example.com")]),
            calcom.bookings().add_guests("b1", [guest()])
        ),
        call!(
            "bookings.references",
            |calcom| calcom.bookings().references("b1"),
            calcom.bookings().references("b1").kind("google_calendar")
        ),
        call!("bookings.calendar_links", |calcom| calcom.bookings().calendar_links("b1")),
        call!("bookings.recordings", |calcom| calcom.bookings().recordings("b1")),
        call!("bookings.transcripts", |calcom| calcom.bookings().transcripts("b1")),
        call!("bookings.conferencing_sessions", |calcom| calcom.bookings().conferencing_sessions("b1")),
    ]
}
