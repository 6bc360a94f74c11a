//! Writes the generated layer of `ghl-client`: specifications → digest → overrides → code.
//!
//! The digest holds facts only and is checked in, so that the code can be made again without the specifications.
//! Invariant: each step is a pure function of its input; the same input gives the same bytes.

pub mod calls;
pub mod digest;
pub mod drift;
pub mod emit;
pub mod finish;
pub mod json;
pub mod names;
pub mod overrides;
pub mod plan;
pub mod responses;
pub mod shape;
pub mod shared;
pub mod spec;
pub mod types;

use std::{
    fs,
    path::{Path, PathBuf},
};

use crate::{json::Json, plan::Plan};

/// This package's folder.
pub fn home() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).to_owned()
}

/// The repository's folder.
pub fn repository() -> PathBuf {
    home().join("../..")
}

/// The files of a digest: name and content.
pub fn digest_files(groups: &[digest::Group]) -> Vec<(String, String)> {
    groups.iter().map(|group| (format!("{}.json", group.name), group.to_json().pretty())).collect()
}

/// Where the specifications are: `GHL_SPEC_DIR`, if it is set.
pub fn spec_folder() -> Option<PathBuf> {
    std::env::var_os("GHL_SPEC_DIR").map(PathBuf::from)
}

/// The files that are not as they should be under a folder, each with what is wrong.
pub fn stale(folder: &Path, files: &[(String, String)]) -> Vec<String> {
    let wrong = |(name, content): &(String, String)| match fs::read_to_string(folder.join(name)) {
        Ok(found) if found == *content => None,
        Ok(found) => {
            let line = found.lines().zip(content.lines()).take_while(|(found, wanted)| found == wanted).count() + 1;
            Some(format!("{name} differs from line {line} on"))
        }
        Err(error) => Some(format!("{name}: {error}")),
    };
    files.iter().filter_map(wrong).collect()
}

/// The plans of all groups, from the checked-in digest and overrides.
///
/// # Errors
/// When a file cannot be read, or an override corrects something that is not there.
pub fn plans() -> Result<Vec<Plan>, String> {
    let mut groups = digest::load(&home().join("digest"))?;
    let path = home().join("overrides.json");
    let text = fs::read_to_string(&path).map_err(|error| format!("{}: {error}", path.display()))?;
    let overrides = Json::parse(&text).map_err(|error| format!("{}: {error}", path.display()))?;
    let words = overrides::apply(&mut groups, &overrides)?;
    groups.iter().map(|group| plan::plan(group, &words)).collect()
}

/// The generated files, relative to the repository: name and content.
///
/// # Errors
/// When a value cannot be made up, or a shared enum has no name of its own.
pub fn code_files(plans: &[Plan]) -> Result<Vec<(String, String)>, String> {
    let shared = shared::share(plans)?;
    let mut files = vec![
        ("ghl-client/src/api/mod.rs".to_owned(), emit::contents(plans)),
        ("ghl-client/src/api/shared.rs".to_owned(), shared::file(&shared)),
        ("ghl-client/tests/responses/models.rs".to_owned(), responses::responses(plans)),
        ("tests/contract/calls/mod.rs".to_owned(), calls::contents(plans)),
    ];
    for (plan, finished) in plans.iter().zip(&shared.finished) {
        let module = emit::module(&plan.group);
        files.push((format!("ghl-client/src/api/{module}.rs"), emit::group(plan, finished)));
        files.push((format!("tests/contract/calls/{module}.rs"), calls::group(plan, finished)?));
    }
    Ok(files)
}
