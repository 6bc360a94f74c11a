//! Filters of `POST /contacts/search`: a validated tree of groups and conditions.

use serde_json::{Map, Value};

use super::contact_store::Row;
use crate::clock::parse_timestamp;
use crate::ghl::response::ApiError;

/// Longest string value of a filter and of `query`, in characters.
const MAX_TEXT_CHARS: usize = 75;

#[rustfmt::skip]
const TEXT_FIELDS: &[&str] = &[
    "id", "firstName", "firstNameLowerCase", "lastName", "lastNameLowerCase", "email", "phone", "companyName",
    "businessName", "address", "address1", "city", "state", "country", "postalCode", "website", "timezone", "source",
    "dateOfBirth", "assignedTo", "type",
];

/// A filter with an optional text query.
#[derive(Debug, Default)]
pub(crate) struct Filter {
    all: Vec<Node>,
    query: Option<String>,
}

#[derive(Debug)]
enum Node {
    Any(Vec<Node>),
    All(Vec<Node>),
    Condition(Field, Operator),
}

#[derive(Debug)]
enum Field {
    Text(&'static str),
    DateAdded,
    DateUpdated,
    Tags,
    Dnd,
    Custom(String),
}

#[derive(Debug)]
enum Operator {
    Eq(Vec<String>),
    NotEq(Vec<String>),
    Contains(Vec<String>),
    NotContains(Vec<String>),
    Exists,
    NotExists,
    Range(Range),
}

#[derive(Debug, Default)]
struct Range {
    gte: Option<i64>,
    gt: Option<i64>,
    lte: Option<i64>,
    lt: Option<i64>,
}

impl Filter {
    pub(crate) fn parse(filters: Option<&Value>, query: Option<&str>) -> Result<Self, ApiError> {
        let all = match filters {
            None | Some(Value::Null) => Vec::new(),
            Some(Value::Array(items)) => items.iter().map(parse_node).collect::<Result<_, _>>()?,
            Some(_) => return Err(ApiError::invalid("filters must be an array")),
        };
        if query.is_some_and(|query| query.chars().count() > MAX_TEXT_CHARS) {
            return Err(ApiError::invalid("query must be shorter than or equal to 75 characters"));
        }
        let query = query.filter(|query| !query.is_empty()).map(str::to_lowercase);
        Ok(Self { all, query })
    }

    /// Returns whether the filter has no condition.
    pub(crate) fn accepts_all(&self) -> bool {
        self.all.is_empty() && self.query.is_none()
    }

    pub(crate) fn accepts(&self, row: &Row) -> bool {
        self.all.iter().all(|node| node.accepts(row))
            && self.query.as_deref().is_none_or(|query| matches_query(row, query))
    }
}

impl Node {
    fn accepts(&self, row: &Row) -> bool {
        match self {
            Self::Any(nodes) => nodes.iter().any(|node| node.accepts(row)),
            Self::All(nodes) => nodes.iter().all(|node| node.accepts(row)),
            Self::Condition(field, Operator::Range(range)) => {
                field.number(row).is_some_and(|number| range.contains(number))
            }
            Self::Condition(field, operator) => operator.accepts(&field.texts(row)),
        }
    }
}

impl Field {
    fn parse(name: &str) -> Option<Self> {
        match name {
            "dateAdded" => Some(Self::DateAdded),
            "dateUpdated" => Some(Self::DateUpdated),
            "tags" => Some(Self::Tags),
            "dnd" => Some(Self::Dnd),
            _ => match name.strip_prefix("customFields.") {
                Some(id) => Some(Self::Custom(id.to_owned())),
                None => TEXT_FIELDS.iter().find(|known| **known == name).map(|known| Self::Text(known)),
            },
        }
    }

    fn texts(&self, row: &Row) -> Vec<String> {
        match self {
            Self::Text(name) => row.contact().text(name).map(str::to_lowercase).into_iter().collect(),
            Self::DateAdded => vec![row.date_added.to_string()],
            Self::DateUpdated => vec![row.date_updated.to_string()],
            Self::Tags => row.contact().tags.iter().map(|tag| tag.to_lowercase()).collect(),
            Self::Dnd => vec![row.contact().dnd.to_string()],
            Self::Custom(id) => row
                .contact()
                .custom_fields
                .iter()
                .filter(|field| field.id == *id)
                .flat_map(|field| lower_case_texts(&field.value))
                .collect(),
        }
    }

    fn number(&self, row: &Row) -> Option<i64> {
        match self {
            Self::DateAdded => Some(row.date_added),
            Self::DateUpdated => Some(row.date_updated),
            Self::Text("dateOfBirth") => parse_timestamp(row.contact().date_of_birth.as_deref()?),
            Self::Custom(_) => self.texts(row).first().and_then(|text| parse_number_or_timestamp(text)),
            _ => None,
        }
    }

