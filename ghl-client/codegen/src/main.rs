//! `digest` reads the specifications in `GHL_SPEC_DIR` into the digest; `generate` writes the code from digest and overrides;
//! `drift` says what the specifications changed since the digest (exit code 1); `check` whether the code is what `generate` writes.

use std::{fs, path::Path, process::ExitCode};

use ghl_codegen::{code_files, digest, digest_files, drift, home, plans, repository, spec, spec_folder, stale};

const USAGE: &str = "usage: cargo run -p ghl-codegen -- digest | generate | drift | check";

fn main() -> ExitCode {
    let outcome = match std::env::args().nth(1).as_deref() {
        Some("digest") => specifications().and_then(|groups| write(&home().join("digest"), &digest_files(&groups))),
        Some("generate") => code().and_then(|files| write(&repository(), &files)),
        Some("drift") => report_drift(),
        Some("check") => code().map(|files| report(&stale(&repository(), &files))),
        _ => Err(USAGE.to_owned()),
    };
    match outcome {
        Ok(code) => code,
        Err(why) => {
            eprintln!("{why}");
            ExitCode::from(2)
        }
    }
}

fn specifications() -> Result<Vec<digest::Group>, String> {
    spec::read(&spec_folder().ok_or("set GHL_SPEC_DIR to the folder of the specifications")?)
}

fn code() -> Result<Vec<(String, String)>, String> {
    code_files(&plans()?)
}

fn report_drift() -> Result<ExitCode, String> {
    let known = digest::load(&home().join("digest"))?;
    Ok(report(&drift::drift(&known, &specifications()?)))
}

fn report(lines: &[String]) -> ExitCode {
    for line in lines {
        println!("{line}");
    }
    if lines.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn write(folder: &Path, files: &[(String, String)]) -> Result<ExitCode, String> {
    for (name, content) in files {
        let path = folder.join(name);
        fs::write(&path, content).map_err(|error| format!("{}: {error}", path.display()))?;
    }
    Ok(ExitCode::SUCCESS)
}
