use std::process::ExitCode;

use clap::Subcommand;
use sidecar_core::{Clock, SystemClock};
use sidecar_store::Store;

use super::{Failed, Outcome, organization, out};
use crate::{
    config::Config,
    ops::dead_letters::{DeadLetterId, page, redrive_one},
};

/// Rows per read.
const BATCH_SIZE: u32 = 100;

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// List dead letters: id, kind, attempts, error.
    List {
        /// Only those of this organization (id or slug). By default all, including those without an organization.
        #[arg(long, value_name = "ID")]
        organization: Option<String>,
    },
    /// Queue dead letters for retry and reset their attempts.
    Redrive {
        /// Ids as `list` prints them.
        #[arg(required_unless_present = "all")]
        ids: Vec<String>,
        /// All dead letters.
        #[arg(long, conflicts_with = "ids")]
        all: bool,
    },
}

pub(super) async fn run(config: Config, command: Command) -> Outcome {
    let database = sidecar_store::open(&config.database_url, config.vault()?).await?;
    let outcome = match command {
        Command::List { organization } => list(&*database, organization).await,
        Command::Redrive { ids, .. } => redrive(&*database, ids).await,
    };
    database.close().await;
    outcome
}

async fn list(store: &dyn Store, name: Option<String>) -> Outcome {
    let organization = match name {
        Some(name) => Some(organization::find(store, &name).await?.id),
        None => None,
    };
    let mut after = None;
    loop {
        let rows = page(store, organization.as_ref(), after, BATCH_SIZE).await?;
        for row in &rows {
            out(format!("{}\t{}\t{} attempts\t{}", row.id, row.kind, row.attempts, row.error))?;
        }
        after = rows.last().and_then(|last| DeadLetterId::parse(&last.id));
        if rows.len() < BATCH_SIZE as usize {
            return Ok(ExitCode::SUCCESS);
        }
    }
}

/// Redrives the given ids, or all.
async fn redrive(store: &dyn Store, ids: Vec<String>) -> Outcome {
    let now = SystemClock::new().now();
    let mut parsed = Vec::new();
    for id in &ids {
        let unknown =
            || Failed(format!("`{id}` is not the id of a dead letter: give ids as `dead-letters list` prints them"));
        parsed.push(DeadLetterId::parse(id).ok_or_else(unknown)?);
    }
    if ids.is_empty() {
        let mut after = None;
        loop {
            let rows = page(store, None, after, BATCH_SIZE).await?;
            parsed.extend(rows.iter().filter_map(|row| DeadLetterId::parse(&row.id)));
            after = parsed.last().copied();
            if rows.len() < BATCH_SIZE as usize {
                break;
            }
        }
    }
    let mut code = ExitCode::SUCCESS;
    for id in parsed {
        if redrive_one(store, None, id, now).await? {
            println!("{id} queued for retry");
        } else {
            eprintln!("{id} is not a dead letter");
            code = ExitCode::FAILURE;
        }
    }
    Ok(code)
}
