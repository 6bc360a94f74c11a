use std::borrow::Cow;

use async_trait::async_trait;
use sidecar_core::health::HealthCheck;

use crate::app::App;

/// Checks that the database responds.
#[derive(Debug)]
pub(super) struct DatabaseCheck(pub(super) App);

#[async_trait]
impl HealthCheck for DatabaseCheck {
    fn name(&self) -> Cow<'static, str> {
        "database".into()
    }

    async fn check(&self) -> Result<(), String> {
        self.0.store.next_due(self.0.now()).await.map(drop).map_err(|error| error.to_string())
    }
}

/// Checks that the rate limits are shared over Redis.
#[derive(Debug)]
pub(super) struct RedisCheck(pub(super) App);

#[async_trait]
impl HealthCheck for RedisCheck {
    fn name(&self) -> Cow<'static, str> {
        "redis".into()
    }

    fn off(&self) -> Option<String> {
        self.0.rate_limits.shared().is_none().then(|| "set REDIS_URL to share limits between processes".to_owned())
    }

    async fn check(&self) -> Result<(), String> {
        let Some(limiter) = self.0.rate_limits.shared() else { return Ok(()) };
        match limiter.check().await {
            true => Ok(()),
            false => Err("Redis cannot be reached: this process uses its share of the limits; see the log".to_owned()),
        }
    }
}
