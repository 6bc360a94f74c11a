//! [`ProcessRegistry`](sidecar_core::process::ProcessRegistry): counts the live processes.

use std::time::Duration;

use super::{behaviours, fixtures::MINUTE};

behaviours! { $ process_conformance, processes, dyn sidecar_core::process::ProcessRegistry:
    /// A heartbeat counts every live process once.
    async fn every_process_is_counted_once(store) {
        assert_eq!(store.heartbeat("a", MINUTE).await.unwrap(), 1);
        assert_eq!(store.heartbeat("b", MINUTE).await.unwrap(), 2);
        assert_eq!(store.heartbeat("a", MINUTE).await.unwrap(), 2);
    }

    /// Deregistered and expired processes are not counted.
    async fn deregistered_and_expired_processes_are_not_counted(store) {
        store.heartbeat("leaves", MINUTE).await.unwrap();
        store.heartbeat("expires", Duration::ZERO).await.unwrap();
        assert_eq!(store.heartbeat("stays", MINUTE).await.unwrap(), 2);
        store.deregister("leaves").await.unwrap();
        store.deregister("unknown").await.unwrap();
        assert_eq!(store.heartbeat("stays", MINUTE).await.unwrap(), 1);
    }

    /// Concurrent heartbeats do not conflict.
    async fn concurrent_heartbeats_are_all_counted(store) {
        let heartbeats: Vec<_> = (0..16).map(|n| {
            let store = std::sync::Arc::clone(&store);
            tokio::spawn(async move { store.heartbeat(&format!("p{n}"), MINUTE).await.unwrap() })
        }).collect();
        for heartbeat in heartbeats {
            heartbeat.await.unwrap();
        }
        assert_eq!(store.heartbeat("p0", MINUTE).await.unwrap(), 16);
    }
}
