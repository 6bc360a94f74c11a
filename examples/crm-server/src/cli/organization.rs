use std::process::ExitCode;

use clap::Subcommand;
use sidecar_core::{Clock, SystemClock};
use sidecar_store::{Organization, Organizations, Store};

use super::{Failed, Outcome, out};
use crate::{config::Config, tenancy::organizations};

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Create an organization and print its id.
    Create {
        /// Its name for people.
        name: String,
        /// Its name in addresses: lower-case letters, digits and dashes.
        #[arg(long)]
        slug: String,
    },
    /// List all organizations: id, slug, name.
    List,
}

pub(super) async fn run(config: Config, command: Command) -> Outcome {
    let database = sidecar_store::open(&config.database_url, config.vault()?).await?;
    match command {
        Command::Create { name, slug } => {
            let made = organizations::make(&*database, &name, &slug, SystemClock::new().now()).await?;
            println!("{}", made.id);
        }
        Command::List => {
            for organization in database.organizations().await? {
                out(format!("{}\t{}\t{}", organization.id, organization.slug, organization.name))?;
            }
        }
    }
    database.close().await;
    Ok(ExitCode::SUCCESS)
}

/// By its id, or else by its slug.
pub(super) async fn find(store: &dyn Store, name: &str) -> Result<Organization, Failed> {
    if let Some(organization) = store.organization(&name.into()).await? {
        return Ok(organization);
    }
    let found = store.organization_by_slug(name).await?;
    found.ok_or_else(|| Failed(format!("there is no organization `{name}`: `crm-server organization list` shows all")))
}
