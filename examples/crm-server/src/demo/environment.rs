//! The environment of the scenario: a sandbox and a server that the demo starts, or running processes.

use std::{env, net::TcpListener, path::PathBuf};

use provider_sandbox::Sandbox;
use secrecy::ExposeSecret;
use sidecar_core::secret;

use super::{Arguments, http::CheckFailed};
use crate::{Running, config::Config};

/// The addresses and the token of the sandbox and the server.
#[derive(Debug)]
pub(super) struct DemoEnvironment {
    pub(super) server_url: String,
    pub(super) sandbox_url: String,
    pub(super) operator_token: String,
    started: Option<Started>,
}

/// The parts that this process started.
#[derive(Debug)]
struct Started {
    server: Running,
    sandbox: Sandbox,
    folder: PathBuf,
}

impl DemoEnvironment {
    pub(super) async fn prepare(arguments: &Arguments) -> Result<Self, CheckFailed> {
        match &arguments.against {
            Some(url) => Self::running(url),
            None => Self::start(arguments).await,
        }
    }

    fn running(url: &str) -> Result<Self, CheckFailed> {
        let variable = |name: &str| env::var(name).ok().filter(|value| !value.is_empty());
        let api = variable("GHL_API_URL").ok_or_else(|| {
            CheckFailed("set GHL_API_URL to the address that the running provider-sandbox printed".to_owned())
        })?;
        let operator_token = variable("SIDECAR_OPERATOR_TOKEN").ok_or_else(|| {
            CheckFailed("set SIDECAR_OPERATOR_TOKEN to the one that the running server was started with".to_owned())
        })?;
        let api = api.trim_end_matches('/');
        let sandbox_url = api.strip_suffix("/ghl").unwrap_or(api).to_owned();
        Ok(Self { server_url: url.trim_end_matches('/').to_owned(), sandbox_url, operator_token, started: None })
    }

    async fn start(arguments: &Arguments) -> Result<Self, CheckFailed> {
        let failed = |what: &str, why: &dyn std::fmt::Display| CheckFailed(format!("{what}: {why}"));
        let sandbox = Sandbox::builder().seed(arguments.seed).contacts(arguments.contacts / 2).locations(2);
        let sandbox = sandbox.start().await.map_err(|error| failed("the sandbox cannot start", &error))?;
        let token = || match secret::random_token() {
            Ok(token) => Ok(token.expose_secret().to_owned()),
            Err(error) => Err(failed("no randomness", &error)),
        };
        let operator_token = token()?;
        let folder = env::temp_dir().join(format!("sidecar-demo-{}", token()?));
        std::fs::create_dir_all(&folder).map_err(|error| failed("no folder for the database", &error))?;
        // The redirect address must be known before the server listens.
        let address = free_address(arguments.once).map_err(|error| failed("no free port", &error))?;
        let url = format!("http://{address}");
        // The scenario's organization connects Cal.com itself, so the server gets no account.
        let provided =
            sandbox.env().into_iter().filter(|(name, _)| !matches!(*name, "CALCOM_API_KEY" | "CALCOM_WEBHOOK_SECRET"));
        let mut variables: Vec<(String, String)> = provided.map(|(name, value)| (name.to_owned(), value)).collect();
        for (name, value) in [
            ("SIDECAR_ENV", "test".to_owned()),
            ("BIND_ADDR", address),
            ("APP_URL", url.clone()),
            ("DATABASE_URL", format!("sqlite://{}", folder.join("demo.db").display())),
            ("SIDECAR_OPERATOR_TOKEN", operator_token.clone()),
            ("GHL_REDIRECT_URI", format!("{url}/api/integrations/ghl/auth")),
        ] {
            variables.push((name.to_owned(), value));
        }
        let config = Config::from_variables(variables).map_err(|error| failed("the configuration", &error))?;
        let server = crate::serve(config).await.map_err(|error| failed("the server cannot start", &error))?;
        let sandbox_url = sandbox.url();
        Ok(Self { server_url: url, sandbox_url, operator_token, started: Some(Started { server, sandbox, folder }) })
    }

    /// Whether this process started the server.
    pub(super) fn is_own(&self) -> bool {
        self.started.is_some()
    }

    /// Returns a slug that no earlier run used on the same server.
    pub(super) fn slug(&self) -> Result<String, CheckFailed> {
        let token = secret::random::<4>().map_err(|error| CheckFailed(error.to_string()))?;
        let unique: String = token.iter().map(|byte| format!("{byte:02x}")).collect();
        Ok(format!("demo-{unique}"))
    }

    /// Prints the addresses and waits for Ctrl-C or SIGTERM.
    pub(super) async fn keep_serving(&self) {
        if !self.is_own() {
            return;
        }
        eprintln!("\nThe server is running at {} (stop it with Ctrl-C).", self.server_url);
        eprintln!("Use the operator's token, for example:");
        eprintln!(
            "  curl -H 'Authorization: Bearer {}' {}/api/health/integrations",
            self.operator_token, self.server_url
        );
        let at = &self.sandbox_url;
        eprintln!("The sandbox is at {at}/ghl and {at}/calcom, its control API at {at}/__control.");
        // Without a signal handler, only the end of the process stops the demo.
        if let Ok(signal) = crate::server::stop_signal() {
            let _ = signal.await;
        }
    }

    /// Stops what this process started and removes its database.
    pub(super) async fn shut_down(self) {
        let Some(Started { server, sandbox, folder }) = self.started else { return };
        server.stop().await;
        sandbox.stop().await;
        if let Err(error) = std::fs::remove_dir_all(&folder) {
            eprintln!("{} could not be removed: {error}", folder.display());
        }
    }
}

/// Returns the default address if it is free, so that it is easy to find; else any.
fn free_address(any: bool) -> std::io::Result<String> {
    let default = if any { None } else { TcpListener::bind("127.0.0.1:3000").ok() };
    let listener = match default {
        Some(listener) => listener,
        None => TcpListener::bind("127.0.0.1:0")?,
    };
    Ok(listener.local_addr()?.to_string())
}
