//! Filters of `POST /contacts/search`: a tree of groups and conditions, read with complaints, applied to rows.

use serde_json::{Map, Value};

use super::directory::Row;
use crate::clock::parse_moment;
use crate::ghl::error::ApiError;

/// Longest string value of a filter and of `query`, in characters.
pub(crate) const TEXT_LIMIT: usize = 75;

const TEXT_FIELDS: &[&str] = &[
    "id",
    "firstName",
    "firstNameLowerCase",
    "lastName",
    "lastNameLowerCase",
    "email",
    "phone",
    "companyName",
    "businessName",
    "address",
    "address1",
    "city",
    "state",
    "country",
    "postalCode",
    "website",
    "timezone",
    "source",
    "dateOfBirth",
    "assignedTo",
    "type",
];

/// What a search lets through.
#[derive(Debug, Default)]
pub(crate) struct Filter {
    all: Vec<Node>,
    query: Option<String>,
}

#[derive(Debug)]
enum Node {
    Any(Vec<Node>),
    All(Vec<Node>),
    Is(Field, Test),
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
enum Test {
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
            Some(Value::Array(items)) => items.iter().map(node).collect::<Result<_, _>>()?,
            Some(_) => return Err(wrong("filters must be an array")),
        };
        if query.is_some_and(|query| query.chars().count() > TEXT_LIMIT) {
            return Err(wrong("query must be shorter than or equal to 75 characters"));
        }
        let query = query.filter(|query| !query.is_empty()).map(str::to_lowercase);
        Ok(Self { all, query })
    }

    /// Nothing is filtered out.
    pub(crate) fn lets_all(&self) -> bool {
        self.all.is_empty() && self.query.is_none()
    }

    pub(crate) fn accepts(&self, row: &Row) -> bool {
        self.all.iter().all(|node| node.accepts(row)) && self.query.as_deref().is_none_or(|query| mentions(row, query))
    }
}

impl Node {
    fn accepts(&self, row: &Row) -> bool {
        match self {
            Self::Any(nodes) => nodes.iter().any(|node| node.accepts(row)),
            Self::All(nodes) => nodes.iter().all(|node| node.accepts(row)),
            Self::Is(field, Test::Range(range)) => field.number(row).is_some_and(|number| range.holds(number)),
            Self::Is(field, test) => test.accepts(&field.texts(row)),
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
                .flat_map(|field| plain(&field.value))
                .collect(),
        }
    }

    fn number(&self, row: &Row) -> Option<i64> {
        match self {
            Self::DateAdded => Some(row.date_added),
            Self::DateUpdated => Some(row.date_updated),
            Self::Text("dateOfBirth") => parse_moment(row.contact().date_of_birth.as_deref()?),
            Self::Custom(_) => {
                self.texts(row).first().and_then(|text| text.parse().ok().or_else(|| parse_moment(text)))
            }
            _ => None,
        }
    }

    fn has_range(&self) -> bool {
        matches!(self, Self::DateAdded | Self::DateUpdated | Self::Custom(_) | Self::Text("dateOfBirth"))
    }
}

impl Test {
    fn accepts(&self, held: &[String]) -> bool {
        let equal = |wanted: &[String]| held.iter().any(|text| wanted.contains(text));
        let within = |wanted: &[String]| held.iter().any(|text| wanted.iter().any(|part| text.contains(part.as_str())));
        match self {
            Self::Eq(wanted) => equal(wanted),
            Self::NotEq(wanted) => !equal(wanted),
            Self::Contains(wanted) => within(wanted),
            Self::NotContains(wanted) => !within(wanted),
            Self::Exists => !held.is_empty(),
            Self::NotExists => held.is_empty(),
            Self::Range(_) => false,
        }
    }
}

impl Range {
    fn parse(value: Option<&Value>) -> Result<Self, ApiError> {
        let Some(Value::Object(bounds)) = value else {
            return Err(wrong("range value must be an object with gte, gt, lte or lt"));
        };
        let mut range = Self::default();
        for (name, bound) in bounds {
            let moment = bound.as_i64().or_else(|| text_moment(bound.as_str()?));
            let moment =
                moment.ok_or_else(|| wrong(&format!("{name} must be epoch milliseconds or an ISO 8601 date")))?;
            match name.as_str() {
                "gte" => range.gte = Some(moment),
                "gt" => range.gt = Some(moment),
                "lte" => range.lte = Some(moment),
                "lt" => range.lt = Some(moment),
                _ => return Err(wrong(&format!("property {name} should not exist"))),
            }
        }
        Ok(range)
    }

