//! Rules of the workspace, checked on `cargo metadata` and the sources.
//!
//! `main`: dependencies, licences, layout. `import_cycles`, `conventions` and `observability` read the files that `sources` lists. Invariant: every
//! exception is in an allow list with its reason.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod conventions;
mod import_cycles;
mod observability;
mod sources;

use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
    process::Command,
    sync::LazyLock,
};

use serde_json::Value;

static METADATA: LazyLock<Value> = LazyLock::new(|| {
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--format-version", "1", "--locked", "--all-features"])
        .current_dir(root())
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
});

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

fn packages() -> &'static [Value] {
    METADATA["packages"].as_array().unwrap()
}

fn text<'a>(value: &'a Value, field: &str) -> &'a str {
    value[field].as_str().unwrap_or_default()
}

fn member(name: &str) -> &'static Value {
    let found = packages().iter().find(|package| text(package, "name") == name && package["source"].is_null());
    found.unwrap_or_else(|| panic!("the workspace has no package {name}"))
}

/// Returns the direct dependencies of a member; `kind` is "" for normal ones, or `dev`.
fn dependencies(name: &str, kind: &str) -> BTreeSet<&'static str> {
    let all = member(name)["dependencies"].as_array().unwrap();
    all.iter().filter(|d| text(d, "kind") == kind).map(|d| text(d, "name")).collect()
}

#[test]
fn libraries_depend_on_each_other_in_one_direction() {
    let members = ["sidecar-core", "sidecar-store", "ghl-client", "calcom-client", "crm-server", "provider-sandbox"];
    let allowed = [
        ("sidecar-core", &[][..]),
        ("sidecar-store", &["sidecar-core"]),
        ("ghl-client", &["sidecar-core"]),
        ("calcom-client", &["sidecar-core"]),
        ("provider-sandbox", &[]),
    ];
    for (name, allowed) in allowed {
        let used: Vec<_> = dependencies(name, "").into_iter().filter(|d| members.contains(d)).collect();
        assert!(used.iter().all(|d| allowed.contains(d)), "{name} depends on {used:?}; allowed: {allowed:?}");
    }
}

#[test]
fn required_packages_are_direct_dependencies() {
    let core = dependencies("sidecar-core", "");
    let required = ["reqwest", "serde", "thiserror", "async-trait", "tokio", "governor", "hmac", "sha2", "secrecy"];
    let missing: Vec<_> = required.into_iter().filter(|name| !core.contains(name)).collect();
    assert!(missing.is_empty(), "sidecar-core lacks {missing:?}");
    assert!(dependencies("sidecar-store", "").contains("sqlx"));
    assert!(dependencies("ghl-client", "dev").contains("wiremock"));
}

#[test]
fn the_top_level_has_exactly_the_expected_files() {
    let expected = [
        "CHANGELOG.md",
        "Cargo.lock",
        "Cargo.toml",
        "LICENSE-APACHE",
        "LICENSE-MIT",
        "README.md",
        "calcom-client",
        "docs",
        "examples",
        "ghl-client",
        "sidecar-core",
        "sidecar-store",
        "tests",
    ];
    let output = Command::new("git").args(["ls-files"]).current_dir(root()).output().unwrap();
    let tracked = String::from_utf8(output.stdout).unwrap();
    let visible: BTreeSet<_> =
        tracked.lines().filter_map(|path| path.split('/').next()).filter(|name| !name.starts_with('.')).collect();
    assert_eq!(visible, expected.into());
}

#[test]
fn every_licence_is_allowed() {
    let allowed = [
        "MIT",
        "Apache-2.0",
        "Apache-2.0 WITH LLVM-exception",
        "BSD-2-Clause",
        "BSD-3-Clause",
        "BSL-1.0",
        "CC0-1.0",
        "CDLA-Permissive-2.0",
        "ISC",
        "MIT-0",
        "MPL-2.0",
        "Unicode-3.0",
        "Unlicense",
        "Zlib",
        "0BSD",
    ];
    let rejected: Vec<_> = packages()
        .iter()
        .filter(|package| {
            let licence = text(package, "license").replace('/', " OR ");
            let is_allowed = |any: &str| {
                any.split(" OR ")
                    .any(|one| one.split(" AND ").all(|l| allowed.contains(&l.trim_matches(['(', ')', ' ']))))
            };
            !is_allowed(&licence)
        })
        .map(|package| format!("{} ({})", text(package, "name"), text(package, "license")))
        .collect();
    assert!(rejected.is_empty(), "licences that are not allowed: {rejected:?}");
}

#[test]
fn no_banned_crate_is_compiled() {
    let banned = [
        ("openssl-sys", "one TLS stack: rustls on ring"),
        ("native-tls", "one TLS stack: rustls on ring"),
        ("aws-lc-sys", "one TLS stack: rustls on ring"),
        ("sqlx-macros", "it compiles both drivers twice"),
        ("rsa", "RUSTSEC-2023-0071 has no fix; ring verifies"),
    ];
    let resolved: BTreeSet<_> = packages().iter().map(|package| text(package, "name")).collect();
    let found: Vec<_> = banned.into_iter().filter(|(name, _)| resolved.contains(name)).collect();
    // `cargo metadata` also lists optional packages that no feature enables; `cargo tree` has the compiled ones.
    for (name, why) in found {
        let output = Command::new(env!("CARGO"))
            .args(["tree", "--locked", "--workspace", "--all-features", "--invert", name])
            .current_dir(root())
            .output()
            .unwrap();
        let users = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(users.trim().is_empty() || !output.status.success(), "{name} is banned ({why}):\n{users}");
    }
}

#[test]
fn central_crates_have_one_version() {
    let mut versions: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for package in packages() {
        versions.entry(text(package, "name")).or_default().insert(text(package, "version"));
    }
    for name in ["reqwest", "hyper", "http", "rustls", "sqlx-core", "hmac", "ed25519-dalek", "axum", "tokio", "ring"] {
        let found = versions.get(name).cloned().unwrap_or_default();
        assert!(found.len() <= 1, "{name} has the versions {found:?}");
    }
}

#[test]
fn every_member_uses_the_versions_and_lints_of_the_workspace() {
    for package in packages().iter().filter(|package| package["source"].is_null()) {
        let manifest = std::fs::read_to_string(text(package, "manifest_path")).unwrap();
        let name = text(package, "name");
        assert!(manifest.contains("[lints]\nworkspace = true"), "{name} does not use the lints of the workspace");
        assert!(
            manifest.contains("rust-version.workspace = true"),
            "{name} does not use the rust-version of the workspace"
        );
        let own: Vec<_> = manifest.lines().filter(|line| line.contains("version = \"")).collect();
        assert!(own.is_empty(), "{name} sets versions: {own:?}");
    }
}

#[test]
fn no_documentation_example_is_ignored() {
    let output = Command::new("git")
        .args(["grep", "-nE", "```(rust,)?ignore", "--", "*.rs", "*.md"])
        .current_dir(root())
        .output();
    let found = String::from_utf8(output.unwrap().stdout).unwrap();
    let found: Vec<_> = found.lines().filter(|line| !line.starts_with("tests/workspace_rules/")).collect();
    assert!(found.is_empty(), "{found:?}");
}
