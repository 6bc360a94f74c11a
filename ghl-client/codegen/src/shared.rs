//! Long enums with the same values are one: within a family under one name, and beside the families (`src/api/shared.rs`) where
//! several have it.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write as _,
};

use crate::{
    emit::mark,
    finish::{Finished, finish},
    names,
    plan::Plan,
};

/// From how many values on an enum is shared. Shorter ones say more by the name of their field than they cost.
const LONG: usize = 5;

/// What is written of all families.
#[derive(Debug, Default)]
pub struct Shared {
    /// The decisions for each plan, in their order.
    pub finished: Vec<Finished>,
    /// The enums of several families by name.
    pub enums: BTreeMap<String, SharedEnum>,
}

/// An enum of several families.
#[derive(Debug)]
pub struct SharedEnum {
    /// Its values.
    pub values: Vec<String>,
    /// The families that have it.
    pub groups: BTreeSet<String>,
}

/// Where an enum is met: the plan's place, and what it is called for.
type Place = (usize, (String, Vec<String>));

/// Decides for all plans.
///
/// # Errors
/// When a name is taken in a family, or an override names an enum that is not shared.
pub fn share(plans: &[Plan]) -> Result<Shared, String> {
    let mut shared = Shared { finished: plans.iter().map(finish).collect(), enums: BTreeMap::new() };
    let mut alike: BTreeMap<Vec<String>, Vec<Place>> = BTreeMap::new();
    for (plan, finished) in shared.finished.iter().enumerate() {
        for key in finished.enums.keys().filter(|(_, values)| values.len() >= LONG) {
            let mut values = key.1.clone();
            values.sort();
            alike.entry(values).or_default().push((plan, key.clone()));
        }
    }
    let mut given = 0;
    for places in alike.into_values().filter(|places| places.len() > 1) {
        let (name, is_given) = name(plans, &shared.finished, &places);
        given += usize::from(is_given);
        shared.join(plans, &places, &name)?;
    }
    let wanted: usize = plans.iter().map(|plan| plan.enum_names.len()).sum();
    if given == wanted { Ok(shared) } else { Err(format!("{given} of {wanted} overrides of enums name a shared one")) }
}

/// The name that an override gives to one of several enums, else the shortest that one has by itself.
fn name(plans: &[Plan], finished: &[Finished], places: &[Place]) -> (String, bool) {
    let own = || places.iter().map(|(plan, key)| (*plan, &finished[*plan].enums[key]));
    match own().find_map(|(plan, name)| plans[plan].enum_names.get(name)) {
        Some(name) => (name.clone(), true),
        None => (
            own().map(|(_, name)| name.clone()).min_by_key(|name| (name.len(), name.clone())).unwrap_or_default(),
            false,
        ),
    }
}

impl Shared {
    /// Makes enums one.
    fn join(&mut self, plans: &[Plan], places: &[Place], name: &str) -> Result<(), String> {
        let groups: BTreeSet<String> = places.iter().map(|(plan, _)| plans[*plan].group.clone()).collect();
        for (plan, key) in places {
            self.finished[*plan].enums.insert(key.clone(), name.to_owned());
        }
        for &plan in &places.iter().map(|(plan, _)| *plan).collect::<BTreeSet<_>>() {
            let finished = &mut self.finished[plan];
            let mine: Vec<_> = places.iter().filter(|(of, _)| *of == plan).map(|(_, key)| key).collect();
            let taken = |known: &String| known == name;
            let other = finished.enums.iter().any(|(key, known)| !mine.contains(&key) && taken(known));
            if other || finished.names.values().any(taken) {
                return Err(format!("{}: {name} is taken, give the shared enum another name", plans[plan].group));
            }
            if groups.len() > 1 {
                finished.imported.insert(name.to_owned());
            }
        }
        if groups.len() > 1 {
            let values = places.first().map(|(_, (_, values))| values.clone()).unwrap_or_default();
            if self.enums.insert(name.to_owned(), SharedEnum { values, groups }).is_some() {
                return Err(format!("two shared enums are called {name}, give one another name"));
            }
        }
        Ok(())
    }
}

/// The file of what several families have: `src/api/shared.rs`.
pub fn file(shared: &Shared) -> String {
    let mut out = mark("codegen/digest");
    out.push_str(SHARED_HEAD);
    for (name, of) in &shared.enums {
        let features: Vec<String> = of.groups.iter().map(|group| format!("feature = \"{group}\"")).collect();
        let _ = writeln!(out, "#[cfg(any({}))]", features.join(", "));
        an_enum(name, &of.values, &mut out);
    }
    out
}

const SHARED_HEAD: &str = "//! Long enums that several families have, each once.
#![allow(unused_imports, reason = \"a family may be left out\")]

use super::model::values;

";

/// Writes an enum.
pub fn an_enum(name: &str, values: &[String], out: &mut String) {
    let _ = writeln!(out, "values! {{ {name} {{");
    let mut taken = BTreeSet::new();
    for value in values {
        let mut variant = names::variant(value);
        while !taken.insert(variant.clone()) {
            variant.push('_');
        }
        let _ = writeln!(out, "    {} = {value:?},", variant.replace('_', "Again"));
    }
    out.push_str("} }\n\n");
}
