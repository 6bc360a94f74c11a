use futures_util::TryStreamExt;
use ghl_client::{
    ApiVersion,
    contacts::{Direction, Filter},
    model::{AppointmentStatus, CustomFieldValue},
};
use serde_json::{Value, json};
use sidecar_core::{ErrorKind, Timestamp, test_util::ScriptedTransport};

use crate::support::{LOCATION, NOW, answering, client, fixture, line, only};

#[tokio::test]
async fn every_call_carries_token_version_and_accept() {
    let (ghl, sent) = answering(200, fixture!("contacts_get"));
    ghl.contacts().get(LOCATION, "ocQHyuzHvysMo5N5VsXc").await.unwrap();
    let request = only(&sent);
    assert_eq!(request.header("authorization"), "Bearer pit-secret");
    assert_eq!(request.header("version"), "2021-07-28");
    assert_eq!(request.header("accept"), "application/json");
}

#[tokio::test]
async fn a_version_can_be_set_for_one_request() {
    let (ghl, sent) = answering(200, fixture!("contacts_get"));
    ghl.contacts().get(LOCATION, "c1").version(ApiVersion::V3).await.unwrap();
    assert_eq!(only(&sent).header("version"), "v3");
}

#[tokio::test]
async fn contacts_search_sends_what_was_asked_for_and_names_the_next_page() {
    let (ghl, sent) = answering(200, fixture!("contacts_search"));
    let page = ghl
        .contacts()
        .search(LOCATION)
        .query("ann")
        .filter(Filter::between("dateUpdated", Some(NOW), None))
        .sort("dateAdded", Direction::Asc)
        .page_size(2)
        .await
        .unwrap();
    let request = only(&sent);
    assert_eq!(line(&request), "POST /contacts/search");
    assert_eq!(
        request.json(),
        json!({
            "locationId": LOCATION, "pageLimit": 2, "query": "ann",
            "filters": [{"field": "dateUpdated", "operator": "range", "value": {"gte": 1_772_359_200_000_i64}}],
            "sort": [{"field": "dateAdded", "direction": "asc"}],
        })
    );
    assert_eq!((page.items.len(), page.total), (2, Some(3)));
    assert_eq!(page.items[0].custom_fields.as_ref().unwrap()[0].value, Some(json!("Rust")));
    assert_eq!(page.next.unwrap().0, [json!(1_759_305_600_001_i64), json!("pdRIzvaIwztNp6O6WtYd")]);
}

#[tokio::test]
async fn contacts_search_goes_on_until_a_page_is_empty() {
    let page = |rows: Value| json!({"contacts": rows, "total": 3});
    let script = ScriptedTransport::new()
        .respond(200, page(json!([{"id": "a", "searchAfter": [1]}, {"id": "b", "searchAfter": [2]}])))
        .respond(200, page(json!([{"id": "c", "searchAfter": [3]}])))
        .respond(200, page(json!([])));
    let (ghl, sent) = client(script);
    let all: Vec<_> = ghl.contacts().search(LOCATION).page_size(2).items().try_collect().await.unwrap();
    assert_eq!(all.iter().map(|contact| contact.id.as_str()).collect::<Vec<_>>(), ["a", "b", "c"]);
    let cursors: Vec<Value> = sent.requests().iter().map(|request| request.json()["searchAfter"].clone()).collect();
    assert_eq!(cursors, [Value::Null, json!([2]), json!([3])]);
    assert!(
        sent.requests().iter().all(|request| request.json().get("page").is_none()),
        "page and searchAfter exclude each other"
    );
}

#[tokio::test]
async fn a_first_page_that_holds_all_there_is_is_the_last() {
    let (ghl, sent) = answering(200, json!({"contacts": [{"id": "a", "searchAfter": [1]}], "total": 1}));
    let all: Vec<_> = ghl.contacts().search(LOCATION).items().try_collect().await.unwrap();
    assert_eq!((all.len(), sent.requests().len()), (1, 1));
}

#[tokio::test]
async fn a_provider_that_repeats_a_page_is_an_error_not_an_endless_loop() {
    let stuck = json!({"contacts": [{"id": "a", "searchAfter": [1]}], "total": 9});
    let (ghl, _) = client(ScriptedTransport::new().respond(200, stuck.clone()).respond(200, stuck));
    let error = ghl.contacts().search(LOCATION).items().try_collect::<Vec<_>>().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Decode);
}

