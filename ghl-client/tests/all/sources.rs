use std::time::Duration;

use ghl_client::sync::{
    ContactsSource, EventsSource, LocationsSource, OpportunitiesCursor, OpportunitiesSource, PipelinesSource,
    webhook_changes, written_appointment,
};
use serde_json::{Value, json};
use sidecar_core::{
    ErrorKind, Timestamp,
    record::{ChangeOrigin, Mutation},
    sync::{Lookup as _, PageRequest, Source},
    test_util::ScriptedTransport,
};

use crate::support::{LOCATION, NOW, client, fixture, line};

fn row(id: &str, added: &str, updated: Option<&str>) -> Value {
    json!({"id": id, "dateAdded": added, "dateUpdated": updated, "surprise": {"a": 1}, "searchAfter": [added, id]})
}

#[tokio::test]
async fn a_full_pass_goes_by_creation_and_vouches_for_every_stretch() {
    let first =
        [row("a", "2026-01-01T00:00:00Z", Some("2026-02-01T00:00:00Z")), row("b", "2026-01-02T00:00:00Z", None)];
    let (ghl, sent) = client(
        ScriptedTransport::new()
            .respond(200, json!({"contacts": first, "total": 3}))
            .respond(200, json!({"contacts": [row("c", "2026-01-03T00:00:00Z", None)], "total": 3}))
            .respond(200, json!({"contacts": [], "total": 3})),
    );
    let source = ContactsSource::new(ghl, "org1", LOCATION).page_size(2);
    let one = source.page(PageRequest::full()).await.unwrap();
    let two = source.page(PageRequest { cursor: one.page.next.clone(), ..PageRequest::full() }).await.unwrap();
    let three = source.page(PageRequest { cursor: two.page.next.clone(), ..PageRequest::full() }).await.unwrap();

    let request = &sent.requests()[0];
    assert_eq!(request.json()["sort"], json!([{"field": "dateAdded", "direction": "asc"}]));
    assert_eq!(request.json().get("filters"), None);
    let change = &one.page.items[0];
    assert_eq!((change.key.kind.as_ref(), &*change.key.id, change.origin), ("contact", "a", ChangeOrigin::Listed));
    assert_eq!(change.version, "2026-02-01T00:00:00Z".parse().unwrap());
    assert_eq!(one.page.items[1].version, "2026-01-02T00:00:00Z".parse().unwrap(), "never changed: as of its creation");
    let Mutation::Put(document) = &change.mutation else { panic!("no document") };
    assert_eq!(document["surprise"], json!({"a": 1}), "fields that no model knows are copied too");
    assert!(!document.contains_key("searchAfter"), "the cursor is the listing's");

    let place = |time: &str, id: &str| Some((time.parse::<Timestamp>().unwrap(), id.into()));
    let (one, two, three) = (one.range.unwrap(), two.range.unwrap(), three.range.unwrap());
    assert_eq!((one.after, &one.up_to), (None, &place("2026-01-02T00:00:00Z", "b")));
    assert_eq!((two.after, &two.up_to), (one.up_to, &place("2026-01-03T00:00:00Z", "c")));
    assert_eq!((three.after, three.up_to), (two.up_to, None), "the last page vouches for the rest");
    assert_eq!(three.location.as_deref(), Some(LOCATION));
}

#[tokio::test]
async fn an_incremental_pass_asks_for_what_changed_and_vouches_for_nothing() {
    let (ghl, sent) = client(ScriptedTransport::new().respond(200, json!({"contacts": [], "total": 0})));
    let page = ContactsSource::new(ghl, "org1", LOCATION).page(PageRequest::changed_since(NOW)).await.unwrap();
    assert!(page.range.is_none() && page.page.next.is_none());
    let body = sent.requests()[0].json();
    assert_eq!(
        body["filters"],
        json!([{"field": "dateUpdated", "operator": "range", "value": {"gte": NOW.as_millis()}}])
    );
    assert_eq!(body["sort"], json!([{"field": "dateUpdated", "direction": "asc"}]));
}

#[tokio::test]
async fn a_cursor_survives_being_written_down() {
    let page = json!({"contacts": [row("a", "2026-01-01T00:00:00Z", None)], "total": 2});
    let (ghl, _) = client(ScriptedTransport::new().respond(200, page));
    let source = ContactsSource::new(ghl, "org1", LOCATION);
    let next = source.page(PageRequest::full()).await.unwrap().page.next.unwrap();
    let kept: <ContactsSource as Source>::Cursor =
        serde_json::from_str(&serde_json::to_string(&next).unwrap()).unwrap();
    assert_eq!(kept, next);
}

