//! Where the story is played: a stand-in and a server of its own, or processes that run already.

use std::{env, net::TcpListener, path::PathBuf};

use provider_sandbox::Sandbox;
use secrecy::ExposeSecret;
use sidecar_core::secret;

use super::{Arguments, http::Wrong};
use crate::{Running, config::Config};

/// The two sides of the story and how to speak to them.
#[derive(Debug)]
pub(super) struct Stage {
    pub(super) server_url: String,
    pub(super) sandbox_url: String,
    pub(super) operator_token: String,
    own: Option<Own>,
}

/// What this process started.
#[derive(Debug)]
struct Own {
    server: Running,
    sandbox: Sandbox,
    folder: PathBuf,
}

impl Stage {
    pub(super) async fn set(arguments: &Arguments) -> Result<Self, Wrong> {
        match &arguments.against {
            Some(url) => Self::found(url),
            None => Self::started(arguments).await,
        }
    }

    fn found(url: &str) -> Result<Self, Wrong> {
        let variable = |name: &str| env::var(name).ok().filter(|value| !value.is_empty());
        let api = variable("GHL_API_URL").ok_or_else(|| {
            Wrong("set GHL_API_URL to the address that the running provider-sandbox printed".to_owned())
        })?;
        let operator_token = variable("SIDECAR_OPERATOR_TOKEN").ok_or_else(|| {
            Wrong("set SIDECAR_OPERATOR_TOKEN to the one that the running server was started with".to_owned())
        })?;
        let api = api.trim_end_matches('/');
        let sandbox_url = api.strip_suffix("/ghl").unwrap_or(api).to_owned();
        Ok(Self { server_url: url.trim_end_matches('/').to_owned(), sandbox_url, operator_token, own: None })
    }

    async fn started(arguments: &Arguments) -> Result<Self, Wrong> {
        let wrong = |what: &str, why: &dyn std::fmt::Display| Wrong(format!("{what}: {why}"));
        let sandbox = Sandbox::builder().seed(arguments.seed).contacts(arguments.contacts / 2).locations(2);
        let sandbox = sandbox.start().await.map_err(|error| wrong("the stand-in does not start", &error))?;
        let token = || match secret::random_token() {
            Ok(token) => Ok(token.expose_secret().to_owned()),
            Err(error) => Err(wrong("no randomness", &error)),
        };
        let operator_token = token()?;
        let folder = env::temp_dir().join(format!("sidecar-demo-{}", token()?));
        std::fs::create_dir_all(&folder).map_err(|error| wrong("no folder for the database", &error))?;
        // The provider sends people back to an address that has to be known before the server has one.
        let address = free_address(arguments.once).map_err(|error| wrong("no free port", &error))?;
        let url = format!("http://{address}");
        // The story's organization connects Cal.com itself: the server has no account of its own there.
        let told =
            sandbox.env().into_iter().filter(|(name, _)| !matches!(*name, "CALCOM_API_KEY" | "CALCOM_WEBHOOK_SECRET"));
        let mut variables: Vec<(String, String)> = told.map(|(name, value)| (name.to_owned(), value)).collect();
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
        let config = Config::from_variables(variables).map_err(|error| wrong("the configuration", &error))?;
        let server = crate::serve(config).await.map_err(|error| wrong("the server does not start", &error))?;
        let sandbox_url = sandbox.url();
        Ok(Self { server_url: url, sandbox_url, operator_token, own: Some(Own { server, sandbox, folder }) })
    }

    /// Whether this process started the server.
    pub(super) fn is_own(&self) -> bool {
        self.own.is_some()
    }

    /// A name for the story's organization that is free on a server that saw other stories.
    pub(super) fn slug(&self) -> Result<String, Wrong> {
        let token = secret::random::<4>().map_err(|error| Wrong(error.to_string()))?;
        let unique: String = token.iter().map(|byte| format!("{byte:02x}")).collect();
        Ok(format!("demo-{unique}"))
    }

    /// Says where everything is and waits for Ctrl-C or SIGTERM.
    pub(super) async fn keep_serving(&self) {
        if !self.is_own() {
            return;
        }
        eprintln!("\nThe server keeps serving at {} (Ctrl-C ends it).", self.server_url);
        eprintln!("Sign in with the operator's token, for example:");
        eprintln!(
            "  curl -H 'Authorization: Bearer {}' {}/api/health/integrations",
            self.operator_token, self.server_url
        );
        let at = &self.sandbox_url;
        eprintln!("The stand-ins are at {at}/ghl and {at}/calcom, their orders at {at}/__control.");
        // Without a signal handler the only way out is the process's end.
        if let Ok(asked) = crate::server::stop_signal() {
            let _ = asked.await;
        }
    }

    /// Stops what this process started and removes its database.
    pub(super) async fn clear(self) {
        let Some(Own { server, sandbox, folder }) = self.own else { return };
        server.stop().await;
        sandbox.stop().await;
        if let Err(error) = std::fs::remove_dir_all(&folder) {
            eprintln!("{} could not be removed: {error}", folder.display());
        }
    }
}

/// The usual address for somebody who wants to look around, if it is free; else any.
fn free_address(any: bool) -> std::io::Result<String> {
    let usual = if any { None } else { TcpListener::bind("127.0.0.1:3000").ok() };
    let listener = match usual {
        Some(listener) => listener,
        None => TcpListener::bind("127.0.0.1:0")?,
    };
    Ok(listener.local_addr()?.to_string())
}
