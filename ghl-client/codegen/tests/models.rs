//! What the models of the plans hold, where two descriptions became one.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use ghl_codegen::{
    plan::Plan,
    plans,
    types::{Field, Model, Models, Type},
};

fn plan(group: &str) -> Plan {
    plans().unwrap().into_iter().find(|plan| plan.group == group).unwrap()
}

fn model<'a>(plan: &'a Plan, name: &str) -> &'a Model {
    plan.models.roots().map(|id| plan.models.get(id)).find(|model| model.name == name).unwrap()
}

fn field<'a>(model: &'a Model, name: &str) -> &'a Field {
    model.fields.iter().find(|field| field.name == name).unwrap()
}

#[test]
fn two_ids_of_one_object_are_two_fields() {
    for (group, name) in [("emails", "Schedule"), ("proposals", "TemplateListResponse")] {
        let plan = plan(group);
        let wire = |name_of_field| &field(model(&plan, name), name_of_field).wire[0];
        assert_eq!((wire("id"), wire("underscore_id")), (&vec!["id".to_owned()], &vec!["_id".to_owned()]), "{name}");
    }
}

#[test]
fn no_other_field_has_two_ids() {
    let mut found = Vec::new();
    for plan in plans().unwrap() {
        for model in plan.models.roots().map(|id| plan.models.get(id)) {
            let both =
                |names: &Vec<String>| names.iter().any(|name| name == "id") && names.iter().any(|name| name == "_id");
            if model.fields.iter().any(|field| field.wire.iter().any(both)) {
                found.push(format!("{} {}", plan.group, model.name));
            }
        }
    }
    assert_eq!(found, ["voice-ai AgentActionResponse"], "one object's `_id` may hide its `id`");
}

#[test]
fn a_mark_of_one_generation_stays_that_generations() {
    let plan = plan("phone-system");
    let pools = model(&plan, "GetNumberPoolListQuery");
    assert_eq!(field(pools, "location_id").required, [false, true]);
}

#[test]
fn a_mark_that_an_override_takes_away_is_kept_for_the_specifications_own_calls() {
    let plan = plan("opportunities");
    let followers = field(model(&plan, "UpsertOpportunity"), "followers");
    assert_eq!((followers.required, followers.waived), ([false; 2], [true; 2]));
}

#[test]
fn what_one_of_two_models_of_a_generation_lacks_is_not_required() {
    let field = |name: &str, required| Field {
        name: name.to_owned(),
        wire: [vec![name.to_owned()], Vec::new()],
        required: [required, false],
        waived: [false; 2],
        of: Type::Text,
        seen: None,
        limits: Vec::new(),
        shapes: [None, None],
    };
    let of = |generation: usize, fields| {
        let mut described = [false; 2];
        described[generation] = true;
        Model { name: "Sample".to_owned(), fields, described, ..Model::default() }
    };
    let mut models = Models::default();
    let one = models.add(of(0, vec![field("both", true), field("one", true)]));
    let other = models.add(of(0, vec![field("both", true), field("other", true)]));
    let newer = models.add(of(1, Vec::new()));
    let merged = models.merge(one, other);
    let merged = models.merge(merged, newer);
    let required: Vec<_> =
        models.get(merged).fields.iter().map(|field| (field.name.as_str(), field.required[0])).collect();
    assert_eq!(required, [("both", true), ("one", false), ("other", false)]);
}
