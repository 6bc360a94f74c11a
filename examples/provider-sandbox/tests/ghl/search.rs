use std::collections::BTreeSet;

use http::StatusCode;
use serde_json::{Value, json};

use crate::support::{Fixture, START_MS};

fn ids(body: &Value) -> Vec<String> {
    body["contacts"].as_array().unwrap().iter().map(|contact| contact["id"].as_str().unwrap().to_owned()).collect()
}

/// Returns all contacts by `searchAfter`, `limit` per page.
async fn all_pages(fixture: &Fixture, limit: u64, sort: &Value) -> Vec<Value> {
    let mut all: Vec<Value> = Vec::new();
    loop {
        let mut fields = json!({"pageLimit": limit, "sort": sort});
        if let Some(last) = all.last() {
            fields["searchAfter"] = last["searchAfter"].clone();
        }
        let page = fixture.search(fields).await.body["contacts"].as_array().unwrap().clone();
        if page.is_empty() {
            return all;
        }
        all.extend(page);
    }
}

#[tokio::test]
async fn search_after_returns_every_contact_once_in_order() {
    let fixture = Fixture::with_contacts(1_030).await;
    for (field, direction) in
        [("dateUpdated", "asc"), ("dateAdded", "desc"), ("id", "asc"), ("lastNameLowerCase", "desc")]
    {
        fixture.sandbox.control().advance_clock(10_000);
        let sort = json!([{"field": field, "direction": direction}]);
        let all = all_pages(&fixture, 100, &sort).await;
        let distinct: BTreeSet<_> = all.iter().map(|contact| contact["id"].as_str().unwrap()).collect();
        assert_eq!((all.len(), distinct.len()), (1_030, 1_030), "{field}");
        let name = if field == "lastNameLowerCase" { "lastNameLowerCase" } else { field };
        let values: Vec<_> = all.iter().filter_map(|contact| contact[name].as_str()).collect();
        let ordered =
            values.windows(2).all(|pair| if direction == "asc" { pair[0] <= pair[1] } else { pair[0] >= pair[1] });
        assert!(ordered, "{field}");
    }
}

#[tokio::test]
async fn a_contact_updated_during_paging_is_returned_again_at_the_end() {
    let fixture = Fixture::with_contacts(300).await;
    fixture.sandbox.control().set_index_lag(0);
    let sort = json!([{"field": "dateUpdated", "direction": "asc"}]);
    let first = fixture.search(json!({"pageLimit": 100, "sort": sort})).await.body;
    let rescheduled = ids(&first)[0].clone();
    fixture.ghl.update_contact(&rescheduled, &json!({"city": "Lima"})).unwrap();
    let rest = fixture.search(json!({"sort": sort, "searchAfter": first["contacts"][99]["searchAfter"]})).await.body;
    assert_eq!(ids(&rest).len(), 201);
    assert_eq!(ids(&rest).last(), Some(&rescheduled));
}

#[tokio::test]
async fn page_reaches_ten_thousand_rows_and_search_after_continues() {
    let fixture = Fixture::with_contacts(10_200).await;
    let last = fixture.search(json!({"page": 20})).await;
    assert_eq!((last.status, last.body["total"].as_i64()), (StatusCode::OK, Some(10_200)));
    assert_eq!(fixture.search(json!({"page": 21})).await.status, StatusCode::UNPROCESSABLE_ENTITY);
    let beyond = fixture.search(json!({"searchAfter": last.body["contacts"][499]["searchAfter"]})).await;
    assert_eq!(ids(&beyond.body).len(), 200);
}

