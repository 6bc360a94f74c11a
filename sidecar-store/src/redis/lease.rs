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
    link::{Failure, Link},
};

/// How long Redis may take to answer. Leases are prolonged in time only if this is well below their length.
const PATIENCE: Duration = Duration::from_secs(1);
/// A century: added to Redis's clock it stays far from the end of its numbers.
const LONGEST: Duration = Duration::from_secs(3_155_760_000);

/// Leases in Redis.
///
/// A Redis that loses its data, or fails over to a replica that lags, loses leases: two processes may then hold the same
/// one. Keep leases in the database where that matters, as it does for tokens; the database's are the default
/// everywhere in Sidecar. While Redis cannot be reached, every method answers with a [`StoreError`] that may be retried,
/// within a second.
pub struct RedisLeases {
    link: Link,
    script: Script,
    clock: Arc<dyn Clock>,
    /// What keys begin with. The braces are the hash tag.
    keys: String,
}

impl RedisLeases {
    /// With keys that begin with [`PREFIX`]. Nothing is sent.
    ///
    /// # Errors
    /// [`RedisUrlError`] when the address cannot be used.
    pub fn new(url: &str, clock: Arc<dyn Clock>) -> Result<Self, RedisUrlError> {
        Self::with_prefix(url, PREFIX, clock)
    }

    /// With a prefix of your own, without braces.
    ///
    /// # Errors
    /// As [`RedisLeases::new`].
    pub fn with_prefix(url: &str, prefix: &str, clock: Arc<dyn Clock>) -> Result<Self, RedisUrlError> {
        let script = Script::new(include_str!("lease.lua"));
        Ok(Self { link: Link::open(url)?, script, clock, keys: format!("{{{prefix}lease}}:") })
    }

    fn question(&self, operation: &str, key: &str, holder: &str, ttl: Duration) -> ScriptInvocation<'_> {
        // A lease of less than a millisecond is not one that has ended already.
        let millis = ttl.min(LONGEST).as_micros().div_ceil(1_000);
        let mut question = self.script.key(format!("{}held:{key}", self.keys));
        question.key(format!("{}fence", self.keys));
        question.arg(operation).arg(holder).arg(millis.to_string());
        question
    }

    async fn ask(&self, question: &ScriptInvocation<'_>) -> Result<u64, StoreError> {
        self.link.run(&*self.clock, PATIENCE, question).await.map_err(|failure| {
            let message = format!("Redis did not keep the lease: {failure}");
            match failure {
                Failure::Broken(error) | Failure::Refused(error) => StoreError::unavailable(message).with_source(error),
                Failure::Late(_) | Failure::Strange => StoreError::unavailable(message),
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
        let fence = self.ask(&self.question("take", key, holder, ttl)).await?;
        Ok((fence > 0).then(|| Lease { key: key.into(), holder: holder.into(), fence }))
    }

    async fn renew(&self, lease: &Lease, ttl: Duration) -> Result<bool, StoreError> {
        let mut question = self.question("renew", &lease.key, &lease.holder, ttl);
        question.arg(lease.fence);
        Ok(self.ask(&question).await? > 0)
    }

    async fn release(&self, lease: &Lease) -> Result<(), StoreError> {
        let mut question = self.question("release", &lease.key, &lease.holder, Duration::ZERO);
        question.arg(lease.fence);
        self.ask(&question).await?;
        Ok(())
    }
}
