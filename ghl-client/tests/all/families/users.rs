use futures_util::TryStreamExt;
use ghl_client::{
    contacts::Direction,
    model::{UserKind, UserRole},
};
use serde_json::json;

use super::{NOTHING, Room, paged, refuses, rows, wire};
use crate::support::{answering, fixture, line};

const ROOM: Room = Room("2021-07-28");

#[tokio::test]
async fn users_are_searched() {
    let page = ROOM
        .sends(
            |ghl| ghl.users().search("co1"),
            "GET /users/search?companyId=co1&skip=0&limit=100",
            NOTHING,
            fixture!("users_search"),
        )
        .await;
    let roles = page.items[0].roles.as_ref().unwrap();
    assert_eq!((&roles.kind, &roles.role), (&Some(UserKind::Account), &Some(UserRole::Admin)));
    assert_eq!(page.total, Some(1));
    wire! { ROOM, ghl;
        ghl.users().search("co1").query("ann").of_location("l1").kind(UserKind::Agency).role(UserRole::User)
            .ids(["u1", "u2"]).sort_by("dateAdded").sort(Direction::Desc).enabled_2way_sync(true).skip(5).page_size(5)
            => "GET /users/search?companyId=co1&query=ann&locationId=l1&type=agency&role=user&ids=u1%2Cu2&sort=dateAdded&sortDirection=desc&enabled2waySync=true&skip=5&limit=5",
            null, {"users": [], "count": 0};
        ghl.users().find_by_email("co1", ["a@example.com", "b@example.com"]) => "POST /users/search/filter-by-email",
            {"companyId": "co1", "emails": "a@example.com,b@example.com", "skip": "0", "limit": "100"}, {"users": []};
        ghl.users().find_by_email("co1", ["a@example.com"]).deleted(true).projection("all")
            => "POST /users/search/filter-by-email",
            {"companyId": "co1", "emails": "a@example.com", "deleted": true, "projection": "all", "skip": "0",
             "limit": "100"},
            {"users": []};
    }
    refuses(|ghl| ghl.users().find_by_email("co1", Vec::<String>::new()), "e-mail addresses").await;
}

#[tokio::test]
async fn users_are_created_read_changed_and_deleted() {
    wire! { ROOM, ghl;
        ghl.users().create("co1", "Ann", "Example", "ann@example.com", "s3cret".to_owned()).locations(["l1"])
            => "POST /users/",
            {"companyId": "co1", "firstName": "Ann", "lastName": "Example", "email": "ann@example.com", "password": "s3cret",
             "type": "account", "role": "admin", "locationIds": ["l1"]},
            {"id": "u1"};
        ghl.users().create("co1", "Ann", "Example", "ann@example.com", "s3cret".to_owned()).locations(["l1"])
            .as_location("l1").kind(UserKind::Agency).role(UserRole::User).phone("+1").scopes(["contacts.write"])
            .scopes_assigned_to_only(["calendars.readonly"]).profile_photo("https://example.com/a.png")
            .platform_language("en_US").set("permissions", json!({"contactsEnabled": true})) => "POST /users/",
            {"companyId": "co1", "firstName": "Ann", "lastName": "Example", "email": "ann@example.com", "password": "s3cret",
             "type": "agency", "role": "user", "locationIds": ["l1"], "phone": "+1", "scopes": ["contacts.write"],
             "scopesAssignedToOnly": ["calendars.readonly"], "profilePhoto": "https://example.com/a.png",
             "platformLanguage": "en_US", "permissions": {"contactsEnabled": true}},
            {"id": "u1"};
        ghl.users().get("l1", "u1") => "GET /users/u1", null, {"id": "u1"};
        ghl.users().get("l1", "u1").as_company("co1") => "GET /users/u1", null, {"id": "u1"};
        ghl.users().update("l1", "u1") => "PUT /users/u1", {}, {"id": "u1"};
        ghl.users().update("l1", "u1").as_company("co1").first_name("A").last_name("B").password("n3w".to_owned())
            => "PUT /users/u1", {"companyId": "co1", "firstName": "A", "lastName": "B", "password": "n3w"}, {"id": "u1"};
        ghl.users().delete("l1", "u1").as_company("co1") => "DELETE /users/u1", null, {"succeded": true, "message": "ok"};
    }
    refuses(|ghl| ghl.users().create("co1", "A", "B", "c@example.com", "s3cret".to_owned()), "locations").await;
}

#[tokio::test]
async fn a_password_is_never_shown() {
    let (ghl, _) = answering(200, json!({"id": "u1"}));
    let create = ghl.users().create("co1", "A", "B", "c@example.com", "sesame".to_owned());
    let update = ghl.users().update("l1", "u1").password("sesame".to_owned());
    let shown = format!("{create:?} {update:?}");
    assert!(shown.contains("password") && !shown.contains("sesame"), "{shown}");
}

#[tokio::test]
async fn users_come_in_pages() {
    let (ghl, sent) =
        paged([json!({"users": rows(["a", "b"]), "count": 3}), json!({"users": rows(["c"]), "count": 3})]);
    let all: Vec<_> = ghl.users().search("co1").page_size(2).items().try_collect().await.unwrap();
    assert_eq!(all.len(), 3);
    assert!(line(&sent.requests()[1]).ends_with("skip=2&limit=2"));
}
