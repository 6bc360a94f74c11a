use std::borrow::Cow;

use async_trait::async_trait;
use sidecar_core::{health::HealthCheck, token::ConnectionState};

use crate::{app::App, http::probe::check_reachable};

/// Checks that GHL is reachable and that every connection is usable.
#[derive(Debug)]
pub(crate) struct GhlCheck(pub(crate) App);

impl GhlCheck {
    async fn check_connections(&self) -> Result<(), String> {
        let store = &self.0.store;
        for organization in store.organizations().await.map_err(|error| error.to_string())? {
            let connections = store.connections(&organization.id).await.map_err(|error| error.to_string())?;
            let dead = connections.iter().filter(|connection| connection.state != ConnectionState::Active).count();
            if dead > 0 {
                tracing::warn!(organization = %organization.id, dead, "connections must be reconnected");
                // Health needs no token, so it does not name the organization.
                return Err("a connection must be reconnected: the log names its organization".to_owned());
            }
        }
        Ok(())
    }
}

#[async_trait]
impl HealthCheck for GhlCheck {
    fn name(&self) -> Cow<'static, str> {
        "ghl".into()
    }

    fn off(&self) -> Option<String> {
        self.0.config.ghl_off()
    }

    async fn check(&self) -> Result<(), String> {
        self.check_connections().await?;
        check_reachable(&**self.0.ghl.transport(), "GHL", &self.0.config.ghl.api_url).await
    }
}
