//! The filters of a contact search. The published specification leaves the body empty; the operators are those of the
//! provider's guide "Search contacts".

use std::fmt;

use serde::Serialize;
use serde_json::{Map, Value, json};
use sidecar_core::Timestamp;

/// The longest text that the search takes in a query or a filter, in characters.
pub(super) const MAX_TEXT: usize = 75;

/// A condition on contacts. Fields go by their wire names (`email`, `dateUpdated`, `customFields.<id>`).
///
/// ```
/// use ghl_client::contacts::Filter;
/// let filter = Filter::any([
///     Filter::eq("email", "ann@example.com"),
///     Filter::all([Filter::contains("tags", "rust"), Filter::exists("phone")]),
/// ]);
/// assert_eq!(serde_json::to_value(&filter)?["group"], "OR");
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(untagged)]
pub enum Filter {
    /// A condition on one field.
    Field {
        /// The field.
        field: String,
        /// `eq`, `not_eq`, `contains`, `not_contains`, `exists`, `not_exists` or `range`.
        operator: &'static str,
        /// The value to compare with.
        #[serde(skip_serializing_if = "Option::is_none")]
        value: Option<Value>,
    },
    /// Several conditions.
    Group {
        /// `AND` or `OR`.
        group: &'static str,
        /// The conditions.
        filters: Vec<Filter>,
    },
}

impl Filter {
    fn field(field: impl Into<String>, operator: &'static str, value: Option<Value>) -> Self {
        Self::Field { field: field.into(), operator, value }
    }

    /// The field has this value.
    pub fn eq(field: impl Into<String>, value: impl Into<Value>) -> Self {
        Self::field(field, "eq", Some(value.into()))
    }

    /// The field has another value.
    pub fn not_eq(field: impl Into<String>, value: impl Into<Value>) -> Self {
        Self::field(field, "not_eq", Some(value.into()))
    }

    /// The field contains this text (at most 75 characters), or this element.
    pub fn contains(field: impl Into<String>, value: impl Into<Value>) -> Self {
        Self::field(field, "contains", Some(value.into()))
    }

    /// The field does not contain it.
    pub fn not_contains(field: impl Into<String>, value: impl Into<Value>) -> Self {
        Self::field(field, "not_contains", Some(value.into()))
    }

    /// The field is set.
    pub fn exists(field: impl Into<String>) -> Self {
        Self::field(field, "exists", None)
    }

    /// The field is not set.
    pub fn not_exists(field: impl Into<String>) -> Self {
        Self::field(field, "not_exists", None)
    }

    /// The field's time is in this range; both ends are included.
    pub fn between(field: impl Into<String>, from: Option<Timestamp>, to: Option<Timestamp>) -> Self {
        let mut range = Map::new();
        for (end, time) in [("gte", from), ("lte", to)] {
            if let Some(time) = time {
                range.insert(end.to_owned(), json!(time.as_millis()));
            }
        }
        Self::field(field, "range", Some(Value::Object(range)))
    }

    /// All of these hold.
    pub fn all(filters: impl IntoIterator<Item = Self>) -> Self {
        Self::Group { group: "AND", filters: filters.into_iter().collect() }
    }

    /// At least one of these holds.
    pub fn any(filters: impl IntoIterator<Item = Self>) -> Self {
        Self::Group { group: "OR", filters: filters.into_iter().collect() }
    }

    /// The first text that is too long for the provider.
    pub(super) fn too_long(&self) -> Option<&str> {
        match self {
            Self::Field { value: Some(Value::String(text)), .. } if text.chars().count() > MAX_TEXT => Some(text),
            Self::Field { .. } => None,
            Self::Group { filters, .. } => filters.iter().find_map(Self::too_long),
        }
    }
}

/// An order of the answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Sort {
    /// The field, such as `dateAdded` or `dateUpdated`.
    pub field: String,
    /// Which way.
    pub direction: Direction,
}

/// Which way an order goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Direction {
    /// Smallest or oldest first.
    Asc,
    /// Largest or newest first.
    Desc,
}

impl fmt::Display for Direction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Asc => "asc",
            Self::Desc => "desc",
        })
    }
}
