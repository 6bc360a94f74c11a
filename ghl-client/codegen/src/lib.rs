//! Writes the generated layer of `ghl-client`: specifications → digest → overrides → code.
//!
//! The digest holds facts only and is checked in, so that the code can be made again without the specifications.
//! Invariant: each step is a pure function of its input; the same input gives the same bytes.

pub mod digest;
pub mod json;
pub mod shape;
pub mod spec;

use std::path::{Path, PathBuf};

/// This package's folder.
pub fn home() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).to_owned()
}

/// The files of a digest: name and content.
pub fn digest_files(groups: &[digest::Group]) -> Vec<(String, String)> {
    groups.iter().map(|group| (format!("{}.json", group.name), group.to_json().pretty())).collect()
}

/// Where the specifications are: `GHL_SPEC_DIR`, if it is set.
pub fn spec_folder() -> Option<PathBuf> {
    std::env::var_os("GHL_SPEC_DIR").map(PathBuf::from)
}