#[tokio::test]
async fn an_invalid_search_is_rejected_with_the_reason() {
    let fixture = Fixture::new().await;
    let long = "x".repeat(76);
    let filter = |filter: Value| json!({"filters": [filter]});
    let table = [
        (json!({"pageLimit": 0}), 422, "pageLimit"),
        (json!({"pageLimit": 501}), 422, "pageLimit"),
        (json!({"page": 1, "searchAfter": [1, "x"]}), 422, "searchAfter"),
        (json!({"searchAfter": ["x"]}), 422, "searchAfter"),
        (json!({"limit": 5}), 422, "property limit should not exist"),
        (json!({"query": long}), 422, "75"),
        (json!({"sort": [{"field": "shoeSize"}]}), 400, "Invalid field shoeSize"),
        (json!({"sort": [{"field": "id", "direction": "up"}]}), 422, "direction"),
        (filter(json!({"field": "contact_name", "operator": "eq", "value": "x"})), 400, "Invalid field contact_name"),
        (filter(json!({"field": "email", "operator": "like", "value": "x"})), 422, "operator"),
        (filter(json!({"field": "email", "operator": "eq", "value": "x".repeat(76)})), 422, "75"),
        (filter(json!({"field": "email", "operator": "range", "value": {"gte": 1}})), 400, "range"),
        (filter(json!({"field": "dateAdded", "operator": "range", "value": {"from": 1}})), 422, "from"),
        (filter(json!({"group": "XOR", "filters": []})), 422, "group"),
    ];
    for (fields, status, word) in table {
        let response = fixture.search(fields.clone()).await;
        assert_eq!(response.status.as_u16(), status, "{fields}");
        assert!(response.message().contains(word), "{fields}: {}", response.message());
    }
    let without_limit = fixture.call("POST", "/contacts/search", Some(json!({"locationId": fixture.location}))).await;
    assert_eq!(without_limit.status, StatusCode::UNPROCESSABLE_ENTITY);
    let without_location = fixture.call("POST", "/contacts/search", Some(json!({"pageLimit": 5}))).await;
    assert!(without_location.message().contains("locationId"));
}

#[tokio::test]
async fn filters_match_the_stored_contacts() {
    let fixture = Fixture::with_contacts(400).await;
    let expected = fixture.ghl.contacts(&fixture.location);
    let count =
        |predicate: &dyn Fn(&Value) -> bool| expected.iter().filter(|contact| predicate(contact)).count() as u64;
    let has = |contact: &Value, tag: &str| contact["tags"].as_array().unwrap().iter().any(|value| value == tag);
    let middle = expected[7]["dateUpdated"].as_str().unwrap().to_owned();
    let table: Vec<(Value, u64)> = vec![
        (json!({"field": "city", "operator": "eq", "value": "AUSTIN"}), count(&|contact| contact["city"] == "Austin")),
        (
            json!({"field": "city", "operator": "not_eq", "value": "Austin"}),
            count(&|contact| contact["city"] != "Austin"),
        ),
        (
            json!({"field": "email", "operator": "contains", "value": "@example.org"}),
            count(&|contact| contact["email"].as_str().is_some_and(|email| email.contains("@example.org"))),
        ),
        (
            json!({"field": "email", "operator": "not_contains", "value": "@example.org"}),
            count(&|contact| !contact["email"].as_str().is_some_and(|email| email.contains("@example.org"))),
        ),
        (json!({"field": "phone", "operator": "exists"}), count(&|contact| contact["phone"].is_string())),
        (json!({"field": "phone", "operator": "not_exists"}), count(&|contact| contact["phone"].is_null())),
        (
            json!({"field": "tags", "operator": "eq", "value": "course:advanced"}),
            count(&|contact| has(contact, "course:advanced")),
        ),
        (
            json!({"field": "tags", "operator": "eq", "value": ["vip", "lead"]}),
            count(&|contact| has(contact, "vip") || has(contact, "lead")),
        ),
        (
            json!({"field": "dateUpdated", "operator": "range", "value": {"gte": middle}}),
            count(&|contact| contact["dateUpdated"].as_str().unwrap() >= middle.as_str()),
        ),
        (json!({"field": "dateUpdated", "operator": "range", "value": {"lt": START_MS, "gt": 0}}), 400),
        (
            json!({"group": "OR", "filters": [{"field": "dnd", "operator": "eq", "value": true}, {"group": "AND", "filters": [
                {"field": "state", "operator": "eq", "value": "TX"}, {"field": "tags", "operator": "contains", "value": "course"}]}]}),
            count(&|contact| {
                contact["dnd"] == true || (contact["state"] == "TX" && contact["tags"].to_string().contains("course"))
            }),
        ),
    ];
    for (filter, expected_count) in table {
        let response = fixture.search(json!({"filters": [filter]})).await;
        assert_eq!(response.body["total"].as_u64(), Some(expected_count), "{filter}");
        assert_eq!(ids(&response.body).len() as u64, expected_count, "{filter}");
        assert!(expected_count > 0, "{filter} matches no contact");
    }
}

#[tokio::test]
async fn a_query_matches_the_email() {
    let fixture = Fixture::new().await;
    let contact =
        fixture.ghl.contacts(&fixture.location).into_iter().find(|contact| contact["email"].is_string()).unwrap();
    let found = fixture.search(json!({"query": contact["email"]})).await;
    assert_eq!(ids(&found.body), [contact["id"].as_str().unwrap()]);
}

