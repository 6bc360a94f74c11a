use futures_util::TryStreamExt;
use serde_json::{Value, json};

use super::{NOTHING, Room, paged, refuses, rows, wire};
use crate::support::{NOW, fixture, line};

const ROOM: Room = Room("2021-07-28");

#[tokio::test]
async fn tasks_have_their_lines() {
    wire! { ROOM, ghl;
        ghl.contacts().tasks("l1", "c1").create("Call", NOW) => "POST /contacts/c1/tasks",
            {"title": "Call", "dueDate": "2026-03-01T10:00:00Z", "completed": false}, {"task": {"id": "t1"}};
        ghl.contacts().tasks("l1", "c1").create("Call", NOW).body("About the course").assigned_to("u1").completed(true)
            => "POST /contacts/c1/tasks",
            {"title": "Call", "dueDate": "2026-03-01T10:00:00Z", "completed": true, "body": "About the course",
             "assignedTo": "u1"},
            {"task": {"id": "t1"}};
        ghl.contacts().tasks("l1", "c1").get("t1") => "GET /contacts/c1/tasks/t1", null, {"task": {"id": "t1"}};
        ghl.contacts().tasks("l1", "c1").update("t1") => "PUT /contacts/c1/tasks/t1", {}, {"task": {"id": "t1"}};
        ghl.contacts().tasks("l1", "c1").update("t1").title("Mail").due(NOW).set("body", Value::Null)
            => "PUT /contacts/c1/tasks/t1", {"title": "Mail", "dueDate": "2026-03-01T10:00:00Z", "body": null},
            {"task": {"id": "t1"}};
        ghl.contacts().tasks("l1", "c1").complete("t1", true) => "PUT /contacts/c1/tasks/t1/completed",
            {"completed": true}, {"task": {"id": "t1"}};
        ghl.contacts().tasks("l1", "c1").delete("t1") => "DELETE /contacts/c1/tasks/t1", null, {"succeded": true};
    }
    let list = |ghl: ghl_client::GhlClient| ghl.contacts().tasks("l1", "c1").list();
    let tasks = ROOM.sends(list, "GET /contacts/c1/tasks", NOTHING, fixture!("contact_tasks")).await;
    assert_eq!((tasks[0].completed, tasks[0].title.as_deref()), (Some(false), Some("First task")));
    assert_eq!(tasks[0].due_date.as_ref().unwrap().timestamp().unwrap().to_string(), "2026-10-25T11:00:00Z");
}

#[tokio::test]
async fn notes_have_their_lines() {
    wire! { ROOM, ghl;
        ghl.contacts().notes("l1", "c1").create("Called") => "POST /contacts/c1/notes",
            {"body": "Called"}, {"note": {"id": "n1"}};
        ghl.contacts().notes("l1", "c1").create("Called").user("u1").title("Call").color("#FFAA00").pinned(true)
            => "POST /contacts/c1/notes",
            {"body": "Called", "userId": "u1", "title": "Call", "color": "#FFAA00", "pinned": true}, {"note": {"id": "n1"}};
        ghl.contacts().notes("l1", "c1").get("n1") => "GET /contacts/c1/notes/n1", null, {"note": {"id": "n1"}};
        ghl.contacts().notes("l1", "c1").update("n1").body("Mailed") => "PUT /contacts/c1/notes/n1",
            {"body": "Mailed"}, {"note": {"id": "n1"}};
        ghl.contacts().notes("l1", "c1").delete("n1") => "DELETE /contacts/c1/notes/n1", null, {"succeded": true};
    }
    let list = |ghl: ghl_client::GhlClient| ghl.contacts().notes("l1", "c1").list();
    let notes = ROOM.sends(list, "GET /contacts/c1/notes", NOTHING, fixture!("contact_notes")).await;
    assert_eq!((notes[0].pinned, notes[0].body.as_deref()), (Some(true), Some("Wants the evening course")));
}

