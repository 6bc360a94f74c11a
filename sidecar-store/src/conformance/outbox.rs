//! [`Outbox`](sidecar_core::queue::outbox::Outbox): a key happens once, a wish once more, an order key one at a time.

use std::{borrow::Cow, collections::HashSet, sync::Arc};

use serde_json::json;
use sidecar_core::queue::outbox::NewTask;

use super::{
    behaviours,
    make::{MINUTE, at, claim_tasks, finish_task, keys, org, put_tasks, task, wish},
};
use crate::Store;

behaviours! { $ outbox_conformance, outbox, dyn Store:
    /// A task comes as it was written.
    async fn a_task_comes_as_it_was_written(store) {
        let payload = json!({"text": "\0\u{1F600}\"", "deep": [{"n": 1.5}, null]});
        put_tasks(&*store, vec![NewTask { payload: payload.clone(), ..task("k", "o") }]).await;
        let found = claim_tasks(&*store, 10, at(0)).await.remove(0);
        assert_eq!((&*found.kind, &*found.key, found.attempt), ("test.push", "k", 1));
        assert_eq!((found.organization, found.payload), (org(), payload));
    }

    /// A task has its time.
    async fn a_task_is_not_due_before_its_time(store) {
        put_tasks(&*store, vec![NewTask { not_before: at(10), ..task("k", "o") }]).await;
        assert!(claim_tasks(&*store, 10, at(9)).await.is_empty());
        assert_eq!(claim_tasks(&*store, 10, at(10)).await.len(), 1);
    }

    /// A worker gets the kinds it knows, oldest first, as many as it asks for.
    async fn tasks_are_claimed_by_kind_oldest_first(store) {
        let other = NewTask { kind: Cow::Borrowed("test.other"), ..task("b", "b") };
        put_tasks(&*store, vec![task("c", "c"), other, task("a", "a"), task("d", "d")]).await;
        assert_eq!(keys(&claim_tasks(&*store, 2, at(0)).await), ["c", "a"]);
        let both = store.claim_tasks(&["test.push", "test.other"], 10, MINUTE, at(0)).await.unwrap();
        assert_eq!(keys(&both), ["b", "d"]);
        assert!(store.claim_tasks(&[], 10, MINUTE, at(0)).await.unwrap().is_empty());
    }

    /// A key happens once, whether it waits, is done or is given up.
    async fn a_known_key_is_not_written_again(store) {
        put_tasks(&*store, vec![task("k", "o"), NewTask { payload: json!("second"), ..task("k", "o") }]).await;
        put_tasks(&*store, vec![task("k", "o")]).await;
        let found = claim_tasks(&*store, 10, at(0)).await;
        assert_eq!((found.len(), &found[0].payload), (1, &json!({"key": "k"})));
        assert!(finish_task(&*store, &found[0]).await);
        put_tasks(&*store, vec![task("k", "o")]).await;
        assert!(claim_tasks(&*store, 10, at(1_000)).await.is_empty());
    }

    /// Keys are the tenant's own.
    async fn another_tenant_may_use_the_same_key(store) {
        put_tasks(&*store, vec![task("k", "o"), NewTask { organization: "org_2".into(), ..task("k", "o") }]).await;
        assert_eq!(claim_tasks(&*store, 10, at(0)).await.len(), 2);
    }

    /// What is held comes again when its lease is over.
    async fn a_task_comes_again_when_its_lease_ends(store) {
        put_tasks(&*store, vec![task("k", "o")]).await;
        let lost = claim_tasks(&*store, 10, at(0)).await.remove(0);
        assert!(claim_tasks(&*store, 10, at(59)).await.is_empty());
        let held = claim_tasks(&*store, 10, at(60)).await.remove(0);
        assert_eq!(held.attempt, 2);
        assert!(!finish_task(&*store, &lost).await);
        store.fail_task(&lost.claim, "too late", None).await.unwrap();
        assert!(finish_task(&*store, &held).await);
        assert!(!finish_task(&*store, &held).await, "twice");
    }

    /// A failed task has its next time, and its claim is over.
    async fn a_failed_task_is_due_again(store) {
        put_tasks(&*store, vec![task("k", "o")]).await;
        let held = claim_tasks(&*store, 10, at(0)).await.remove(0);
        store.fail_task(&held.claim, "later", Some(at(30))).await.unwrap();
        assert!(!finish_task(&*store, &held).await);
        assert!(claim_tasks(&*store, 10, at(29)).await.is_empty());
        assert_eq!(claim_tasks(&*store, 10, at(30)).await[0].attempt, 2);
    }

    /// A task that was put off is due at its time, as if it had not been tried, and keeps its place before later ones.
    async fn a_task_that_is_put_off_keeps_its_attempts_and_its_place(store) {
        put_tasks(&*store, vec![task("a", "o"), task("b", "o")]).await;
        let held = claim_tasks(&*store, 10, at(0)).await.remove(0);
        store.snooze_task(&held.claim, "limited", at(30)).await.unwrap();
        assert!(!finish_task(&*store, &held).await);
        assert!(claim_tasks(&*store, 10, at(29)).await.is_empty());
        let again = claim_tasks(&*store, 10, at(30)).await.remove(0);
        assert_eq!((&*again.key, again.attempt), ("a", 1));
    }

    /// A wish that was fulfilled can be wished again, with what is wished now.
    async fn a_wish_after_it_was_done_is_done_again(store) {
        put_tasks(&*store, vec![wish("read", json!(1))]).await;
        let first = claim_tasks(&*store, 10, at(0)).await.remove(0);
        assert!(finish_task(&*store, &first).await);
        assert!(claim_tasks(&*store, 10, at(100)).await.is_empty(), "one wish, one time");
        put_tasks(&*store, vec![NewTask { not_before: at(5), ..wish("read", json!(2)) }]).await;
        assert!(claim_tasks(&*store, 10, at(4)).await.is_empty());
        let second = claim_tasks(&*store, 10, at(5)).await.remove(0);
        assert_eq!((second.payload, second.attempt), (json!(2), 1));
    }

    /// Several wishes for one thing are one, in one batch or many.
    async fn wishes_that_wait_are_one(store) {
        put_tasks(&*store, vec![wish("read", json!(1)), wish("read", json!(2))]).await;
        put_tasks(&*store, vec![wish("read", json!(3))]).await;
        let found = claim_tasks(&*store, 10, at(0)).await;
        assert_eq!((found.len(), &found[0].payload), (1, &json!(3)));
        assert!(finish_task(&*store, &found[0]).await);
        assert!(claim_tasks(&*store, 10, at(1_000)).await.is_empty());
    }

    /// A wish for sooner is heard while the task waits for later.
    async fn an_earlier_wish_makes_a_waiting_task_due(store) {
        put_tasks(&*store, vec![NewTask { not_before: at(100), ..wish("read", json!(1)) }]).await;
        put_tasks(&*store, vec![wish("read", json!(1))]).await;
        assert_eq!(claim_tasks(&*store, 10, at(0)).await.len(), 1);
    }

    /// A wish that comes while the task is carried out is not lost: what was read may be older than the wish.
    async fn a_wish_during_the_work_makes_it_due_once_more(store) {
        put_tasks(&*store, vec![wish("read", json!(1))]).await;
        let first = claim_tasks(&*store, 10, at(0)).await.remove(0);
        put_tasks(&*store, vec![wish("read", json!(2))]).await;
        put_tasks(&*store, vec![wish("read", json!(3))]).await;
        assert!(claim_tasks(&*store, 10, at(1)).await.is_empty(), "it is held");
        assert!(finish_task(&*store, &first).await);
        let second = claim_tasks(&*store, 10, at(1)).await.remove(0);
        assert_eq!((&second.payload, second.attempt), (&json!(3), 1));
        assert!(finish_task(&*store, &second).await);
        assert!(claim_tasks(&*store, 10, at(1_000)).await.is_empty());
    }

    /// A wish in the very batch that finishes the task makes it due once more, too.
    async fn a_wish_in_the_finishing_batch_is_kept(store) {
        put_tasks(&*store, vec![wish("read", json!(1))]).await;
        let held = claim_tasks(&*store, 10, at(0)).await.remove(0);
        let batch = sidecar_core::commit::Batch {
            outbox_done: vec![held.claim],
            outbox: vec![wish("read", json!(2))],
            ..Default::default()
        };
        assert!(store.commit(batch).await.unwrap().committed);
        assert_eq!(claim_tasks(&*store, 10, at(0)).await[0].payload, json!(2));
    }

    /// A retry fulfils the wishes that came before it.
    async fn a_retry_fulfils_earlier_wishes(store) {
        put_tasks(&*store, vec![wish("read", json!(1))]).await;
        let first = claim_tasks(&*store, 10, at(0)).await.remove(0);
        put_tasks(&*store, vec![wish("read", json!(2))]).await;
        store.fail_task(&first.claim, "later", Some(at(10))).await.unwrap();
        let second = claim_tasks(&*store, 10, at(10)).await.remove(0);
        assert!(finish_task(&*store, &second).await);
        assert!(claim_tasks(&*store, 10, at(1_000)).await.is_empty());
    }

    /// A lost worker's wish is fulfilled by the next claim: it begins after the wish.
    async fn a_new_claim_fulfils_earlier_wishes(store) {
        put_tasks(&*store, vec![wish("read", json!(1))]).await;
        claim_tasks(&*store, 10, at(0)).await;
        put_tasks(&*store, vec![wish("read", json!(2))]).await;
        let second = claim_tasks(&*store, 10, at(60)).await.remove(0);
        assert_eq!(second.payload, json!(2));
        assert!(finish_task(&*store, &second).await);
        assert!(claim_tasks(&*store, 10, at(1_000)).await.is_empty());
    }

    /// A wish for what was given up is a new beginning.
    async fn a_wish_revives_what_was_given_up(store) {
        put_tasks(&*store, vec![wish("read", json!(1))]).await;
        let first = claim_tasks(&*store, 10, at(0)).await.remove(0);
        store.fail_task(&first.claim, "no", None).await.unwrap();
        put_tasks(&*store, vec![wish("read", json!(2))]).await;
        assert_eq!(store.waiting_tasks().await.unwrap(), (1, 0));
        assert_eq!(claim_tasks(&*store, 10, at(0)).await[0].attempt, 1);
    }

    /// A wish that comes during a last attempt gets attempts of its own.
    async fn a_wish_survives_giving_up(store) {
        put_tasks(&*store, vec![wish("read", json!(1))]).await;
        let first = claim_tasks(&*store, 10, at(0)).await.remove(0);
        put_tasks(&*store, vec![wish("read", json!(2))]).await;
        store.fail_task(&first.claim, "no", None).await.unwrap();
        assert_eq!(claim_tasks(&*store, 10, at(0)).await[0].attempt, 1);
    }

    /// Of one tenant and order key one task is held at a time.
    async fn an_order_key_is_held_once(store) {
        let foreign = NewTask { organization: "org_2".into(), ..task("x", "o") };
        put_tasks(&*store, vec![task("a", "o"), task("b", "o"), foreign]).await;
        let first = claim_tasks(&*store, 10, at(0)).await;
        assert_eq!(keys(&first), ["a", "x"]);
        assert!(claim_tasks(&*store, 10, at(0)).await.is_empty());
        assert!(finish_task(&*store, &first[0]).await);
        assert_eq!(keys(&claim_tasks(&*store, 10, at(0)).await), ["b"]);
    }

    /// A task that was begun is done or given up before the next one of its order key.
    async fn a_begun_task_goes_before_later_ones(store) {
        put_tasks(&*store, vec![task("a", "o"), task("b", "o")]).await;
        let first = claim_tasks(&*store, 10, at(0)).await.remove(0);
        store.fail_task(&first.claim, "later", Some(at(30))).await.unwrap();
        assert!(claim_tasks(&*store, 10, at(29)).await.is_empty());
        let again = claim_tasks(&*store, 10, at(30)).await.remove(0);
        store.fail_task(&again.claim, "no", None).await.unwrap();
        assert_eq!(keys(&claim_tasks(&*store, 10, at(30)).await), ["b"]);
    }

    /// A task of tomorrow does not hold up today's.
    async fn a_task_of_later_holds_up_nobody(store) {
        put_tasks(&*store, vec![NewTask { not_before: at(100), ..task("a", "o") }, task("b", "o")]).await;
        assert_eq!(keys(&claim_tasks(&*store, 10, at(0)).await), ["b"]);
    }

    /// What is given up can be looked at, and tried anew.
    async fn a_given_up_task_is_redriven(store) {
        let foreign = NewTask { organization: "org_2".into(), ..task("b", "b") };
        put_tasks(&*store, vec![task("a", "a"), foreign]).await;
        for held in claim_tasks(&*store, 10, at(0)).await {
            store.fail_task(&held.claim, "no such contact", None).await.unwrap();
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

    /// Sixteen workers at once: each task goes to one of them.
    async fn many_workers_share_the_tasks(store) {
        put_tasks(&*store, (0..100).map(|n| task(&n.to_string(), &format!("o{}", n % 10))).collect()).await;
        let workers = (0..16).map(|_| {
            let store = Arc::clone(&store);
            tokio::spawn(async move {
                let mut worked = Vec::new();
                while store.waiting_tasks().await.unwrap().0 > 0 {
                    for held in claim_tasks(&*store, 3, at(0)).await {
                        assert!(finish_task(&*store, &held).await);
                        worked.push(held.key);
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
