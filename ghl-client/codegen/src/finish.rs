//! The last decisions before a plan is written: which way each model goes, its name, and where a box is needed.

use std::collections::{BTreeMap, BTreeSet};

use crate::{
    names,
    plan::Plan,
    types::{ModelId, Type},
};

/// Which way a model goes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Ways {
    /// It is part of an answer.
    pub read: bool,
    /// It is part of a request.
    pub written: bool,
}

/// What the writer asks for.
#[derive(Debug, Default)]
pub struct Finished {
    /// The models that an operation reaches, in the order of their names.
    pub models: Vec<ModelId>,
    /// Which way each goes.
    pub ways: BTreeMap<ModelId, Ways>,
    /// Their names.
    pub names: BTreeMap<ModelId, String>,
    /// The enums: the name for the values and the field's name.
    pub enums: BTreeMap<(String, Vec<String>), String>,
    /// The names of those that stand beside the families.
    pub imported: BTreeSet<String>,
    /// Fields that need a box, by model and name.
    pub boxed: BTreeSet<(ModelId, String)>,
}

/// Decides.
pub fn finish(plan: &Plan) -> Finished {
    let mut finished = Finished::default();
    for method in &plan.methods {
        if let Some(id) = method.query {
            finished.walk(plan, &Type::Model(id), Ways { read: false, written: true });
        }
        if let Some(body) = &method.body {
            finished.walk(plan, body, Ways { read: false, written: true });
        }
        if let Some(answer) = &method.answer {
            finished.walk(plan, answer, Ways { read: true, written: false });
        }
    }
    finished.name_models(plan);
    finished.name_enums(plan);
    finished.find_boxes(plan);
    finished
}

/// Calls `each` with every model directly named by a type.
fn models_in(of: &Type, each: &mut dyn FnMut(ModelId)) {
    match of {
        Type::Model(id) => each(*id),
        Type::List(of) | Type::Map(of) | Type::Nullable(of) => models_in(of, each),
        Type::Either(first, second) => {
            models_in(first, each);
            models_in(second, each);
        }
        _ => {}
    }
}

/// Calls `each` with every enum in a type.
fn enums_in(of: &Type, each: &mut dyn FnMut(&[String], &str)) {
    match of {
        Type::Enum(values, name) => each(values, name),
        Type::List(of) | Type::Map(of) | Type::Nullable(of) => enums_in(of, each),
        Type::Either(first, second) => {
            enums_in(first, each);
            enums_in(second, each);
        }
        _ => {}
    }
}

impl Finished {
    fn walk(&mut self, plan: &Plan, of: &Type, ways: Ways) {
        let mut open = Vec::new();
        models_in(of, &mut |id| open.push(id));
        while let Some(id) = open.pop() {
            let id = plan.models.root(id);
            let known = self.ways.entry(id).or_default();
            let next = Ways { read: known.read || ways.read, written: known.written || ways.written };
            if std::mem::replace(known, next) == next {
                continue;
            }
            for field in &plan.models.get(id).fields {
                models_in(&field.of, &mut |id| open.push(id));
            }
        }
    }

    fn name_models(&mut self, plan: &Plan) {
        let mut taken = BTreeSet::new();
        for &id in self.ways.keys() {
            let mut wanted = plan.models.get(id).name.clone();
            if wanted == names::pascal(&plan.group) {
                wanted.push_str("Model");
            }
            self.names.insert(id, free(&mut taken, [wanted.clone()].into_iter(), &wanted));
        }
        self.models = self.ways.keys().copied().collect();
        self.models.sort_by_key(|id| self.names[id].clone());
    }

    /// An enum is called like the field it is met at; where several are, the model's name goes before it.
    fn name_enums(&mut self, plan: &Plan) {
        let mut found: Vec<((String, Vec<String>), String)> = Vec::new();
        let mut note = |of: &Type, context: &str| {
            enums_in(of, &mut |values, name| {
                found.push(((name.to_owned(), values.to_vec()), format!("{context}{name}")));
            });
        };
        for id in &self.models {
            plan.models.get(*id).fields.iter().for_each(|field| note(&field.of, &self.names[id]));
        }
        for method in &plan.methods {
            method.body.iter().chain(&method.answer).for_each(|of| note(of, &names::pascal(&method.name)));
        }
        let mut taken: BTreeSet<String> = self.names.values().cloned().collect();
        for (key, long) in found {
            let usable = (!names::is_reserved(&key.0)).then(|| key.0.clone());
            self.enums.entry(key).or_insert_with(|| free(&mut taken, usable.into_iter().chain([long.clone()]), &long));
        }
    }

    /// A model that holds itself without a list between needs a box.
    fn find_boxes(&mut self, plan: &Plan) {
        for &id in &self.models {
            for field in &plan.models.get(id).fields {
                let mut open = direct(plan, &field.of);
                let mut seen = BTreeSet::new();
                while let Some(next) = open.pop() {
                    if next == id {
                        self.boxed.insert((id, field.name.clone()));
                        break;
                    }
                    if seen.insert(next) {
                        open.extend(plan.models.get(next).fields.iter().flat_map(|field| direct(plan, &field.of)));
                    }
                }
            }
        }
    }
}

/// The models that a value of this type holds in itself.
fn direct(plan: &Plan, of: &Type) -> Vec<ModelId> {
    match of {
        Type::Model(id) => vec![plan.models.root(*id)],
        Type::Nullable(of) => direct(plan, of),
        Type::Either(first, second) => [direct(plan, first), direct(plan, second)].concat(),
        _ => Vec::new(),
    }
}

/// The first name that is free, else the last one with a number.
fn free(taken: &mut BTreeSet<String>, wanted: impl Iterator<Item = String>, last: &str) -> String {
    let numbered = (2..).map(|number| format!("{last}{number}"));
    let name = wanted.chain(numbered).find(|name| !taken.contains(name)).unwrap_or_default();
    taken.insert(name.clone());
    name
}
