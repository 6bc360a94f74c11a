//! What the hand-written models make of answers that are not as published: fields that are missing, null, of another type, new,
//! or huge. Nothing panics, nothing unknown is lost, and what cannot be read is named.

use std::{collections::BTreeSet, fs, path::Path, sync::LazyLock};

use ghl_client::{
    GhlClient,
    contacts::{self, BulkTagged},
    model, opportunities,
};
use proptest::prelude::*;
use serde::{Serialize, de::DeserializeOwned};
use serde_json::{Map, Value, json};

use sidecar_core::{ErrorKind, SendState};

use crate::support::{answering, fixture};

/// A model: its name, what it makes of a value, and the fields without which it cannot be.
struct Model {
    name: &'static str,
    /// The value as the model writes it again, and how much it did not know.
    read: fn(&Value) -> Result<Value, String>,
    required: &'static [&'static str],
}

fn read<T: DeserializeOwned + Serialize>(value: &Value) -> Result<Value, String> {
    // From text, as answers come.
    let model: T = serde_json::from_str(&value.to_string()).map_err(|error| error.to_string())?;
    Ok(serde_json::to_value(model).unwrap())
}

macro_rules! models {
    ($($path:ident::$name:ident [$($required:literal)*],)+) => {
        &[$(Model { name: stringify!($name), read: read::<$path::$name>, required: &[$($required),*] },)+]
    };
}

const MODELS: &[Model] = models![
    model::Appointment ["id"],
    model::Business ["id"],
    model::Calendar ["id"],
    model::CalendarGroup ["id"],
    model::CalendarNotification ["_id"],
    model::CalendarResource ["name"],
    model::CancelOutcome ["status"],
    model::Company ["id"],
    model::Contact ["id"],
    model::Conversation ["id"],
    model::CustomField ["id"],
    model::CustomFieldEntry ["id"],
    model::CustomValue ["id"],
    model::EmailMessage ["id"],
    model::FieldFolder ["id"],
    model::FieldOption ["key" "label"],
    model::InstalledLocation ["_id"],
    model::Interval ["from" "to"],
    model::Location ["id"],
    model::LostReason ["id"],
    model::Message ["id"],
    model::Note ["id"],
    model::NotificationTime [],
    model::ObjectField ["id"],
    model::ObjectFields [],
    model::Opportunity ["id"],
    model::OpportunityContact [],
    model::OpportunityField ["id"],
    model::Pipeline ["id"],
    model::PendingUpload ["uploadUrl" "uploadId" "filePath"],
    model::PipelineStage ["id"],
    model::RecordedMessage [],
    model::Recurrence [],
    model::RecurringTask ["id"],
    model::Schedule ["id"],
    model::ScheduleRule ["type"],
    model::Sentence ["transcript"],
    model::SentMessage [],
    model::Tag ["id"],
    model::Task ["id"],
    model::Template ["id"],
    model::UploadedFiles ["uploadedFiles"],
    model::User ["id"],
    model::UserRoles [],
    model::Workflow ["id"],
    contacts::BulkTagged [],
    contacts::Upserted ["new" "contact"],
    opportunities::UpsertedOpportunity ["new" "opportunity"],
];

static FIXTURE: LazyLock<Value> = LazyLock::new(|| fixture!("models"));

fn whole(model: &Model) -> Value {
    let value = FIXTURE[model.name].clone();
    assert!(value.is_object(), "the fixture lacks {}", model.name);
    value
}

/// The same without nulls, which models leave out, and with all numbers alike.
fn plain(value: &Value) -> Value {
    match value {
        Value::Object(fields) => fields
            .iter()
            .filter(|(_, value)| !value.is_null())
            .map(|(name, value)| (name.clone(), plain(value)))
            .collect(),
        Value::Array(items) => items.iter().map(plain).collect(),
        Value::Number(number) => json!(number.as_f64()),
        other => other.clone(),
    }
}

#[test]
fn every_model_knows_every_field_of_its_fixture() {
    for model in MODELS {
        let value = whole(model);
        assert_eq!((model.read)(&value).map(|read| plain(&read)), Ok(plain(&value)), "{}", model.name);
    }
    let mut named: Vec<_> = FIXTURE.as_object().unwrap().keys().map(String::as_str).collect();
    let mut tested: Vec<_> = MODELS.iter().map(|model| model.name).collect();
    named.sort_unstable();
    tested.sort_unstable();
    assert_eq!(named, tested);
}