#[tokio::test(start_paused = true)]
async fn the_index_shows_writes_after_five_seconds_and_reads_at_once() {
    let fixture = Fixture::new().await;
    let new = fixture
        .ghl
        .create_contact(&fixture.location, &json!({"firstName": "Nova", "email": "nova@example.com"}))
        .unwrap();
    let gone = fixture.ghl.contacts(&fixture.location)[0]["id"].as_str().unwrap().to_owned();
    fixture.ghl.delete_contact(&gone).unwrap();
    let id = new["id"].as_str().unwrap();
    assert_eq!(fixture.get(&format!("/contacts/{id}")).await.status, StatusCode::OK);
    assert_eq!(fixture.get(&format!("/contacts/{gone}")).await.status, StatusCode::BAD_REQUEST);
    fixture.sandbox.control().advance_clock(4_999);
    let early = ids(&fixture.search(json!({})).await.body);
    assert!(!early.contains(&id.to_owned()) && early.contains(&gone));
    fixture.sandbox.control().advance_clock(1);
    let late = ids(&fixture.search(json!({})).await.body);
    assert!(late.contains(&id.to_owned()) && !late.contains(&gone));
}

#[tokio::test]
async fn searches_return_null_where_reads_by_id_omit_the_field() {
    let fixture = Fixture::new().await;
    let page = fixture.search(json!({})).await.body;
    let sparse = page["contacts"].as_array().unwrap().iter().find(|contact| contact["companyName"].is_null()).unwrap();
    assert!(sparse.as_object().unwrap().contains_key("companyName"));
    let read = fixture.get(&format!("/contacts/{}", sparse["id"].as_str().unwrap())).await;
    assert!(!read.body["contact"].as_object().unwrap().contains_key("companyName"));
}

#[tokio::test]
async fn the_deprecated_list_pages_by_start_after_and_rejects_skip() {
    let fixture = Fixture::new().await;
    let mut seen = BTreeSet::new();
    let mut path = format!("/contacts/?locationId={}&limit=25", fixture.location);
    loop {
        let response = fixture.get(&path).await;
        assert_eq!(response.body["count"], 60);
        seen.extend(ids(&response.body));
        match response.body["meta"]["nextPageUrl"].as_str() {
            Some(next) => path = next.to_owned(),
            None => break,
        }
    }
    assert_eq!(seen.len(), 60);
    let skip = fixture.get(&format!("/contacts/?locationId={}&skip=20", fixture.location)).await;
    assert_eq!(skip.status, StatusCode::UNPROCESSABLE_ENTITY);
}

#[tokio::test]
async fn the_same_seed_creates_the_same_contacts() {
    let (one, two) = (Fixture::new().await, Fixture::new().await);
    assert_eq!(one.ghl.contacts(&one.location), two.ghl.contacts(&two.location));
    assert_ne!(one.ghl.contacts(&one.location), one.ghl.contacts(&one.other_location));
}

#[tokio::test]
async fn the_cost_of_a_page_stays_low_while_contacts_change() {
    let fixture = Fixture::with_contacts(20_000).await;
    fixture.sandbox.control().set_index_lag(0);
    let without_changes = time_pages(&fixture, 0).await;
    let with_changes = time_pages(&fixture, 1).await;
    // Sorting 20,000 contacts for every page would take far longer.
    assert!(with_changes < without_changes * 4, "{with_changes:?} with changes, {without_changes:?} without");
}

/// Returns the duration of forty pages, with this many new contacts before each.
async fn time_pages(fixture: &Fixture, new_contacts: u32) -> std::time::Duration {
    let sort = json!([{"field": "dateUpdated", "direction": "asc"}]);
    let mut page = fixture.search(json!({"pageLimit": 50, "sort": sort})).await.body;
    #[expect(clippy::disallowed_methods, reason = "measures real time")]
    let began = std::time::Instant::now();
    for _ in 0..40 {
        for _ in 0..new_contacts {
            fixture.ghl.create_contact(&fixture.location, &json!({"firstName": "New"})).unwrap();
        }
        let cursor = page["contacts"][49]["searchAfter"].clone();
        page = fixture.search(json!({"pageLimit": 50, "sort": sort, "searchAfter": cursor})).await.body;
    }
    assert_eq!(page["total"], 20_000 + 40 * new_contacts);
    began.elapsed()
}