#[tokio::test]
async fn followers_campaigns_workflows_and_appointments_have_their_lines() {
    wire! { ROOM, ghl;
        ghl.contacts().add_followers("l1", "c1", ["u1", "u2"]) => "POST /contacts/c1/followers",
            {"followers": ["u1", "u2"]}, {"followers": ["u1", "u2"], "followersAdded": ["u2"]};
        ghl.contacts().remove_followers("l1", "c1", ["u1"]) => "DELETE /contacts/c1/followers",
            {"followers": ["u1"]}, {"followers": ["u2"], "followersRemoved": ["u1"]};
        ghl.contacts().add_to_campaign("l1", "c1", "k1") => "POST /contacts/c1/campaigns/k1", {}, {"succeded": true};
        ghl.contacts().remove_from_campaign("l1", "c1", "k1") => "DELETE /contacts/c1/campaigns/k1", null,
            {"succeded": true};
        ghl.contacts().remove_from_campaigns("l1", "c1") => "DELETE /contacts/c1/campaigns/removeAll", null,
            {"succeded": true};
        ghl.contacts().add_to_workflow("l1", "c1", "w1") => "POST /contacts/c1/workflow/w1", {}, {"succeded": true};
        ghl.contacts().add_to_workflow("l1", "c1", "w1").event_start(NOW) => "POST /contacts/c1/workflow/w1",
            {"eventStartTime": "2026-03-01T10:00:00Z"}, {"succeded": true};
        ghl.contacts().remove_from_workflow("l1", "c1", "w1") => "DELETE /contacts/c1/workflow/w1", {},
            {"succeded": true};
        ghl.contacts().appointments("l1", "c1") => "GET /contacts/c1/appointments", null,
            {"events": [{"id": "e1", "appointmentStatus": "confirmed", "startTime": "2026-03-01 10:00:00"}]};
    }
}

#[tokio::test]
async fn many_contacts_are_changed_at_once() {
    let done = ROOM
        .sends(
            |ghl| ghl.contacts().bulk_add_tags("l1", ["c1", "c2"], ["rust"]),
            "POST /contacts/bulk/tags/update/add",
            json!({"contacts": ["c1", "c2"], "tags": ["rust"], "locationId": "l1"}),
            json!({"succeded": true, "errorCount": 1, "responses": [{"contactId": "c2", "type": "error"}]}),
        )
        .await;
    assert_eq!((done.error_count, done.responses.unwrap().len()), (Some(1), 1));
    wire! { ROOM, ghl;
        ghl.contacts().bulk_remove_tags("l1", ["c1"]).tags(["rust"]) => "POST /contacts/bulk/tags/update/remove",
            {"contacts": ["c1"], "tags": ["rust"], "locationId": "l1"}, {"succeded": true, "errorCount": 0};
        ghl.contacts().bulk_remove_tags("l1", ["c1"]).all() => "POST /contacts/bulk/tags/update/remove",
            {"contacts": ["c1"], "tags": [], "locationId": "l1", "removeAllTags": true}, {"succeeded": true};
        ghl.contacts().set_business("l1", "b1", ["c1"]) => "POST /contacts/bulk/business",
            {"locationId": "l1", "ids": ["c1"], "businessId": "b1"}, {"success": true, "ids": ["c1"]};
        ghl.contacts().clear_business("l1", ["c1"]) => "POST /contacts/bulk/business",
            {"locationId": "l1", "ids": ["c1"], "businessId": null}, {"success": true, "ids": ["c1"]};
    }
    let many: Vec<String> = (0..51).map(|n| format!("c{n}")).collect();
    refuses(|ghl| ghl.contacts().set_business("l1", "b1", many), "several calls").await;
    refuses(|ghl| ghl.contacts().clear_business("l1", Vec::<String>::new()), "1 to 50").await;
    refuses(|ghl| ghl.contacts().bulk_add_tags("l1", ["c1"], Vec::<String>::new()), "tags").await;
    refuses(|ghl| ghl.contacts().bulk_add_tags("l1", Vec::<String>::new(), ["rust"]), "contacts").await;
    refuses(|ghl| ghl.contacts().bulk_remove_tags("l1", ["c1"]), "all").await;
    refuses(|ghl| ghl.contacts().add_followers("l1", "c1", Vec::<String>::new()), "followers").await;
}

#[tokio::test]
async fn a_businesss_contacts_come_page_by_page_until_one_is_short() {
    let (ghl, sent) =
        paged([json!({"contacts": rows(["c1", "c2"]), "count": 3}), json!({"contacts": rows(["c3"]), "count": 3})]);
    let of_business = ghl.contacts().of_business("l1", "b1").query("ann").page_size(2);
    let all: Vec<_> = of_business.items().try_collect().await.unwrap();
    assert_eq!(all.len(), 3);
    let lines: Vec<_> = sent.requests().iter().map(line).collect();
    assert_eq!(lines[0], "GET /contacts/business/b1?locationId=l1&query=ann&skip=0&limit=2");
    assert_eq!(lines[1], "GET /contacts/business/b1?locationId=l1&query=ann&skip=2&limit=2");
}