#[tokio::test]
async fn what_the_search_would_refuse_is_refused_before_it_is_sent() {
    let (ghl, sent) = client(ScriptedTransport::new());
    let search = || ghl.contacts().search(LOCATION);
    let long = "x".repeat(76);
    for (request, word) in [
        (search().page_size(0), "1 to 500"),
        (search().page_size(501), "1 to 500"),
        (search().query(&long), "75 characters"),
        (search().filter(Filter::any([Filter::eq("email", long.as_str())])), "75 characters"),
        (ghl.contacts().search(""), "location id"),
        (ghl.contacts().search("../x"), "location id"),
    ] {
        let error = request.await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput);
        assert!(error.message().contains(word), "{error}");
    }
    assert!(sent.requests().is_empty());
}

#[tokio::test]
async fn contacts_create_sends_custom_fields_in_the_write_shape() {
    let (ghl, sent) = answering(201, fixture!("contacts_get"));
    let contact = ghl
        .contacts()
        .create(LOCATION)
        .first_name("Ann")
        .email("ann@example.com")
        .tags(["rust"])
        .custom_field(CustomFieldValue::by_key("course", "Rust"))
        .custom_field(CustomFieldValue::by_id("f1", 3))
        .await
        .unwrap();
    let request = only(&sent);
    assert_eq!(line(&request), "POST /contacts/");
    assert_eq!(
        request.json(),
        json!({
            "locationId": LOCATION, "firstName": "Ann", "email": "ann@example.com", "tags": ["rust"],
            "customFields": [{"key": "course", "field_value": "Rust"}, {"id": "f1", "field_value": 3}],
        })
    );
    assert_eq!(contact.display_name().as_deref(), Some("Ann Example"));
}

#[tokio::test]
async fn contacts_update_never_sends_the_location() {
    let (ghl, sent) = answering(200, json!({"succeded": true, "contact": {"id": "c1"}}));
    ghl.contacts().update(LOCATION, "c1").last_name("B").set("email", Value::Null).await.unwrap();
    let request = only(&sent);
    assert_eq!(line(&request), "PUT /contacts/c1");
    assert_eq!(request.json(), json!({"lastName": "B", "email": null}));
}

#[tokio::test]
async fn contacts_upsert_tells_new_from_known() {
    let (ghl, sent) = answering(200, fixture!("contacts_upsert"));
    let upserted = ghl.contacts().upsert(LOCATION).email("ann@example.com").await.unwrap();
    assert!(upserted.created);
    let request = only(&sent);
    assert_eq!(line(&request), "POST /contacts/upsert");
    assert_eq!(request.json(), json!({"locationId": LOCATION, "email": "ann@example.com"}));
}

#[tokio::test]
async fn contacts_delete_and_tags_have_their_lines() {
    let (ghl, sent) = client(
        ScriptedTransport::new()
            .respond(200, json!({"succeded": true}))
            .respond(201, json!({"tags": ["a", "b"]}))
            .respond(200, json!({"tags": ["b"]})),
    );
    ghl.contacts().delete(LOCATION, "c1").await.unwrap();
    assert_eq!(ghl.contacts().add_tags(LOCATION, "c1").tag("a").await.unwrap(), ["a", "b"]);
    assert_eq!(ghl.contacts().remove_tags(LOCATION, "c1").tags(["a"]).await.unwrap(), ["b"]);
    let lines: Vec<_> = sent.requests().iter().map(line).collect();
    assert_eq!(lines, ["DELETE /contacts/c1", "POST /contacts/c1/tags", "DELETE /contacts/c1/tags"]);
    assert_eq!(sent.requests()[2].json(), json!({"tags": ["a"]}), "this DELETE has a body");
}

