//! Every generated model that is read, tested with malformed responses: nothing panics, unknown fields are preserved, and an error
//! names its field.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

#[rustfmt::skip]
mod models;

use proptest::prelude::*;
use serde_json::{Map, Value, json};

use crate::models::MODELS;

/// What a field's value looks like in JSON.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Text,
    Number,
    Bool,
    Object,
    List,
    /// Anything is read.
    Any,
}

/// A model and how it is read: what it keeps as unknown, or why it cannot be read.
struct Model {
    name: &'static str,
    read: fn(&str) -> Result<Map<String, Value>, serde_json::Error>,
    fields: &'static [(&'static str, Kind)],
}

macro_rules! read {
    ($model:ty) => {
        |json| serde_json::from_str::<$model>(json).map(|model| model.extra)
    };
}
use read;

/// What no field of the kind can be.
fn wrong(kind: Kind) -> Value {
    match kind {
        Kind::Text => json!({"a": 1}),
        Kind::Number => json!("no number"),
        Kind::Bool => json!("yes"),
        Kind::Object => json!("text"),
        Kind::List => json!(true),
        Kind::Any => Value::Null,
    }
}

#[test]
fn there_are_models() {
    assert!(MODELS.len() > 800, "{}", MODELS.len());
    assert!(MODELS.iter().any(|model| model.name == "contacts::GetContectByIdSchema"));
}

#[test]
fn an_absent_field_and_a_null_are_read() {
    for model in MODELS {
        assert!((model.read)("{}").is_ok(), "{}", model.name);
        let nulls: Map<_, _> = model.fields.iter().map(|(field, _)| ((*field).to_owned(), Value::Null)).collect();
        let kept = (model.read)(&Value::Object(nulls).to_string());
        assert!(kept.unwrap().is_empty(), "{}: a field of the model counts as unknown", model.name);
    }
}

#[test]
fn what_is_unknown_is_kept() {
    for model in MODELS {
        let kept = (model.read)(r#"{"thisIsNew": {"deep": [1]}, "": 0}"#).unwrap();
        assert_eq!((&kept["thisIsNew"], &kept[""]), (&json!({"deep": [1]}), &json!(0)), "{}", model.name);
    }
}

#[test]
fn a_wrong_type_is_an_error_that_names_the_field() {
    for model in MODELS {
        for (field, kind) in model.fields.iter().filter(|(_, kind)| *kind != Kind::Any) {
            let error = (model.read)(&json!({*field: wrong(*kind)}).to_string()).unwrap_err().to_string();
            assert!(error.starts_with(&format!("{field}: ")), "{} {field}: {error}", model.name);
        }
        for no_object in ["[]", "1", "\"text\"", "true", "{", ""] {
            assert!((model.read)(no_object).is_err(), "{}", model.name);
        }
    }
}

#[test]
fn two_ids_of_one_answer_are_both_read() {
    let read = serde_json::from_str::<ghl_client::api::emails::Schedule>;
    for json in [r#"{"id": "a", "_id": "b"}"#, r#"{"_id": "b", "id": "a"}"#] {
        let schedule = read(json).unwrap();
        assert_eq!((schedule.id.as_deref(), schedule.underscore_id.as_deref()), (Some("a"), Some("b")));
    }
}

#[test]
fn huge_values_do_not_break_it() {
    let long = json!("x".repeat(1_000_000)).to_string();
    let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
    let numbers = ["18446744073709551616", "1e308", "1e999", "-9223372036854775809", "0.1"];
    for model in MODELS {
        for (field, kind) in model.fields.iter().take(3) {
            let read = |value: &str| (model.read)(&format!("{{\"{field}\": {value}}}"));
            assert!(read(&deep).is_err(), "{} {field}: deeper than JSON is read", model.name);
            for number in numbers {
                let read = read(number);
                let finite = number != "1e999";
                assert!(*kind != Kind::Number || read.is_ok() == finite, "{} {field}: {number}", model.name);
            }
        }
        if let Some((field, _)) = model.fields.iter().find(|(_, kind)| *kind == Kind::Text) {
            assert!((model.read)(&format!("{{\"{field}\": {long}}}")).is_ok(), "{} {field}", model.name);
        }
    }
}

/// Any JSON, small.
fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<i32>().prop_map(|number| (f64::from(number) / 4.0).into()),
        "\\PC{0,8}".prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 16, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::btree_map("[a-z]{1,6}", inner, 0..4).prop_map(|map| map.into_iter().collect()),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn any_values_in_any_fields_are_read_or_refused(
        place in 0..MODELS.len(),
        values in prop::collection::vec(any_json(), 1..6),
        start in any::<prop::sample::Index>(),
    ) {
        let model = &MODELS[place];
        let fields: Vec<&str> = model.fields.iter().map(|(field, _)| *field).chain(["thisIsNew"]).collect();
        let skip = start.index(fields.len());
        let names = fields.iter().cycle().skip(skip);
        let object: Map<_, _> = names.map(|name| (*name).to_owned()).zip(values).take(fields.len()).collect();
        let new = object.get("thisIsNew").cloned();
        match (model.read)(&Value::Object(object.clone()).to_string()) {
            Ok(kept) => prop_assert_eq!(kept.get("thisIsNew").cloned(), new),
            Err(error) => {
                let error = error.to_string();
                prop_assert!(object.keys().any(|name| error.starts_with(&format!("{name}: "))), "{}: {}", model.name, error);
            }
        }
    }
}
