//! Whether a value has a published shape.

use std::collections::BTreeMap;

use ghl_codegen::shape::{FieldShape, Shape};
use serde_json::Value;

/// The schemas of an API by their names.
pub(crate) type Schemas = BTreeMap<String, Shape>;

/// Adds what about a value does not fit, each with the path of where.
pub(crate) fn value(shape: &Shape, value: &Value, at: &str, schemas: &Schemas, complaints: &mut Vec<String>) {
    let mut complain = |why: String| complaints.push(format!("{at}: {why}"));
    match shape {
        Shape::Plain { kind, .. } => {
            if !is(kind, value) {
                complain(format!("{} instead of {kind}", kind_of(value)));
            }
        }
        Shape::Enum(values) => match value.as_str() {
            Some(text) if values.iter().any(|known| known == text) => {}
            _ => complain(format!("{value} is none of its values")),
        },
        Shape::Named(name) => match schemas.get(name) {
            Some(shape) => self::value(shape, value, at, schemas, complaints),
            None => complain(format!("the schema {name} is missing")),
        },
        Shape::List(item) => match value {
            Value::Array(items) => items.iter().for_each(|each| self::value(item, each, at, schemas, complaints)),
            _ => complain(format!("{} instead of a list", kind_of(value))),
        },
        Shape::Fields(known) => fields(known, value, at, schemas, complaints),
        Shape::Map(item) => match value {
            Value::Object(entries) => {
                entries.values().for_each(|each| self::value(item, each, at, schemas, complaints));
            }
            _ => complain(format!("{} instead of an object", kind_of(value))),
        },
        Shape::All(shapes) => fields(&merged(shapes, schemas), value, at, schemas, complaints),
        Shape::One(shapes) => {
            let tries = shapes.iter().map(|shape| {
                let mut found = Vec::new();
                self::value(shape, value, at, schemas, &mut found);
                found
            });
            complaints.extend(tries.min_by_key(Vec::len).unwrap_or_default());
        }
        Shape::Marked { shape, marks } => {
            let nullable = marks.iter().any(|(mark, _)| mark == "nullable");
            if !(nullable && value.is_null()) {
                self::value(shape, value, at, schemas, complaints);
            }
        }
    }
}

fn fields(known: &[FieldShape], value: &Value, at: &str, schemas: &Schemas, complaints: &mut Vec<String>) {
    let Value::Object(entries) = value else {
        complaints.push(format!("{at}: {} instead of an object", kind_of(value)));
        return;
    };
    for field in known.iter().filter(|field| field.required && !entries.contains_key(&field.name)) {
        complaints.push(format!("{at}.{}: required and absent", field.name));
    }
    for (name, entry) in entries {
        match known.iter().find(|field| field.name == *name) {
            Some(field) => self::value(&field.shape, entry, &format!("{at}.{name}"), schemas, complaints),
            None => complaints.push(format!("{at}.{name}: not published")),
        }
    }
}

/// The fields of all of these together.
fn merged(shapes: &[Shape], schemas: &Schemas) -> Vec<FieldShape> {
    let mut all = Vec::new();
    for shape in shapes {
        match shape {
            Shape::Fields(fields) => all.extend(fields.iter().cloned()),
            Shape::Named(name) => {
                all.extend(merged(schemas.get(name).map(std::slice::from_ref).unwrap_or_default(), schemas))
            }
            Shape::All(shapes) => all.extend(merged(shapes, schemas)),
            Shape::Marked { shape, .. } => all.extend(merged(std::slice::from_ref(shape), schemas)),
            _ => {}
        }
    }
    all
}

fn is(kind: &str, value: &Value) -> bool {
    match kind {
        "string" => value.is_string(),
        "number" => value.is_number(),
        "integer" => value.is_i64() || value.is_u64(),
        "boolean" => value.is_boolean(),
        "object" => value.is_object(),
        _ => true,
    }
}

fn kind_of(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}

/// A value of a query: a text, which stands for a number, a truth value or a list too.
pub(crate) fn text(shape: &Shape, text: &str, at: &str, schemas: &Schemas, complaints: &mut Vec<String>) {
    let read = match plain(shape, schemas) {
        Some("number" | "integer") => text.parse::<serde_json::Number>().map_or_else(|_| text.into(), Value::Number),
        Some("boolean") => text.parse().map_or_else(|_| text.into(), Value::Bool),
        Some("list") => text.split(',').map(Value::from).collect(),
        _ => text.into(),
    };
    value(shape, &read, at, schemas, complaints);
}

/// The simple kind that a shape comes down to.
fn plain<'a>(shape: &'a Shape, schemas: &'a Schemas) -> Option<&'a str> {
    match shape {
        Shape::Plain { kind, .. } => Some(kind),
        Shape::List(_) => Some("list"),
        Shape::Named(name) => plain(schemas.get(name)?, schemas),
        Shape::Marked { shape, .. } => plain(shape, schemas),
        _ => None,
    }
}
