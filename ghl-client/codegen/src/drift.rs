//! What changed between a digest and the specifications as they are now, in words.

use std::collections::BTreeMap;

use crate::{
    digest::{Api, Group, OperationFacts},
    shape::{FieldShape, Shape},
};

/// One line for each difference; none when the specifications say what the digest says. Prose does not count.
pub fn drift(known: &[Group], now: &[Group]) -> Vec<String> {
    let mut lines = Vec::new();
    let name = |group: &Group| group.name.clone();
    compare(known, now, name, "group", "", &mut lines, |old, new, lines| {
        for (generation, old, now) in [("v2", &old.v2, &new.v2), ("v3", &old.v3, &new.v3)] {
            let at = format!("{} {generation}", new.name);
            match (old, now) {
                (Some(old), Some(new)) => apis(&at, old, new, lines),
                (None, Some(new)) => lines.push(format!("+ {at}: {} operations", new.operations.len())),
                (Some(old), None) => lines.push(format!("- {at}: {} operations", old.operations.len())),
                (None, None) => {}
            }
        }
    });
    lines
}

/// Names what is only in one of two lists, and has what is in both compared.
fn compare<T>(
    old: &[T],
    new: &[T],
    name: impl Fn(&T) -> String,
    what: &str,
    at: &str,
    lines: &mut Vec<String>,
    each: impl Fn(&T, &T, &mut Vec<String>),
) {
    let named = |items: &[T]| items.iter().enumerate().map(|(place, item)| (name(item), place)).collect();
    let (olds, news): (BTreeMap<String, usize>, BTreeMap<String, usize>) = (named(old), named(new));
    let lead = if at.is_empty() { String::new() } else { format!("{at}: ") };
    for (name, &place) in &olds {
        match news.get(name) {
            None => lines.push(format!("- {lead}{what} {name}")),
            Some(&other) => each(&old[place], &new[other], lines),
        }
    }
    lines.extend(news.keys().filter(|name| !olds.contains_key(*name)).map(|name| format!("+ {lead}{what} {name}")));
}

fn apis(at: &str, old: &Api, new: &Api, lines: &mut Vec<String>) {
    let name = |facts: &OperationFacts| facts.id.clone();
    compare(&old.operations, &new.operations, name, "operation", at, lines, |old, new, lines| {
        operations(&format!("{at}: operation {}", new.id), old, new, lines);
    });
    let schemas = |api: &Api| api.schemas.iter().map(|(name, shape)| (name.clone(), shape.clone())).collect::<Vec<_>>();
    let name = |(name, _): &(String, Shape)| name.clone();
    compare(&schemas(old), &schemas(new), name, "schema", at, lines, |old, new, lines| {
        shapes(&format!("{at}: schema {}", new.0), &old.1, &new.1, lines);
    });
    if old.sha256 != new.sha256 && old.operations == new.operations && old.schemas == new.schemas {
        lines.push(format!("~ {at}: {} changed in its prose only (sha256 {})", new.file, new.sha256));
    }
}

fn operations(at: &str, old: &OperationFacts, new: &OperationFacts, lines: &mut Vec<String>) {
    let security = |facts: &OperationFacts| format!("{:?}", facts.security);
    let media = |facts: &OperationFacts| facts.body.as_ref().map_or("none", |body| body.media.as_str()).to_owned();
    for (what, old, new) in [
        ("method and path", format!("{} {}", old.method, old.path), format!("{} {}", new.method, new.path)),
        ("versions", old.versions.join(", "), new.versions.join(", ")),
        ("security", security(old), security(new)),
        ("deprecated", old.deprecated.to_string(), new.deprecated.to_string()),
        ("body's media type", media(old), media(new)),
        ("status", old.status.to_string(), new.status.to_string()),
    ] {
        changed(&format!("{at}: {what}"), &old, &new, lines);
    }
    fields(&format!("{at}: path"), &old.arguments, &new.arguments, lines);
    fields(&format!("{at}: query"), &old.query, &new.query, lines);
    let body = |facts: &OperationFacts| facts.body.as_ref().map(|body| body.shape.clone());
    maybe(&format!("{at}: body"), body(old).as_ref(), body(new).as_ref(), lines);
    maybe(&format!("{at}: answer"), old.answer.as_ref(), new.answer.as_ref(), lines);
}