/// The models that are declared in the sources, those of webhooks excepted: their fixtures are held against their kinds.
fn declared(folder: &Path, found: &mut BTreeSet<String>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() && !["api", "events"].iter().any(|other| path.ends_with(other)) {
            declared(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let text = fs::read_to_string(&path).unwrap();
            let name = |model: &str| Some(model.split_once("pub struct ")?.1.split_whitespace().next()?.to_owned());
            found.extend(text.split("sidecar_core::model! {").skip(1).filter_map(name));
        }
    }
}

#[test]
fn no_hand_written_model_is_left_out() {
    let mut found = BTreeSet::new();
    declared(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), &mut found);
    let tested: BTreeSet<_> = MODELS.iter().map(|model| model.name.to_owned()).collect();
    assert_eq!(found, tested, "left: declared, right: tested");
}

#[test]
fn a_model_can_do_without_all_but_its_required_fields_and_names_those() {
    for model in MODELS {
        let all = whole(model);
        for field in all.as_object().unwrap().keys() {
            for gone in [true, false] {
                let mut value = all.clone();
                let fields = value.as_object_mut().unwrap();
                if gone {
                    drop(fields.remove(field))
                } else {
                    drop(fields.insert(field.clone(), Value::Null))
                }
                match (model.read)(&value) {
                    Ok(_) => assert!(!model.required.contains(&field.as_str()), "{} does without {field}", model.name),
                    Err(why) => {
                        assert!(model.required.contains(&field.as_str()), "{} wants {field}: {why}", model.name);
                        assert!(why.contains(field.as_str()), "`{why}` does not name {field}");
                    }
                }
            }
        }
    }
}

/// A change of a value.
#[derive(Debug, Clone)]
enum Change {
    Remove,
    Put(Value),
    Add(String, Value),
}

fn changes() -> impl Strategy<Value = Change> {
    let nested = |depth: usize| (0..depth).fold(Value::Null, |inner, _| json!([inner]));
    let odd = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        // Eighths, which come back from text as they were.
        any::<i32>().prop_map(|n| json!(f64::from(n) / 8.0)),
        Just(json!(u64::MAX)),
        ".{0,40}".prop_map(Value::from),
        Just(json!("x".repeat(200_000))),
        Just(json!([])),
        Just(json!({})),
        Just(json!([{"a": null}, 7, "b"])),
        Just(nested(100)),
        Just((0..2_000).map(|n| (n.to_string(), json!(n))).collect::<Map<_, _>>().into()),
    ];
    prop_oneof![
        1 => Just(Change::Remove),
        4 => odd.clone().prop_map(Change::Put),
        1 => ("[a-zA-Z_$. \u{e4}]{1,12}", odd).prop_map(|(name, value)| Change::Add(name, value)),
    ]
}

/// Applies a change somewhere in the value: each step chooses a field or an element on the way down. Gives the name of the
/// field of the model's own that it touched.
fn apply(value: &mut Value, steps: &[usize], change: &Change) -> Option<String> {
    let Value::Object(fields) = value else { return None };
    let (&step, rest) = steps.split_first()?;
    let name = match change {
        Change::Add(name, _) if rest.is_empty() => name.clone(),
        _ => fields.keys().nth(step % fields.len().max(1))?.clone(),
    };
    match fields.get_mut(&name) {
        Some(inner @ (Value::Object(_) | Value::Array(_))) if !rest.is_empty() => drop(within(inner, rest, change)),
        _ => put(fields, &name, change),
    }
    Some(name)
}

fn within(value: &mut Value, steps: &[usize], change: &Change) -> Option<()> {
    let (&step, rest) = steps.split_first()?;
    match value {
        Value::Array(items) if !items.is_empty() => {
            let place = step % items.len();
            match (rest.is_empty(), change) {
                (false, _) => within(&mut items[place], rest, change)?,
                (true, Change::Remove) => drop(items.remove(place)),
                (true, Change::Put(new) | Change::Add(_, new)) => items[place] = new.clone(),
            }
        }
        other => drop(apply(other, steps, change)),
    }
    Some(())
}

