//! Shapes of request bodies, queries and forms, checked the provider's way: every complaint in one list, unknown
//! fields refused (422). Meaning (does this id exist?) is checked by the handlers.

use serde_json::{Map, Value};

use super::error::ApiError;

/// What a field may hold.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Kind {
    Text,
    TextOrNull,
    Bool,
    TextList,
    Object,
    List,
    OneOf(&'static [&'static str]),
    Any,
}

/// One known field of a body.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Field {
    pub(crate) name: &'static str,
    pub(crate) kind: Kind,
    pub(crate) required: bool,
}

pub(crate) const fn required(name: &'static str, kind: Kind) -> Field {
    Field { name, kind, required: true }
}

pub(crate) const fn optional(name: &'static str, kind: Kind) -> Field {
    Field { name, kind, required: false }
}

/// Reads a JSON object and checks it against `fields`.
pub(crate) fn body(bytes: &[u8], fields: &[Field]) -> Result<Map<String, Value>, ApiError> {
    let map = object(bytes)?;
    check(&map, fields)?;
    Ok(map)
}

/// Reads a JSON object without looking inside. An empty body is an empty object.
pub(crate) fn object(bytes: &[u8]) -> Result<Map<String, Value>, ApiError> {
    if bytes.is_empty() {
        return Ok(Map::new());
    }
    match serde_json::from_slice(bytes) {
        Ok(Value::Object(map)) => Ok(map),
        Ok(_) => Err(ApiError::bad_request("the body must be a JSON object")),
        Err(error) => Err(ApiError::bad_request(format!("the body is not valid JSON: {error}"))),
    }
}

pub(crate) fn check(map: &Map<String, Value>, fields: &[Field]) -> Result<(), ApiError> {
    let unknown = map
        .keys()
        .filter(|key| !fields.iter().any(|field| field.name == key.as_str()))
        .map(|key| format!("property {key} should not exist"));
    let wrong = fields.iter().filter_map(|field| complaint(field, map.get(field.name)));
    finish(unknown.chain(wrong).collect())
}

fn finish(complaints: Vec<String>) -> Result<(), ApiError> {
    if complaints.is_empty() { Ok(()) } else { Err(ApiError::unprocessable(complaints)) }
}

fn complaint(field: &Field, value: Option<&Value>) -> Option<String> {
    let name = field.name;
    let Some(value) = value else {
        return field.required.then(|| format!("{name} should not be empty"));
    };
    let fits = match field.kind {
        Kind::Text => value.is_string(),
        Kind::TextOrNull => value.is_string() || value.is_null(),
        Kind::Bool => value.is_boolean(),
        Kind::TextList => value.as_array().is_some_and(|items| items.iter().all(Value::is_string)),
        Kind::Object => value.is_object(),
        Kind::List => value.is_array(),
        Kind::OneOf(allowed) => value.as_str().is_some_and(|text| allowed.contains(&text)),
        Kind::Any => true,
    };
    if !fits {
        return Some(format!("{name} must be {}", describe(field.kind)));
    }
    (field.required && value.as_str() == Some("")).then(|| format!("{name} should not be empty"))
}

fn describe(kind: Kind) -> String {
    match kind {
        Kind::Text | Kind::TextOrNull => "a string".into(),
        Kind::Bool => "a boolean value".into(),
        Kind::TextList => "an array of strings".into(),
        Kind::Object => "an object".into(),
        Kind::List => "an array".into(),
        Kind::OneOf(allowed) => format!("one of the following values: {}", allowed.join(", ")),
        Kind::Any => "present".into(),
    }
}

/// Named text parameters of a query or a form; a repeated name keeps its first value.
#[derive(Debug, Default)]
pub(crate) struct Params(Vec<(String, String)>);

impl Params {
    /// Decodes `raw` and checks names: those ending in `*` are required, all others optional, the rest refused.
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
        finish(unknown.chain(missing).collect())?;
        Ok(params)
    }

    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(known, _)| known.trim_end_matches("[]") == name).map(|(_, value)| value.as_str())
    }

    /// The value of a parameter that `parse` required.
    pub(crate) fn text(&self, name: &str) -> &str {
        self.get(name).unwrap_or_default()
    }

    /// A whole number, or a 422 that names the parameter.
    pub(crate) fn number(&self, name: &str) -> Result<Option<i64>, ApiError> {
        self.get(name)
            .map(|text| text.parse().map_err(|_| ApiError::unprocessable(vec![format!("{name} must be a number")])))
            .transpose()
    }
}
