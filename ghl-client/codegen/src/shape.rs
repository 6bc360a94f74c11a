//! The shape of a value, as the specifications describe it and the digest writes it.
//!
//! Notation: `"string"`, `"number"`, `"integer"`, `"boolean"`, `"object"` (fields unknown), `"any"`, `"file"`, with the format
//! behind a blank (`"string date-time"`); `"#Name"` for a named schema; `[T]`; `{"enum": […]}`; `{"fields": {"name*": T}}` with
//! a star for required ones; `{"map": T}`; `{"all": […]}`; `{"one": […]}`; `{"is": T, "nullable": true, "maximum": 5}`. The
//! mark `example` has the shape of the specification's own example where that contradicts the schema.

use crate::json::Json;

/// Marks of the specification that stay beside a type.
const MARKS: [&str; 8] =
    ["nullable", "pattern", "minimum", "maximum", "minLength", "maxLength", "minItems", "maxItems"];

/// The shape of a value.
#[derive(Debug, Clone, PartialEq)]
pub enum Shape {
    /// A simple type with its format, such as `string date-time`.
    Plain {
        /// `string`, `number`, `integer`, `boolean`, `object`, `any` or `file`.
        kind: String,
        /// The format, where one is named.
        format: Option<String>,
    },
    /// A named schema.
    Named(String),
    /// A list.
    List(Box<Shape>),
    /// One of these texts.
    Enum(Vec<String>),
    /// An object with these fields.
    Fields(Vec<FieldShape>),
    /// An object with any names and values of one shape.
    Map(Box<Shape>),
    /// All of these at once.
    All(Vec<Shape>),
    /// One of these.
    One(Vec<Shape>),
    /// A shape with further marks.
    Marked {
        /// What is marked.
        shape: Box<Shape>,
        /// The marks as the specification has them.
        marks: Vec<(String, Json)>,
    },
}

/// A field of an object, or a parameter.
#[derive(Debug, Clone, PartialEq)]
pub struct FieldShape {
    /// Its name on the wire.
    pub name: String,
    /// Whether it is marked as required.
    pub required: bool,
    /// Whether the specification marks it as required and an override does not; never part of the digest.
    pub waived: bool,
    /// Its value's shape.
    pub shape: Shape,
}

impl Shape {
    /// A simple type without a format.
    pub fn plain(kind: &str) -> Self {
        Self::Plain { kind: kind.to_owned(), format: None }
    }

    /// Reads a schema of an OpenAPI document.
    pub fn from_schema(schema: &Json) -> Self {
        let marks: Vec<_> =
            MARKS.iter().filter_map(|mark| Some(((*mark).to_owned(), schema.get(mark)?.clone()))).collect();
        let marks: Vec<_> = marks.into_iter().filter(|(_, value)| *value != Json::Bool(false)).collect();
        let shape = Self::unmarked(schema).marked(marks);
        match schema.get("example") {
            Some(example) => shape.with_example(example),
            None => shape,
        }
    }

    fn marked(self, marks: Vec<(String, Json)>) -> Self {
        if marks.is_empty() { self } else { Self::Marked { shape: Box::new(self), marks } }
    }

    /// The shape with the mark `example` wherever the specification's example is of another one.
    fn with_example(self, example: &Json) -> Self {
        match (self, example) {
            (shape, Json::Null) => shape,
            (Self::Marked { shape, marks }, example) => match shape.with_example(example) {
                Self::Marked { shape, marks: more } => Self::Marked { shape, marks: [marks, more].concat() },
                shape => shape.marked(marks),
            },
            (Self::List(item), Json::List(items)) => {
                Self::List(Box::new(items.iter().take(1).fold(*item, |item, example| item.with_example(example))))
            }
            (Self::Fields(mut fields), Json::Object(_)) => {
                for field in &mut fields {
                    if let Some(example) = example.get(&field.name) {
                        let shape = std::mem::replace(&mut field.shape, Self::plain("any"));
                        field.shape = shape.with_example(example);
                    }
                }
                Self::Fields(fields)
            }
            (shape, example) if shape.admits(example) => shape,
            (shape, example) => shape.marked(vec![("example".to_owned(), Self::seen(example).to_json())]),
        }
    }

