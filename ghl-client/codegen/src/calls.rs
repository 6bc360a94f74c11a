//! Writes a call of every method, with as few and with as many arguments as the specification allows, for the tests that send
//! them all.

use std::fmt::Write as _;

use crate::{
    digest::OperationFacts,
    emit::{accessor, mark, module},
    finish::Finished,
    json::Json,
    plan::{Method, Plan},
    shape::Shape,
    types::{Field, Model, ModelId, Type},
};

/// A text that every id may be.
const ID: &str = "sample1";

/// Texts for the patterns of the specifications.
const PATTERNS: [(&str, &str); 3] = [
    ("^([01]?[0-9]|2[0-3]):[0-5][0-9]$", "09:30"),
    (r"^\d{4}-\d{2}-\d{2}$", "2026-01-31"),
    ("^[A-Za-z_]+/[A-Za-z_]+$", "America/New_York"),
];

/// The table of contents: `tests/contract/calls/mod.rs`.
pub fn contents(plans: &[Plan]) -> String {
    let mut out = mark("codegen/digest");
    out.push_str("//! A call of every operation, one file a family.\n\n");
    for plan in plans {
        let _ = write!(out, "#[rustfmt::skip]\nmod {};\n", module(&plan.group));
    }
    out.push_str(
        "\nuse crate::call::Call;\n\n/// The calls, by group.\npub(crate) static CALLS: &[(&str, &[Call])] = &[\n",
    );
    for plan in plans {
        let _ = writeln!(out, "    ({:?}, {}::CALLS),", plan.group, module(&plan.group));
    }
    out.push_str("];\n");
    out
}

/// The calls of a group.
///
/// # Errors
/// When a text has a pattern that none is known for.
pub fn group(plan: &Plan, finished: &Finished) -> Result<String, String> {
    let writer = Writer { plan, finished };
    let mut out = mark(&format!("codegen/digest/{}.json", plan.group));
    out.push_str("#![allow(unused_imports, clippy::needless_update, reason = \"every family imports the same\")]\n\n");
    let module = module(&plan.group);
    let _ = write!(
        out,
        "use std::collections::BTreeMap;\n\n\
         use ghl_client::api::{{{module} as api, Either, File, Nullable, Number, Object, Secret}};\nuse serde_json::{{Value, json}};\n\n\
         use crate::call::{{At, Call, May, Must, Never, file, request, set}};\n\npub(super) static CALLS: &[Call] = &[\n"
    );
    for (place, method) in plan.methods.iter().enumerate() {
        writer.call(place, method, &mut out)?;
    }
    out.push_str("];\n");
    for id in writer.finished.models.iter().filter(|id| writer.finished.ways[id].written) {
        writer.model(*id, &mut out)?;
    }
    Ok(out)
}

struct Writer<'a> {
    plan: &'a Plan,
    finished: &'a Finished,
}

