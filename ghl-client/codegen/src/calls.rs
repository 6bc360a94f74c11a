//! Writes a call of every operation, with what it requires and nothing else: what the contract tests send.

use std::fmt::Write as _;

use crate::{
    emit::{self, Writer},
    names,
    plan::{Method, Plan},
    shape::Shape,
    types::{Field, ModelId, Type},
};

/// How deep required fields may lie in required fields.
const DEEPEST: usize = 8;

/// The files, relative to the tests' folder `contract`: name and content.
pub fn files(plans: &[Plan]) -> Vec<(String, String)> {
    let group = |plan: &Plan| (format!("calls/{}.rs", emit::module(&plan.group)), calls(plan));
    let mut files: Vec<_> = plans.iter().map(group).collect();
    files.push(("calls/mod.rs".to_owned(), contents(plans)));
    files
}

fn contents(plans: &[Plan]) -> String {
    let mut out = emit::mark("codegen/digest");
    out.push_str("//! A call of every published operation, with what it requires.\n\nuse ghl_client::{GhlClient, api::Generation};\n\nuse crate::case::Case;\n\n");
    for plan in plans {
        let _ = writeln!(out, "#[rustfmt::skip]\nmod {};", emit::module(&plan.group));
    }
    out.push_str("\n/// The calls of a generation, by group.\npub(crate) fn all(ghl: &GhlClient, generation: Generation) -> Vec<(&'static str, Vec<Case>)> {\n    vec![\n");
    for plan in plans {
        let _ = writeln!(out, "        ({:?}, {}::calls(ghl, generation)),", plan.group, emit::module(&plan.group));
    }
    out.push_str("    ]\n}\n");
    out
}

fn calls(plan: &Plan) -> String {
    let writer = Writer::new(plan);
    let mut out = emit::mark(&format!("codegen/digest/{}.json", plan.group));
    let module = emit::module(&plan.group);
    let _ = write!(
        out,
        "#![allow(unused_imports, unused_variables, reason = \"every family imports the same\")]\n\n\
         use ghl_client::{{GhlClient, api::{{Either, Generation, Nullable, Number, {module}::*}}}};\n\n\
         use crate::{{case::Case, sample::{{any, file, id, only, secret, text}}}};\n\n\
         pub(super) fn calls(ghl: &GhlClient, generation: Generation) -> Vec<Case> {{\n    let group = ghl.{module}();\n    let mut calls = Vec::new();\n"
    );
    for method in &plan.methods {
        call(&writer, method, &mut out);
    }
    out.push_str("    calls\n}\n");
    out
}

fn call(writer: &Writer<'_>, method: &Method, out: &mut String) {
    for (generation, facts) in ["V2", "V3"].iter().zip(&method.facts) {
        let Some(facts) = facts else { continue };
        let place = usize::from(*generation == "V3");
        let mut arguments: Vec<String> =
            facts.arguments.iter().map(|field| format!("{:?}", in_path(&field.shape))).collect();
        arguments.extend(method.query.map(|query| model(writer, query, place, 0)));
        arguments.extend(method.body.as_ref().map(|body| value(writer, body, &[], place, 0)));
        let _ = writeln!(
            out,
            "    only(generation, Generation::{generation}, || calls.push(Case::new(group.{}({}))));",
            method.name,
            arguments.join(", ")
        );
    }
}

/// Whether a field holds an id, by its name. The client refuses what cannot be one.
fn is_id(wire: &str) -> bool {
    wire.ends_with("Id") || wire.ends_with("_id")
}

/// A value for a placeholder.
fn in_path(shape: &Shape) -> String {
    match shape {
        Shape::Marked { shape, .. } => in_path(shape),
        Shape::Enum(values) => values.first().cloned().unwrap_or_default(),
        Shape::Plain { kind, .. } if kind == "number" || kind == "integer" => "1".to_owned(),
        Shape::Plain { kind, .. } if kind == "boolean" => "true".to_owned(),
        _ => "abc123".to_owned(),
    }
}

fn model(writer: &Writer<'_>, id: ModelId, generation: usize, depth: usize) -> String {
    let required = |field: &&Field| field.required[generation] && !field.wire[generation].is_empty();
    let fields: Vec<String> = writer
        .fields(id)
        .iter()
        .filter(required)
        .map(|field| {
            let given = match is_id(&field.wire[generation][0]) && field.of == Type::Text {
                true => "id()".to_owned(),
                false => value(writer, &field.of, &field.limits, generation, depth + 1),
            };
            let given = if writer.is_boxed(id, &field.name) { format!("Box::new({given})") } else { given };
            format!("{}: Some({given})", field.name)
        })
        .collect();
    let name = writer.name(id);
    match fields.is_empty() || depth > DEEPEST {
        true => format!("{name}::default()"),
        false => format!("{name} {{ {}, ..Default::default() }}", fields.join(", ")),
    }
}

fn value(writer: &Writer<'_>, of: &Type, limits: &[String], generation: usize, depth: usize) -> String {
    let inner = |of: &Type| value(writer, of, limits, generation, depth);
    match of {
        Type::Any | Type::Anything => "any()".to_owned(),
        Type::Text => "text()".to_owned(),
        Type::Number => format!("Number::from({})", number(limits)),
        Type::Bool => "true".to_owned(),
        Type::Object => "Default::default()".to_owned(),
        Type::Secret => "secret()".to_owned(),
        Type::File => "file()".to_owned(),
        Type::Enum(values, _) => {
            let variant = names::variant(values.first().map_or("", String::as_str));
            format!("{}::{}", writer.of(of), variant.replace('_', "Again"))
        }
        Type::List(of) => format!("vec![{}]", inner(of)),
        Type::Map(_) => "Default::default()".to_owned(),
        Type::Model(id) => model(writer, *id, generation, depth),
        Type::Either(first, _) => format!("Either::First({})", inner(first)),
        Type::Nullable(of) => format!("Nullable::Value({})", inner(of)),
    }
}

/// The least that the limits allow.
fn number(limits: &[String]) -> i64 {
    let least = limits
        .iter()
        .find_map(|limit| limit.trim_end_matches('.').split("at least ").nth(1)?.split(' ').next()?.parse().ok());
    least.unwrap_or(1_i64).max(1)
}
