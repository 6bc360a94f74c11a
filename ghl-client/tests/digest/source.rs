//! The hand-written operations and setters, as the source declares them.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

/// Those that are no `Operation`: the app's own calls.
const OF_THE_APP: [&str; 3] = ["oauth.exchange_code", "oauth.refresh", "oauth.location_token"];

/// A file with operations.
#[derive(Debug)]
pub(crate) struct File {
    pub(crate) path: String,
    /// The names of its operations.
    pub(crate) operations: BTreeSet<String>,
    /// The wire names that its setters set.
    pub(crate) setters: BTreeSet<String>,
}

pub(crate) fn files() -> Vec<File> {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut paths = Vec::new();
    walk(&source, &mut paths);
    let files: Vec<File> = paths.iter().filter(|path| !path.starts_with(source.join("api"))).map(read).collect();
    let app = File {
        path: "oauth/client.rs".to_owned(),
        operations: OF_THE_APP.map(str::to_owned).into(),
        setters: BTreeSet::new(),
    };
    files.into_iter().filter(|file| !file.operations.is_empty()).chain([app]).collect()
}

fn walk(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            walk(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
}

fn read(path: &PathBuf) -> File {
    let text = fs::read_to_string(path).unwrap();
    let first_text = |code: &str| code.split('"').nth(1).unwrap().to_owned();
    let operations = text.split("Operation::new(").skip(1).map(first_text).collect();
    let blocks = text.split("setters! {").skip(1).map(|block| block.split("\n}}").next().unwrap());
    let declares = |line: &&str| line.trim_start().starts_with('"') && line.contains("\" ");
    let setters = blocks.flat_map(|block| block.lines().filter(declares).map(first_text).collect::<Vec<_>>()).collect();
    File { path: path.display().to_string(), operations, setters }
}