#[tokio::test]
async fn reading_one_contact_tells_gone_from_trouble() {
    let (ghl, _) = client(
        ScriptedTransport::new()
            .respond(200, fixture!("contacts_get"))
            .respond(400, json!({"statusCode": 400, "message": "Contact with id gone not found"}))
            .respond(500, json!({})),
    );
    let source = ContactsSource::new(ghl, "org1", LOCATION);
    let alive = source.lookup("ocQHyuzHvysMo5N5VsXc", 4).await.unwrap();
    assert_eq!(alive.origin, ChangeOrigin::Read { revision: 4 });
    assert_eq!(alive.version, "2026-02-11T09:30:00.123Z".parse().unwrap());
    assert!(matches!(alive.mutation, Mutation::Put(_)));
    let gone = source.lookup("gone", 2).await.unwrap();
    assert_eq!((gone.mutation, gone.version, &*gone.key.id), (Mutation::Delete, NOW, "gone"));
    assert_eq!(source.lookup("x", 0).await.unwrap_err().kind(), ErrorKind::Server, "trouble is never a delete");
}

#[tokio::test]
async fn a_row_without_an_id_fails_the_page_instead_of_being_dropped() {
    let (ghl, _) =
        client(ScriptedTransport::new().respond(200, json!({"contacts": [{"searchAfter": [1]}], "total": 1})));
    let error = ContactsSource::new(ghl, "org1", LOCATION).page(PageRequest::full()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Decode);
}

#[tokio::test]
async fn a_companys_locations_are_those_where_the_app_is_installed() {
    let (ghl, sent) = client(
        ScriptedTransport::new()
            .respond(
                200,
                json!({"locations": [{"id": "l2", "name": "Two"}, {"id": "l1", "name": "One", "timezone": "UTC"}]}),
            )
            .respond(
                200,
                json!({"locations": [{"_id": "l3", "name": "Three"}, {"_id": "l1", "name": "One"}], "count": 2}),
            )
            .respond(200, json!({"locations": [], "count": 0}))
            .respond(200, json!({"location": {"id": "l2"}})),
    );
    let source = LocationsSource::of_company(ghl, "org1", "co1");
    let page = source.page(PageRequest::full()).await.unwrap();
    let ids: Vec<_> = page.page.items.iter().map(|change| change.key.id.to_string()).collect();
    assert_eq!(ids, ["l1", "l3"]);
    let Mutation::Put(one) = &page.page.items[0].mutation else { panic!("no document") };
    assert_eq!((&one["timezone"], &one["companyId"]), (&json!("UTC"), &json!("co1")));
    assert_eq!(page.page.items[0].location.as_deref(), Some("l1"));
    let span = page.range.unwrap();
    assert_eq!((span.location, span.after, span.up_to), (None, None, None), "the one page vouches for all");
    let gone = source.lookup("l2", 1).await.unwrap();
    assert_eq!(gone.mutation, Mutation::Delete, "it exists, but the app is not installed there");
    assert!(line(&sent.requests()[2]).contains("locationId=l2"));
}

#[tokio::test]
async fn a_client_that_speaks_v3_asks_for_installations_by_numbered_pages_all_the_same() {
    let script = ScriptedTransport::new().respond(200, json!({"locations": [{"id": "l1"}]}));
    let (ghl, sent) = client(script.respond(200, json!({"locations": [{"_id": "l1"}], "count": 1})));
    LocationsSource::of_company(ghl.v3(), "org1", "co1").page(PageRequest::full()).await.unwrap();
    let [search, installations] = <[_; 2]>::try_from(sent.requests()).unwrap();
    assert_eq!(search.header("version"), "v3");
    assert!(line(&installations).starts_with("GET /oauth/installedLocations?"), "{installations:?}");
    assert_eq!(installations.header("version"), "2021-07-28");
}

#[tokio::test]
async fn a_companys_pass_does_not_judge_another_companys_location() {
    let (ghl, _) = client(
        ScriptedTransport::new()
            .respond(200, json!({"locations": [], "count": 0}))
            .respond(403, json!({"message": "The token does not have access to this location."})),
    );
    let error = LocationsSource::of_company(ghl, "org1", "co1").lookup("l9", 1).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Forbidden);
}

