//! Long enums stand in the generated code once.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::{BTreeMap, BTreeSet};

use ghl_codegen::{code_files, plans, shared::share};

/// The enums of a file: name and values.
fn enums(content: &str) -> Vec<(String, BTreeSet<&str>)> {
    let blocks = content.split("values! { ").skip(1).map(|rest| rest.split("\n} }").next().unwrap());
    let value = |line: &str| Some(line.len()).zip(line.find(" = ")).map(|(end, start)| (start + 3, end - 1));
    blocks
        .map(|block| {
            let mut lines = block.lines();
            let name = lines.next().unwrap().trim_end_matches(" {").to_owned();
            (name, lines.filter_map(|line| value(line).map(|(start, end)| &line[start..end])).collect())
        })
        .collect()
}

#[test]
fn no_long_enum_is_written_twice() {
    let files = code_files(&plans().unwrap()).unwrap();
    let mut found: BTreeMap<BTreeSet<&str>, Vec<String>> = BTreeMap::new();
    for (file, content) in files.iter().filter(|(file, _)| file.contains("src/api/")) {
        for (name, values) in enums(content).into_iter().filter(|(_, values)| values.len() >= 5) {
            found.entry(values).or_default().push(format!("{file} {name}"));
        }
    }
    assert!(found.len() > 50, "{}", found.len());
    let twice: Vec<_> = found.values().filter(|places| places.len() > 1).collect();
    assert!(twice.is_empty(), "{twice:#?}");
}

#[test]
fn an_enum_of_several_families_is_reached_from_each() {
    let files: BTreeMap<_, _> = code_files(&plans().unwrap()).unwrap().into_iter().collect();
    let country =
        "#[cfg(any(feature = \"invoices\", feature = \"locations\", feature = \"store\"))]\nvalues! { Country {\n";
    assert!(files["ghl-client/src/api/shared.rs"].contains(country));
    assert!(files["ghl-client/src/api/locations.rs"].contains("\npub use super::shared::{Country};\n"));
    assert!(files["ghl-client/src/api/locations.rs"].contains("country: Country = \"country\""));
}

#[test]
fn a_name_that_a_family_has_already_is_refused() {
    let mut plans = plans().unwrap();
    let store = plans.iter_mut().find(|plan| plan.group == "store").unwrap();
    store.enum_names.insert("State".to_owned(), "AltType".to_owned());
    assert_eq!(share(&plans).unwrap_err(), "store: AltType is taken, give the shared enum another name");
}

#[test]
fn a_name_for_an_enum_that_is_not_shared_is_refused() {
    let mut plans = plans().unwrap();
    plans[0].enum_names.insert("Gone".to_owned(), "Here".to_owned());
    assert!(share(&plans).unwrap_err().ends_with("overrides of enums name a shared one"));
}
