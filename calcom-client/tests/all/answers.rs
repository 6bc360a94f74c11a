//! Every answer with changed fields: what still fits is kept whole, what does not is a decode error that says where, and nothing
//! panics.

use std::{collections::BTreeSet, sync::Arc};

use proptest::prelude::*;
use serde_json::{Value, json};
use sidecar_core::{ErrorKind, SendState, test_util::ScriptedTransport};

use crate::{
    cases::{Case, all},
    support::{builder, mutants, paths, plain},
};

/// Runs a case with another answer.
async fn read(case: &Case, answer: &Value) -> Result<Value, sidecar_core::Error> {
    let transport = Arc::new(ScriptedTransport::new().respond(200, answer.clone()));
    (case.run)(builder(&transport).api_key("cal_live_secret".to_owned()).build().unwrap()).await
}

/// As [`plain`], with ids and lengths alike whether they were sent as text or as numbers.
fn alike(value: &Value) -> Value {
    match plain(value) {
        Value::String(text) => text.parse::<f64>().map_or(Value::String(text), |number| json!(number)),
        Value::Object(fields) => fields.iter().map(|(name, value)| (name.clone(), alike(value))).collect(),
        Value::Array(items) => items.iter().map(alike).collect(),
        other => other,
    }
}

async fn assert_kept_or_refused(case: &Case, answer: &Value) {
    match read(case, answer).await {
        // Nothing is read of it, or all of it as it stands.
        Ok(read) if read.is_null() || read == *answer => {}
        Ok(read) => {
            let said = answer.get("data").unwrap_or(&Value::Null);
            assert_eq!(alike(&read), alike(said), "{}", case.operation);
        }
        Err(error) => {
            // `status` may have become "error".
            assert!(matches!(error.kind(), ErrorKind::Decode | ErrorKind::Rejected), "{error}");
            assert_eq!(error.send_state(), SendState::Responded, "{error}");
        }
    }
}

/// One case of each answer: what is read is the same for all that have it.
fn one_of_each() -> Vec<Case> {
    let mut seen = BTreeSet::new();
    all().into_iter().filter(|case| seen.insert(case.answer.to_string())).collect()
}

#[tokio::test]
async fn unknown_fields_of_every_model_are_kept() {
    for case in all() {
        let mut answer = case.answer.clone();
        let objects: Vec<_> = paths(&answer)
            .into_iter()
            .filter(|path| path.starts_with("/data") && answer.pointer(path).is_some_and(Value::is_object))
            // Slots are a map by date: its own level has no fields.
            .filter(|path| !(case.operation == "slots.list" && path == "/data"))
            .collect();
        for path in objects {
            answer.pointer_mut(&path).unwrap()["aFieldOfTomorrow"] = json!({"deep": [1, {"er": null}]});
        }
        if answer.get("data").is_some_and(|data| !data.is_null()) {
            let read = read(&case, &answer).await.unwrap_or_else(|error| panic!("{}: {error}", case.operation));
            if read != answer {
                assert_eq!(plain(&read), plain(&answer["data"]), "{}", case.operation);
            }
        }
    }
}

#[tokio::test]
async fn no_changed_field_makes_any_answer_panic_or_lose_what_it_holds() {
    let mut tried = 0;
    for case in one_of_each() {
        for path in paths(&case.answer) {
            for mutant in mutants() {
                let mut changed = case.answer.clone();
                *changed.pointer_mut(&path).unwrap() = mutant;
                assert_kept_or_refused(&case, &changed).await;
                tried += 1;
            }
            let mut shorter = case.answer.clone();
            let (parent, name) = path.rsplit_once('/').unwrap();
            if let Some(parent) = shorter.pointer_mut(parent).and_then(Value::as_object_mut) {
                parent.remove(&name.replace("~1", "/").replace("~0", "~"));
                assert_kept_or_refused(&case, &shorter).await;
                tried += 1;
            }
        }
    }
    assert!(tried > 10_000, "{tried} changed answers");
}

#[tokio::test]
async fn null_in_any_field_but_an_id_is_nothing_said() {
    for case in all() {
        for path in paths(&case.answer).into_iter().filter(|path| path.starts_with("/data/")) {
            let mut changed = case.answer.clone();
            *changed.pointer_mut(&path).unwrap() = Value::Null;
            let needed = ["/id", "/uid", "/reservationUid", "/externalId", "/start", "/end", "/days", "/startTime"];
            let needed = needed.iter().any(|name| path.ends_with(name));
            // Entries of lists and the dates of slots are no fields.
            let entry = path.rsplit('/').next().unwrap().starts_with(|c: char| c.is_ascii_digit());
            if needed || entry || path.ends_with("/endTime") || path.ends_with("/date") {
                continue;
            }
            let read = read(&case, &changed).await;
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
    fn any_value_in_any_field_is_kept_or_refused(seed in any::<prop::sample::Index>(), value in any_json()) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        for case in all() {
            let mut answer = case.answer.clone();
            let all = paths(&answer);
            let path: &String = seed.get(&all);
            *answer.pointer_mut(path).unwrap() = value.clone();
            runtime.block_on(assert_kept_or_refused(&case, &answer));
        }
    }

    #[test]
    fn no_bytes_make_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let transport = Arc::new(ScriptedTransport::new().respond_with(200, &[], bytes));
        let calcom = builder(&transport).api_key("cal_live_secret".to_owned()).build().unwrap();
        let _ = runtime.block_on(async { calcom.bookings().get("bk_1").await });
    }
}
