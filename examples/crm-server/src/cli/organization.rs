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
        /// The display name.
        name: String,
        /// The name in addresses: lower-case letters, digits and dashes.
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
            let created =
                organizations::create_organization(&*database, &name, &slug, SystemClock::new().now()).await?;
            println!("{}", created.id);
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

/// Finds an organization by its id, or else by its slug.
pub(super) async fn find(store: &dyn Store, name: &str) -> Result<Organization, Failed> {
    if let Some(organization) = store.organization(&name.into()).await? {
        return Ok(organization);
    }
    let found = store.organization_by_slug(name).await?;
    found.ok_or_else(|| Failed(format!("organization `{name}` not found: `crm-server organization list` shows all")))
}