impl Writer<'_> {
    fn call(&self, place: usize, method: &Method, out: &mut String) -> Result<(), String> {
        let mut arguments = Vec::new();
        for argument in 0..method.arguments.len() {
            let text = |facts: &Option<OperationFacts>| {
                facts.as_ref().map(|facts| argument_text(&facts.arguments[argument].shape))
            };
            arguments.push(either(method.facts.each_ref().map(text)));
        }
        if let Some(query) = method.query {
            arguments.push(format!("{}(at)", self.function(query)));
        }
        if let Some(body) = &method.body {
            let shape = |facts: &Option<OperationFacts>| {
                facts.as_ref().and_then(|facts| facts.body.as_ref()).map(|body| body.shape.clone())
            };
            arguments.push(self.value(body, method.facts.each_ref().map(shape).each_ref().map(Option::as_ref))?);
        }
        let (name, group) = (&method.name, accessor(&self.plan.group));
        let arguments = arguments.join(", ");
        let at = if ["(at)", "at.is_v3()", "&at."].iter().any(|use_of_it| arguments.contains(use_of_it)) {
            "at"
        } else {
            "_"
        };
        let _ = writeln!(
            out,
            "    Call {{ operation: &api::OPERATIONS[{place}], send: |ghl, {at}| request(ghl.{group}().{name}({arguments})) }},"
        );
        Ok(())
    }

    fn function(&self, id: ModelId) -> String {
        crate::names::field(&self.finished.names[&self.plan.models.root(id)])
    }

    fn model(&self, id: ModelId, out: &mut String) -> Result<(), String> {
        let (name, model) = (&self.finished.names[&id], self.plan.models.get(id));
        let at = if model.fields.is_empty() { "_" } else { "at" };
        let _ = write!(out, "\nfn {}({at}: &At) -> api::{name} {{\n    api::{name} {{\n", self.function(id));
        for field in &model.fields {
            let value = self.value(&field.of, field.shapes.each_ref().map(Option::as_ref))?;
            let boxed = self.finished.boxed.contains(&(id, field.name.clone()));
            let value = if boxed { format!("Box::new({value})") } else { value };
            let [v2, v3] = [0, 1].map(|generation| wanted(model, field, generation));
            let _ = writeln!(out, "        {}: set!(at, {v2}, {v3}, {value}),", field.name);
        }
        if self.finished.ways[&id].read {
            out.push_str("        extra: Object::new(),\n");
        }
        out.push_str("    }\n}\n");
        Ok(())
    }

    /// An item of a list by its number: some lists must not hold one twice.
    fn item(&self, of: &Type, item: &str, number: i64) -> String {
        let id = format!("sample{number}");
        let Type::Model(model) = of else { return item.replace(ID, &id) };
        let mut fields = self.plan.models.get(*model).fields.iter();
        match fields.find(|field| field.of == Type::Text).filter(|_| number > 1) {
            Some(field) => {
                let name = &self.finished.names[&self.plan.models.root(*model)];
                format!("api::{name} {{ {}: Some({id:?}.to_owned()), ..{item} }}", field.name)
            }
            None => item.to_owned(),
        }
    }

    /// A value of a type, as both generations allow it, or for each its own.
    fn value(&self, of: &Type, shapes: [Option<&Shape>; 2]) -> Result<String, String> {
        let [v2, v3] = shapes.map(|shape| shape.map(|shape| self.value_of(of, shape)).transpose());
        let known = [v2?, v3?];
        Ok(if known == [None, None] { self.value_of(of, &Shape::plain("any"))? } else { either(known) })
    }

    fn value_of(&self, of: &Type, shape: &Shape) -> Result<String, String> {
        let (inner, marks) = unmarked(shape);
        Ok(match of {
            Type::Any | Type::Anything => any(inner),
            Type::Text => format!("{:?}.to_owned()", text(inner, &marks)?),
            Type::Secret => format!("{:?}.into()", text(inner, &marks)?),
            Type::Number => format!("{}.into()", number(&marks)),
            Type::Bool => "true".to_owned(),
            Type::Object => "Object::new()".to_owned(),
            Type::File => "file()".to_owned(),
            Type::Enum(values, name) => {
                let name = &self.finished.enums[&(name.clone(), values.clone())];
                let value = match inner {
                    Shape::Enum(values) => values.first().cloned().unwrap_or_default(),
                    _ => text(inner, &marks)?,
                };
                format!("api::{name}::from({value:?})")
            }
            Type::List(of) => {
                let item = match inner {
                    Shape::List(item) => item,
                    _ => &Shape::plain("any"),
                };
                let count = mark_number(&marks, "minItems").unwrap_or(1).max(1);
                let item = self.value_of(of, item)?;
                let items: Vec<_> = (1..=count).map(|number| self.item(of, &item, number)).collect();
                format!("vec![{}]", items.join(", "))
            }
            Type::Map(of) => {
                let value = match inner {
                    Shape::Map(value) => value,
                    _ => &Shape::plain("any"),
                };
                format!("BTreeMap::from([(\"key1\".to_owned(), {})])", self.value_of(of, value)?)
            }
            Type::Model(id) => format!("{}(&at.deeper())", self.function(*id)),
            Type::Nullable(_) if marks.iter().any(|(mark, _)| mark == "accepts") => "Nullable::Null".to_owned(),
            Type::Nullable(of) => format!("Nullable::Value({})", self.value_of(of, inner)?),
            Type::Either(first, second) => {
                let alternatives: &[Shape] = match inner {
                    Shape::One(shapes) => shapes,
                    other => std::slice::from_ref(other),
                };
                let fits = |of: &Type| alternatives.iter().find(|shape| fits(of, shape));
                match (fits(first), fits(second)) {
                    (Some(shape), _) => format!("Either::First({})", self.value_of(first, shape)?),
                    (None, Some(shape)) => format!("Either::Second({})", self.value_of(second, shape)?),
                    (None, None) => format!("Either::Second({})", self.value_of(second, inner)?),
                }
            }
        })
    }
}

/// One expression for both generations, or one for each.
fn either([v2, v3]: [Option<String>; 2]) -> String {
    match (v2, v3) {
        (Some(v2), Some(v3)) if v2 != v3 => format!("if at.is_v3() {{ {v3} }} else {{ {v2} }}"),
        (Some(value), _) | (None, Some(value)) => value,
        (None, None) => String::new(),
    }
}

/// Whether a generation must, may or cannot have the field by its specification. Of alternatives, one is taken.
fn wanted(model: &Model, field: &Field, generation: usize) -> &'static str {
    if field.wire[generation].is_empty() {
        return "Never";
    }
    let required = match &model.alternative[generation] {
        None => field.required[generation] || field.waived[generation],
        Some(first) => match first.iter().find(|(name, _)| field.wire[generation].contains(name)) {
            None => return "Never",
            Some((_, required)) => *required,
        },
    };
    if required { "Must" } else { "May" }
}

