use futures_util::TryStreamExt;
use ghl_client::model::{CustomFieldValue, OpportunityStatus};
use serde_json::{Value, json};
use sidecar_core::ErrorKind;

use super::{NOTHING, Room, paged, refuses, rows, wire};
use crate::support::{NOW, fixture, line};

const ROOM: Room = Room("2021-07-28");

#[tokio::test]
async fn a_search_sends_the_names_of_the_dated_versions() {
    let page = ROOM
        .sends(
            |ghl| ghl.opportunities().search("l1"),
            "GET /opportunities/search?location_id=l1&limit=100",
            NOTHING,
            fixture!("opportunities_search"),
        )
        .await;
    assert_eq!((page.items.len(), page.total), (2, Some(3)));
    let next = page.next.unwrap();
    assert_eq!((next.start_after.as_str(), next.start_after_id.as_str()), ("1628008053263", "UIaE1WjAwWKdlyD7osQI"));
    let deal = &page.items[0];
    assert_eq!((deal.monetary_value, &deal.status), (Some(500.0), &Some(OpportunityStatus::Open)));
    assert_eq!(deal.contact.as_ref().unwrap().name.as_deref(), Some("Ann Example"));
    let fields = deal.custom_fields.as_ref().unwrap();
    assert_eq!((fields[0].value(), fields[1].value()), (Some(&json!("Rust")), Some(&json!(["a", "b"]))));
    assert_eq!(deal.extra["indexVersion"], json!(1));

    ROOM.sends(
        |ghl| {
            ghl.opportunities()
                .search("l1")
                .query("ann")
                .pipeline("p1")
                .stage("s1")
                .contact("c1")
                .status(OpportunityStatus::All)
                .assigned_to("u1")
                .campaign("k1")
                .id("o1")
                .order("added_asc")
                .from(NOW)
                .to(NOW)
                .country("US")
                .with_tasks(true)
                .with_notes(false)
                .with_calendar_events(true)
                .page_size(20)
                .after(next)
        },
        "GET /opportunities/search?location_id=l1&q=ann&pipeline_id=p1&pipeline_stage_id=s1&contact_id=c1&status=all\
         &assigned_to=u1&campaignId=k1&id=o1&order=added_asc&date=03-01-2026&endDate=03-01-2026&country=US&getTasks=true\
         &getNotes=false&getCalendarEvents=true&limit=20&startAfter=1628008053263&startAfterId=UIaE1WjAwWKdlyD7osQI",
        NOTHING,
        json!({"opportunities": []}),
    )
    .await;
}

#[tokio::test]
async fn a_search_goes_by_start_after_until_a_page_is_empty_or_the_limit_of_pages() {
    let page = |id: &'static str, after: i64| json!({"opportunities": rows([id]), "meta": {"total": 9, "startAfter": after, "startAfterId": id}});
    let pages = || [page("a", 1), page("b", 2), json!({"opportunities": [], "meta": {"total": 9}})];
    let (ghl, sent) = paged(pages());
    let all: Vec<_> = ghl.opportunities().search("l1").items().try_collect().await.unwrap();
    assert_eq!(all.iter().map(|deal| deal.id.as_str()).collect::<Vec<_>>(), ["a", "b"]);
    assert!(line(&sent.requests()[2]).ends_with("startAfter=2&startAfterId=b"));

    let (ghl, sent) = paged(pages());
    let two: Vec<_> = ghl.opportunities().search("l1").max_pages(2).pages().try_collect().await.unwrap();
    assert_eq!((two.len(), sent.requests().len()), (2, 2));
}

#[tokio::test]
async fn a_search_whose_cursor_does_not_move_is_an_error() {
    let stuck = json!({"opportunities": rows(["a"]), "meta": {"startAfter": "1", "startAfterId": "a"}});
    let (ghl, _) = paged([stuck.clone(), stuck]);
    let error = ghl.opportunities().search("l1").items().try_collect::<Vec<_>>().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Decode);
}

#[tokio::test]
async fn an_advanced_search_says_all_that_is_required() {
    ROOM.sends(
        |ghl| ghl.opportunities().advanced_search("l1"),
        "POST /opportunities/search",
        json!({
            "locationId": "l1", "query": "", "limit": 100, "page": 1, "searchAfter": [],
            "additionalDetails": {"notes": false, "tasks": false, "calendarEvents": false, "unReadConversations": false},
        }),
        json!({"opportunities": rows(["a"]), "total": 1, "aggregations": {}}),
    )
    .await;
    ROOM.sends(
        |ghl| {
            let search = ghl.opportunities().advanced_search("l1").query("ann").page_size(5);
            search.with_notes().with_tasks().with_calendar_events().with_unread_conversations()
        },
        "POST /opportunities/search",
        json!({
            "locationId": "l1", "query": "ann", "limit": 5, "page": 1, "searchAfter": [],
            "additionalDetails": {"notes": true, "tasks": true, "calendarEvents": true, "unReadConversations": true},
        }),
        json!({"opportunities": [], "total": 0}),
    )
    .await;
}