fn maybe(at: &str, old: Option<&Shape>, new: Option<&Shape>, lines: &mut Vec<String>) {
    match (old, new) {
        (Some(old), Some(new)) => shapes(at, old, new, lines),
        (old, new) => {
            let text = |shape: Option<&Shape>| shape.map_or("none".to_owned(), |shape| shape.to_json().to_string());
            changed(at, &text(old), &text(new), lines);
        }
    }
}

fn shapes(at: &str, old: &Shape, new: &Shape, lines: &mut Vec<String>) {
    match (old, new) {
        (Shape::Fields(old), Shape::Fields(new)) => fields(at, old, new, lines),
        (Shape::Enum(old), Shape::Enum(new)) => {
            compare(old, new, String::clone, "value", at, lines, |_, _, _| {});
        }
        (Shape::List(old), Shape::List(new)) | (Shape::Map(old), Shape::Map(new)) => shapes(at, old, new, lines),
        _ => changed(at, &old.to_json().to_string(), &new.to_json().to_string(), lines),
    }
}

fn fields(at: &str, old: &[FieldShape], new: &[FieldShape], lines: &mut Vec<String>) {
    compare(
        old,
        new,
        |field| field.name.clone(),
        "field",
        at,
        lines,
        |old, new, lines| {
            let at = format!("{at}: field {}", new.name);
            changed(&format!("{at}: required"), &old.required.to_string(), &new.required.to_string(), lines);
            shapes(&at, &old.shape, &new.shape, lines);
        },
    );
}

fn changed(at: &str, old: &str, new: &str, lines: &mut Vec<String>) {
    if old != new {
        lines.push(format!("~ {at}: {old} → {new}"));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json::Json;

    fn group(text: &str) -> Vec<Group> {
        vec![Group::parse(&Json::parse(text).unwrap()).unwrap()]
    }

    const OLD: &str = r##"{"group": "tags", "v2": {"file": "f", "sha256": "1", "operations": [
        {"id": "get-tag", "method": "GET", "path": "/tags/{id}", "versions": ["2021-07-28"], "security": {}, "arguments": {"id*": "string"},
         "query": {"limit": "number"}, "status": 200, "answer": "#Tag"},
        {"id": "drop-tag", "method": "DELETE", "path": "/tags/{id}", "versions": [], "security": {}, "arguments": {"id*": "string"}, "status": 200}],
        "schemas": {"Tag": {"fields": {"id*": "string", "colour": {"enum": ["red"]}, "gone": "string"}}}}}"##;

    #[test]
    fn what_is_the_same_says_nothing() {
        assert_eq!(drift(&group(OLD), &group(OLD)), Vec::<String>::new());
    }

    #[test]
    fn each_difference_is_a_line_that_says_where() {
        let new = OLD
            .replace("drop-tag", "remove-tag")
            .replace(r#""limit": "number""#, r#""limit*": "string""#)
            .replace(r#"["red"]"#, r#"["red", "blue"]"#)
            .replace(r#", "gone": "string""#, "");
        assert_eq!(
            drift(&group(OLD), &group(&new)),
            [
                "- tags v2: operation drop-tag",
                "~ tags v2: operation get-tag: query: field limit: required: false → true",
                "~ tags v2: operation get-tag: query: field limit: \"number\" → \"string\"",
                "+ tags v2: operation remove-tag",
                "+ tags v2: schema Tag: field colour: value blue",
                "- tags v2: schema Tag: field gone",
            ]
        );
    }

    #[test]
    fn new_prose_is_told_apart_from_new_facts() {
        let new = OLD.replace(r#""sha256": "1""#, r#""sha256": "2""#);
        assert_eq!(drift(&group(OLD), &group(&new)), ["~ tags v2: f changed in its prose only (sha256 2)"]);
    }
}
