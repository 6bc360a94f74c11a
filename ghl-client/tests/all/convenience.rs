//! The names and options of older plans do the right thing on today's API.

use std::sync::Arc;

use futures_util::TryStreamExt;
use ghl_client::{
    GhlClient, GhlConnections, GhlOAuth,
    contacts::Direction,
    convenience::{NewCalendarEvent, NewContact},
    model::Contact,
};
use serde_json::{Value, json};
use sidecar_core::{
    ErrorKind, SendState, Timestamp,
    test_util::{ManualClock, ScriptedTransport},
    token::MemoryStore,
};

use crate::{
    sandbox::{by_private_token, connected, sandbox},
    support::{LOCATION, NOW, answering, client, fixture, line, only},
};

#[tokio::test]
async fn a_skip_of_whole_pages_is_one_call_to_a_numbered_page() {
    let (ghl, sent) = answering(200, fixture!("contacts_search"));
    let contacts = ghl.get_contacts(LOCATION).limit(50).skip(150).query("ann").await.unwrap();
    assert_eq!(contacts[0].email.as_deref(), Some("ann@example.com"));
    let request = only(&sent);
    assert_eq!(line(&request), "POST /contacts/search");
    let expected = json!({
        "locationId": LOCATION, "pageLimit": 50, "page": 4, "query": "ann",
        "sort": [{"field": "dateAdded", "direction": "asc"}],
    });
    assert_eq!(request.json(), expected);
}

#[tokio::test]
async fn the_options_have_the_plans_defaults() {
    let (ghl, sent) = answering(200, json!({"contacts": [], "total": 0}));
    assert!(ghl.get_contacts(LOCATION).await.unwrap().is_empty());
    let body = only(&sent).json();
    assert_eq!((body["pageLimit"].as_u64(), body["page"].as_u64(), body.get("query")), (Some(100), Some(1), None));
    for limit in [0, 501] {
        let error = ghl.get_contacts(LOCATION).limit(limit).await.unwrap_err();
        assert_eq!((error.kind(), error.send_state()), (ErrorKind::InvalidInput, SendState::NotSent), "{error}");
    }
}

fn ids(contacts: &[Contact]) -> Vec<&str> {
    contacts.iter().map(|contact| contact.id.as_str()).collect()
}

#[tokio::test]
async fn limit_and_skip_cut_the_same_list_wherever_they_cut() {
    let sandbox = sandbox(11_000).await;
    let location = sandbox.ghl().location_ids().remove(0);
    let ghl = by_private_token(&sandbox, &location);
    let all: Vec<Contact> = ghl
        .contacts()
        .search(&*location)
        .sort("dateAdded", Direction::Asc)
        .page_size(500)
        .items()
        .try_collect()
        .await
        .unwrap();
    let total = all.len();
    assert!(total > 10_300, "{total} contacts in the first location: too few to reach beyond numbered pages");
    for (limit, skip) in [(100, 0), (100, 300), (500, 9_500), (7, 10), (100, 9_950), (500, total - 3)] {
        let cut = ghl.get_contacts(&*location).limit(limit).skip(skip as u64).await.unwrap();
        let end = total.min(skip + limit as usize);
        assert_eq!(ids(&cut), ids(&all[skip..end]), "limit {limit}, skip {skip}");
    }
    assert!(ghl.get_contacts(&*location).skip(total as u64 + 1).await.unwrap().is_empty());
    sandbox.stop().await;
}

#[tokio::test]
async fn an_organizations_locations_are_those_of_its_companies_and_its_own() {
    let sandbox = sandbox(10).await;
    let (tokens, ghl) = connected(&sandbox).await;
    let company = sandbox.ghl().company_id().to_owned();
    let before = ghl.get_locations().await.unwrap();
    let order = provider_sandbox::control::TokenCommand {
        install_to_locations: Some(true),
        install: Some(company.clone()),
        ..Default::default()
    };
    sandbox.control().update_tokens(&order).unwrap();
    let found = ghl.get_locations().await.unwrap();
    let mut expected = sandbox.ghl().location_ids();
    expected.sort();
    let found: Vec<_> = found.iter().map(|location| location.id.to_string()).collect();
    assert_eq!((found, before.len() <= 2), (expected.clone(), true));
    tokens.mint(&company.as_str().into(), &expected[0].as_str().into()).await.unwrap();
    assert_eq!(ghl.get_locations().await.unwrap().len(), 2, "a minted location is not listed twice");
    sandbox.stop().await;
}