#[tokio::test]
async fn an_advanced_search_goes_behind_the_last_row_or_by_page_number() {
    let row = |id: &str, sort: Value| json!({"id": id, "sort": sort});
    let (ghl, sent) = paged([
        json!({"opportunities": [row("a", json!([7, "a"]))], "total": 3}),
        json!({"opportunities": rows(["b"]), "total": 3}),
        json!({"opportunities": rows(["c"]), "total": 3}),
    ]);
    let all: Vec<_> = ghl.opportunities().advanced_search("l1").page_size(1).items().try_collect().await.unwrap();
    assert_eq!(all.len(), 3);
    let places: Vec<_> =
        sent.requests().iter().map(|sent| (sent.json()["page"].clone(), sent.json()["searchAfter"].clone())).collect();
    assert_eq!(places, [(json!(1), json!([])), (json!(2), json!([7, "a"])), (json!(3), json!([]))]);

    let same = json!({"opportunities": rows(["a"]), "total": 9});
    let (ghl, _) = paged([same.clone(), same]);
    let stuck = ghl.opportunities().advanced_search("l1").page_size(1).items().try_collect::<Vec<_>>().await;
    assert_eq!(stuck.unwrap_err().kind(), ErrorKind::Decode);
}

#[tokio::test]
async fn opportunities_are_created_read_changed_and_deleted() {
    let made = ROOM
        .sends(
            |ghl| ghl.opportunities().create("l1", "p1", "c1", "Course"),
            "POST /opportunities/",
            json!({"locationId": "l1", "pipelineId": "p1", "contactId": "c1", "name": "Course", "status": "open"}),
            fixture!("opportunities_get"),
        )
        .await;
    assert_eq!(made.id.as_str(), "yWQobCRIhRguQtD2llvk");
    ROOM.sends(
        |ghl| {
            ghl.opportunities()
                .create("l1", "p1", "c1", "Course")
                .stage("s1")
                .status(OpportunityStatus::Won)
                .monetary_value(120)
                .assigned_to("u1")
                .custom_field(CustomFieldValue::by_key("course", "Rust"))
                .set("source", "web")
        },
        "POST /opportunities/",
        json!({
            "locationId": "l1", "pipelineId": "p1", "contactId": "c1", "name": "Course", "pipelineStageId": "s1",
            "status": "won", "monetaryValue": 120.0, "assignedTo": "u1", "source": "web",
            "customFields": [{"key": "course", "field_value": "Rust"}],
        }),
        fixture!("opportunities_get"),
    )
    .await;
    ROOM.sends(
        |ghl| ghl.opportunities().get("l1", "o1"),
        "GET /opportunities/o1",
        NOTHING,
        fixture!("opportunities_get"),
    )
    .await;
    ROOM.sends(
        |ghl| ghl.opportunities().update("l1", "o1"),
        "PUT /opportunities/o1",
        json!({}),
        fixture!("opportunities_get"),
    )
    .await;
    ROOM.sends(
        |ghl| ghl.opportunities().update("l1", "o1").name("New").pipeline("p2").monetary_value(1.5),
        "PUT /opportunities/o1",
        json!({"name": "New", "pipelineId": "p2", "monetaryValue": 1.5}),
        fixture!("opportunities_get"),
    )
    .await;
    ROOM.sends(
        |ghl| ghl.opportunities().delete("l1", "o1"),
        "DELETE /opportunities/o1",
        NOTHING,
        json!({"succeded": true}),
    )
    .await;
}

#[tokio::test]
async fn an_upsert_names_what_the_specification_requires() {
    let done = ROOM
        .sends(
            |ghl| ghl.opportunities().upsert("l1", "p1"),
            "POST /opportunities/upsert",
            json!({
                "locationId": "l1", "pipelineId": "p1", "followers": [], "isRemoveAllFollowers": false,
                "followersActionType": "add",
            }),
            json!({"opportunity": {"id": "o1"}, "new": true}),
        )
        .await;
    assert!(done.created);
    ROOM.sends(
        |ghl| {
            let upsert = ghl.opportunities().upsert("l1", "p1").id("o1").contact("c1").name("Course");
            upsert.add_followers(["u1", "u2"]).lost_reason("r1").status(OpportunityStatus::Lost)
        },
        "POST /opportunities/upsert",
        json!({
            "locationId": "l1", "pipelineId": "p1", "id": "o1", "contactId": "c1", "name": "Course", "status": "lost",
            "lostReasonId": "r1", "followers": ["u1", "u2"], "isRemoveAllFollowers": false, "followersActionType": "add",
        }),
        json!({"opportunity": {"id": "o1"}, "new": false}),
    )
    .await;
}

