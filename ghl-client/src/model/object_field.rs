use serde_json::Value;

use super::{CustomFieldFolderId, CustomFieldId, LocationId, WireTime};

sidecar_core::open_enum! {
    /// The data type of a custom field of an object.
    pub enum FieldDataType {
        /// A line of text.
        Text = "TEXT",
        /// A text.
        LargeText = "LARGE_TEXT",
        /// A number.
        Numerical = "NUMERICAL",
        /// A phone number.
        Phone = "PHONE",
        /// An amount of money. Spelt so on the wire.
        Monetary = "MONETORY",
        /// Any of several values.
        Checkbox = "CHECKBOX",
        /// One of several values.
        SingleOptions = "SINGLE_OPTIONS",
        /// Some of several values.
        MultipleOptions = "MULTIPLE_OPTIONS",
        /// A day.
        Date = "DATE",
        /// Several lines of text.
        TextboxList = "TEXTBOX_LIST",
        /// Files.
        FileUpload = "FILE_UPLOAD",
        /// One of several values, shown as buttons.
        Radio = "RADIO",
        /// An e-mail address.
        Email = "EMAIL",
    }
}

sidecar_core::model! {
    /// A custom field of a custom object or a company.
    pub struct ObjectField {
        /// Its id.
        "id" id: CustomFieldId,
        /// Its label.
        "name" name: Option<String>,
        /// The description.
        "description" description: Option<String>,
        /// The placeholder of the empty field.
        "placeholder" placeholder: Option<String>,
        /// Its key, such as `custom_object.pet.name`.
        "fieldKey" field_key: Option<String>,
        /// The key of its object, such as `custom_object.pet`.
        "objectKey" object_key: Option<String>,
        /// The data type.
        "dataType" data_type: Option<FieldDataType>,
        /// The allowed values, where it is a choice.
        "options" options: Option<Vec<FieldOption>>,
        /// The files it takes.
        "acceptedFormats" accepted_formats: Option<Value>,
        /// Whether forms show it.
        "showInForms" show_in_forms: Option<bool>,
        /// Whether values outside the options are allowed.
        "allowCustomOption" allow_custom_option: Option<bool>,
        /// How many files it takes.
        "maxFileLimit" max_file_limit: Option<f64>,
        /// Its folder.
        "parentId" parent_id: Option<CustomFieldFolderId>,
        /// Its location.
        "locationId" location_id: Option<LocationId>,
        /// When it was made.
        "dateAdded" date_added: Option<WireTime>,
        /// When it last changed.
        "dateUpdated" date_updated: Option<WireTime>,
    }
}

sidecar_core::model! {
    /// A value that a field allows.
    pub struct FieldOption {
        /// Its key.
        "key" key: String,
        /// Its label.
        "label" label: String,
        /// Its picture's address, among buttons.
        "url" url: Option<String>,
    }
}

impl FieldOption {
    /// A value with this key and this label.
    pub fn new(key: impl Into<String>, label: impl Into<String>) -> Self {
        Self { key: key.into(), label: label.into(), url: None, extra: sidecar_core::model::Extra::new() }
    }
}

sidecar_core::model! {
    /// An object's custom fields, and the folders they are in.
    pub struct ObjectFields {
        /// The fields.
        "fields" fields: Option<Vec<ObjectField>>,
        /// The folders, in the shape of fields.
        "folders" folders: Option<Vec<ObjectField>>,
    }
}

sidecar_core::model! {
    /// A folder of custom fields.
    pub struct FieldFolder {
        /// Its id.
        "id" id: CustomFieldFolderId,
        /// The key of its object.
        "objectKey" object_key: Option<String>,
        /// Its name.
        "name" name: Option<String>,
        /// Its location.
        "locationId" location_id: Option<LocationId>,
    }
}
