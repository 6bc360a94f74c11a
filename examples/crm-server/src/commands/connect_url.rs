use std::process::ExitCode;

use clap::Args;
use secrecy::ExposeSecret;
use sidecar_core::{Clock, SystemClock};

use super::{Failed, Outcome};
use crate::{config::Config, ghl::states};

#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// The organization's id or slug.
    #[arg(long, value_name = "ID")]
    organization: String,
}

pub(super) async fn run(config: Config, arguments: Arguments) -> Outcome {
    let database = sidecar_store::open(&config.database_url, config.vault()?).await?;
    let organization = super::organization::find(&*database, &arguments.organization).await?;
    let token = states::make_link(&*database, &organization.id, SystemClock::new().now()).await?;
    database.close().await;
    let path =
        format!("/api/integrations/ghl/connect?organizationId={}&link={}", organization.id, token.expose_secret());
    match &config.app_url {
        Some(_) => println!("{}", config.address(&path)),
        None if config.bind.port() != 0 => println!("http://{}{path}", config.bind),
        None => return Err(Failed("nobody knows this server's address: set APP_URL".to_owned())),
    }
    Ok(ExitCode::SUCCESS)
}
