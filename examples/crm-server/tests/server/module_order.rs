//! The order of the server's modules, checked by their `use` lines.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

/// Every module, lowest first: a module may use itself and the modules before it. The entries before `app` are the ports that
/// `app` holds, which do not use `app`. The longest entry that is a prefix of a path is its module.
const ORDER: &[&str] = &[
    "failpoints",
    "config",
    "error",
    "http::problem",
    "http::webhook_limits",
    "tenancy::cache",
    "tenancy::connections",
    "tenancy::owners",
    "ops::rate_limits",
    "ops::metrics",
    "ops::health::cache",
    "sync::sources",
    "sync::schedule",
    "ghl::crash",
    "ghl::access",
    "calcom::settings",
    "calcom::access",
    "app",
    "http",
    "tenancy",
    "tasks",
    "ghl",
    "calcom",
    "busy_blocks",
    "booking_sync",
    "records",
    "sync",
    "workers",
    "ops",
    "openapi",
    "compose",
    "router",
    "server",
    "demo",
    "cli",
];

/// Returns the rank in [`ORDER`] of a path such as `ghl::access::GhlAccess`.
fn rank(path: &[String]) -> Option<usize> {
    let fits = |entry: &&&str| {
        let entry: Vec<_> = entry.split("::").collect();
        path.len() >= entry.len() && entry.iter().zip(path).all(|(entry, part)| entry == part)
    };
    let longest = ORDER.iter().filter(fits).max_by_key(|entry| entry.len())?;
    ORDER.iter().position(|entry| entry == longest)
}

/// Returns every path of the crate that the source of `module` uses, in `use` items and in its code.
fn used(module: &[String], source: &str) -> BTreeSet<Vec<String>> {
    let mut paths = BTreeSet::new();
    for (at, root) in ["crate::", "super::"].iter().flat_map(|root| source.match_indices(root)) {
        let is_word = source[..at].ends_with(|c: char| c.is_alphanumeric() || c == '_' || c == ':');
        let line = source[..at].rsplit('\n').next().unwrap_or_default();
        if is_word || line.trim_start().starts_with("//") {
            continue;
        }
        let mut start = match root {
            "crate::" => Vec::new(),
            _ if line.starts_with(' ') => continue, // Inside an inline module.
            _ => module[..module.len() - 1].to_vec(),
        };
        let mut rest = &source[at + root.len()..];
        while let Some(after) = rest.strip_prefix("super::") {
            start.pop();
            rest = after;
        }
        tree(&start, &mut rest, &mut paths);
    }
    paths
}

/// Parses one tree of a `use` item, or one path.
fn tree(start: &[String], rest: &mut &str, paths: &mut BTreeSet<Vec<String>>) {
    let mut path = start.to_vec();
    loop {
        let text = rest.trim_start();
        if let Some(inside) = text.strip_prefix('{') {
            *rest = inside;
            loop {
                *rest = rest.trim_start_matches(|c: char| c == ',' || c.is_whitespace());
                if let Some(after) = rest.strip_prefix('}') {
                    *rest = after;
                    return;
                }
                if rest.is_empty() {
                    return;
                }
                tree(&path, rest, paths);
            }
        }
        let end = text.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(text.len());
        let (name, after) = text.split_at(end);
        match after.strip_prefix("::") {
            Some(after) if !name.is_empty() => {
                path.push(name.to_owned());
                *rest = after;
            }
            _ => {
                if !name.is_empty() && name != "self" {
                    path.push(name.to_owned());
                }
                paths.insert(path);
                // `as` and a new name, or a glob.
                *rest = after.trim_start_matches(|c: char| !matches!(c, ',' | '}' | ';' | '\n'));
                return;
            }
        }
    }
}

/// Returns the uses of higher modules in one file.
fn upward(file: &str, source: &str) -> Vec<String> {
    let mut module: Vec<String> = file.trim_end_matches(".rs").split('/').map(str::to_owned).collect();
    module.retain(|part| part != "mod");
    if matches!(file, "lib.rs" | "main.rs") {
        return Vec::new();
    }
    let Some(own) = rank(&module) else { return vec![format!("{file}: add its module to ORDER")] };
    let uses = used(&module, source).into_iter();
    let higher = uses.filter(|path| rank(path).is_some_and(|rank| rank > own));
    higher.map(|path| format!("{file} uses {}", path.join("::"))).collect()
}

fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        match path.is_dir() {
            true => sources(&path, found),
            false if path.extension().is_some_and(|ext| ext == "rs") => found.push(path),
            false => {}
        }
    }
}

#[test]
fn a_module_uses_only_lower_modules() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = Vec::new();
    sources(&root, &mut files);
    assert!(files.len() > 100, "the sources were not found");
    let found = files.iter().flat_map(|path| {
        let file = path.strip_prefix(&root).unwrap().to_str().unwrap().replace('\\', "/");
        upward(&file, &fs::read_to_string(path).unwrap())
    });
    let found: Vec<_> = found.collect();
    assert!(found.is_empty(), "{}", found.join("\n"));
}

#[test]
fn a_planted_upward_use_is_found() {
    for (file, source) in [
        ("ghl/events.rs", "use crate::{app::App, sync::run};\n"),
        ("tenancy/mod.rs", "use crate::{\n    app::App,\n    booking_sync::{trigger as t},\n};\n"),
        ("config/mod.rs", "fn f() { crate::router::openapi(); }\n"),
        ("ghl/access.rs", "use super::tasks;\n"),
        ("tenancy/cache.rs", "use crate::app::App;\n"),
        ("elsewhere.rs", ""),
    ] {
        assert_eq!(upward(file, source).len(), 1, "{file}: {source}");
    }
    let valid =
        "//! See crate::router.\nuse super::{access, tasks};\nuse crate::{app::App, http::{ApiResult, Problem}};\n";
    assert_eq!(upward("ghl/events.rs", valid), Vec::<String>::new());
    assert_eq!(upward("calcom/access.rs", "use super::settings::{self, VersionedSettings};\n"), Vec::<String>::new());
}

/// Returns whether a source commits records past their triggers, which only `records` of the `App` attaches.
fn commits_past_triggers(source: &str) -> bool {
    let code: String = source.split_whitespace().collect();
    code.contains("store.commit(") || code.contains("store().commit(")
}

#[test]
fn records_are_committed_with_their_triggers() {
    let mut files = Vec::new();
    sources(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), &mut files);
    let past: Vec<_> = files.iter().filter(|path| commits_past_triggers(&fs::read_to_string(path).unwrap())).collect();
    assert!(past.is_empty(), "use `app.records.commit`: {past:?}");
    assert!(commits_past_triggers("app\n    .store\n    .commit(batch)"));
}
