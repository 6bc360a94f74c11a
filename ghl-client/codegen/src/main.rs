//! `digest` reads `GHL_SPEC_DIR`; `generate` writes the code; `drift` compares `GHL_SPEC_DIR` with the digest.

use std::{fs, path::Path, process::ExitCode};

use ghl_codegen::{code_files, digest_files, home, plans, spec, spec_folder};

fn main() -> ExitCode {
    let outcome = match std::env::args().nth(1).as_deref() {
        Some("digest") => digest(),
        Some("generate") => generate(),
        _ => Err("usage: cargo run -p ghl-codegen -- digest | generate".to_owned()),
    };
    match outcome {
        Ok(code) => code,
        Err(why) => {
            eprintln!("{why}");
            ExitCode::from(2)
        }
    }
}

fn digest() -> Result<ExitCode, String> {
    let folder = spec_folder().ok_or("set GHL_SPEC_DIR to the folder of the specifications")?;
    let groups = spec::read(&folder)?;
    write(&home().join("digest"), &digest_files(&groups))?;
    Ok(ExitCode::SUCCESS)
}

fn generate() -> Result<ExitCode, String> {
    write(&home().join(".."), &code_files(&plans()?))?;
    Ok(ExitCode::SUCCESS)
}

fn write(folder: &Path, files: &[(String, String)]) -> Result<(), String> {
    for (name, content) in files {
        let path = folder.join(name);
        fs::write(&path, content).map_err(|error| format!("{}: {error}", path.display()))?;
    }
    Ok(())
}
