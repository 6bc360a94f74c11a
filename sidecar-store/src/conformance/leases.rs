//! [`LeaseStore`]: one holder at a time, and a fence that tells the late one from the current one.

use std::{sync::Arc, time::Duration};

use sidecar_core::lease::{Lease, LeaseStore};

use super::{behaviours, make::MINUTE};

async fn take(store: &dyn LeaseStore, holder: &str, ttl: Duration) -> Option<Lease> {
    store.try_acquire("token:k", holder, ttl).await.unwrap()
}

behaviours! { $ lease_store_conformance, leases, dyn LeaseStore:
    /// While somebody holds it nobody else gets it, nor does the holder once more.
    async fn a_lease_has_one_holder(store) {
        let lease = take(&*store, "a", MINUTE).await.unwrap();
        assert_eq!((&*lease.key, &*lease.holder), ("token:k", "a"));
        assert_eq!(take(&*store, "b", MINUTE).await, None);
        assert_eq!(take(&*store, "a", MINUTE).await, None);
    }

    /// Leases of other keys are other leases.
    async fn keys_are_leased_apart(store) {
        take(&*store, "a", MINUTE).await.unwrap();
        assert!(store.try_acquire("token:other", "b", MINUTE).await.unwrap().is_some());
    }

    /// Who lets it run out loses it to the next, under a greater fence.
    async fn a_lease_that_ran_out_is_taken_over(store) {
        let old = take(&*store, "a", Duration::ZERO).await.unwrap();
        let new = take(&*store, "b", MINUTE).await.unwrap();
        assert!(new.fence > old.fence, "{new:?} after {old:?}");
        assert!(!store.renew(&old, MINUTE).await.unwrap());
    }

    /// A lease that is held can be prolonged.
    async fn a_held_lease_is_prolonged(store) {
        let lease = take(&*store, "a", MINUTE).await.unwrap();
        assert!(store.renew(&lease, MINUTE).await.unwrap());
        assert_eq!(take(&*store, "b", MINUTE).await, None);
    }

    /// A prolongation counts from now: it can shorten, too.
    async fn a_prolongation_counts_from_now(store) {
        let lease = take(&*store, "a", MINUTE).await.unwrap();
        assert!(store.renew(&lease, Duration::ZERO).await.unwrap());
        assert!(take(&*store, "b", MINUTE).await.is_some());
    }

    /// A lease that ran out is not prolonged, even if nobody took it.
    async fn a_lease_that_ran_out_is_not_prolonged(store) {
        let lease = take(&*store, "a", Duration::ZERO).await.unwrap();
        assert!(!store.renew(&lease, MINUTE).await.unwrap());
        assert!(take(&*store, "b", MINUTE).await.is_some());
    }

    /// Handed back, it is free at once, and the next fence is greater.
    async fn a_released_lease_is_free(store) {
        let first = take(&*store, "a", MINUTE).await.unwrap();
        store.release(&first).await.unwrap();
        let second = take(&*store, "b", MINUTE).await.unwrap();
        assert!(second.fence > first.fence);
        assert!(!store.renew(&first, MINUTE).await.unwrap());
    }

    /// Handing back what was lost does not free the new holder's lease.
    async fn releasing_a_lost_lease_does_nothing(store) {
        let old = take(&*store, "a", Duration::ZERO).await.unwrap();
        take(&*store, "b", MINUTE).await.unwrap();
        store.release(&old).await.unwrap();
        assert_eq!(take(&*store, "c", MINUTE).await, None);
    }

    /// Of many takers at once one gets it.
    async fn of_many_takers_one_wins(store) {
        let takers = (0..16).map(|n| {
            let store = Arc::clone(&store);
            tokio::spawn(async move { take(&*store, &format!("h{n}"), MINUTE).await.is_some() })
        });
        let mut won = 0;
        for taker in takers.collect::<Vec<_>>() {
            won += usize::from(taker.await.unwrap());
        }
        assert_eq!(won, 1);
    }

    /// The longest time there is does no harm.
    async fn a_lease_may_be_very_long(store) {
        assert!(take(&*store, "a", Duration::MAX).await.is_some());
        assert_eq!(take(&*store, "b", MINUTE).await, None);
    }
}
