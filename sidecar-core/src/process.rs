//! ProcessRegistry: how many of them share what a provider allows.

use std::{fmt, time::Duration};

use async_trait::async_trait;

use crate::error::StoreError;

/// Where the processes that work together say that they are alive. Time is the store's own.
#[async_trait]
pub trait ProcessRegistry: Send + Sync + fmt::Debug {
    /// Says that `process` is alive for `ttl` from now, and answers how many are, this one included.
    async fn heartbeat(&self, process: &str, ttl: Duration) -> Result<u32, StoreError>;

    /// Says that it is going: the others need not wait for its time to run out.
    async fn deregister(&self, process: &str) -> Result<(), StoreError>;
}
