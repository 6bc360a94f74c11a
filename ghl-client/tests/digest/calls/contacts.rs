use ghl_client::{
    contacts::{Direction, Filter},
    model::{CustomFieldValue, SearchAfter},
};
use serde_json::json;

use crate::call::{Call, LATER, NOW, call};

/// Fills every field of a contact.
macro_rules! filled {
    ($request:expr) => {
        $request
            .first_name("Ann")
            .last_name("Example")
            .name("Ann Example")
            .email("ann@example.com")
            .phone("+14155550100")
            .address1("1 Main Street")
            .city("Dublin")
            .state("Leinster")
            .country("IE")
            .postal_code("D01")
            .website("https://example.com")
            .timezone("Europe/Dublin")
            .source("web")
            .date_of_birth("1990-09-25")
            .assigned_to("u1")
            .dnd(true)
            .tags(["rust"])
            .custom_field(CustomFieldValue::by_key("course", "Rust"))
            .custom_field(CustomFieldValue::by_id("f1", "Rust"))
    };
}

pub(super) fn calls() -> Vec<Call> {
    [whole(), tasks(), notes(), enrolment(), many()].into_iter().flatten().collect()
}

fn whole() -> Vec<Call> {
    vec![
        call!(
            "contacts.search",
            |ghl| ghl.contacts().search("l1"),
            ghl.contacts()
                .search("l1")
                .query("ann")
                .filter(Filter::any([
                    Filter::eq("email", "ann@example.com"),
                    Filter::not_eq("email", "bo@example.com"),
                    Filter::contains("firstNameLowerCase", "ann"),
                    Filter::not_contains("firstNameLowerCase", "bo"),
                    Filter::all([Filter::exists("phone"), Filter::not_exists("website")]),
                    Filter::between("dateUpdated", Some(NOW), Some(LATER)),
                ]))
                .sort("dateAdded", Direction::Asc)
                .page_size(20)
                .after(SearchAfter(vec![json!(1), json!("c1")]))
        ),
        call!("contacts.get", |ghl| ghl.contacts().get("l1", "c1")),
        call!(
            "contacts.find",
            |ghl| ghl.contacts().find("l1").email("ann@example.com"),
            ghl.contacts().find("l1").email("ann@example.com").phone("+14155550100")
        ),
        call!(
            "contacts.create",
            |ghl| ghl.contacts().create("l1"),
            filled!(ghl.contacts().create("l1")).company_name("Example Ltd").gender("female")
        ),
        call!("contacts.update", |ghl| ghl.contacts().update("l1", "c1"), filled!(ghl.contacts().update("l1", "c1"))),
        call!(
            "contacts.upsert",
            |ghl| ghl.contacts().upsert("l1").email("ann@example.com"),
            filled!(ghl.contacts().upsert("l1"))
                .company_name("Example Ltd")
                .gender("female")
                .create_new_if_duplicate_allowed()
        ),
        call!("contacts.delete", |ghl| ghl.contacts().delete("l1", "c1")),
        call!("contacts.appointments", |ghl| ghl.contacts().appointments("l1", "c1")),
        call!(
            "contacts.add_tags",
            |ghl| ghl.contacts().add_tags("l1", "c1").tag("a"),
            ghl.contacts().add_tags("l1", "c1").tag("a").tags(["b"])
        ),
        call!(
            "contacts.remove_tags",
            |ghl| ghl.contacts().remove_tags("l1", "c1").tag("a"),
            ghl.contacts().remove_tags("l1", "c1").tag("a").tags(["b"])
        ),
    ]
}

fn tasks() -> Vec<Call> {
    vec![
        call!("contacts.tasks.list", |ghl| ghl.contacts().tasks("l1", "c1").list()),
        call!(
            "contacts.tasks.create",
            |ghl| ghl.contacts().tasks("l1", "c1").create("Call", NOW),
            ghl.contacts().tasks("l1", "c1").create("Call", NOW).body("About it").assigned_to("u1").completed(true)
        ),
        call!("contacts.tasks.get", |ghl| ghl.contacts().tasks("l1", "c1").get("t1")),
        call!(
            "contacts.tasks.update",
            |ghl| ghl.contacts().tasks("l1", "c1").update("t1"),
            ghl.contacts()
                .tasks("l1", "c1")
                .update("t1")
                .title("Call")
                .due(NOW)
                .body("About it")
                .assigned_to("u1")
                .completed(true)
        ),
        call!("contacts.tasks.complete", |ghl| ghl.contacts().tasks("l1", "c1").complete("t1", true)),
        call!("contacts.tasks.delete", |ghl| ghl.contacts().tasks("l1", "c1").delete("t1")),
    ]
}

fn notes() -> Vec<Call> {
    vec![
        call!("contacts.notes.list", |ghl| ghl.contacts().notes("l1", "c1").list()),
        call!(
            "contacts.notes.create",
            |ghl| ghl.contacts().notes("l1", "c1").create("Called"),
            ghl.contacts().notes("l1", "c1").create("Called").user("u1").title("Call").color("#FFAA00").pinned(true)
        ),
        call!("contacts.notes.get", |ghl| ghl.contacts().notes("l1", "c1").get("n1")),
        call!(
            "contacts.notes.update",
            |ghl| ghl.contacts().notes("l1", "c1").update("n1").body("Mailed"),
            ghl.contacts()
                .notes("l1", "c1")
                .update("n1")
                .body("Mailed")
                .user("u1")
                .title("Call")
                .color("#FFAA00")
                .pinned(true)
        ),
        call!("contacts.notes.delete", |ghl| ghl.contacts().notes("l1", "c1").delete("n1")),
    ]
}

fn enrolment() -> Vec<Call> {
    vec![
        call!("contacts.add_followers", |ghl| ghl.contacts().add_followers("l1", "c1", ["u1", "u2"])),
        call!("contacts.remove_followers", |ghl| ghl.contacts().remove_followers("l1", "c1", ["u1"])),
        call!("contacts.add_to_campaign", |ghl| ghl.contacts().add_to_campaign("l1", "c1", "k1")),
        call!("contacts.remove_from_campaign", |ghl| ghl.contacts().remove_from_campaign("l1", "c1", "k1")),
        call!("contacts.remove_from_campaigns", |ghl| ghl.contacts().remove_from_campaigns("l1", "c1")),
        call!(
            "contacts.add_to_workflow",
            |ghl| ghl.contacts().add_to_workflow("l1", "c1", "w1"),
            ghl.contacts().add_to_workflow("l1", "c1", "w1").event_start(NOW)
        ),
        call!(
            "contacts.remove_from_workflow",
            |ghl| ghl.contacts().remove_from_workflow("l1", "c1", "w1"),
            ghl.contacts().remove_from_workflow("l1", "c1", "w1").event_start(NOW)
        ),
    ]
}

fn many() -> Vec<Call> {
    vec![
        call!(
            "contacts.bulk_tags",
            |ghl| ghl.contacts().bulk_add_tags("l1", ["c1"], ["rust"]),
            ghl.contacts().bulk_remove_tags("l1", ["c1", "c2"]).all()
        ),
        call!(
            "contacts.bulk_business",
            |ghl| ghl.contacts().clear_business("l1", ["c1"]),
            ghl.contacts().set_business("l1", "b1", ["c1", "c2"])
        ),
        call!(
            "contacts.of_business",
            |ghl| ghl.contacts().of_business("l1", "b1"),
            ghl.contacts().of_business("l1", "b1").query("ann").skip(20).page_size(20)
        ),
    ]
}
