//! What may be written of a contact. An absent field stays as it is, `null` clears it.

use serde::{Deserialize, Deserializer, Serialize, de::Error};
use serde_json::{Map, Value};
use utoipa::{
    PartialSchema, ToSchema,
    openapi::{
        RefOr,
        schema::{Object, Schema, Type},
    },
};

/// The fields of a contact that may be written, with GHL's names.
#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ContactFields {
    /// Given name.
    #[serde(default, deserialize_with = "given", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    first_name: Given<String>,
    /// Family name.
    #[serde(default, deserialize_with = "given", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    last_name: Given<String>,
    /// Whole name, in place of the two.
    #[serde(default, deserialize_with = "given", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    name: Given<String>,
    /// E-mail address.
    #[serde(default, deserialize_with = "given", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, example = "ann@example.com")]
    email: Given<String>,
    /// Phone number in E.164.
    #[serde(default, deserialize_with = "given", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, example = "+14155550100")]
    phone: Given<String>,
    /// Street and number.
    #[serde(default, deserialize_with = "given", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    address1: Given<String>,
    /// City.
    #[serde(default, deserialize_with = "given", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    city: Given<String>,
    /// State or region.
    #[serde(default, deserialize_with = "given", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    state: Given<String>,
    /// Two-letter country code.
    #[serde(default, deserialize_with = "given", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, example = "US")]
    country: Given<String>,
    /// Postal code.
    #[serde(default, deserialize_with = "given", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    postal_code: Given<String>,
    /// Website.
    #[serde(default, deserialize_with = "given", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    website: Given<String>,
    /// IANA time zone.
    #[serde(default, deserialize_with = "given", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, example = "Europe/Berlin")]
    timezone: Given<String>,
    /// Where the contact came from.
    #[serde(default, deserialize_with = "given", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    source: Given<String>,
    /// Date of birth, `YYYY-MM-DD`.
    #[serde(default, deserialize_with = "given", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, example = "1990-09-25")]
    date_of_birth: Given<String>,
    /// The id of the user it is assigned to.
    #[serde(default, deserialize_with = "given", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    assigned_to: Given<String>,
    /// Whether no messages may be sent at all; `null` is `false`.
    #[serde(default, deserialize_with = "given_or_empty", skip_serializing_if = "Option::is_none")]
    dnd: Option<bool>,
    /// All tags the contact is to have; `null` is none.
    #[serde(default, deserialize_with = "given_or_empty", skip_serializing_if = "Option::is_none")]
    tags: Option<Vec<String>>,
    /// Values of custom fields, those that are to change. Not `null`: a field is cleared by a `null` of its own.
    #[serde(default, deserialize_with = "listed", skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    custom_fields: Option<Vec<CustomField>>,
}

/// The value of a custom field, named by its id or by its key.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CustomField {
    /// The field's id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    id: Option<String>,
    /// The field's key, in place of the id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(example = "course")]
    key: Option<String>,
    /// The value, by the field's kind.
    #[serde(alias = "value")]
    field_value: Value,
}

/// `None`: absent. `Some(None)`: to be cleared.
type Given<T> = Option<Option<T>>;

fn given<'de, D: Deserializer<'de>, T: Deserialize<'de>>(deserializer: D) -> Result<Given<T>, D::Error> {
    Option::deserialize(deserializer).map(Some)
}

/// For what GHL clears with a value of its own, not with `null`.
fn given_or_empty<'de, D: Deserializer<'de>, T: Deserialize<'de> + Default>(
    deserializer: D,
) -> Result<Option<T>, D::Error> {
    Option::deserialize(deserializer).map(|value| Some(value.unwrap_or_default()))
}

fn listed<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Vec<CustomField>>, D::Error> {
    match Option::deserialize(deserializer)? {
        Some(fields) => Ok(Some(fields)),
        None => {
            Err(D::Error::custom("`customFields` cannot be null: list each field to be cleared with `\"value\": null`"))
        }
    }
}

