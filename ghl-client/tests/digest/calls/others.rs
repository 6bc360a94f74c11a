use ghl_client::model::{FieldDataType, FieldOption};

use crate::call::{Call, call};

pub(super) fn calls() -> Vec<Call> {
    let read = vec![
        call!("companies.get", |ghl| ghl.companies().get("co1")),
        call!("workflows.list", |ghl| ghl.workflows().list("l1")),
    ];
    [businesses(), object_fields(), read].into_iter().flatten().collect()
}

fn businesses() -> Vec<Call> {
    vec![
        call!("businesses.list", |ghl| ghl.businesses().list("l1"), ghl.businesses().list("l1").skip(5).page_size(5)),
        call!(
            "businesses.create",
            |ghl| ghl.businesses().create("l1", "Example Ltd"),
            ghl.businesses()
                .create("l1", "Example Ltd")
                .phone("+14155550100")
                .email("a@example.com")
                .website("https://example.com")
                .address("a")
                .city("c")
                .state("s")
                .postal_code("p")
                .country("US")
                .description("d")
        ),
        call!("businesses.get", |ghl| ghl.businesses().get("l1", "b1")),
        call!(
            "businesses.update",
            |ghl| ghl.businesses().update("l1", "b1"),
            ghl.businesses()
                .update("l1", "b1")
                .name("Example Ltd")
                .phone("+14155550100")
                .email("a@example.com")
                .website("https://example.com")
                .address("a")
                .city("c")
                .state("s")
                .postal_code("p")
                .country("US")
                .description("d")
        ),
        call!("businesses.delete", |ghl| ghl.businesses().delete("l1", "b1")),
    ]
}

fn object_fields() -> Vec<Call> {
    vec![
        call!("custom_fields.of_object", |ghl| ghl.custom_fields().of_object("l1", "custom_objects.pet")),
        call!(
            "custom_fields.create",
            |ghl| ghl.custom_fields().create("l1", "custom_objects.pet", "d1", "pet.name", FieldDataType::Text),
            ghl.custom_fields()
                .create("l1", "business", "d1", "business.size", FieldDataType::Radio)
                .name("Size")
                .description("d")
                .placeholder("p")
                .show_in_forms(false)
                .accepted_formats(".pdf")
                .max_file_limit(2)
                .allow_custom_option(true)
                .options([FieldOption::new("s", "Small")])
        ),
        call!("custom_fields.get", |ghl| ghl.custom_fields().get("l1", "f1")),
        call!(
            "custom_fields.update",
            |ghl| ghl.custom_fields().update("l1", "f1"),
            ghl.custom_fields()
                .update("l1", "f1")
                .name("Size")
                .description("d")
                .placeholder("p")
                .show_in_forms(false)
                .accepted_formats(".pdf")
                .max_file_limit(2)
                .options([FieldOption::new("s", "Small")])
        ),
        call!("custom_fields.delete", |ghl| ghl.custom_fields().delete("l1", "f1")),
        call!("custom_fields.folders.create", |ghl| ghl.custom_fields().folders("l1").create("business", "Facts")),
        call!("custom_fields.folders.rename", |ghl| ghl.custom_fields().folders("l1").rename("d1", "Facts")),
        call!("custom_fields.folders.delete", |ghl| ghl.custom_fields().folders("l1").delete("d1")),
    ]
}
