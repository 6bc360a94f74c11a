use futures_util::TryStreamExt;
use ghl_client::{
    GhlClient,
    contacts::Direction,
    model::{File, Recurrence, RecurrenceUnit, TemplateKind},
};
use serde_json::{Value, json};
use sidecar_core::ErrorKind;

use super::{NOTHING, Room, paged, refuses, rows, wire};
use crate::support::{NOW, answering, fixture, line, only};

const ROOM: Room = Room("2021-07-28");

#[tokio::test]
async fn tags_and_custom_values_have_their_lines() {
    wire! { ROOM, ghl;
        ghl.locations().tags("l1").list() => "GET /locations/l1/tags", null, {"tags": [{"id": "t1", "name": "rust"}]};
        ghl.locations().tags("l1").create("rust") => "POST /locations/l1/tags", {"name": "rust"}, {"tag": {"id": "t1"}};
        ghl.locations().tags("l1").get("t1") => "GET /locations/l1/tags/t1", null, {"tag": {"id": "t1"}};
        ghl.locations().tags("l1").rename("t1", "go") => "PUT /locations/l1/tags/t1", {"name": "go"}, {"tag": {"id": "t1"}};
        ghl.locations().tags("l1").delete("t1") => "DELETE /locations/l1/tags/t1", null, {"succeded": true};
        ghl.locations().custom_values("l1").list() => "GET /locations/l1/customValues", null,
            {"customValues": [{"id": "v1", "name": "hours", "fieldKey": "{{ custom_values.hours }}", "value": "9-5"}]};
        ghl.locations().custom_values("l1").create("hours", "9-5") => "POST /locations/l1/customValues",
            {"name": "hours", "value": "9-5"}, {"customValue": {"id": "v1"}};
        ghl.locations().custom_values("l1").get("v1") => "GET /locations/l1/customValues/v1", null,
            {"customValue": {"id": "v1"}};
        ghl.locations().custom_values("l1").update("v1", "hours", "8-4") => "PUT /locations/l1/customValues/v1",
            {"name": "hours", "value": "8-4"}, {"customValue": {"id": "v1"}};
        ghl.locations().custom_values("l1").delete("v1") => "DELETE /locations/l1/customValues/v1", null,
            {"succeded": true};
    }
}

#[tokio::test]
async fn custom_fields_have_their_lines() {
    wire! { ROOM, ghl;
        ghl.locations().custom_fields("l1").list() => "GET /locations/l1/customFields", null, {"customFields": []};
        ghl.locations().custom_fields("l1").list().of_opportunities() => "GET /locations/l1/customFields?model=opportunity",
            null, {"customFields": []};
        ghl.locations().custom_fields("l1").list().of_all() => "GET /locations/l1/customFields?model=all", null,
            {"customFields": []};
        ghl.locations().custom_fields("l1").create("Course", "TEXT") => "POST /locations/l1/customFields",
            {"name": "Course", "dataType": "TEXT"}, {"customField": {"id": "f1"}};
        ghl.locations().custom_fields("l1").create("Papers", "FILE_UPLOAD").placeholder("PDF").accepted_formats([".pdf"])
            .is_multiple_file(true).max_number_of_files(2).position(3).model("opportunity").set("description", "x")
            => "POST /locations/l1/customFields",
            {"name": "Papers", "dataType": "FILE_UPLOAD", "placeholder": "PDF", "acceptedFormat": [".pdf"],
             "isMultipleFile": true, "maxNumberOfFiles": 2, "position": 3, "model": "opportunity", "description": "x"},
            {"customField": {"id": "f1"}};
        ghl.locations().custom_fields("l1").get("contact.course") => "GET /locations/l1/customFields/contact.course", null,
            {"customField": {"id": "f1"}};
        ghl.locations().custom_fields("l1").update("f1", "Course").placeholder("x") => "PUT /locations/l1/customFields/f1",
            {"name": "Course", "placeholder": "x"}, {"customField": {"id": "f1"}};
        ghl.locations().custom_fields("l1").delete("f1") => "DELETE /locations/l1/customFields/f1", null,
            {"succeded": true};
    }
}

