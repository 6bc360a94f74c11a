//! Parses bodies and queries as the provider does: unknown fields are ignored, and invalid ones lead to a 400 whose details name
//! them. The handlers check the meaning, such as whether a slot is free.

use jiff::tz::TimeZone;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use super::response::ApiError;
use crate::clock::parse_timestamp;
use crate::http_io::json_object;

/// Parses a JSON object. An empty body is an empty object.
pub(crate) fn object(bytes: &[u8]) -> Result<Map<String, Value>, ApiError> {
    json_object(bytes).map_err(ApiError::bad_request)
}

/// Parses a body into `T`.
pub(crate) fn parse<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, ApiError> {
    from_object(object(bytes)?)
}

/// Converts a parsed object into `T`.
pub(crate) fn from_object<T: DeserializeOwned>(object: Map<String, Value>) -> Result<T, ApiError> {
    serde_json::from_value(Value::Object(object)).map_err(|error| {
        let reason = error.to_string();
        let property = reason.split('`').nth(1).unwrap_or("body").to_owned();
        ApiError::invalid(&property, reason)
    })
}

/// Returns the fields of `current`, replaced by those of `changes`.
pub(crate) fn merge_fields(
    current: &impl Serialize,
    changes: Map<String, Value>,
) -> Result<Map<String, Value>, ApiError> {
    let current = serde_json::to_value(current).map_err(|error| ApiError::bad_request(error.to_string()))?;
    let mut fields = current.as_object().cloned().unwrap_or_default();
    fields.extend(changes);
    Ok(fields)
}

/// Parses the numeric id in a path.
pub(crate) fn id(text: &str) -> Result<i64, ApiError> {
    text.parse().map_err(|_| ApiError::bad_request("Validation failed (numeric string is expected)"))
}

/// Parses a timestamp in UTC. The provider rejects other offsets.
pub(crate) fn utc_timestamp(property: &str, text: &str) -> Result<i64, ApiError> {
    let timestamp = parse_timestamp(text).filter(|_| text.ends_with('Z'));
    timestamp
        .ok_or_else(|| ApiError::invalid(property, format!("{property} must be a valid ISO 8601 date string in UTC")))
}

/// Parses an IANA time zone.
pub(crate) fn time_zone(property: &str, name: &str) -> Result<TimeZone, ApiError> {
    TimeZone::get(name).map_err(|_| ApiError::invalid(property, format!("{property} must be a valid IANA time-zone")))
}

/// Query parameters. The first value of a repeated name counts.
#[derive(Debug, Default)]
pub(crate) struct Query(Vec<(String, String)>);

impl Query {
    pub(crate) fn parse(raw: Option<&str>) -> Self {
        Self(url::form_urlencoded::parse(raw.unwrap_or_default().as_bytes()).into_owned().collect())
    }

    /// Returns a parameter that is not empty.
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        self.0
            .iter()
            .find(|(known, _)| known == name)
            .map(|(_, value)| value.as_str())
            .filter(|value| !value.is_empty())
    }

    pub(crate) fn required(&self, name: &str) -> Result<&str, ApiError> {
        self.get(name).ok_or_else(|| ApiError::invalid(name, format!("{name} should not be empty")))
    }

    pub(crate) fn number(&self, name: &str) -> Result<Option<i64>, ApiError> {
        let parse = |text: &str| text.parse().map_err(|_| ApiError::invalid(name, format!("{name} must be a number")));
        self.get(name).map(parse).transpose()
    }

    /// Returns a number within `bounds`, or `default`.
    pub(crate) fn number_in_range(
        &self,
        name: &str,
        bounds: std::ops::RangeInclusive<i64>,
        default: i64,
    ) -> Result<usize, ApiError> {
        let number = self.number(name)?.unwrap_or(default);
        if !bounds.contains(&number) {
            let (min, max) = (bounds.start(), bounds.end());
            return Err(ApiError::invalid(name, format!("{name} must be {min} to {max}")));
        }
        Ok(usize::try_from(number).unwrap_or(0))
    }

    pub(crate) fn timestamp(&self, name: &str) -> Result<Option<i64>, ApiError> {
        let parse = |text: &str| {
            let invalid = || ApiError::invalid(name, format!("{name} must be a valid ISO 8601 date string"));
            parse_timestamp(text).ok_or_else(invalid)
        };
        self.get(name).map(parse).transpose()
    }

    /// Returns the parts of a comma-separated list.
    pub(crate) fn list(&self, name: &str) -> Option<Vec<&str>> {
        self.get(name).map(|text| text.split(',').map(str::trim).filter(|part| !part.is_empty()).collect())
    }
}