#[tokio::test]
async fn a_single_locations_source_reads_it() {
    let (ghl, _) = client(ScriptedTransport::new().respond(200, json!({"location": {"id": LOCATION, "name": "One"}})));
    let page = LocationsSource::of_location(ghl, "org1", LOCATION).page(PageRequest::full()).await.unwrap();
    assert_eq!((page.page.items.len(), page.page.next), (1, None));
}

#[tokio::test]
async fn events_are_listed_by_start_in_pages_that_a_batch_can_hold() {
    let start = |n: u64| (NOW + Duration::from_secs(60 * n)).to_string();
    let mut events: Vec<Value> =
        (1..=700).rev().map(|n| json!({"id": format!("e{n:04}"), "startTime": start(n)})).collect();
    events.push(json!({"id": "running", "startTime": (NOW - Duration::from_secs(60)).to_string()}));
    let (ghl, sent) = client(
        ScriptedTransport::new()
            .respond(200, json!({"calendars": [{"id": "c1"}]}))
            .respond(200, json!({"events": events})),
    );
    let source = EventsSource::new(ghl, "org1", LOCATION);
    let one = source.page(PageRequest::full()).await.unwrap();
    let two = source.page(PageRequest { cursor: one.page.next.clone(), ..PageRequest::full() }).await.unwrap();
    assert_eq!((one.page.items.len(), two.page.items.len(), two.page.next), (500, 200, None));
    assert_eq!(sent.requests().len(), 2, "the provider gives all at once: it is asked once");
    assert_eq!(&*one.page.items[0].key.id, "e0001", "an event that began before the window is not the pass's");
    assert_eq!(one.page.items[0].position, Some(NOW + Duration::from_secs(60)));
    let (one, two) = (one.range.unwrap(), two.range.unwrap());
    assert_eq!((one.kind, one.after), ("appointment", Some((NOW, "".into()))));
    assert_eq!(one.up_to, Some((NOW + Duration::from_secs(30_000), "e0500".into())));
    assert_eq!((two.after, two.up_to), (one.up_to, Some((NOW + Duration::from_secs(30 * 86_400), "".into()))));
}

#[tokio::test]
async fn what_a_write_answered_changes_only_the_fields_it_carries() {
    let (ghl, _) = client(ScriptedTransport::new().respond(200, fixture!("appointments_create")));
    let written = ghl.appointments().update(LOCATION, "e1").title("Test Event").await.unwrap();
    let change = written_appointment(&"org1".into(), &LOCATION.into(), &written, NOW, 3);
    assert_eq!(
        (change.version, change.origin),
        (NOW, ChangeOrigin::Read { revision: 3 }),
        "the answer has no update time"
    );
    let Mutation::Patch(patch) = change.mutation else { panic!("no patch") };
    assert_eq!((&patch["title"], patch.get("dateAdded")), (&json!("Test Event"), None));
}

fn deal(id: &str, created: &str) -> Value {
    json!({"id": id, "createdAt": created, "updatedAt": "2026-02-01T00:00:00Z", "surprise": 1})
}

fn deals(rows: &[Value], after: Option<(&str, &str)>) -> Value {
    let (after, id) = after.unzip();
    json!({"opportunities": rows, "meta": {"total": 3, "startAfter": after, "startAfterId": id}})
}

#[tokio::test]
async fn opportunities_are_listed_by_creation_and_every_stretch_is_vouched_for() {
    let (ghl, sent) = client(
        ScriptedTransport::new()
            .respond(
                200,
                deals(&[deal("a", "2026-01-01T00:00:00Z"), deal("b", "2026-01-02T00:00:00Z")], Some(("7", "b"))),
            )
            .respond(200, json!({"opportunities": [deal("c", "2026-01-03T00:00:00Z")]}))
            .respond(200, deals(&[], None)),
    );
    let source = OpportunitiesSource::new(ghl, "org1", LOCATION).page_size(2);
    let one = source.page(PageRequest::full()).await.unwrap();
    let kept: OpportunitiesCursor =
        serde_json::from_str(&serde_json::to_string(&one.page.next.clone().unwrap()).unwrap()).unwrap();
    let two = source.page(PageRequest::full().at(kept)).await.unwrap();
    let three = source.page(PageRequest { cursor: two.page.next.clone(), ..PageRequest::full() }).await.unwrap();
    let lines: Vec<_> = sent.requests().iter().map(line).collect();
    let expected = format!("GET /opportunities/search?location_id={LOCATION}&order=added_asc&limit=2");
    let behind = |at: &str, id: &str| format!("{expected}&startAfter={at}&startAfterId={id}");
    assert_eq!(
        lines,
        [expected.clone(), behind("7", "b"), behind("1767398400000", "c")],
        "where the answer names no cursor, the last row is one"
    );

    let change = &one.page.items[0];
    assert_eq!((change.key.kind.as_ref(), change.version), ("opportunity", "2026-02-01T00:00:00Z".parse().unwrap()));
    assert_eq!(change.position, Some("2026-01-01T00:00:00Z".parse().unwrap()));
    let Mutation::Put(document) = &change.mutation else { panic!("no document") };
    assert_eq!(document["surprise"], json!(1), "fields that no model knows are copied too");
    let place = |time: &str, id: &str| Some((time.parse::<Timestamp>().unwrap(), id.into()));
    let (one, two, three) = (one.range.unwrap(), two.range.unwrap(), three.range.unwrap());
    assert_eq!((one.after, &one.up_to), (None, &place("2026-01-02T00:00:00Z", "b")));
    assert_eq!((two.after, &two.up_to), (one.up_to, &place("2026-01-03T00:00:00Z", "c")));
    assert_eq!((three.after, three.up_to), (two.up_to, None), "the empty page vouches for the rest");
}

