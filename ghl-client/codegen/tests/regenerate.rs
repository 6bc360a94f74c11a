//! What is checked in is what the generator writes, byte for byte, and it covers what is published.

use std::collections::BTreeSet;

use ghl_codegen::{code_files, digest, digest_files, drift, home, plans, repository, spec, spec_folder, stale};

#[test]
fn the_code_is_what_the_digest_gives() {
    let wrong = stale(&repository(), &code_files(&plans().unwrap()).unwrap());
    assert!(wrong.is_empty(), "run `cargo run -p ghl-codegen -- generate`: {wrong:#?}");
}

#[test]
fn the_digest_is_what_the_specifications_give() {
    let Some(folder) = spec_folder() else {
        println!("not run: the specifications are not at hand (set GHL_SPEC_DIR)");
        return;
    };
    let groups = spec::read(&folder).unwrap();
    let changes = drift::drift(&digest::load(&home().join("digest")).unwrap(), &groups);
    assert!(changes.is_empty(), "the specifications have changed:\n{}", changes.join("\n"));
    let wrong = stale(&home().join("digest"), &digest_files(&groups));
    assert!(wrong.is_empty(), "run `cargo run -p ghl-codegen -- digest`: {wrong:#?}");
}

#[test]
fn every_published_operation_has_a_method() {
    let groups = digest::load(&home().join("digest")).unwrap();
    let published = |v3: bool| {
        let apis = groups.iter().flat_map(|group| group.apis().map(move |(newer, api)| (&group.name, newer, api)));
        let operations = apis
            .filter(|(_, newer, _)| *newer == v3)
            .flat_map(|(group, _, api)| api.operations.iter().map(move |facts| (group.clone(), facts.id.clone())));
        operations.collect::<Vec<_>>()
    };
    assert_eq!((published(false).len(), published(true).len()), (576, 627));
    let plans = plans().unwrap();
    for generation in [0, 1] {
        let methods = plans.iter().flat_map(|plan| plan.methods.iter().map(move |method| (plan, method)));
        let covered: BTreeSet<_> = methods
            .filter_map(|(plan, method)| Some((plan.group.clone(), method.facts[generation].as_ref()?.id.clone())))
            .collect();
        let missing: Vec<_> = published(generation == 1).into_iter().filter(|one| !covered.contains(one)).collect();
        assert!(missing.is_empty(), "{missing:?}");
    }
    assert_eq!(plans.iter().map(|plan| plan.methods.len()).sum::<usize>(), 659, "one method for both generations");
}

#[test]
fn every_group_has_its_feature() {
    let manifest = std::fs::read_to_string(home().join("../Cargo.toml")).unwrap();
    for plan in plans().unwrap() {
        let feature = format!("\n{} = [\"api\"]\n", plan.group);
        assert!(manifest.contains(&feature), "ghl-client has no feature {}", plan.group);
    }
}