#[tokio::test]
async fn a_client_that_speaks_v3_finds_where_the_app_is_installed_too() {
    let company = json!({"access_token": "c", "expires_in": 86_399, "companyId": "co1", "userType": "Company"});
    let script = ScriptedTransport::new()
        .respond(200, company)
        .respond(200, json!({"locations": [{"id": "l1"}, {"id": "l2"}]}))
        .respond(200, json!({"locations": [{"_id": "l1"}], "count": 1}));
    let (sent, clock) = (Arc::new(script), Arc::new(ManualClock::new(NOW)));
    let oauth = GhlOAuth::builder("app1-x", "s3cret".to_owned()).redirect_uri("https://app.example.com/auth");
    let oauth = oauth.transport(sent.clone()).clock(clock.clone()).build().unwrap();
    let store = Arc::new(MemoryStore::with_clock(clock.clone()));
    let tokens = GhlConnections::new(oauth.clone(), store.clone(), store, clock.clone()).of("org1");
    tokens.adopt(&oauth.exchange_code("c", None).await.unwrap()).await.unwrap();
    let ghl = GhlClient::builder().tokens(tokens).client_id("app1-x").transport(sent.clone()).clock(clock);
    let found = ghl.build().unwrap().v3().get_locations().await.unwrap();
    assert_eq!(found.iter().map(|location| location.id.as_str()).collect::<Vec<_>>(), ["l1"]);
    let versions: Vec<_> = sent.requests()[1..].iter().map(|request| request.header("version").to_owned()).collect();
    assert_eq!(versions, ["v3", "2021-07-28"]);
}

#[tokio::test]
async fn a_client_with_one_token_says_whose_locations_it_wants() {
    let (ghl, sent) = client(
        ScriptedTransport::new()
            .respond(200, fixture!("locations_search"))
            .respond(200, json!({"location": {"id": LOCATION}})),
    );
    let error = ghl.get_locations().await.unwrap_err();
    assert_eq!((error.kind(), error.send_state()), (ErrorKind::InvalidInput, SendState::NotSent));
    assert!(error.message().contains("`.location(id)`"), "{error}");
    assert_eq!(ghl.get_locations().company("co1").await.unwrap().len(), 1);
    assert_eq!(ghl.get_locations().location(LOCATION).await.unwrap()[0].id.as_str(), LOCATION);
    let lines: Vec<_> = sent.requests().iter().map(line).collect();
    let expected =
        ["GET /locations/search?companyId=co1&skip=0&limit=100".to_owned(), format!("GET /locations/{LOCATION}")];
    assert_eq!(lines, expected);
}

#[tokio::test]
async fn events_of_a_time_span_are_asked_for_calendar_by_calendar() {
    let (ghl, sent) = client(
        ScriptedTransport::new()
            .respond(200, json!({"calendars": [{"id": "c1"}, {"id": "c2"}]}))
            .respond(200, fixture!("calendars_events"))
            .respond(200, fixture!("calendars_events")),
    );
    let (start, end): (Timestamp, Timestamp) =
        ("2026-03-01T00:00:00Z".parse().unwrap(), "2026-03-31T00:00:00Z".parse().unwrap());
    let events = ghl.get_calendar_events(LOCATION, start, end).await.unwrap();
    assert_eq!(events.len(), fixture!("calendars_events")["events"].as_array().unwrap().len(), "each once");
    let requests = sent.requests();
    assert_eq!(requests.len(), 3);
    assert!(line(&requests[1]).contains("startTime=1772323200000&endTime=1774915200000"), "{}", line(&requests[1]));
}

fn ann(custom_fields: &[(&str, Value)]) -> NewContact {
    NewContact {
        first_name: "Ann".into(),
        email: Some("ann@example.com".into()),
        tags: vec!["lead".into()],
        custom_fields: custom_fields.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect(),
        ..NewContact::default()
    }
}

