use ghl_client::{
    contacts::Direction,
    model::{UserKind, UserRole},
};

use crate::call::{Call, call};

pub(super) fn calls() -> Vec<Call> {
    vec![
        call!(
            "users.search",
            |ghl| ghl.users().search("co1"),
            ghl.users()
                .search("co1")
                .query("ann")
                .of_location("l1")
                .kind(UserKind::Agency)
                .role(UserRole::User)
                .ids(["u1", "u2"])
                .sort_by("dateAdded")
                .sort(Direction::Desc)
                .enabled_2way_sync(true)
                .skip(5)
                .page_size(5)
        ),
        call!(
            "users.find_by_email",
            |ghl| ghl.users().find_by_email("co1", ["ann@example.com"]),
            ghl.users()
                .find_by_email("co1", ["ann@example.com", "bo@example.com"])
                .deleted(true)
                .projection("all")
                .skip(5)
                .page_size(5)
        ),
        call!(
            "users.create",
            |ghl| ghl.users().create("co1", "Ann", "Example", "ann@example.com", "s3cret".to_owned()).locations(["l1"]),
            ghl.users()
                .create("co1", "Ann", "Example", "ann@example.com", "s3cret".to_owned())
                .locations(["l1"])
                .as_location("l1")
                .kind(UserKind::Agency)
                .role(UserRole::User)
                .phone("+14155550100")
                .scopes(["contacts.write"])
                .scopes_assigned_to_only(["contacts.write"])
                .profile_photo("https://example.com/a.png")
                .platform_language("en_US")
        ),
        call!("users.get", |ghl| ghl.users().get("l1", "u1"), ghl.users().get("l1", "u1").as_company("co1")),
        call!(
            "users.update",
            |ghl| ghl.users().update("l1", "u1"),
            ghl.users()
                .update("l1", "u1")
                .as_company("co1")
                .first_name("Ann")
                .last_name("Example")
                .password("n3w".to_owned())
                .locations(["l1"])
                .kind(UserKind::Account)
                .role(UserRole::Admin)
                .phone("+14155550100")
                .scopes(["contacts.write"])
                .scopes_assigned_to_only(["contacts.write"])
                .profile_photo("https://example.com/a.png")
                .platform_language("en_US")
        ),
        call!("users.delete", |ghl| ghl.users().delete("l1", "u1"), ghl.users().delete("l1", "u1").as_company("co1")),
    ]
}
