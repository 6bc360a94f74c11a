//! The committer: what shares a commit, what shares a fate, and when it says no.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use futures_util::future::join_all;
use sidecar_core::{
    Clock, SystemClock,
    queue::inbox::{Committer, PutError, Receipt},
};

use super::fake::{BAD, FakeInbox, Trouble, delivery};

const MIB: usize = 1024 * 1024;

fn inbox(trouble: Option<Trouble>) -> (Arc<FakeInbox>, Committer) {
    let inbox = Arc::new(FakeInbox::new(SystemClock::shared(), trouble));
    (inbox.clone(), Committer::new(inbox, Arc::default()))
}

/// Puts ten deliveries at once, the sixth of them the bad one.
async fn put_ten(committer: &Committer) -> Vec<Result<Receipt, PutError>> {
    let ids = (0..10).map(|n| if n == 5 { BAD.to_owned() } else { n.to_string() });
    join_all(ids.map(|id| async move { committer.put(delivery(&id, "a", Bytes::new())).await })).await
}

#[tokio::test(start_paused = true)]
async fn one_refused_delivery_does_not_take_the_others_with_it() {
    let (_, committer) = inbox(Some(Trouble::IsRefused));
    let answers = put_ten(&committer).await;
    let refused: Vec<_> = (0..10).filter(|n| answers[*n].is_err()).collect();
    assert_eq!(refused, [5]);
    assert!(matches!(answers[5], Err(PutError::Store(_))), "{:?}", answers[5]);
}

#[tokio::test(start_paused = true)]
async fn a_store_that_is_gone_is_not_asked_again_for_each_half() {
    let (inbox, committer) = inbox(Some(Trouble::StoreGone));
    let answers = put_ten(&committer).await;
    assert!(answers.iter().all(|answer| matches!(answer, Err(PutError::Store(error)) if error.is_retryable())));
    assert_eq!(inbox.lots.lock().unwrap().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn who_queues_behind_a_store_that_is_slow_to_fail_does_not_wait_as_long_again() {
    let (inbox, committer) = inbox(Some(Trouble::StoreGone));
    inbox.open.send_replace(false);
    let put = |id: String| {
        let committer = committer.clone();
        async move { committer.put(delivery(&id, "a", Bytes::new())).await }
    };
    let first = tokio::spawn(put(BAD.to_owned()));
    tokio::task::yield_now().await;
    let later = join_all((0..700).map(|n| put(n.to_string())));
    let opens = async {
        SystemClock::new().sleep(Duration::from_secs(4)).await;
        inbox.open.send_replace(true);
    };
    let (first, later, ()) = tokio::join!(first, later, opens);
    let is_store = |answer: &Result<Receipt, PutError>| matches!(answer, Err(PutError::Store(_)));
    assert!(is_store(&first.unwrap()) && later.iter().all(is_store));
    assert_eq!(inbox.lots.lock().unwrap().len(), 1, "the store was asked once");
    assert_eq!(committer.put(delivery("next", "a", Bytes::new())).await.unwrap(), Receipt::New);
}

#[tokio::test(start_paused = true)]
async fn a_delivery_that_comes_alone_waits_for_no_other() {
    let clock = SystemClock::shared();
    let (inbox, committer) = inbox(None);
    assert_eq!(committer.put(delivery("1", "a", Bytes::new())).await.unwrap(), Receipt::New);
    assert_eq!((clock.monotonic(), inbox.lots.lock().unwrap().len()), (Duration::ZERO, 1));
}

/// Puts deliveries while no commit ends, then lets them end: how many were kept and how many were told to come again.
async fn put_into_a_jam(count: usize, body: &Bytes) -> (Arc<FakeInbox>, usize, usize) {
    let (inbox, committer) = inbox(None);
    inbox.open.send_replace(false);
    let put = |n: usize| {
        let (committer, delivery) = (committer.clone(), delivery(&n.to_string(), "a", body.clone()));
        async move { committer.put(delivery).await }
    };
    let (answers, _) = tokio::join!(join_all((0..count).map(put)), async { inbox.open.send_replace(true) });
    let kept = answers.iter().filter(|answer| answer.is_ok()).count();
    let overloaded = answers.iter().filter(|answer| matches!(answer, Err(PutError::Overloaded))).count();
    (inbox, kept, overloaded)
}

#[tokio::test(start_paused = true)]
async fn too_many_waiting_deliveries_are_refused_and_the_accepted_are_kept() {
    let (inbox, kept, overloaded) = put_into_a_jam(5_000, &Bytes::new()).await;
    assert_eq!((kept, overloaded), (4_096, 5_000 - 4_096));
    let lots = inbox.lots.lock().unwrap().clone();
    assert!(lots.iter().all(|(count, _)| *count <= 512), "{lots:?}");
    assert_eq!(lots.iter().map(|(count, _)| count).sum::<usize>(), kept);
}

#[tokio::test(start_paused = true)]
async fn too_many_waiting_bytes_are_refused_and_a_commit_is_never_large() {
    let body = Bytes::from(vec![0; MIB - 1]);
    let (inbox, kept, overloaded) = put_into_a_jam(100, &body).await;
    assert_eq!((kept, overloaded), (64, 36), "64 MiB may wait");
    let lots = inbox.lots.lock().unwrap().clone();
    assert!(lots.iter().all(|(_, bytes)| *bytes <= 8 * MIB), "{lots:?}");
}

#[tokio::test(start_paused = true)]
async fn a_delivery_larger_than_a_usual_commit_goes_by_itself() {
    let (inbox, committer) = inbox(None);
    let (large, small) = (Bytes::from(vec![0; 9 * MIB]), Bytes::from_static(b"{}"));
    let both = [delivery("1", "a", large), delivery("2", "a", small)];
    let answers = join_all(both.map(|delivery| committer.put(delivery))).await;
    assert!(answers.iter().all(Result::is_ok), "{answers:?}");
    assert_eq!(*inbox.lots.lock().unwrap(), [(1, 9 * MIB), (1, 2)]);
}