#[tokio::test]
async fn locations_are_searched_read_and_listed_by_installation() {
    let (ghl, sent) = client(
        ScriptedTransport::new()
            .respond(200, fixture!("locations_search"))
            .respond(200, json!({"location": {"id": LOCATION, "companyId": "co1"}}))
            .respond(200, fixture!("oauth_installed_locations"))
            .respond(200, fixture!("custom_fields")),
    );
    let page = ghl.locations().search("co1").page_size(10).await.unwrap();
    assert_eq!((page.items[0].name.as_deref(), page.next), (Some("Example Ltd"), None));
    assert_eq!(ghl.locations().get(LOCATION).await.unwrap().company_id.unwrap().as_str(), "co1");
    let installed = ghl.locations().installed("co1").is_installed(true).skip(20).page_size(1).await.unwrap();
    assert_eq!((installed.items[0].id.as_str(), installed.next), ("0IHuJvc2ofPAAA8GzTRi", Some(21)));
    assert_eq!(
        ghl.locations().custom_fields(LOCATION).list().of_contacts().await.unwrap()[0].field_key.as_deref(),
        Some("contact.course")
    );
    let lines: Vec<_> = sent.requests().iter().map(line).collect();
    assert_eq!(
        lines,
        [
            "GET /locations/search?companyId=co1&skip=0&limit=10".to_owned(),
            format!("GET /locations/{LOCATION}"),
            "GET /oauth/installedLocations?companyId=co1&appId=app1&isInstalled=true&skip=20&limit=1".to_owned(),
            format!("GET /locations/{LOCATION}/customFields?model=contact"),
        ]
    );
}

#[tokio::test]
async fn events_are_asked_for_in_epoch_milliseconds_with_the_calendar_version() {
    let (ghl, sent) = answering(200, fixture!("calendars_events"));
    let events = ghl
        .calendars()
        .events(LOCATION)
        .calendar("cal1")
        .between(Timestamp::from_secs(1_680_373_800), Timestamp::from_secs(1_680_978_599))
        .await
        .unwrap();
    let request = only(&sent);
    assert_eq!(
        line(&request),
        format!(
            "GET /calendars/events?locationId={LOCATION}&calendarId=cal1&startTime=1680373800000&endTime=1680978599000"
        )
    );
    assert_eq!(request.header("version"), "2021-04-15");
    assert_eq!(events[0].status, Some(AppointmentStatus::Confirmed));
    assert_eq!(events[0].start_time.as_ref().unwrap().timestamp().unwrap().to_string(), "2026-03-01T22:30:00Z");
}

#[tokio::test]
async fn all_events_asks_every_calendar_and_gives_each_event_once_by_start() {
    let event = |id: &str, start: &str| json!({"id": id, "startTime": start});
    let (ghl, sent) = client(
        ScriptedTransport::new()
            .respond(200, json!({"calendars": [{"id": "c1"}, {"id": "c2"}]}))
            .respond(
                200,
                json!({"events": [event("late", "2026-03-02T10:00:00Z"), event("both", "2026-03-02T09:00:00Z")]}),
            )
            .respond(
                200,
                json!({"events": [event("both", "2026-03-02T09:00:00Z"), event("early", "2026-03-02T10:00:00+02:00")]}),
            ),
    );
    let events =
        ghl.calendars().all_events(LOCATION).between(NOW, NOW + std::time::Duration::from_secs(86_400)).await.unwrap();
    assert_eq!(events.iter().map(|event| event.id.as_str()).collect::<Vec<_>>(), ["early", "both", "late"]);
    assert_eq!(line(&sent.requests()[0]), format!("GET /calendars/?locationId={LOCATION}"));
    assert_eq!(sent.requests().len(), 3);
}

#[tokio::test]
async fn events_without_a_selector_or_a_span_are_refused_with_what_to_do() {
    let (ghl, sent) = client(ScriptedTransport::new());
    let events = || ghl.calendars().events(LOCATION);
    for (request, word) in [
        (events().between(NOW, NOW + std::time::Duration::from_secs(1)), "all_events"),
        (events().calendar("c"), "between"),
        (events().calendar("c").between(NOW, NOW), "empty"),
    ] {
        let error = request.await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput);
        assert!(error.message().contains(word), "{error}");
    }
    assert!(sent.requests().is_empty());
}

