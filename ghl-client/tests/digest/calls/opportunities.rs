use futures_util::TryStreamExt;
use ghl_client::{
    model::{CustomFieldValue, OpportunityStatus},
    opportunities::StartAfter,
};
use serde_json::json;

use crate::call::{Call, LATER, NOW, call};

fn next() -> StartAfter {
    StartAfter { start_after: "1628008053263".to_owned(), start_after_id: "o1".into() }
}

pub(super) fn calls() -> Vec<Call> {
    [searches(), writes()].into_iter().flatten().collect()
}

fn searches() -> Vec<Call> {
    vec![
        call!(
            "opportunities.search",
            |ghl| ghl.opportunities().search("l1"),
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
                .to(LATER)
                .country("US")
                .with_tasks(true)
                .with_notes(false)
                .with_calendar_events(true)
                .page_size(20)
                .after(next())
        ),
        call!(
            "opportunities.advanced_search",
            |ghl| ghl.opportunities().advanced_search("l1"),
            ghl.opportunities()
                .advanced_search("l1")
                .query("ann")
                .page_size(1)
                .with_notes()
                .with_tasks()
                .with_calendar_events()
                .with_unread_conversations()
                .items()
                .try_collect::<Vec<_>>()
        )
        .answered(json!({"opportunities": [{"id": "o1", "sort": [7, "o1"]}], "total": 2})),
        call!("opportunities.pipelines", |ghl| ghl.opportunities().pipelines("l1")),
        call!(
            "opportunities.lost_reasons",
            |ghl| ghl.opportunities().lost_reasons("l1"),
            ghl.opportunities().lost_reasons("l1").name("n").query("q").deleted(true).skip(5).page_size(5)
        ),
    ]
}

fn writes() -> Vec<Call> {
    vec![
        call!(
            "opportunities.create",
            |ghl| ghl.opportunities().create("l1", "p1", "c1", "Course"),
            ghl.opportunities()
                .create("l1", "p1", "c1", "Course")
                .stage("s1")
                .status(OpportunityStatus::Won)
                .monetary_value(120)
                .assigned_to("u1")
                .custom_field(CustomFieldValue::by_key("course", "Rust"))
        ),
        call!("opportunities.get", |ghl| ghl.opportunities().get("l1", "o1")),
        call!(
            "opportunities.update",
            |ghl| ghl.opportunities().update("l1", "o1"),
            ghl.opportunities()
                .update("l1", "o1")
                .name("Course")
                .pipeline("p1")
                .stage("s1")
                .status(OpportunityStatus::Won)
                .monetary_value(120)
                .assigned_to("u1")
                .custom_field(CustomFieldValue::by_id("f1", "Rust"))
        ),
        call!(
            "opportunities.upsert",
            |ghl| ghl.opportunities().upsert("l1", "p1"),
            ghl.opportunities()
                .upsert("l1", "p1")
                .id("o1")
                .contact("c1")
                .name("Course")
                .stage("s1")
                .status(OpportunityStatus::Lost)
                .monetary_value(120)
                .assigned_to("u1")
                .lost_reason("r1")
                .add_followers(["u2"])
        ),
        call!("opportunities.delete", |ghl| ghl.opportunities().delete("l1", "o1")),
        call!(
            "opportunities.set_status",
            |ghl| ghl.opportunities().set_status("l1", "o1", OpportunityStatus::Won),
            ghl.opportunities().set_status("l1", "o1", OpportunityStatus::Lost).lost_reason("r1")
        ),
        call!("opportunities.add_followers", |ghl| ghl.opportunities().add_followers("l1", "o1", ["u1"])),
        call!(
            "opportunities.remove_followers",
            |ghl| ghl.opportunities().remove_followers("l1", "o1").users(["u1"]),
            ghl.opportunities().remove_followers("l1", "o1").all()
        ),
    ]
}
