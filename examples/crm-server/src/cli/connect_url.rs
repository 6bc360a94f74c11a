use std::{
    net::{Ipv4Addr, Ipv6Addr},
    process::ExitCode,
};

use clap::{Args, ValueEnum};
use secrecy::ExposeSecret;
use sidecar_core::{Clock, SystemClock};

use super::{Failed, Outcome};
use crate::{config::Config, error::chain, tenancy::oauth_flow::states};

#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// The organization's id or slug.
    #[arg(long, value_name = "ID")]
    organization: String,
    /// The integration to connect.
    #[arg(long, value_enum, default_value_t)]
    integration: Integration,
}

#[derive(Debug, Clone, Copy, Default, ValueEnum)]
enum Integration {
    #[default]
    Ghl,
    Calcom,
}

pub(super) async fn run(config: Config, arguments: Arguments) -> Outcome {
    let base = base(&config)?;
    let database = sidecar_store::open(&config.database_url, config.vault()?).await?;
    let organization = super::organization::find(&*database, &arguments.organization).await?;
    let token = states::create_link(&*database, &organization.id, SystemClock::new().now()).await;
    let token = token.map_err(|error| Failed(chain(&*error)))?;
    database.close().await;
    let integration = match arguments.integration {
        Integration::Ghl => "ghl",
        Integration::Calcom => "calcom",
    };
    let path = format!(
        "/api/integrations/{integration}/connect?organizationId={}&link={}",
        organization.id,
        token.expose_secret()
    );
    println!("{base}{path}");
    Ok(ExitCode::SUCCESS)
}

/// Returns the server's address without a trailing slash. A server that listens on all addresses is reached on this machine.
fn base(config: &Config) -> Result<String, Failed> {
    if config.app_url.is_some() {
        return Ok(config.address(""));
    }
    let mut address = config.bind;
    if address.port() == 0 {
        return Err(Failed("the server's address is unknown: set APP_URL".to_owned()));
    }
    if address.ip().is_unspecified() {
        address.set_ip(if address.is_ipv4() { Ipv4Addr::LOCALHOST.into() } else { Ipv6Addr::LOCALHOST.into() });
    }
    Ok(format!("http://{address}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn base_of(variables: &[(&str, &str)]) -> Result<String, Failed> {
        let variables = variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        let test = [("SIDECAR_ENV".to_owned(), "test".to_owned())];
        base(&Config::from_variables(variables.chain(test)).unwrap())
    }

    #[test]
    fn a_link_leads_to_a_host_that_a_browser_can_open() {
        for (bind, base) in [
            ("0.0.0.0:3000", "http://127.0.0.1:3000"),
            ("[::]:3000", "http://[::1]:3000"),
            ("192.0.2.7:3000", "http://192.0.2.7:3000"),
        ] {
            assert_eq!(base_of(&[("BIND_ADDR", bind)]).unwrap(), base);
        }
        let both = [("BIND_ADDR", "0.0.0.0:3000"), ("APP_URL", "https://crm.test/")];
        assert_eq!(base_of(&both).unwrap(), "https://crm.test");
        let Failed(why) = base_of(&[("BIND_ADDR", "0.0.0.0:0")]).unwrap_err();
        assert!(why.contains("APP_URL"), "{why}");
    }
}
