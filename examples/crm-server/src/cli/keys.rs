use std::process::ExitCode;

use clap::Subcommand;
use secrecy::ExposeSecret;
use sidecar_core::{secret, vault::KeyRing};

use super::{Outcome, configured};

/// Connections and settings per batch, each with a line of progress.
const BATCH_SIZE: u64 = 1_000;

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Print a new key for SIDECAR_ENCRYPTION_KEYS.
    ///
    /// To rotate keys: add the new key at the END of the list and restart every process, so that all can read what it seals.
    /// Then move it to the front, restart every process again, and run `keys rotate`. Remove the old keys last.
    Generate {
        /// The key's id: letters, digits, `-` and `_`. Random by default.
        #[arg(long)]
        id: Option<String>,
    },
    /// Reseal every stored token and setting with the first key, while servers run.
    ///
    /// Deploy the new key list everywhere first: a process without the first key cannot read tokens sealed with it. Remove the
    /// other keys only after every process seals with the first one and this command has succeeded.
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
        let done = database.reseal(BATCH_SIZE).await?;
        total += done.sealed;
        if done.sealed < BATCH_SIZE {
            break done.failed;
        }
        eprintln!("{total} connections and settings resealed");
    };
    database.close().await;
    println!("{total} connections and settings resealed with the first key");
    if failed == 0 {
        return Ok(ExitCode::SUCCESS);
    }
    eprintln!(
        "{failed} connections and settings cannot be opened with any given key: add the key that sealed them, or connect again"
    );
    Ok(ExitCode::FAILURE)
}
