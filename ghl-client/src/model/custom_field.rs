use serde::{Serialize, Serializer, ser::SerializeStruct};
use serde_json::Value;

use super::{CustomFieldId, LocationId};

sidecar_core::model! {
    /// A custom field as a location defines it.
    pub struct CustomField {
        /// Its id; what a contact's read shape names it by.
        "id" id: CustomFieldId,
        /// Its label.
        "name" name: Option<String>,
        /// Its key, such as `contact.course`.
        "fieldKey" field_key: Option<String>,
        /// Its kind, such as `TEXT`, `SINGLE_OPTIONS`, `DATE`.
        "dataType" data_type: Option<String>,
        /// The object that has the field: `contact` or `opportunity`.
        "model" model: Option<String>,
        /// The allowed values, where it is a choice.
        "picklistOptions" picklist_options: Option<Vec<Value>>,
        /// The placeholder of the empty field.
        "placeholder" placeholder: Option<String>,
        /// Its place among the fields.
        "position" position: Option<f64>,
        /// Pictures of the allowed values.
        "picklistImageOptions" picklist_image_options: Option<Vec<Value>>,
        /// Whether values outside the options are allowed.
        "isAllowedCustomOption" is_allowed_custom_option: Option<bool>,
        /// Whether it takes several files.
        "isMultiFileAllowed" is_multi_file_allowed: Option<bool>,
        /// How many files it takes.
        "maxFileLimit" max_file_limit: Option<f64>,
        /// Its location.
        "locationId" location_id: Option<LocationId>,
    }
}

sidecar_core::model! {
    /// A custom field's value as it is read: by id only, the key is not sent.
    pub struct CustomFieldEntry {
        /// The field.
        "id" id: CustomFieldId,
        /// Its value: text, number, list or object by the field's kind.
        "value" value: Option<Value>,
    }
}

/// A custom field's value as it is written: by id or by key. It differs from what is read ([`CustomFieldEntry`]).
#[derive(Debug, Clone, PartialEq)]
pub struct CustomFieldValue {
    name: Name,
    value: Value,
}

#[derive(Debug, Clone, PartialEq)]
enum Name {
    Id(CustomFieldId),
    Key(String),
}

impl CustomFieldValue {
    /// Names the field by its id.
    pub fn by_id(id: impl Into<CustomFieldId>, value: impl Into<Value>) -> Self {
        Self { name: Name::Id(id.into()), value: value.into() }
    }

    /// Names the field by its key, such as `course`.
    pub fn by_key(key: impl Into<String>, value: impl Into<Value>) -> Self {
        Self { name: Name::Key(key.into()), value: value.into() }
    }
}

impl Serialize for CustomFieldValue {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut fields = serializer.serialize_struct("CustomFieldValue", 2)?;
        match &self.name {
            Name::Id(id) => fields.serialize_field("id", id)?,
            Name::Key(key) => fields.serialize_field("key", key)?,
        }
        fields.serialize_field("field_value", &self.value)?;
        fields.end()
    }
}
