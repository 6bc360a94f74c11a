//! The committer: how it batches deliveries, isolates a delivery that cannot be stored, and rejects overload.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use futures_util::future::join_all;
use sidecar_core::{
    Clock, SystemClock,
    queue::inbox::{Committer, PutError, Receipt},
};

use super::fake::{BAD, FakeInbox, Fault, delivery};

const MIB: usize = 1024 * 1024;

fn inbox(fault: Option<Fault>) -> (Arc<FakeInbox>, Committer) {
    let inbox = Arc::new(FakeInbox::new(SystemClock::shared(), fault));
    (inbox.clone(), Committer::new(inbox, Arc::default()))
}

/// Puts ten deliveries concurrently. The sixth is [`BAD`].
async fn put_ten(committer: &Committer) -> Vec<Result<Receipt, PutError>> {
    let ids = (0..10).map(|n| if n == 5 { BAD.to_owned() } else { n.to_string() });
    join_all(ids.map(|id| async move { committer.put(delivery(&id, "a", Bytes::new())).await })).await
}

#[tokio::test(start_paused = true)]
async fn a_delivery_that_cannot_be_stored_fails_alone() {
    let (_, committer) = inbox(Some(Fault::Unstorable));
    let results = put_ten(&committer).await;
    let failed: Vec<_> = (0..10).filter(|n| results[*n].is_err()).collect();
    assert_eq!(failed, [5]);
    assert!(matches!(results[5], Err(PutError::Store(_))), "{:?}", results[5]);
}

#[tokio::test(start_paused = true)]
async fn a_batch_is_not_split_when_the_store_is_unavailable() {
    let (inbox, committer) = inbox(Some(Fault::StoreUnavailable));
    let results = put_ten(&committer).await;
    assert!(results.iter().all(|result| matches!(result, Err(PutError::Store(error)) if error.is_retryable())));
    assert_eq!(inbox.batches.lock().unwrap().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn queued_deliveries_fail_with_the_commit_they_waited_for() {
    let (inbox, committer) = inbox(Some(Fault::StoreUnavailable));
    inbox.available.send_replace(false);
    let put = |id: String| {
        let committer = committer.clone();
        async move { committer.put(delivery(&id, "a", Bytes::new())).await }
    };
    let first = tokio::spawn(put(BAD.to_owned()));
    tokio::task::yield_now().await;
    let later = join_all((0..700).map(|n| put(n.to_string())));
    let unblock = async {
        SystemClock::new().sleep(Duration::from_secs(4)).await;
        inbox.available.send_replace(true);
    };
    let (first, later, ()) = tokio::join!(first, later, unblock);
    let is_store_error = |result: &Result<Receipt, PutError>| matches!(result, Err(PutError::Store(_)));
    assert!(is_store_error(&first.unwrap()) && later.iter().all(is_store_error));
    assert_eq!(inbox.batches.lock().unwrap().len(), 1, "the store was called once");
    assert_eq!(committer.put(delivery("next", "a", Bytes::new())).await.unwrap(), Receipt::New);
}

#[tokio::test(start_paused = true)]
async fn a_single_delivery_is_committed_without_delay() {
    let clock = SystemClock::shared();
    let (inbox, committer) = inbox(None);
    assert_eq!(committer.put(delivery("1", "a", Bytes::new())).await.unwrap(), Receipt::New);
    assert_eq!((clock.monotonic(), inbox.batches.lock().unwrap().len()), (Duration::ZERO, 1));
}

/// Puts `count` deliveries while commits block, then unblocks them. Returns how many were stored and how many were rejected
/// as overload.
async fn put_while_blocked(count: usize, body: &Bytes) -> (Arc<FakeInbox>, usize, usize) {
    let (inbox, committer) = inbox(None);
    inbox.available.send_replace(false);
    let put = |n: usize| {
        let (committer, delivery) = (committer.clone(), delivery(&n.to_string(), "a", body.clone()));
        async move { committer.put(delivery).await }
    };
    let (results, _) = tokio::join!(join_all((0..count).map(put)), async { inbox.available.send_replace(true) });
    let stored = results.iter().filter(|result| result.is_ok()).count();
    let overloaded = results.iter().filter(|result| matches!(result, Err(PutError::Overloaded))).count();
    (inbox, stored, overloaded)
}

#[tokio::test(start_paused = true)]
async fn too_many_waiting_deliveries_are_rejected_and_the_others_stored() {
    let (inbox, stored, overloaded) = put_while_blocked(5_000, &Bytes::new()).await;
    assert_eq!((stored, overloaded), (4_096, 5_000 - 4_096));
    let batches = inbox.batches.lock().unwrap().clone();
    assert!(batches.iter().all(|(count, _)| *count <= 512), "{batches:?}");
    assert_eq!(batches.iter().map(|(count, _)| count).sum::<usize>(), stored);
}

#[tokio::test(start_paused = true)]
async fn too_many_waiting_bytes_are_rejected_and_commits_stay_small() {
    let body = Bytes::from(vec![0; MIB - 1]);
    let (inbox, stored, overloaded) = put_while_blocked(100, &body).await;
    assert_eq!((stored, overloaded), (64, 36), "64 MiB may wait");
    let batches = inbox.batches.lock().unwrap().clone();
    assert!(batches.iter().all(|(_, bytes)| *bytes <= 8 * MIB), "{batches:?}");
}

#[tokio::test(start_paused = true)]
async fn a_delivery_larger_than_a_commit_is_committed_alone() {
    let (inbox, committer) = inbox(None);
    let (large, small) = (Bytes::from(vec![0; 9 * MIB]), Bytes::from_static(b"{}"));
    let both = [delivery("1", "a", large), delivery("2", "a", small)];
    let results = join_all(both.map(|delivery| committer.put(delivery))).await;
    assert!(results.iter().all(Result::is_ok), "{results:?}");
    assert_eq!(*inbox.batches.lock().unwrap(), [(1, 9 * MIB), (1, 2)]);
}
