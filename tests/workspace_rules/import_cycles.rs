//! The imports between the top-level modules of each library crate have no cycle.
//!
//! The graph comes from the `use` statements outside of tests. A name that `lib.rs` re-exports counts as an import of its
//! module.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use crate::sources::{SourceFile, code_only, hand_written_files};

const CRATES: [&str; 4] = ["sidecar-core", "sidecar-store", "ghl-client", "calcom-client"];

/// Imports that are part of a cycle: crate, importing module, imported module, reason.
const ALLOWED_IMPORTS: &[(&str, &str, &str, &str)] = &[
    ("sidecar-core", "model", "http", "a raw response is decoded as a model"),
    ("ghl-client", "client", "oauth", "the builder creates the credentials"),
    ("calcom-client", "client", "oauth", "the builder creates the credentials"),
];

/// The imports of each module, with the files that have them.
type Graph = BTreeMap<String, BTreeMap<String, BTreeSet<String>>>;

/// Returns the top-level module of a file below `src`; `None` for the crate root.
fn module_of(path: &str) -> Option<String> {
    let first = path.split('/').next()?.trim_end_matches(".rs");
    (first != "lib" && first != "main").then(|| first.to_owned())
}

fn is_test_file(path: &str) -> bool {
    path.split('/').any(|part| matches!(part.trim_end_matches(".rs"), "tests" | "test_util"))
}

/// Returns the `use` statements before the first test module.
fn use_statements(code: &str) -> Vec<String> {
    let code = code.split("#[cfg(test)]\nmod ").next().unwrap_or_default();
    let mut statements = Vec::new();
    for part in code.split(';') {
        let part = part.split_whitespace().collect::<Vec<_>>().join(" ");
        // The statement is at the end of the part, after a block or an attribute.
        if let Some(start) = part.rfind("use ")
            && (start == 0 || part[..start].ends_with([' ', ')', ']', '}']))
        {
            statements.push(part[start + "use ".len()..].to_owned());
        }
    }
    statements
}

/// Expands `a::{b, c::d}` to `a::b` and `a::c::d`.
fn expand(tree: &str) -> Vec<String> {
    let Some(open) = tree.find('{') else { return vec![tree.trim().to_owned()] };
    let prefix = tree[..open].trim();
    let inner = &tree[open + 1..tree.rfind('}').unwrap_or(tree.len())];
    let (mut depth, mut start, mut paths) = (0, 0, Vec::new());
    for (index, char) in inner.char_indices().chain([(inner.len(), ',')]) {
        match char {
            '{' => depth += 1,
            '}' => depth -= 1,
            ',' if depth == 0 => {
                paths.extend(expand(&inner[start..index]).into_iter().filter(|path| !path.is_empty()));
                start = index + 1;
            }
            _ => {}
        }
    }
    paths.into_iter().map(|path| format!("{prefix}{path}")).collect()
}

/// Returns the path from the crate root that a `use` in the file names; `None` for another crate.
fn path_from_root(file: &str, path: &str) -> Option<String> {
    if let Some(path) = path.strip_prefix("crate::") {
        return Some(path.to_owned());
    }
    let mut module: Vec<&str> = file.trim_end_matches(".rs").split('/').collect();
    if module.last().is_some_and(|last| matches!(*last, "mod" | "lib")) {
        module.pop();
    }
    let mut rest = path.strip_prefix("self::").or_else(|| path.starts_with("super::").then_some(path))?;
    while let Some(path) = rest.strip_prefix("super::") {
        module.pop();
        rest = path;
    }
    Some(module.into_iter().chain([rest]).collect::<Vec<_>>().join("::"))
}

/// Builds the graph from the files of a crate, given by their path below `src`.
fn graph<'a>(files: impl Iterator<Item = (&'a str, &'a str)> + Clone) -> Graph {
    let modules: BTreeSet<_> = files.clone().filter_map(|(path, _)| module_of(path)).collect();
    let mut re_exports = BTreeMap::new();
    for (_, text) in files.clone().filter(|(path, _)| *path == "lib.rs") {
        for path in use_statements(&code_only(text)).iter().flat_map(|tree| expand(tree)) {
            let (module, name) = (path.split("::").next(), path.rsplit([':', ' ']).next());
            if let (Some(module), Some(name)) = (module, name) {
                re_exports.insert(name.to_owned(), module.to_owned());
            }
        }
    }
    let mut graph = Graph::new();
    for (file, text) in files {
        let Some(importer) = module_of(file).filter(|_| !is_test_file(file)) else { continue };
        for path in use_statements(&code_only(text)).iter().flat_map(|tree| expand(tree)) {
            let Some(path) = path_from_root(file, &path) else { continue };
            let first = path.split([':', ' ']).next().unwrap_or_default();
            let imported = if modules.contains(first) { first } else { re_exports.get(first).map_or("", |m| m) };
            if modules.contains(imported) && imported != importer {
                let importers = graph.entry(importer.clone()).or_default();
                importers.entry(imported.to_owned()).or_default().insert(file.to_owned());
            }
        }
    }
    graph
}

