//! Leases in Redis pass the conformance suite of lease stores and are lost with Redis.

use std::{cell::RefCell, sync::Arc, time::Duration};

use sidecar_core::{SystemClock, lease::LeaseStore};
use sidecar_store::redis::RedisLeases;
use sidecar_tests::PrivateRedis;

thread_local! {
    /// Dropped with the test's thread.
    static REDIS: RefCell<Option<PrivateRedis>> = const { RefCell::new(None) };
}

async fn new_leases() -> Arc<RedisLeases> {
    let redis = PrivateRedis::start().await;
    let leases = RedisLeases::new(&redis.url(), SystemClock::shared()).unwrap();
    REDIS.set(Some(redis));
    Arc::new(leases)
}

sidecar_store::lease_store_conformance!(new_leases);

const MINUTE: Duration = Duration::from_secs(60);

#[tokio::test]
async fn fences_grow_even_after_redis_lost_all_data() {
    let leases = new_leases().await;
    let first = leases.try_acquire("k", "a", MINUTE).await.unwrap().unwrap();
    let mut redis = REDIS.take().unwrap();
    redis.kill();
    let error = leases.renew(&first, MINUTE).await.unwrap_err();
    assert!(error.is_retryable(), "{error}");
    redis.restart().await;
    let second = leases.try_acquire("k", "b", MINUTE).await.unwrap().unwrap();
    assert!(second.fence > first.fence);
    assert!(!leases.renew(&first, MINUTE).await.unwrap());
}