#[tokio::test]
async fn a_page_of_opportunities_that_is_out_of_order_vouches_for_nothing() {
    let (ghl, _) = client(
        ScriptedTransport::new()
            .respond(200, deals(&[deal("b", "2026-01-02T00:00:00Z"), deal("a", "2026-01-01T00:00:00Z")], None)),
    );
    let page = OpportunitiesSource::new(ghl, "org1", LOCATION).page(PageRequest::full()).await.unwrap();
    assert_eq!((page.page.items.len(), page.range), (2, None));
}

#[tokio::test]
async fn reading_one_opportunity_or_pipeline_tells_gone_from_there() {
    let (ghl, _) = client(
        ScriptedTransport::new()
            .respond(200, json!({"opportunity": deal("a", "2026-01-01T00:00:00Z")}))
            .respond(400, json!({"statusCode": 400, "message": "Opportunity with id gone not found"}))
            .respond(200, fixture!("opportunities_pipelines"))
            .respond(200, fixture!("opportunities_pipelines")),
    );
    let opportunities = OpportunitiesSource::new(ghl.clone(), "org1", LOCATION);
    assert!(matches!(opportunities.lookup("a", 1).await.unwrap().mutation, Mutation::Put(_)));
    assert_eq!(opportunities.lookup("gone", 1).await.unwrap().mutation, Mutation::Delete);
    let pipelines = PipelinesSource::new(ghl, "org1", LOCATION);
    assert!(matches!(pipelines.lookup("VDm7RPYC2GLUvdpKmBfC", 1).await.unwrap().mutation, Mutation::Put(_)));
    assert_eq!(pipelines.lookup("gone", 1).await.unwrap().mutation, Mutation::Delete);
}

#[tokio::test]
async fn pipelines_are_copied_whole_and_the_one_page_vouches_for_all() {
    let (ghl, _) = client(ScriptedTransport::new().respond(200, fixture!("opportunities_pipelines")));
    let page = PipelinesSource::new(ghl, "org1", LOCATION).page(PageRequest::full()).await.unwrap();
    let Mutation::Put(document) = &page.page.items[0].mutation else { panic!("no document") };
    assert_eq!(document["stages"].as_array().unwrap().len(), 2);
    let span = page.range.unwrap();
    assert_eq!((span.kind, span.location.as_deref(), span.after, span.up_to), ("pipeline", Some(LOCATION), None, None));
}

#[test]
fn an_opportunitys_event_changes_the_fields_it_carries_under_a_reads_names() {
    let body = fixture!("webhook_opportunity_create");
    let event = ghl_client::GhlEvent::parse(body.to_string().as_bytes()).unwrap();
    let changes = webhook_changes(&event, &"org1".into(), NOW);
    let [change] = changes.as_slice() else { panic!("{changes:?}") };
    assert_eq!((change.key.kind.as_ref(), &*change.key.id), ("opportunity", "wWhVuzvpRkuA302PvD8B"));
    assert_eq!(change.location.as_deref(), Some(LOCATION));
    assert_eq!(change.position, Some("2021-11-26T12:41:02.193Z".parse().unwrap()));
    let Mutation::Patch(patch) = &change.mutation else { panic!("no patch") };
    assert_eq!((&patch["monetaryValue"], &patch["createdAt"]), (&body["monetaryValue"], &body["dateAdded"]));
    assert!(!patch.contains_key("dateAdded") && !patch.contains_key("contact"), "{patch:?}");
}
