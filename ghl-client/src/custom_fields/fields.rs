use http::Method;
use serde_json::json;
use sidecar_core::Result;

use super::CustomFields;
use crate::{
    client::{Operation, PlainRequest, RequestBuilder, any_field, ignore_body, request, setters},
    config::ApiVersion,
    model::{CustomFieldFolderId, CustomFieldId, FieldDataType, FieldOption, LocationId, ObjectField, ObjectFields},
};

const VERSION: ApiVersion = ApiVersion::V2021_07_28;
static LIST: Operation =
    Operation::new("custom_fields.of_object", Method::GET, "/custom-fields/object-key/{objectKey}", VERSION);
static CREATE: Operation = Operation::new("custom_fields.create", Method::POST, "/custom-fields/", VERSION);
static GET: Operation = Operation::new("custom_fields.get", Method::GET, "/custom-fields/{id}", VERSION);
static UPDATE: Operation = Operation::new("custom_fields.update", Method::PUT, "/custom-fields/{id}", VERSION);
static DELETE: Operation = Operation::new("custom_fields.delete", Method::DELETE, "/custom-fields/{id}", VERSION);

request! {
    /// Creates a custom field. From [`CustomFields::create`].
    pub struct CreateObjectField => ObjectField
}
request! {
    /// Changes a custom field. From [`CustomFields::update`].
    pub struct UpdateObjectField => ObjectField
}

setters! { body of CreateObjectField, UpdateObjectField; {
    /// The description.
    "description" description: into String,
    /// The placeholder of the empty field.
    "placeholder" placeholder: into String,
    /// Whether forms show it; they do unless set.
    "showInForms" show_in_forms: bool,
    /// The files it takes, by an ending such as `.pdf`, or `all`.
    "acceptedFormats" accepted_formats: into String,
    /// How many files it takes.
    "maxFileLimit" max_file_limit: u32,
    /// The allowed values, where it is a choice. An update has to name those that there are too.
    "options" options: each FieldOption,
}}
setters! { body of CreateObjectField; {
    /// Its label.
    "name" name: into String,
    /// Whether values outside the options are allowed.
    "allowCustomOption" allow_custom_option: bool,
}}
setters! { body of UpdateObjectField; {
    /// Its label.
    "name" name: into String,
}}
any_field!(CreateObjectField, UpdateObjectField);

impl CustomFields {
    /// Lists an object's fields and their folders. A custom object's key begins with `custom_objects.`.
    pub fn of_object(
        &self,
        location: impl Into<LocationId>,
        object_key: impl AsRef<str>,
    ) -> PlainRequest<ObjectFields> {
        let location = location.into();
        let builder =
            RequestBuilder::new(&self.0, &LIST, location.clone()).argument(object_key).query("locationId", location);
        builder.plain(|answer| answer.json())
    }

    /// Creates a field of an object in a folder. Its key is the object's, a dot and a name, such as `custom_objects.pet.name`.
    pub fn create(
        &self,
        location: impl Into<LocationId>,
        object_key: impl Into<String>,
        folder: impl Into<CustomFieldFolderId>,
        field_key: impl Into<String>,
        data_type: impl Into<FieldDataType>,
    ) -> CreateObjectField {
        let location = location.into();
        let builder = RequestBuilder::new(&self.0, &CREATE, location.clone()).set("locationId", json!(location));
        let builder = builder.set("objectKey", object_key.into()).set("parentId", json!(folder.into()));
        let builder = builder.set("fieldKey", field_key.into()).set("dataType", json!(data_type.into()));
        CreateObjectField { builder: builder.set("showInForms", true) }
    }

    /// Reads one field, or one folder in the shape of a field.
    pub fn get(&self, location: impl Into<LocationId>, id: impl Into<CustomFieldId>) -> PlainRequest<ObjectField> {
        let builder = RequestBuilder::new(&self.0, &GET, location.into()).argument(id.into());
        builder.plain(|answer| answer.part(&["field"]))
    }

    /// Changes the fields that are set. Whether forms show the field is always sent, `true` by default.
    pub fn update(&self, location: impl Into<LocationId>, id: impl Into<CustomFieldId>) -> UpdateObjectField {
        let location = location.into();
        let builder = RequestBuilder::new(&self.0, &UPDATE, location.clone()).argument(id.into());
        UpdateObjectField { builder: builder.set("locationId", json!(location)).set("showInForms", true) }
    }

    /// Deletes a field with its values.
    pub fn delete(&self, location: impl Into<LocationId>, id: impl Into<CustomFieldId>) -> PlainRequest<()> {
        RequestBuilder::new(&self.0, &DELETE, location.into()).argument(id.into()).plain(ignore_body)
    }
}

impl CreateObjectField {
    async fn send(self) -> Result<ObjectField> {
        self.builder.part(&["field"]).await
    }
}

impl UpdateObjectField {
    async fn send(self) -> Result<ObjectField> {
        self.builder.part(&["field"]).await
    }
}
