use std::{fmt, sync::Arc, time::Duration};

use async_trait::async_trait;
use redis::{Script, ScriptInvocation};
use sidecar_core::{
    StoreError,
    lease::{Lease, LeaseStore},
    time::Clock,
};

use super::{
    PREFIX, RedisUrlError,
    connection::{Connector, RedisFailure},
};

/// Limits a call to Redis. Must be well below the TTL of a lease, or a renewal comes too late.
const REPLY_TIMEOUT: Duration = Duration::from_secs(1);
/// A century. Prevents an overflow when Redis adds the TTL to its clock.
const MAX_TTL: Duration = Duration::from_secs(3_155_760_000);

/// Leases in Redis.
///
/// If Redis loses its data or fails over to a lagging replica, it loses leases, and two processes can then hold the same one.
/// Use the leases of the database, the default everywhere in Sidecar, where that matters, for example for tokens. While Redis
/// is unreachable, every method returns a retryable [`StoreError`] within a second.
pub struct RedisLeases {
    connector: Connector,
    script: Script,
    clock: Arc<dyn Clock>,
    /// The braces are the hash tag.
    key_prefix: String,
}

impl RedisLeases {
    /// Creates a lease store with the key prefix [`PREFIX`]. Connects on the first call.
    ///
    /// # Errors
    /// [`RedisUrlError`] if the URL is rejected.
    pub fn new(url: &str, clock: Arc<dyn Clock>) -> Result<Self, RedisUrlError> {
        Self::with_prefix(url, PREFIX, clock)
    }

    /// Creates a lease store with another key prefix, which must not contain braces.
    ///
    /// # Errors
    /// As [`RedisLeases::new`].
    pub fn with_prefix(url: &str, prefix: &str, clock: Arc<dyn Clock>) -> Result<Self, RedisUrlError> {
        let script = Script::new(include_str!("lease.lua"));
        Ok(Self { connector: Connector::open(url)?, script, clock, key_prefix: format!("{{{prefix}lease}}:") })
    }

    fn script_call(&self, operation: &str, key: &str, holder: &str, ttl: Duration) -> ScriptInvocation<'_> {
        // Rounds up, so that a TTL below a millisecond does not become zero.
        let millis = ttl.min(MAX_TTL).as_micros().div_ceil(1_000);
        let mut call = self.script.key(format!("{}lease:{key}", self.key_prefix));
        call.key(format!("{}fence", self.key_prefix));
        call.arg(operation).arg(holder).arg(millis.to_string());
        call
    }

    async fn run(&self, call: &ScriptInvocation<'_>) -> Result<u64, StoreError> {
        self.connector.run_with_retry(&*self.clock, REPLY_TIMEOUT, call).await.map_err(|failure| {
            let message = format!("the lease operation failed: {failure}");
            match failure {
                RedisFailure::Disconnected(error) | RedisFailure::Rejected(error) => {
                    StoreError::unavailable(message).with_source(error)
                }
                RedisFailure::Timeout(_) | RedisFailure::UnexpectedReply => StoreError::unavailable(message),
            }
        })
    }
}

impl fmt::Debug for RedisLeases {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RedisLeases").finish_non_exhaustive()
    }
}

#[async_trait]
impl LeaseStore for RedisLeases {
    async fn try_acquire(&self, key: &str, holder: &str, ttl: Duration) -> Result<Option<Lease>, StoreError> {
        let fence = self.run(&self.script_call("acquire", key, holder, ttl)).await?;
        Ok((fence > 0).then(|| Lease { key: key.into(), holder: holder.into(), fence }))
    }

    async fn renew(&self, lease: &Lease, ttl: Duration) -> Result<bool, StoreError> {
        let mut call = self.script_call("renew", &lease.key, &lease.holder, ttl);
        call.arg(lease.fence);
        Ok(self.run(&call).await? > 0)
    }

    async fn release(&self, lease: &Lease) -> Result<(), StoreError> {
        let mut call = self.script_call("release", &lease.key, &lease.holder, Duration::ZERO);
        call.arg(lease.fence);
        self.run(&call).await?;
        Ok(())
    }
}
