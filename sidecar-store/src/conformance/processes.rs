//! Processes that share limits know how many they are.

use std::time::Duration;

use super::{behaviours, make::MINUTE};

behaviours! { $ process_conformance, processes, dyn sidecar_core::process::ProcessRegistry:
    /// Each counts itself and the others, however often it says that it is alive.
    async fn every_process_is_counted_once(store) {
        assert_eq!(store.heartbeat("a", MINUTE).await.unwrap(), 1);
        assert_eq!(store.heartbeat("b", MINUTE).await.unwrap(), 2);
        assert_eq!(store.heartbeat("a", MINUTE).await.unwrap(), 2);
    }

    /// One that says goodbye is not counted any more, nor is one that fell silent.
    async fn who_left_or_fell_silent_is_not_counted(store) {
        store.heartbeat("leaves", MINUTE).await.unwrap();
        store.heartbeat("falls silent", Duration::ZERO).await.unwrap();
        assert_eq!(store.heartbeat("stays", MINUTE).await.unwrap(), 2);
        store.deregister("leaves").await.unwrap();
        store.deregister("never came").await.unwrap();
        assert_eq!(store.heartbeat("stays", MINUTE).await.unwrap(), 1);
    }

    /// Beats at the same time do not get into each other's way.
    async fn beats_at_the_same_time_are_all_counted(store) {
        let beats: Vec<_> = (0..16).map(|n| {
            let store = std::sync::Arc::clone(&store);
            tokio::spawn(async move { store.heartbeat(&format!("p{n}"), MINUTE).await.unwrap() })
        }).collect();
        for beat in beats {
            beat.await.unwrap();
        }
        assert_eq!(store.heartbeat("p0", MINUTE).await.unwrap(), 16);
    }
}
