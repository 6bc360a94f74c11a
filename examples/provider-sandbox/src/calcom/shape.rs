//! Shapes of bodies and queries, read the provider's way: unknown fields are ignored, wrong ones are a 400 whose details name
//! them. Meaning (is it free?) is checked by the handlers.

use jiff::tz::TimeZone;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use super::error::ApiError;
use crate::clock::parse_moment;

/// Reads a JSON object. An empty body is an empty object.
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

/// Reads a body of a known shape.
pub(crate) fn read<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, ApiError> {
    typed(object(bytes)?)
}

/// The same of an object that was read already.
pub(crate) fn typed<T: DeserializeOwned>(map: Map<String, Value>) -> Result<T, ApiError> {
    serde_json::from_value(Value::Object(map)).map_err(|error| {
        let complaint = error.to_string();
        let property = complaint.split('`').nth(1).unwrap_or("body").to_owned();
        ApiError::invalid(&property, complaint)
    })
}

/// The number in a path.
pub(crate) fn id(text: &str) -> Result<i64, ApiError> {
    text.parse().map_err(|_| ApiError::bad_request("Validation failed (numeric string is expected)"))
}

/// A moment in UTC, as the provider insists on: an offset is refused.
pub(crate) fn utc(property: &str, text: &str) -> Result<i64, ApiError> {
    let moment = parse_moment(text).filter(|_| text.ends_with('Z'));
    moment.ok_or_else(|| ApiError::invalid(property, format!("{property} must be a valid ISO 8601 date string in UTC")))
}

/// An IANA time zone.
pub(crate) fn zone(property: &str, name: &str) -> Result<TimeZone, ApiError> {
    TimeZone::get(name).map_err(|_| ApiError::invalid(property, format!("{property} must be a valid IANA time-zone")))
}

/// The parameters of a query; a repeated name keeps its first value.
#[derive(Debug, Default)]
pub(crate) struct Query(Vec<(String, String)>);

impl Query {
    pub(crate) fn parse(raw: Option<&str>) -> Self {
        Self(url::form_urlencoded::parse(raw.unwrap_or_default().as_bytes()).into_owned().collect())
    }

    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        self.0
            .iter()
            .find(|(known, _)| known == name)
            .map(|(_, value)| value.as_str())
            .filter(|value| !value.is_empty())
    }

    pub(crate) fn need(&self, name: &str) -> Result<&str, ApiError> {
        self.get(name).ok_or_else(|| ApiError::invalid(name, format!("{name} should not be empty")))
    }

    pub(crate) fn number(&self, name: &str) -> Result<Option<i64>, ApiError> {
        let parse = |text: &str| text.parse().map_err(|_| ApiError::invalid(name, format!("{name} must be a number")));
        self.get(name).map(parse).transpose()
    }

    /// A number within bounds, or `otherwise`.
    pub(crate) fn bounded(
        &self,
        name: &str,
        bounds: std::ops::RangeInclusive<i64>,
        otherwise: i64,
    ) -> Result<usize, ApiError> {
        let number = self.number(name)?.unwrap_or(otherwise);
        if !bounds.contains(&number) {
            let (least, most) = (bounds.start(), bounds.end());
            return Err(ApiError::invalid(name, format!("{name} must be {least} to {most}")));
        }
        Ok(usize::try_from(number).unwrap_or(0))
    }

    pub(crate) fn moment(&self, name: &str) -> Result<Option<i64>, ApiError> {
        let parse = |text: &str| {
            let wrong = || ApiError::invalid(name, format!("{name} must be a valid ISO 8601 date string"));
            parse_moment(text).ok_or_else(wrong)
        };
        self.get(name).map(parse).transpose()
    }

    /// The parts of a comma-separated list.
    pub(crate) fn list(&self, name: &str) -> Option<Vec<&str>> {
        self.get(name).map(|text| text.split(',').map(str::trim).filter(|part| !part.is_empty()).collect())
    }
}
