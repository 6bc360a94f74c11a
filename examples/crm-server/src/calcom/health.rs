use std::borrow::Cow;

use async_trait::async_trait;
use sidecar_core::{health::HealthCheck, token::ConnectionState};

use crate::{app::App, http::probe::check_reachable};

/// Checks that Cal.com is reachable and that every connection is usable.
#[derive(Debug)]
pub(crate) struct CalcomCheck {
    app: App,
    /// How many connections organizations made, and how many of them must be reconnected; or why that is unknown.
    connections: Result<(usize, usize), String>,
}

impl CalcomCheck {
    /// Reads the stored connections: they decide whether Cal.com is off.
    pub(crate) async fn new(app: App) -> Self {
        Self { connections: connections(&app).await, app }
    }
}

async fn connections(app: &App) -> Result<(usize, usize), String> {
    let (mut all, mut dead) = (0, 0);
    for organization in app.store.organizations().await.map_err(|error| error.to_string())? {
        match app.calcom.connection(&organization.id).await {
            Ok(None) => continue,
            Ok(Some(connection)) if connection.state == ConnectionState::Active => {}
            Ok(Some(_)) => {
                tracing::warn!(organization = %organization.id, "the connection to Cal.com must be reconnected");
                dead += 1;
            }
            Err(error) => {
                tracing::warn!(organization = %organization.id, %error, "the connection to Cal.com cannot be read");
                dead += 1;
            }
        }
        all += 1;
    }
    Ok((all, dead))
}

#[async_trait]
impl HealthCheck for CalcomCheck {
    fn name(&self) -> Cow<'static, str> {
        "calcom".into()
    }

    fn off(&self) -> Option<String> {
        let config = &self.app.config.calcom;
        let keyed = config.api_key.is_some() && config.organization.is_some();
        let is_off = !keyed && config.app.is_none() && self.connections == Ok((0, 0));
        let why = if config.api_key.is_some() {
            "set CALCOM_ORGANIZATION_ID to the organization that CALCOM_API_KEY belongs to"
        } else {
            "no organization is connected: give one its API key, or set CALCOM_API_KEY and CALCOM_ORGANIZATION_ID"
        };
        is_off.then(|| why.to_owned())
    }

    /// Calls Cal.com with the environment's key only: a rejected key of an organization is known from its state.
    async fn check(&self) -> Result<(), String> {
        if self.connections.clone()?.1 > 0 {
            // Health needs no token, so it does not name the organization.
            return Err("a connection must be reconnected: the log names its organization".to_owned());
        }
        match self.app.calcom.organization().filter(|organization| self.app.calcom.is_from_environment(organization)) {
            Some(organization) => {
                let client = self.app.calcom.client(organization).await.map_err(|error| error.to_string())?;
                client.me().get().await.map(drop).map_err(|error| error.to_string())
            }
            None => {
                let url = format!("{}/v2/me", self.app.config.calcom.api_url);
                check_reachable(&**self.app.calcom.transport(), "Cal.com", &url).await
            }
        }
    }
}
