use ghl_client::model::{FieldDataType, FieldOption};

use super::{Room, wire};

const ROOM: Room = Room("2021-07-28");

#[tokio::test]
async fn an_objects_fields_have_their_lines() {
    wire! { ROOM, ghl;
        ghl.custom_fields().of_object("l1", "custom_objects.pet")
            => "GET /custom-fields/object-key/custom_objects.pet?locationId=l1", null,
            {"fields": [{"id": "f1", "dataType": "MONETORY", "options": [{"key": "a", "label": "A"}]}], "folders": []};
        ghl.custom_fields().create("l1", "custom_objects.pet", "d1", "custom_objects.pet.name", FieldDataType::Text)
            => "POST /custom-fields/",
            {"locationId": "l1", "objectKey": "custom_objects.pet", "parentId": "d1", "fieldKey": "custom_objects.pet.name",
             "dataType": "TEXT", "showInForms": true},
            {"field": {"id": "f1"}};
        ghl.custom_fields().create("l1", "business", "d1", "business.size", FieldDataType::Radio).name("Size")
            .description("d").placeholder("p").show_in_forms(false).accepted_formats("all").max_file_limit(2)
            .allow_custom_option(true).options([FieldOption::new("s", "Small")]).set("x", 1) => "POST /custom-fields/",
            {"locationId": "l1", "objectKey": "business", "parentId": "d1", "fieldKey": "business.size", "dataType": "RADIO",
             "name": "Size", "description": "d", "placeholder": "p", "showInForms": false, "acceptedFormats": "all",
             "maxFileLimit": 2, "allowCustomOption": true, "options": [{"key": "s", "label": "Small"}], "x": 1},
            {"field": {"id": "f1"}};
        ghl.custom_fields().get("l1", "f1") => "GET /custom-fields/f1", null, {"field": {"id": "f1"}};
        ghl.custom_fields().update("l1", "f1").name("Name") => "PUT /custom-fields/f1",
            {"locationId": "l1", "showInForms": true, "name": "Name"}, {"field": {"id": "f1"}};
        ghl.custom_fields().delete("l1", "f1") => "DELETE /custom-fields/f1", null,
            {"succeded": true, "id": "f1", "key": "k"};
    }
}

#[tokio::test]
async fn folders_have_their_lines() {
    wire! { ROOM, ghl;
        ghl.custom_fields().folders("l1").create("custom_objects.pet", "Health") => "POST /custom-fields/folder",
            {"locationId": "l1", "objectKey": "custom_objects.pet", "name": "Health"}, {"id": "d1", "name": "Health"};
        ghl.custom_fields().folders("l1").rename("d1", "Body") => "PUT /custom-fields/folder/d1",
            {"locationId": "l1", "name": "Body"}, {"id": "d1", "name": "Body"};
        ghl.custom_fields().folders("l1").delete("d1") => "DELETE /custom-fields/folder/d1?locationId=l1", null,
            {"succeded": true, "id": "d1", "key": "k"};
    }
}
