use std::process::ExitCode;

use clap::Subcommand;
use secrecy::ExposeSecret;
use sidecar_core::{secret, vault::KeyRing};

use super::{Outcome, configured};

/// Connections and settings sealed anew between two lines of progress.
const PORTION: u64 = 1_000;

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Print a new key for SIDECAR_ENCRYPTION_KEYS.
    ///
    /// To change keys: put the new one BEHIND those that are there and restart every process with that ring, so that all can
    /// read what it seals. Then put it in front, restart every process again, and run `keys rotate`. Remove the old keys
    /// last.
    Generate {
        /// The key's name: letters, digits, `-` and `_`. A fresh one unless given.
        #[arg(long)]
        id: Option<String>,
    },
    /// Seal every stored token and setting anew with the first key, while servers run.
    ///
    /// Deploy the new ring everywhere first: a process that does not have the first key cannot read a token sealed with it.
    /// Remove the other keys only after every process seals with the first one and this command has ended well.
    Rotate,
}

pub(super) async fn run(command: Command) -> Outcome {
    match command {
        Command::Generate { id } => generate(id),
        Command::Rotate => rotate().await,
    }
}

fn generate(id: Option<String>) -> Outcome {
    let id = match id {
        Some(id) => id,
        None => format!("k{}", secret::random::<4>()?.iter().map(|byte| format!("{byte:02x}")).collect::<String>()),
    };
    println!("{}", KeyRing::generate_entry(&id)?.expose_secret());
    Ok(ExitCode::SUCCESS)
}

async fn rotate() -> Outcome {
    let config = configured()?;
    let database = sidecar_store::open(&config.database_url, config.vault()?).await?;
    let mut total = 0;
    let failed = loop {
        let done = database.reseal(PORTION).await?;
        total += done.sealed;
        if done.sealed < PORTION {
            break done.failed;
        }
        eprintln!("{total} connections and settings sealed anew");
    };
    database.close().await;
    println!("{total} connections and settings were sealed anew with the first key");
    if failed == 0 {
        return Ok(ExitCode::SUCCESS);
    }
    eprintln!(
        "{failed} connections and settings do not open with any key given: add the key they were sealed with, or connect again"
    );
    Ok(ExitCode::FAILURE)
}
