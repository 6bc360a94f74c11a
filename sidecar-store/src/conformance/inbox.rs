//! [`Inbox`](sidecar_core::queue::inbox::Inbox): deduplication, order per key, and the fencing of lost claims.

use std::{
    borrow::Cow,
    collections::HashMap,
    sync::{Arc, Mutex},
};

use sidecar_core::{
    Timestamp,
    commit::Batch,
    queue::ClaimRequest,
    queue::inbox::{Backlog, Claim, ClaimRef, NewDelivery, Receipt},
};

use super::{
    behaviours,
    fixtures::{MINUTE, at, delivery, ids, org},
};
use crate::Store;

async fn put(store: &dyn Store, deliveries: &[(&str, &str)]) {
    let deliveries: Vec<_> = deliveries.iter().map(|(id, key)| delivery(id, key)).collect();
    let receipts = store.put(&deliveries).await.unwrap();
    assert!(receipts.iter().all(|receipt| *receipt == Receipt::New));
}

async fn claim(store: &dyn Store, now: Timestamp) -> Vec<Claim> {
    store.claim(&ClaimRequest::new(100, MINUTE, now)).await.unwrap()
}

async fn finish(store: &dyn Store, claims: &[ClaimRef]) -> bool {
    store.commit(Batch { inbox_done: claims.to_vec(), ..Batch::default() }).await.unwrap().committed
}

fn delivery_of(organization: Option<&str>, id: &str, order_key: &str) -> NewDelivery {
    NewDelivery { organization: organization.map(Into::into), ..delivery(id, order_key) }
}

async fn claim_fairly(store: &dyn Store, limit: u32, after: Option<&str>) -> Vec<Claim> {
    let after = after.map(str::to_owned);
    let request = ClaimRequest { max_per_organization: 2, after, ..ClaimRequest::new(limit, MINUTE, at(0)) };
    store.claim(&request).await.unwrap()
}

