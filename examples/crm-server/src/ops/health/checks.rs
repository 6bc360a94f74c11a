use std::borrow::Cow;

use async_trait::async_trait;
use sidecar_core::{
    health::HealthCheck,
    http::{Body, HttpRequest},
    token::ConnectionState,
};

use crate::app::App;

/// Whether the database answers.
#[derive(Debug)]
pub struct DatabaseCheck(App);

impl DatabaseCheck {
    /// Asks this server's database.
    pub fn new(app: App) -> Self {
        Self(app)
    }
}

#[async_trait]
impl HealthCheck for DatabaseCheck {
    fn name(&self) -> Cow<'static, str> {
        "database".into()
    }

    async fn check(&self) -> Result<(), String> {
        self.0.store.next_due(self.0.now()).await.map(drop).map_err(|error| error.to_string())
    }
}

/// Whether GHL is there, and whether every connection is usable.
#[derive(Debug)]
pub struct GhlCheck(App);

impl GhlCheck {
    /// Asks with this server's settings.
    pub fn new(app: App) -> Self {
        Self(app)
    }

    /// Any answer but a failure of the server's own shows that it is there; no token is spent.
    async fn reach(&self) -> Result<(), String> {
        let request = HttpRequest::new(Body::EMPTY);
        let (mut head, body) = request.into_parts();
        head.uri = self.0.config.ghl.api_url.parse().map_err(|error| format!("GHL_API_URL: {error}"))?;
        let answer = self.0.ghl.transport().send(HttpRequest::from_parts(head, body)).await;
        match answer.map(|answer| answer.status()) {
            Ok(status) if status.is_server_error() => Err(format!("GHL answers {status}")),
            Ok(_) => Ok(()),
            Err(error) => Err(format!("GHL cannot be reached: {error}")),
        }
    }

    async fn connections(&self) -> Result<(), String> {
        let store = &self.0.store;
        for organization in store.organizations().await.map_err(|error| error.to_string())? {
            let connections = store.connections(&organization.id).await.map_err(|error| error.to_string())?;
            // Whose it is stays out of an answer that needs no token; the log and the organization's own routes tell.
            let dead = connections.iter().filter(|connection| connection.state != ConnectionState::Active).count();
            if dead > 0 {
                tracing::warn!(organization = %organization.id, dead, "connections have to be made again");
                return Err("a connection has to be made again: see the log for whose".to_owned());
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
        self.connections().await?;
        self.reach().await
    }
}

/// Whether limits are shared over Redis.
#[derive(Debug)]
pub struct RedisCheck(App);

impl RedisCheck {
    /// Asks with this server's limits.
    pub fn new(app: App) -> Self {
        Self(app)
    }
}

#[async_trait]
impl HealthCheck for RedisCheck {
    fn name(&self) -> Cow<'static, str> {
        "redis".into()
    }

    fn off(&self) -> Option<String> {
        self.0.ghl.limits().shared().is_none().then(|| "set REDIS_URL to share limits between processes".to_owned())
    }

    async fn check(&self) -> Result<(), String> {
        let Some(limiter) = self.0.ghl.limits().shared() else { return Ok(()) };
        match limiter.check().await {
            true => Ok(()),
            false => {
                Err("Redis is lost: this process keeps to its share of the limits, and the log says why".to_owned())
            }
        }
    }
}