/// Returns the shortest cycle through each module that is part of one.
fn cycles(graph: &Graph) -> BTreeSet<Vec<String>> {
    let shortest = |start: &String| {
        let mut queue = VecDeque::from([vec![start.clone()]]);
        let mut seen = BTreeSet::new();
        while let Some(path) = queue.pop_front() {
            for next in path.last().and_then(|last| graph.get(last)).into_iter().flat_map(BTreeMap::keys) {
                if next == start {
                    return Some(path);
                }
                if seen.insert(next.clone()) {
                    queue.push_back(path.iter().chain([next]).cloned().collect());
                }
            }
        }
        None
    };
    let found = graph.keys().filter_map(shortest);
    // The same cycle from each of its modules is one.
    found
        .map(|mut cycle| {
            let first = (0..cycle.len()).min_by_key(|index| &cycle[*index]).unwrap_or(0);
            cycle.rotate_left(first);
            cycle
        })
        .collect()
}

fn describe(graph: &Graph, cycle: &[String]) -> String {
    let next = cycle.iter().cycle().skip(1);
    let imports = cycle.iter().zip(next).map(|(importer, imported)| {
        let files: Vec<_> = graph[importer][imported].iter().map(String::as_str).collect();
        format!("{importer} imports {imported} ({})", files.join(", "))
    });
    imports.collect::<Vec<_>>().join("; ")
}

fn files_of<'a>(files: &'a [SourceFile], name: &str) -> Vec<(&'a str, &'a str)> {
    let prefix = format!("{name}/src/");
    files.iter().filter_map(|file| Some((file.path.strip_prefix(&prefix)?, &*file.text))).collect()
}

#[test]
fn modules_of_a_library_do_not_import_each_other_in_a_cycle() {
    let files = hand_written_files();
    let mut faults = Vec::new();
    for name in CRATES {
        let mut graph = graph(files_of(&files, name).into_iter());
        for (_, importer, imported, _) in ALLOWED_IMPORTS.iter().filter(|allowed| allowed.0 == name) {
            if graph.get_mut(*importer).and_then(|imports| imports.remove(*imported)).is_none() {
                faults.push(format!("{name}: {importer} does not import {imported} any more; remove it from the list"));
            }
        }
        faults.extend(cycles(&graph).iter().map(|cycle| format!("{name}: {}", describe(&graph, cycle))));
    }
    assert!(faults.is_empty(), "import cycles:\n{}", faults.join("\n"));
}

#[test]
fn a_planted_use_that_closes_a_cycle_is_reported() {
    let files = hand_written_files();
    let mut core = files_of(&files, "sidecar-core");
    core.push(("error/planted.rs", "//! Planted.\nuse crate::{\n    http::Body,\n    sync::{Engine, Mode},\n};\n"));
    let graph = graph(core.into_iter());
    let found: Vec<_> = cycles(&graph).iter().map(|cycle| describe(&graph, cycle)).collect();
    assert!(found.iter().any(|cycle| cycle.contains("error imports sync (error/planted.rs)")), "{found:?}");
}

#[test]
fn imports_are_found_through_super_and_re_exports_and_not_in_tests() {
    let files = [
        ("lib.rs", "mod a;\nmod b;\nmod c;\npub use a::{One, deep::Two as Second};\n"),
        ("a/mod.rs", "#[cfg(test)]\nmod tests {\n    use crate::c::Three;\n}\n"),
        ("b.rs", "use super::c::Three;\npub(crate) use std::fmt;\n"),
        ("c/inner.rs", "//! use crate::b::Text;\nuse crate::Second;\nfn f() {}\nuse super::super::b::{self, Four};\n"),
    ];
    let graph = graph(files.into_iter());
    let imports = |module: &str| graph.get(module).map(|imports| imports.keys().cloned().collect::<Vec<_>>());
    assert_eq!((imports("a"), imports("b")), (None, Some(vec!["c".to_owned()])));
    assert_eq!(imports("c"), Some(vec!["a".to_owned(), "b".to_owned()]));
    assert_eq!(cycles(&graph), BTreeSet::from([vec!["b".to_owned(), "c".to_owned()]]));
}
