use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use sidecar_core::Timestamp;

/// Numbers from here on are milliseconds since 1970, smaller ones seconds (it is the year 5138 in seconds, 1973 in milliseconds).
const MILLIS_FROM: i64 = 100_000_000_000;

/// A time as the provider sent it: RFC 3339 mostly, epoch milliseconds in some places, and other texts now and then.
///
/// ```
/// use ghl_client::model::WireTime;
/// let time: WireTime = serde_json::from_str(r#""2026-03-01T10:00:00+01:00""#)?;
/// assert_eq!(time.timestamp(), Some("2026-03-01T09:00:00Z".parse()?));
/// let odd: WireTime = serde_json::from_str(r#""next Tuesday""#)?;
/// assert_eq!((odd.timestamp(), odd.to_string()), (None, "next Tuesday".to_owned()));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct WireTime(Value);

impl WireTime {
    /// The instant, when the format is known. A date without a time is its midnight in UTC.
    pub fn timestamp(&self) -> Option<Timestamp> {
        match &self.0 {
            Value::String(text) => from_text(text.trim()),
            Value::Number(number) => number.as_i64().map(from_number),
            _ => None,
        }
    }

    pub(crate) fn from_wire(wire: Value) -> Self {
        Self(wire)
    }

    /// The text as sent.
    pub fn as_wire(&self) -> &Value {
        &self.0
    }
}

/// The time in a field of a document, when it is there and its format known.
pub(crate) fn field_time(value: Option<&Value>) -> Option<Timestamp> {
    match value? {
        Value::String(text) => from_text(text.trim()),
        Value::Number(number) => number.as_i64().map(from_number),
        _ => None,
    }
}

/// A time as most fields want it.
pub(crate) fn rfc3339(time: Timestamp) -> String {
    time.to_string()
}

/// The day of a time, in UTC, as `mm-dd-yyyy`: how a few query parameters want it.
pub(crate) fn month_day_year(time: Timestamp) -> String {
    let text = time.to_string();
    match (text.get(..4), text.get(5..7), text.get(8..10)) {
        (Some(year), Some(month), Some(day)) => format!("{month}-{day}-{year}"),
        _ => text,
    }
}

fn from_number(number: i64) -> Timestamp {
    if number.unsigned_abs() >= MILLIS_FROM.unsigned_abs() {
        Timestamp::from_millis(number)
    } else {
        Timestamp::from_secs(number)
    }
}

fn from_text(text: &str) -> Option<Timestamp> {
    if let Ok(time) = text.parse() {
        return Some(time);
    }
    match text.len() {
        10 if text.as_bytes()[4] == b'-' => format!("{text}T00:00:00Z").parse().ok(),
        _ => text.parse().ok().map(from_number),
    }
}

impl From<Timestamp> for WireTime {
    fn from(time: Timestamp) -> Self {
        Self(Value::String(time.to_string()))
    }
}

impl fmt::Display for WireTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Value::String(text) => f.write_str(text),
            other => write!(f, "{other}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    #[test]
    fn every_format_seen_on_the_wire_is_the_same_instant() {
        for wire in [
            json!("2021-06-23T03:30:00+05:30"),
            json!("2021-06-22T22:00:00.000Z"),
            json!(1_624_399_200_000_i64),
            json!("1624399200000"),
            json!(1_624_399_200),
        ] {
            assert_eq!(WireTime(wire.clone()).timestamp(), Some(Timestamp::from_secs(1_624_399_200)), "{wire}");
        }
        assert_eq!(
            WireTime(json!("2021-06-22")).timestamp().map(|t| t.to_string()).as_deref(),
            Some("2021-06-22T00:00:00Z")
        );
    }

    #[test]
    fn what_is_no_time_is_kept_as_it_came() {
        for wire in [json!("soon"), json!({"a": 1}), json!(true), json!("")] {
            assert_eq!(WireTime(wire.clone()).timestamp(), None, "{wire}");
            assert_eq!(serde_json::to_value(WireTime(wire.clone())).unwrap(), wire);
        }
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(text in ".{0,40}") {
            let _ = WireTime(Value::String(text)).timestamp();
        }
    }
}
