//! Every response with changed fields: a valid one is parsed without loss, an invalid one is a decode error that names the field, and
//! none panics.

use std::{collections::BTreeSet, sync::Arc};

use proptest::prelude::*;
use serde_json::{Value, json};
use sidecar_core::{ErrorKind, SendState, test_util::ScriptedTransport};

use crate::{
    cases::{Case, all},
    support::{builder, mutants, normalized, paths},
};

/// Runs a case with another response.
async fn run_with(case: &Case, response: &Value) -> Result<Value, sidecar_core::Error> {
    let transport = Arc::new(ScriptedTransport::new().respond(200, response.clone()));
    (case.run)(builder(&transport).api_key("cal_live_secret".to_owned()).build().unwrap()).await
}

/// As [`normalized`], with numeric texts as numbers, because ids and durations are sent as either.
fn with_numbers(value: &Value) -> Value {
    match normalized(value) {
        Value::String(text) => text.parse::<f64>().map_or(Value::String(text), |number| json!(number)),
        Value::Object(fields) => fields.iter().map(|(name, value)| (name.clone(), with_numbers(value))).collect(),
        Value::Array(items) => items.iter().map(with_numbers).collect(),
        other => other,
    }
}

async fn assert_parsed_or_rejected(case: &Case, response: &Value) {
    match run_with(case, response).await {
        // The operation ignores the body, or returns it unchanged.
        Ok(read) if read.is_null() || read == *response => {}
        Ok(read) => {
            let data = response.get("data").unwrap_or(&Value::Null);
            assert_eq!(with_numbers(&read), with_numbers(data), "{}", case.operation);
        }
        Err(error) => {
            // `status` may have become "error".
            assert!(matches!(error.kind(), ErrorKind::Decode | ErrorKind::Rejected), "{error}");
            assert_eq!(error.send_state(), SendState::Responded, "{error}");
        }
    }
}

/// Returns one case per distinct response.
fn distinct_responses() -> Vec<Case> {
    let mut seen = BTreeSet::new();
    all().into_iter().filter(|case| seen.insert(case.response.to_string())).collect()
}

#[tokio::test]
async fn every_model_preserves_unknown_fields() {
    for case in all() {
        let mut response = case.response.clone();
        let objects: Vec<_> = paths(&response)
            .into_iter()
            .filter(|path| path.starts_with("/data") && response.pointer(path).is_some_and(Value::is_object))
            // The slots are a map by date, which has no fields itself.
            .filter(|path| !(case.operation == "slots.list" && path == "/data"))
            .collect();
        for path in objects {
            response.pointer_mut(&path).unwrap()["aFieldOfTomorrow"] = json!({"deep": [1, {"er": null}]});
        }
        if response.get("data").is_some_and(|data| !data.is_null()) {
            let read = run_with(&case, &response).await.unwrap_or_else(|error| panic!("{}: {error}", case.operation));
            if read != response {
                assert_eq!(normalized(&read), normalized(&response["data"]), "{}", case.operation);
            }
        }
    }
}

#[tokio::test]
async fn a_changed_field_of_any_response_causes_no_panic_or_data_loss() {
    let mut checked = 0;
    for case in distinct_responses() {
        for path in paths(&case.response) {
            for mutant in mutants() {
                let mut changed = case.response.clone();
                *changed.pointer_mut(&path).unwrap() = mutant;
                assert_parsed_or_rejected(&case, &changed).await;
                checked += 1;
            }
            let mut shorter = case.response.clone();
            let (parent, name) = path.rsplit_once('/').unwrap();
            if let Some(parent) = shorter.pointer_mut(parent).and_then(Value::as_object_mut) {
                parent.remove(&name.replace("~1", "/").replace("~0", "~"));
                assert_parsed_or_rejected(&case, &shorter).await;
                checked += 1;
            }
        }
    }
    assert!(checked > 10_000, "only {checked} changed responses");
}

#[tokio::test]
async fn null_in_any_optional_field_parses_as_none() {
    for case in all() {
        for path in paths(&case.response).into_iter().filter(|path| path.starts_with("/data/")) {
            let mut changed = case.response.clone();
            *changed.pointer_mut(&path).unwrap() = Value::Null;
            let required = ["/id", "/uid", "/reservationUid", "/externalId", "/start", "/end", "/days", "/startTime"];
            let required = required.iter().any(|name| path.ends_with(name));
            // Entries of lists and dates of slots are not fields.
            let is_entry = path.rsplit('/').next().unwrap().starts_with(|c: char| c.is_ascii_digit());
            if required || is_entry || path.ends_with("/endTime") || path.ends_with("/date") {
                continue;
            }
            let read = run_with(&case, &changed).await;
            assert!(read.is_ok(), "{} {path}: {}", case.operation, read.unwrap_err());
        }
    }
}

pub(crate) fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i32>().prop_map(Value::from),
        any::<i32>().prop_map(|number| json!(f64::from(number) / 4.0)),
        "[a-zA-Z :-]{0,20}".prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 32, 5, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
            prop::collection::hash_map("[a-zA-Z_]{1,12}", inner, 0..5).prop_map(|fields| json!(fields)),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]
    #[test]
    fn any_value_in_any_field_is_parsed_or_rejected(seed in any::<prop::sample::Index>(), value in any_json()) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        for case in all() {
            let mut response = case.response.clone();
            let all = paths(&response);
            let path: &String = seed.get(&all);
            *response.pointer_mut(path).unwrap() = value.clone();
            runtime.block_on(assert_parsed_or_rejected(&case, &response));
        }
    }

    #[test]
    fn arbitrary_bytes_cause_no_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let transport = Arc::new(ScriptedTransport::new().respond_with(200, &[], bytes));
        let calcom = builder(&transport).api_key("cal_live_secret".to_owned()).build().unwrap();
        let _ = runtime.block_on(async { calcom.bookings().get("bk_1").await });
    }
}