    /// Whether a value is of this shape, as far as can be told without the named schemas.
    fn admits(&self, value: &Json) -> bool {
        match self {
            Self::Plain { kind, .. } => match kind.as_str() {
                "string" => matches!(value, Json::Text(_)),
                "number" | "integer" => match value {
                    // A text that is a number is read as one; a sentence is no example.
                    Json::Text(text) => text.parse::<f64>().is_ok() || text.contains(' '),
                    other => matches!(other, Json::Number(_)),
                },
                "boolean" => matches!(value, Json::Bool(_)),
                "object" => matches!(value, Json::Object(_)),
                _ => true,
            },
            Self::Enum(_) => matches!(value, Json::Text(_)),
            Self::List(_) => matches!(value, Json::List(_)),
            Self::Fields(_) | Self::Map(_) => matches!(value, Json::Object(_)),
            Self::One(shapes) => shapes.iter().any(|shape| shape.admits(value)),
            Self::Named(_) | Self::All(_) => true,
            Self::Marked { shape, .. } => shape.admits(value),
        }
    }

    /// The shape of a value, without its fields.
    fn seen(value: &Json) -> Self {
        match value {
            Json::Null => Self::plain("any"),
            Json::Bool(_) => Self::plain("boolean"),
            Json::Number(_) => Self::plain("number"),
            Json::Text(_) => Self::plain("string"),
            Json::List(items) => Self::List(Box::new(items.first().map_or_else(|| Self::plain("any"), Self::seen))),
            Json::Object(_) => Self::plain("object"),
        }
    }

    fn unmarked(schema: &Json) -> Self {
        if let Some(reference) = schema.str("$ref") {
            return Self::Named(reference.rsplit('/').next().unwrap_or(reference).to_owned());
        }
        for (key, make) in [("allOf", Self::All as fn(Vec<Self>) -> Self), ("oneOf", Self::One), ("anyOf", Self::One)] {
            let mut shapes: Vec<Self> = Vec::new();
            for shape in schema.get(key).map(Json::items).unwrap_or_default().iter().map(Self::from_schema) {
                if !shapes.contains(&shape) {
                    shapes.push(shape);
                }
            }
            match shapes.len() {
                0 => {}
                1 => return shapes.remove(0),
                _ => return make(shapes),
            }
        }
        let kind = schema.str("type").unwrap_or_default();
        let values = schema.strings("enum");
        if kind == "array" {
            let items = schema.get("items").map_or_else(|| Self::plain("any"), Self::from_schema);
            let items = if values.is_empty() { items } else { Self::Enum(values) };
            return Self::List(Box::new(items));
        }
        if !values.is_empty() && matches!(kind, "string" | "") {
            return Self::Enum(values);
        }
        if let Some(properties) = schema.get("properties").filter(|properties| !properties.fields().is_empty()) {
            return Self::Fields(fields(properties, &schema.strings("required")));
        }
        match schema.get("additionalProperties") {
            Some(Json::Bool(false)) | None => {}
            Some(Json::Bool(true)) => return Self::plain("object"),
            Some(values) => return Self::Map(Box::new(Self::from_schema(values))),
        }
        match (kind, schema.str("format")) {
            ("string", Some("binary")) => Self::plain("file"),
            ("string" | "number" | "integer" | "boolean" | "object", format) => {
                Self::Plain { kind: kind.to_owned(), format: format.map(str::to_owned) }
            }
            _ => Self::plain("any"),
        }
    }

    /// Reads the digest's notation.
    ///
    /// # Errors
    /// When it is not in the notation.
    pub fn parse(json: &Json) -> Result<Self, String> {
        match json {
            Json::Text(text) => Ok(match text.strip_prefix('#') {
                Some(name) => Self::Named(name.to_owned()),
                None => match text.split_once(' ') {
                    Some((kind, format)) => Self::Plain { kind: kind.to_owned(), format: Some(format.to_owned()) },
                    None => Self::plain(text),
                },
            }),
            Json::List(items) if items.len() == 1 => Ok(Self::List(Box::new(Self::parse(&items[0])?))),
            Json::Object(entries) => Self::parse_object(json, entries),
            other => Err(format!("`{other}` is no shape")),
        }
    }