#[tokio::test]
async fn appointments_are_created_read_changed_and_deleted() {
    let (ghl, sent) = client(
        ScriptedTransport::new()
            .respond(200, fixture!("appointments_create"))
            .respond(200, fixture!("appointments_get"))
            .respond(200, fixture!("appointments_create"))
            .respond(201, json!({"succeeded": true})),
    );
    let appointments = ghl.appointments();
    let made = appointments.create(LOCATION, "cal1", "con1").start(NOW).title("Trial").await.unwrap();
    assert_eq!((made.id.as_str(), &made.date_updated), ("0TkCdp9PfvLeWKYRRvIz", &None));
    assert!(appointments.get(LOCATION, "e1").await.unwrap().date_updated.is_some());
    appointments.update(LOCATION, "e1").status(AppointmentStatus::Cancelled).await.unwrap();
    appointments.delete(LOCATION, "e1").await.unwrap();
    let requests = sent.requests();
    let lines: Vec<_> = requests.iter().map(line).collect();
    assert_eq!(
        lines,
        [
            "POST /calendars/events/appointments",
            "GET /calendars/events/appointments/e1",
            "PUT /calendars/events/appointments/e1",
            "DELETE /calendars/events/e1",
        ]
    );
    assert_eq!(
        requests[0].json(),
        json!({"calendarId": "cal1", "contactId": "con1", "locationId": LOCATION, "startTime": "2026-03-01T10:00:00Z", "title": "Trial"})
    );
    assert_eq!(requests[2].json(), json!({"appointmentStatus": "cancelled"}));
    assert!(requests.iter().all(|request| request.header("version") == "2021-04-15"));
}

#[tokio::test]
async fn an_appointment_without_a_start_is_refused_before_it_is_sent() {
    let (ghl, _) = client(ScriptedTransport::new());
    let error = ghl.appointments().create(LOCATION, "cal1", "con1").await.unwrap_err();
    assert!(error.message().contains("start"), "{error}");
}

#[tokio::test]
async fn a_raw_call_shares_token_version_and_errors() {
    let (ghl, sent) =
        client(ScriptedTransport::new().respond(200, json!({"a": 1})).respond(404, json!({"message": "no"})));
    let answer: Value = ghl.raw().get("/any/path").query("a", "b c").query("n", 7).json().await.unwrap();
    assert_eq!(answer, json!({"a": 1}));
    let error = ghl.raw().post("/x").location(LOCATION).body(&json!({"y": 2})).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound);
    let requests = sent.requests();
    assert_eq!(line(&requests[0]), "GET /any/path?a=b+c&n=7");
    assert_eq!(requests[0].header("version"), "2021-07-28");
    assert_eq!(requests[1].json(), json!({"y": 2}));
}

#[tokio::test]
async fn an_id_that_would_reach_another_resource_is_refused() {
    let (ghl, sent) = client(ScriptedTransport::new());
    for id in ["", ".", ".."] {
        assert_eq!(ghl.contacts().delete(LOCATION, id).await.unwrap_err().kind(), ErrorKind::InvalidInput, "{id}");
    }
    assert!(sent.requests().is_empty());
}

#[tokio::test]
async fn a_contact_is_found_by_its_email_or_is_not_there() {
    let (ghl, sent) = client(
        ScriptedTransport::new()
            .respond(200, fixture!("contacts_get"))
            .respond(200, json!({"contact": null}))
            .respond(200, Value::Null),
    );
    let find = || ghl.contacts().find(LOCATION).email("ann+1@example.com").phone("+14155550100");
    assert_eq!(find().await.unwrap().unwrap().id.as_str(), "ocQHyuzHvysMo5N5VsXc");
    assert_eq!((find().await.unwrap(), find().await.unwrap()), (None, None));
    let expected = format!(
        "GET /contacts/search/duplicate?locationId={LOCATION}&number=%2B14155550100&email=ann%2B1%40example.com"
    );
    assert_eq!(line(&sent.requests()[0]), expected);
    assert_eq!(ghl.contacts().find(LOCATION).await.unwrap_err().kind(), ErrorKind::InvalidInput);
}

#[tokio::test]
async fn a_listing_whose_skip_is_ignored_is_an_error_not_an_endless_loop() {
    let page = json!({"locations": [{"id": "a"}, {"id": "b"}]});
    let (ghl, sent) = client(ScriptedTransport::new().respond(200, page.clone()).respond(200, page));
    let listing = ghl.locations().search("co1").page_size(2).items();
    let error = listing.try_collect::<Vec<_>>().await.unwrap_err();
    assert!(error.message().contains("does not move"), "{error}");
    assert_eq!(line(&sent.requests()[1]), "GET /locations/search?companyId=co1&skip=2&limit=2");
}
