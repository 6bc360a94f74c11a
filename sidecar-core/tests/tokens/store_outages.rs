//! The token manager with a store that fails or responds slowly.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use async_trait::async_trait;
use sidecar_core::{
    Clock, ErrorKind, OrganizationId, Result, StoreError,
    token::{CasResult, Connection, ConnectionState, MemoryStore, TokenKey, TokenSet, TokenStore},
};

use crate::harness::Harness;

/// A token store that can fail or respond slowly.
#[derive(Debug)]
struct FlakyStore {
    store: MemoryStore,
    clock: Arc<dyn Clock>,
    faults: Mutex<StoreFaults>,
}

#[derive(Debug, Default)]
struct StoreFaults {
    /// The number of swaps that fail.
    failing_swaps: u32,
    /// Whether loads fail.
    unavailable: bool,
    loads: u32,
    /// The latency of one load, by its number from 1. That load returns the state from when it started.
    slow_load: Option<(u32, Duration)>,
}

impl FlakyStore {
    fn on(harness: &Harness, faults: StoreFaults) -> Arc<Self> {
        Arc::new(Self { store: harness.store.clone(), clock: harness.clock.clone(), faults: Mutex::new(faults) })
    }
}

#[async_trait]
impl TokenStore for FlakyStore {
    async fn load(&self, key: &TokenKey) -> Result<Option<Connection>, StoreError> {
        let latency = {
            let mut faults = self.faults.lock().unwrap();
            faults.loads += 1;
            if faults.unavailable {
                return Err(StoreError::unavailable("connection lost"));
            }
            faults
                .slow_load
                .filter(|(number, _)| *number == faults.loads)
                .map_or(Duration::ZERO, |(_, latency)| latency)
        };
        let loaded = self.store.load(key).await;
        self.clock.sleep(latency).await;
        loaded
    }
    async fn swap(
        &self,
        key: &TokenKey,
        expected: u64,
        next: &TokenSet,
        state: &ConnectionState,
    ) -> Result<CasResult, StoreError> {
        let fails = {
            let mut faults = self.faults.lock().unwrap();
            let fails = faults.failing_swaps > 0;
            faults.failing_swaps = faults.failing_swaps.saturating_sub(1);
            fails
        };
        if fails {
            Err(StoreError::unavailable("connection lost"))
        } else {
            self.store.swap(key, expected, next, state).await
        }
    }
    async fn set_state(&self, key: &TokenKey, generation: u64, state: &ConnectionState) -> Result<(), StoreError> {
        self.store.set_state(key, generation, state).await
    }
    async fn delete_tokens(&self, key: &TokenKey) -> Result<(), StoreError> {
        self.store.delete_tokens(key).await
    }
    async fn connections(&self, organization: &OrganizationId) -> Result<Vec<Connection>, StoreError> {
        self.store.connections(organization).await
    }
}

#[tokio::test(start_paused = true)]
async fn a_rotated_token_is_stored_after_a_long_store_outage() {
    let harness = Harness::new(Duration::ZERO, Duration::ZERO).await;
    let manager =
        harness.process_on(FlakyStore::on(&harness, StoreFaults { failing_swaps: 100, ..StoreFaults::default() }));
    let error = manager.tokens(&harness.key, None).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Deadline, "callers wait no longer than configured: {error}");
    harness.clock.sleep(Duration::from_secs(120)).await;
    assert_eq!(manager.tokens(&harness.key, None).await.unwrap().generation, 2);
    assert_eq!(harness.exchanges(), (1, 0));
}

#[tokio::test(start_paused = true)]
async fn a_valid_token_is_returned_while_the_store_is_unavailable() {
    let harness = Harness::new(Duration::from_secs(1000), Duration::ZERO).await;
    let store = FlakyStore::on(&harness, StoreFaults::default());
    let manager = harness.process_on(store.clone());
    manager.tokens(&harness.key, None).await.unwrap();
    // The refresh is due, and the token is valid for another 200 s.
    harness.clock.sleep(Duration::from_secs(800)).await;
    store.faults.lock().unwrap().unavailable = true;
    for _ in 0..100 {
        assert_eq!(manager.tokens(&harness.key, None).await.unwrap().generation, 1);
        harness.clock.sleep(Duration::from_secs(1)).await;
    }
    store.faults.lock().unwrap().unavailable = false;
    manager.tokens(&harness.key, None).await.unwrap();
    harness.clock.sleep(Duration::from_secs(1)).await;
    assert_eq!(manager.tokens(&harness.key, None).await.unwrap().generation, 2);
}

#[tokio::test(start_paused = true)]
async fn a_process_that_lost_its_lease_does_not_send_the_refresh_token() {
    let harness = Harness::new(Duration::ZERO, Duration::from_millis(1500)).await;
    // Its second load takes longer than its lease of 3 s and misses the refresh of the other process.
    let faults = StoreFaults { slow_load: Some((2, Duration::from_secs(4))), ..StoreFaults::default() };
    let (slow, other) = (harness.process_on(FlakyStore::on(&harness, faults)), harness.process());
    let (slow, other) = tokio::join!(slow.tokens(&harness.key, None), async {
        harness.clock.sleep(Duration::from_millis(10)).await;
        other.tokens(&harness.key, None).await
    });
    assert_eq!((slow.unwrap().generation, other.unwrap().generation), (2, 2));
    assert_eq!(harness.exchanges(), (1, 0));
}