behaviours! { $ inbox_conformance, inbox, dyn Store:
    /// Receipts have the order of the deliveries.
    async fn known_deliveries_are_duplicates(store) {
        put(&*store, &[("1", "k"), ("2", "k")]).await;
        let receipts = store.put(&[delivery("2", "k"), delivery("3", "k"), delivery("1", "other")]).await.unwrap();
        assert_eq!(receipts, [Receipt::Duplicate, Receipt::New, Receipt::Duplicate]);
        assert_eq!(ids(&claim(&*store, at(0)).await), ["1", "2", "3"]);
    }

    /// If one call has equal ids, only the first is new.
    async fn a_duplicate_within_one_call_is_detected(store) {
        let receipts = store.put(&[delivery("1", "k"), delivery("1", "k"), delivery("2", "k")]).await.unwrap();
        assert_eq!(receipts, [Receipt::New, Receipt::Duplicate, Receipt::New]);
        assert_eq!(ids(&claim(&*store, at(0)).await), ["1", "2"]);
    }

    /// Ids are unique per sender.
    async fn another_sender_can_use_the_same_id(store) {
        let other = NewDelivery { source: Cow::Borrowed("stripe"), ..delivery("1", "k") };
        assert_eq!(store.put(&[delivery("1", "k"), other]).await.unwrap(), [Receipt::New, Receipt::New]);
    }

    /// A claim takes a limited number of deliveries of an organization, in the order of their arrival.
    async fn an_organization_has_a_limit_in_a_claim(store) {
        let flood = (0..5).map(|n| delivery_of(Some("org_1"), &n.to_string(), &n.to_string()));
        let others = [delivery_of(Some("org_2"), "a", "a"), delivery_of(None, "none", "none")];
        store.put(&flood.chain(others).collect::<Vec<_>>()).await.unwrap();
        assert_eq!(ids(&claim_fairly(&*store, 10, None).await), ["0", "1", "a", "none"]);
        assert_eq!(ids(&claim_fairly(&*store, 10, None).await), ["2", "3"]);
    }

    /// The limit of an organization applies to the deliveries of one order key too, which keep their order.
    async fn one_order_key_does_not_fill_a_claim(store) {
        let flood = (0..5).map(|n| delivery_of(Some("org_1"), &n.to_string(), "k"));
        store.put(&flood.chain([delivery_of(Some("org_2"), "a", "a")]).collect::<Vec<_>>()).await.unwrap();
        assert_eq!(ids(&claim_fairly(&*store, 3, None).await), ["0", "1", "a"]);
        assert!(claim_fairly(&*store, 10, None).await.is_empty(), "the key is claimed");
    }

    /// The organizations after the one that had the last turn come first.
    async fn organizations_take_turns(store) {
        let of = |organization: &'static str| (0..3).map(move |n| (organization, format!("{organization}.{n}")));
        let deliveries = ["org_1", "org_2", "org_3"].into_iter().flat_map(of);
        store.put(&deliveries.map(|(of, id)| delivery_of(Some(of), &id, &id)).collect::<Vec<_>>()).await.unwrap();
        let mut claimed = Vec::new();
        for after in [None, Some("org_1"), Some("org_2"), Some("org_3")] {
            claimed.extend(claim_fairly(&*store, 1, after).await);
        }
        assert_eq!(ids(&claimed), ["org_1.0", "org_2.0", "org_3.0", "org_1.1"]);
        assert_eq!(ids(&claim_fairly(&*store, 4, Some("org_2")).await), ["org_1.2", "org_2.1", "org_3.1", "org_3.2"]);
    }

    /// A delivery waits for an earlier one of its order key that belongs to another organization.
    async fn an_order_key_keeps_its_order_across_organizations(store) {
        let first = (0..3).map(|n| delivery_of(None, &n.to_string(), &n.to_string()));
        store.put(&first.chain([delivery_of(Some("org_1"), "next", "2")]).collect::<Vec<_>>()).await.unwrap();
        assert_eq!(ids(&claim_fairly(&*store, 10, None).await), ["0", "1"]);
        let claims = claim_fairly(&*store, 10, None).await;
        assert_eq!(ids(&claims), ["2"]);
        assert!(finish(&*store, &[claims[0].claim.clone()]).await);
        assert_eq!(ids(&claim_fairly(&*store, 10, None).await), ["next"]);
    }

    /// An empty call is not an error.
    async fn an_empty_put_stores_nothing(store) {
        assert!(store.put(&[]).await.unwrap().is_empty());
        assert_eq!(store.backlog().await.unwrap(), Backlog::default());
    }

    /// Bodies are returned byte for byte.
    async fn bodies_are_returned_as_received(store) {
        let bodies: [&[u8]; 7] = [
            b"", b"\0", b"{\"a\":\"\\u0000\\ud800\"}", b"\xff\xfe\x00binary", "gr\u{fc}n \u{1F600} \u{2028}".as_bytes(),
            b"not json", b"0x41",
        ];
        let deliveries: Vec<_> = bodies
            .iter()
            .enumerate()
            .map(|(n, body)| NewDelivery { body: body.to_vec().into(), ..delivery(&n.to_string(), "k") })
            .collect();
        store.put(&deliveries).await.unwrap();
        let claims = claim(&*store, at(0)).await;
        let found: Vec<_> = claims.into_iter().map(|claim| claim.delivery).collect();
        assert_eq!(found, deliveries);
    }

    /// Ids and names can be any text.
    async fn unusual_names_are_stored(store) {
        let odd = NewDelivery { organization: None, kind: "".into(), ..delivery("a\"b\\c\u{1F600}'; --", "k'\n") };
        store.put(std::slice::from_ref(&odd)).await.unwrap();
        assert_eq!(store.put(std::slice::from_ref(&odd)).await.unwrap(), [Receipt::Duplicate]);
        assert_eq!(claim(&*store, at(0)).await[0].delivery, odd);
    }

    /// Claims have the order of arrival and start with attempt 1.
    async fn claims_have_the_order_of_arrival(store) {
        put(&*store, &[("b", "1"), ("a", "2"), ("c", "3")]).await;
        let claims = claim(&*store, at(0)).await;
        assert_eq!(ids(&claims), ["b", "a", "c"]);
        assert!(claims.iter().all(|claim| claim.attempt == 1));
    }

    /// A claim returns at most `limit` deliveries.
    async fn claims_are_limited(store) {
        put(&*store, &[("1", "a"), ("2", "b"), ("3", "c")]).await;
        assert_eq!(ids(&store.claim(&ClaimRequest::new(2, MINUTE, at(0))).await.unwrap()), ["1", "2"]);
        assert_eq!(ids(&store.claim(&ClaimRequest::new(2, MINUTE, at(0))).await.unwrap()), ["3"]);
    }

    /// A claimed delivery is free when the lease ends. The next claim is the next attempt, with a greater fence.
    async fn a_claim_lasts_until_its_lease_ends(store) {
        put(&*store, &[("1", "k")]).await;
        let first = claim(&*store, at(0)).await.remove(0);
        assert!(claim(&*store, at(59)).await.is_empty());
        let second = claim(&*store, at(60)).await.remove(0);
        assert_eq!((second.claim.seq, second.attempt), (first.claim.seq, 2));
        assert!(second.claim.fence > first.claim.fence);
    }

    /// A delivery does not overtake an earlier one of its source and key that is claimed.
    async fn a_delivery_waits_for_an_earlier_one_of_its_key(store) {
        put(&*store, &[("1", "k")]).await;
        let first = claim(&*store, at(0)).await;
        put(&*store, &[("2", "k"), ("3", "other")]).await;
        assert_eq!(ids(&claim(&*store, at(1)).await), ["3"]);
        assert!(finish(&*store, &[first[0].claim.clone()]).await);
        assert_eq!(ids(&claim(&*store, at(1)).await), ["2"]);
    }

    /// One claim can return several deliveries of a key, in order.
    async fn deliveries_of_one_key_are_claimed_in_order(store) {
        put(&*store, &[("1", "k"), ("2", "other"), ("3", "k")]).await;
        assert_eq!(ids(&store.claim(&ClaimRequest::new(2, MINUTE, at(0))).await.unwrap()), ["1", "2"]);
        assert!(claim(&*store, at(0)).await.is_empty(), "3 waits for 1");
        assert_eq!(ids(&claim(&*store, at(60)).await), ["1", "2", "3"]);
    }

    /// Order keys are separate per sender.
    async fn another_sender_of_the_same_key_does_not_wait(store) {
        put(&*store, &[("1", "k")]).await;
        claim(&*store, at(0)).await;
        store.put(&[NewDelivery { source: Cow::Borrowed("stripe"), ..delivery("2", "k") }]).await.unwrap();
        assert_eq!(ids(&claim(&*store, at(0)).await), ["2"]);
    }

    /// A failed delivery waits for its retry time and blocks its key.
    async fn a_failed_delivery_is_due_again_and_blocks_its_key(store) {
        put(&*store, &[("1", "k"), ("2", "k"), ("3", "other")]).await;
        let claims = claim(&*store, at(0)).await;
        for claimed in &claims {
            store.fail(&claimed.claim, "try later", Some(at(if &*claimed.delivery.id == "1" { 30 } else { 10 }))).await.unwrap();
        }
        assert_eq!(ids(&claim(&*store, at(10)).await), ["3"]);
        let again = claim(&*store, at(30)).await;
        assert_eq!(ids(&again), ["1", "2"]);
        assert_eq!(again[0].attempt, 2);
    }

    /// A delivery without a retry becomes a dead letter with its error, and its key continues.
    async fn a_delivery_without_a_retry_is_a_dead_letter(store) {
        put(&*store, &[("1", "k"), ("2", "k")]).await;
        let claims = claim(&*store, at(0)).await;
        store.fail(&claims[1].claim, "later", Some(at(1))).await.unwrap();
        store.fail(&claims[0].claim, "cannot be read", None).await.unwrap();
        assert_eq!(ids(&claim(&*store, at(1)).await), ["2"]);
        let dead = store.dead_letters(None, 0, 10).await.unwrap().remove(0);
        assert_eq!((&*dead.source, &*dead.id, &*dead.kind, dead.attempts), ("ghl", "1", "ContactUpdate", 1));
        assert_eq!((&*dead.error, dead.organization, dead.at), ("cannot be read", Some(org()), at(0)));
        assert_eq!((dead.seq, dead.body), (claims[0].claim.seq, delivery("1", "k").body));
    }

    /// The holder of a lost claim can neither fail nor finish it.
    async fn a_lost_claim_has_no_effect(store) {
        put(&*store, &[("1", "k")]).await;
        let lost = claim(&*store, at(0)).await.remove(0);
        let claimed = claim(&*store, at(60)).await.remove(0);
        store.fail(&lost.claim, "too late", None).await.unwrap();
        assert!(!finish(&*store, &[lost.claim]).await);
        assert_eq!(store.backlog().await.unwrap().dead, 0);
        assert!(finish(&*store, &[claimed.claim]).await);
    }

    /// A failure ends the claim, so it cannot be finished.
    async fn a_failed_claim_cannot_be_finished(store) {
        put(&*store, &[("1", "k")]).await;
        let claimed = claim(&*store, at(0)).await.remove(0);
        store.fail(&claimed.claim, "no", Some(at(1))).await.unwrap();
        assert!(!finish(&*store, &[claimed.claim]).await);
        assert_eq!(store.backlog().await.unwrap().pending, 1);
    }

    /// A released delivery is due at once, as if it had not been claimed. Lost and finished claims stay unchanged.
    async fn a_released_claim_does_not_count(store) {
        put(&*store, &[("1", "k"), ("2", "k"), ("3", "other")]).await;
        let lost = claim(&*store, at(0)).await;
        let claimed = claim(&*store, at(60)).await;
        assert!(finish(&*store, std::slice::from_ref(&claimed[2].claim)).await);
        let refs = |claims: &[Claim]| claims.iter().map(|claim| claim.claim.clone()).collect::<Vec<_>>();
        store.release_claims(&refs(&lost), at(60)).await.unwrap();
        assert!(claim(&*store, at(60)).await.is_empty(), "a lost claim releases nothing");
        store.release_claims(&refs(&claimed), at(61)).await.unwrap();
        assert!(claim(&*store, at(60)).await.is_empty());
        let again = claim(&*store, at(61)).await;
        assert_eq!((ids(&again), again[0].attempt), (vec!["1", "2"], 2));
        assert!(!finish(&*store, &[claimed[0].claim.clone()]).await, "the delivery is no longer claimed");
    }

    /// A finished delivery is never claimed again, and its id stays known.
    async fn a_finished_delivery_stays_known(store) {
        put(&*store, &[("1", "k")]).await;
        let claimed = claim(&*store, at(0)).await.remove(0);
        assert!(finish(&*store, std::slice::from_ref(&claimed.claim)).await);
        assert!(claim(&*store, at(1_000)).await.is_empty());
        assert_eq!(store.put(&[delivery("1", "k")]).await.unwrap(), [Receipt::Duplicate]);
        assert!(!finish(&*store, &[claimed.claim]).await, "twice");
    }

    /// Pending deliveries are neither finished nor dead letters.
    async fn the_backlog_is_counted(store) {
        put(&*store, &[("1", "a"), ("2", "b"), ("3", "c")]).await;
        store.put(&[NewDelivery { at: at(7), ..delivery("4", "d") }]).await.unwrap();
        let claims = claim(&*store, at(10)).await;
        assert!(finish(&*store, &[claims[0].claim.clone(), claims[1].claim.clone()]).await);
        store.fail(&claims[2].claim, "no", None).await.unwrap();
        assert_eq!(store.backlog().await.unwrap(), Backlog { pending: 1, oldest: Some(at(7)), dead: 1 });
    }

    /// Pages through the dead letters of one tenant or all, oldest first.
    async fn dead_letters_are_paged(store) {
        let foreign = NewDelivery { organization: Some("org_2".into()), ..delivery("2", "b") };
        store.put(&[delivery("1", "a"), foreign, delivery("3", "c")]).await.unwrap();
        for claimed in claim(&*store, at(0)).await {
            store.fail(&claimed.claim, "no", None).await.unwrap();
        }
        let mine = store.dead_letters(Some(&org()), 0, 10).await.unwrap();
        assert_eq!(mine.iter().map(|dead| &*dead.id).collect::<Vec<_>>(), ["1", "3"]);
        let page = store.dead_letters(None, mine[0].seq, 1).await.unwrap();
        assert_eq!(page.iter().map(|dead| &*dead.id).collect::<Vec<_>>(), ["2"]);
    }

    /// Only a dead letter can be redriven. Its attempts start again.
    async fn a_dead_letter_is_redriven(store) {
        put(&*store, &[("1", "k"), ("2", "other")]).await;
        let claims = claim(&*store, at(0)).await;
        store.fail(&claims[0].claim, "no", None).await.unwrap();
        let seq = claims[0].claim.seq;
        assert!(store.redrive(seq, at(5)).await.unwrap());
        assert!(!store.redrive(seq, at(5)).await.unwrap(), "the delivery is no longer a dead letter");
        assert!(!store.redrive(claims[1].claim.seq, at(5)).await.unwrap(), "the delivery is claimed");
        assert!(!store.redrive(i64::MAX, at(5)).await.unwrap(), "the delivery does not exist");
        assert!(claim(&*store, at(4)).await.is_empty());
        let again = claim(&*store, at(5)).await;
        assert_eq!((ids(&again), again[0].attempt), (vec!["1"], 1));
    }

    /// Each delivery goes to one of sixteen concurrent workers, in order per key.
    async fn many_workers_share_without_overlap(store) {
        let deliveries: Vec<_> = (0..200).map(|n| delivery(&format!("{n:03}"), &format!("k{}", n % 20))).collect();
        store.put(&deliveries).await.unwrap();
        let worked = Arc::new(Mutex::new(Vec::new()));
        let workers = (0..16).map(|_| {
            let (store, worked) = (Arc::clone(&store), Arc::clone(&worked));
            tokio::spawn(async move {
                while store.backlog().await.unwrap().pending > 0 {
                    for claimed in store.claim(&ClaimRequest::new(7, MINUTE, at(0))).await.unwrap() {
                        // Recorded before it is finished, so the next delivery of its key is recorded later.
                        worked.lock().unwrap().push((claimed.delivery.order_key, claimed.delivery.id));
                        assert!(finish(&*store, &[claimed.claim]).await);
                    }
                }
            })
        });
        for worker in workers.collect::<Vec<_>>() {
            worker.await.unwrap();
        }
        let mut of_key: HashMap<Arc<str>, Vec<Arc<str>>> = HashMap::new();
        for (key, id) in worked.lock().unwrap().drain(..) {
            of_key.entry(key).or_default().push(id);
        }
        assert_eq!(of_key.values().map(Vec::len).sum::<usize>(), 200);
        for (key, ids) in of_key {
            assert!(ids.is_sorted_by(|earlier, later| earlier < later), "{key}: {ids:?}");
        }
    }

    /// Deliveries can be claimed by the commit that stores them, with a normal lease. A store without this feature claims none.
    async fn deliveries_can_be_claimed_as_they_are_put(store) {
        let given = [delivery("a", "k1"), delivery("b", "k1"), delivery("c", "k2"), delivery("a", "k1")];
        let enqueued = store.put_and_claim(&given, MINUTE, at(0)).await.unwrap();
        let receipts: Vec<_> = enqueued.iter().map(|enqueued| enqueued.receipt).collect();
        assert_eq!(receipts, [Receipt::New, Receipt::New, Receipt::New, Receipt::Duplicate]);
        let mut claims: Vec<_> = enqueued.into_iter().filter_map(|enqueued| enqueued.claim).collect();
        if claims.is_empty() {
            claims = store.claim(&ClaimRequest::new(10, MINUTE, at(0))).await.unwrap().into_iter().map(|claim| claim.claim).collect();
        }
        assert_eq!(claims.len(), 3);
        assert!(claims.is_sorted_by_key(|claim| claim.seq));
        assert!(store.claim(&ClaimRequest::new(10, MINUTE, at(1))).await.unwrap().is_empty());
        let done = Batch { inbox_done: vec![claims.remove(2)], ..Batch::default() };
        assert!(store.commit(done).await.unwrap().committed);
        let again = store.claim(&ClaimRequest::new(10, MINUTE, at(61))).await.unwrap();
        assert_eq!(ids(&again), ["a", "b"], "the lease ended");
        assert!(again.iter().all(|claim| claim.attempt == 2));
        let late = Batch { inbox_done: claims, ..Batch::default() };
        assert!(!store.commit(late).await.unwrap().committed, "the lost claims have no effect");
    }

    /// A delivery behind an earlier one of its key is stored and not claimed.
    async fn a_blocked_delivery_is_not_claimed_as_it_is_put(store) {
        store.put(&[delivery("first", "k")]).await.unwrap();
        let enqueued = store.put_and_claim(&[delivery("second", "k"), delivery("other", "o")], MINUTE, at(0)).await.unwrap();
        assert!(enqueued.iter().all(|enqueued| enqueued.receipt == Receipt::New));
        assert_eq!(enqueued[0].claim, None);
        let rest = store.claim(&ClaimRequest::new(10, MINUTE, at(1))).await.unwrap();
        assert_eq!(ids(&rest)[..2], ["first", "second"]);
    }
}
