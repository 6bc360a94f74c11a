//! The report of what was proved: `target/proof/report.json`, a row for each claim.

use std::{
    fmt::Display,
    fs,
    path::{Path, PathBuf},
};

use serde_json::{Value, json};

/// Writes down what was asked, what was reached and whether that is enough, and says so on a line. Tests run in
/// processes of their own, so each row is a file; the report is made of all of them anew.
pub fn proof(id: &str, asked: impl Display, reached: impl Display, ok: bool) {
    println!("proof: {id}: asked {asked}; reached {reached}; {}", if ok { "ok" } else { "NOT REACHED" });
    let row = json!({"id": id, "asked": asked.to_string(), "reached": reached.to_string(), "ok": ok});
    let rows = target("proof/rows");
    fs::create_dir_all(&rows).unwrap();
    replace(&rows.join(format!("{}.json", id.replace([' ', '/', ':'], "-"))), &row);
    replace(&target("proof/report.json"), &json!({"rows": all(&rows)}));
}

/// A path below the workspace's target folder.
pub(crate) fn target(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().join("target").join(path)
}

fn all(folder: &Path) -> Vec<Value> {
    let mut paths: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    let json = paths.iter().filter(|path| path.extension().is_some_and(|end| end == "json"));
    json.filter_map(|path| serde_json::from_slice(&fs::read(path).ok()?).ok()).collect()
}

/// Whole or not at all: a reader at the same time sees the old file or the new one.
pub(crate) fn replace(path: &Path, value: &Value) {
    let draft = path.with_extension(format!("{}.draft", std::process::id()));
    fs::write(&draft, format!("{value:#}\n")).unwrap();
    fs::rename(&draft, path).unwrap();
}
