use ghl_client::{
    contacts::Direction,
    model::{File, Recurrence, RecurrenceDay, RecurrenceUnit, TemplateKind},
};

use crate::call::{Call, LATER, NOW, call};

pub(super) fn calls() -> Vec<Call> {
    [whole(), installed(), tags_and_values(), custom_fields(), listings(), recurring_tasks()]
        .into_iter()
        .flatten()
        .collect()
}

fn whole() -> Vec<Call> {
    vec![
        call!(
            "locations.search",
            |ghl| ghl.locations().search("co1"),
            ghl.locations().search("co1").email("ann@example.com").order(Direction::Desc).skip(5).page_size(5)
        ),
        call!("locations.get", |ghl| ghl.locations().get("l1"), ghl.locations().get("l1").as_company("co1")),
        call!("locations.timezones", |ghl| ghl.locations().timezones("l1")),
        call!(
            "locations.create",
            |ghl| ghl.locations().create("co1", "One"),
            ghl.locations()
                .create("co1", "One")
                .phone("+14155550100")
                .address("1 Main Street")
                .city("Dublin")
                .state("Leinster")
                .country("IE")
                .postal_code("D01")
                .website("https://example.com")
                .timezone("Europe/Dublin")
                .snapshot("s1")
                .prospect("Ann", "Example", "ann@example.com")
        ),
        call!(
            "locations.update",
            |ghl| ghl.locations().update("co1", "l1"),
            ghl.locations()
                .update("co1", "l1")
                .name("Two")
                .phone("+14155550100")
                .address("1 Main Street")
                .city("Dublin")
                .state("Leinster")
                .country("IE")
                .postal_code("D01")
                .website("https://example.com")
                .timezone("Europe/Dublin")
                .snapshot("s1", true)
                .prospect("Ann", "Example", "ann@example.com")
        ),
        call!("locations.delete", |ghl| ghl.locations().delete("co1", "l1", false)),
    ]
}

fn installed() -> Vec<Call> {
    vec![
        call!(
            "oauth.installed_locations",
            |ghl| ghl.locations().installed("co1"),
            ghl.locations().installed("co1").is_installed(true).query("x").location("l1").skip(20).page_size(20)
        ),
        call!(
            "oauth.installed_locations",
            |ghl| ghl.locations().installed_v3("co1"),
            ghl.locations()
                .installed_v3("co1")
                .is_installed(true)
                .query("x")
                .location("l1")
                .page_size(20)
                .after("p2".to_owned())
        ),
    ]
}

fn tags_and_values() -> Vec<Call> {
    vec![
        call!("locations.tags.list", |ghl| ghl.locations().tags("l1").list()),
        call!("locations.tags.create", |ghl| ghl.locations().tags("l1").create("rust")),
        call!("locations.tags.get", |ghl| ghl.locations().tags("l1").get("t1")),
        call!("locations.tags.rename", |ghl| ghl.locations().tags("l1").rename("t1", "go")),
        call!("locations.tags.delete", |ghl| ghl.locations().tags("l1").delete("t1")),
        call!("locations.custom_values.list", |ghl| ghl.locations().custom_values("l1").list()),
        call!("locations.custom_values.create", |ghl| ghl.locations().custom_values("l1").create("hours", "9-5")),
        call!("locations.custom_values.get", |ghl| ghl.locations().custom_values("l1").get("v1")),
        call!("locations.custom_values.update", |ghl| ghl.locations().custom_values("l1").update("v1", "hours", "8-4")),
        call!("locations.custom_values.delete", |ghl| ghl.locations().custom_values("l1").delete("v1")),
    ]
}

fn custom_fields() -> Vec<Call> {
    vec![
        call!(
            "locations.custom_fields.list",
            |ghl| ghl.locations().custom_fields("l1").list(),
            ghl.locations().custom_fields("l1").list().of_all()
        ),
        call!(
            "locations.custom_fields.create",
            |ghl| ghl.locations().custom_fields("l1").create("Course", "TEXT"),
            ghl.locations()
                .custom_fields("l1")
                .create("Papers", "FILE_UPLOAD")
                .placeholder("PDF")
                .accepted_formats([".pdf"])
                .is_multiple_file(true)
                .max_number_of_files(2)
                .position(3)
                .model("opportunity")
        ),
        call!("locations.custom_fields.get", |ghl| ghl.locations().custom_fields("l1").get("f1")),
        call!(
            "locations.custom_fields.update",
            |ghl| ghl.locations().custom_fields("l1").update("f1", "Course"),
            ghl.locations()
                .custom_fields("l1")
                .update("f1", "Papers")
                .placeholder("PDF")
                .accepted_formats([".pdf"])
                .is_multiple_file(true)
                .max_number_of_files(2)
                .position(3)
                .model("opportunity")
        ),
        call!(
            "locations.custom_fields.upload",
            |ghl| ghl.locations().custom_fields("l1").upload("c1").file(File::new("a.txt", "text/plain", "a")),
            ghl.locations()
                .custom_fields("l1")
                .upload("c1")
                .max_files(2)
                .file(File::new("a.txt", "text/plain", "a"))
                .file(File::new("b.txt", "text/plain", "b"))
        ),
        call!("locations.custom_fields.delete", |ghl| ghl.locations().custom_fields("l1").delete("f1")),
    ]
}

fn listings() -> Vec<Call> {
    vec![
        call!(
            "locations.search_tasks",
            |ghl| ghl.locations().search_tasks("l1"),
            ghl.locations()
                .search_tasks("l1")
                .contacts(["c1"])
                .completed(false)
                .assigned_to(["u1"])
                .query("call")
                .business("b1")
                .skip(10)
                .page_size(10)
        ),
        call!(
            "locations.templates",
            |ghl| ghl.locations().templates("l1"),
            ghl.locations().templates("l1").kind(TemplateKind::Sms).deleted(true).origin("o1").skip(1).page_size(1)
        ),
        call!("locations.delete_template", |ghl| ghl.locations().delete_template("l1", "m1")),
    ]
}

fn monthly() -> Recurrence {
    Recurrence {
        end: Some(LATER.into()),
        day_of_month: Some(15.0),
        day_of_week: Some(RecurrenceDay::Monday),
        month_of_year: Some(1.0),
        count: Some(10.0),
        create_if_overdue: Some(true),
        ..Recurrence::every(2, RecurrenceUnit::Monthly, NOW, 3_600)
    }
}

fn recurring_tasks() -> Vec<Call> {
    vec![
        call!(
            "locations.recurring_tasks.create",
            |ghl| ghl
                .locations()
                .recurring_tasks("l1")
                .create("Call", Recurrence::every(1, RecurrenceUnit::Daily, NOW, 60)),
            ghl.locations()
                .recurring_tasks("l1")
                .create("Call", monthly())
                .description("d")
                .contacts(["c1"])
                .owners(["u1"])
                .ignore_task_creation(true)
        ),
        call!("locations.recurring_tasks.get", |ghl| ghl.locations().recurring_tasks("l1").get("t1")),
        call!(
            "locations.recurring_tasks.update",
            |ghl| ghl.locations().recurring_tasks("l1").update("t1"),
            ghl.locations().recurring_tasks("l1").update("t1").title("Mail").recurrence(monthly())
        ),
        call!("locations.recurring_tasks.delete", |ghl| ghl.locations().recurring_tasks("l1").delete("t1")),
    ]
}