#[tokio::test]
async fn a_contact_is_created_with_the_fields_that_are_given() {
    let (ghl, sent) = answering(201, fixture!("contacts_get"));
    ghl.create_contact(LOCATION, ann(&[])).await.unwrap();
    let request = only(&sent);
    assert_eq!(line(&request), "POST /contacts/");
    let expected = json!({"locationId": LOCATION, "firstName": "Ann", "email": "ann@example.com", "tags": ["lead"]});
    assert_eq!(request.json(), expected, "what is not given is not sent: the provider refuses null here and there");
}

#[tokio::test]
async fn custom_fields_are_found_by_key_id_or_name() {
    let own = "3sv6UEo51C9Bmpo1cKTq";
    for name in ["course", "contact.course", own, "Course"] {
        let (ghl, sent) = client(
            ScriptedTransport::new().respond(200, fixture!("custom_fields")).respond(201, fixture!("contacts_get")),
        );
        ghl.create_contact(LOCATION, ann(&[(name, json!(["Rust", 3]))])).await.unwrap();
        let fields = &sent.requests()[1].json()["customFields"];
        assert_eq!(*fields, json!([{"id": own, "field_value": ["Rust", 3]}]), "{name}");
    }
}

#[tokio::test]
async fn a_custom_field_that_is_not_there_creates_nothing() {
    let (ghl, sent) = answering(200, fixture!("custom_fields"));
    let error = ghl.create_contact(LOCATION, ann(&[("corse", json!("Rust"))])).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidInput);
    assert!(error.message().contains("`corse`") && error.message().contains("contact.course"), "{error}");
    assert!(line(&only(&sent)).starts_with("GET"));
}

fn lesson(calendar: Option<&str>) -> NewCalendarEvent {
    let end = NOW + std::time::Duration::from_secs(1_800);
    let calendar = calendar.map(Into::into);
    NewCalendarEvent { contact: "ct1".into(), start: NOW, end, title: Some("Lesson".into()), calendar }
}

#[tokio::test]
async fn an_appointment_goes_into_the_named_calendar_or_the_only_one() {
    let booked = json!({
        "locationId": LOCATION, "calendarId": "BqTwX8QFwXzpegMve9EQ", "contactId": "ct1", "title": "Lesson",
        "startTime": "2026-03-01T10:00:00Z", "endTime": "2026-03-01T10:30:00Z",
    });
    let (ghl, sent) = answering(200, fixture!("appointments_create"));
    ghl.create_calendar_event(LOCATION, lesson(Some("BqTwX8QFwXzpegMve9EQ"))).await.unwrap();
    assert_eq!(
        (line(&only(&sent)).as_str(), only(&sent).json()),
        ("POST /calendars/events/appointments", booked.clone())
    );

    let script =
        ScriptedTransport::new().respond(200, fixture!("calendars_list")).respond(200, fixture!("appointments_create"));
    let (ghl, sent) = client(script);
    ghl.create_calendar_event(LOCATION, lesson(None)).await.unwrap();
    assert_eq!(sent.requests()[1].json(), booked);
}

#[tokio::test]
async fn several_calendars_are_named_and_nothing_is_booked() {
    for (calendars, word) in [
        (json!([{"id": "c1", "name": "Lessons"}, {"id": "c2"}]), "c1 (Lessons), c2 (no name)"),
        (json!([]), "no calendar"),
    ] {
        let (ghl, sent) = answering(200, json!({"calendars": calendars}));
        let error = ghl.create_calendar_event(LOCATION, lesson(None)).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput);
        assert!(error.message().contains(word), "{error}");
        assert!(line(&only(&sent)).starts_with("GET /calendars/"));
    }
}

#[tokio::test]
async fn the_settings_reach_every_call() {
    let script =
        ScriptedTransport::new().respond(200, fixture!("custom_fields")).respond(201, fixture!("contacts_get"));
    let (ghl, sent) = client(script);
    let version = ghl_client::ApiVersion::V2023_02_21;
    ghl.create_contact(LOCATION, ann(&[("course", json!("Rust"))])).version(version).background().await.unwrap();
    assert!(sent.requests().iter().all(|request| request.header("version") == "2023-02-21"));
}