    fn has_range(&self) -> bool {
        matches!(self, Self::DateAdded | Self::DateUpdated | Self::Custom(_) | Self::Text("dateOfBirth"))
    }
}

impl Operator {
    fn accepts(&self, values: &[String]) -> bool {
        let equal = |expected: &[String]| values.iter().any(|text| expected.contains(text));
        let contains =
            |parts: &[String]| values.iter().any(|text| parts.iter().any(|part| text.contains(part.as_str())));
        match self {
            Self::Eq(expected) => equal(expected),
            Self::NotEq(expected) => !equal(expected),
            Self::Contains(parts) => contains(parts),
            Self::NotContains(parts) => !contains(parts),
            Self::Exists => !values.is_empty(),
            Self::NotExists => values.is_empty(),
            Self::Range(_) => false,
        }
    }
}

impl Range {
    fn parse(value: Option<&Value>) -> Result<Self, ApiError> {
        let Some(Value::Object(bounds)) = value else {
            return Err(ApiError::invalid("range value must be an object with gte, gt, lte or lt"));
        };
        let mut range = Self::default();
        for (name, bound) in bounds {
            let timestamp = bound.as_i64().or_else(|| parse_number_or_timestamp(bound.as_str()?));
            let timestamp = timestamp
                .ok_or_else(|| ApiError::invalid(format!("{name} must be epoch milliseconds or an ISO 8601 date")))?;
            match name.as_str() {
                "gte" => range.gte = Some(timestamp),
                "gt" => range.gt = Some(timestamp),
                "lte" => range.lte = Some(timestamp),
                "lt" => range.lt = Some(timestamp),
                _ => return Err(ApiError::invalid(format!("property {name} should not exist"))),
            }
        }
        Ok(range)
    }

    fn contains(&self, number: i64) -> bool {
        self.gte.is_none_or(|bound| number >= bound)
            && self.gt.is_none_or(|bound| number > bound)
            && self.lte.is_none_or(|bound| number <= bound)
            && self.lt.is_none_or(|bound| number < bound)
    }
}

fn parse_node(value: &Value) -> Result<Node, ApiError> {
    let Value::Object(map) = value else {
        return Err(ApiError::invalid("each filter must be an object"));
    };
    if map.contains_key("group") { parse_group(map) } else { parse_condition(map) }
}

fn parse_group(map: &Map<String, Value>) -> Result<Node, ApiError> {
    reject_unknown(map, &["group", "filters"])?;
    let Some(Value::Array(items)) = map.get("filters") else {
        return Err(ApiError::invalid("filters must be an array"));
    };
    let nodes = items.iter().map(parse_node).collect::<Result<_, _>>()?;
    match map.get("group").and_then(Value::as_str) {
        Some("OR") => Ok(Node::Any(nodes)),
        Some("AND") => Ok(Node::All(nodes)),
        _ => Err(ApiError::invalid("group must be one of the following values: OR, AND")),
    }
}

fn parse_condition(map: &Map<String, Value>) -> Result<Node, ApiError> {
    reject_unknown(map, &["field", "operator", "value"])?;
    let name =
        map.get("field").and_then(Value::as_str).ok_or_else(|| ApiError::invalid("field should not be empty"))?;
    let field = Field::parse(name).ok_or_else(|| ApiError::bad_request(format!("Invalid field {name}")))?;
    let value = map.get("value");
    let operator = match map.get("operator").and_then(Value::as_str) {
        Some("eq") => Operator::Eq(parse_values(value)?),
        Some("not_eq") => Operator::NotEq(parse_values(value)?),
        Some("contains") => Operator::Contains(parse_values(value)?),
        Some("not_contains") => Operator::NotContains(parse_values(value)?),
        Some("exists") => Operator::Exists,
        Some("not_exists") => Operator::NotExists,
        Some("range") if field.has_range() => Operator::Range(Range::parse(value)?),
        Some("range") => {
            return Err(ApiError::bad_request(format!("Invalid operator range for field {name}")));
        }
        _ => {
            return Err(ApiError::invalid(
                "operator must be one of the following values: eq, not_eq, contains, not_contains, exists, not_exists, range",
            ));
        }
    };
    Ok(Node::Condition(field, operator))
}

fn parse_values(value: Option<&Value>) -> Result<Vec<String>, ApiError> {
    let texts = value.map(lower_case_texts).unwrap_or_default();
    if texts.is_empty() {
        return Err(ApiError::invalid("value should not be empty"));
    }
    if texts.iter().any(|text| text.chars().count() > MAX_TEXT_CHARS) {
        return Err(ApiError::invalid("value must be shorter than or equal to 75 characters"));
    }
    Ok(texts)
}

/// Returns a value, or the items of a list, as lower-case texts.
fn lower_case_texts(value: &Value) -> Vec<String> {
    match value {
        Value::String(text) => vec![text.to_lowercase()],
        Value::Array(items) => items.iter().flat_map(lower_case_texts).collect(),
        Value::Null | Value::Object(_) => Vec::new(),
        other => vec![other.to_string()],
    }
}

fn parse_number_or_timestamp(text: &str) -> Option<i64> {
    text.parse().ok().or_else(|| parse_timestamp(text))
}

fn matches_query(row: &Row, query: &str) -> bool {
    let contact = row.contact();
    let texts = [contact.name(), contact.email.clone(), contact.phone.clone(), contact.company_name.clone()];
    texts.iter().flatten().any(|text| text.to_lowercase().contains(query))
}

fn reject_unknown(map: &Map<String, Value>, known: &[&str]) -> Result<(), ApiError> {
    match map.keys().find(|key| !known.contains(&key.as_str())) {
        Some(key) => Err(ApiError::invalid(format!("property {key} should not exist"))),
        None => Ok(()),
    }
}