#[tokio::test]
async fn locations_are_created_changed_and_deleted_by_their_agency() {
    wire! { ROOM, ghl;
        ghl.locations().create("co1", "One") => "POST /locations/", {"companyId": "co1", "name": "One"}, {"id": "l1"};
        ghl.locations().create("co1", "One").phone("+14155550100").address("1 Main St").city("A").state("B").country("US")
            .postal_code("1").website("https://example.com").timezone("UTC").snapshot("s1")
            .prospect("Ann", "Example", "ann@example.com").set("settings", json!({"allowDuplicateContact": false}))
            => "POST /locations/",
            {"companyId": "co1", "name": "One", "phone": "+14155550100", "address": "1 Main St", "city": "A", "state": "B",
             "country": "US", "postalCode": "1", "website": "https://example.com", "timezone": "UTC", "snapshotId": "s1",
             "prospectInfo": {"firstName": "Ann", "lastName": "Example", "email": "ann@example.com"},
             "settings": {"allowDuplicateContact": false}},
            {"id": "l1"};
        ghl.locations().update("co1", "l1") => "PUT /locations/l1", {"companyId": "co1"}, {"id": "l1"};
        ghl.locations().update("co1", "l1").name("Two").snapshot("s1", true) => "PUT /locations/l1",
            {"companyId": "co1", "name": "Two", "snapshot": {"id": "s1", "override": true}}, {"id": "l1"};
        ghl.locations().delete("co1", "l1", false) => "DELETE /locations/l1?deleteTwilioAccount=false", null,
            {"success": true, "message": "done"};
        ghl.locations().search("co1").email("a@example.com").order(Direction::Desc).page_size(5).skip(5)
            => "GET /locations/search?companyId=co1&email=a%40example.com&order=desc&skip=5&limit=5", null,
            {"locations": []};
    }
}

#[tokio::test]
async fn tasks_and_templates_are_listed_in_pages() {
    wire! { ROOM, ghl;
        ghl.locations().search_tasks("l1") => "POST /locations/l1/tasks/search", {"skip": 0, "limit": 100}, {"tasks": []};
        ghl.locations().search_tasks("l1").contacts(["c1"]).completed(false).assigned_to(["u1", "u2"]).query("call")
            .business("b1").skip(10).page_size(10) => "POST /locations/l1/tasks/search",
            {"contactId": ["c1"], "completed": false, "assignedTo": ["u1", "u2"], "query": "call", "businessId": "b1",
             "skip": 10, "limit": 10},
            {"tasks": [{"id": "t1", "title": "Call"}]};
        ghl.locations().templates("l1") => "GET /locations/l1/templates?originId=l1&skip=0&limit=100", null,
            {"templates": []};
        ghl.locations().templates("l1").kind(TemplateKind::Sms).deleted(true).origin("o1").page_size(1)
            => "GET /locations/l1/templates?originId=o1&type=sms&deleted=true&skip=0&limit=1", null,
            {"templates": [{"id": "m1", "name": "Hello", "type": "sms", "template": {"body": "Hi", "attachments": []}}],
             "totalCount": 1};
        ghl.locations().delete_template("l1", "m1") => "DELETE /locations/l1/templates/m1", null, null;
    }
    let (ghl, sent) = paged([json!({"tasks": rows(["a", "b"])}), json!({"tasks": rows(["c"])})]);
    let tasks: Vec<_> = ghl.locations().search_tasks("l1").page_size(2).items().try_collect().await.unwrap();
    assert_eq!((tasks.len(), sent.requests()[1].json()["skip"].clone()), (3, json!(2)));
    refuses(|ghl| ghl.locations().search_tasks("l1").page_size(0), "at least 1").await;
}

#[tokio::test]
async fn time_zones_are_found_in_whatever_holds_them() {
    let zones = json!(["America/New_York", "UTC"]);
    for answer in [zones.clone(), json!({"traceId": "t", "timeZones": zones})] {
        let timezones = |ghl: GhlClient| ghl.locations().timezones("l1");
        let zones = ROOM.sends(timezones, "GET /locations/l1/timezones", NOTHING, answer).await;
        assert_eq!(zones, ["America/New_York", "UTC"]);
    }
    for answer in [json!({"traceId": "t"}), json!([7]), Value::Null] {
        let (ghl, _) = answering(200, answer);
        assert_eq!(ghl.locations().timezones("l1").await.unwrap_err().kind(), ErrorKind::Decode);
    }
}

