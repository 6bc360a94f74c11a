//! The house's own rules, read off `cargo metadata` and the folder itself.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

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
    found.unwrap_or_else(|| panic!("no package {name} in the workspace"))
}

/// The direct dependencies of a member; `kind` is "" for ordinary ones, or `dev`.
fn dependencies(name: &str, kind: &str) -> BTreeSet<&'static str> {
    let all = member(name)["dependencies"].as_array().unwrap();
    all.iter().filter(|d| text(d, "kind") == kind).map(|d| text(d, "name")).collect()
}

#[test]
fn the_libraries_depend_in_one_direction() {
    let ours = ["sidecar-core", "sidecar-store", "ghl-client", "calcom-client", "crm-server", "provider-sandbox"];
    let allowed = [
        ("sidecar-core", &[][..]),
        ("sidecar-store", &["sidecar-core"]),
        ("ghl-client", &["sidecar-core"]),
        ("calcom-client", &["sidecar-core"]),
        ("provider-sandbox", &[]),
    ];
    for (name, allowed) in allowed {
        let used: Vec<_> = dependencies(name, "").into_iter().filter(|d| ours.contains(d)).collect();
        assert!(used.iter().all(|d| allowed.contains(d)), "{name} depends on {used:?}; allowed: {allowed:?}");
    }
}

#[test]
fn the_packages_of_the_requirements_are_direct_dependencies_where_they_belong() {
    let core = dependencies("sidecar-core", "");
    let wanted = ["reqwest", "serde", "thiserror", "async-trait", "tokio", "governor", "hmac", "sha2", "secrecy"];
    let missing: Vec<_> = wanted.into_iter().filter(|name| !core.contains(name)).collect();
    assert!(missing.is_empty(), "sidecar-core lacks {missing:?}");
    assert!(dependencies("sidecar-store", "").contains("sqlx"));
    assert!(dependencies("ghl-client", "dev").contains("wiremock"));
}

#[test]
fn the_top_level_holds_what_the_house_says() {
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
fn every_licence_may_be_shipped() {
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
    let refused: Vec<_> = packages()
        .iter()
        .filter(|package| {
            let licence = text(package, "license").replace('/', " OR ");
            let good = |any: &str| {
                any.split(" OR ")
                    .any(|one| one.split(" AND ").all(|l| allowed.contains(&l.trim_matches(['(', ')', ' ']))))
            };
            !good(&licence)
        })
        .map(|package| format!("{} ({})", text(package, "name"), text(package, "license")))
        .collect();
    assert!(refused.is_empty(), "licences to look at: {refused:?}");
}

#[test]
fn no_banned_crate_is_in_the_tree() {
    let banned = [
        ("openssl-sys", "one TLS stack: rustls on ring"),
        ("native-tls", "one TLS stack: rustls on ring"),
        ("aws-lc-sys", "one TLS stack: rustls on ring"),
        ("sqlx-macros", "it compiles both drivers twice"),
        ("rsa", "RUSTSEC-2023-0071 has no fix; ring verifies"),
    ];
    let resolved: BTreeSet<_> = packages().iter().map(|package| text(package, "name")).collect();
    let found: Vec<_> = banned.into_iter().filter(|(name, _)| resolved.contains(name)).collect();
    // `cargo metadata` lists optional packages that no feature turns on; ask for what is really built.
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
fn there_is_one_generation_of_the_central_crates() {
    let mut versions: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for package in packages() {
        versions.entry(text(package, "name")).or_default().insert(text(package, "version"));
    }
    for name in ["reqwest", "hyper", "http", "rustls", "sqlx-core", "hmac", "ed25519-dalek", "axum", "tokio", "ring"] {
        let found = versions.get(name).cloned().unwrap_or_default();
        assert!(found.len() <= 1, "{name} is there in versions {found:?}");
    }
}

#[test]
fn every_member_takes_its_versions_and_lints_from_the_workspace() {
    for package in packages().iter().filter(|package| package["source"].is_null()) {
        let manifest = std::fs::read_to_string(text(package, "manifest_path")).unwrap();
        let name = text(package, "name");
        assert!(manifest.contains("[lints]\nworkspace = true"), "{name} has lints of its own");
        assert!(manifest.contains("rust-version.workspace = true"), "{name} has a rust-version of its own");
        let own: Vec<_> = manifest.lines().filter(|line| line.contains("version = \"")).collect();
        assert!(own.is_empty(), "{name} names versions itself: {own:?}");
    }
}

#[test]
fn no_documentation_fence_is_left_unrun() {
    let output = Command::new("git")
        .args(["grep", "-nE", "```(rust,)?ignore", "--", "*.rs", "*.md"])
        .current_dir(root())
        .output();
    let found = String::from_utf8(output.unwrap().stdout).unwrap();
    let found: Vec<_> = found.lines().filter(|line| !line.starts_with("tests/house/")).collect();
    assert!(found.is_empty(), "{found:?}");
}
