use std::borrow::Cow;

use async_trait::async_trait;
use sidecar_core::{
    health::HealthCheck,
    http::{Body, HttpRequest},
    token::ConnectionState,
};

use crate::app::App;

/// Whether Cal.com is there, and whether every connection is usable.
#[derive(Debug)]
pub struct CalcomCheck {
    app: App,
    /// How many organizations connected themselves, and how many of them have to do it again; or why that is not known.
    connections: Result<(usize, usize), String>,
}

impl CalcomCheck {
    /// Asks with this server's settings. Whether Cal.com is off depends on the stored connections, which are read here.
    pub async fn new(app: App) -> Self {
        Self { connections: connections(&app).await, app }
    }

    /// Any answer but a failure of the server's own shows that it is there.
    async fn reach(&self) -> Result<(), String> {
        let (mut head, body) = HttpRequest::new(Body::EMPTY).into_parts();
        let address = format!("{}/v2/me", self.app.config.calcom.api_url);
        head.uri = address.parse().map_err(|error| format!("CALCOM_API_URL: {error}"))?;
        let answer = self.app.calcom.transport().send(HttpRequest::from_parts(head, body)).await;
        match answer.map(|answer| answer.status()) {
            Ok(status) if status.is_server_error() => Err(format!("Cal.com answers {status}")),
            Ok(_) => Ok(()),
            Err(error) => Err(format!("Cal.com cannot be reached: {error}")),
        }
    }
}

async fn connections(app: &App) -> Result<(usize, usize), String> {
    let (mut all, mut dead) = (0, 0);
    for organization in app.store.organizations().await.map_err(|error| error.to_string())? {
        match app.calcom.connection(&organization.id).await {
            Ok(None) => continue,
            Ok(Some(connection)) if connection.state == ConnectionState::Active => {}
            Ok(Some(_)) => {
                tracing::warn!(organization = %organization.id, "the connection to Cal.com has to be made again");
                dead += 1;
            }
            // What is wrong with one of them hides none of the others.
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

    /// The environment's key is tried; the organizations' own are known to be refused once a call was.
    async fn check(&self) -> Result<(), String> {
        // Whose it is stays out of an answer that needs no token; the log and the organization's own routes tell.
        if self.connections.clone()?.1 > 0 {
            return Err("a connection has to be made again: see the log for whose".to_owned());
        }
        match self.app.calcom.organization().filter(|organization| self.app.calcom.is_from_environment(organization)) {
            Some(organization) => {
                let client = self.app.calcom.client(organization).await.map_err(|error| error.to_string())?;
                client.me().get().await.map(drop).map_err(|error| error.to_string())
            }
            None => self.reach().await,
        }
    }
}