#[tokio::test]
async fn installations_go_by_page_tokens_in_v3() {
    let page = |id: &str, pagination: Value| json!({"items": [{"_id": id, "name": id}], "pagination": pagination});
    let (ghl, sent) = paged([
        page("a", json!({"hasNextPage": true, "nextPageToken": "p2", "totalRecords": 2})),
        page("b", json!({"hasNextPage": false, "nextPageToken": "p3"})),
    ]);
    let installed = ghl.locations().installed_v3("co1").is_installed(true).query("x").location("l1").page_size(1);
    let pages: Vec<_> = installed.pages().try_collect().await.unwrap();
    assert_eq!((pages.len(), pages[0].total, pages[1].items[0].id.as_str()), (2, Some(2), "b"));
    let expected =
        "GET /oauth/installed-locations?companyId=co1&appId=app1&isInstalled=true&query=x&locationId=l1&pageSize=1";
    assert_eq!(line(&sent.requests()[0]), expected);
    assert_eq!(line(&sent.requests()[1]), format!("{expected}&pageToken=p2"));
    assert!(sent.requests().iter().all(|request| request.header("version") == "v3"));
    refuses(|ghl| ghl.locations().installed_v3("co1").page_size(101), "1 to 100").await;
}

#[tokio::test]
async fn a_location_has_what_its_agency_told_of_it() {
    let get = |ghl: GhlClient| ghl.locations().get("l1");
    let location = ROOM.sends(get, "GET /locations/l1", NOTHING, fixture!("locations_get")).await;
    assert_eq!(location.settings.unwrap()["allowDuplicateContact"], json!(false));
    assert!(location.extra.is_empty(), "{:?}", location.extra);
}

#[tokio::test]
async fn recurring_tasks_have_their_lines() {
    let daily = || Recurrence::every(1, RecurrenceUnit::Daily, NOW, 3_600);
    let options = json!({"intervalType": "daily", "interval": 1.0, "startDate": "2026-03-01T10:00:00Z", "dueAfterSeconds": 3600.0});
    let task = json!({"recurringTask": {"id": "t1", "title": "Call", "rruleOptions": {"intervalType": "daily", "interval": 1}}});
    let created = ROOM
        .sends(
            |ghl| ghl.locations().recurring_tasks("l1").create("Call", daily()).contacts(["c1"]).owners(["u1"]),
            "POST /locations/l1/recurring-tasks",
            json!({"title": "Call", "rruleOptions": options, "contactIds": ["c1"], "owners": ["u1"]}),
            task.clone(),
        )
        .await;
    assert_eq!(created.recurrence.unwrap().unit, Some(RecurrenceUnit::Daily));
    wire! { ROOM, ghl;
        ghl.locations().recurring_tasks("l1").get("t1") => "GET /locations/l1/recurring-tasks/t1", null,
            {"recurringTask": {"id": "t1"}};
        ghl.locations().recurring_tasks("l1").update("t1") => "PUT /locations/l1/recurring-tasks/t1", {},
            {"recurringTask": {"id": "t1"}};
        ghl.locations().recurring_tasks("l1").update("t1").title("Mail").description("d").ignore_task_creation(true)
            => "PUT /locations/l1/recurring-tasks/t1",
            {"title": "Mail", "description": "d", "ignoreTaskCreation": true}, {"recurringTask": {"id": "t1"}};
        ghl.locations().recurring_tasks("l1").delete("t1") => "DELETE /locations/l1/recurring-tasks/t1", null,
            {"id": "t1", "success": true};
    }
}

#[tokio::test]
async fn files_for_a_custom_field_are_parts_called_as_they_are() {
    let address = "https://example.com/a.txt";
    let (ghl, sent) = answering(200, json!({"uploadedFiles": {"a.txt": address}, "meta": [{"size": 1}]}));
    let upload = ghl.locations().custom_fields("l1").upload("c1").max_files(2);
    let uploaded = upload.file(File::new("a.txt", "text/plain", "hello")).await.unwrap();
    assert_eq!(uploaded.files["a.txt"], address);
    let request = only(&sent);
    assert_eq!(line(&request), "POST /locations/l1/customFields/upload");
    assert!(request.header("content-type").starts_with("multipart/form-data; boundary="));
    let body = String::from_utf8(request.body.to_vec()).unwrap();
    for part in
        ["name=\"id\"\r\n\r\nc1\r\n", "name=\"maxFiles\"\r\n\r\n2\r\n", "name=\"a.txt\"; filename=\"a.txt\"\r\n"]
    {
        assert!(body.contains(part), "{body}");
    }
    refuses(|ghl| ghl.locations().custom_fields("l1").upload("c1"), "no file").await;
}