fn put(fields: &mut Map<String, Value>, name: &str, change: &Change) {
    match change {
        Change::Remove => drop(fields.remove(name)),
        Change::Put(new) | Change::Add(_, new) => drop(fields.insert(name.to_owned(), new.clone())),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4_000))]

    #[test]
    fn a_changed_answer_is_read_without_loss_or_refused_by_the_fields_name(
        which in 0..MODELS.len(),
        mutations in prop::collection::vec((prop::collection::vec(0_usize..64, 1..5), changes()), 1..4),
    ) {
        let model = &MODELS[which];
        let mut value = whole(model);
        let touched: Vec<String> = mutations.iter().filter_map(|(steps, change)| apply(&mut value, steps, change)).collect();
        match (model.read)(&value) {
            Ok(read) => prop_assert_eq!(plain(&read), plain(&value), "{} lost something", model.name),
            Err(why) => prop_assert!(
                touched.iter().any(|field| why.contains(field.as_str())),
                "{}: `{}` names none of {:?}", model.name, why, touched
            ),
        }
    }

    #[test]
    fn whatever_comes_in_place_of_an_answer_never_panics(which in 0..MODELS.len(), body in ".{0,200}") {
        drop((MODELS[which].read)(&json!(body)));
        drop(serde_json::from_str::<model::Contact>(&body));
    }
}

#[test]
fn a_bulk_answer_is_read_in_either_spelling() {
    for spelling in ["succeded", "succeeded"] {
        let answer: BulkTagged = serde_json::from_value(json!({spelling: true, "errorCount": 0})).unwrap();
        assert_eq!((answer.error_count, answer.extra.len()), (Some(0), 1));
    }
}

/// What a request makes of an answer that lacks a field: the error's operation and whether it names the field.
async fn lacking<T: std::fmt::Debug, R>(request: impl FnOnce(GhlClient) -> R, answer: Value, field: &str) -> String
where
    R: IntoFuture<Output = ghl_client::Result<T>>,
{
    let (ghl, _) = answering(200, answer);
    let error = request(ghl).await.unwrap_err();
    assert_eq!((error.kind(), error.send_state()), (ErrorKind::Decode, SendState::Responded), "{error}");
    assert!(error.message().contains(&format!("`{field}`")), "{error}");
    error.operation().to_owned()
}

#[tokio::test]
async fn an_answer_that_lacks_what_is_needed_names_the_field_and_the_operation() {
    let row = || json!([{"name": "x"}]);
    let operations = [
        lacking(|ghl| ghl.opportunities().search("l1"), json!({"opportunities": row()}), "id").await,
        lacking(|ghl| ghl.opportunities().get("l1", "o1"), json!({"opportunity": {}}), "id").await,
        lacking(|ghl| ghl.opportunities().get("l1", "o1"), json!({"id": "o1"}), "opportunity").await,
        lacking(|ghl| ghl.contacts().tasks("l1", "c1").list(), json!({"tasks": row()}), "id").await,
        lacking(|ghl| ghl.locations().tags("l1").list(), json!({"traceId": "t"}), "tags").await,
        lacking(|ghl| ghl.conversations().search("l1"), json!({"conversations": row()}), "id").await,
        lacking(|ghl| ghl.users().search("co1"), json!({"users": row()}), "id").await,
        lacking(|ghl| ghl.businesses().create("l1", "x"), json!({"success": true}), "business").await,
        lacking(|ghl| ghl.companies().get("co1"), json!({"company": {"name": "x"}}), "id").await,
        lacking(|ghl| ghl.workflows().list("l1"), json!({"workflows": row()}), "id").await,
        lacking(|ghl| ghl.calendars().groups("l1").list(), json!({"groups": row()}), "id").await,
    ];
    assert_eq!(
        operations,
        [
            "opportunities.search",
            "opportunities.get",
            "opportunities.get",
            "contacts.tasks.list",
            "locations.tags.list",
            "conversations.search",
            "users.search",
            "businesses.create",
            "companies.get",
            "workflows.list",
            "calendars.groups.list",
        ]
    );
}
