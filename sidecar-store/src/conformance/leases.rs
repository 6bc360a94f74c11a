//! [`LeaseStore`]: one holder at a time, and fences that increase.

use std::{sync::Arc, time::Duration};

use sidecar_core::lease::{Lease, LeaseStore};

use super::{behaviours, fixtures::MINUTE};

async fn acquire(store: &dyn LeaseStore, holder: &str, ttl: Duration) -> Option<Lease> {
    store.try_acquire("token:k", holder, ttl).await.unwrap()
}

behaviours! { $ lease_store_conformance, leases, dyn LeaseStore:
    /// A held lease cannot be acquired, not even by its holder.
    async fn a_lease_has_one_holder(store) {
        let lease = acquire(&*store, "a", MINUTE).await.unwrap();
        assert_eq!((&*lease.key, &*lease.holder), ("token:k", "a"));
        assert_eq!(acquire(&*store, "b", MINUTE).await, None);
        assert_eq!(acquire(&*store, "a", MINUTE).await, None);
    }

    /// Different keys are different leases.
    async fn keys_are_leased_separately(store) {
        acquire(&*store, "a", MINUTE).await.unwrap();
        assert!(store.try_acquire("token:other", "b", MINUTE).await.unwrap().is_some());
    }

    /// An expired lease can be acquired by another holder, with a greater fence.
    async fn an_expired_lease_is_taken_over(store) {
        let old = acquire(&*store, "a", Duration::ZERO).await.unwrap();
        let new = acquire(&*store, "b", MINUTE).await.unwrap();
        assert!(new.fence > old.fence, "{new:?} after {old:?}");
        assert!(!store.renew(&old, MINUTE).await.unwrap());
    }

    /// A held lease can be renewed.
    async fn a_held_lease_is_renewed(store) {
        let lease = acquire(&*store, "a", MINUTE).await.unwrap();
        assert!(store.renew(&lease, MINUTE).await.unwrap());
        assert_eq!(acquire(&*store, "b", MINUTE).await, None);
    }

    /// A renewal counts from now, so it can shorten the lease.
    async fn a_renewal_counts_from_now(store) {
        let lease = acquire(&*store, "a", MINUTE).await.unwrap();
        assert!(store.renew(&lease, Duration::ZERO).await.unwrap());
        assert!(acquire(&*store, "b", MINUTE).await.is_some());
    }

    /// An expired lease cannot be renewed, even if it is free.
    async fn an_expired_lease_is_not_renewed(store) {
        let lease = acquire(&*store, "a", Duration::ZERO).await.unwrap();
        assert!(!store.renew(&lease, MINUTE).await.unwrap());
        assert!(acquire(&*store, "b", MINUTE).await.is_some());
    }

    /// A released lease is free at once, and the next fence is greater.
    async fn a_released_lease_is_free(store) {
        let first = acquire(&*store, "a", MINUTE).await.unwrap();
        store.release(&first).await.unwrap();
        let second = acquire(&*store, "b", MINUTE).await.unwrap();
        assert!(second.fence > first.fence);
        assert!(!store.renew(&first, MINUTE).await.unwrap());
    }

    /// The release of a lost lease does not affect its new holder.
    async fn releasing_a_lost_lease_does_nothing(store) {
        let old = acquire(&*store, "a", Duration::ZERO).await.unwrap();
        acquire(&*store, "b", MINUTE).await.unwrap();
        store.release(&old).await.unwrap();
        assert_eq!(acquire(&*store, "c", MINUTE).await, None);
    }

    /// One of several concurrent callers acquires the lease.
    async fn one_of_many_callers_wins(store) {
        let callers = (0..16).map(|n| {
            let store = Arc::clone(&store);
            tokio::spawn(async move { acquire(&*store, &format!("h{n}"), MINUTE).await.is_some() })
        });
        let mut won = 0;
        for caller in callers.collect::<Vec<_>>() {
            won += usize::from(caller.await.unwrap());
        }
        assert_eq!(won, 1);
    }

    /// The maximum TTL does not overflow.
    async fn a_lease_can_have_the_maximum_ttl(store) {
        assert!(acquire(&*store, "a", Duration::MAX).await.is_some());
        assert_eq!(acquire(&*store, "b", MINUTE).await, None);
    }
}
