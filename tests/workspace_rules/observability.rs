//! The tables of `docs/operations/observability.md` name exactly the spans, metrics, log messages and problem codes of the sources.

use std::collections::{BTreeMap, BTreeSet};

use crate::{
    root,
    sources::{code_only, hand_written_files},
};

const PAGE: &str = "docs/operations/observability.md";
const FOLDERS: [&str; 5] =
    ["sidecar-core/src/", "sidecar-store/src/", "ghl-client/src/", "calcom-client/src/", "examples/crm-server/src/"];

/// Returns the sources of the libraries and the server, without their unit tests, in ASCII: code and literals then have the same
/// offsets after [`code_only`].
fn sources() -> Vec<String> {
    let files =
        hand_written_files().into_iter().filter(|file| FOLDERS.iter().any(|folder| file.path.starts_with(folder)));
    files
        .map(|file| {
            let code = file
                .text
                .split(
                    "#[cfg(test)]
mod ",
                )
                .next()
                .unwrap_or_default();
            code.replace(|char: char| !char.is_ascii(), "?")
        })
        .collect()
}

/// Returns the arguments of each call of `function` (`warn!`, `Problem::new`) that begins in code.
fn calls<'a>(text: &'a str, function: &str) -> Vec<&'a str> {
    let code = code_only(text);
    let call = format!("{function}(");
    let starts = code.match_indices(&call).map(|(at, found)| at + found.len());
    let end = |start: usize| {
        let mut depth = 1;
        let closes = |char| {
            depth += match char {
                '(' | '[' | '{' => 1,
                ')' | ']' | '}' => -1,
                _ => 0,
            };
            depth == 0
        };
        start + code[start..].find(closes).expect("the call ends")
    };
    starts.map(|start| &text[start..end(start)]).collect()
}

/// Returns the string literals of some code, as written.
fn literals(code: &str) -> Vec<String> {
    code.split('"').skip(1).step_by(2).map(str::to_owned).collect()
}

/// Returns the rows of the table whose header begins with `| {first} |`; cells without their backticks.
fn table(page: &str, first: &str) -> Vec<Vec<String>> {
    let header = format!("| {first} |");
    let lines = page.lines().skip_while(|line| !line.starts_with(&header)).skip(2);
    let rows = lines.take_while(|line| line.starts_with('|'));
    let cells =
        |row: &str| row.trim_matches('|').split(" | ").map(|cell| cell.trim().trim_matches('`').to_owned()).collect();
    rows.map(cells).collect()
}

fn page() -> String {
    std::fs::read_to_string(root().join(PAGE)).unwrap()
}

/// Compares what the page names with what the sources contain.
fn assert_same<T: Ord + std::fmt::Debug>(what: &str, page: &BTreeSet<T>, sources: &BTreeSet<T>) {
    let missing: Vec<_> = sources.difference(page).collect();
    let stale: Vec<_> = page.difference(sources).collect();
    assert!(!sources.is_empty(), "no {what} found in the sources");
    assert!(
        missing.is_empty() && stale.is_empty(),
        "{PAGE}: missing {what}: {missing:#?}\nnot in the sources: {stale:#?}"
    );
}

#[test]
fn the_observability_page_lists_every_span_with_its_fields() {
    let mut found = BTreeMap::<String, BTreeSet<String>>::new();
    for text in sources() {
        for arguments in ["info_span!", "debug_span!"].iter().flat_map(|span| calls(&text, span)) {
            let name = literals(arguments).swap_remove(0);
            let fields =
                arguments.lines().filter_map(|line| line.trim().split_once(" = ")).map(|(field, _)| field.to_owned());
            found.entry(name).or_default().extend(fields);
        }
    }
    let fields = |cell: &str| cell.split(", ").map(|field| field.trim_matches('`').to_owned()).collect();
    let listed = table(&page(), "span").into_iter().map(|row| (row[0].clone(), fields(&row[2]))).collect();
    assert_same("spans", &listed, &found.into_iter().collect());
}

#[test]
fn the_observability_page_lists_every_metric() {
    let names = |text: String| literals(&text).into_iter().filter(|literal| literal.starts_with("sidecar_"));
    let is_metric = |name: &String| {
        let known = ["_total", "_seconds", "_pending", "_dead", "_waiting", "_degraded"];
        name.chars().all(|char| char.is_ascii_lowercase() || char == '_') && known.iter().any(|end| name.ends_with(end))
    };
    let found = sources().into_iter().flat_map(names).filter(is_metric).collect();
    let listed = table(&page(), "metric").into_iter().map(|mut row| row.swap_remove(0)).collect();
    assert_same("metrics", &listed, &found);
}

#[test]
fn the_observability_page_lists_every_warning_and_error() {
    let mut found = BTreeSet::new();
    for text in sources() {
        for (level, function) in [("error", "tracing::error!"), ("warning", "tracing::warn!")] {
            for arguments in calls(&text, function) {
                let message = literals(arguments).pop().unwrap_or_default();
                found.insert((level.to_owned(), message));
            }
        }
    }
    let listed = table(&page(), "level").into_iter().map(|row| (row[0].clone(), row[1].clone())).collect();
    assert_same("log messages", &listed, &found);
}

#[test]
fn the_observability_page_lists_every_problem_code() {
    let found = sources()
        .iter()
        .flat_map(|text| {
            let server = text.contains("Problem");
            let calls = calls(text, "Problem::new").into_iter().chain(calls(text, "Self::new")).filter(move |_| server);
            let calls = calls.filter(|arguments| arguments.contains("StatusCode::") || arguments.contains("_STATUS"));
            calls.filter_map(|arguments| literals(arguments).into_iter().next()).collect::<Vec<_>>()
        })
        .collect();
    let listed = table(&page(), "code").into_iter().map(|mut row| row.swap_remove(0)).collect();
    assert_same("problem codes", &listed, &found);
}

#[test]
fn the_page_is_compared_with_whole_calls() {
    let text = "let a = \"warn!(\"; // warn!(\nwarn!(%error, a = f(1), \"one ) two\"); warn!(\"three\")";
    assert_eq!(calls(text, "warn!"), ["%error, a = f(1), \"one ) two\"", "\"three\""]);
    assert_eq!(literals("a, \"b c\", \"d\""), ["b c", "d"]);
    let page = "| span | when |\n|---|---|\n| `x` | y |\n\n| `z` | y |";
    assert_eq!(table(page, "span"), [["x", "y"]]);
}