    fn holds(&self, number: i64) -> bool {
        self.gte.is_none_or(|bound| number >= bound)
            && self.gt.is_none_or(|bound| number > bound)
            && self.lte.is_none_or(|bound| number <= bound)
            && self.lt.is_none_or(|bound| number < bound)
    }
}

fn node(value: &Value) -> Result<Node, ApiError> {
    let Value::Object(map) = value else {
        return Err(wrong("each filter must be an object"));
    };
    if map.contains_key("group") { group(map) } else { condition(map) }
}

fn group(map: &Map<String, Value>) -> Result<Node, ApiError> {
    only(map, &["group", "filters"])?;
    let Some(Value::Array(items)) = map.get("filters") else {
        return Err(wrong("filters must be an array"));
    };
    let nodes = items.iter().map(node).collect::<Result<_, _>>()?;
    match map.get("group").and_then(Value::as_str) {
        Some("OR") => Ok(Node::Any(nodes)),
        Some("AND") => Ok(Node::All(nodes)),
        _ => Err(wrong("group must be one of the following values: OR, AND")),
    }
}

fn condition(map: &Map<String, Value>) -> Result<Node, ApiError> {
    only(map, &["field", "operator", "value"])?;
    let name = map.get("field").and_then(Value::as_str).ok_or_else(|| wrong("field should not be empty"))?;
    let field = Field::parse(name).ok_or_else(|| ApiError::bad_request(format!("Invalid field {name}")))?;
    let value = map.get("value");
    let test = match map.get("operator").and_then(Value::as_str) {
        Some("eq") => Test::Eq(values(value)?),
        Some("not_eq") => Test::NotEq(values(value)?),
        Some("contains") => Test::Contains(values(value)?),
        Some("not_contains") => Test::NotContains(values(value)?),
        Some("exists") => Test::Exists,
        Some("not_exists") => Test::NotExists,
        Some("range") if field.has_range() => Test::Range(Range::parse(value)?),
        Some("range") => {
            return Err(ApiError::bad_request(format!("Invalid operator range for field {name}")));
        }
        _ => {
            return Err(wrong(
                "operator must be one of the following values: eq, not_eq, contains, not_contains, exists, not_exists, range",
            ));
        }
    };
    Ok(Node::Is(field, test))
}

fn values(value: Option<&Value>) -> Result<Vec<String>, ApiError> {
    let texts = value.map(plain).unwrap_or_default();
    if texts.is_empty() {
        return Err(wrong("value should not be empty"));
    }
    if texts.iter().any(|text| text.chars().count() > TEXT_LIMIT) {
        return Err(wrong("value must be shorter than or equal to 75 characters"));
    }
    Ok(texts)
}

/// A value as lower-case texts; a list gives one each.
fn plain(value: &Value) -> Vec<String> {
    match value {
        Value::String(text) => vec![text.to_lowercase()],
        Value::Array(items) => items.iter().flat_map(plain).collect(),
        Value::Null | Value::Object(_) => Vec::new(),
        other => vec![other.to_string()],
    }
}

fn text_moment(text: &str) -> Option<i64> {
    text.parse().ok().or_else(|| parse_moment(text))
}

fn mentions(row: &Row, query: &str) -> bool {
    let contact = row.contact();
    let texts = [contact.name(), contact.email.clone(), contact.phone.clone(), contact.company_name.clone()];
    texts.iter().flatten().any(|text| text.to_lowercase().contains(query))
}

fn only(map: &Map<String, Value>, known: &[&str]) -> Result<(), ApiError> {
    match map.keys().find(|key| !known.contains(&key.as_str())) {
        Some(key) => Err(wrong(&format!("property {key} should not exist"))),
        None => Ok(()),
    }
}

fn wrong(message: &str) -> ApiError {
    ApiError::unprocessable(vec![message.to_owned()])
}
