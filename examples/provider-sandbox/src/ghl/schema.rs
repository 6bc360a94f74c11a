//! Validates bodies, queries and forms as the provider does: a 422 lists the errors of all fields, and unknown fields are errors.
//! The handlers check the meaning, such as whether an id exists.

use serde_json::{Map, Value};

use super::response::ApiError;
use crate::http_io::json_object;

/// The type of a field.
#[derive(Debug, Clone, Copy)]
pub(crate) enum FieldType {
    Text,
    TextOrNull,
    Bool,
    TextList,
    Object,
    List,
    OneOf(&'static [&'static str]),
    Any,
}

/// A field of a body.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Field {
    pub(crate) name: &'static str,
    pub(crate) field_type: FieldType,
    pub(crate) required: bool,
}

pub(crate) const fn required(name: &'static str, field_type: FieldType) -> Field {
    Field { name, field_type, required: true }
}

pub(crate) const fn optional(name: &'static str, field_type: FieldType) -> Field {
    Field { name, field_type, required: false }
}

/// Parses a JSON object and validates it against `fields`.
pub(crate) fn body(bytes: &[u8], fields: &[Field]) -> Result<Map<String, Value>, ApiError> {
    let map = object(bytes)?;
    validate(&map, fields)?;
    Ok(map)
}

/// Parses a JSON object. An empty body is an empty object.
pub(crate) fn object(bytes: &[u8]) -> Result<Map<String, Value>, ApiError> {
    json_object(bytes).map_err(ApiError::bad_request)
}

/// Returns a text field of a body.
pub(crate) fn text<'a>(body: &'a Map<String, Value>, name: &str) -> Option<&'a str> {
    body.get(name).and_then(Value::as_str)
}

pub(crate) fn validate(map: &Map<String, Value>, fields: &[Field]) -> Result<(), ApiError> {
    let unknown = map
        .keys()
        .filter(|key| !fields.iter().any(|field| field.name == key.as_str()))
        .map(|key| format!("property {key} should not exist"));
    let invalid = fields.iter().filter_map(|field| field_error(field, map.get(field.name)));
    into_result(unknown.chain(invalid).collect())
}

fn into_result(errors: Vec<String>) -> Result<(), ApiError> {
    if errors.is_empty() { Ok(()) } else { Err(ApiError::unprocessable(errors)) }
}

fn field_error(field: &Field, value: Option<&Value>) -> Option<String> {
    let name = field.name;
    let Some(value) = value else {
        return field.required.then(|| format!("{name} should not be empty"));
    };
    let is_valid = match field.field_type {
        FieldType::Text => value.is_string(),
        FieldType::TextOrNull => value.is_string() || value.is_null(),
        FieldType::Bool => value.is_boolean(),
        FieldType::TextList => value.as_array().is_some_and(|items| items.iter().all(Value::is_string)),
        FieldType::Object => value.is_object(),
        FieldType::List => value.is_array(),
        FieldType::OneOf(allowed) => value.as_str().is_some_and(|text| allowed.contains(&text)),
        FieldType::Any => true,
    };
    if !is_valid {
        return Some(format!("{name} must be {}", describe(field.field_type)));
    }
    (field.required && value.as_str() == Some("")).then(|| format!("{name} should not be empty"))
}

fn describe(field_type: FieldType) -> String {
    match field_type {
        FieldType::Text | FieldType::TextOrNull => "a string".into(),
        FieldType::Bool => "a boolean value".into(),
        FieldType::TextList => "an array of strings".into(),
        FieldType::Object => "an object".into(),
        FieldType::List => "an array".into(),
        FieldType::OneOf(allowed) => format!("one of the following values: {}", allowed.join(", ")),
        FieldType::Any => "present".into(),
    }
}

/// Parameters of a query or form. The first value of a repeated name counts.
#[derive(Debug, Default)]
pub(crate) struct Params(Vec<(String, String)>);

impl Params {
    /// Parses `raw`. Names that end in `*` are required, the other names are optional, and all others are rejected.
    pub(crate) fn parse(raw: &[u8], names: &[&str]) -> Result<Self, ApiError> {
        let params = Self(url::form_urlencoded::parse(raw).into_owned().collect());
        let known = |name: &str| names.iter().any(|known| known.trim_end_matches('*') == name.trim_end_matches("[]"));
        let unknown = params
            .0
            .iter()
            .filter(|(name, _)| !known(name))
            .map(|(name, _)| format!("property {name} should not exist"));
        let missing = names
            .iter()
            .filter_map(|name| name.strip_suffix('*'))
            .filter(|name| params.get(name).is_none_or(str::is_empty))
            .map(|name| format!("{name} should not be empty"));
        into_result(unknown.chain(missing).collect())?;
        Ok(params)
    }

    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(known, _)| known.trim_end_matches("[]") == name).map(|(_, value)| value.as_str())
    }

    /// Returns the value of a required parameter.
    pub(crate) fn text(&self, name: &str) -> &str {
        self.get(name).unwrap_or_default()
    }

    /// Returns an integer, or the 422 that names the parameter.
    pub(crate) fn number(&self, name: &str) -> Result<Option<i64>, ApiError> {
        self.get(name)
            .map(|text| text.parse().map_err(|_| ApiError::invalid(format!("{name} must be a number"))))
            .transpose()
    }
}
