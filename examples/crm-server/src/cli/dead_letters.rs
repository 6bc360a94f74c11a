use std::process::ExitCode;

use clap::Subcommand;
use sidecar_core::{Clock, SystemClock};
use sidecar_store::Store;

use super::{Failed, Outcome, organization, out};
use crate::{
    config::Config,
    ops::dead_letters::{Name, page, redrive_one},
};

/// Rows read at once.
const PORTION: u32 = 100;

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// List deliveries and tasks that were given up: id, kind, attempts, error.
    List {
        /// Only this organization's (id or slug); all, those of nobody included, unless given.
        #[arg(long, value_name = "ID")]
        organization: Option<String>,
    },
    /// Try again, with the attempts forgotten.
    Redrive {
        /// Ids as `list` prints them.
        #[arg(required_unless_present = "all")]
        ids: Vec<String>,
        /// Everything that was given up.
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
        let rows = page(store, organization.as_ref(), after, PORTION).await?;
        for row in &rows {
            out(format!("{}\t{}\t{} attempts\t{}", row.id, row.kind, row.attempts, row.error))?;
        }
        after = rows.last().and_then(|last| Name::parse(&last.id));
        if rows.len() < PORTION as usize {
            return Ok(ExitCode::SUCCESS);
        }
    }
}

/// Those of the ids, or all.
async fn redrive(store: &dyn Store, ids: Vec<String>) -> Outcome {
    let now = SystemClock::new().now();
    let mut names = Vec::new();
    for id in &ids {
        let unknown = || Failed(format!("`{id}` is no id: give those that `dead-letters list` prints"));
        names.push(Name::parse(id).ok_or_else(unknown)?);
    }
    if ids.is_empty() {
        let mut after = None;
        loop {
            let rows = page(store, None, after, PORTION).await?;
            names.extend(rows.iter().filter_map(|row| Name::parse(&row.id)));
            after = names.last().copied();
            if rows.len() < PORTION as usize {
                break;
            }
        }
    }
    let mut code = ExitCode::SUCCESS;
    for name in names {
        if redrive_one(store, None, name, now).await? {
            println!("{name} is due");
        } else {
            eprintln!("{name} was not given up, or is not there");
            code = ExitCode::FAILURE;
        }
    }
    Ok(code)
}
