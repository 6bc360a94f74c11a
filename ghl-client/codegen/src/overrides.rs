//! What the specifications leave out or get wrong, kept by hand in `overrides.json`; every entry names its source.
//!
//! An entry of a `group` corrects an `operation` (`name`, `rather`, `query`, `optional`, `body`, `answer`) or a `schema` (`set`, `optional`,
//! `remove`, `shape`), in both generations unless it says `in`; or it gives a `name` to a shared `enum`. Two marks of a shape are for overrides alone: `as` is the field's
//! Rust name, and `"accepts": null` stands where the specification itself takes no value. Entries without a group give `names` for
//! the wire's typos, or name `secrets`.

use std::collections::BTreeMap;

use crate::{
    digest::{Api, Content, Group, OperationFacts},
    json::Json,
    shape::{FieldShape, Shape, parse_fields},
};

/// What the overrides say beside corrections of the digest.
#[derive(Debug, Default)]
pub struct Words {
    /// Rust names of wire names.
    pub names: BTreeMap<String, String>,
    /// Rust names of the fields that are never printed.
    pub secrets: Vec<String>,
    /// Names of methods by group and `operationId`.
    pub methods: BTreeMap<(String, String), String>,
    /// What to use rather than a method, by group and `operationId`.
    pub rather: BTreeMap<(String, String), String>,
    /// Names of shared enums by group and the name that they would have there.
    pub enums: BTreeMap<(String, String), String>,
}

/// Corrects the digest.
///
/// # Errors
/// When an entry has no source, or corrects something that is not there (any more).
pub fn apply(groups: &mut [Group], overrides: &Json) -> Result<Words, String> {
    let mut words = Words::default();
    for entry in overrides.items() {
        if entry.str("source").is_none() {
            return Err(format!("an override without a source: {entry}"));
        }
        for (wire, name) in entry.get("names").map(Json::fields).unwrap_or_default() {
            words.names.insert(wire.clone(), name.as_str().unwrap_or_default().to_owned());
        }
        words.secrets.extend(entry.strings("secrets"));
        let Some(name) = entry.str("group") else { continue };
        let group = groups.iter_mut().find(|group| group.name == name);
        let group = group.ok_or_else(|| format!("an override of an unknown group: {entry}"))?;
        if let (Some(id), Some(method)) = (entry.str("operation"), entry.str("name")) {
            words.methods.insert((name.to_owned(), id.to_owned()), method.to_owned());
        }
        if let (Some(id), Some(rather)) = (entry.str("operation"), entry.str("rather")) {
            words.rather.insert((name.to_owned(), id.to_owned()), rather.to_owned());
        }
        if let (Some(own), Some(shared)) = (entry.str("enum"), entry.str("name")) {
            words.enums.insert((name.to_owned(), own.to_owned()), shared.to_owned());
            continue;
        }
        let mut found = false;
        for (generation, api) in [("v2", group.v2.as_mut()), ("v3", group.v3.as_mut())] {
            let wanted = entry.str("in").is_none_or(|only| only == generation);
            if let Some(api) = api.filter(|_| wanted) {
                found |= correct(api, entry).map_err(|why| format!("{entry}: {why}"))?;
            }
        }
        if !found {
            return Err(format!("an override of something that is not there: {entry}"));
        }
    }
    Ok(words)
}

fn correct(api: &mut Api, entry: &Json) -> Result<bool, String> {
    if let Some(id) = entry.str("operation") {
        let Some(facts) = api.operations.iter_mut().find(|facts| facts.id == id) else { return Ok(false) };
        return correct_operation(facts, entry).map(|()| true);
    }
    let Some(name) = entry.str("schema") else { return Err("it names neither operation nor schema".to_owned()) };
    if let Some(shape) = entry.get("shape") {
        api.schemas.insert(name.to_owned(), Shape::parse(shape)?);
        return Ok(true);
    }
    let Some(Shape::Fields(fields)) = api.schemas.get_mut(name) else { return Ok(false) };
    correct_fields(fields, entry, "set")?;
    Ok(true)
}

fn correct_operation(facts: &mut OperationFacts, entry: &Json) -> Result<(), String> {
    if entry.get("query").is_some() || entry.get("optional").is_some() {
        correct_fields(&mut facts.query, entry, "query")?;
    }
    if let Some((media, shape)) = entry.get("body").and_then(|body| body.fields().first()) {
        facts.body = Some(Content { media: media.clone(), shape: Shape::parse(shape)? });
    }
    match entry.get("answer") {
        None => {}
        Some(Json::Null) => facts.answer = None,
        Some(shape) => facts.answer = Some(Shape::parse(shape)?),
    }
    Ok(())
}

fn correct_fields(fields: &mut Vec<FieldShape>, entry: &Json, set: &str) -> Result<(), String> {
    for field in entry.get(set).map_or(Ok(Vec::new()), parse_fields)? {
        match fields.iter_mut().find(|known| known.name == field.name) {
            Some(known) => *known = field,
            None => fields.push(field),
        }
    }
    for name in entry.strings("optional") {
        let field = fields.iter_mut().find(|field| field.name == name);
        let field = field.ok_or_else(|| format!("there is no `{name}`"))?;
        field.waived = std::mem::take(&mut field.required);
    }
    for name in entry.strings("remove") {
        let before = fields.len();
        fields.retain(|field| field.name != name);
        if fields.len() == before {
            return Err(format!("there is no `{name}`"));
        }
    }
    Ok(())
}
