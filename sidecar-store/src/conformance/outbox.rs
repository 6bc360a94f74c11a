//! [`Outbox`](sidecar_core::queue::outbox::Outbox): a key runs once, coalescing tasks rerun, an order key runs one task at a time.

use std::{borrow::Cow, collections::HashSet, sync::Arc};

use serde_json::json;
use sidecar_core::queue::{ClaimRequest, outbox::NewTask};

use super::{
    behaviours,
    fixtures::{MINUTE, at, claim_tasks, coalescing, finish_task, keys, org, put_tasks, task},
};
use crate::Store;

fn task_of(organization: &str, key: &str) -> NewTask {
    NewTask { organization: organization.into(), ..task(key, key) }
}

behaviours! { $ outbox_conformance, outbox, dyn Store:
    /// A claim returns the task unchanged.
    async fn a_task_is_claimed_as_it_was_written(store) {
        let payload = json!({"text": "\0\u{1F600}\"", "deep": [{"n": 1.5}, null]});
        put_tasks(&*store, vec![NewTask { payload: payload.clone(), ..task("k", "o") }]).await;
        let found = claim_tasks(&*store, 10, at(0)).await.remove(0);
        assert_eq!((&*found.kind, &*found.key, found.attempt), ("test.push", "k", 1));
        assert_eq!((found.organization, found.payload), (org(), payload));
    }

    /// A task is due at `not_before`.
    async fn a_task_is_not_due_before_its_time(store) {
        put_tasks(&*store, vec![NewTask { not_before: at(10), ..task("k", "o") }]).await;
        assert!(claim_tasks(&*store, 10, at(9)).await.is_empty());
        assert_eq!(claim_tasks(&*store, 10, at(10)).await.len(), 1);
    }

    /// A claim returns the requested kinds, oldest first, up to the limit.
    async fn tasks_are_claimed_by_kind_oldest_first(store) {
        let other = NewTask { kind: Cow::Borrowed("test.other"), ..task("b", "b") };
        put_tasks(&*store, vec![task("c", "c"), other, task("a", "a"), task("d", "d")]).await;
        assert_eq!(keys(&claim_tasks(&*store, 2, at(0)).await), ["c", "a"]);
        let both = store.claim_tasks(&["test.push", "test.other"], &ClaimRequest::new(10, MINUTE, at(0))).await.unwrap();
        assert_eq!(keys(&both), ["b", "d"]);
        assert!(store.claim_tasks(&[], &ClaimRequest::new(10, MINUTE, at(0))).await.unwrap().is_empty());
    }

    /// A key runs once, whether its task is pending or done.
    async fn a_known_key_is_not_written_again(store) {
        put_tasks(&*store, vec![task("k", "o"), NewTask { payload: json!("second"), ..task("k", "o") }]).await;
        put_tasks(&*store, vec![task("k", "o")]).await;
        let found = claim_tasks(&*store, 10, at(0)).await;
        assert_eq!((found.len(), &found[0].payload), (1, &json!({"key": "k"})));
        assert!(finish_task(&*store, &found[0]).await);
        put_tasks(&*store, vec![task("k", "o")]).await;
        assert!(claim_tasks(&*store, 10, at(1_000)).await.is_empty());
    }

    /// Keys are unique per tenant.
    async fn another_tenant_may_use_the_same_key(store) {
        put_tasks(&*store, vec![task("k", "o"), NewTask { organization: "org_2".into(), ..task("k", "o") }]).await;
        assert_eq!(claim_tasks(&*store, 10, at(0)).await.len(), 2);
    }

    /// A claimed task can be claimed again when the lease ends.
    async fn a_task_is_due_again_when_its_lease_ends(store) {
        put_tasks(&*store, vec![task("k", "o")]).await;
        let lost = claim_tasks(&*store, 10, at(0)).await.remove(0);
        assert!(claim_tasks(&*store, 10, at(59)).await.is_empty());
        let claimed = claim_tasks(&*store, 10, at(60)).await.remove(0);
        assert_eq!(claimed.attempt, 2);
        assert!(!finish_task(&*store, &lost).await);
        store.fail_task(&lost.claim, "too late", None).await.unwrap();
        assert!(finish_task(&*store, &claimed).await);
        assert!(!finish_task(&*store, &claimed).await, "twice");
    }

    /// A failed task is due at its retry time, and the claim ends.
    async fn a_failed_task_is_due_again(store) {
        put_tasks(&*store, vec![task("k", "o")]).await;
        let claimed = claim_tasks(&*store, 10, at(0)).await.remove(0);
        store.fail_task(&claimed.claim, "later", Some(at(30))).await.unwrap();
        assert!(!finish_task(&*store, &claimed).await);
        assert!(claim_tasks(&*store, 10, at(29)).await.is_empty());
        assert_eq!(claim_tasks(&*store, 10, at(30)).await[0].attempt, 2);
    }

    /// A snoozed task is due at its time, without a counted attempt, and stays ahead of later tasks.
    async fn a_snoozed_task_keeps_its_attempts_and_its_place(store) {
        put_tasks(&*store, vec![task("a", "o"), task("b", "o")]).await;
        let claimed = claim_tasks(&*store, 10, at(0)).await.remove(0);
        store.snooze_task(&claimed.claim, "limited", at(30)).await.unwrap();
        assert!(!finish_task(&*store, &claimed).await);
        assert!(claim_tasks(&*store, 10, at(29)).await.is_empty());
        let again = claim_tasks(&*store, 10, at(30)).await.remove(0);
        assert_eq!((&*again.key, again.attempt), ("a", 1));
    }

    /// A coalescing task that is done runs again with the new payload.
    async fn a_done_coalescing_task_runs_again(store) {
        put_tasks(&*store, vec![coalescing("read", json!(1))]).await;
        let first = claim_tasks(&*store, 10, at(0)).await.remove(0);
        assert!(finish_task(&*store, &first).await);
        assert!(claim_tasks(&*store, 10, at(100)).await.is_empty(), "one request, one run");
        put_tasks(&*store, vec![NewTask { not_before: at(5), ..coalescing("read", json!(2)) }]).await;
        assert!(claim_tasks(&*store, 10, at(4)).await.is_empty());
        let second = claim_tasks(&*store, 10, at(5)).await.remove(0);
        assert_eq!((second.payload, second.attempt), (json!(2), 1));
    }

    /// Pending coalescing tasks of one key are one, in one batch or several.
    async fn pending_coalescing_tasks_are_one(store) {
        put_tasks(&*store, vec![coalescing("read", json!(1)), coalescing("read", json!(2))]).await;
        put_tasks(&*store, vec![coalescing("read", json!(3))]).await;
        let found = claim_tasks(&*store, 10, at(0)).await;
        assert_eq!((found.len(), &found[0].payload), (1, &json!(3)));
        assert!(finish_task(&*store, &found[0]).await);
        assert!(claim_tasks(&*store, 10, at(1_000)).await.is_empty());
    }

    /// An earlier `not_before` makes a pending task due earlier.
    async fn an_earlier_time_makes_a_pending_task_due(store) {
        put_tasks(&*store, vec![NewTask { not_before: at(100), ..coalescing("read", json!(1)) }]).await;
        put_tasks(&*store, vec![coalescing("read", json!(1))]).await;
        assert_eq!(claim_tasks(&*store, 10, at(0)).await.len(), 1);
    }

    /// A task that is enqueued while it runs is due again, because the run may have read an older state.
    async fn a_task_enqueued_during_its_run_runs_again(store) {
        put_tasks(&*store, vec![coalescing("read", json!(1))]).await;
        let first = claim_tasks(&*store, 10, at(0)).await.remove(0);
        put_tasks(&*store, vec![coalescing("read", json!(2))]).await;
        put_tasks(&*store, vec![coalescing("read", json!(3))]).await;
        assert!(claim_tasks(&*store, 10, at(1)).await.is_empty(), "it is claimed");
        assert!(finish_task(&*store, &first).await);
        let second = claim_tasks(&*store, 10, at(1)).await.remove(0);
        assert_eq!((&second.payload, second.attempt), (&json!(3), 1));
        assert!(finish_task(&*store, &second).await);
        assert!(claim_tasks(&*store, 10, at(1_000)).await.is_empty());
    }

    /// A task that is enqueued by the batch that finishes it is due again.
    async fn a_task_enqueued_by_its_finishing_batch_runs_again(store) {
        put_tasks(&*store, vec![coalescing("read", json!(1))]).await;
        let claimed = claim_tasks(&*store, 10, at(0)).await.remove(0);
        let batch = sidecar_core::commit::Batch {
            outbox_done: vec![claimed.claim],
            outbox: vec![coalescing("read", json!(2))],
            ..Default::default()
        };
        assert!(store.commit(batch).await.unwrap().committed);
        assert_eq!(claim_tasks(&*store, 10, at(0)).await[0].payload, json!(2));
    }

    /// A retry serves the requests from before it.
    async fn a_retry_serves_earlier_requests(store) {
        put_tasks(&*store, vec![coalescing("read", json!(1))]).await;
        let first = claim_tasks(&*store, 10, at(0)).await.remove(0);
        put_tasks(&*store, vec![coalescing("read", json!(2))]).await;
        store.fail_task(&first.claim, "later", Some(at(10))).await.unwrap();
        let second = claim_tasks(&*store, 10, at(10)).await.remove(0);
        assert!(finish_task(&*store, &second).await);
        assert!(claim_tasks(&*store, 10, at(1_000)).await.is_empty());
    }

    /// The claim after a lost one serves the requests from before it.
    async fn a_new_claim_serves_earlier_requests(store) {
        put_tasks(&*store, vec![coalescing("read", json!(1))]).await;
        claim_tasks(&*store, 10, at(0)).await;
        put_tasks(&*store, vec![coalescing("read", json!(2))]).await;
        let second = claim_tasks(&*store, 10, at(60)).await.remove(0);
        assert_eq!(second.payload, json!(2));
        assert!(finish_task(&*store, &second).await);
        assert!(claim_tasks(&*store, 10, at(1_000)).await.is_empty());
    }

    /// A dead-lettered coalescing task that is enqueued again starts with fresh attempts.
    async fn enqueueing_revives_a_dead_lettered_task(store) {
        put_tasks(&*store, vec![coalescing("read", json!(1))]).await;
        let first = claim_tasks(&*store, 10, at(0)).await.remove(0);
        store.fail_task(&first.claim, "no", None).await.unwrap();
        put_tasks(&*store, vec![coalescing("read", json!(2))]).await;
        assert_eq!(store.waiting_tasks().await.unwrap(), (1, 0));
        assert_eq!(claim_tasks(&*store, 10, at(0)).await[0].attempt, 1);
    }

    /// A task that is enqueued during its last attempt gets fresh attempts.
    async fn a_task_enqueued_during_its_last_attempt_survives(store) {
        put_tasks(&*store, vec![coalescing("read", json!(1))]).await;
        let first = claim_tasks(&*store, 10, at(0)).await.remove(0);
        put_tasks(&*store, vec![coalescing("read", json!(2))]).await;
        store.fail_task(&first.claim, "no", None).await.unwrap();
        assert_eq!(claim_tasks(&*store, 10, at(0)).await[0].attempt, 1);
    }

    /// One task per tenant and order key is claimed at a time.
    async fn an_order_key_is_claimed_once(store) {
        let foreign = NewTask { organization: "org_2".into(), ..task("x", "o") };
        put_tasks(&*store, vec![task("a", "o"), task("b", "o"), foreign]).await;
        let first = claim_tasks(&*store, 10, at(0)).await;
        assert_eq!(keys(&first), ["a", "x"]);
        assert!(claim_tasks(&*store, 10, at(0)).await.is_empty());
        assert!(finish_task(&*store, &first[0]).await);
        assert_eq!(keys(&claim_tasks(&*store, 10, at(0)).await), ["b"]);
    }

    /// An attempted task is done or dead-lettered before the next task of its order key.
    async fn an_attempted_task_goes_before_later_ones(store) {
        put_tasks(&*store, vec![task("a", "o"), task("b", "o")]).await;
        let first = claim_tasks(&*store, 10, at(0)).await.remove(0);
        store.fail_task(&first.claim, "later", Some(at(30))).await.unwrap();
        assert!(claim_tasks(&*store, 10, at(29)).await.is_empty());
        let again = claim_tasks(&*store, 10, at(30)).await.remove(0);
        store.fail_task(&again.claim, "no", None).await.unwrap();
        assert_eq!(keys(&claim_tasks(&*store, 10, at(30)).await), ["b"]);
    }

    /// A task that is not due does not block later tasks of its order key.
    async fn a_task_that_is_not_due_blocks_no_other(store) {
        put_tasks(&*store, vec![NewTask { not_before: at(100), ..task("a", "o") }, task("b", "o")]).await;
        assert_eq!(keys(&claim_tasks(&*store, 10, at(0)).await), ["b"]);
    }

    /// A dead-lettered task can be listed and redriven.
    async fn a_dead_lettered_task_is_redriven(store) {
        let foreign = NewTask { organization: "org_2".into(), ..task("b", "b") };
        put_tasks(&*store, vec![task("a", "a"), foreign]).await;
        for claimed in claim_tasks(&*store, 10, at(0)).await {
            store.fail_task(&claimed.claim, "no such contact", None).await.unwrap();
        }
        assert_eq!(store.waiting_tasks().await.unwrap(), (0, 2));
        let dead = store.dead_tasks(Some(&org()), 0, 10).await.unwrap();
        assert_eq!((dead.len(), &*dead[0].key, &*dead[0].error, dead[0].attempts), (1, "a", "no such contact", 1));
        assert_eq!((&*dead[0].kind, &dead[0].payload), ("test.push", &json!({"key": "a"})));
        assert_eq!(store.dead_tasks(None, dead[0].seq, 10).await.unwrap().len(), 1);
        assert!(store.redrive_task(dead[0].seq, at(5)).await.unwrap());
        assert!(!store.redrive_task(dead[0].seq, at(5)).await.unwrap());
        assert!(claim_tasks(&*store, 10, at(4)).await.is_empty());
        let again = claim_tasks(&*store, 10, at(5)).await;
        assert_eq!((keys(&again), again[0].attempt), (vec!["a"], 1));
    }

    /// A claim takes no more tasks of an organization than may run at a time, counting those that are claimed already.
    async fn an_organization_has_a_limit_of_claims(store) {
        put_tasks(&*store, (0..10).map(|n| task_of("org_1", &n.to_string())).chain([task_of("org_2", "x")]).collect()).await;
        let claim = async |now| {
            let request = ClaimRequest { max_per_organization: 3, ..ClaimRequest::new(100, MINUTE, now) };
            store.claim_tasks(&["test.push"], &request).await.unwrap()
        };
        let first = claim(at(0)).await;
        assert_eq!(keys(&first), ["0", "1", "2", "x"]);
        assert!(claim(at(0)).await.is_empty());
        assert!(finish_task(&*store, &first[0]).await);
        assert_eq!(keys(&claim(at(0)).await), ["3"]);
        assert_eq!(keys(&claim(at(60)).await), ["4", "5", "6", "x"], "lost claims do not count");
    }

    /// The limit counts only claims of the requested kinds.
    async fn claims_of_other_kinds_do_not_count(store) {
        let other = NewTask { kind: Cow::Borrowed("test.other"), ..task_of("org_1", "other") };
        put_tasks(&*store, vec![other, task_of("org_1", "a")]).await;
        let request = ClaimRequest { max_per_organization: 1, ..ClaimRequest::new(100, MINUTE, at(0)) };
        assert_eq!(keys(&store.claim_tasks(&["test.other"], &request).await.unwrap()), ["other"]);
        assert_eq!(keys(&store.claim_tasks(&["test.push"], &request).await.unwrap()), ["a"]);
    }

    /// The organizations after the one that had the last turn come first.
    async fn organizations_take_turns(store) {
        let tasks = ["org_1", "org_2", "org_3"].map(|of| (0..3).map(move |n| task_of(of, &format!("{of}.{n}"))));
        put_tasks(&*store, tasks.into_iter().flatten().collect()).await;
        let mut claimed = Vec::new();
        for after in [None, Some("org_1"), Some("org_2"), Some("org_3"), Some("org_1")] {
            let after = after.map(str::to_owned);
            let request = ClaimRequest { max_per_organization: 2, after, ..ClaimRequest::new(1, MINUTE, at(0)) };
            claimed.extend(store.claim_tasks(&["test.push"], &request).await.unwrap());
        }
        assert_eq!(keys(&claimed), ["org_1.0", "org_2.0", "org_3.0", "org_1.1", "org_2.1"]);
    }

    /// A claim whose round starts late still takes the tasks of the first organizations.
    async fn a_round_starts_again_with_the_first_organization(store) {
        put_tasks(&*store, vec![task_of("org_1", "a"), task_of("org_2", "b"), task_of("", "none")]).await;
        let request = ClaimRequest { after: Some("org_1".to_owned()), ..ClaimRequest::new(10, MINUTE, at(0)) };
        let claimed = store.claim_tasks(&["test.push"], &request).await.unwrap();
        assert_eq!(keys(&claimed), ["a", "b", "none"]);
    }

    /// Each task goes to one of sixteen concurrent workers.
    async fn many_workers_share_the_tasks(store) {
        put_tasks(&*store, (0..100).map(|n| task(&n.to_string(), &format!("o{}", n % 10))).collect()).await;
        let workers = (0..16).map(|_| {
            let store = Arc::clone(&store);
            tokio::spawn(async move {
                let mut worked = Vec::new();
                while store.waiting_tasks().await.unwrap().0 > 0 {
                    for claimed in claim_tasks(&*store, 3, at(0)).await {
                        assert!(finish_task(&*store, &claimed).await);
                        worked.push(claimed.key);
                    }
                }
                worked
            })
        });
        let mut worked = Vec::new();
        for worker in workers.collect::<Vec<_>>() {
            worked.extend(worker.await.unwrap());
        }
        assert_eq!((worked.len(), worked.iter().collect::<HashSet<_>>().len()), (100, 100));
    }
}