/// A shape and all marks around it.
fn unmarked(mut shape: &Shape) -> (&Shape, Vec<(String, Json)>) {
    let mut marks = Vec::new();
    while let Shape::Marked { shape: inner, marks: more } = shape {
        marks.extend(more.iter().cloned());
        shape = inner;
    }
    (shape, marks)
}

fn mark_number(marks: &[(String, Json)], name: &str) -> Option<i64> {
    let (_, value) = marks.iter().find(|(mark, _)| mark == name)?;
    value.to_string().parse::<f64>().ok().map(|number| number.ceil() as i64)
}

fn number(marks: &[(String, Json)]) -> i64 {
    let least = mark_number(marks, "minimum").unwrap_or(1).max(1);
    mark_number(marks, "maximum").map_or(least, |most| least.min(most))
}

fn text(shape: &Shape, marks: &[(String, Json)]) -> Result<String, String> {
    if let Some(pattern) = marks.iter().find(|(mark, _)| mark == "pattern").and_then(|(_, value)| value.as_str()) {
        let known = PATTERNS.iter().find(|(known, _)| *known == pattern);
        return known.map(|(_, text)| (*text).to_owned()).ok_or_else(|| format!("no text is known for {pattern}"));
    }
    let format = match shape {
        Shape::Plain { format, .. } => format.as_deref(),
        Shape::Enum(values) => return Ok(values.first().cloned().unwrap_or_default()),
        _ => None,
    };
    let mut text = match format.unwrap_or_default() {
        "date-time" => "2026-01-31T09:30:00.000Z",
        "date" => "2026-01-31",
        "time" => "09:30:00Z",
        "email" => "ann@example.com",
        "uri" | "url" => "https://example.com/a",
        "uuid" => "0b4f6f4e-8f3c-4b8e-9d4f-0a4c1f5f2b11",
        _ => ID,
    }
    .to_owned();
    if let Some(least) = mark_number(marks, "minLength").and_then(|least| usize::try_from(least).ok()) {
        text.extend(std::iter::repeat_n('x', least.saturating_sub(text.len())));
    }
    if let Some(most) = mark_number(marks, "maxLength").and_then(|most| usize::try_from(most).ok()) {
        text.truncate(most);
    }
    Ok(text)
}

/// A value where the type says nothing: as the shape has it.
fn any(shape: &Shape) -> String {
    match shape {
        Shape::Plain { kind, .. } => match kind.as_str() {
            "number" | "integer" => "json!(1)".to_owned(),
            "boolean" => "json!(true)".to_owned(),
            "object" => "json!({})".to_owned(),
            _ => format!("json!({ID:?})"),
        },
        Shape::One(shapes) => shapes.first().map_or_else(|| "json!({})".to_owned(), any),
        Shape::List(item) => format!("Value::from(vec![{}])", any(item)),
        Shape::Enum(values) => format!("json!({:?})", values.first().map_or(ID, String::as_str)),
        Shape::Marked { shape, .. } => any(shape),
        Shape::Named(_) | Shape::Fields(_) | Shape::Map(_) | Shape::All(_) => "json!({})".to_owned(),
    }
}

/// Whether a shape is one of the type's.
fn fits(of: &Type, shape: &Shape) -> bool {
    let (shape, _) = unmarked(shape);
    let kind = match shape {
        Shape::Plain { kind, .. } => kind.as_str(),
        Shape::Enum(_) => "string",
        Shape::List(_) => "list",
        Shape::Named(_) | Shape::Fields(_) | Shape::Map(_) | Shape::All(_) => "object",
        Shape::One(shapes) => return shapes.iter().any(|shape| fits(of, shape)),
        Shape::Marked { .. } => "any",
    };
    match of {
        Type::Text | Type::Secret | Type::Enum(..) => kind == "string",
        Type::Number => matches!(kind, "number" | "integer"),
        Type::Bool => kind == "boolean",
        Type::Object | Type::Map(_) | Type::Model(_) => kind == "object",
        Type::List(_) => kind == "list",
        Type::File => kind == "file",
        Type::Any | Type::Anything => true,
        Type::Either(first, second) => fits(first, shape) || fits(second, shape),
        Type::Nullable(of) => fits(of, shape),
    }
}

/// A value for a placeholder of the path.
fn argument_text(shape: &Shape) -> String {
    let (inner, marks) = unmarked(shape);
    let text = match inner {
        Shape::Plain { kind, .. } if matches!(kind.as_str(), "number" | "integer") => number(&marks).to_string(),
        Shape::Plain { kind, .. } if kind == "boolean" => "true".to_owned(),
        _ => text(inner, &marks).unwrap_or_else(|_| ID.to_owned()),
    };
    format!("{text:?}")
}
