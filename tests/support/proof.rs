//! The proof report: `target/proof/report.json`, one row for each requirement.

use std::{
    fmt::Display,
    fs,
    path::{Path, PathBuf},
};

use serde_json::{Value, json};

/// Records what a requirement asks, what the test reached and whether that is enough, and prints it. Each row is a file,
/// because tests run in separate processes; the report is rebuilt from all rows.
pub fn proof(id: &str, asked: impl Display, reached: impl Display, ok: bool) {
    println!("proof: {id}: asked {asked}; reached {reached}; {}", if ok { "ok" } else { "NOT REACHED" });
    let row = json!({"id": id, "asked": asked.to_string(), "reached": reached.to_string(), "ok": ok});
    let rows = target("proof/rows");
    fs::create_dir_all(&rows).unwrap();
    replace(&rows.join(format!("{}.json", id.replace([' ', '/', ':'], "-"))), &row);
    replace(&target("proof/report.json"), &json!({"rows": all(&rows)}));
}

/// Returns a path below the workspace's target folder.
pub(crate) fn target(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().join("target").join(path)
}

fn all(folder: &Path) -> Vec<Value> {
    let mut paths: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    let json = paths.iter().filter(|path| path.extension().is_some_and(|end| end == "json"));
    json.filter_map(|path| serde_json::from_slice(&fs::read(path).ok()?).ok()).collect()
}

/// Replaces a file atomically.
pub(crate) fn replace(path: &Path, value: &Value) {
    let temporary = path.with_extension(format!("{}.temporary", std::process::id()));
    fs::write(&temporary, format!("{value:#}\n")).unwrap();
    fs::rename(&temporary, path).unwrap();
}