    fn parse_object(json: &Json, entries: &[(String, Json)]) -> Result<Self, String> {
        let Some((key, value)) = entries.first() else { return Err("an empty object is no shape".to_owned()) };
        let all = || value.items().iter().map(Self::parse).collect::<Result<Vec<_>, _>>();
        match key.as_str() {
            "enum" => Ok(Self::Enum(json.strings("enum"))),
            "fields" => Ok(Self::Fields(parse_fields(value)?)),
            "map" => Ok(Self::Map(Box::new(Self::parse(value)?))),
            "all" => all().map(Self::All),
            "one" => all().map(Self::One),
            "is" => Ok(Self::Marked { shape: Box::new(Self::parse(value)?), marks: entries[1..].to_vec() }),
            other => Err(format!("`{other}` begins no shape")),
        }
    }

    /// Writes the digest's notation.
    pub fn to_json(&self) -> Json {
        let object = |key: &str, value| Json::Object(vec![(key.to_owned(), value)]);
        let list = |shapes: &[Self]| Json::List(shapes.iter().map(Self::to_json).collect());
        match self {
            Self::Plain { kind, format: None } => Json::text(kind),
            Self::Plain { kind, format: Some(format) } => Json::text(format!("{kind} {format}")),
            Self::Named(name) => Json::text(format!("#{name}")),
            Self::List(item) => Json::List(vec![item.to_json()]),
            Self::Enum(values) => object("enum", Json::texts(values)),
            Self::Fields(fields) => object("fields", fields_to_json(fields)),
            Self::Map(value) => object("map", value.to_json()),
            Self::All(shapes) => object("all", list(shapes)),
            Self::One(shapes) => object("one", list(shapes)),
            Self::Marked { shape, marks } => {
                let mut entries = vec![("is".to_owned(), shape.to_json())];
                entries.extend(marks.iter().cloned());
                Json::Object(entries)
            }
        }
    }

    /// Calls `each` with every named schema in it.
    pub fn names(&self, each: &mut dyn FnMut(&str)) {
        match self {
            Self::Plain { .. } | Self::Enum(_) => {}
            Self::Named(name) => each(name),
            Self::List(shape) | Self::Map(shape) | Self::Marked { shape, .. } => shape.names(each),
            Self::Fields(fields) => fields.iter().for_each(|field| field.shape.names(each)),
            Self::All(shapes) | Self::One(shapes) => shapes.iter().for_each(|shape| shape.names(each)),
        }
    }
}

fn fields(properties: &Json, required: &[String]) -> Vec<FieldShape> {
    let field = |(name, schema): &(String, Json)| FieldShape {
        name: name.clone(),
        required: required.contains(name),
        waived: false,
        shape: Shape::from_schema(schema),
    };
    properties.fields().iter().map(field).collect()
}

/// Reads `{"name*": T}`.
///
/// # Errors
/// When a shape is not in the notation.
pub fn parse_fields(json: &Json) -> Result<Vec<FieldShape>, String> {
    let field = |(name, shape): &(String, Json)| {
        Ok(FieldShape {
            name: name.trim_end_matches('*').to_owned(),
            required: name.ends_with('*'),
            waived: false,
            shape: Shape::parse(shape).map_err(|why| format!("{name}: {why}"))?,
        })
    };
    json.fields().iter().map(field).collect()
}

/// Writes `{"name*": T}`.
pub fn fields_to_json(fields: &[FieldShape]) -> Json {
    let entry = |field: &FieldShape| {
        (format!("{}{}", field.name, if field.required { "*" } else { "" }), field.shape.to_json())
    };
    Json::Object(fields.iter().map(entry).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_schema_becomes_facts_without_its_sentences() {
        let schema = Json::parse(
            r##"{"type": "object", "description": "prose", "required": ["id"], "properties": {
                "id": {"type": "string", "example": "x"}, "kind": {"type": "string", "enum": ["a", "b"]},
                "all": {"allOf": [{"$ref": "#/components/schemas/T"}], "nullable": true}, "when": {"type": "string", "format": "date"}}}"##,
        );
        let shape = Shape::from_schema(&schema.unwrap());
        let text = r##"{"fields": {"id*": "string", "kind": {"enum": ["a", "b"]}, "all": {"is": "#T", "nullable": true}, "when": "string date"}}"##;
        assert_eq!(shape.to_json().to_string(), text);
        assert_eq!(Shape::parse(&Json::parse(text).unwrap()).unwrap(), shape);
    }
}