#[tokio::test]
async fn status_and_followers_have_their_lines() {
    ROOM.sends(
        |ghl| ghl.opportunities().set_status("l1", "o1", OpportunityStatus::Won),
        "PUT /opportunities/o1/status",
        json!({"status": "won"}),
        json!({"succeded": true}),
    )
    .await;
    ROOM.sends(
        |ghl| ghl.opportunities().set_status("l1", "o1", OpportunityStatus::Lost).lost_reason("r1"),
        "PUT /opportunities/o1/status",
        json!({"status": "lost", "lostReasonId": "r1"}),
        json!({"succeded": true}),
    )
    .await;
    let all = ROOM
        .sends(
            |ghl| ghl.opportunities().add_followers("l1", "o1", ["u1"]),
            "POST /opportunities/o1/followers",
            json!({"followers": ["u1"]}),
            json!({"followers": ["u0", "u1"], "followersAdded": ["u1"]}),
        )
        .await;
    assert_eq!(all.len(), 2);
    ROOM.sends(
        |ghl| ghl.opportunities().remove_followers("l1", "o1").users(["u1"]),
        "DELETE /opportunities/o1/followers",
        json!({"followers": ["u1"]}),
        json!({"followers": [], "followersRemoved": ["u1"]}),
    )
    .await;
    ROOM.sends(
        |ghl| ghl.opportunities().remove_followers("l1", "o1").all(),
        "DELETE /opportunities/o1/followers?isRemoveAllFollowers=true",
        json!({"followers": []}),
        json!({"followers": []}),
    )
    .await;
}

#[tokio::test]
async fn pipelines_come_with_their_stages_and_lost_reasons_in_pages() {
    let pipelines = ROOM
        .sends(
            |ghl| ghl.opportunities().pipelines("l1"),
            "GET /opportunities/pipelines?locationId=l1",
            NOTHING,
            fixture!("opportunities_pipelines"),
        )
        .await;
    let stages = pipelines[0].stages.as_ref().unwrap();
    assert_eq!((stages.len(), stages[1].name.as_deref(), stages[1].position), (2, Some("Trial lesson"), Some(1)));
    let reasons = ROOM
        .sends(
            |ghl| ghl.opportunities().lost_reasons("l1").name("Price").query("pri").deleted(false).page_size(1),
            "GET /opportunities/lost-reason?locationId=l1&name=Price&query=pri&deleted=false&skip=0&limit=1",
            NOTHING,
            json!({"lostReasons": [{"id": "r1", "name": "Price"}], "total": 2}),
        )
        .await;
    assert_eq!((reasons.next, reasons.total), (Some(1), Some(2)));
}

#[tokio::test]
async fn what_the_provider_would_refuse_is_refused_before_it_is_sent() {
    refuses(|ghl| ghl.opportunities().search("l1").page_size(101), "1 to 100").await;
    refuses(|ghl| ghl.opportunities().search("l1").page_size(0), "1 to 100").await;
    refuses(|ghl| ghl.opportunities().search(""), "location id").await;
    refuses(|ghl| ghl.opportunities().get("l1", ".."), "id").await;
    refuses(|ghl| ghl.opportunities().add_followers("l1", "o1", Vec::<&str>::new()), "no followers").await;
    refuses(|ghl| ghl.opportunities().remove_followers("l1", "o1"), "all").await;
    let far: ghl_client::opportunities::AdvancedPlace =
        serde_json::from_value(json!({"page": 101, "search_after": [], "last": "x"})).unwrap();
    refuses(|ghl| ghl.opportunities().advanced_search("l1").after(far), "10000 rows").await;
}

#[tokio::test]
async fn a_client_that_speaks_v3_uses_its_names_and_paths() {
    use ghl_client::model::CustomFieldValue;
    const V3: Room = Room("v3");
    wire! { V3, ghl;
        ghl.v3().opportunities().search("l1").pipeline("p1").stage("s1").contact("c1").assigned_to("u1").query("x")
            => "GET /opportunities/search?locationId=l1&pipelineId=p1&pipelineStageId=s1&contactId=c1&assignedTo=u1&q=x&limit=100",
            null, {"opportunities": []};
        ghl.v3().opportunities().update("l1", "o1").custom_field(CustomFieldValue::by_id("f1", "Rust"))
            => "PUT /opportunities/o1", {"customFields": [{"id": "f1", "fieldValue": "Rust"}]}, {"opportunity": {"id": "o1"}};
        ghl.v3().contacts().remove_from_campaigns("l1", "c1") => "DELETE /contacts/c1/campaigns/remove-all", null, {};
    }
    let dated = Room("2021-07-28");
    wire! { dated, ghl;
        ghl.v3().opportunities().search("l1").version(ghl_client::ApiVersion::V2021_07_28)
            => "GET /opportunities/search?location_id=l1&limit=100", null, {"opportunities": []};
    }
    refuses(|ghl| ghl.v3().locations().installed("co1"), "installed_v3").await;
}