impl ContactFields {
    /// The fields that are there, with GHL's names.
    pub fn to_wire(&self) -> Map<String, Value> {
        match serde_json::to_value(self) {
            Ok(Value::Object(fields)) => fields,
            // A struct of plain values always is an object.
            _ => Map::new(),
        }
    }
}

/// A contact to be created.
#[derive(Debug, Clone)]
pub struct NewContact {
    /// The location it is to belong to.
    pub location_id: String,
    /// Its fields.
    pub fields: ContactFields,
}

/// By hand, because a schema that refuses unknown fields cannot be part of another one.
impl PartialSchema for NewContact {
    fn schema() -> RefOr<Schema> {
        let location =
            Object::builder().schema_type(Type::String).description(Some("The location it is to belong to."));
        match ContactFields::schema() {
            RefOr::T(Schema::Object(mut fields)) => {
                fields.description = Some("A contact to be created.".to_owned());
                fields.properties.insert("locationId".to_owned(), location.into());
                fields.required.push("locationId".to_owned());
                fields.into()
            }
            other => other,
        }
    }
}

impl ToSchema for NewContact {
    fn schemas(schemas: &mut Vec<(String, RefOr<Schema>)>) {
        ContactFields::schemas(schemas);
    }
}

/// By hand, because `flatten` and refusing unknown fields do not go together.
impl<'de> Deserialize<'de> for NewContact {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut object = Map::deserialize(deserializer)?;
        let location_id = match object.remove("locationId") {
            Some(Value::String(id)) if !id.trim().is_empty() => id.trim().to_owned(),
            Some(_) => return Err(D::Error::custom("`locationId` must be a location's id")),
            None => return Err(D::Error::missing_field("locationId")),
        };
        let fields = ContactFields::deserialize(Value::Object(object)).map_err(D::Error::custom)?;
        Ok(Self { location_id, fields })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn fields(value: Value) -> Result<Map<String, Value>, serde_json::Error> {
        ContactFields::deserialize(value).map(|fields| fields.to_wire())
    }

    #[test]
    fn absent_and_null_fields_are_told_apart() {
        let wire = fields(json!({"firstName": "Ann", "city": null})).unwrap();
        assert_eq!(Value::Object(wire), json!({"firstName": "Ann", "city": null}));
    }

    #[test]
    fn null_clears_tags_and_dnd_by_their_empty_values() {
        let wire = fields(json!({"tags": null, "dnd": null})).unwrap();
        assert_eq!(Value::Object(wire), json!({"tags": [], "dnd": false}));
        let wire = fields(json!({"city": "Paris"})).unwrap();
        assert_eq!(Value::Object(wire), json!({"city": "Paris"}), "what is absent stays as it is");
    }

    #[test]
    fn all_custom_fields_at_once_cannot_be_cleared() {
        let error = fields(json!({"customFields": null})).unwrap_err();
        assert!(error.to_string().contains("customFields"), "{error}");
        let wire = fields(json!({"customFields": [{"key": "course", "value": null}]})).unwrap();
        assert_eq!(wire["customFields"], json!([{"key": "course", "field_value": null}]));
    }

    #[test]
    fn an_unknown_field_is_named() {
        let error = fields(json!({"fristName": "Ann"})).unwrap_err();
        assert!(error.to_string().contains("fristName"), "{error}");
        let error = NewContact::deserialize(json!({"locationId": "l", "fristName": "Ann"})).unwrap_err();
        assert!(error.to_string().contains("fristName"), "{error}");
    }

    #[test]
    fn custom_fields_are_written_in_the_shape_of_writes() {
        let wire = fields(json!({"customFields": [{"key": "course", "value": "Rust"}]})).unwrap();
        assert_eq!(wire["customFields"], json!([{"key": "course", "field_value": "Rust"}]));
    }

    #[test]
    fn a_new_contact_needs_its_location() {
        for bad in [json!({"firstName": "Ann"}), json!({"locationId": " "}), json!({"locationId": 7}), json!([])] {
            NewContact::deserialize(bad.clone()).expect_err(&bad.to_string());
        }
    }
}
