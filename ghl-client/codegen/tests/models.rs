//! What the models of the plans hold, where two descriptions became one.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use ghl_codegen::{
    plan::Plan,
    plans,
    types::{Field, Model},
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
